//! What must survive: inbox, memory, outbox and what the replicas share.
//!
//! A [`Store`] is a few narrow traits. Each method is one whole transaction, named for its purpose: when it returns,
//! its effect is durable; when it fails, nothing of it happened (or, after a [`StorageError::Deadline`], it is not
//! known, and every method may be asked again). Nothing of SQL leaves a backend's folder. Times and ids come in as
//! arguments; only leases and sending marks are judged by the store's own clock, for two hosts have two clocks.

mod alarms;
mod bell;
mod chats;
mod error;
mod inbox;
mod memory;
mod outbox;
mod people;
mod samples;
mod sessions;
mod shared;
mod spend;
pub mod sqlite;
mod talk;
mod upkeep;

pub use alarms::{ALARMS_LEASE, AlarmSends, AlarmStore, POLL_CONFLICT_AT};
pub use bell::Bell;
pub use chats::{BotStanding, ChatSetting, ChatStore, GroupSummary, KnownChat, Standing};
pub use error::StorageError;
pub use inbox::{
    Admission, Claim, ClaimRef, ClaimRequest, Claimed, ClaimedUpdate, DeadLetter, FinishedTurn, InboxDepth, InboxStore,
    ModelCall, NewUpdate, Once, SaidOnce, TurnEnd, Verdict,
};
pub use memory::{MemoryStore, Opening, WindowRequest};
pub use outbox::{Ended, EndedOutgoing, NewOutgoing, OutboxDepth, OutboxStore, Outgoing, SendLimits, Sends};
pub use people::{Deletion, ForgetStep, Forgotten, PeopleStore, PersonCall, PersonExport, PersonRecord};
pub use samples::{SERIES_MAX, Sample, SampleSpan, SampleStore, Series};
pub use sessions::{LOGIN_VALID, PASSES_MAX, SESSION_VALID, SecretDigest, Session, SessionStore};
pub use shared::{Heartbeat, KeptError, SharedStore, Slot, SlotsTaken, StoreHealth};
pub use spend::{
    ANSWER_BYTES_MAX, ANSWER_KEPT, ANSWERS_MAX, CHAT_ANSWERS_MAX, KeptAnswer, LimitLine, ModelFigures, NewKeptAnswer,
    QuestionKey, SpendStore, Spender,
};
pub use talk::{NewSilence, NewUnasked, QuietChat, QuietRequest, Reception, TalkNotes, TalkStore};
pub use upkeep::{Clearing, StoreSpace, UpkeepStore};

/// Everything that a backend offers. Components take the part that they use as `Arc<dyn …>`.
pub trait Store:
    InboxStore
    + MemoryStore
    + OutboxStore
    + ChatStore
    + PeopleStore
    + SpendStore
    + TalkStore
    + SharedStore
    + AlarmStore
    + SessionStore
    + SampleStore
    + UpkeepStore
{
}

impl<T> Store for T where
    T: InboxStore
        + MemoryStore
        + OutboxStore
        + ChatStore
        + PeopleStore
        + SpendStore
        + TalkStore
        + SharedStore
        + AlarmStore
        + SessionStore
        + SampleStore
        + UpkeepStore
{
}

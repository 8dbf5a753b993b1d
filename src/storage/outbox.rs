//! The outbox: everything that is to be said, until Telegram's answer is known or known to be unknowable.

use std::time::Duration;

use async_trait::async_trait;

use super::StorageError;
use crate::domain::{
    AddressedOutcome, Chat, ChatId, Message, OutgoingId, OutgoingKind, ReplyTarget, RequestId, RichText, Timestamp,
};

/// Telegram's limits (telegram_api.md section 9); 0 switches one off. They are kept in the store because both
/// replicas share them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendLimits {
    /// Messages in any second, over all chats.
    pub global_per_second: u32,
    /// Messages in any second in one chat; the parts of one answer may burst.
    pub chat_per_second: u32,
    /// Messages in any minute in one group.
    pub group_per_minute: u32,
}

/// A part of an answer whose send slot is taken: it is marked `sending`, and the call must be made now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// Names it.
    pub id: OutgoingId,
    /// Why it is said.
    pub kind: OutgoingKind,
    /// Where to; a migrated group's new id already.
    pub chat: Chat,
    /// To whom.
    pub target: ReplyTarget,
    /// What.
    pub text: RichText,
    /// Do not ring anybody's phone.
    pub silent: bool,
    /// How often it was tried, this time included.
    pub attempt: u32,
    /// Follows it through the logs.
    pub request_id: RequestId,
}

/// How a part ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Telegram took it; this is the message as it stands in the chat now.
    Sent(Box<Message>),
    /// It is not known whether Telegram took it. It is never sent again by itself.
    Unknown {
        /// Error words without content.
        problem: String,
    },
    /// Telegram refused it for good; the answer's later parts go with it.
    Refused {
        /// Telegram's words.
        problem: String,
        /// Nothing can be sent to this chat any more.
        chat_is_dead: bool,
    },
    /// Telegram did not take it: ready again, not before this.
    RetryAt {
        /// The earliest next try.
        at: Timestamp,
        /// Telegram asked this chat to wait until then (429).
        blocks_chat: bool,
        /// Drop the reply's target or the topic on the next try, for they are gone.
        without_reply: bool,
        /// Error words without content.
        problem: String,
    },
    /// The group became a supergroup: ready again at once, at the new id.
    Migrated {
        /// The new id.
        to: ChatId,
    },
}

/// An answer that came to its end (all parts, or as many as could be), for the counters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndedOutgoing {
    /// The last part.
    pub id: OutgoingId,
    /// Why it was said.
    pub kind: OutgoingKind,
    /// The state's word: sent, unknown, refused or expired.
    pub state: &'static str,
    /// What became of each addressed message that it answers.
    pub addressed: Vec<AddressedOutcome>,
}

/// What may be sent now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sends {
    /// Marked `sending`, in order; the calls must be made now.
    pub due: Vec<Outgoing>,
    /// Ended without a call: expired, or found in `sending` after their sender died.
    pub ended: Vec<EndedOutgoing>,
    /// When something may become ready, if anything waits.
    pub next_at: Option<Timestamp>,
}

/// How full the outbox is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct OutboxDepth {
    /// Rows by state: queued, ready, sending.
    pub by_state: Vec<(String, u64)>,
    /// When the oldest row that waits for its send was made.
    pub oldest: Option<Timestamp>,
}

/// The outbox.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Takes up to `max` send slots: marks the oldest rows that are ready as `sending`, as far as the limits allow, one
    /// at a time in each chat. A row that only the limits delayed is not overtaken in its chat; one whose call failed
    /// may be. A row that stays `sending` for longer than `call_limit` becomes `unknown`.
    async fn begin_sends(
        &self,
        owner: &str,
        max: usize,
        limits: SendLimits,
        call_limit: Duration,
    ) -> Result<Sends, StorageError>;

    /// Records how a call ended: the one that was this row's `attempt`. Returns the answer if this ended it.
    ///
    /// # Errors
    ///
    /// [`StorageError::Fenced`] if the row is no longer this owner's, or this attempt's end is recorded already.
    async fn end_send(
        &self,
        owner: &str,
        id: OutgoingId,
        attempt: u32,
        ended: Ended,
        now: Timestamp,
    ) -> Result<Option<EndedOutgoing>, StorageError>;

    /// Adds something to say outside a turn, such as an alarm.
    async fn say(&self, outgoing: super::NewOutgoing, now: Timestamp) -> Result<(), StorageError>;

    /// All rows by state, the finished ones too: reads the whole outbox.
    async fn outbox_counts(&self) -> Result<Vec<(String, u64)>, StorageError>;

    /// The rows that are not finished.
    async fn outbox_depth(&self) -> Result<OutboxDepth, StorageError>;
}

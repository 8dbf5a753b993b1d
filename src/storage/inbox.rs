//! The inbox: every accepted update, once, until its turn has ended.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{LimitLine, NewKeptAnswer, NewOutgoing, StorageError, TalkNotes};
use crate::domain::{Chat, ChatId, Cost, Lane, Message, RequestId, Timestamp, TokenUsage, UpdateKey, UserId};

/// An update as the edge hands it over: raw, apart from its key and its lane.
#[derive(Clone, Debug)]
pub struct NewUpdate {
    /// What makes it unique.
    pub key: UpdateKey,
    /// Where it queues.
    pub lane: Lane,
    /// Its kind, from a small closed set.
    pub kind: &'static str,
    /// The body as it came.
    pub body: Bytes,
    /// When it came.
    pub received_at: Timestamp,
    /// Follows it through the logs.
    pub request_id: RequestId,
    /// Why it can never be handled; it goes to the dead letters at once.
    pub unusable: Option<&'static str>,
}

/// Whether an update was new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It is in the inbox now.
    New,
    /// It was there before.
    Duplicate,
}

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Who claims: unique to a process's life, never a bare PID.
    pub owner: String,
    /// How long a claim lasts without renewal; its end is judged by the store's clock.
    pub lease: Duration,
    /// At most so many lanes of conversation.
    pub talk_max: usize,
    /// At most so many express lanes.
    pub express_max: usize,
    /// At most so many rows a lane of conversation; an express lane gives one at a time.
    pub rows_max: usize,
    /// At most so many lanes whose next row is a suspect ([`Claim::is_suspect`]).
    pub suspects_max: usize,
}

/// Names a claim. The token fences: once the lane was claimed again, every write with an older token is refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClaimRef {
    /// The lane's row.
    pub lane_id: i64,
    /// The fencing token.
    pub token: i64,
}

/// A lane and the rows of it that the claim's owner may work on.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Names the claim.
    pub claim: ClaimRef,
    /// The lane.
    pub lane: Lane,
    /// Its rows, in order of arrival; never empty. More than one only if all are tried for the first time.
    pub updates: Vec<ClaimedUpdate>,
    /// Its row was in hand at two claims or more that were lost, as when a process dies. It may be what they die of, so
    /// it is to run beside no other suspect: then it dies alone.
    pub is_suspect: bool,
}

/// What a worker gets.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// The lanes that are its own now.
    pub claims: Vec<Claim>,
    /// When the next lane falls due, if one waits.
    pub next_due: Option<Timestamp>,
}

/// A row of the inbox under claim.
#[derive(Clone, Debug)]
pub struct ClaimedUpdate {
    /// What makes it unique.
    pub key: UpdateKey,
    /// Its kind.
    pub kind: String,
    /// The body as it came.
    pub body: Bytes,
    /// Which try this is, from 1; counted when it is claimed, so a crash counts too.
    pub attempt: u32,
    /// When it was received.
    pub received_at: Timestamp,
    /// Follows it through the logs.
    pub request_id: RequestId,
}

/// One call of a model, for the ledger.
#[derive(Clone, Debug)]
pub struct ModelCall {
    /// When it was made.
    pub at: Timestamp,
    /// For which chat.
    pub chat: ChatId,
    /// Who is charged; nobody for what nobody asked.
    pub user: Option<UserId>,
    /// For what: `answer`, or a word of its own for everything else.
    pub purpose: &'static str,
    /// Which model.
    pub model: String,
    /// How it ended, from the client's closed set.
    pub outcome: &'static str,
    /// How long it took.
    pub took: Duration,
    /// The tokens.
    pub usage: TokenUsage,
    /// What they cost.
    pub cost: Cost,
    /// Nobody asked for it.
    pub is_unasked: bool,
}

/// Something that is said once, whichever turn of whichever process comes first. That it was said is noted in the
/// transaction that puts it into the outbox: neither a crash nor another replica can lose or double it.
#[derive(Clone, Debug)]
pub struct SaidOnce {
    /// What is said only once.
    pub once: Once,
    /// In which chat, or about which.
    pub chat: Chat,
    /// The words, to whomever.
    pub says: Vec<NewOutgoing>,
}

/// What is said only once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Once {
    /// An admin is asked whether the chat may be served: only if nobody was, and nothing is decided.
    AskAccess,
    /// The bot tells the chat who it is: once for each time that it comes in.
    Introduce,
    /// Who opted out and speaks to the bot is told why it does not answer: once a day.
    TellOptedOut(UserId),
}

/// Everything that a turn leaves behind, committed together.
#[derive(Clone, Debug, Default)]
pub struct FinishedTurn {
    /// Messages to remember, in order; an edited one replaces the text that was remembered.
    pub remembered: Vec<Message>,
    /// The answer or notice.
    pub says: Option<NewOutgoing>,
    /// What else is to be done, after the answer: reactions, notices to somebody else. The lane does not wait for it.
    pub also: Vec<NewOutgoing>,
    /// What is said only by the first turn that wants to say it.
    pub once: Vec<SaidOnce>,
    /// A failure line: said only if the chat heard none in the last ten minutes.
    pub failure_line: Option<NewOutgoing>,
    /// Calls for the ledger.
    pub calls: Vec<ModelCall>,
    /// Lines to people whose budget is spent: each is said only if its person heard none today.
    pub limit_lines: Vec<LimitLine>,
    /// An answer that may be given again.
    pub keeps: Option<NewKeptAnswer>,
    /// What is noted of the talk in the chat, and what is said there unasked.
    pub talk: Option<TalkNotes>,
    /// A group that became a supergroup: old and new id.
    pub migrated: Option<(ChatId, ChatId)>,
    /// Rows of the claim that are not done: each is tried again or dead.
    pub verdicts: Vec<(UpdateKey, Verdict)>,
    /// Something was said in it that must not be kept: its traces go from the store's files within seconds.
    pub leaves_no_trace: bool,
}

/// What happens to a row that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Try it again, alone, not before this; at most an hour ahead.
    RetryAt(Timestamp),
    /// To the dead letters.
    Dead {
        /// Why: error words without content.
        problem: String,
    },
}

/// What the end of a turn did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct TurnEnd {
    /// Whether the failure line is said.
    pub failure_line_said: bool,
    /// How many of the limit lines are said.
    pub limit_lines_said: u32,
    /// This turn had been committed before, unheard: now nothing was written, and what it left is not told again.
    pub was_recorded: bool,
    /// How much of the unasked is said: the rest was dropped.
    pub unasked_said: u32,
}

/// An update that could not be handled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// Its key.
    pub key: UpdateKey,
    /// Its kind.
    pub kind: String,
    /// Its chat.
    pub chat: ChatId,
    /// Why it is dead.
    pub problem: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it came.
    pub received_at: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
    /// Size of the body that is kept, in bytes; zero after 30 days.
    pub body_bytes: u64,
}

/// How full the inbox is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct InboxDepth {
    /// Updates that wait for their turn or are in one.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest waiting update came.
    pub oldest: Option<Timestamp>,
}

/// The inbox.
#[async_trait]
pub trait InboxStore: Send + Sync {
    /// Takes an update in, unless its key is known. Only after this returns may Telegram hear 200.
    async fn admit(&self, update: NewUpdate) -> Result<Admission, StorageError>;

    /// Claims due lanes, oldest first: up to `rows_max` rows a lane, but a row that was tried before comes alone, and of
    /// suspects no more than `suspects_max` lanes; the others' turn comes a little later.
    /// While admissions press, it may give only a few lanes of conversation: acknowledging goes first.
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, StorageError>;

    /// Prolongs claims; returns those that are lost.
    async fn renew(&self, claims: Vec<ClaimRef>, lease: Duration) -> Result<Vec<ClaimRef>, StorageError>;

    /// Ends a claim with all that its turn leaves. Asked again after an end that was not heard of
    /// ([`StorageError::Deadline`]), it changes nothing ([`TurnEnd::was_recorded`]); only if the lane's next turn has
    /// ended meanwhile, it cannot tell any more and says [`StorageError::Fenced`]. Rows without a verdict are done and their bodies emptied.
    async fn finish(&self, claim: ClaimRef, turn: FinishedTurn, now: Timestamp) -> Result<TurnEnd, StorageError>;

    /// Gives up every claim of an owner, as if its rows had not been tried; returns how many lanes.
    async fn release(&self, owner: &str) -> Result<u64, StorageError>;

    /// When the next lane becomes claimable, if one waits.
    async fn next_due(&self) -> Result<Option<Timestamp>, StorageError>;

    /// How full the inbox is.
    async fn inbox_depth(&self) -> Result<InboxDepth, StorageError>;

    /// Dead letters, newest first.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StorageError>;

    /// A dead letter with its body.
    async fn dead_letter(&self, key: UpdateKey) -> Result<Option<(DeadLetter, Bytes)>, StorageError>;

    /// Puts a dead letter back in the queue with fresh attempts; false if there is none with a body.
    async fn retry_dead(&self, key: UpdateKey, now: Timestamp) -> Result<bool, StorageError>;

    /// Forgets a dead letter's body and closes it; false if there is none.
    async fn drop_dead(&self, key: UpdateKey, now: Timestamp) -> Result<bool, StorageError>;
}

//! The outbox: everything that is to be said, until Telegram's answer is known or known to be unknowable.

use std::time::Duration;

use async_trait::async_trait;

use super::StorageError;
use crate::domain::{
    AddressedOutcome, Buttons, Chat, ChatId, Message, MessageId, OutgoingAction, OutgoingId, OutgoingKind, ReplyTarget,
    RequestId, RichText, Timestamp, Why,
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

/// Something to say or to do, as it is put into the outbox.
#[derive(Clone, Debug)]
pub struct NewOutgoing {
    /// Why it is said.
    pub kind: OutgoingKind,
    /// What is done: a message, a reaction, an edit.
    pub action: OutgoingAction,
    /// Where.
    pub chat: Chat,
    /// To whom and in which topic; of no meaning for a reaction or an edit.
    pub target: ReplyTarget,
    /// The text in parts of at most 4096 UTF-16 units; never empty. A reaction (whose text is the emoji; empty takes it
    /// away) and an edit have exactly one.
    pub parts: Vec<RichText>,
    /// Buttons under the last part; an edit without buttons takes them away.
    pub buttons: Buttons,
    /// Do not ring anybody's phone.
    pub silent: bool,
    /// Show no preview of its links.
    pub no_preview: bool,
    /// When each addressed message that this answers was acknowledged.
    pub addressed: Vec<Timestamp>,
    /// Why it is said or done, for `/why`: kept with the bot's own message, or with the one it reacted to, once that is
    /// done.
    pub why: Option<Why>,
    /// Dropped if it was not sent by then.
    pub expires_at: Timestamp,
    /// Follows it through the logs.
    pub request_id: RequestId,
}

impl NewOutgoing {
    /// A message to a chat: to nobody in it, audible, without buttons; links are previewed in answers only. The rest is
    /// set by `..`.
    pub fn new(
        kind: OutgoingKind,
        chat: Chat,
        parts: Vec<RichText>,
        expires_at: Timestamp,
        request_id: RequestId,
    ) -> Self {
        Self {
            kind,
            action: OutgoingAction::Say,
            chat,
            target: ReplyTarget { topic: None, message_id: None },
            parts,
            buttons: Buttons::new(),
            silent: false,
            no_preview: kind != OutgoingKind::Answer,
            addressed: Vec::new(),
            why: None,
            expires_at,
            request_id,
        }
    }

    /// A reaction to a message; `emoji` from the list that Telegram allows bots, or empty to take it away.
    pub fn reaction(chat: Chat, to: MessageId, emoji: &str, expires_at: Timestamp, request_id: RequestId) -> Self {
        let parts = vec![RichText::plain(emoji)];
        let action = OutgoingAction::React { to };
        Self { action, ..Self::new(OutgoingKind::Unasked, chat, parts, expires_at, request_id) }
    }

    /// Another text and other buttons for a message that the bot sent.
    pub fn edit(
        chat: Chat,
        message: MessageId,
        text: RichText,
        buttons: Buttons,
        expires_at: Timestamp,
        request_id: RequestId,
    ) -> Self {
        let action = OutgoingAction::Edit { message };
        Self { action, buttons, ..Self::new(OutgoingKind::Notice, chat, vec![text], expires_at, request_id) }
    }
}

/// A part of an answer whose send slot is taken: it is marked `sending`, and the call must be made now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// Names it.
    pub id: OutgoingId,
    /// Why it is said.
    pub kind: OutgoingKind,
    /// What is done.
    pub action: OutgoingAction,
    /// Where to; a migrated group's new id already.
    pub chat: Chat,
    /// To whom.
    pub target: ReplyTarget,
    /// What.
    pub text: RichText,
    /// Buttons under it.
    pub buttons: Buttons,
    /// Do not ring anybody's phone.
    pub silent: bool,
    /// Show no preview of its links.
    pub no_preview: bool,
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
    /// Telegram did what is no message: it set the reaction, or changed the message. An edit's text is remembered in
    /// place of the message's old one.
    Done,
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
    /// Calls that lost their sender: they are `unknown` now.
    pub given_up: u64,
    /// Ended with those, or without a call: expired, or refused beforehand.
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
    /// may be. A row that stays `sending` for longer than `call_limit` becomes `unknown`; a reaction, an edit or an
    /// alarm is ready again, for doing it twice does no harm.
    async fn begin_sends(
        &self,
        owner: &str,
        max: usize,
        limits: SendLimits,
        call_limit: Duration,
    ) -> Result<Sends, StorageError>;

    /// Records how a call ended: the one that was this row's `attempt`. Returns the answer if this ended it. Asked again
    /// after a recording that was not heard of, it changes nothing and returns the same.
    ///
    /// # Errors
    ///
    /// [`StorageError::Fenced`] if the row is no longer this owner's, or another end of this attempt is recorded.
    async fn end_send(
        &self,
        owner: &str,
        id: OutgoingId,
        attempt: u32,
        ended: Ended,
        now: Timestamp,
    ) -> Result<Option<EndedOutgoing>, StorageError>;

    /// Records that a message has arrived, whose call of this `attempt` was given up as `unknown` meanwhile: the row is
    /// `sent`, and the message remembered. What its answer became for the counters stays as it was told. False, with no
    /// change, if there is no such call; asked again, it says the same.
    async fn end_send_late(
        &self,
        owner: &str,
        id: OutgoingId,
        attempt: u32,
        message: Message,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Adds something to say outside a turn, such as an alarm.
    async fn say(&self, outgoing: super::NewOutgoing, now: Timestamp) -> Result<(), StorageError>;

    /// All rows by state, the finished ones too: reads the whole outbox.
    async fn outbox_counts(&self) -> Result<Vec<(String, u64)>, StorageError>;

    /// The rows that are not finished.
    async fn outbox_depth(&self) -> Result<OutboxDepth, StorageError>;

    /// Calls of the Bot API that send something and were begun since then, by all replicas.
    async fn calls_since(&self, since: Timestamp) -> Result<u64, StorageError>;
}

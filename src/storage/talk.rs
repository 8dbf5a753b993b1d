//! The talk budget's books: who talks how much in a chat, what the bot said unasked, how people took it, who asked for
//! silence.

use std::time::Duration;

use async_trait::async_trait;

use super::{ModelCall, NewOutgoing, StorageError};
use crate::domain::{Chat, ChatId, MessageId, TalkAllowance, TalkLog, Timestamp, UnaskedKind, UserId};

/// Something to say or to do that nobody asked for. It is said only if the budget still allows it in the transaction that
/// takes it, and nobody has asked for silence and nothing grave has come up meanwhile.
#[derive(Clone, Debug)]
pub struct NewUnasked {
    /// What it is.
    pub kind: UnaskedKind,
    /// How much may be said; counted again when it is taken.
    pub allowance: TalkAllowance,
    /// The words or the emoji; nothing if the model declined.
    pub says: Option<NewOutgoing>,
}

/// Silence that somebody asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewSilence {
    /// Who.
    pub by: UserId,
    /// Until then nothing is said unasked; a time that has passed ends a silence.
    pub until: Timestamp,
    /// It is one of the few that a member has in a day.
    pub is_counted: bool,
}

/// A sign of how people took a message of the bot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reception {
    /// Which message.
    pub message: MessageId,
    /// Above zero well, below badly.
    pub sign: i64,
}

/// What a turn notes of the talk in its chat.
#[derive(Clone, Debug)]
pub struct TalkNotes {
    /// The chat.
    pub chat: ChatId,
    /// Messages of people.
    pub people: u32,
    /// Of these, to the bot.
    pub addressed: u32,
    /// When the last of them was written.
    pub heard_at: Option<Timestamp>,
    /// When the bot was last addressed.
    pub spoken_to_at: Option<Timestamp>,
    /// Until then the veto holds; it is never shortened.
    pub grave_until: Option<Timestamp>,
    /// Silence that somebody asked for; also ends it.
    pub silence: Option<NewSilence>,
    /// How its messages were taken.
    pub receptions: Vec<Reception>,
    /// What is said or done unasked.
    pub unasked: Vec<NewUnasked>,
}

impl TalkNotes {
    /// Nothing of note.
    pub const fn of(chat: ChatId) -> Self {
        Self {
            chat,
            people: 0,
            addressed: 0,
            heard_at: None,
            spoken_to_at: None,
            grave_until: None,
            silence: None,
            receptions: Vec::new(),
            unasked: Vec::new(),
        }
    }
}

/// A chat that has gone quiet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuietChat {
    /// The chat.
    pub chat: Chat,
    /// When a person last wrote.
    pub heard_at: Timestamp,
}

/// Which chats have gone quiet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuietRequest {
    /// A person wrote last at least so long ago,
    pub quiet_for: Duration,
    /// but not longer ago than this,
    pub quiet_at_most: Duration,
    /// and somebody addressed the bot within this time.
    pub spoken_to_within: Duration,
    /// At most so many.
    pub limit: u32,
}

/// The talk budget's books.
#[async_trait]
pub trait TalkStore: Send + Sync {
    /// What the talk budget of a chat is counted from.
    async fn talk_log(&self, chat: ChatId, now: Timestamp) -> Result<TalkLog, StorageError>;

    /// Says or does something unasked outside a turn, if the budget still allows it; false if it was dropped. The calls of
    /// models are kept either way.
    async fn say_unasked(
        &self,
        chat: ChatId,
        unasked: NewUnasked,
        calls: Vec<ModelCall>,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Nothing is said unasked in this chat until then, and what was about to be is dropped.
    async fn silence(&self, chat: ChatId, silence: NewSilence, now: Timestamp) -> Result<(), StorageError>;

    /// Groups that were alive and have gone quiet, in which the bot may speak as far as the store knows, the quietest last.
    async fn quiet_chats(&self, request: QuietRequest, now: Timestamp) -> Result<Vec<QuietChat>, StorageError>;
}

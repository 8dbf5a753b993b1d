//! What is kept of people beside their messages, and what they may have shown, forgotten and left out.

use async_trait::async_trait;

use super::StorageError;
use crate::domain::{ChatId, Message, MessageId, Timestamp, UpdateKey, UserId};

/// What is kept of a person beside their messages.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PersonRecord {
    /// When the admin banned them.
    pub banned_at: Option<Timestamp>,
    /// Since when their text is neither stored nor sent to the model.
    pub opted_out_at: Option<Timestamp>,
    /// When what they had written was last forgotten.
    pub forgotten_at: Option<Timestamp>,
}

/// How far somebody who wants to be forgotten has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForgetStep {
    /// They said it for the first time, or too long ago: they are to be asked whether they mean it.
    Asked,
    /// They said it a second time.
    Confirmed,
}

/// What was deleted of a person.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Forgotten {
    /// Messages of theirs, forwarded ones included.
    pub messages: u64,
    /// What the bot had said to them, and others' quotes of them.
    pub traces: u64,
    /// Raw updates, waiting or dead, that held words of theirs.
    pub updates: u64,
    /// Cached answers.
    pub answers: u64,
}

/// Everything that is kept of a person.
#[derive(Clone, PartialEq, Debug)]
pub struct PersonExport {
    /// Beside the messages.
    pub record: PersonRecord,
    /// Their messages in all chats, the newest first.
    pub messages: Vec<Message>,
    /// There are older messages beyond the limit that was asked for.
    pub is_partial: bool,
    /// When and where they asked for silence.
    pub silences: Vec<(ChatId, Timestamp)>,
    /// Calls of a model for them: when, where, for what, which model, how many tokens, what they cost in billionths of a
    /// US dollar (none if the price is not known).
    pub calls: Vec<PersonCall>,
}

/// A call of a model for a person.
#[derive(Clone, PartialEq, Debug)]
pub struct PersonCall {
    /// When.
    pub at: Timestamp,
    /// In which chat.
    pub chat: Option<ChatId>,
    /// For what.
    pub purpose: String,
    /// Which model.
    pub model: String,
    /// Tokens, all together.
    pub tokens: u64,
    /// Its price in billionths of a US dollar, if that is known.
    pub cost_nano_usd: Option<i64>,
}

/// Something that was deleted at somebody's wish, so that a restored backup can be made to forget it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deletion {
    /// When.
    pub at: Timestamp,
    /// Whose rows, if a person's.
    pub person: Option<UserId>,
    /// Which chat's, if a chat's or a message's.
    pub chat: Option<ChatId>,
    /// Which message, if one.
    pub message: Option<MessageId>,
}

/// The people.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// What is kept of somebody beside their messages.
    async fn person(&self, person: UserId) -> Result<PersonRecord, StorageError>;

    /// From now on their text is not stored; false if it was so already.
    async fn opt_out(&self, person: UserId, now: Timestamp) -> Result<bool, StorageError>;

    /// Ends that; false if it was not so.
    async fn opt_in(&self, person: UserId) -> Result<bool, StorageError>;

    /// The bot is deaf to them from now on; false if it was so already.
    async fn ban(&self, person: UserId, now: Timestamp) -> Result<bool, StorageError>;

    /// Ends that; false if it was not so.
    async fn unban(&self, person: UserId) -> Result<bool, StorageError>;

    /// They ask, in the update `by`, to be forgotten: confirmed if they did so in another update, at most ten minutes ago.
    /// The same update that comes again changes nothing.
    async fn ask_to_forget(&self, person: UserId, by: UpdateKey, now: Timestamp) -> Result<ForgetStep, StorageError>;

    /// Deletes their messages in all chats, quotes and forwards of them, what the bot answered them, their words in raw
    /// updates (but not the update `by`, which asks for this and is emptied when its turn ends), cached answers and
    /// earlier days' spending; calls of models lose the person. A ban and an opt-out stay, being what they are for.
    /// What is on its way into the store still is not remembered.
    async fn forget_person(
        &self,
        person: UserId,
        by: Option<UpdateKey>,
        now: Timestamp,
    ) -> Result<Forgotten, StorageError>;

    /// Deletes a message, its album, quotes of it and what the bot answered to it; an edit does not bring it back. False
    /// if it was not remembered.
    async fn forget_message(&self, chat: ChatId, id: MessageId, now: Timestamp) -> Result<bool, StorageError>;

    /// Everything that is kept of somebody, at most `messages_max` messages.
    async fn export_person(&self, person: UserId, messages_max: u32) -> Result<PersonExport, StorageError>;

    /// Which of these messages of a chat are forgotten: by their id, or with all that their author wrote. Telegram shows
    /// them along with replies still.
    async fn forgotten(
        &self,
        chat: ChatId,
        messages: Vec<(MessageId, Option<UserId>)>,
    ) -> Result<Vec<MessageId>, StorageError>;

    /// How often they have asked a chat for silence since then.
    async fn silences(&self, chat: ChatId, person: UserId, since: Timestamp) -> Result<u32, StorageError>;

    /// What was deleted since then, the oldest first.
    async fn deletions(&self, since: Timestamp) -> Result<Vec<Deletion>, StorageError>;

    /// Empties the write-ahead log if something was deleted whose traces may still stand there; false if it could not be
    /// done now, for somebody reads. To be asked again then.
    async fn wipe_traces(&self) -> Result<bool, StorageError>;
}

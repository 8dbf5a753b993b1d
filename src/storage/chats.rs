//! Chats and people as they stand: whom the bot serves, what a chat has set, who opted out.

use async_trait::async_trait;

use super::StorageError;
use crate::domain::{Chat, ChatAccess, ChatId, ChatState, Language, QuietHours, TalkLevel, Timestamp, UserId};

/// What a turn must know of its chat and its people before anything is decided.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Standing {
    /// The chat; the default for one that was never heard of.
    pub chat: ChatState,
    /// Of the people asked for: whose text is neither stored nor sent to the model.
    pub opted_out: Vec<UserId>,
    /// Of the people asked for: whom the bot ignores.
    pub banned: Vec<UserId>,
}

/// A change of what a chat has set; nothing is the configuration's default.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in `ChatSettings`")]
pub enum ChatSetting {
    TalkLevel(Option<TalkLevel>),
    QuietHours(Option<QuietHours>),
    Persona(Option<String>),
    Language(Option<Language>),
    Reactions(Option<bool>),
}

/// How the bot itself stands in a chat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BotStanding {
    /// A member.
    Member,
    /// An admin: Telegram shows it reactions.
    Admin,
    /// It was removed, or, in a private chat, blocked.
    Gone,
}

/// A chat that the store knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownChat {
    /// The chat.
    pub chat: Chat,
    /// Whether it is served.
    pub access: ChatAccess,
    /// Since when that is so; none if it was never decided.
    pub access_at: Option<Timestamp>,
    /// When the bot was removed.
    pub left_at: Option<Timestamp>,
}

/// A group as the dashboard lists it: counts, and no words but its title.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupSummary {
    /// The group.
    pub chat: Chat,
    /// When a person last wrote there.
    pub heard_at: Option<Timestamp>,
    /// Messages of people in the time that was asked for.
    pub people: u32,
    /// Messages of the bot in it.
    pub own: u32,
    /// When an admin last opened what is said there.
    pub opened_at: Option<Timestamp>,
}

/// Chats and people.
#[async_trait]
pub trait ChatStore: Send + Sync {
    /// How a chat and these people stand.
    async fn standing(&self, chat: ChatId, people: Vec<UserId>) -> Result<Standing, StorageError>;

    /// Serves a chat, or does not; returns how it was before.
    async fn set_access(&self, chat: Chat, access: ChatAccess, now: Timestamp) -> Result<ChatAccess, StorageError>;

    /// Notes how the bot stands in a chat since `at`. When it comes back it has to introduce itself again.
    async fn set_bot_standing(&self, chat: Chat, standing: BotStanding, at: Timestamp) -> Result<(), StorageError>;

    /// Changes a setting of a chat.
    async fn set_setting(&self, chat: Chat, setting: ChatSetting) -> Result<(), StorageError>;

    /// A chat, if it is known.
    async fn known_chat(&self, chat: ChatId) -> Result<Option<KnownChat>, StorageError>;

    /// At most `limit` chats whose access is one of these, the latest decision first.
    async fn chats(&self, access: Vec<ChatAccess>, limit: u32) -> Result<Vec<KnownChat>, StorageError>;

    /// At most `limit` groups in which the bot is, the one that was heard last first, with what was counted since then.
    async fn groups(&self, since: Timestamp, limit: u32) -> Result<Vec<GroupSummary>, StorageError>;

    /// Notes that an admin opens what is said in a group, for it tells so; false if it is no group that is known: then it is
    /// not to be shown.
    async fn open_group(&self, chat: ChatId, now: Timestamp) -> Result<bool, StorageError>;

    /// At most `limit` chats from which the bot was removed, or in which it has been refused, before then.
    async fn chats_left(&self, before: Timestamp, limit: u32) -> Result<Vec<ChatId>, StorageError>;

    /// Deletes a chat and everything that was said and spent there, except that it stays banned or refused; its calls of
    /// models lose the chat. A large chat goes piece by piece: true once nothing is left.
    async fn delete_chat(&self, chat: ChatId, now: Timestamp) -> Result<bool, StorageError>;

    /// Deletes messages sent before then, a bounded number of each chat; returns how many. To be asked again until it is
    /// none.
    async fn forget_old(&self, before: Timestamp) -> Result<u64, StorageError>;
}

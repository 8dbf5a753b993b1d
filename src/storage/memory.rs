//! What is remembered of a chat. Every question names one chat: nothing of another chat can come back.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Standing, StorageError};
use crate::domain::{ChatId, Message, MessageId, TopicId, UserId, Why};

/// Which messages to gather.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WindowRequest {
    /// This chat only.
    pub chat: ChatId,
    /// This topic only; none is General or a chat without topics.
    pub topic: Option<TopicId>,
    /// At most so many messages.
    pub limit: u32,
    /// The window's start moves by so many messages at a time, so that prompts keep their prefix (design.md
    /// section 4). One moves it with every message.
    pub block: u32,
}

/// What a turn in a conversation begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opening {
    /// How the chat and the people of the turn stand.
    pub standing: Standing,
    /// As of [`MemoryStore::window`].
    pub window: Vec<Arc<Message>>,
}

/// The memory.
#[async_trait]
pub trait MemoryStore: Send + Sync {
    /// The newest messages of a chat's topic, oldest first. A backend may have kept them, but never shows what has changed.
    async fn window(&self, request: WindowRequest) -> Result<Vec<Arc<Message>>, StorageError>;

    /// How the window's chat and these people stand, and the window: in one read.
    async fn opening(&self, people: Vec<UserId>, window: WindowRequest) -> Result<Opening, StorageError>;

    /// The newest messages of a chat, of all its topics, oldest first: for an admin's eyes, not for a prompt.
    async fn latest(&self, chat: ChatId, limit: u32) -> Result<Vec<Message>, StorageError>;

    /// One message of a chat, however old.
    async fn message(&self, chat: ChatId, id: MessageId) -> Result<Option<Message>, StorageError>;

    /// Why the bot said this message or reacted to it; none for what nothing is known of.
    async fn why(&self, chat: ChatId, id: MessageId) -> Result<Option<Why>, StorageError>;

    /// The pictures of an album that stand around one of them, oldest first.
    async fn album_around(&self, chat: ChatId, album: &str, id: MessageId) -> Result<Vec<Message>, StorageError>;

    /// Moves further messages of a group that became a supergroup to its new id, at most so many; the newest thousand
    /// followed with the migration itself. Returns how many were moved; zero if there are none left.
    async fn follow_migrations(&self, rows_max: usize) -> Result<u64, StorageError>;

    /// Whether a picture of this album is remembered.
    async fn album_is_known(&self, chat: ChatId, album: &str) -> Result<bool, StorageError>;
}

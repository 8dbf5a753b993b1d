//! Chats and people as they stand: whom the bot serves, what a chat has set, who opted out.

use async_trait::async_trait;

use super::StorageError;
use crate::domain::{ChatId, ChatState, UserId};

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

/// Chats and people.
#[async_trait]
pub trait ChatStore: Send + Sync {
    /// How a chat and these people stand.
    async fn standing(&self, chat: ChatId, people: Vec<UserId>) -> Result<Standing, StorageError>;
}

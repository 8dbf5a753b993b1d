//! What is forgotten by itself: old messages, chats that the bot is no longer in, traces of what people had deleted.

use std::time::Duration;

use super::Maintenance;
use crate::storage::StorageError;

/// What was said in a chat is kept so long after the bot was removed from it.
const LEFT_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// Chats deleted in one go.
const CHATS_AT_ONCE: u32 = 20;
/// Pieces of one job in one go: heartbeats must not wait for long.
const PIECES_MAX: usize = 50;

impl Maintenance {
    /// Every hour.
    pub(super) async fn forget(&self) -> Result<(), StorageError> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let mut messages = 0;
        for _ in 0..PIECES_MAX {
            let piece = store.forget_old(now - self.parts.retention).await?;
            messages += piece;
            if piece == 0 {
                break;
            }
        }
        if messages > 0 {
            tracing::info!(messages, "old messages were forgotten");
        }
        for chat in store.chats_left(now - LEFT_KEPT, CHATS_AT_ONCE).await? {
            for _ in 0..PIECES_MAX {
                if store.delete_chat(chat, now).await? {
                    tracing::info!(chat.id = chat.0, "a chat that the bot had left was deleted");
                    break;
                }
            }
        }
        Ok(())
    }

    /// Every few seconds: there is nothing to do unless somebody has just had something deleted.
    pub(super) async fn wipe_traces(&self) -> Result<(), StorageError> {
        self.parts.store.wipe_traces().await.map(drop)
    }
}

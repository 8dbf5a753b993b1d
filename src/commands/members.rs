//! Who is an admin of a chat, as Telegram tells it.

use std::time::Duration;

use moka::future::Cache;

use crate::{
    domain::{Author, AuthorKind, Chat, ChatId, ChatKind, UserId},
    errors::ErrorHandler,
    telegram::Telegram,
};

/// What people wait for is not waited for longer: commands take effect within a second, or say that they cannot.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Somebody who is made an admin, or is no more one, is known as such after this long.
const KNOWN_FOR: Duration = Duration::from_secs(30);
const KNOWN_MAX: u64 = 2_000;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Members {
    telegram: Telegram,
    errors: ErrorHandler,
    admins: Cache<(ChatId, UserId), bool>,
}

impl Members {
    pub(super) fn new(telegram: Telegram, errors: ErrorHandler) -> Self {
        let admins = Cache::builder().max_capacity(KNOWN_MAX).time_to_live(KNOWN_FOR).build();
        Self { telegram, errors, admins }
    }

    /// Whether somebody is an admin of the chat; none if that cannot be found out now. In a private chat the person is
    /// its only master. An anonymous admin writes as the group itself.
    pub(super) async fn is_admin(&self, chat: &Chat, who: &Author) -> Option<bool> {
        if chat.kind == ChatKind::Private {
            return Some(who.id.0 == chat.id.0);
        }
        match who.kind {
            AuthorKind::AnonymousAdmin => return Some(who.id.0 == chat.id.0),
            AuthorKind::Person => {}
            _ => return Some(false),
        }
        let key = (chat.id, who.id);
        if let Some(known) = self.admins.get(&key).await {
            return Some(known);
        }
        match tokio::time::timeout(PATIENCE, self.telegram.get_chat_member(chat.id, who.id)).await {
            Ok(Ok(standing)) => {
                self.admins.insert(key, standing.is_admin()).await;
                Some(standing.is_admin())
            }
            Ok(Err(error)) => {
                self.errors.handle("commands", &error);
                None
            }
            Err(_) => None,
        }
    }
}

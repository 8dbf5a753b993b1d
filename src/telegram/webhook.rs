//! Registration of the webhook: what is asked of Telegram, from one list, and only when anything differs.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::{Telegram, TelegramError, WebhookInfo, WebhookSettings};

/// The kinds of update that the bot asks for, by webhook or by polling. Reactions come only where it is an admin.
pub const ALLOWED_UPDATES: &[&str] =
    &["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"];

/// Connections that Telegram may open at once (its own default). It sends one update a connection and waits for the
/// answer, so with an acknowledgement within 5 ms they carry 8 000 updates a second.
pub const MAX_CONNECTIONS: u32 = 40;

/// What [`ensure_webhook`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Registration {
    /// Nothing: all was as wanted.
    AlreadyRight,
    /// Registered anew.
    Registered {
        /// What was different.
        why: &'static str,
    },
}

/// Registers the webhook at `url` unless Telegram already has it so. The secret cannot be read back: the caller
/// compares a stored fingerprint of it and says whether it has changed.
///
/// # Errors
///
/// [`TelegramError`]; the webhook is then as it was, or (ambiguous) as wanted.
pub async fn ensure_webhook(
    telegram: &Telegram,
    url: &str,
    secret: &SecretString,
    fingerprint_changed: bool,
) -> Result<Registration, TelegramError> {
    let info = telegram.get_webhook_info().await?;
    let Some(why) = difference(&info, url, fingerprint_changed) else { return Ok(Registration::AlreadyRight) };
    let settings = WebhookSettings { url, secret, allowed_updates: ALLOWED_UPDATES, max_connections: MAX_CONNECTIONS };
    telegram.set_webhook(&settings).await?;
    Ok(Registration::Registered { why })
}

/// How the webhook that Telegram has differs from the one that is wanted at `url`.
pub fn difference(info: &WebhookInfo, url: &str, fingerprint_changed: bool) -> Option<&'static str> {
    let wanted: BTreeSet<&str> = ALLOWED_UPDATES.iter().copied().collect();
    let asked: Option<BTreeSet<&str>> =
        info.allowed_updates.as_ref().map(|kinds| kinds.iter().map(String::as_str).collect());
    if info.url.is_empty() {
        Some("there was none")
    } else if info.url != url {
        Some("another address")
    } else if asked.is_none_or(|asked| asked != wanted) {
        Some("other kinds of update")
    } else if info.max_connections != Some(MAX_CONNECTIONS) {
        Some("another number of connections")
    } else {
        fingerprint_changed.then_some("another secret")
    }
}

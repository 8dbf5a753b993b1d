//! Why a call of the Bot API failed, told apart by what can be done about it (telegram_api.md section 9).
//!
//! Telegram's descriptions are kept, short and stripped of whatever could be ours: quoted words, addresses, tokens,
//! anything that is not ASCII.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

use super::json::Object;
use crate::{
    domain::ChatId,
    errors::{Class, Classify},
    transport::TransportError,
};

/// How long to wait where Telegram says 429 and not how long: its own values begin at a few seconds.
const RETRY_AFTER_UNTOLD: Duration = Duration::from_secs(5);
/// Longest description that is kept, in bytes; Telegram's are below 100.
const DESCRIPTION_MAX: usize = 160;

/// Why a call of the Bot API failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelegramError {
    /// Telegram has not seen the request; it may be sent again.
    #[error("{method} did not reach telegram: {detail}")]
    NotSent {
        /// The method.
        method: &'static str,
        /// What the network said.
        detail: String,
    },
    /// Telegram may have done it: no answer, or one that says neither yes nor no. A message must not be sent again.
    #[error("{method} has an unknown outcome (http status {status:?}): {detail}")]
    Ambiguous {
        /// The method.
        method: &'static str,
        /// The status, if an answer came.
        status: Option<u16>,
        /// What is wrong with it.
        detail: String,
    },
    /// Too many requests, in all or for this chat.
    #[error("telegram refused {method} for {} s: too many requests", retry_after.as_secs())]
    RateLimited {
        /// The method.
        method: &'static str,
        /// How long to wait.
        retry_after: Duration,
    },
    /// The group has another id now: send there, and remember it.
    #[error("the group moved to chat {to}")]
    Migrated {
        /// The new id.
        to: ChatId,
    },
    /// The chat takes nothing from the bot: blocked, kicked, deleted, or no right to write.
    #[error("the chat takes no message from the bot: {description}")]
    ChatGone {
        /// Telegram's reason.
        description: String,
    },
    /// The message to reply to is gone.
    #[error("the message to reply to is gone")]
    ReplyGone,
    /// The topic is gone; the message may be sent without it.
    #[error("the topic is gone")]
    ThreadGone,
    /// The topic is closed for the bot.
    #[error("the topic is closed")]
    TopicClosed,
    /// The formatting is wrong: our fault; the plain text may be sent.
    #[error("telegram refused the entities of a message: {description}")]
    BadEntities {
        /// Telegram's reason.
        description: String,
    },
    /// The text is longer than Telegram takes: our fault.
    #[error("the text is longer than telegram takes")]
    TooLong,
    /// The text is empty: our fault.
    #[error("the text is empty")]
    EmptyText,
    /// Nothing to change: the message is as asked for, or gone. To be ignored.
    #[error("the message needs or allows no change")]
    NotModified,
    /// The reaction is not allowed: not one of Telegram's, or not in this chat, or its message is gone. To be ignored.
    #[error("the reaction is not allowed: {description}")]
    ReactionRefused {
        /// Telegram's reason.
        description: String,
    },
    /// The button press is too old to be answered. To be ignored.
    #[error("the button press is too old to be answered")]
    QueryTooOld,
    /// The file cannot be had: unknown, expired, or above 20 MB.
    #[error("the file cannot be had: {description}")]
    BadFile {
        /// The reason.
        description: String,
    },
    /// The file is larger than the caller takes.
    #[error("the file is larger than {limit_bytes} bytes")]
    FileTooLarge {
        /// The caller's limit.
        limit_bytes: usize,
    },
    /// The token is wrong or revoked: nothing works until TELEGRAM_BOT_TOKEN is set right.
    #[error("telegram does not know this bot (http status {code}): check TELEGRAM_BOT_TOKEN and TELEGRAM_API_URL")]
    Unauthorized {
        /// 401, or 404 for a token of the wrong form.
        code: u16,
    },
    /// Two want the same updates: getUpdates beside a webhook, or beside another getUpdates.
    #[error("somebody else takes this bot's updates (a webhook, or another process): {description}")]
    Conflict {
        /// Telegram's reason.
        description: String,
    },
    /// Any other refusal.
    #[error("telegram refused {method} with {code}: {description}")]
    OtherRefusal {
        /// The method.
        method: &'static str,
        /// Telegram's code, or the HTTP status.
        code: u16,
        /// Telegram's reason.
        description: String,
    },
    /// Telegram says that it failed, so nothing was done; it may be sent again.
    #[error("telegram failed {method} with {code}: {description}")]
    ServerError {
        /// The method.
        method: &'static str,
        /// Telegram's code.
        code: u16,
        /// Telegram's reason.
        description: String,
    },
}

impl TelegramError {
    /// The label's value in `gryag_telegram_request_duration_seconds{outcome}`.
    pub const fn short(&self) -> &'static str {
        match self {
            Self::NotSent { .. } => "not_sent",
            Self::Ambiguous { .. } => "ambiguous",
            Self::RateLimited { .. } => "rate_limited",
            Self::Migrated { .. } => "migrated",
            Self::ChatGone { .. } => "chat_gone",
            Self::ReplyGone => "reply_gone",
            Self::ThreadGone => "thread_gone",
            Self::TopicClosed => "topic_closed",
            Self::BadEntities { .. } => "bad_entities",
            Self::TooLong => "too_long",
            Self::EmptyText => "empty_text",
            Self::NotModified => "not_modified",
            Self::ReactionRefused { .. } => "reaction_refused",
            Self::QueryTooOld => "query_too_old",
            Self::BadFile { .. } => "bad_file",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Conflict { .. } => "conflict",
            Self::OtherRefusal { .. } => "refused",
            Self::ServerError { .. } => "server_error",
        }
    }

    /// Whether it is certain that Telegram did not do what was asked.
    pub const fn outcome_is_known(&self) -> bool {
        !matches!(self, Self::Ambiguous { .. })
    }
}

impl Classify for TelegramError {
    fn class(&self) -> Class {
        match self {
            Self::RateLimited { retry_after, .. } => Class::Transient { retry_after: Some(*retry_after) },
            Self::NotSent { .. }
            | Self::Ambiguous { .. }
            | Self::Migrated { .. }
            | Self::Conflict { .. }
            | Self::ServerError { .. } => Class::Transient { retry_after: None },
            Self::BadEntities { .. } | Self::TooLong | Self::EmptyText => Class::Bug,
            Self::ChatGone { .. }
            | Self::ReplyGone
            | Self::ThreadGone
            | Self::TopicClosed
            | Self::NotModified
            | Self::ReactionRefused { .. }
            | Self::QueryTooOld
            | Self::BadFile { .. }
            | Self::FileTooLarge { .. }
            | Self::Unauthorized { .. }
            | Self::OtherRefusal { .. } => Class::Permanent,
        }
    }
}

/// Without any answer.
pub(super) fn from_transport(method: &'static str, error: &TransportError) -> TelegramError {
    let detail = redact(&error.to_string());
    match error {
        TransportError::NotSent { .. } => TelegramError::NotSent { method, detail },
        // A download does nothing at Telegram, so nothing is in doubt.
        TransportError::TooLarge { limit_bytes } if method == super::files::DOWNLOAD => {
            TelegramError::FileTooLarge { limit_bytes: *limit_bytes }
        }
        TransportError::Ambiguous { .. } | TransportError::TooLarge { .. } => {
            TelegramError::Ambiguous { method, status: None, detail }
        }
    }
}

/// From an answer that is no success. A proxy before Telegram answers HTML: then only the status speaks.
pub(super) fn from_answer(
    method: &'static str,
    status: StatusCode,
    headers: &HeaderMap,
    answer: Option<&Object<'_>>,
) -> TelegramError {
    match answer.filter(|answer| answer.raw("ok").is_some_and(|ok| ok.get() == "false")) {
        Some(answer) => from_telegram(method, status, headers, answer),
        None => from_status(method, status, headers),
    }
}

fn from_telegram(method: &'static str, status: StatusCode, headers: &HeaderMap, answer: &Object<'_>) -> TelegramError {
    let code = answer.value::<u16>("error_code").unwrap_or(status.as_u16());
    let description = redact(&answer.text("description").unwrap_or_default());
    let parameters = answer.object("parameters").unwrap_or_default();
    if let Some(to) = parameters.integer("migrate_to_chat_id") {
        return TelegramError::Migrated { to: ChatId(to) };
    }
    let told = parameters.integer("retry_after").map(seconds);
    match code {
        429 => TelegramError::RateLimited { method, retry_after: told.unwrap_or_else(|| retry_after(headers)) },
        401 | 404 => TelegramError::Unauthorized { code },
        403 => TelegramError::ChatGone { description },
        409 => TelegramError::Conflict { description },
        400 => from_description(method, description),
        500.. => TelegramError::ServerError { method, code, description },
        _ => TelegramError::OtherRefusal { method, code, description },
    }
}

/// A 400 is told apart by its words only; they may change, so what is not known here is [`TelegramError::OtherRefusal`].
fn from_description(method: &'static str, description: String) -> TelegramError {
    let words = description.to_ascii_lowercase();
    let any = |patterns: &[&str]| patterns.iter().any(|pattern| words.contains(pattern));
    if any(&["can't parse entit", "can't parse messageentity", "entity_", "entities_too_long"]) {
        TelegramError::BadEntities { description }
    } else if any(&["message to be replied not found", "replied message not found", "reply_message_id_invalid"]) {
        TelegramError::ReplyGone
    } else if any(&["message is too long", "text is too long", "message_too_long"]) {
        TelegramError::TooLong
    } else if any(&["message text is empty", "text must be non-empty"]) {
        TelegramError::EmptyText
    } else if any(&["topic_closed"]) {
        TelegramError::TopicClosed
    } else if any(&["message thread not found", "topic_deleted", "topic_id_invalid"]) {
        TelegramError::ThreadGone
    } else if any(&["message is not modified", "message to edit not found", "message to delete not found"])
        || any(&["message can't be deleted", "message can't be edited"])
    {
        TelegramError::NotModified
    } else if any(&["reaction_", "reactions_", "message to react not found"]) {
        TelegramError::ReactionRefused { description }
    } else if any(&["query is too old", "query id is invalid"]) {
        TelegramError::QueryTooOld
    } else if any(&["wrong file", "file is too big", "invalid file"]) {
        TelegramError::BadFile { description }
    } else if any(&["chat not found", "not enough rights", "have no rights to send", "chat_write_forbidden"])
        || any(&["chat_send_plain_forbidden", "chat_restricted", "peer_id_invalid", "user_is_blocked"])
    {
        TelegramError::ChatGone { description }
    } else {
        TelegramError::OtherRefusal { method, code: 400, description }
    }
}

fn from_status(method: &'static str, status: StatusCode, headers: &HeaderMap) -> TelegramError {
    let code = status.as_u16();
    if code == 429 {
        TelegramError::RateLimited { method, retry_after: retry_after(headers) }
    } else if status.is_success() || status.is_server_error() {
        let detail = "the answer is not telegram's json".to_owned();
        TelegramError::Ambiguous { method, status: Some(code), detail }
    } else {
        let description = "the answer is not telegram's json: is TELEGRAM_API_URL right?".to_owned();
        TelegramError::OtherRefusal { method, code, description }
    }
}

/// The header's seconds, if there is one.
fn retry_after(headers: &HeaderMap) -> Duration {
    let header = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|value| value.parse().ok());
    header.map_or(RETRY_AFTER_UNTOLD, seconds)
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// `words` without what could be a secret or somebody's text: quoted stretches, addresses, tokens, other scripts.
pub(super) fn redact(words: &str) -> String {
    let unquoted: String = words.split('"').step_by(2).collect::<Vec<_>>().join("…");
    let mut kept = String::new();
    for word in unquoted.split_whitespace() {
        // A whole token is 46 characters; no word of Telegram's own is half as long.
        let is_ours = word.len() > 40 || word.contains("://") || word.contains("/bot") || looks_like_token(word);
        let word = if is_ours || !word.chars().all(|c| c.is_ascii() || c == '…') { "…" } else { word };
        if kept.len() + word.len() >= DESCRIPTION_MAX {
            break;
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(word);
    }
    kept
}

/// A bot token is digits, a colon and 35 characters; half of that is suspicious enough.
fn looks_like_token(word: &str) -> bool {
    word.split_once(':').is_some_and(|(id, secret)| {
        id.chars().rev().take(5).filter(char::is_ascii_digit).count() == 5 && secret.len() >= 15
    })
}

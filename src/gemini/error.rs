//! Why the model gave no answer.

use std::time::Duration;

use super::slots::SlotsUnavailable;
use crate::{
    domain::TokenUsage,
    errors::{Class, Classify},
    layers::breaker::BreakerOpen,
    transport::TransportError,
};

/// Why the model gave no answer. Words in here are our own or names of upstream's enums; never its messages, which may
/// quote the prompt.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "model, status and retry_after mean the same everywhere: see the variants")]
pub enum GeminiError {
    /// 429: too many requests or tokens in this minute, or a limit of unknown kind. `retry_after` is upstream's.
    #[error("{model} is over its quota for this minute{}", asked(.retry_after))]
    QuotaPerMinute { model: String, retry_after: Option<Duration> },
    /// 429: the day's requests are spent; the quota is new at midnight Pacific time, in `retry_after`.
    #[error("{model} is over its quota for today; it is renewed at midnight Pacific time, in {} min", .retry_after.as_secs() / 60)]
    QuotaPerDay {
        model: String,
        retry_after: Duration,
        /// How many requests a day it grants, where upstream tells.
        limit: Option<u32>,
    },
    /// 429 with a limit of zero: the key's tier does not have this model.
    #[error("{model} is not available in this key's tier; choose another GEMINI_MODEL or enable billing")]
    NotInTier { model: String },
    /// 503.
    #[error("{model} is overloaded{}", asked(.retry_after))]
    Overloaded { model: String, retry_after: Option<Duration> },
    /// 500, 502, 504, 408, 499 and their like: a fault on their side.
    #[error("gemini failed inside with HTTP status {status}")]
    Internal { status: u16 },
    /// 400 and its like: upstream does not take what we sent. Both words are from closed lists of ours.
    #[error("gemini refused the request with HTTP status {status} {word}: {reason}")]
    BadRequest { status: u16, word: &'static str, reason: &'static str },
    /// The key is not one.
    #[error("gemini does not know this key (HTTP status {status}); check GEMINI_API_KEY")]
    BadKey { status: u16 },
    /// The key is good, but may not do this.
    #[error("gemini does not permit the call with HTTP status {status}: {reason}")]
    Permission { status: u16, reason: &'static str },
    /// 404: retired or misspelt.
    #[error("there is no model {model} (retired or misspelt); choose another GEMINI_MODEL")]
    Gone { model: String },
    /// The prompt was refused, by name of the reason.
    #[error("gemini blocked the prompt: {reason}")]
    Blocked {
        reason: String,
        /// Refused prompts are paid too.
        usage: TokenUsage,
    },
    /// The answer has no text that may be shown; the reason by name.
    #[error("gemini gave no visible text: {reason}")]
    Empty { reason: String, usage: TokenUsage },
    /// The token limit was reached before the first visible word: thinking took it all.
    #[error("gemini spent all output tokens on thinking; raise GEMINI_MAX_OUTPUT_TOKENS")]
    SpentOnThinking { usage: TokenUsage },
    /// A good status with a body that is no answer.
    #[error("gemini answered with something that is not its JSON ({body_bytes} bytes)")]
    Garbage { body_bytes: usize },
    /// No answer in time.
    #[error("gemini gave no answer within {after:?}")]
    Timeout { after: Duration },
    /// No HTTP response.
    #[error("gemini could not be reached")]
    Transport(#[from] TransportError),
    /// Not called, because most recent calls failed.
    #[error("gemini was not called")]
    BreakerOpen(#[from] BreakerOpen),
    /// Not called: every slot of the rate limit or of the concurrency limit is taken until the deadline.
    #[error("no request slot for gemini became free in time (GEMINI_RATE_LIMIT_RPM, concurrency)")]
    NoSlot { retry_after: Option<Duration> },
    /// Not called: the rate limit could not be asked.
    #[error("gemini was not called")]
    SlotsUnavailable(#[source] SlotsUnavailable),
    /// Not called: what we assembled is no prompt.
    #[error("the prompt is unusable: {reason}")]
    Prompt { reason: &'static str },
}

fn asked(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |after| format!("; it asks to wait {after:?}"))
}

impl GeminiError {
    /// The outcome's label in metrics and in the ledger: a closed set.
    pub fn short(&self) -> &'static str {
        match self {
            Self::QuotaPerMinute { .. } => "quota_minute",
            Self::QuotaPerDay { .. } => "quota_day",
            Self::NotInTier { .. } => "not_in_tier",
            Self::Overloaded { .. } => "overloaded",
            Self::Internal { .. } => "internal",
            Self::BadRequest { .. } => "bad_request",
            Self::BadKey { .. } => "bad_key",
            Self::Permission { .. } => "permission",
            Self::Gone { .. } => "gone",
            Self::Blocked { .. } => "blocked",
            Self::Empty { .. } => "empty",
            Self::SpentOnThinking { .. } => "spent_on_thinking",
            Self::Garbage { .. } => "garbage",
            Self::Timeout { .. } => "timeout",
            Self::Transport(_) => "transport",
            Self::BreakerOpen(_) => "breaker_open",
            Self::NoSlot { .. } | Self::SlotsUnavailable(_) => "no_slot",
            Self::Prompt { .. } => "unusable_prompt",
        }
    }

    /// What the failed call cost.
    pub fn usage(&self) -> TokenUsage {
        match self {
            Self::Blocked { usage, .. } | Self::Empty { usage, .. } | Self::SpentOnThinking { usage } => *usage,
            _ => TokenUsage::default(),
        }
    }
}

impl Classify for GeminiError {
    fn class(&self) -> Class {
        match self {
            Self::QuotaPerMinute { retry_after, .. }
            | Self::Overloaded { retry_after, .. }
            | Self::NoSlot { retry_after } => Class::Transient { retry_after: *retry_after },
            Self::QuotaPerDay { retry_after, .. } => Class::Transient { retry_after: Some(*retry_after) },
            Self::Internal { .. }
            | Self::Empty { .. }
            | Self::Garbage { .. }
            | Self::Timeout { .. }
            | Self::SlotsUnavailable(_) => Class::Transient { retry_after: None },
            Self::NotInTier { .. }
            | Self::BadRequest { .. }
            | Self::BadKey { .. }
            | Self::Permission { .. }
            | Self::Gone { .. }
            | Self::Blocked { .. }
            | Self::SpentOnThinking { .. } => Class::Permanent,
            Self::Transport(error) => error.class(),
            Self::BreakerOpen(open) => open.class(),
            Self::Prompt { .. } => Class::Bug,
        }
    }
}

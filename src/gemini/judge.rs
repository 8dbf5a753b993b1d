//! How each kind of failure is dealt with: tried again, held against the model, or asked of the other model. Three
//! tables over the same errors; gemini_api.md section 4 is their source.

use std::time::Duration;

use super::{error::GeminiError, stack::Reply};
use crate::{
    layers::{breaker::Verdict, retry::Again},
    transport::TransportError,
};

/// Whether the same model is asked the same again.
pub(super) fn again(result: &Result<Reply, GeminiError>) -> Again {
    let Err(error) = result else { return Again::No };
    let retry_after = match error {
        GeminiError::QuotaPerMinute { retry_after, .. } | GeminiError::Overloaded { retry_after, .. } => *retry_after,
        _ => None,
    };
    match error {
        GeminiError::QuotaPerMinute { .. } | GeminiError::Overloaded { .. } => attempts(u32::MAX, retry_after),
        // Whoever closed the call, it was not for us to open it again.
        GeminiError::Internal { status: 499 } => Again::No,
        // The prompt was too big for their deadline, and most likely still is.
        GeminiError::Internal { status: 504 } => attempts(2, None),
        GeminiError::Internal { .. } => attempts(u32::MAX, None),
        GeminiError::Transport(TransportError::TooLarge { .. }) => Again::No,
        // Asking twice is harmless: nothing but tokens is spent.
        GeminiError::Transport(_) => attempts(u32::MAX, None),
        GeminiError::Empty { .. } | GeminiError::Garbage { .. } | GeminiError::Timeout { .. } => attempts(2, None),
        GeminiError::QuotaPerDay { .. }
        | GeminiError::NotInTier { .. }
        | GeminiError::BadRequest { .. }
        | GeminiError::BadKey { .. }
        | GeminiError::Permission { .. }
        | GeminiError::Gone { .. }
        | GeminiError::Blocked { .. }
        | GeminiError::SpentOnThinking { .. }
        | GeminiError::BreakerOpen(_)
        | GeminiError::NoSlot { .. }
        | GeminiError::SlotsUnavailable(_)
        | GeminiError::Prompt { .. } => Again::No,
    }
}

fn attempts(attempts_max: u32, retry_after: Option<Duration>) -> Again {
    Again::Yes { retry_after, attempts_max }
}

/// Whether a result is held against the model. A call that our own turn's deadline cut short of `slow` is not.
pub(super) fn verdict(result: &Result<Reply, GeminiError>, slow: Duration) -> Verdict {
    let Err(error) = result else { return Verdict::Success };
    match error {
        GeminiError::Overloaded { retry_after, .. } => Verdict::Failure { retry_after: *retry_after },
        GeminiError::Timeout { after } if *after < slow => Verdict::Ignore,
        GeminiError::Internal { status: 499 } => Verdict::Ignore,
        GeminiError::Internal { .. }
        | GeminiError::Garbage { .. }
        | GeminiError::Timeout { .. }
        | GeminiError::Transport(TransportError::NotSent { .. } | TransportError::Ambiguous { .. }) => {
            Verdict::Failure { retry_after: None }
        }
        // It refuses or blocks, so it works.
        GeminiError::BadRequest { .. }
        | GeminiError::BadKey { .. }
        | GeminiError::Permission { .. }
        | GeminiError::Gone { .. }
        | GeminiError::Blocked { .. }
        | GeminiError::Empty { .. }
        | GeminiError::SpentOnThinking { .. }
        | GeminiError::Transport(TransportError::TooLarge { .. }) => Verdict::Success,
        // A quota says nothing about the model behind it; the others never were calls.
        GeminiError::QuotaPerMinute { .. }
        | GeminiError::QuotaPerDay { .. }
        | GeminiError::NotInTier { .. }
        | GeminiError::BreakerOpen(_)
        | GeminiError::NoSlot { .. }
        | GeminiError::SlotsUnavailable(_)
        | GeminiError::Prompt { .. } => Verdict::Ignore,
    }
}

/// Whether the fallback model is asked instead.
pub(super) fn another_model_may_help(error: &GeminiError) -> bool {
    match error {
        GeminiError::QuotaPerMinute { .. }
        | GeminiError::QuotaPerDay { .. }
        | GeminiError::NotInTier { .. }
        | GeminiError::Overloaded { .. }
        | GeminiError::Internal { .. }
        | GeminiError::Gone { .. }
        | GeminiError::Timeout { .. }
        // Another one may think less.
        | GeminiError::SpentOnThinking { .. }
        | GeminiError::BreakerOpen(_) => true,
        // The same key, the same prompt, the same network, the same limits of ours.
        GeminiError::BadRequest { .. }
        | GeminiError::BadKey { .. }
        | GeminiError::Permission { .. }
        | GeminiError::Blocked { .. }
        | GeminiError::Empty { .. }
        | GeminiError::Garbage { .. }
        | GeminiError::Transport(_)
        | GeminiError::NoSlot { .. }
        | GeminiError::SlotsUnavailable(_)
        | GeminiError::Prompt { .. } => false,
    }
}

/// Whether the same words without pictures and voices may be answered.
pub(super) const fn media_may_be_at_fault(error: &GeminiError) -> bool {
    matches!(error, GeminiError::BadRequest { .. } | GeminiError::Blocked { .. })
}

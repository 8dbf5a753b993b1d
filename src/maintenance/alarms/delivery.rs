//! What Telegram says of itself: how it delivers updates, and what time it is there.

use std::time::Duration;

use tokio::time::Instant;

use super::super::Maintenance;
use crate::{
    config::Intake,
    domain::Timestamp,
    telegram::{ClockOff, WebhookInfo},
};

/// From one look to the next. Two looks must agree before an alarm fires: registering anew takes a moment.
const ASK: Duration = Duration::from_secs(5 * 60);

/// How updates come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Delivery {
    /// Updates that wait at Telegram.
    pub(super) waiting: u64,
    /// When a delivery last failed.
    pub(super) failed_at: Option<Timestamp>,
    /// Why nothing arrives here, if that is so.
    pub(super) elsewhere: Option<Elsewhere>,
    /// By how many seconds our clock is ahead of Telegram's, if that is too much.
    pub(super) clock_ahead_s: Option<i64>,
}

/// Why nothing arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Elsewhere {
    /// The webhook is not ours.
    Address,
    /// There is one, and it stands in the way of polling.
    Webhook,
}

/// When Telegram is asked.
#[derive(Debug)]
pub(super) struct Asking {
    next_at: Instant,
}

impl Asking {
    /// Not at once: a replica that has just started is still registering.
    pub(super) fn new() -> Self {
        Self { next_at: Instant::now() + ASK }
    }
}

impl Maintenance {
    /// Asks Telegram every few minutes; nothing in between, and nothing if it does not answer.
    pub(super) async fn delivery(&self, asking: &mut Asking) -> Option<Delivery> {
        if Instant::now() < asking.next_at {
            return None;
        }
        asking.next_at = Instant::now() + ASK;
        match self.parts.telegram.get_webhook_info().await {
            Ok(info) => {
                let clock = self.parts.telegram.check_clock(self.parts.clock.now());
                Some(told(&info, self.parts.intake, self.parts.webhook_url.as_deref(), clock))
            }
            Err(error) => {
                self.parts.errors.handle("alarms", &error);
                None
            }
        }
    }
}

fn told(info: &WebhookInfo, intake: Intake, ours: Option<&str>, clock: Result<(), ClockOff>) -> Delivery {
    let elsewhere = match (intake, ours) {
        (Intake::Poll, _) => (!info.url.is_empty()).then_some(Elsewhere::Webhook),
        (Intake::Webhook, Some(ours)) => (info.url != ours).then_some(Elsewhere::Address),
        (Intake::Webhook, None) => info.url.is_empty().then_some(Elsewhere::Address),
    };
    Delivery {
        waiting: info.pending_update_count,
        failed_at: info.last_error_at,
        elsewhere,
        clock_ahead_s: clock.err().map(|off| off.seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_updates_go_is_judged_by_how_they_are_to_come() {
        let cases = [
            (Intake::Webhook, Some("https://a/x"), "https://a/x", None),
            (Intake::Webhook, Some("https://a/x"), "https://b/x", Some(Elsewhere::Address)),
            (Intake::Webhook, Some("https://a/x"), "", Some(Elsewhere::Address)),
            (Intake::Webhook, None, "https://b/x", None),
            (Intake::Webhook, None, "", Some(Elsewhere::Address)),
            (Intake::Poll, Some("https://a/x"), "", None),
            (Intake::Poll, None, "https://b/x", Some(Elsewhere::Webhook)),
        ];
        for (intake, ours, theirs, expected) in cases {
            let info = WebhookInfo { url: theirs.to_owned(), ..WebhookInfo::default() };
            assert_eq!(told(&info, intake, ours, Ok(())).elsewhere, expected, "{intake:?} {ours:?} {theirs:?}");
        }
    }
}

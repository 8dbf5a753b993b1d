//! Remembers for how long a model need not be asked at all.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::tz::TimeZone;

use super::error::GeminiError;
use crate::{clock::SharedClock, domain::Timestamp};

/// A model that does not exist, or not for this key, is asked again after this long. Short, because a proxy in front of
/// upstream answers 404 too while it is being restarted.
const MISSING_REST: Duration = Duration::from_secs(60);

/// One model's rest.
#[derive(Debug)]
pub(super) struct Rest {
    clock: SharedClock,
    // Held for a copy, never across an await.
    state: Mutex<Option<(Timestamp, GeminiError)>>,
    /// Requests a day, once upstream has told; 0 is not known. Kept for the days after.
    requests_a_day: AtomicU32,
}

impl Rest {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, state: Mutex::default(), requests_a_day: AtomicU32::new(0) }
    }

    /// The error that the model would give again.
    pub(super) fn refusal(&self) -> Option<GeminiError> {
        let now = self.clock.now();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, error) = state.as_ref().filter(|(until, _)| *until > now)?;
        let left = until.since(now);
        let mut error = error.clone();
        match &mut error {
            GeminiError::QuotaPerDay { retry_after, .. } => *retry_after = left,
            GeminiError::QuotaPerMinute { retry_after, .. } => *retry_after = Some(left),
            _ => {}
        }
        Some(error)
    }

    /// How many requests a day the model grants, if that is known.
    pub(super) fn requests_a_day(&self) -> Option<u32> {
        Some(self.requests_a_day.load(Ordering::Relaxed)).filter(|limit| *limit > 0)
    }

    /// Lets the model rest if the error says that asking again is in vain.
    pub(super) fn learn(&self, error: &GeminiError) {
        if let GeminiError::QuotaPerDay { limit: Some(limit), .. } = error {
            self.requests_a_day.store(*limit, Ordering::Relaxed);
        }
        let rest = match error {
            GeminiError::QuotaPerDay { retry_after, .. } => *retry_after,
            // Refused requests count too: asking on would prolong it.
            GeminiError::QuotaPerMinute { retry_after: Some(asked), .. } => *asked,
            GeminiError::NotInTier { .. } | GeminiError::Gone { .. } => MISSING_REST,
            _ => return,
        };
        let until = self.clock.now() + rest;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some((until, error.clone()));
    }
}

/// Time until the day's quotas are renewed: midnight in California.
pub(super) fn until_midnight_pacific(now: Timestamp) -> Duration {
    next_midnight_pacific(now).map_or(Duration::from_secs(24 * 3_600), |midnight| midnight.since(now))
}

/// When the day's quotas were last renewed.
pub(super) fn last_midnight_pacific(now: Timestamp) -> Timestamp {
    let midnight = in_california(now).and_then(|today| today.start_of_day().ok());
    midnight.map_or(now - Duration::from_secs(24 * 3_600), |midnight| Timestamp(midnight.timestamp().as_millisecond()))
}

fn next_midnight_pacific(now: Timestamp) -> Option<Timestamp> {
    let midnight = in_california(now)?.tomorrow().ok()?.start_of_day().ok()?;
    Some(Timestamp(midnight.timestamp().as_millisecond()))
}

fn in_california(now: Timestamp) -> Option<jiff::Zoned> {
    let zone = TimeZone::get("America/Los_Angeles").ok()?;
    Some(jiff::Timestamp::from_millisecond(now.0).ok()?.to_zoned(zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_ends_at_midnight_in_california_in_winter_and_summer_and_between() {
        for (now, midnight) in [
            ("2026-11-23T10:00:00Z", "2026-11-24T08:00:00Z"),
            ("2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
            ("2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"),
            ("2026-07-01T10:00:00Z", "2026-07-02T07:00:00Z"),
            ("2026-11-01T07:30:00Z", "2026-11-02T08:00:00Z"), // that day has 25 hours
        ] {
            let instant = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond());
            assert_eq!(until_midnight_pacific(instant(now)), instant(midnight).since(instant(now)), "{now}");
            assert_eq!(last_midnight_pacific(instant(midnight)), instant(midnight));
            assert!(last_midnight_pacific(instant(now)) <= instant(now));
        }
    }
}

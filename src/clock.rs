//! Injected time. Stored times come from [`Clock::now`]; sleeping uses tokio's timers, which the test clock follows,
//! so that one `advance` moves both.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{Zoned, tz::TimeZone};
use tokio::time::Instant;

use crate::domain::{Day, Timestamp};

/// Where stored times come from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment, UTC.
    fn now(&self) -> Timestamp;
}

/// Shared handle to a clock.
pub type SharedClock = Arc<dyn Clock>;

/// The system's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one home of the system clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that starts at a given moment and follows tokio's (pausable) time.
#[derive(Debug)]
pub struct TokioClock {
    start: Instant,
    start_at: Timestamp,
}

impl TokioClock {
    /// Starts at `start_at` now.
    pub fn starting_at(start_at: Timestamp) -> Self {
        Self { start: Instant::now(), start_at }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.start_at + self.start.elapsed()
    }
}

fn in_kyiv(at: Timestamp) -> Zoned {
    let zone = TimeZone::get("Europe/Kyiv").unwrap_or(TimeZone::UTC);
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(zone)
}

/// The day that Kyiv's calendar shows.
pub fn kyiv_day(at: Timestamp) -> Day {
    let today = in_kyiv(at).date();
    // From the epoch to the years that a timestamp can hold no count overflows.
    Day(today.since(jiff::civil::Date::constant(1970, 1, 1)).map_or(0, |span| i64::from(span.get_days())))
}

/// The hour that a clock in Kyiv shows, 0 to 23: quiet hours are kept by it.
pub fn kyiv_hour(at: Timestamp) -> u8 {
    in_kyiv(at).hour().unsigned_abs()
}

/// When that day began: midnight in Kyiv.
pub fn kyiv_midnight(at: Timestamp) -> Timestamp {
    in_kyiv(at).start_of_day().map_or(at, |midnight| Timestamp(midnight.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn the_day_changes_at_midnight_in_kyiv_in_winter_and_in_summer() {
        for (before, after) in [
            ("2026-11-23T21:59:59.999Z", "2026-11-23T22:00:00Z"),
            ("2026-07-01T20:59:59.999Z", "2026-07-01T21:00:00Z"),
            // The days on which the clock is changed have 25 and 23 hours.
            ("2026-10-25T21:59:59.999Z", "2026-10-25T22:00:00Z"),
            ("2027-03-28T20:59:59.999Z", "2027-03-28T21:00:00Z"),
        ] {
            assert_eq!(kyiv_day(at(before)).0 + 1, kyiv_day(at(after)).0, "{before}");
            assert_eq!(kyiv_midnight(at(after)), at(after));
            assert!(kyiv_midnight(at(before)) < at(before));
        }
        assert_eq!(kyiv_day(at("1970-01-01T12:00:00Z")), Day(0));
        assert_eq!(kyiv_day(at("2026-11-23T12:00:00Z")), Day(20_780));
    }
}

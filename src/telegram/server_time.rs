//! What time it is at Telegram, by the `Date` of its answers: a clock of ours that is off by minutes answers nobody, for all
//! messages seem too old or not yet written.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, header::DATE};
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::time::Instant;

use crate::{
    domain::Timestamp,
    errors::{Class, Classify},
};

/// A clock that differs by more is wrong: an answer may be under way for 15 s, and its `Date` has whole seconds.
const GAP_MAX: Duration = Duration::from_secs(60);

/// This machine's clock is off by more than a minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "this machine's clock is {} s {} telegram's: messages will seem too old or too new to be answered; set it right, \
     best by a time service (`timedatectl set-ntp true`)",
    seconds.abs(),
    if *seconds > 0 { "ahead of" } else { "behind" }
)]
pub struct ClockOff {
    /// By how much it is ahead of Telegram's; below zero, behind.
    pub seconds: i64,
}

impl Classify for ClockOff {
    fn class(&self) -> Class {
        Class::Permanent
    }
}

/// The `Date` of Telegram's last answer. Cheap to clone.
#[derive(Clone, Default, Debug)]
pub(super) struct ServerTime {
    told: Arc<Mutex<Option<(Timestamp, Instant)>>>,
}

impl ServerTime {
    pub(super) fn note(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(at) = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok()) else { return };
        let told = (Timestamp(at.as_millisecond()), Instant::now());
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }

    /// Whether the clock that says `now` is right, as far as is known.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), ClockOff> {
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((at, heard)) = told else { return Ok(()) };
        let there = at + heard.elapsed();
        let gap_ms = now.0.saturating_sub(there.0);
        if u128::from(gap_ms.unsigned_abs()) > GAP_MAX.as_millis() {
            Err(ClockOff { seconds: gap_ms / 1000 })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_is_right_if_it_agrees_with_the_last_answer() {
        let time = ServerTime::default();
        assert_eq!(time.check(Timestamp(0)), Ok(()), "nothing is known");
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Thu, 26 Nov 2026 12:00:00 GMT".parse().unwrap());
        time.note(&headers);
        let noon = Timestamp::from_seconds(1_795_694_400);
        tokio::time::advance(Duration::from_secs(3600)).await;
        let later = |seconds: i64| Timestamp(noon.0 + (3600 + seconds) * 1000);
        for right in [-60, 0, 59, 60] {
            assert_eq!(time.check(later(right)), Ok(()), "{right}");
        }
        assert_eq!(time.check(later(61)), Err(ClockOff { seconds: 61 }));
        assert_eq!(time.check(later(-300)), Err(ClockOff { seconds: -300 }));
        let words = ClockOff { seconds: -300 }.to_string();
        assert!(words.contains("300 s behind telegram's") && words.contains("timedatectl"), "{words}");
        headers.insert(DATE, "yesterday".parse().unwrap());
        time.note(&headers);
        assert_eq!(time.check(later(0)), Ok(()), "what cannot be read says nothing");
    }
}

//! Figures as people read them.

use std::time::Duration;

use crate::{
    domain::{Language, NANO_USD},
    locale::say,
};

/// The two largest units of a duration: «3 дн 4 год», «12 с».
pub(super) fn span(language: Language, duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let part = |unit: fn(Language, u64) -> String, count: u64| (count > 0).then(|| unit(language, count));
    let parts = match (days, hours, minutes) {
        (0, 0, 0) => [Some(in_seconds(language, seconds)), None],
        (0, 0, _) => [part(in_minutes, minutes), part(in_seconds, if minutes < 10 { seconds % 60 } else { 0 })],
        (0, ..) => [part(in_hours, hours), part(in_minutes, minutes)],
        _ => [part(in_days, days), part(in_hours, hours)],
    };
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn in_seconds(language: Language, count: u64) -> String {
    say!(language, "dash-seconds", count = count)
}

fn in_minutes(language: Language, count: u64) -> String {
    say!(language, "dash-minutes", count = count)
}

fn in_hours(language: Language, count: u64) -> String {
    say!(language, "dash-hours", count = count)
}

fn in_days(language: Language, count: u64) -> String {
    say!(language, "dash-days", count = count)
}

/// «3 хв тому».
pub(super) fn ago(language: Language, duration: Duration) -> String {
    say!(language, "dash-ago", span = &span(language, duration))
}

/// «$0.0123».
pub(super) fn usd(nano: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a sum for people, of four decimal places")]
    let dollars = nano as f64 / NANO_USD as f64;
    format!("${dollars:.4}")
}

/// «48.2 МБ».
pub(super) fn megabytes(language: Language, bytes: f64) -> String {
    say!(language, "dash-megabytes", count = &format!("{:.1}", bytes / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_two_units_at_most() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (65, "1 min 5 s"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (3_661, "1 h 1 min"),
            (86_400, "1 d"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(span(Language::English, Duration::from_secs(seconds)), words);
        }
    }
}

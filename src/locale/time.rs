//! Moments, dates and durations in words, by Kyiv's clock.

use std::time::Duration;

use jiff::{Zoned, tz::TimeZone};

use super::say;
use crate::domain::{Language, Timestamp};

/// «вівторок, 24 листопада 2026, 18:40».
pub fn moment(language: Language, moment: Timestamp) -> String {
    let local = in_kyiv(moment);
    say!(
        language,
        "moment",
        weekday = local.weekday().to_monday_one_offset(),
        day = local.day(),
        month = local.month(),
        year = local.year(),
        time = &format!("{:02}:{:02}", local.hour(), local.minute()),
    )
}

/// «24 листопада 2026».
pub fn date(language: Language, moment: Timestamp) -> String {
    let local = in_kyiv(moment);
    say!(language, "date", day = local.day(), month = local.month(), year = local.year())
}

/// «2026-11-24 18:40:05», the same in every language: for tables.
pub fn stamp(moment: Timestamp) -> String {
    in_kyiv(moment).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// «1 годину 20 хвилин», in the accusative, as after «на» and «за»; begun minutes count as whole ones.
pub fn duration(language: Language, duration: Duration) -> String {
    let all_minutes = duration.as_millis().div_ceil(60_000).try_into().unwrap_or(u64::MAX);
    let (hours, minutes) = (all_minutes / 60, all_minutes % 60);
    match (hours, minutes) {
        (0, _) => say!(language, "duration-minutes", minutes = minutes),
        (_, 0) => say!(language, "duration-hours", hours = hours),
        _ => say!(language, "duration-hours-minutes", hours = hours, minutes = minutes),
    }
}

fn in_kyiv(moment: Timestamp) -> Zoned {
    let zone = TimeZone::get("Europe/Kyiv").unwrap_or(TimeZone::UTC);
    jiff::Timestamp::from_millisecond(moment.0).unwrap_or_default().to_zoned(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_is_told_by_kyivs_clock() {
        let at = Timestamp::from_seconds(1_795_538_400);
        assert_eq!(moment(Language::Ukrainian, at), "вівторок, 24 листопада 2026, 18:40");
        assert_eq!(moment(Language::English, at), "Tuesday, 24 November 2026, 18:40");
        assert_eq!(date(Language::Ukrainian, at), "24 листопада 2026");
        assert_eq!(stamp(at), "2026-11-24 18:40:00");
    }

    #[test]
    fn every_day_and_month_has_its_name() {
        let day = |number: i64| Timestamp::from_seconds(1_767_268_800 + number * 86_400);
        let name = |number| moment(Language::Ukrainian, day(number)).split(',').next().unwrap_or_default().to_owned();
        let week: std::collections::BTreeSet<String> = (0..7).map(name).collect();
        assert_eq!(week.len(), 7, "{week:?}");
        let months: std::collections::BTreeSet<String> = (0..365)
            .filter_map(|number| date(Language::Ukrainian, day(number)).split(' ').nth(1).map(str::to_owned))
            .collect();
        assert_eq!(months.len(), 12, "{months:?}");
    }

    #[test]
    fn a_duration_is_said_in_hours_and_minutes() {
        let said = |seconds| duration(Language::Ukrainian, Duration::from_secs(seconds));
        assert_eq!(said(3_600), "1 годину");
        assert_eq!(said(4_800), "1 годину 20 хвилин");
        assert_eq!(said(1), "1 хвилину");
        assert_eq!(said(0), "0 хвилин");
        assert_eq!(said(3 * 3_600 + 2 * 60), "3 години 2 хвилини");
        assert_eq!(duration(Language::English, Duration::from_secs(3_660)), "1 hour 1 minute");
        assert!(!duration(Language::Ukrainian, Duration::MAX).is_empty());
    }
}

//! The present moment in Ukrainian words.

use jiff::tz::TimeZone;

use crate::domain::Timestamp;

const WEEKDAYS: [&str; 7] = ["понеділок", "вівторок", "середа", "четвер", "п'ятниця", "субота", "неділя"];
const MONTHS: [&str; 12] = [
    "січня",
    "лютого",
    "березня",
    "квітня",
    "травня",
    "червня",
    "липня",
    "серпня",
    "вересня",
    "жовтня",
    "листопада",
    "грудня",
];

/// «понеділок, 23 листопада 2026, 18:40», by Kyiv's clock.
pub fn moment_words(moment: Timestamp) -> String {
    let zone = TimeZone::get("Europe/Kyiv").unwrap_or(TimeZone::UTC);
    let local = jiff::Timestamp::from_millisecond(moment.0).unwrap_or_default().to_zoned(zone);
    let name = |names: &[&'static str], one_based: i8| {
        usize::try_from(one_based - 1).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    format!(
        "{}, {} {} {}, {:02}:{:02}",
        name(&WEEKDAYS, local.weekday().to_monday_one_offset()),
        local.day(),
        name(&MONTHS, local.month()),
        local.year(),
        local.hour(),
        local.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::moment_words;
    use crate::domain::Timestamp;

    #[test]
    fn the_moment_is_told_by_kyivs_clock() {
        assert_eq!(moment_words(Timestamp::from_seconds(1_795_538_400)), "вівторок, 24 листопада 2026, 18:40");
    }
}

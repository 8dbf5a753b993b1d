//! What backups are called, and which of them newer ones replace: pure, so that time can be made to pass.

use std::collections::BTreeSet;

use crate::domain::Timestamp;

/// The newest backup of each of so many hours is kept, of so many days before them, and of so many weeks before those;
/// hours, days and weeks without one do not count.
const HOURS: usize = 24;
const DAYS: usize = 7;
const WEEKS: usize = 4;
/// So many of those that were made before a migration are kept beside them.
const BEFORE_MIGRATIONS: usize = 2;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// 1970 began on a Thursday; weeks begin on Mondays.
const THURSDAY: i64 = 3;

const PREFIX: &str = "gryag-";
const SUFFIX: &str = ".db.gz";
const MOMENT: &str = "%Y%m%dT%H%M%SZ";

/// A backup, as its file's name tells it: `gryag-20261126T093000Z.db.gz`, with `-before-v3` after the moment if a
/// migration to that generation was to follow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Name {
    /// When it was begun, in whole seconds.
    pub(super) at: Timestamp,
    /// Before which migration, if before one.
    pub(super) before: Option<i64>,
}

impl Name {
    pub(super) fn new(at: Timestamp, before: Option<i64>) -> Self {
        Self { at: Timestamp(at.0.div_euclid(1000) * 1000), before }
    }

    pub(super) fn file(self) -> String {
        let before = self.before.map(|generation| format!("-before-v{generation}")).unwrap_or_default();
        format!("{PREFIX}{}{before}{SUFFIX}", moment(self.at))
    }

    /// Nothing for a file that is no backup of ours.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let name = file.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let (moment, before) = match name.split_once("-before-v") {
            Some((moment, generation)) => (moment, Some(generation.parse().ok()?)),
            None => (name, None),
        };
        let at = jiff::civil::DateTime::strptime(MOMENT, moment).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self { at: Timestamp(at.timestamp().as_millisecond()), before })
    }
}

/// A moment as it stands in a file's name.
pub(super) fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().strftime(MOMENT).to_string()
}

/// Those that newer ones replace.
pub(super) fn replaced(backups: &[Name]) -> Vec<Name> {
    let mut newest_first = backups.to_vec();
    newest_first.sort_by(|one, other| other.cmp(one));
    let (migrations, mut rest): (Vec<Name>, Vec<Name>) = newest_first.iter().partition(|name| name.before.is_some());
    let mut kept: BTreeSet<Name> = migrations.into_iter().take(BEFORE_MIGRATIONS).collect();
    for (span_ms, offset_days, count) in [(HOUR_MS, 0, HOURS), (DAY_MS, 0, DAYS), (7 * DAY_MS, THURSDAY, WEEKS)] {
        let span = |name: &Name| (name.at.0 + offset_days * DAY_MS).div_euclid(span_ms);
        let mut spans = BTreeSet::new();
        let newest_of_each = rest.iter().copied().filter(|name| spans.insert(span(name)));
        let newest: Vec<Name> = newest_of_each.take(count).collect();
        let Some(oldest) = newest.last() else { break };
        rest.retain(|name| span(name) < span(oldest));
        kept.extend(newest);
    }
    newest_first.retain(|name| !kept.contains(name));
    newest_first
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_790_000_000_000;

    fn at(hours: i64) -> Name {
        Name::new(Timestamp(START + hours * HOUR_MS), None)
    }

    /// What is left when each of these was made and rotated in its turn.
    fn rotated(hours: impl IntoIterator<Item = i64>) -> Vec<Name> {
        let mut left = Vec::new();
        for hour in hours {
            if !left.contains(&at(hour)) {
                left.push(at(hour));
            }
            let replaced = replaced(&left);
            left.retain(|name| !replaced.contains(name));
        }
        left
    }

    #[test]
    fn a_name_tells_its_moment_and_its_migration() {
        for name in [at(0), Name::new(Timestamp(START + 1), Some(12))] {
            assert_eq!(Name::parse(&name.file()), Some(name), "{}", name.file());
        }
        assert_eq!(at(0).file(), "gryag-20260921T141320Z.db.gz");
        for other in ["gryag-20260921T141320Z.db", "gryag-now.db.gz", "deletions.jsonl", "gryag-20261321T141320Z.db.gz"]
        {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_year_of_hours_leaves_a_day_of_hours_a_week_of_days_and_a_month_of_weeks() {
        let left = rotated(0..366 * 24);
        let ages: Vec<i64> = left.iter().map(|name| (at(366 * 24 - 1).at.0 - name.at.0) / HOUR_MS).collect();
        assert!((0..24).all(|hour| ages.contains(&hour)), "{ages:?}");
        assert!((1..8).all(|day| ages.iter().any(|age| (day * 24..(day + 1) * 24).contains(age))), "{ages:?}");
        assert!((1..4).all(|week| ages.iter().any(|age| (week * 168..(week + 1) * 168).contains(age))), "{ages:?}");
        assert!(ages.iter().max().copied().unwrap_or(0) >= 21 * 24, "{ages:?}");
        assert!(left.len() <= HOURS + DAYS + WEEKS, "{}", left.len());
    }

    #[test]
    fn who_is_away_for_a_year_finds_all_backups_again() {
        let left = rotated(0..24 * 30);
        let mut after = left.clone();
        after.push(at(24 * 400));
        let gone = replaced(&after);
        assert!(left.len() > 30 && gone.len() <= 3, "an hour, a day and a week at most: {gone:?}");
    }

    #[test]
    fn those_before_migrations_have_places_of_their_own() {
        let mut all: Vec<Name> =
            (2..6).map(|generation| Name::new(Timestamp(START + generation), Some(generation))).collect();
        all.extend((0..24).map(at));
        let gone: Vec<_> = replaced(&all).into_iter().map(|name| name.before).collect();
        assert_eq!(gone, [Some(3), Some(2)]);
    }

    proptest! {
        #[test]
        fn whenever_backups_were_made_the_newest_stay_and_their_number_is_bounded(
            hours in prop::collection::vec(0_i64..3_000, 1..200)
        ) {
            let left = rotated(hours.iter().copied());
            let newest = hours.iter().max().copied().unwrap();
            prop_assert!(left.contains(&at(newest)));
            prop_assert!(left.len() <= HOURS + DAYS + WEEKS);
            let distinct: BTreeSet<i64> = hours.into_iter().collect();
            // A clock may step back: what is older than everything that stays may go at once, nothing else is lost.
            prop_assert!(left.len() >= distinct.len().min(HOURS));
            prop_assert_eq!(replaced(&left), vec![]);
        }
    }
}

//! The conditions of the alarms. Pure; where Prometheus has the same alert, it judges by the same figures
//! (`deploy/prometheus/alerts.yml`).

use std::time::Duration;

use super::{
    super::heartbeat::Company,
    ledger::{Sign, Signs},
};
use crate::{
    domain::{Alarm, Timestamp},
    storage::StoreHealth,
};

/// Nothing waits for longer than this while all is well.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// Fewer messages say nothing about a rate.
const ADDRESSED_MIN: f64 = 20.0;
/// Of those who spoke to the bot, so many may get no proper answer.
const UNANSWERED_MAX: f64 = 0.01;
/// So many errors of one place and class in half an hour are no accident.
const ERRORS_MAX: f64 = 50.0;

/// What a look has seen.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Seen {
    /// When.
    pub(super) now: Timestamp,
    /// Whether the store takes writes.
    pub(super) health: StoreHealth,
    /// What the replicas say of themselves.
    pub(super) company: Company,
    /// When the oldest update came that waits for its turn.
    pub(super) oldest_update: Option<Timestamp>,
    /// When the oldest message was made that waits for its send.
    pub(super) oldest_send: Option<Timestamp>,
    /// Dead letters.
    pub(super) dead: u64,
    /// Sends that became doubtful lately.
    pub(super) doubtful: u64,
    /// How much of today's budget is used: 1 is all of it.
    pub(super) budget_used: f64,
}

pub(super) fn signs(seen: &Seen) -> Signs {
    let Seen { now, company, .. } = seen;
    let waits = |since: Option<Timestamp>| {
        let waited = since.map_or(Duration::ZERO, |since| now.since(since));
        sign(waited > WAIT_MAX, i64::try_from(waited.as_secs()).unwrap_or(i64::MAX))
    };
    let rows = |rows: u64| sign(rows > 0, i64::try_from(rows).unwrap_or(i64::MAX));
    let unanswered = 1.0 - company.answered / company.addressed.max(1.0);
    let is_unwritable = matches!(seen.health, StoreHealth::Unwritable | StoreHealth::Corrupt);
    Signs::from([
        (Alarm::StoreReadOnly, sign(is_unwritable, i64::from(seen.health == StoreHealth::Corrupt))),
        (Alarm::QueueOld, waits(seen.oldest_update)),
        (Alarm::OutboxOld, waits(seen.oldest_send)),
        (Alarm::ReplicaMissing, rows(company.missing as u64)),
        (
            Alarm::ErrorRate,
            sign(company.addressed >= ADDRESSED_MIN && unanswered > UNANSWERED_MAX, whole(unanswered * 10_000.0)),
        ),
        (Alarm::BreakerOpen, rows(company.breakers_open as u64)),
        (Alarm::DeadLetters, rows(seen.dead)),
        (Alarm::UnknownSends, rows(seen.doubtful)),
        (Alarm::BudgetSpent, sign(seen.budget_used >= 1.0, whole(seen.budget_used * 100.0))),
        (Alarm::Bug, sign(company.bugs >= 1.0, whole(company.bugs))),
        (Alarm::ErrorsMany, sign(company.errors >= ERRORS_MAX, whole(company.errors))),
    ])
}

const fn sign(holds: bool, number: i64) -> Sign {
    if holds { Sign::Holds(number) } else { Sign::Clear }
}

#[expect(clippy::cast_possible_truncation, reason = "counts and shares, and the cast saturates")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn well() -> Seen {
        Seen {
            now: NOW,
            health: StoreHealth::Good,
            company: Company { addressed: 1_000.0, answered: 995.0, ..Company::default() },
            oldest_update: Some(NOW - Duration::from_secs(120)),
            oldest_send: None,
            dead: 0,
            doubtful: 0,
            budget_used: 0.99,
        }
    }

    fn holding(seen: &Seen) -> Vec<(Alarm, i64)> {
        let holds = |(alarm, sign)| if let Sign::Holds(number) = sign { Some((alarm, number)) } else { None };
        signs(seen).into_iter().filter_map(holds).collect()
    }

    #[test]
    fn while_all_is_well_nothing_holds() {
        assert_eq!(holding(&well()), []);
    }

    #[test]
    fn each_condition_holds_alone() {
        let company = well().company;
        let late = Some(NOW - Duration::from_secs(121));
        let cases = [
            (Seen { health: StoreHealth::Unwritable, ..well() }, Alarm::StoreReadOnly, 0),
            (Seen { health: StoreHealth::Corrupt, ..well() }, Alarm::StoreReadOnly, 1),
            (Seen { oldest_update: late, ..well() }, Alarm::QueueOld, 121),
            (Seen { oldest_send: late, ..well() }, Alarm::OutboxOld, 121),
            (Seen { company: Company { missing: 1, ..company.clone() }, ..well() }, Alarm::ReplicaMissing, 1),
            (Seen { company: Company { answered: 980.0, ..company.clone() }, ..well() }, Alarm::ErrorRate, 200),
            (Seen { company: Company { breakers_open: 2, ..company.clone() }, ..well() }, Alarm::BreakerOpen, 2),
            (Seen { dead: 3, ..well() }, Alarm::DeadLetters, 3),
            (Seen { doubtful: 1, ..well() }, Alarm::UnknownSends, 1),
            (Seen { budget_used: 1.04, ..well() }, Alarm::BudgetSpent, 104),
            (Seen { company: Company { bugs: 1.0, errors: 1.0, ..company.clone() }, ..well() }, Alarm::Bug, 1),
            (Seen { company: Company { errors: 50.0, ..company.clone() }, ..well() }, Alarm::ErrorsMany, 50),
        ];
        let mut covered: Vec<Alarm> = cases.iter().map(|(_, alarm, _)| *alarm).collect();
        for (seen, alarm, number) in &cases {
            assert_eq!(holding(seen), [(*alarm, *number)]);
        }
        covered.dedup();
        assert_eq!(covered, Alarm::ALL, "each alarm has a case");
    }

    #[test]
    fn a_few_messages_are_no_rate() {
        let company = Company { addressed: 19.0, answered: 0.0, ..Company::default() };
        assert_eq!(holding(&Seen { company, ..well() }), []);
    }
}

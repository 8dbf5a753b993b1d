//! The conditions of the alarms. Pure; where Prometheus has the same alert, it judges by the same figures
//! (`deploy/prometheus/alerts.yml`).

use std::time::Duration;

use super::{
    super::heartbeat::Company,
    delivery::{Delivery, Elsewhere},
    ledger::{Sign, Signs},
};
use crate::{
    domain::{Alarm, Timestamp},
    storage::StoreSpace,
};

/// Nothing waits for longer than this while all is well.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// Fewer messages say nothing about a rate.
const ADDRESSED_MIN: f64 = 20.0;
/// Of those who spoke to the bot, so many may get no proper answer.
const UNANSWERED_MAX: f64 = 0.01;
/// So many errors of one place and class in half an hour are no accident.
const ERRORS_MAX: f64 = 50.0;

/// A failed delivery or a conflict of polls is over when none has followed for so long.
const FAILED_LATELY: Duration = Duration::from_secs(10 * 60);
const CONFLICT_LATELY: Duration = Duration::from_secs(90);
/// The log of a store that nothing holds up stays below this (reliability.md section 7, check 15).
const LOG_MAX: u64 = 256 * MEGABYTE;
const MEGABYTE: u64 = 1024 * 1024;
/// Backups are made every hour.
const BACKUP_AGE_MAX: Duration = Duration::from_secs(3 * 3600);

/// What is known of the backups.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Backups {
    /// When the last good one was made; none if there never was one.
    pub(super) ok_at: Option<Timestamp>,
    /// When one, or what is to be done with it, last failed.
    pub(super) failed_at: Option<Timestamp>,
}

/// What a look has seen.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Seen {
    /// When.
    pub(super) now: Timestamp,
    /// What the replicas say of themselves.
    pub(super) company: Company,
    /// What Telegram says, if it was asked and answered.
    pub(super) delivery: Option<Delivery>,
    /// When somebody else was seen to take the updates.
    pub(super) poll_conflict_at: Option<Timestamp>,
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
    /// The room that the store takes and has.
    pub(super) space: StoreSpace,
    /// Less free space than this is little, in bytes.
    pub(super) disk_low: u64,
    /// The backups.
    pub(super) backups: Backups,
    /// A configured model ends, or is not served.
    pub(super) has_model_trouble: bool,
}

pub(super) fn signs(seen: &Seen) -> Signs {
    let Seen { now, company, space, .. } = seen;
    let waits = |since: Option<Timestamp>| {
        let waited = since.map_or(Duration::ZERO, |since| now.since(since));
        sign(waited > WAIT_MAX, counted(waited.as_secs()))
    };
    let some = |rows: u64| sign(rows > 0, counted(rows));
    let unanswered = 1.0 - company.answered / company.addressed.max(1.0);
    let is_rate = company.addressed >= ADDRESSED_MIN && unanswered > UNANSWERED_MAX;
    let is_contested = seen.poll_conflict_at.is_some_and(|at| now.since(at) < CONFLICT_LATELY);
    let mut signs = Signs::from([
        (Alarm::TwoBots, sign(is_contested, 0)),
        (Alarm::QueueOld, waits(seen.oldest_update)),
        (Alarm::OutboxOld, waits(seen.oldest_send)),
        (Alarm::ReplicaMissing, some(company.missing as u64)),
        (Alarm::DiskLow, sign(space.free_disk < seen.disk_low, counted(space.free_disk / MEGABYTE))),
        (Alarm::ErrorRate, sign(is_rate, whole(unanswered * 10_000.0))),
        (Alarm::BreakerOpen, some(company.breakers_open as u64)),
        (Alarm::BackupFailed, backups(seen.backups, *now)),
        (Alarm::WalLarge, sign(space.log > LOG_MAX, counted(space.log / MEGABYTE))),
        (Alarm::ModelEnding, sign(seen.has_model_trouble, 0)),
        (Alarm::DeadLetters, some(seen.dead)),
        (Alarm::UnknownSends, some(seen.doubtful)),
        (Alarm::BudgetSpent, sign(seen.budget_used >= 1.0, whole(seen.budget_used * 100.0))),
        (Alarm::Bug, sign(company.bugs >= 1.0, whole(company.bugs))),
        (Alarm::ErrorsMany, sign(company.errors >= ERRORS_MAX, whole(company.errors))),
    ]);
    if let Some(delivery) = &seen.delivery {
        let has_failed = delivery.failed_at.is_some_and(|at| now.since(at) < FAILED_LATELY);
        let is_webhook = delivery.elsewhere == Some(Elsewhere::Webhook);
        let is_failing = has_failed && delivery.waiting > 0 && delivery.elsewhere.is_none();
        signs.insert(Alarm::WebhookElsewhere, sign(delivery.elsewhere.is_some(), i64::from(is_webhook)));
        signs.insert(Alarm::WebhookFailing, sign(is_failing, counted(delivery.waiting)));
        signs.insert(Alarm::ClockOff, delivery.clock_ahead_s.map_or(Sign::Clear, Sign::Holds));
    }
    signs
}

fn backups(backups: Backups, now: Timestamp) -> Sign {
    let Backups { ok_at, failed_at } = backups;
    let age = ok_at.map_or(Duration::ZERO, |at| now.since(at));
    let has_failed = failed_at.is_some_and(|failed| ok_at.is_none_or(|ok| failed > ok));
    let hours = if age > BACKUP_AGE_MAX { counted(age.as_secs() / 3600) } else { 0 };
    sign(has_failed || hours > 0, hours)
}

fn counted(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
            company: Company { addressed: 1_000.0, answered: 995.0, ..Company::default() },
            delivery: Some(DELIVERY),
            poll_conflict_at: ago(90),
            oldest_update: ago(120),
            oldest_send: None,
            dead: 0,
            doubtful: 0,
            budget_used: 0.99,
            space: StoreSpace { database: 1 << 30, log: LOG_MAX, free_disk: 512 * MEGABYTE },
            disk_low: 512 * MEGABYTE,
            backups: Backups { ok_at: ago(3 * 3600), failed_at: ago(4 * 3600) },
            has_model_trouble: false,
        }
    }

    const DELIVERY: Delivery = Delivery { waiting: 5, failed_at: None, elsewhere: None, clock_ahead_s: None };

    fn ago(seconds: u64) -> Option<Timestamp> {
        Some(NOW - Duration::from_secs(seconds))
    }

    fn holding(seen: &Seen) -> Vec<(Alarm, i64)> {
        let holds = |(alarm, sign)| if let Sign::Holds(number) = sign { Some((alarm, number)) } else { None };
        signs(seen).into_iter().filter_map(holds).collect()
    }

    fn with(change: impl FnOnce(&mut Seen)) -> Vec<(Alarm, i64)> {
        let mut seen = well();
        change(&mut seen);
        holding(&seen)
    }

    fn delivered(change: impl FnOnce(&mut Delivery)) -> Vec<(Alarm, i64)> {
        let mut delivery = DELIVERY;
        change(&mut delivery);
        with(|seen| seen.delivery = Some(delivery))
    }

    #[test]
    fn while_all_is_well_nothing_holds() {
        assert_eq!(holding(&well()), []);
    }

    #[test]
    fn each_condition_holds_alone() {
        let cases = [
            (delivered(|it| it.elsewhere = Some(Elsewhere::Webhook)), Alarm::WebhookElsewhere, 1),
            (with(|seen| seen.poll_conflict_at = ago(89)), Alarm::TwoBots, 0),
            (delivered(|it| it.failed_at = ago(599)), Alarm::WebhookFailing, 5),
            (delivered(|it| it.clock_ahead_s = Some(-70)), Alarm::ClockOff, -70),
            (with(|seen| seen.oldest_update = ago(121)), Alarm::QueueOld, 121),
            (with(|seen| seen.oldest_send = ago(121)), Alarm::OutboxOld, 121),
            (with(|seen| seen.company.missing = 1), Alarm::ReplicaMissing, 1),
            (with(|seen| seen.space.free_disk = 511 * MEGABYTE), Alarm::DiskLow, 511),
            (with(|seen| seen.company.answered = 980.0), Alarm::ErrorRate, 200),
            (with(|seen| seen.company.breakers_open = 2), Alarm::BreakerOpen, 2),
            (with(|seen| seen.backups.ok_at = ago(4 * 3600)), Alarm::BackupFailed, 4),
            (with(|seen| seen.space.log += MEGABYTE), Alarm::WalLarge, 257),
            (with(|seen| seen.has_model_trouble = true), Alarm::ModelEnding, 0),
            (with(|seen| seen.dead = 3), Alarm::DeadLetters, 3),
            (with(|seen| seen.doubtful = 1), Alarm::UnknownSends, 1),
            (with(|seen| seen.budget_used = 1.04), Alarm::BudgetSpent, 104),
            (with(|seen| seen.company.bugs = 1.0), Alarm::Bug, 1),
            (with(|seen| seen.company.errors = 50.0), Alarm::ErrorsMany, 50),
        ];
        for (holding, alarm, number) in &cases {
            assert_eq!(*holding, [(*alarm, *number)]);
        }
        let mut covered: Vec<Alarm> = cases.iter().map(|(_, alarm, _)| *alarm).collect();
        // That one is told without the store.
        covered.insert(0, Alarm::StoreReadOnly);
        assert_eq!(covered, Alarm::ALL, "each alarm has a case");
    }

    #[test]
    fn a_few_messages_are_no_rate() {
        let few = Company { addressed: 19.0, answered: 0.0, ..Company::default() };
        assert_eq!(with(|seen| seen.company = few), []);
    }

    #[test]
    fn what_telegram_was_not_asked_has_no_sign() {
        let signs = signs(&Seen { delivery: None, ..well() });
        assert!(!signs.contains_key(&Alarm::ClockOff) && !signs.contains_key(&Alarm::WebhookElsewhere));
    }

    #[test]
    fn backups_are_missed_once_there_was_one() {
        let held = |ok_at, failed_at| with(|seen| seen.backups = Backups { ok_at, failed_at });
        assert_eq!(held(None, None), [], "a new bot has none yet");
        assert_eq!(held(None, ago(5)), [(Alarm::BackupFailed, 0)]);
        assert_eq!(held(ago(60), ago(59)), [(Alarm::BackupFailed, 0)]);
        assert_eq!(held(ago(59), ago(60)), []);
    }
}

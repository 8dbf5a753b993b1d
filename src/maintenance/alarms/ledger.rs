//! From what holds now to what is told: when an alarm fires, when it is over, and what an admin hears of it. Pure.
//!
//! An alarm fires when its condition has held for a while and is over when it has not for [`CALM`], so that what goes to and
//! fro is one alarm. What there is to tell is told in one message, and the next message comes [`PAUSE`] later: whatever
//! happens, an hour has at most four. What came and went in between is told all the same.

use std::{collections::BTreeMap, time::Duration};

use crate::domain::{Alarm, AlarmState, Timestamp};

/// An alarm is over when its condition has not held for so long.
pub(super) const CALM: Duration = Duration::from_secs(5 * 60);
/// From one message to the next.
pub(super) const PAUSE: Duration = Duration::from_secs(15 * 60);
/// What still fires is told again.
pub(super) const REMIND: Duration = Duration::from_secs(24 * 3600);

/// What a look says of a condition. What it could not see has no sign, and stays as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sign {
    /// It holds, so much.
    Holds(i64),
    /// It does not.
    Clear,
}

/// What a look says of all conditions that it could see.
pub(super) type Signs = BTreeMap<Alarm, Sign>;

/// What is new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// It fires.
    Began,
    /// It fires still.
    Lasts,
    /// It is over.
    Over,
    /// It fired and is over, and was not told meanwhile.
    Passed,
}

/// What follows from a look.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Judged {
    /// Alarms that are to be stored.
    pub(super) changed: Vec<AlarmState>,
    /// What the admins are to hear now, in one message, the gravest first.
    pub(super) news: Vec<(AlarmState, News)>,
}

/// How long a condition holds before its alarm fires (as in `deploy/prometheus/alerts.yml`).
pub(super) const fn patience(alarm: Alarm) -> Duration {
    let minutes = match alarm {
        Alarm::QueueOld | Alarm::OutboxOld | Alarm::DiskLow => 1,
        // Telegram is asked every five minutes: it must say so twice.
        Alarm::WebhookElsewhere | Alarm::WebhookFailing => 1,
        Alarm::TwoBots => 2,
        Alarm::ReplicaMissing => 3,
        Alarm::ErrorRate | Alarm::ErrorsMany | Alarm::BreakerOpen | Alarm::WalLarge => 5,
        Alarm::StoreReadOnly
        | Alarm::ClockOff
        | Alarm::BackupFailed
        | Alarm::ModelEnding
        | Alarm::DeadLetters
        | Alarm::UnknownSends
        | Alarm::BudgetSpent
        | Alarm::Bug => 0,
    };
    Duration::from_secs(minutes * 60)
}

/// What follows from `signs` for the alarms that are `known`. Nothing is told while an earlier message waits
/// (`is_unsent`): the admins hear everything in its order, and a dead Telegram leaves no heap of messages behind.
pub(super) fn judge(known: &[AlarmState], signs: &Signs, is_unsent: bool, now: Timestamp) -> Judged {
    let mut states: BTreeMap<Alarm, AlarmState> = known.iter().map(|state| (state.alarm, *state)).collect();
    for (alarm, sign) in signs {
        if let (None, Sign::Clear) = (states.get(alarm), sign) {
            continue;
        }
        turn(states.entry(*alarm).or_insert_with(|| untold(*alarm, now)), *sign, now);
    }
    let told_at = known.iter().filter_map(|state| Some(state.told?.1)).max();
    // A time ahead was stored before the clock stepped back.
    let is_paused = told_at.is_some_and(|at| at <= now && now.since(at) < PAUSE);
    let mut news = Vec::new();
    if !is_unsent && !is_paused {
        for state in states.values_mut() {
            if let Some(new) = new(state, now) {
                state.told = Some((state.fires, now));
                state.times_told = state.times_told.saturating_add(1);
                news.push((*state, new));
            }
        }
    }
    let changed = states.into_values().filter(|state| !known.contains(state)).collect();
    Judged { changed, news }
}

const fn untold(alarm: Alarm, now: Timestamp) -> AlarmState {
    AlarmState {
        alarm,
        holds: false,
        turned_at: now,
        fires: false,
        since: None,
        began_at: None,
        told: None,
        times_told: 0,
        number: 0,
    }
}

/// Notes what the look says, and fires or ends the alarm if that has lasted.
fn turn(state: &mut AlarmState, sign: Sign, now: Timestamp) {
    let holds = matches!(sign, Sign::Holds(_));
    if let Sign::Holds(number) = sign {
        state.number = number;
    }
    // A time ahead was noted before the clock stepped back.
    state.began_at = state.began_at.map(|at| at.min(now));
    if state.holds != holds || state.turned_at > now {
        state.holds = holds;
        state.turned_at = now;
    }
    let lasted = now.since(state.turned_at);
    if holds && !state.fires && lasted >= patience(state.alarm) {
        state.fires = true;
        state.since = Some(state.turned_at);
        state.began_at = Some(now);
    } else if !holds && state.fires && lasted >= CALM {
        state.fires = false;
        state.since = Some(state.turned_at);
    }
}

/// What the admins do not know yet.
fn new(state: &AlarmState, now: Timestamp) -> Option<News> {
    let told_fires = state.told.is_some_and(|(fires, _)| fires);
    match (state.fires, told_fires) {
        (true, false) => Some(News::Began),
        (false, true) => Some(News::Over),
        (true, true) => state.told.filter(|(_, at)| now.since(*at) >= REMIND).map(|_| News::Lasts),
        (false, false) => {
            let told_at = state.told.map(|(_, at)| at);
            state.began_at.filter(|began| told_at.is_none_or(|told| *began > told)).map(|_| News::Passed)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    /// What an admin hears: when, of which alarm, what.
    type Heard = Vec<(Timestamp, Alarm, News)>;

    /// Looks in turn, each some time after the last; `None` is a look that sees nothing of the alarm.
    #[derive(Clone, Debug)]
    struct Look {
        after_ms: i64,
        breaker: Option<bool>,
        letters: Option<bool>,
        is_unsent: bool,
    }

    fn look() -> impl Strategy<Value = Look> {
        let sign = || prop_oneof![2 => Just(Some(true)), 2 => Just(Some(false)), 1 => Just(None)];
        let after = prop_oneof![8 => 10_000..2 * MINUTE, 1 => MINUTE..HOUR, 1 => HOUR..30 * HOUR];
        (after, sign(), sign(), prop::bool::weighted(0.2)).prop_map(|(after_ms, breaker, letters, is_unsent)| Look {
            after_ms,
            breaker,
            letters,
            is_unsent,
        })
    }

    fn signs(look: &Look) -> Signs {
        let sign = |holds: bool| if holds { Sign::Holds(1) } else { Sign::Clear };
        let both = [(Alarm::BreakerOpen, look.breaker), (Alarm::DeadLetters, look.letters)];
        both.into_iter().filter_map(|(alarm, holds)| Some((alarm, sign(holds?)))).collect()
    }

    /// Runs the looks; what was heard, when each alarm began to fire, and how all stand at the end.
    fn run(looks: &[Look]) -> (Heard, Vec<(Timestamp, Alarm, bool)>, Vec<AlarmState>) {
        let (mut now, mut states) = (Timestamp(1_790_000_000_000), Vec::<AlarmState>::new());
        let (mut heard, mut began) = (Heard::new(), Vec::new());
        for look in looks {
            now.0 += look.after_ms;
            let judged = judge(&states, &signs(look), look.is_unsent, now);
            assert!(judged.news.is_empty() || !look.is_unsent, "a message waits");
            for state in judged.changed {
                let before = states.iter().find(|known| known.alarm == state.alarm).copied();
                if state.fires && !before.is_some_and(|before| before.fires) {
                    let is_believed = before.and_then(|before| before.told).is_some_and(|(fires, _)| fires);
                    began.push((now, state.alarm, is_believed));
                }
                states.retain(|known| known.alarm != state.alarm);
                states.push(state);
            }
            heard.extend(judged.news.into_iter().map(|(state, new)| (now, state.alarm, new)));
        }
        (heard, began, states)
    }

    proptest! {
        #[test]
        fn whatever_happens_an_hour_has_at_most_four_messages(looks in prop::collection::vec(look(), 1..300)) {
            let (heard, ..) = run(&looks);
            let mut messages: Vec<Timestamp> = heard.iter().map(|(at, ..)| *at).collect();
            messages.dedup();
            for (index, begin) in messages.iter().enumerate() {
                let within = messages[index..].iter().filter(|at| at.since(*begin).as_millis() < 3_600_000).count();
                prop_assert!(within <= 4, "{within} messages within an hour");
            }
        }

        #[test]
        fn each_alarm_is_told_and_its_end_is_told_once(mut looks in prop::collection::vec(look(), 1..300)) {
            // In the end everything is well and Telegram takes messages.
            let calm = Look { after_ms: 16 * MINUTE, breaker: Some(false), letters: Some(false), is_unsent: false };
            looks.extend([calm.clone(), calm.clone(), calm]);
            let (heard, began, states) = run(&looks);
            for state in &states {
                prop_assert!(!state.fires && !state.told.is_some_and(|(fires, _)| fires), "{state:?}");
            }
            for alarm in [Alarm::BreakerOpen, Alarm::DeadLetters] {
                let of_it: Vec<(Timestamp, News)> =
                    heard.iter().filter(|(_, told, _)| *told == alarm).map(|(at, _, new)| (*at, *new)).collect();
                let mut believed = false;
                for (_, new) in &of_it {
                    prop_assert_eq!(believed, matches!(new, News::Over | News::Lasts), "{:?}", of_it);
                    believed = matches!(new, News::Began | News::Lasts);
                }
                let mut episodes = 0;
                for (index, (at, _, is_believed)) in
                    began.iter().filter(|(_, of, _)| *of == alarm).enumerate()
                {
                    episodes = index + 1;
                    let is_told = of_it.iter().any(|(told, new)| told >= at && *new != News::Over);
                    prop_assert!(is_told || *is_believed, "an alarm that nobody heard of: {of_it:?}");
                }
                let ends = of_it.iter().filter(|(_, new)| matches!(new, News::Over | News::Passed)).count();
                prop_assert!(ends <= episodes, "{ends} ends of {episodes} alarms");
            }
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp(1_790_000_000_000 + minute * MINUTE)
    }

    /// Looks once a minute at the breaker alone, from `from` to `to`; what was heard.
    fn minutes(states: &mut Vec<AlarmState>, from: i64, to: i64, holds: bool) -> Vec<(i64, News)> {
        let mut heard = Vec::new();
        for minute in from..to {
            let sign = if holds { Sign::Holds(1) } else { Sign::Clear };
            let judged = judge(states, &Signs::from([(Alarm::BreakerOpen, sign)]), false, at(minute));
            heard.extend(judged.news.iter().map(|(_, new)| (minute, *new)));
            if let Some(changed) = judged.changed.first() {
                *states = vec![*changed];
            }
        }
        heard
    }

    #[test]
    fn an_alarm_fires_when_it_has_lasted_and_is_over_when_calm_has() {
        let mut states = Vec::new();
        assert_eq!(minutes(&mut states, 0, 4, true), [], "it may pass");
        assert_eq!(minutes(&mut states, 4, 5, false), []);
        assert_eq!(minutes(&mut states, 5, 30, true), [(10, News::Began)]);
        assert_eq!(states[0].since, Some(at(5)));
        assert_eq!(minutes(&mut states, 30, 34, false), [], "it may come again");
        assert_eq!(minutes(&mut states, 34, 40, true), []);
        assert_eq!(minutes(&mut states, 40, 60, false), [(45, News::Over)]);
        assert_eq!(states[0].since, Some(at(40)));
    }

    #[test]
    fn what_lasts_for_days_is_told_once_a_day() {
        let mut states = Vec::new();
        let heard = minutes(&mut states, 0, 3 * 24 * 60, true);
        assert_eq!(heard, [(5, News::Began), (1445, News::Lasts), (2885, News::Lasts)]);
        assert_eq!(states[0].times_told, 3);
    }

    #[test]
    fn what_nobody_could_see_stays_as_it_was() {
        let mut states = Vec::new();
        minutes(&mut states, 0, 10, true);
        let judged = judge(&states, &Signs::new(), false, at(600));
        assert_eq!(judged, Judged::default());
    }

    #[test]
    fn a_clock_that_stepped_back_does_not_silence_it() {
        let mut states = Vec::new();
        assert_eq!(minutes(&mut states, 6_000, 6_010, true).len(), 1);
        assert_eq!(minutes(&mut states, 0, 30, false), [(5, News::Over)]);
    }
}

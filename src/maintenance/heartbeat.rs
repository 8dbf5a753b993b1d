//! What a replica tells the others about itself, and what they read from it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    domain::Timestamp,
    storage::Heartbeat,
    telemetry::{Readings, metric},
};

/// A replica is heard of every ten seconds; one whose last heartbeat is so much older than the newest of all is silent. Not
/// than now: after a machine slept, or its clock was set, all are old alike.
const SILENT: Duration = Duration::from_secs(60);
/// What "lately" means in a heartbeat.
const LATELY: Duration = Duration::from_secs(30 * 60);
/// A breaker that tries in vain goes to and fro between open and half-open: it counts as open for so long after it was. One
/// that has been half-open for longer is of a model that nobody needs.
const OPEN_LATELY: Duration = Duration::from_secs(120);
/// From one look at the counters to the next that is kept.
const STEP: Duration = Duration::from_secs(60);

/// What was counted since the start, at one moment.
#[derive(Clone, PartialEq, Default, Debug)]
struct Counts {
    addressed: f64,
    answered: f64,
    /// By place and class.
    errors: BTreeMap<(String, String), f64>,
}

impl Counts {
    fn read(readings: &Readings) -> Self {
        let mut counts = Self::default();
        for reading in readings.of(&metric::ADDRESSED) {
            counts.addressed += reading.value;
            if reading.labels == ["answered"] {
                counts.answered += reading.value;
            }
        }
        for reading in readings.of(&metric::ERRORS) {
            let [place, class] = reading.labels[..] else { continue };
            counts.errors.insert((place.to_owned(), class.to_owned()), reading.value);
        }
        counts
    }
}

/// The counters of the last half hour, for what is judged by its rate.
#[derive(Clone, Default, Debug)]
pub(super) struct Recent {
    /// Oldest first, the first of them at least [`LATELY`] old if the process is.
    samples: VecDeque<(Timestamp, Counts)>,
    /// When each breaker was last seen open.
    open: BTreeMap<String, Timestamp>,
}

impl Recent {
    /// What was counted lately.
    fn told(&mut self, now: Timestamp, readings: &Readings) -> serde_json::Value {
        let counts = Counts::read(readings);
        // Samples from the future were taken before the clock stepped back.
        self.samples.retain(|(at, _)| *at <= now);
        if self.samples.back().is_none_or(|(at, _)| now.since(*at) >= STEP) {
            // The first counts from nothing: what happened before it is recent too.
            let sample = if self.samples.is_empty() { Counts::default() } else { counts.clone() };
            self.samples.push_back((now, sample));
        }
        while self.samples.get(1).is_some_and(|(at, _)| now.since(*at) >= LATELY) {
            self.samples.pop_front();
        }
        let before = self.samples.front().map(|(_, counts)| counts);
        let since = |now: f64, before: Option<f64>| now - before.unwrap_or_default();
        let errors = counts
            .errors
            .iter()
            .map(|(key, count)| (key, since(*count, before.and_then(|before| before.errors.get(key)).copied())));
        let (mut bugs, mut most) = (0.0, 0.0_f64);
        for ((_, class), count) in errors {
            most = most.max(count);
            bugs += if class == "bug" { count } else { 0.0 };
        }
        let addressed = since(counts.addressed, before.map(|before| before.addressed));
        let answered = since(counts.answered, before.map(|before| before.answered));
        let open = self.open_lately(now, readings);
        serde_json::json!({"addressed": addressed, "answered": answered, "bugs": bugs, "errors": most, "open": open})
    }

    fn open_lately(&mut self, now: Timestamp, readings: &Readings) -> Vec<&str> {
        for reading in readings.of(&metric::BREAKER_STATE) {
            if let ([target], 2.0) = (&reading.labels[..], reading.value) {
                self.open.insert((*target).to_owned(), now);
            }
        }
        self.open.retain(|_, at| *at <= now && now.since(*at) < OPEN_LATELY);
        self.open.keys().map(String::as_str).collect()
    }
}

/// How a replica is, at one moment.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Life {
    /// It takes requests (`/readyz`).
    pub(super) ready: bool,
    /// It is about to end in order.
    pub(super) stopped: bool,
    /// How late its timers run.
    pub(super) lag: Duration,
}

/// What a heartbeat tells beside its times (design.md section 3).
pub(super) fn facts(life: &Life, readings: &Readings, recent: &mut Recent, now: Timestamp) -> String {
    let breaker = |state: f64| match state {
        0.0 => "closed",
        1.0 => "half-open",
        _ => "open",
    };
    let breakers = readings.of(&metric::BREAKER_STATE).into_iter().filter_map(|reading| {
        let [target] = reading.labels[..] else { return None };
        Some((target.to_owned(), breaker(reading.value).into()))
    });
    let mut caches = serde_json::Map::new();
    for reading in readings.of(&metric::CACHE_REQUESTS) {
        let [cache, result] = reading.labels[..] else { continue };
        caches.entry(cache).or_insert_with(|| serde_json::json!({}))[result] = reading.value.into();
    }
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": life.ready,
        "stopped": life.stopped,
        "memory_bytes": readings.memory_bytes(),
        "lag_ms": u64::try_from(life.lag.as_millis()).unwrap_or(u64::MAX),
        "breakers": breakers.collect::<serde_json::Map<_, _>>(),
        "caches": caches,
        "lately": recent.told(now, readings),
    })
    .to_string()
}

/// What all replicas' heartbeats say together.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Company {
    /// Replicas that fell silent without a stop, and in whose place no other has started.
    pub(super) missing: usize,
    /// Models whose breaker is or was just open at one replica at least.
    pub(super) breakers_open: usize,
    /// Messages that spoke to the bot lately.
    pub(super) addressed: f64,
    /// Of these, answered in time.
    pub(super) answered: f64,
    /// Bugs that showed themselves lately.
    pub(super) bugs: f64,
    /// Errors lately at that place and of that class which has the most.
    pub(super) errors: f64,
}

impl Company {
    pub(super) fn read(heartbeats: &[Heartbeat]) -> Self {
        let Some(newest) = heartbeats.iter().map(|beat| beat.at).max() else { return Self::default() };
        let mut company = Self { missing: missing(heartbeats, newest), ..Self::default() };
        let mut open = std::collections::BTreeSet::new();
        for beat in heartbeats.iter().filter(|beat| newest.since(beat.at) < SILENT) {
            let facts = facts_of(beat);
            let lately = |name: &str| facts["lately"][name].as_f64().unwrap_or_default();
            company.addressed += lately("addressed");
            company.answered += lately("answered");
            company.bugs += lately("bugs");
            company.errors = company.errors.max(lately("errors"));
            let targets = facts["lately"]["open"].as_array().into_iter().flatten();
            open.extend(targets.filter_map(|target| Some(target.as_str()?.to_owned())));
        }
        company.breakers_open = open.len();
        company
    }
}

fn facts_of(beat: &Heartbeat) -> serde_json::Value {
    serde_json::from_str(&beat.facts).unwrap_or_default()
}

/// Who starts takes the place of whoever ended last before it: died or stopped.
fn missing(heartbeats: &[Heartbeat], newest: Timestamp) -> usize {
    /// What happened to a replica.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum Event {
        Died,
        Stopped,
        Started,
    }
    let mut events: Vec<(Timestamp, Event)> = Vec::new();
    for beat in heartbeats {
        events.push((beat.started_at, Event::Started));
        if facts_of(beat)["stopped"] == true {
            events.push((beat.at, Event::Stopped));
        } else if newest.since(beat.at) >= SILENT {
            events.push((beat.at, Event::Died));
        }
    }
    events.sort();
    let mut vacant = Vec::new();
    for (_, event) in events {
        if event == Event::Started {
            vacant.pop();
        } else {
            vacant.push(event);
        }
    }
    vacant.into_iter().filter(|event| *event == Event::Died).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn a_breaker_is_told_by_its_word() {
        let metrics = Metrics::new();
        for (target, state) in [("one", 0.0), ("two", 1.0), ("three", 2.0)] {
            metrics.set(&metric::BREAKER_STATE, &[("target", target)], state);
        }
        let facts = facts(&Life::default(), &metrics.readings(), &mut Recent::default(), Timestamp(0));
        let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
        assert_eq!(facts["breakers"], serde_json::json!({"one": "closed", "two": "half-open", "three": "open"}));
        assert_eq!((&facts["ready"], &facts["caches"]), (&false.into(), &serde_json::json!({})));
    }

    #[test]
    fn what_is_recent_is_half_an_hour_old_at_most() {
        let (metrics, mut recent) = (Metrics::new(), Recent::default());
        let mut told = |minute: i64| {
            let mut told = recent.told(Timestamp(minute * 60_000), &metrics.readings());
            assert_eq!(told["open"].take(), serde_json::json!([]));
            told.as_object_mut().unwrap().remove("open");
            told
        };
        metrics.add(&metric::ADDRESSED, &[("outcome", "answered")], 3);
        metrics.add(&metric::ERRORS, &[("place", "turn"), ("class", "bug")], 2);
        assert_eq!(told(0), serde_json::json!({"addressed": 3.0, "answered": 3.0, "bugs": 2.0, "errors": 2.0}));
        metrics.add(&metric::ADDRESSED, &[("outcome", "failed")], 4);
        metrics.add(&metric::ERRORS, &[("place", "send"), ("class", "transient")], 5);
        for minute in 1..=29 {
            let expected = serde_json::json!({"addressed": 7.0, "answered": 3.0, "bugs": 2.0, "errors": 5.0});
            assert_eq!(told(minute), expected, "{minute}");
        }
        told(31);
        assert_eq!(told(62)["addressed"], 0.0);
    }

    #[test]
    fn a_breaker_counts_while_it_tries_in_vain_and_not_while_nobody_tries() {
        let (metrics, mut recent) = (Metrics::new(), Recent::default());
        let mut open = |second: i64, state: f64| {
            metrics.set(&metric::BREAKER_STATE, &[("target", "model")], state);
            let at = Timestamp(second * 1000);
            let told = facts(&Life { ready: true, ..Life::default() }, &metrics.readings(), &mut recent, at);
            let beat = Heartbeat { owner: "a".to_owned(), at, started_at: Timestamp(0), facts: told };
            Company::read(&[beat]).breakers_open
        };
        let seen =
            [(0, 0.0), (10, 2.0), (30, 1.0), (129, 1.0), (130, 2.0), (150, 1.0), (249, 1.0), (250, 1.0), (999, 1.0)];
        let counted: Vec<usize> = seen.into_iter().map(|(second, state)| open(second, state)).collect();
        assert_eq!(counted, [0, 1, 1, 1, 1, 1, 1, 0, 0]);
    }

    fn beat(owner: &str, started: i64, at: i64, stopped: bool) -> Heartbeat {
        Heartbeat {
            owner: owner.to_owned(),
            at: Timestamp(at * 1000),
            started_at: Timestamp(started * 1000),
            facts: serde_json::json!({"stopped": stopped}).to_string(),
        }
    }

    #[test]
    fn a_replica_is_missing_until_another_takes_its_place() {
        let lives = |owner, started| beat(owner, started, 9_995, false);
        let cases: &[(&str, Vec<Heartbeat>, usize)] = &[
            ("both live", vec![lives("a", 10), lives("b", 20)], 0),
            ("one died", vec![beat("a", 10, 5_000, false), lives("b", 20)], 1),
            ("one stopped", vec![beat("a", 10, 5_000, true), lives("b", 20)], 0),
            ("all slept", vec![beat("a", 10, 5_000, false), beat("b", 20, 5_009, false)], 0),
            ("it was replaced", vec![beat("a", 10, 5_000, false), lives("b", 20), lives("c", 5_010)], 0),
            (
                "it died twice and came back",
                vec![beat("a", 10, 5_000, false), beat("c", 5_010, 6_000, false), lives("d", 6_010), lives("b", 20)],
                0,
            ),
            (
                "one died, the other was deployed anew",
                vec![beat("a", 10, 5_000, false), beat("b", 20, 6_000, true), lives("c", 6_010)],
                1,
            ),
            (
                "one was stopped for good, the other died and came back",
                vec![beat("a", 10, 5_000, true), beat("b", 20, 6_000, false), lives("c", 6_010)],
                0,
            ),
            (
                "both died, one came back",
                vec![beat("a", 10, 5_000, false), beat("b", 20, 5_001, false), lives("c", 6_000)],
                1,
            ),
        ];
        for (name, heartbeats, expected) in cases {
            assert_eq!(Company::read(heartbeats).missing, *expected, "{name}");
        }
    }
}

//! Every minute, what this process has counted since the last time goes into the store, where the dashboard's charts find
//! what all replicas did.

use std::{collections::BTreeMap, time::Duration};

use super::Maintenance;
use crate::{
    storage::{Sample, Series, StorageError},
    telemetry::{Readings, metric},
};

/// How often: the width of the narrowest step.
pub(super) const SAMPLING: Duration = Duration::from_secs(60);

/// Under which label a series of a metric is counted, if it is; those with the same label are summed up.
type Label = fn(&[&str]) -> Option<String>;

const COUNTERS: [(Series, &metric::Description, Label); 8] = [
    (Series::Updates, &metric::UPDATES, |labels| (labels[1] == "admitted").then(String::new)),
    (Series::Messages, &metric::UPDATES, |labels| (labels == ["message", "admitted"]).then(String::new)),
    (Series::Addressed, &metric::ADDRESSED, |labels| Some(labels[0].to_owned())),
    (Series::Sent, &metric::SENDS, |labels| (labels[0] == "sent").then(String::new)),
    (Series::Errors, &metric::ERRORS, |labels| Some(labels.join(" "))),
    (Series::Caches, &metric::CACHE_REQUESTS, |labels| Some(labels.join(" "))),
    (Series::Tokens, &metric::GEMINI_TOKENS, |labels| Some(labels[1].to_owned())),
    (Series::Money, &metric::GEMINI_COST, |_| Some(String::new())),
];

/// Which series of a histogram are meant.
type IsMeant = fn(&[&str]) -> bool;

const HISTOGRAMS: [(Series, &metric::Description, IsMeant); 3] = [
    (Series::Turn, &metric::TURN_DURATION, |labels| labels[0] == "answered"),
    (Series::TurnOwn, &metric::TURN_OWN_DURATION, |_| true),
    (Series::Gemini, &metric::GEMINI_REQUEST_DURATION, |labels| matches!(labels[1], "answered" | "cut")),
];

type Totals = BTreeMap<(Series, String), i64>;

/// What this process has counted, as far as the store knows it.
#[derive(Default)]
pub(super) struct Sampled(Totals);

impl Maintenance {
    /// What the store did not take comes with the next sample. After an answer that did not come in time it may be
    /// counted twice: these are figures for the eye.
    pub(super) async fn sample(&self, sampled: &mut Sampled) -> Result<(), StorageError> {
        let readings = self.parts.metrics.readings();
        let totals = totals(&readings);
        let mut samples = new_since(&sampled.0, &totals);
        if let Some(bytes) = readings.memory_bytes() {
            samples.insert(0, Sample { series: Series::Memory, label: String::new(), value: whole(bytes) });
        }
        self.parts.store.add_samples(self.parts.clock.now(), samples).await?;
        sampled.0 = totals;
        Ok(())
    }
}

fn totals(readings: &Readings) -> Totals {
    let mut totals = Totals::new();
    for (series, description, label) in COUNTERS {
        for reading in readings.of(description) {
            if let Some(label) = label(&reading.labels) {
                *totals.entry((series, label)).or_default() += whole(reading.value);
            }
        }
    }
    for (series, description, is_meant) in HISTOGRAMS {
        let mut below = 0;
        for reading in readings.buckets(description) {
            let (bound, labels) = reading.labels.split_last().expect("a bucket has its bound");
            let up_to = whole(reading.value);
            if is_meant(labels) {
                *totals.entry((series, (*bound).to_owned())).or_default() += up_to - below;
            }
            // The last bucket of a series ends what is summed up.
            below = if *bound == "+Inf" { 0 } else { up_to };
        }
    }
    totals
}

fn new_since(before: &Totals, totals: &Totals) -> Vec<Sample> {
    let new = totals.iter().map(|((series, label), total)| {
        let value = total - before.get(&(*series, label.clone())).unwrap_or(&0);
        Sample { series: *series, label: label.clone(), value }
    });
    new.filter(|sample| sample.value > 0).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "counts and bytes, far below 2^53")]
fn whole(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    fn seen(samples: &[Sample]) -> Vec<(&str, &str, i64)> {
        samples.iter().map(|it| (it.series.as_str(), it.label.as_str(), it.value)).collect()
    }

    #[test]
    fn a_sample_has_what_was_counted_since_the_last_one() {
        let metrics = Metrics::new();
        let answered = [("outcome", "answered")];
        metrics.add(&metric::UPDATES, &[("kind", "message"), ("outcome", "admitted")], 3);
        metrics.add(&metric::UPDATES, &[("kind", "callback_query"), ("outcome", "admitted")], 1);
        metrics.add(&metric::UPDATES, &[("kind", "message"), ("outcome", "duplicate")], 5);
        for (outcome, millis) in [("answered", 700), ("answered", 800), ("silent", 1), ("answered", 90_000)] {
            metrics.record(&metric::TURN_DURATION, &[("outcome", outcome)], Duration::from_millis(millis));
        }
        let first = totals(&metrics.readings());
        let samples = new_since(&Totals::new(), &first);
        assert_eq!(seen(&samples), [("updates", "", 4), ("messages", "", 3), ("turn", "+Inf", 1), ("turn", "1", 2)]);
        assert!(new_since(&first, &first).is_empty());
        metrics.record(&metric::TURN_DURATION, &answered, Duration::from_millis(900));
        metrics.add(&metric::GEMINI_TOKENS, &[("model", "one"), ("kind", "prompt")], 100);
        metrics.add(&metric::GEMINI_TOKENS, &[("model", "two"), ("kind", "prompt")], 20);
        let samples = new_since(&first, &totals(&metrics.readings()));
        assert_eq!(seen(&samples), [("turn", "1", 1), ("tokens", "prompt", 120)]);
    }
}

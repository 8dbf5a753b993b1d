//! The figures at one moment, for whoever tells them by another way than Prometheus: heartbeats, pages.

use super::metric::{Description, Kind};

/// What all metrics said at one moment.
#[derive(Clone, Debug)]
pub struct Readings(pub(super) String);

/// One series of a metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading<'a> {
    /// The labels' values, in the order in which the metric declares them.
    pub labels: Vec<&'a str>,
    /// Its value.
    pub value: f64,
}

impl Readings {
    /// The series of a counter or a gauge, in the order of their labels.
    pub fn of(&self, description: &'static Description) -> Vec<Reading<'_>> {
        debug_assert!(description.kind != Kind::Histogram, "{} is a histogram", description.name);
        let series = self.lines(description.name).filter_map(|(labels, value)| {
            let of = |name: &&str| label(labels, name);
            Some(Reading { labels: description.labels.iter().map(of).collect::<Option<_>>()?, value })
        });
        let mut series: Vec<_> = series.collect();
        series.sort_by(|one, other| one.labels.cmp(&other.labels));
        series
    }

    /// What a histogram counted up to each bound, the last of which is `+Inf`: the label values of a series with the bound
    /// behind them, in the order in which they were counted.
    pub fn buckets(&self, description: &'static Description) -> Vec<Reading<'_>> {
        debug_assert!(description.kind == Kind::Histogram, "{} is no histogram", description.name);
        let names = description.labels.iter().chain(&["le"]);
        let bucket = |(labels, value)| {
            let labels = names.clone().map(|name| label(labels, name)).collect::<Option<_>>()?;
            Some(Reading { labels, value })
        };
        let name = format!("{}_bucket", description.name);
        self.lines(&name).filter_map(bucket).collect()
    }

    /// This process's memory in bytes, as the system counts it; none where the system does not tell.
    pub fn memory_bytes(&self) -> Option<f64> {
        self.lines("process_resident_memory_bytes").next().map(|(_, value)| value)
    }

    /// Labels and value of each line of a metric. Label values of ours hold no quotes: they come from closed sets, or
    /// are bounded names.
    fn lines<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            let labels = if series.is_empty() { series } else { series.strip_prefix('{')?.strip_suffix('}')? };
            Some((labels, value.parse().ok()?))
        })
    }
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use crate::telemetry::{Metrics, metric};

    #[test]
    fn a_histogram_is_read_bucket_by_bucket() {
        let metrics = Metrics::new();
        for millis in [3, 3, 700, 90_000] {
            let took = std::time::Duration::from_millis(millis);
            metrics.record(&metric::TURN_DURATION, &[("outcome", "answered")], took);
        }
        let readings = metrics.readings();
        let of = |bound: &str| {
            let bucket = readings.buckets(&metric::TURN_DURATION).into_iter().find(|it| it.labels[1] == bound);
            bucket.map(|it| (it.labels[0].to_owned(), it.value))
        };
        let answered = |count| Some(("answered".to_owned(), count));
        assert_eq!(["0.0025", "0.005", "0.5", "1", "+Inf"].map(of), [0.0, 2.0, 2.0, 3.0, 4.0].map(answered));
    }

    #[test]
    fn what_was_counted_is_read_by_its_labels() {
        let metrics = Metrics::new();
        let answers = metrics.cache("answers");
        answers.hit();
        answers.hit();
        answers.miss();
        metrics.cache("analysis").miss();
        metrics.set(&metric::BREAKER_STATE, &[("target", "gemini-3.8-flash")], 2.0);
        let readings = metrics.readings();
        let caches: Vec<_> = readings.of(&metric::CACHE_REQUESTS).into_iter().map(|it| (it.labels, it.value)).collect();
        let expected = [
            (vec!["analysis", "hit"], 0.0),
            (vec!["analysis", "miss"], 1.0),
            (vec!["answers", "hit"], 2.0),
            (vec!["answers", "miss"], 1.0),
        ];
        assert_eq!(caches, expected);
        let [breaker] = &readings.of(&metric::BREAKER_STATE)[..] else { panic!("one breaker") };
        assert_eq!((&breaker.labels[..], breaker.value), (&["gemini-3.8-flash"][..], 2.0));
        assert!(readings.of(&metric::SENDS).is_empty());
        assert!(readings.memory_bytes().is_some_and(|bytes| bytes > 1e6));
    }
}

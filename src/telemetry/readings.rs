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
            let label = |name: &&str| {
                let rest = labels.split_once(&format!("{name}=\""))?.1;
                rest.split_once('"').map(|(value, _)| value)
            };
            Some(Reading { labels: description.labels.iter().map(label).collect::<Option<_>>()?, value })
        });
        let mut series: Vec<_> = series.collect();
        series.sort_by(|one, other| one.labels.cmp(&other.labels));
        series
    }

    /// This process's memory in bytes, as the system counts it; none where the system does not tell.
    pub fn memory_bytes(&self) -> Option<f64> {
        self.lines("process_resident_memory_bytes").next().map(|(_, value)| value)
    }

    /// Labels and value of each line of a metric. Label values of ours hold no quotes: they come from closed sets, or
    /// are bounded names.
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            let labels = if series.is_empty() { series } else { series.strip_prefix('{')?.strip_suffix('}')? };
            Some((labels, value.parse().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::telemetry::{Metrics, metric};

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

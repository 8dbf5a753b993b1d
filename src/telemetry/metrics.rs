//! The metrics registry as a value that is handed around, so that two bots in one process (tests, sandbox) do not
//! share figures.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::{
    metric::{self, Description, Kind},
    readings::Readings,
};

/// Shared handle to one registry. Cheap to clone: every layer of a request has one.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
}

struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    process: metrics_process::Collector,
    open_values: Mutex<HashMap<&'static str, HashSet<String>>>,
}

/// Distinct values that an open label takes before further ones are counted as `other`.
const OPEN_VALUES: usize = 32;

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

const METADATA: Metadata<'static> = Metadata::new("gryag", Level::INFO, None);

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// An empty registry in which every metric of [`metric::ALL`] is described.
    pub fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for description in metric::ALL {
            if description.kind == Kind::Histogram {
                builder = builder
                    .set_buckets_for_metric(Matcher::Full(description.name.to_owned()), description.buckets)
                    .expect("the bucket lists are constants and not empty");
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        for description in metric::ALL {
            let (name, help) = (description.name.into(), description.help.into());
            match description.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram => recorder.describe_histogram(name, None, help),
            }
        }
        let process = metrics_process::Collector::default();
        metrics::with_local_recorder(&recorder, || process.describe());
        Self { registry: Arc::new(Registry { recorder, handle, process, open_values: Mutex::default() }) }
    }

    /// Adds one to a counter.
    pub fn increment(&self, description: &'static Description, labels: &[(&'static str, &str)]) {
        self.add(description, labels, 1);
    }

    /// Adds one to a counter whose last label is a name from outside: bounded in length, alphabet and number.
    pub fn increment_open(
        &self,
        description: &'static Description,
        labels: &[(&'static str, &str)],
        open: &'static str,
        value: &str,
    ) {
        let plain = value.len() <= 40 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let mut open_values = self.registry.open_values.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open_values.entry(description.name).or_default();
        let value = if plain && (known.contains(value) || known.len() < OPEN_VALUES) {
            known.insert(value.to_owned());
            value
        } else {
            "other"
        };
        drop(open_values);
        let labels: Vec<_> = labels.iter().copied().chain([(open, value)]).collect();
        self.increment(description, &labels);
    }

    /// Adds to a counter.
    pub fn add(&self, description: &'static Description, labels: &[(&'static str, &str)], amount: u64) {
        self.counter(description, labels).increment(amount);
    }

    /// Sets a gauge.
    pub fn set(&self, description: &'static Description, labels: &[(&'static str, &str)], value: f64) {
        self.gauge(description, labels).set(value);
    }

    /// Records a duration, in seconds.
    pub fn record(&self, description: &'static Description, labels: &[(&'static str, &str)], took: Duration) {
        self.histogram(description, labels).record(took.as_secs_f64());
    }

    /// A counter's handle, for hot paths.
    pub fn counter(&self, description: &'static Description, labels: &[(&'static str, &str)]) -> Counter {
        debug_assert!(description.kind == Kind::Counter, "{} is no counter", description.name);
        self.registry.recorder.register_counter(&key(description, labels), &METADATA)
    }

    /// A gauge's handle, for hot paths.
    pub fn gauge(&self, description: &'static Description, labels: &[(&'static str, &str)]) -> Gauge {
        debug_assert!(description.kind == Kind::Gauge, "{} is no gauge", description.name);
        self.registry.recorder.register_gauge(&key(description, labels), &METADATA)
    }

    /// A histogram's handle, for hot paths.
    pub fn histogram(&self, description: &'static Description, labels: &[(&'static str, &str)]) -> Histogram {
        debug_assert!(description.kind == Kind::Histogram, "{} is no histogram", description.name);
        self.registry.recorder.register_histogram(&key(description, labels), &METADATA)
    }

    /// What the look-ups in the cache `name` count into: a word from the code, such as `answers`.
    pub fn cache(&self, name: &'static str) -> CacheCounters {
        let counter = |result| self.counter(&metric::CACHE_REQUESTS, &[("cache", name), ("result", result)]);
        CacheCounters { hits: counter("hit"), misses: counter("miss") }
    }

    /// What all metrics say now, for other pages than Prometheus'.
    pub fn readings(&self) -> Readings {
        Readings(self.render())
    }

    /// The text that Prometheus scrapes, the process's own figures included.
    pub fn render(&self) -> String {
        metrics::with_local_recorder(&self.registry.recorder, || self.registry.process.collect());
        self.registry.handle.render()
    }

    /// Folds recorded histogram samples; call every few seconds, or they pile up (80 MB for five million).
    pub fn run_upkeep(&self) {
        self.registry.handle.run_upkeep();
    }
}

/// Counts the look-ups in one cache (`gryag_cache_requests_total`). Cheap to clone.
#[derive(Clone)]
pub struct CacheCounters {
    hits: Counter,
    misses: Counter,
}

impl CacheCounters {
    /// It was there.
    pub fn hit(&self) {
        self.hits.increment(1);
    }

    /// It was not there.
    pub fn miss(&self) {
        self.misses.increment(1);
    }
}

impl fmt::Debug for CacheCounters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CacheCounters")
    }
}

fn key(description: &'static Description, labels: &[(&'static str, &str)]) -> Key {
    debug_assert!(
        labels.iter().map(|(name, _)| *name).eq(description.labels.iter().copied()),
        "{} takes the labels {:?}, not {labels:?}",
        description.name,
        description.labels,
    );
    let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(description.name, labels)
}

//! The one place where errors end: logged once, counted by place and class, the last hundred kept, and handed to
//! maintenance, which stores them. A flood of them (a full disk fails everything, again and again) is counted whole, but
//! only its beginning is logged, then how many there were.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;

use super::{Class, Classify};
use crate::{
    clock::SharedClock,
    domain::Timestamp,
    telemetry::{Metrics, metric},
};

/// How many errors are kept in memory.
const KEPT: usize = 100;
/// How many errors may wait for maintenance; more are counted and logged, not stored.
const CHANNEL: usize = 256;

/// So many errors of one place and class are logged in one window; of further ones, only how many.
const LINES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(10);

/// One error that happened. Its message holds no text, name, prompt or secret: error types are built that way, and
/// a test searches for canaries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorRecord {
    /// When.
    pub at: Timestamp,
    /// Where: a name from a small closed set, such as `turn` or `send`.
    pub place: &'static str,
    /// What can be done about it.
    pub class: &'static str,
    /// What failed and with what.
    pub message: String,
}

/// What was logged of one place and class since `since`.
#[derive(Clone, Copy, Debug)]
struct Told {
    since: Timestamp,
    lines: u32,
    untold: u64,
}

impl Told {
    /// A clock that stepped back begins a new window.
    fn is_over(&self, now: Timestamp) -> bool {
        now < self.since || now.since(self.since) >= WINDOW
    }
}

/// Shared handle to the error ledger.
#[derive(Clone, Debug)]
pub struct ErrorHandler {
    clock: SharedClock,
    metrics: Metrics,
    last: Arc<Mutex<VecDeque<ErrorRecord>>>,
    told: Arc<Mutex<BTreeMap<(&'static str, &'static str), Told>>>,
    to_store: mpsc::Sender<ErrorRecord>,
}

impl ErrorHandler {
    /// The handler, and the receiver from which maintenance stores the errors.
    pub fn new(clock: SharedClock, metrics: Metrics) -> (Self, mpsc::Receiver<ErrorRecord>) {
        let (to_store, stored) = mpsc::channel(CHANNEL);
        (Self { clock, metrics, last: Arc::default(), told: Arc::default(), to_store }, stored)
    }

    /// Logs and counts `error` once, and returns its class for the caller to act on.
    pub fn handle(&self, place: &'static str, error: &dyn Classify) -> Class {
        let class = error.class();
        let message = with_sources(error);
        let now = self.clock.now();
        if self.may_log(place, class.as_str(), now) {
            match class {
                Class::Transient { .. } => tracing::warn!(place, class = class.as_str(), "{message}"),
                Class::Permanent | Class::Bug => tracing::error!(place, class = class.as_str(), "{message}"),
            }
        }
        self.metrics.increment(&metric::ERRORS, &[("place", place), ("class", class.as_str())]);
        let record = ErrorRecord { at: now, place, class: class.as_str(), message };
        // A full channel means that the store is slow or down; the log and the counter have the error all the same.
        let _ = self.to_store.try_send(record.clone());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(record);
        class
    }

    /// Says how many errors were not logged, where their window is over; call every few seconds.
    pub fn tell_untold(&self) {
        let now = self.clock.now();
        self.told.lock().unwrap_or_else(PoisonError::into_inner).retain(|(place, class), told| {
            let is_over = told.is_over(now);
            if is_over {
                say_untold(place, class, told.untold);
            }
            !is_over
        });
    }

    fn may_log(&self, place: &'static str, class: &'static str, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry((place, class)).or_insert(Told { since: now, lines: 0, untold: 0 });
        if told.is_over(now) {
            say_untold(place, class, told.untold);
            *told = Told { since: now, lines: 0, untold: 0 };
        }
        let may = told.lines < LINES;
        told.lines += u32::from(may);
        told.untold += u64::from(!may);
        may
    }

    /// The last hundred errors, oldest first.
    pub fn last(&self) -> Vec<ErrorRecord> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn say_untold(place: &str, class: &str, untold: u64) {
    if untold > 0 {
        tracing::warn!(place, class, untold, "{untold} more errors like these were not logged");
    }
}

/// The error's own words, then those of its sources.
fn with_sources(error: &dyn Classify) -> String {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let words = cause.to_string();
        if !message.contains(&words) {
            message.push_str(": ");
            message.push_str(&words);
        }
        source = cause.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use std::io;

    use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

    use super::*;
    use crate::{
        clock::TokioClock,
        telemetry::{LogStyle, log_subscriber},
    };

    #[derive(Debug, thiserror::Error)]
    #[error("the {0} is full")]
    struct Full(&'static str);

    impl Classify for Full {
        fn class(&self) -> Class {
            Class::Transient { retry_after: None }
        }
    }

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        /// How many lines say this.
        fn lines(&self, words: &str) -> usize {
            String::from_utf8_lossy(&self.0.lock().unwrap()).lines().filter(|line| line.contains(words)).count()
        }
    }

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_errors_is_counted_whole_and_logged_in_short() {
        let log = Log::default();
        let subscriber = log_subscriber(EnvFilter::new("info"), LogStyle::Json, log.clone());
        let _logging = tracing::subscriber::set_default(subscriber);
        let metrics = Metrics::new();
        let clock = Arc::new(TokioClock::starting_at(Timestamp(0)));
        let (errors, _stored) = ErrorHandler::new(clock, metrics.clone());
        for _ in 0..100 {
            errors.handle("finish", &Full("disk"));
        }
        errors.handle("claim", &Full("disk"));
        errors.tell_untold();
        assert_eq!(log.lines("the disk is full"), 5 + 1, "another place is not silenced");
        assert_eq!(log.lines("more errors"), 0, "the window is not over");

        tokio::time::advance(WINDOW).await;
        errors.tell_untold();
        assert_eq!(log.lines("95 more errors like these were not logged"), 1);
        errors.handle("finish", &Full("inbox"));
        errors.tell_untold();
        assert_eq!((log.lines("the inbox is full"), log.lines("more errors")), (1, 1));
        let counted = "gryag_errors_total{place=\"finish\",class=\"transient\"} 101";
        assert!(metrics.render().contains(counted), "{}", metrics.render());
    }
}

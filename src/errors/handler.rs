//! The one place where errors end: logged once, counted by place and class, the last hundred kept, and handed to
//! maintenance, which stores them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
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

/// Shared handle to the error ledger.
#[derive(Clone, Debug)]
pub struct ErrorHandler {
    clock: SharedClock,
    metrics: Metrics,
    last: Arc<Mutex<VecDeque<ErrorRecord>>>,
    to_store: mpsc::Sender<ErrorRecord>,
}

impl ErrorHandler {
    /// The handler, and the receiver from which maintenance stores the errors.
    pub fn new(clock: SharedClock, metrics: Metrics) -> (Self, mpsc::Receiver<ErrorRecord>) {
        let (to_store, stored) = mpsc::channel(CHANNEL);
        (Self { clock, metrics, last: Arc::default(), to_store }, stored)
    }

    /// Logs and counts `error` once, and returns its class for the caller to act on.
    pub fn handle(&self, place: &'static str, error: &dyn Classify) -> Class {
        let class = error.class();
        let message = with_sources(error);
        match class {
            Class::Transient { .. } => tracing::warn!(place, class = class.as_str(), "{message}"),
            Class::Permanent | Class::Bug => tracing::error!(place, class = class.as_str(), "{message}"),
        }
        self.metrics.increment(&metric::ERRORS, &[("place", place), ("class", class.as_str())]);
        let record = ErrorRecord { at: self.clock.now(), place, class: class.as_str(), message };
        // A full channel means that the store is slow or down; the log and the counter have the error all the same.
        let _ = self.to_store.try_send(record.clone());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(record);
        class
    }

    /// The last hundred errors, oldest first.
    pub fn last(&self) -> Vec<ErrorRecord> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
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

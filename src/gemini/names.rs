//! Counts why the model stopped, by name. The names are upstream's and the set is open, so what becomes a label is
//! bounded: by alphabet, by length and by number.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::telemetry::{Metrics, metric};

/// How many names are told apart (`telemetry::metric::GEMINI_FINISH`).
const NAMES_MAX: usize = 32;
/// Upstream's longest so far has 25 characters.
const NAME_LENGTH_MAX: usize = 48;
/// The label of everything else.
const OTHER: &str = "other";

/// The name, if it looks like one of upstream's enums (`PROHIBITED_CONTENT`); else `other`.
pub(super) fn enum_name(name: &str) -> &str {
    let looks_right = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let fits = !name.is_empty() && name.len() <= NAME_LENGTH_MAX && name.bytes().all(looks_right);
    if fits { name } else { OTHER }
}

/// The counter.
#[derive(Debug)]
pub(super) struct StopNames {
    metrics: Metrics,
    // Held for one look-up, never across an await.
    seen: Mutex<BTreeSet<String>>,
}

impl StopNames {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics, seen: Mutex::default() }
    }

    /// Counts a reason that passed [`enum_name`].
    pub(super) fn count(&self, name: &str) {
        let known = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.contains(name) || (seen.len() < NAMES_MAX && seen.insert(name.to_owned()))
        };
        self.metrics.increment(&metric::GEMINI_FINISH, &[("reason", if known { name } else { OTHER })]);
    }
}

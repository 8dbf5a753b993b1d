//! Injected time. Stored times come from [`Clock::now`]; sleeping uses tokio's timers, which the test clock follows,
//! so that one `advance` moves both.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use crate::domain::Timestamp;

/// Where stored times come from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment, UTC.
    fn now(&self) -> Timestamp;
}

/// Shared handle to a clock.
pub type SharedClock = Arc<dyn Clock>;

/// The system's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one home of the system clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that starts at a given moment and follows tokio's (pausable) time.
#[derive(Debug)]
pub struct TokioClock {
    start: Instant,
    start_at: Timestamp,
}

impl TokioClock {
    /// Starts at `start_at` now.
    pub fn starting_at(start_at: Timestamp) -> Self {
        Self { start: Instant::now(), start_at }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.start_at + self.start.elapsed()
    }
}

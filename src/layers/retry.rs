//! Tries failed calls again: a few times, after full jitter or after what the other side asked for, within the
//! caller's deadline and within a budget that all callers of a target share.
//!
//! Outermost of a stack, directly inside the caller's deadline; it never pushes back and has no error of its own: who
//! gives up returns the error of the last attempt. The retry loop itself is tower's; this is its policy.
//!
//! The budget keeps a failing target from being hit harder than a healthy one: a retry needs a fifth of a call in
//! credit, above a reserve of ten retries a second (Finagle's figures, reliability.md section 2).

use std::{fmt, sync::Arc, time::Duration};

use metrics::Counter;
use tokio::time::{Instant, Sleep, sleep};
use tower::retry::{
    Policy, RetryLayer,
    budget::{Budget as _, TpsBudget},
};

use crate::{
    random::SharedRandom,
    telemetry::{Metrics, metric},
};

/// A request that knows when its answer comes too late.
pub trait HasDeadline {
    /// The moment after which nobody waits for the answer.
    fn deadline(&self) -> Instant;
}

/// Whether a result is worth another attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// It is final.
    No,
    /// Another attempt may end better.
    Yes {
        /// How long the other side asked to wait; obeyed exactly. Without it the delay is drawn.
        retry_after: Option<Duration>,
        /// Attempts after which this kind of result is final, the first one included.
        attempts_max: u32,
    },
}

/// How often and how fast calls are tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryOptions {
    /// Attempts of one call, the first one included.
    pub attempts_max: u32,
    /// Upper bound of the first drawn delay; it doubles with every attempt.
    pub base: Duration,
    /// The upper bound grows no further than this.
    pub cap: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { attempts_max: 3, base: Duration::from_millis(500), cap: Duration::from_secs(8) }
    }
}

/// The layer for one target. `target` is the label in `gryag_retries_total`; `again` judges each result.
pub fn retry_layer<C: Clone>(
    target: &str,
    options: RetryOptions,
    again: C,
    random: SharedRandom,
    metrics: &Metrics,
) -> RetryLayer<RetryPolicy<C>> {
    let retries = metrics.counter(&metric::RETRIES, &[("target", target)]);
    let shared = Shared { options, budget: budget(), random, retries };
    RetryLayer::new(RetryPolicy { shared: Arc::new(shared), again, attempts: 0 })
}

/// 20 % of the calls of the last ten seconds, and ten a second besides.
fn budget() -> TpsBudget {
    TpsBudget::new(Duration::from_secs(10), 10, 0.2)
}

/// Decides over one call's attempts; tower clones it for every call.
pub struct RetryPolicy<C> {
    shared: Arc<Shared>,
    again: C,
    attempts: u32,
}

struct Shared {
    options: RetryOptions,
    budget: TpsBudget,
    random: SharedRandom,
    retries: Counter,
}

impl<C: Clone> Clone for RetryPolicy<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), again: self.again.clone(), attempts: self.attempts }
    }
}

impl<C> fmt::Debug for RetryPolicy<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RetryPolicy").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

impl<C, Request, Response, Error> Policy<Request, Response, Error> for RetryPolicy<C>
where
    Request: HasDeadline + Clone,
    C: Fn(&Result<Response, Error>) -> Again,
{
    type Future = Sleep;

    fn retry(&mut self, request: &mut Request, result: &mut Result<Response, Error>) -> Option<Sleep> {
        self.attempts += 1;
        if self.attempts == 1 {
            self.shared.budget.deposit();
        }
        let Again::Yes { retry_after, attempts_max } = (self.again)(result) else { return None };
        if self.attempts >= attempts_max.min(self.shared.options.attempts_max) {
            return None;
        }
        let delay = retry_after
            .unwrap_or_else(|| full_jitter(self.shared.options, self.attempts, self.shared.random.fraction()));
        if !fits(delay, request.deadline()) || !self.shared.budget.withdraw() {
            return None;
        }
        self.shared.retries.increment(1);
        Some(sleep(delay))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}

/// A wait that leaves nothing of the deadline is not begun.
fn fits(delay: Duration, deadline: Instant) -> bool {
    Instant::now().checked_add(delay).is_some_and(|end| end < deadline)
}

/// The delay after the `failed`-th attempt: uniform between nothing and a bound that doubles from `base` to `cap`.
/// `fraction` is the draw, in `[0, 1)`.
pub fn full_jitter(options: RetryOptions, failed: u32, fraction: f64) -> Duration {
    let doublings = 2_u32.saturating_pow(failed.saturating_sub(1));
    options.base.saturating_mul(doublings).min(options.cap).mul_f64(fraction.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;

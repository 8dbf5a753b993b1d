//! A circuit breaker for one target: while most of the recent calls fail or crawl, further ones are refused at once,
//! and after a pause a few probes decide whether to let calls through again.
//!
//! # Where it stands
//!
//! Directly around the per-call deadline, so that a time-out is a result that it sees, and inside every queue, so that
//! waiting for our own permits is not taken for slowness of the target. A [`GateLayer`] in front of the queues refuses
//! early what the breaker would refuse anyway. Neither pushes back: `poll_ready` is the inner service's.
//!
//! # What it counts
//!
//! A closure judges each result ([`Verdict`]). A success that took longer than [`BreakerOptions::slow`] counts as a
//! failure. A call that is dropped before its result says nothing about the target, unless it had already been slow:
//! then it counts as a failure. Results of calls that began before the latest change of state are ignored.
//!
//! The error is [`BreakerOpen`], converted into the inner service's error type.

mod machine;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::{Ready, ready},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready as ready_or_pending},
    time::Duration,
};

use futures_util::future::Either;
use metrics::Gauge;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use self::machine::Machine;
use crate::{
    errors::{Class, Classify},
    telemetry::{Metrics, metric},
};

/// What a result says about the target's health.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The target works (a refusal for a good reason is a sign of health too).
    Success,
    /// The target does not work.
    Failure {
        /// How long the target asked to be left alone; if this failure opens the breaker, it stays open so long.
        retry_after: Option<Duration>,
    },
    /// Nothing: neither counted nor a probe.
    Ignore,
}

/// When a breaker opens and closes. The defaults are design.md section 4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerOptions {
    /// How far back calls count.
    pub window: Duration,
    /// With fewer calls than this in the window it stays closed.
    pub calls_min: u32,
    /// It opens when at least this share of the window's calls failed or were slow, in percent. Of the probes, fewer
    /// than this share may fail.
    pub failed_percent: u32,
    /// A call that takes at least this long counts as failed.
    pub slow: Duration,
    /// How long it stays open, unless the failure that opened it says otherwise.
    pub open: Duration,
    /// Calls that are let through half-open before it decides.
    pub probes: u32,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            calls_min: 10,
            failed_percent: 50,
            slow: Duration::from_secs(10),
            open: Duration::from_secs(20),
            probes: 3,
        }
    }
}

/// The call was not made because the target has been failing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the breaker is open after too many failed calls; the next attempt is possible in {retry_after:?}")]
pub struct BreakerOpen {
    /// When a call may be let through again, at the earliest.
    pub retry_after: Duration,
}

impl Classify for BreakerOpen {
    fn class(&self) -> Class {
        Class::Transient { retry_after: Some(self.retry_after) }
    }
}

/// What a breaker does with calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerState {
    /// Lets them through.
    Closed,
    /// Lets a few through as probes.
    HalfOpen,
    /// Refuses them.
    Open,
}

impl BreakerState {
    /// The gauge's value: 0 closed, 1 half-open, 2 open.
    pub const fn as_gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }

    /// The word for logs and health pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// One target's breaker; every clone, layer and service made from it shares its state.
#[derive(Clone)]
pub struct BreakerHandle {
    shared: Arc<Shared>,
}

struct Shared {
    target: String,
    slow: Duration,
    gauge: Gauge,
    // Held for a few additions, never across an await.
    machine: Mutex<Machine>,
}

impl fmt::Debug for BreakerHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BreakerHandle").field("target", &self.shared.target).finish_non_exhaustive()
    }
}

impl BreakerHandle {
    /// A closed breaker. `target` is its label in `gryag_breaker_state`.
    pub fn new(target: impl Into<String>, options: BreakerOptions, metrics: &Metrics) -> Self {
        let target = target.into();
        let gauge = metrics.gauge(&metric::BREAKER_STATE, &[("target", &target)]);
        gauge.set(BreakerState::Closed.as_gauge());
        let machine = Mutex::new(Machine::new(options, Instant::now()));
        Self { shared: Arc::new(Shared { target, slow: options.slow, gauge, machine }) }
    }

    /// The label of its target.
    pub fn target(&self) -> &str {
        &self.shared.target
    }

    /// What it does with calls now.
    pub fn state(&self) -> BreakerState {
        self.with_machine(|machine, now| machine.state(now))
    }

    /// The error with which a call would be refused now. Takes no probe.
    pub fn refusal(&self) -> Option<BreakerOpen> {
        self.with_machine(|machine, now| machine.refusal(now))
    }

    /// The breaker around the calls themselves; `classify` judges their results.
    pub fn layer<C>(&self, classify: C) -> BreakerLayer<C> {
        BreakerLayer { handle: self.clone(), classify }
    }

    /// The early refusal in front of the queues.
    pub fn gate(&self) -> GateLayer {
        GateLayer { handle: self.clone() }
    }

    fn admit(&self) -> Result<Ticket, BreakerOpen> {
        let generation = self.with_machine(|machine, now| machine.admit(now))?;
        Ok(Ticket { handle: self.clone(), generation, started: Instant::now(), judged: false })
    }

    /// The one way to the state: whatever changes it, the gauge and the log follow.
    fn with_machine<T>(&self, act: impl FnOnce(&mut Machine, Instant) -> T) -> T {
        let mut machine = self.shared.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let before = machine.last_state();
        let result = act(&mut machine, now);
        let after = machine.last_state();
        if before != after {
            self.shared.gauge.set(after.as_gauge());
            tracing::warn!(
                breaker = self.shared.target,
                from = before.as_str(),
                to = after.as_str(),
                "a breaker moved"
            );
        }
        result
    }
}

/// Leave to make one call, and the duty to say what became of it.
struct Ticket {
    handle: BreakerHandle,
    generation: u64,
    started: Instant,
    judged: bool,
}

impl Ticket {
    fn judge(&mut self, verdict: Verdict) {
        self.judged = true;
        let slow = self.started.elapsed() >= self.handle.shared.slow;
        let verdict = match verdict {
            Verdict::Success if slow => Verdict::Failure { retry_after: None },
            verdict => verdict,
        };
        self.handle.with_machine(|machine, now| machine.record(self.generation, now, verdict));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.judged {
            return;
        }
        let slow = self.started.elapsed() >= self.handle.shared.slow;
        self.judge(if slow { Verdict::Failure { retry_after: None } } else { Verdict::Ignore });
    }
}

/// Puts a service behind a breaker.
#[derive(Clone, Debug)]
pub struct BreakerLayer<C> {
    handle: BreakerHandle,
    classify: C,
}

impl<S, C: Clone> Layer<S> for BreakerLayer<C> {
    type Service = Breaker<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Breaker { inner, handle: self.handle.clone(), classify: self.classify.clone() }
    }
}

/// A service behind a breaker.
#[derive(Clone, Debug)]
pub struct Breaker<S, C> {
    inner: S,
    handle: BreakerHandle,
    classify: C,
}

impl<S, C, Request> Service<Request> for Breaker<S, C>
where
    S: Service<Request>,
    S::Error: From<BreakerOpen>,
    C: Fn(&Result<S::Response, S::Error>) -> Verdict + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<S::Response, S::Error>>, Observed<S::Future, C>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.handle.admit() {
            Ok(ticket) => {
                let future = self.inner.call(request);
                Either::Right(Observed { future, ticket, classify: self.classify.clone() })
            }
            Err(open) => Either::Left(ready(Err(open.into()))),
        }
    }
}

pin_project! {
    /// A call whose result the breaker waits for.
    pub struct Observed<F, C> {
        #[pin]
        future: F,
        ticket: Ticket,
        classify: C,
    }
}

impl<F, C, T, E> Future for Observed<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Fn(&Result<T, E>) -> Verdict,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready_or_pending!(this.future.poll(context));
        this.ticket.judge((this.classify)(&result));
        Poll::Ready(result)
    }
}

/// Refuses, in front of a queue, what the breaker behind the queue would refuse.
#[derive(Clone, Debug)]
pub struct GateLayer {
    handle: BreakerHandle,
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gate { inner, handle: self.handle.clone() }
    }
}

/// A service behind a [`GateLayer`].
#[derive(Clone, Debug)]
pub struct Gate<S> {
    inner: S,
    handle: BreakerHandle,
}

impl<S, Request> Service<Request> for Gate<S>
where
    S: Service<Request>,
    S::Error: From<BreakerOpen>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<S::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.handle.refusal() {
            Some(open) => Either::Left(ready(Err(open.into()))),
            None => Either::Right(self.inner.call(request)),
        }
    }
}

//! One record per HTTP call, whatever became of it: for the cost ledger and the metrics.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::{
    error::GeminiError,
    stack::{Ask, Reply},
};
use crate::{
    clock::{SharedClock, kyiv_day},
    config::prices,
    domain::{Cost, Timestamp, TokenUsage},
    telemetry::{Metrics, metric},
};

/// One HTTP call of the model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallRecord {
    /// When it was begun.
    pub at: Timestamp,
    /// Which model was called.
    pub model: String,
    /// What upstream counted; zero where it did not tell (errors are not billed).
    pub usage: TokenUsage,
    /// What that cost, by the day's price.
    pub cost: Cost,
    /// From the request's start to its result.
    pub took: Duration,
    /// `answered`, `cut`, `cancelled`, or [`GeminiError::short`].
    pub outcome: &'static str,
}

/// The records of one question. Bounded by the attempts of both models.
#[derive(Clone, Default, Debug)]
pub(super) struct Ledger(Arc<Mutex<Vec<CallRecord>>>);

impl Ledger {
    pub(super) fn take(&self) -> Vec<CallRecord> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, record: CallRecord) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

/// Writes each call into its [`Ask`]'s ledger and into the metrics. Around the per-call deadline, so that it sees
/// time-outs; a call that is dropped is noted as `cancelled`.
#[derive(Clone, Debug)]
pub(super) struct RecordLayer {
    pub(super) model: String,
    pub(super) clock: SharedClock,
    pub(super) metrics: Metrics,
}

impl<S> Layer<S> for RecordLayer {
    type Service = Record<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Record { inner, layer: self.clone() }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Record<S> {
    inner: S,
    layer: RecordLayer,
}

impl<S> Service<Ask> for Record<S>
where
    S: Service<Ask, Response = Reply, Error = GeminiError, Future: Send + 'static>,
{
    type Response = Reply;
    type Error = GeminiError;
    type Future = BoxFuture<'static, Result<Reply, GeminiError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), GeminiError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let ledger = ask.ledger.clone();
        let (at, started) = (self.layer.clock.now(), Instant::now());
        let mut open = OpenRecord { layer: self.layer.clone(), ledger, at, started, closed: false };
        let call = self.inner.call(ask);
        Box::pin(async move {
            let result = call.await;
            open.close(outcome(&result), result.as_ref().map_or_else(GeminiError::usage, |reply| reply.usage));
            result
        })
    }
}

fn outcome(result: &Result<Reply, GeminiError>) -> &'static str {
    match result {
        Ok(reply) if reply.cut => "cut",
        Ok(_) => "answered",
        Err(error) => error.short(),
    }
}

/// A call that is under way.
struct OpenRecord {
    layer: RecordLayer,
    ledger: Ledger,
    at: Timestamp,
    started: Instant,
    closed: bool,
}

impl OpenRecord {
    fn close(&mut self, outcome: &'static str, usage: TokenUsage) {
        self.closed = true;
        let RecordLayer { model, metrics, .. } = &self.layer;
        let took = self.started.elapsed();
        metrics.record(&metric::GEMINI_REQUEST_DURATION, &[("model", model), ("outcome", outcome)], took);
        let kinds = [
            ("prompt", usage.prompt),
            ("cached", usage.cached),
            ("thoughts", usage.thoughts),
            ("answer", usage.answer),
        ];
        for (kind, tokens) in kinds {
            metrics.add(&metric::GEMINI_TOKENS, &[("model", model), ("kind", kind)], u64::from(tokens));
        }
        let cost = prices::built_in().cost(model, kyiv_day(self.at), usage);
        self.count_cost(cost, usage);
        tracing::debug!(model, outcome, duration_ms = took.as_millis(), "a call of the model ended");
        self.ledger.note(CallRecord { at: self.at, model: model.clone(), usage, cost, took, outcome });
    }

    fn count_cost(&self, cost: Cost, usage: TokenUsage) {
        let RecordLayer { model, metrics, .. } = &self.layer;
        let labels = [("model", model.as_str())];
        match cost.nano_usd {
            Some(nano_usd) => {
                metrics.add(&metric::GEMINI_COST, &labels, u64::try_from(nano_usd).unwrap_or(0));
            }
            None => {
                let tokens = [usage.prompt, usage.thoughts, usage.answer].map(u64::from);
                metrics.add(&metric::GEMINI_UNPRICED_TOKENS, &labels, tokens.into_iter().sum());
            }
        }
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        if !self.closed {
            self.close("cancelled", TokenUsage::default());
        }
    }
}

//! What a call of one model passes through, outermost first.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, header};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _, service_fn, util::BoxCloneSyncService};

use super::{
    error::GeminiError,
    judge,
    ledger::{Ledger, RecordLayer},
    names::StopNames,
    refusal,
    slots::{RateSlotLayer, RateSlots},
    wire::{self, Reading},
};
use crate::{
    clock::SharedClock,
    domain::TokenUsage,
    layers::{
        breaker::{BreakerHandle, BreakerOptions},
        retry::{HasDeadline, RetryOptions, retry_layer},
    },
    random::SharedRandom,
    telemetry::Metrics,
    transport::{self, Transport},
};

/// One question on its way down.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) body: Bytes,
    pub(super) deadline: Instant,
    pub(super) ledger: Ledger,
    /// Nobody waits for it: it takes what others leave.
    pub(super) is_unasked: bool,
}

impl HasDeadline for Ask {
    fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// A good answer on its way up.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) cut: bool,
    pub(super) usage: TokenUsage,
}

/// The stack of one model.
pub(super) type Stack = BoxCloneSyncService<Ask, Reply, GeminiError>;

/// What both models' stacks are made with.
#[derive(Clone, Debug)]
pub(super) struct Materials {
    pub(super) upstream: Upstream,
    pub(super) call_timeout: Duration,
    pub(super) max_concurrent: usize,
    pub(super) rate: Option<Arc<dyn RateSlots>>,
    pub(super) random: SharedRandom,
    pub(super) metrics: Metrics,
}

/// Builds the stack of `model`, and its breaker's handle.
pub(super) fn build(model: &str, materials: &Materials) -> (Stack, BreakerHandle) {
    let Materials { upstream, call_timeout, max_concurrent, rate, random, metrics } = materials.clone();
    let target = format!("gemini/{model}");
    // A call that took three quarters of its time-out is about to fail.
    let slow = call_timeout * 3 / 4;
    let breaker = BreakerHandle::new(&target, BreakerOptions { slow, ..BreakerOptions::default() }, &metrics);
    let record = RecordLayer { model: model.to_owned(), clock: upstream.clock.clone(), metrics: metrics.clone() };
    let model = model.to_owned();
    let stack = ServiceBuilder::new()
        // The turn's deadline, over everything below. Those below keep it themselves; this one makes it certain.
        .layer(DeadlineLayer { at_most: None })
        // Tries again what may pass, within the deadline and the model's retry budget.
        .layer(retry_layer(&target, RetryOptions::default(), judge::again, random, &metrics))
        // While the breaker is open, refuses before anything is waited for or spent.
        .layer(breaker.gate())
        // A slot of the requests a minute that all replicas share.
        .layer(RateSlotLayer(rate))
        // A place among the calls of this process.
        .layer(ConcurrencyLayer { places: Arc::new(Semaphore::new(max_concurrent)) })
        // The breaker itself. It stands behind the queues, so that waiting there is not taken for slowness, and those
        // who waited while it opened are refused after all.
        .layer(breaker.layer(move |result: &Result<Reply, GeminiError>| judge::verdict(result, slow)))
        // One record per HTTP call, whatever became of it.
        .layer(record)
        // One call's deadline: inside the breaker, which must see time-outs.
        .layer(DeadlineLayer { at_most: Some(call_timeout) })
        .service(service_fn(move |ask: Ask| {
            let (upstream, model) = (upstream.clone(), model.clone());
            async move { upstream.generate(&model, ask.body).await }
        }));
    (BoxCloneSyncService::new(stack), breaker)
}

/// The HTTP side.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    pub(super) transport: Transport,
    /// `{base}/v1beta`.
    pub(super) root: String,
    /// Marked as sensitive, so that its `Debug` says only that.
    pub(super) key: HeaderValue,
    pub(super) clock: SharedClock,
    pub(super) names: Arc<StopNames>,
}

impl Upstream {
    /// Asks a model once.
    async fn generate(&self, model: &str, body: Bytes) -> Result<Reply, GeminiError> {
        let response = self.send(Method::POST, &format!("models/{model}:generateContent"), body).await?;
        if response.status().is_success()
            && let Reading::Answer(answer) = wire::read(response.body(), &self.names)
        {
            return answer;
        }
        Err(self.refusal(model, &response))
    }

    /// Names of the models that this key may ask.
    pub(super) async fn models(&self) -> Result<Vec<String>, GeminiError> {
        let response = self.send(Method::GET, "models?pageSize=1000", Bytes::new()).await?;
        if response.status().is_success() {
            return wire::read_models(response.body());
        }
        Err(self.refusal("the list of models", &response))
    }

    fn refusal(&self, model: &str, response: &Response<Bytes>) -> GeminiError {
        refusal::read(model, response.status(), response.headers(), response.body(), self.clock.now())
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Bytes>, GeminiError> {
        let mut request = Request::builder().method(method).uri(format!("{}/{path}", self.root));
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .header("x-goog-api-key", self.key.clone())
            .body(body)
            .expect("the root, the model and the key were checked when the client was made");
        Ok(transport::call(&self.transport, request).await?)
    }
}

/// Ends a call at its [`Ask`]'s deadline, or `at_most` after its start.
#[derive(Clone, Debug)]
struct DeadlineLayer {
    at_most: Option<Duration>,
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadline { inner, at_most: self.at_most }
    }
}

#[derive(Clone, Debug)]
struct Deadline<S> {
    inner: S,
    at_most: Option<Duration>,
}

impl<S> Service<Ask> for Deadline<S>
where
    S: Service<Ask, Response = Reply, Error = GeminiError, Future: Send> + Clone + Send + 'static,
{
    type Response = Reply;
    type Error = GeminiError;
    type Future = BoxFuture<'static, Result<Reply, GeminiError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), GeminiError>> {
        Poll::Ready(Ok(())) // readiness is waited for under the deadline
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let started = Instant::now();
        let own_end = self.at_most.and_then(|at_most| started.checked_add(at_most));
        let end = own_end.map_or(ask.deadline, |own_end| own_end.min(ask.deadline));
        let inner = self.inner.clone();
        Box::pin(async move {
            let after = end.saturating_duration_since(started);
            // `timeout_at` would send the request before it looks at the time.
            if after.is_zero() {
                return Err(GeminiError::Timeout { after });
            }
            timeout_at(end, inner.oneshot(ask)).await.unwrap_or(Err(GeminiError::Timeout { after }))
        })
    }
}

/// Bounds the calls that run at the same time; the others wait, in order, at most until their deadline.
#[derive(Clone, Debug)]
struct ConcurrencyLayer {
    places: Arc<Semaphore>,
}

impl<S> Layer<S> for ConcurrencyLayer {
    type Service = Concurrency<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Concurrency { inner, places: Arc::clone(&self.places) }
    }
}

#[derive(Clone, Debug)]
struct Concurrency<S> {
    inner: S,
    places: Arc<Semaphore>,
}

impl<S> Service<Ask> for Concurrency<S>
where
    S: Service<Ask, Response = Reply, Error = GeminiError, Future: Send> + Clone + Send + 'static,
{
    type Response = Reply;
    type Error = GeminiError;
    type Future = BoxFuture<'static, Result<Reply, GeminiError>>;

    // tower's own limit takes its permit here, before the layers above have decided whether to call at all.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), GeminiError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let (inner, places) = (self.inner.clone(), Arc::clone(&self.places));
        Box::pin(async move {
            let Ok(place) = timeout_at(ask.deadline, places.acquire_owned()).await else {
                return Err(GeminiError::NoSlot { retry_after: None });
            };
            let _place = place.expect("the semaphore is never closed");
            inner.oneshot(ask).await
        })
    }
}

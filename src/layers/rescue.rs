//! Turns the errors of tower's own layers into answers: the one place where a stack becomes infallible.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{BoxError, response::Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service, load_shed::error::Overloaded, timeout::error::Elapsed};

use super::refusal::Refusal;
use crate::telemetry::Metrics;

/// Answers 503 with `Retry-After` when the layers inside it shed load (`reason="overload"`) or ran out of time
/// (`reason="deadline"`); any other error is a fault of ours: 500, logged.
///
/// Pushes back: as the inner service; put a `load_shed` directly inside, which never does. Error: none. In the stack:
/// outside `load_shed`, `concurrency_limit` and `timeout`.
#[derive(Clone, Debug)]
pub struct RescueLayer {
    metrics: Metrics,
}

impl RescueLayer {
    /// Counts refusals in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Rescue { inner, metrics: self.metrics.clone() }
    }
}

/// The service of [`RescueLayer`].
#[derive(Clone, Debug)]
pub struct Rescue<S> {
    inner: S,
    metrics: Metrics,
}

impl<S, Q> Service<Q> for Rescue<S>
where
    S: Service<Q, Response = Response, Error = BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // An error here comes again from `call`, where there is a request to answer.
        self.inner.poll_ready(cx).map(|_| Ok(()))
    }

    fn call(&mut self, request: Q) -> Self::Future {
        ResponseFuture { inner: self.inner.call(request), metrics: self.metrics.clone() }
    }
}

pin_project! {
    /// The future of [`Rescue`].
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        metrics: Metrics,
    }
}

impl<F> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response, BoxError>>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx)).unwrap_or_else(|error| refusal(&error).answer(this.metrics));
        Poll::Ready(Ok(answer))
    }
}

fn refusal(error: &BoxError) -> Refusal {
    if error.is::<Overloaded>() {
        Refusal::Overloaded
    } else if error.is::<Elapsed>() {
        Refusal::DeadlinePassed
    } else {
        // Its words are unknown to us, so they are not logged either.
        tracing::error!("a layer failed with an error that has no answer of its own");
        Refusal::Unforeseen
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use axum::body::Body;
    use http::{Request, StatusCode, header};
    use tower::{ServiceBuilder, ServiceExt as _};

    use super::*;

    fn request() -> Request<Body> {
        Request::new(Body::empty())
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_limit_is_shed_with_retry_after() {
        let metrics = Metrics::new();
        let service = ServiceBuilder::new()
            .layer(RescueLayer::new(metrics.clone()))
            .load_shed()
            .concurrency_limit(1)
            .service_fn(async |_: Request<Body>| pending::<Result<Response, BoxError>>().await);
        let mut running = Box::pin(service.clone().oneshot(request()));
        assert!(futures_util::poll!(&mut running).is_pending());

        let shed = service.oneshot(request()).await.unwrap();
        assert_eq!(shed.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(shed.headers()[header::RETRY_AFTER], "5");
        assert!(metrics.render().contains("gryag_http_refused_total{reason=\"overload\"} 1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_hangs_is_answered_for_at_its_deadline() {
        let started = tokio::time::Instant::now();
        let service = ServiceBuilder::new()
            .layer(RescueLayer::new(Metrics::new()))
            .timeout(Duration::from_secs(20))
            .service_fn(async |_: Request<Body>| pending::<Result<Response, BoxError>>().await);
        let answer = service.oneshot(request()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
        assert_eq!(started.elapsed().as_secs(), 20);
    }

    #[tokio::test]
    async fn an_unforeseen_error_is_a_500_without_its_words() {
        let service = ServiceBuilder::new()
            .layer(RescueLayer::new(Metrics::new()))
            .service_fn(async |_: Request<Body>| Err::<Response, BoxError>("canary".into()));
        let answer = service.oneshot(request()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes(), "");
    }
}

//! Refuses requests that no layer has found authentic.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use axum::response::Response;
use futures_util::future::Either;
use http::Request;
use tower::{Layer, Service};

use super::refusal::Refusal;
use crate::telemetry::Metrics;

/// Stands in the extensions of a request that has proved where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Authentic;

/// Answers 401 with an empty body (`gryag_http_refused_total{reason="secret"}`) to a request without the
/// [`Authentic`] mark, before its body is read.
///
/// Pushes back: never. Error: the inner service's. In the stack: inside the layer that marks and inside `rate_limit`,
/// outside everything that costs.
#[derive(Clone, Debug)]
pub struct RequireAuthenticLayer {
    metrics: Metrics,
}

impl RequireAuthenticLayer {
    /// Counts refusals in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

impl<S> Layer<S> for RequireAuthenticLayer {
    type Service = RequireAuthentic<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireAuthentic { inner, metrics: self.metrics.clone() }
    }
}

/// The service of [`RequireAuthenticLayer`].
#[derive(Clone, Debug)]
pub struct RequireAuthentic<S> {
    inner: S,
    metrics: Metrics,
}

impl<S, B> Service<Request<B>> for RequireAuthentic<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.extensions().get::<Authentic>().is_some() {
            Either::Left(self.inner.call(request))
        } else {
            Either::Right(ready(Ok(Refusal::WrongSecret.answer(&self.metrics))))
        }
    }
}

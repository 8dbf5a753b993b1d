//! Measures every request by its matched route and its status.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use axum::extract::MatchedPath;
use http::{Request, Response, StatusCode};
use metrics::Histogram;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::telemetry::{Metrics, metric};

/// The label of a request that matched no route. Raw paths are the client's, so they are never labels.
const UNKNOWN_ROUTE: &str = "<unknown>";

/// Records the time to the response's head in `gryag_http_request_duration_seconds{route,status}`. A request whose
/// client leaves before the answer is not recorded.
///
/// The histogram of a route's 200 is looked up once; others, which are few, for every request.
///
/// Pushes back: never. Error: the inner service's. In the stack: inside the request id, outside whatever answers, so
/// that refusals and panics are measured too.
#[derive(Clone, Debug)]
pub struct HttpMetricsLayer {
    metrics: Metrics,
}

impl HttpMetricsLayer {
    /// Records into `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

impl<S> Layer<S> for HttpMetricsLayer {
    type Service = MeasureHttp<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MeasureHttp { inner, metrics: self.metrics.clone(), known: Arc::default() }
    }
}

/// The service of [`HttpMetricsLayer`].
#[derive(Clone, Debug)]
pub struct MeasureHttp<S> {
    inner: S,
    metrics: Metrics,
    known: Arc<OnceLock<Known>>,
}

/// The histogram of the first 200 that passed here. Every route has a service of its own, so it is mostly the one
/// that is wanted.
#[derive(Debug)]
struct Known {
    route: String,
    took: Histogram,
}

impl<S, B, R> Service<Request<B>> for MeasureHttp<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let started = Instant::now();
        let (metrics, known) = (self.metrics.clone(), Arc::clone(&self.known));
        ResponseFuture { inner: self.inner.call(request), route, started, metrics, known }
    }
}

pin_project! {
    /// The future of [`MeasureHttp`].
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        route: Option<MatchedPath>,
        started: Instant,
        metrics: Metrics,
        known: Arc<OnceLock<Known>>,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let route = this.route.as_ref().map_or(UNKNOWN_ROUTE, MatchedPath::as_str);
        let (status, took) = (response.status(), this.started.elapsed());
        let labels = [("route", route), ("status", status.as_str())];
        if status == StatusCode::OK {
            let known = this.known.get_or_init(|| Known {
                route: route.to_owned(),
                took: this.metrics.histogram(&metric::HTTP_REQUEST_DURATION, &labels),
            });
            if known.route == route {
                known.took.record(took.as_secs_f64());
                return Poll::Ready(Ok(response));
            }
        }
        this.metrics.record(&metric::HTTP_REQUEST_DURATION, &labels, took);
        Poll::Ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use proptest::prelude::*;
    use tower::ServiceExt as _;

    use super::*;

    fn routes(metrics: &Metrics) -> Router {
        Router::new().route("/known/{name}", get(async || "here")).layer(HttpMetricsLayer::new(metrics.clone()))
    }

    proptest! {
        #[test]
        fn labels_are_matched_routes_whatever_the_path(path in "/(known/)?[a-z0-9%]{0,12}(/[a-z]{0,4})?") {
            let Ok(request) = Request::get(&path).body(Body::empty()) else { return Ok(()) };
            let metrics = Metrics::new();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let status = runtime.block_on(routes(&metrics).oneshot(request)).unwrap().status();
            let route = if status == 404 { UNKNOWN_ROUTE } else { "/known/{name}" };
            let line = format!(
                "gryag_http_request_duration_seconds_count{{route=\"{route}\",status=\"{}\"}} 1",
                status.as_str(),
            );
            let scraped = metrics.render();
            prop_assert!(scraped.contains(&line), "{line} is not in {scraped}");
            prop_assert_eq!(scraped.matches("duration_seconds_count").count(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_is_that_of_the_handler() {
        let metrics = Metrics::new();
        let slow = get(async || tokio::time::sleep(std::time::Duration::from_secs(2)).await);
        let router = Router::new().route("/slow", slow).layer(HttpMetricsLayer::new(metrics.clone()));
        router.oneshot(Request::get("/slow").body(Body::empty()).unwrap()).await.unwrap();
        let scraped = metrics.render();
        assert!(scraped.contains("le=\"1.5\"} 0") && scraped.contains("le=\"3\"} 1"), "{scraped}");
    }
}

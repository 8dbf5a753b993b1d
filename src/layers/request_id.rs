//! Gives every request an id and the trace span `request`, so that one id follows a message from its POST to the send
//! that answered it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::extract::MatchedPath;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, instrument::Instrumented};

use crate::{domain::RequestId, random::SharedRandom};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// A UUID's length: the longest id of another's making that we put into our logs and rows.
const FOREIGN_CHARS_MAX: usize = 36;
/// What stands in place of a route where none matched, and of a method that HTTP does not define.
const UNKNOWN: &str = "<unknown>";

/// Puts a [`RequestId`] into the request's extensions, opens the span `request` (`request.id`, method, matched route,
/// never the path or the query, which may hold anything), and repeats the id in the response's `x-request-id`.
///
/// An `x-request-id` of the client's own is taken over only if it is at most 36 characters of `[A-Za-z0-9-]`.
///
/// Pushes back: never. Error: the inner service's. In the stack: outermost, so that every other layer logs inside the
/// span.
#[derive(Clone, Debug)]
pub struct RequestIdLayer {
    random: SharedRandom,
}

impl RequestIdLayer {
    /// Ids are drawn from `random`: they tell requests apart, they protect nothing.
    pub fn new(random: SharedRandom) -> Self {
        Self { random }
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = SetRequestId<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SetRequestId { inner, random: self.random.clone() }
    }
}

/// The service of [`RequestIdLayer`].
#[derive(Clone, Debug)]
pub struct SetRequestId<S> {
    inner: S,
    random: SharedRandom,
}

impl<S, B, R> Service<Request<B>> for SetRequestId<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = foreign_id(&request).unwrap_or_else(|| RequestId(format!("{:016x}", self.random.bits())));
        let header = HeaderValue::from_str(&id.0).expect("an id is hexadecimal or of checked characters");
        let span = span(&id, &request);
        request.extensions_mut().insert(id);
        let inner = span.in_scope(|| self.inner.call(request)).instrument(span);
        ResponseFuture { inner, header: Some(header) }
    }
}

fn foreign_id<B>(request: &Request<B>) -> Option<RequestId> {
    let id = request.headers().get(HEADER)?.to_str().ok()?;
    let usable = (1..=FOREIGN_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    usable.then(|| RequestId(id.to_owned()))
}

fn span<B>(id: &RequestId, request: &Request<B>) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or(UNKNOWN, MatchedPath::as_str);
    tracing::info_span!("request", request.id = %id, method = method_name(request.method()), route)
}

/// An extension method is the client's free text, so it does not get into the log.
fn method_name(method: &Method) -> &str {
    let standard = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::CONNECT,
        Method::PATCH,
        Method::TRACE,
    ];
    if standard.contains(method) { method.as_str() } else { UNKNOWN }
}

pin_project! {
    /// The future of [`SetRequestId`].
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Instrumented<F>,
        header: Option<HeaderValue>,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if let Some(header) = this.header.take() {
            response.headers_mut().insert(HEADER, header);
        }
        Poll::Ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        io,
        sync::{Arc, Mutex},
    };

    use axum::{Router, body::Body, routing::get};
    use proptest::prelude::*;
    use tower::{ServiceBuilder, ServiceExt as _};

    use super::*;
    use crate::random::Seeded;

    /// Sends a request with the given `x-request-id`; returns the id that the handler saw and the response's.
    async fn ids(incoming: Option<HeaderValue>) -> (String, String) {
        let service = ServiceBuilder::new().layer(RequestIdLayer::new(Arc::new(Seeded::new(7)))).service_fn(
            async |request: Request<Body>| {
                let id = request.extensions().get::<RequestId>().expect("the layer puts it there").clone();
                Ok::<_, Infallible>(Response::new(id.0))
            },
        );
        let mut request = Request::new(Body::empty());
        if let Some(incoming) = incoming {
            request.headers_mut().insert(HEADER, incoming);
        }
        let response = service.oneshot(request).await.unwrap();
        let header = response.headers()[HEADER].to_str().unwrap().to_owned();
        (response.into_body(), header)
    }

    #[tokio::test]
    async fn a_request_gets_sixteen_hexadecimal_digits() {
        let (seen, answered) = ids(None).await;
        assert_eq!(seen, answered);
        assert_eq!(seen.len(), 16);
        assert!(seen.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[tokio::test]
    async fn a_tidy_foreign_id_is_kept() {
        let uuid = "0193d5b8-7c1e-7a44-9f0e-2b6f3f1d9a10";
        assert_eq!(ids(Some(HeaderValue::from_static(uuid))).await, (uuid.to_owned(), uuid.to_owned()));
    }

    proptest! {
        #[test]
        fn whatever_a_client_sends_the_id_is_short_and_plain(incoming in proptest::collection::vec(any::<u8>(), 0..80)) {
            let Ok(incoming) = HeaderValue::from_bytes(&incoming) else { return Ok(()) };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (seen, _) = runtime.block_on(ids(Some(incoming)));
            prop_assert!((1..=36).contains(&seen.len()));
            prop_assert!(seen.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        }
    }

    /// What is logged, for tests.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_handler_logs_under_the_id_and_the_route_and_never_the_path() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let handler = get(async || tracing::info!("inside"));
        let router = Router::new().route("/known/{name}", handler).layer(RequestIdLayer::new(Arc::new(Seeded::new(7))));
        let request = Request::get("/known/canary?canary").header(HEADER, "id-1").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap();
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let span = "request{request.id=id-1 method=\"GET\" route=\"/known/{name}\"}";
        assert!(log.contains(span) && log.contains("inside") && !log.contains("canary"), "{log}");
    }

    #[test]
    fn a_method_of_free_text_is_not_logged() {
        assert_eq!(method_name(&Method::POST), "POST");
        assert_eq!(method_name(&Method::from_bytes(b"SECRET").unwrap()), UNKNOWN);
    }
}

//! Reads a request's whole body before the handler, within a size and a time.

use std::{
    future::{Future as _, poll_fn},
    mem,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::time::timeout;
use tower::{Layer, Service};

use super::refusal::Refusal;
use crate::telemetry::Metrics;

/// How much of a body is taken, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BodyLimits {
    /// Largest body; exactly this much passes.
    pub bytes_max: usize,
    /// Time for the whole body, however its bytes are spread over it.
    pub deadline: Duration,
}

/// Reads the whole body and hands the inner service a request whose body is in memory.
///
/// Answers 413 when the body is over the cap (a declared length over it is refused unread), 503 with `Retry-After`
/// when it has not arrived by the deadline (never a 2xx: a proxy's or a sender's stall must not look like success),
/// 400 when it breaks off. After each of them the connection is closed.
///
/// Pushes back: never. Error: the inner service's. In the stack: innermost, so that only authentic requests within the
/// concurrency limit occupy memory.
#[derive(Clone, Debug)]
pub struct WholeBodyLayer {
    limits: BodyLimits,
    metrics: Metrics,
}

impl WholeBodyLayer {
    /// Keeps to `limits`; counts refusals in `metrics`.
    pub fn new(limits: BodyLimits, metrics: Metrics) -> Self {
        Self { limits, metrics }
    }
}

impl<S> Layer<S> for WholeBodyLayer {
    type Service = ReadWholeBody<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadWholeBody { inner, limits: self.limits, metrics: self.metrics.clone() }
    }
}

/// The service of [`WholeBodyLayer`].
#[derive(Clone, Debug)]
pub struct ReadWholeBody<S> {
    inner: S,
    limits: BodyLimits,
    metrics: Metrics,
}

impl<S> Service<Request<Body>> for ReadWholeBody<S>
where
    S: Service<Request<Body>, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready goes; its clone stays and will be asked again.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let (limits, metrics) = (self.limits, self.metrics.clone());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            match read_body(body, limits).await {
                Ok(whole) => inner.call(Request::from_parts(head, Body::from(whole))).await,
                Err(refusal) => Ok(refusal.answer(&metrics)),
            }
        })
    }
}

/// Reads a whole body.
///
/// # Errors
///
/// [`Refusal::TooLarge`], [`Refusal::BodyStalled`] or [`Refusal::BodyBroken`].
pub async fn read_body(body: Body, limits: BodyLimits) -> Result<Bytes, Refusal> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > limits.bytes_max {
        return Err(Refusal::TooLarge);
    }
    let mut whole = pin!(collect(body, declared, limits.bytes_max));
    // Mostly it came along with the head, and needs no timer.
    if let Poll::Ready(read) = poll_fn(|cx| Poll::Ready(whole.as_mut().poll(cx))).await {
        return read;
    }
    timeout(limits.deadline, whole).await.unwrap_or(Err(Refusal::BodyStalled))
}

/// Copies frame by frame: kept as they come, a body of one-byte chunks would take thirty times its size.
async fn collect(mut body: Body, declared: usize, bytes_max: usize) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::with_capacity(declared);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else { continue };
        if data.len() > bytes_max - whole.len() {
            return Err(Refusal::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::{StreamExt as _, stream};
    use proptest::prelude::*;
    use tokio::time::{Instant, sleep};

    use super::*;

    const LIMITS: BodyLimits = BodyLimits { bytes_max: 1000, deadline: Duration::from_secs(15) };

    /// A body without a declared length, in the given pieces.
    fn streamed(pieces: Vec<Vec<u8>>) -> Body {
        Body::from_stream(stream::iter(pieces).map(Ok::<_, io::Error>))
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_cap_passes_and_one_byte_more_does_not() {
        assert_eq!(read_body(Body::from(vec![7; 1000]), LIMITS).await.unwrap().len(), 1000);
        assert_eq!(read_body(streamed(vec![vec![7; 600], vec![7; 400]]), LIMITS).await.unwrap().len(), 1000);
        assert_eq!(read_body(Body::from(vec![7; 1001]), LIMITS).await, Err(Refusal::TooLarge));
        assert_eq!(read_body(streamed(vec![vec![7; 600], vec![7; 401]]), LIMITS).await, Err(Refusal::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickling_body_is_cut_at_the_deadline_of_the_whole() {
        let trickle = stream::unfold((), async |()| {
            sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, io::Error>("x"), ()))
        });
        let started = Instant::now();
        assert_eq!(read_body(Body::from_stream(trickle), LIMITS).await, Err(Refusal::BodyStalled));
        assert_eq!(started.elapsed(), LIMITS.deadline);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_refused() {
        let pieces = stream::iter([Ok("{\"update_id\":1"), Err(io::Error::other("reset"))]);
        assert_eq!(read_body(Body::from_stream(pieces), LIMITS).await, Err(Refusal::BodyBroken));
    }

    proptest! {
        #[test]
        fn the_bytes_are_the_same_however_they_are_split(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..12),
        ) {
            let whole = pieces.concat();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let read = runtime.block_on(read_body(streamed(pieces), LIMITS));
            if whole.len() <= LIMITS.bytes_max {
                prop_assert_eq!(read.unwrap(), whole);
            } else {
                prop_assert_eq!(read, Err(Refusal::TooLarge));
            }
        }
    }
}

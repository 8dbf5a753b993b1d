//! One HTTP/1 connection, and the clock that runs while the other side keeps us waiting.
//!
//! hyper's own `header_read_timeout` also runs while a kept-alive connection is idle, so that five seconds for a head
//! would close what the proxy means to use again; and it has none for a response that nobody reads. So the connection
//! tells by what passes through it what it waits for, and [`Watch`] ends it when that takes too long.

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};
use tower::ServiceExt as _;

use super::server::ServerLimits;
use crate::{layers::client_address::PeerAddress, shutdown::Shutdown};

/// Serves one connection until either side ends it, the other side is too slow, or the process stops: at the soft
/// stop it finishes the request that runs, at the hard one it is dropped.
pub(super) async fn serve_connection<IO>(
    io: IO,
    peer: SocketAddr,
    router: Router,
    limits: &ServerLimits,
    shutdown: &Shutdown,
) where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let activity = Arc::new(Activity::new(*limits));
    let watched = TokioIo::new(WatchedIo { io, activity: Arc::clone(&activity), write_closed: false });
    let service = service_fn(|request| answer(request, peer, router.clone(), Arc::clone(&activity)));
    let mut connection = pin!(http(limits).serve_connection(watched, service));
    let mut watch = Watch::new(Arc::clone(&activity));
    // Tokens of the connection's own: they are asked at every poll, and a shared one would be a lock that all contend for.
    let (soft, hard) = (shutdown.soft.child_token(), shutdown.hard.child_token());
    let mut leaving = false;
    loop {
        let end = poll_fn(|cx| match connection.as_mut().poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready("done"),
            Poll::Ready(Err(_)) => Poll::Ready("broken or not HTTP"),
            // After the connection, for only what passes through it moves the deadline.
            Poll::Pending => watch.poll_expired(cx).map(|()| "too slow"),
        });
        tokio::select! {
            biased;
            () = hard.cancelled() => return,
            () = soft.cancelled(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            reason = end => {
                tracing::trace!(reason, "connection closed");
                return;
            }
        }
    }
}

fn http(limits: &ServerLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_header_size(limits.head_bytes_max).max_buf_size(limits.buffer_bytes_max);
    builder
}

/// Passes one request to the router and notes its beginning and its end.
async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    activity: Arc<Activity>,
) -> Result<Response<WatchedBody>, Infallible> {
    activity.request_began();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(PeerAddress(peer));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| WatchedBody { body, _end: ResponseEnd(activity) }))
}

/// What passes through a connection, and thereby what it waits for. All parts of a connection run in one task, so the
/// lock is never contended.
#[derive(Debug)]
struct Activity {
    limits: ServerLimits,
    waits: Mutex<Waits>,
}

#[derive(Debug)]
struct Waits {
    phase: Phase,
    /// When the other side must have taken some of what we write, if it takes nothing now.
    write_deadline: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// A first byte has come: the head must be complete by then.
    Head(Instant),
    /// A handler runs or its response is being produced. Its deadline, and its body's, are those of its own layers.
    Busy,
    /// Before the first request, or between two. The start of a head that came along with the request before is not
    /// noticed until its next byte: it has the idle time too, no more than a connection that sends nothing.
    Idle(Instant),
    /// We have said goodbye and throw away what still comes.
    Closing(Instant),
}

impl Activity {
    fn new(limits: ServerLimits) -> Self {
        let phase = Phase::Idle(Instant::now() + limits.first_byte_timeout);
        Self { limits, waits: Mutex::new(Waits { phase, write_deadline: None }) }
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_came(&self) {
        let mut waits = self.waits();
        if let Phase::Idle(_) = waits.phase {
            waits.phase = Phase::Head(Instant::now() + self.limits.head_timeout);
        }
    }

    fn request_began(&self) {
        self.waits().phase = Phase::Busy;
    }

    /// hyper has taken the whole response and takes up the next request only after that: they never overlap.
    fn response_ended(&self) {
        self.waits().phase = Phase::Idle(Instant::now() + self.limits.idle_timeout);
    }

    fn closing(&self) {
        self.waits().phase = Phase::Closing(Instant::now() + self.limits.linger);
    }

    fn wrote(&self, stalled: bool) {
        let mut waits = self.waits();
        if stalled {
            waits.write_deadline.get_or_insert_with(|| Instant::now() + self.limits.write_stall_timeout);
            return;
        }
        waits.write_deadline = None;
        // The rest begins when the last byte of the response has gone, not when hyper has buffered it.
        if let Phase::Idle(_) = waits.phase {
            waits.phase = Phase::Idle(Instant::now() + self.limits.idle_timeout);
        }
    }

    /// When the connection has kept us waiting too long.
    fn deadline(&self) -> Option<Instant> {
        let waits = self.waits();
        let phase_deadline = match waits.phase {
            Phase::Head(deadline) | Phase::Idle(deadline) | Phase::Closing(deadline) => Some(deadline),
            Phase::Busy => None,
        };
        phase_deadline.into_iter().chain(waits.write_deadline).min()
    }
}

/// The timer of a connection. Asked after each poll of it, it needs nobody to wake it when a deadline moves.
struct Watch {
    activity: Arc<Activity>,
    sleep: Pin<Box<Sleep>>,
}

impl Watch {
    fn new(activity: Arc<Activity>) -> Self {
        let first = activity.deadline().unwrap_or_else(Instant::now);
        Self { activity, sleep: Box::pin(sleep_until(first)) }
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.activity.deadline() else { return Poll::Pending };
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// Tells [`Activity`] what is read and written.
struct WatchedIo<IO> {
    io: IO,
    activity: Arc<Activity>,
    write_closed: bool,
}

impl<IO: AsyncRead + Unpin> AsyncRead for WatchedIo<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled_before = buffer.filled().len();
        let outcome = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > filled_before {
            self.activity.bytes_came();
        }
        outcome
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedIo<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.activity.wrote(outcome.is_pending());
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.activity.wrote(outcome.is_pending());
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Says goodbye, then reads on until the other side does so too or the linger is over. To close a socket with
    /// unread bytes in it resets the connection, and the reset may overtake the answer (a 413, a 503) on its way.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.write_closed {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.write_closed = true;
            self.activity.closing();
        }
        let mut unwanted = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut unwanted);
            let outcome = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer));
            if outcome.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// A response's body. hyper drops it when it has taken all of it.
struct WatchedBody {
    body: Body,
    _end: ResponseEnd,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct ResponseEnd(Arc<Activity>);

impl Drop for ResponseEnd {
    fn drop(&mut self) {
        self.0.response_ended();
    }
}

#[cfg(test)]
mod tests;

//! How a stand-in is reached: in process behind the bot's own [`Transport`], or over a socket. Either way a broken
//! connection is a broken connection, not a response.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    shutdown::Shutdown,
    transport::{Transport, TransportError},
};

/// The connection broke. Stands in a response's extensions, where the two ways to reach a stand-in look for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// It was never made.
    Refused,
    /// It broke after the request had left.
    Cut,
}

impl Broken {
    /// What a handler returns for it. Even a server that does not know the mark breaks off: the body promises more
    /// than it holds.
    pub(super) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::new(BreaksOff));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response.extensions_mut().insert(self);
        response
    }
}

/// A body that fails at once.
struct BreaksOff;

impl HttpBody for BreaksOff {
    type Data = Bytes;
    type Error = ConnectionCut;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ConnectionCut>>> {
        Poll::Ready(Some(Err(ConnectionCut)))
    }
}

/// Makes hyper drop the connection without a response.
#[derive(Debug)]
struct ConnectionCut;

impl fmt::Display for ConnectionCut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the stand-in cut the connection, as it was told to")
    }
}

impl std::error::Error for ConnectionCut {}

/// A transport that runs `router` in place of the network. A cut is [`TransportError::Ambiguous`], a refused
/// connection [`TransportError::NotSent`].
pub fn in_process(router: Router) -> Transport {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let router = router.clone();
        async move { call(router, request).await }
    }))
}

async fn call(router: Router, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
    let Ok(response) = router.oneshot(request.map(Body::from)).await;
    match response.extensions().get::<Broken>() {
        Some(Broken::Refused) => {
            return Err(TransportError::NotSent { detail: String::from("connection refused (stand-in)") });
        }
        Some(Broken::Cut) => {
            return Err(TransportError::Ambiguous { detail: String::from("connection reset (stand-in)") });
        }
        None => {}
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| TransportError::Ambiguous { detail: error.to_string() })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// Serves `router` on `listener` until the soft stop of `shutdown`; open connections are then closed after the
/// request that they carry.
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.soft.cancelled() => return,
        };
        // A failed accept concerns one connection (reset before it was taken) or passes by itself (no descriptors).
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        let (router, until) = (router.clone(), shutdown.clone());
        shutdown.spawn(serve_connection(stream, router, until));
    }
}

async fn serve_connection(stream: TcpStream, router: Router, shutdown: Shutdown) {
    // Answers are small and awaited: Nagle's algorithm would hold them back.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let response: Result<Response<Body>, Infallible> = router.oneshot(request.map(Body::new)).await;
            let Ok(response) = response;
            if response.extensions().get::<Broken>().is_some() { Err(ConnectionCut) } else { Ok(response) }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // An error here is the other side's hang-up or a cut that was asked for.
        _ = connection.as_mut() => return,
        () = shutdown.soft.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = shutdown.hard.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        clock::SystemClock,
        random::Seeded,
        sandbox::telegram::{FakeTelegram, Fault, TOKEN, TelegramOptions},
        transport::{TransportOptions, call, http_client},
    };

    #[tokio::test]
    async fn over_a_socket_a_cut_closes_the_connection_without_a_response() {
        let telegram = FakeTelegram::new(TelegramOptions::new(Arc::new(SystemClock), Arc::new(Seeded::new(1))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        shutdown.spawn(serve(listener, telegram.router(), shutdown.clone()));
        let client = http_client(TransportOptions::default()).unwrap();
        let get_me = || Request::get(format!("http://{address}/bot{TOKEN}/getMe")).body(Bytes::new()).unwrap();
        telegram.fail_next("getMe", Fault::AcceptThenCut);
        assert!(matches!(call(&client, get_me()).await, Err(TransportError::Ambiguous { .. })));
        assert_eq!(call(&client, get_me()).await.unwrap().status(), StatusCode::OK);
        shutdown.soft.cancel();
        shutdown.finished().await;
        assert!(matches!(call(&client, get_me()).await, Err(TransportError::NotSent { .. })));
    }
}

//! The proxy in front of a bot, as the world meets it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, body::Body};
use bytes::Bytes;
use gryag::transport::{TransportOptions, call, http_client};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;

use crate::{bot::Bot, world::World};

/// Passes the webhook on, and nothing else. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    upstream: Mutex<Option<SocketAddr>>,
    lets_all_out: AtomicBool,
}

impl Proxy {
    /// With no bot behind it.
    pub(crate) async fn start(world: &World) -> Self {
        let state = Arc::new(State::default());
        let serving = Arc::clone(&state);
        let router = Router::new().fallback(move |request: Request<Body>| {
            let state = Arc::clone(&serving);
            async move { state.pass(request).await }
        });
        Self { address: world.serve(router).await, state }
    }

    pub(crate) fn lead_to(&self, bot: &Bot) {
        *self.state.upstream.lock().unwrap_or_else(PoisonError::into_inner) = Some(bot.address);
    }

    /// As a careless configuration does.
    pub(crate) fn let_all_out(&self) {
        self.state.lets_all_out.store(true, Ordering::Relaxed);
    }
}

impl State {
    async fn pass(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if path != "/telegram/webhook" && !self.lets_all_out.load(Ordering::Relaxed) {
            return status(StatusCode::NOT_FOUND);
        }
        let Some(bot) = *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) else {
            return status(StatusCode::BAD_GATEWAY);
        };
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        head.uri = format!("http://{bot}{path}").parse().expect("an address");
        let http = http_client(TransportOptions::default()).expect("an HTTP client");
        match call(&http, Request::<Bytes>::from_parts(head, body)).await {
            Ok(response) => response.map(Body::from),
            Err(_) => status(StatusCode::BAD_GATEWAY),
        }
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

//! Any body that Telegram sends is admitted as it came, whole, and answered 200: a refused update would hold its chat
//! back for a day. Whoever does not know the secret gets nothing in. The first byte says how the body is cut into pieces.

#![no_main]

use std::{
    convert::Infallible,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body, routing::post};
use bytes::Bytes;
use gryag::{
    clock::TokioClock,
    domain::{Timestamp, UpdateKey},
    edge::{EdgeRoutes, StackParts, Webhook, WebhookLimits, receive, stack},
    errors::ErrorHandler,
    inbox::Inbox,
    layers::rate_limit::{AddressBudget, AddressLimiter},
    random::Seeded,
    storage::{
        Admission, Claim, ClaimRef, ClaimRequest, Claimed, DeadLetter, FinishedTurn, InboxDepth, InboxStore, NewUpdate,
        StorageError, TurnEnd,
    },
    telegram::peek,
    telemetry::Metrics,
};
use http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

const SECRET: &str = "fuzz-secret";

fuzz_target!(|input: &[u8]| {
    let Some((&cut, body)) = input.split_first() else { return };
    EDGE.runtime.block_on(async {
        let refused = EDGE.post(None, body, cut).await;
        assert!(matches!(refused, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS));
        assert!(EDGE.admitted().is_empty());
        assert_eq!(EDGE.post(Some(SECRET), body, cut).await, StatusCode::OK);
    });
    let [update] = &EDGE.admitted()[..] else { panic!("one update") };
    assert_eq!(update.body, body);
    let looked = peek(body);
    assert_eq!((update.lane.topic, update.unusable), (looked.topic, looked.problem));
    match looked.update_id {
        Some(id) => assert_eq!(update.key, UpdateKey(id)),
        None => assert!(update.key.0 < 0 && update.unusable.is_some()),
    }
});

static EDGE: LazyLock<Edge> = LazyLock::new(Edge::new);

/// The stack of the edge over an inbox that only remembers what it was given.
struct Edge {
    runtime: Runtime,
    router: Router,
    inbox: Arc<Remembers>,
}

impl Edge {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let metrics = Metrics::new();
        let clock = Arc::new(TokioClock::starting_at(Timestamp(0)));
        let (errors, _) = ErrorHandler::new(clock.clone(), metrics.clone());
        let remembers = Arc::new(Remembers::default());
        let inbox = Inbox::new(remembers.clone(), metrics.clone(), Arc::new(|text| text.contains("стоп")));
        let webhook = post(receive).with_state(Arc::new(Webhook { inbox, clock, errors: errors.clone() }));
        let parts = StackParts {
            metrics,
            errors,
            random: Arc::new(Seeded::new(1)),
            trusted_proxies: Vec::new(),
            webhook_secrets: vec![SECRET.into()],
            limiter: Arc::new(AddressLimiter::new(AddressBudget::default())),
            limits: WebhookLimits::default(),
        };
        let router = stack(EdgeRoutes { webhook, open: Router::new(), dashboard: Router::new() }, parts);
        Self { runtime, router, inbox: remembers }
    }

    async fn post(&self, secret: Option<&str>, body: &[u8], cut: u8) -> StatusCode {
        let mut request = Request::post("/telegram/webhook");
        if let Some(secret) = secret {
            request = request.header("x-telegram-bot-api-secret-token", secret);
        }
        let pieces: Vec<Result<Bytes, Infallible>> =
            body.chunks(usize::from(cut) + 1).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let request = request.body(Body::from_stream(futures_util::stream::iter(pieces))).expect("a request");
        self.router.clone().oneshot(request).await.expect("the stack never fails").status()
    }

    /// What was admitted since the last look.
    fn admitted(&self) -> Vec<NewUpdate> {
        std::mem::take(&mut *self.inbox.0.lock().expect("nothing panicked"))
    }
}

#[derive(Default)]
struct Remembers(Mutex<Vec<NewUpdate>>);

#[async_trait]
impl InboxStore for Remembers {
    async fn admit(&self, update: NewUpdate) -> Result<Admission, StorageError> {
        self.0.lock().expect("nothing panicked").push(update);
        Ok(Admission::New)
    }

    async fn claim(&self, _: ClaimRequest) -> Result<Claimed, StorageError> {
        Ok(Claimed { claims: Vec::<Claim>::new(), next_due: None })
    }

    async fn renew(&self, claims: Vec<ClaimRef>, _: Duration) -> Result<Vec<ClaimRef>, StorageError> {
        Ok(claims)
    }

    async fn finish(&self, _: ClaimRef, _: FinishedTurn, _: Timestamp) -> Result<TurnEnd, StorageError> {
        unreachable!("the edge only admits")
    }

    async fn release(&self, _: &str) -> Result<u64, StorageError> {
        unreachable!("the edge only admits")
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StorageError> {
        unreachable!("the edge only admits")
    }

    async fn inbox_depth(&self) -> Result<InboxDepth, StorageError> {
        unreachable!("the edge only admits")
    }

    async fn dead_letters(&self, _: usize) -> Result<Vec<DeadLetter>, StorageError> {
        unreachable!("the edge only admits")
    }

    async fn dead_letter(&self, _: UpdateKey) -> Result<Option<(DeadLetter, Bytes)>, StorageError> {
        unreachable!("the edge only admits")
    }

    async fn retry_dead(&self, _: UpdateKey, _: Timestamp) -> Result<bool, StorageError> {
        unreachable!("the edge only admits")
    }

    async fn drop_dead(&self, _: UpdateKey, _: Timestamp) -> Result<bool, StorageError> {
        unreachable!("the edge only admits")
    }
}

//! Telegram and Gemini over loopback, and the way from Telegram to the replicas, which keeps a log.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use gryag::{
    clock::SystemClock,
    domain::{ChatId, UserId},
    random::Seeded,
    sandbox::{
        gemini::{FakeGemini, GeminiOptions},
        serve,
        telegram::{FakeTelegram, TelegramOptions},
    },
    shutdown::Shutdown,
    transport::{Transport, TransportError, TransportOptions, call, http_client},
};
use http::{Request, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tower::util::BoxCloneSyncService;

use crate::{bot::Bot, eventually};

/// The world outside the bot.
pub(crate) struct World {
    pub(crate) telegram: FakeTelegram,
    pub(crate) gemini: FakeGemini,
    pub(crate) telegram_address: SocketAddr,
    pub(crate) gemini_address: SocketAddr,
    pub(crate) deliveries: Deliveries,
    shutdown: Shutdown,
}

impl World {
    /// Both stand-ins, at once and forever.
    pub(crate) async fn start() -> Self {
        let world = Self::without_telegram().await;
        world.open_telegram().await;
        world
    }

    /// The same, of a bot that privacy mode keeps from hearing its groups.
    pub(crate) async fn with_privacy_mode() -> Self {
        let world = Self::build(|options| options.privacy_mode = true).await;
        world.open_telegram().await;
        world
    }

    /// Telegram's address refuses connections until [`World::open_telegram`].
    pub(crate) async fn without_telegram() -> Self {
        Self::build(|_| {}).await
    }

    async fn build(adjust: impl FnOnce(&mut TelegramOptions)) -> Self {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(Seeded::new(7)));
        let mut options = TelegramOptions::new(clock.clone(), random.clone());
        adjust(&mut options);
        let telegram = FakeTelegram::new(options);
        let gemini = FakeGemini::new(GeminiOptions::new(clock, random));
        let shutdown = Shutdown::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let gemini_address = listener.local_addr().expect("the port");
        shutdown.spawn(serve(listener, gemini.router(), shutdown.clone()));
        let telegram_address = crate::bot::free_address();
        Self { telegram, gemini, telegram_address, gemini_address, deliveries: Deliveries::default(), shutdown }
    }

    /// Something else that answers HTTP until the world ends.
    pub(crate) async fn serve(&self, router: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port");
        self.shutdown.spawn(serve(listener, router, self.shutdown.clone()));
        address
    }

    pub(crate) async fn open_telegram(&self) {
        let listener = TcpListener::bind(self.telegram_address).await.expect("a free port");
        let router: Router = self.telegram.router();
        self.shutdown.spawn(serve(listener, router, self.shutdown.clone()));
    }

    /// From now on Telegram delivers to these replicas in turn; where one does not take the connection, the other gets it.
    pub(crate) fn deliver_to(&self, bots: &[&Bot]) {
        let before = std::mem::replace(&mut *self.deliveries.replicas(), bots.iter().map(|bot| bot.address).collect());
        if before.is_empty() {
            self.telegram.deliver_through(self.deliveries.transport(), &self.shutdown);
        }
    }

    /// Runs beside the test until its world ends.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.shutdown.spawn(task)
    }

    /// A group of two people.
    pub(crate) fn group(&self, title: &str) -> (ChatId, UserId) {
        let people = [self.telegram.person("Оля"), self.telegram.person("Юрко")];
        (self.telegram.supergroup(title, &people), people[0])
    }

    /// Waits until the bot has registered its webhook.
    pub(crate) async fn registered(&self) {
        eventually("the webhook is registered", Duration::from_secs(20), async || {
            !self.telegram.calls("setWebhook").is_empty()
        })
        .await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.soft.cancel();
        self.shutdown.hard.cancel();
    }
}

/// An update for which Telegram has seen 2xx.
#[derive(Clone)]
pub(crate) struct Acknowledged {
    pub(crate) update: Value,
}

/// Where updates go, and what became of them. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Deliveries {
    replicas: Arc<Mutex<Vec<SocketAddr>>>,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    acknowledged: BTreeMap<i64, Acknowledged>,
    /// How many answers had which status; 0 for a connection that broke.
    statuses: BTreeMap<u16, u64>,
}

impl Deliveries {
    /// By `update_id`.
    pub(crate) fn acknowledged(&self) -> BTreeMap<i64, Acknowledged> {
        self.log().acknowledged.clone()
    }

    /// Deliveries that ended with this status; 0 stands for a broken connection.
    pub(crate) fn with_status(&self, status: u16) -> u64 {
        self.log().statuses.get(&status).copied().unwrap_or(0)
    }

    fn replicas(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, body: &Bytes, outcome: &Result<Response<Bytes>, TransportError>) {
        let status = outcome.as_ref().map_or(0, |response| response.status().as_u16());
        let mut log = self.log();
        *log.statuses.entry(status).or_default() += 1;
        if (200..300).contains(&status) {
            let update: Value = serde_json::from_slice(body).expect("the stand-in delivers JSON");
            let id = update["update_id"].as_i64().expect("every update has an id");
            log.acknowledged.entry(id).or_insert(Acknowledged { update });
        }
    }

    fn transport(&self) -> Transport {
        let options = TransportOptions {
            connect_timeout: Duration::from_secs(1),
            total_timeout: Duration::from_secs(30),
            ..TransportOptions::default()
        };
        let http = http_client(options).expect("an HTTP client");
        let (next, deliveries) = (Arc::new(AtomicUsize::new(0)), self.clone());
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
            let first = next.fetch_add(1, Ordering::Relaxed);
            let mut order = deliveries.replicas().clone();
            let count = order.len();
            order.rotate_left(first % count.max(1));
            let (http, deliveries) = (http.clone(), deliveries.clone());
            async move {
                let body = request.body().clone();
                let outcome = deliver(&http, &request, &order).await;
                deliveries.note(&body, &outcome);
                outcome
            }
        }))
    }
}

/// To the first replica that takes the connection. A connection that breaks later is Telegram's to repeat.
async fn deliver(
    http: &Transport,
    request: &Request<Bytes>,
    order: &[SocketAddr],
) -> Result<Response<Bytes>, TransportError> {
    let mut outcome = Err(TransportError::NotSent { detail: "there is no replica".to_owned() });
    for address in order {
        let mut copy = request.clone();
        *copy.uri_mut() = format!("http://{address}{}", request.uri().path()).parse().expect("an address");
        outcome = call(http, copy).await;
        if !matches!(outcome, Err(TransportError::NotSent { .. })) {
            break;
        }
    }
    outcome
}

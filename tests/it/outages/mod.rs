//! What the tests of outages share: who heard what, what the store's ledgers say, and replicas that crash and return.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use gryag::{
    app::App,
    domain::{Chat, ChatId, ChatKind, Language, OutgoingKind, ReplyTarget, RequestId, RichText, Timestamp, UserId},
    persona::{Persona, Saying},
    sandbox::{
        gemini::Reply,
        in_process,
        telegram::{Delivery, FakeTelegram, MessageRef},
    },
    shutdown::Shutdown,
    storage::{InboxStore as _, NewOutgoing, OutboxStore as _, sqlite::SqliteStore},
    transport::Transport,
};
use http::{Request, Response, StatusCode};
use tower::ServiceExt as _;

use crate::harness::{Setup, TestBot};

/// The first model by default.
pub(crate) const FIRST: &str = "gemini-3.8-flash";
/// The fallback model by default.
pub(crate) const FALLBACK: &str = "gemini-3.5-flash-lite";

/// What the model says when it is well.
pub(crate) const ANSWER: &str = "Усе гаразд, чую тебе.";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A bot whose model says [`ANSWER`], a group, its one member.
pub(crate) async fn bot_and_chat() -> (TestBot, ChatId, UserId) {
    let bot = Setup::new().overseen().set("GEMINI_MAX_OUTPUT_TOKENS", "8192").start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let (chat, people) = bot.group(&["Оля"]);
    (bot, chat, people[0])
}

/// Three parts of 4096.
pub(crate) fn long_answer() -> String {
    (0..1500).map(|number| format!("слово{number} ")).collect()
}

/// Something to say that no turn has said.
pub(crate) fn words(chat: ChatId, text: RichText, target: ReplyTarget, bot: &TestBot) -> NewOutgoing {
    let chat = Chat { id: chat, kind: ChatKind::Group, title: None };
    let (expires_at, request_id) = (now(bot.world()) + 10 * MINUTE, RequestId("r".to_owned()));
    NewOutgoing { target, ..NewOutgoing::new(OutgoingKind::Notice, chat, vec![text], expires_at, request_id) }
}

/// What somebody heard who addressed the bot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    /// Nothing at all.
    Silence,
    /// One of the persona's failure lines.
    FailureLine,
    /// These words.
    Words(Vec<String>),
}

impl Heard {
    pub(crate) fn words(words: &str) -> Self {
        Self::Words(vec![words.to_owned()])
    }
}

/// What was replied to `question`.
pub(crate) fn heard(world: &FakeTelegram, question: MessageRef) -> Heard {
    let answers: Vec<String> = world.answers_to(question).into_iter().map(|sent| sent.text).collect();
    match &answers[..] {
        [] => Heard::Silence,
        [line] if Persona::built_in().lines(Saying::Failure, Language::Ukrainian).contains(line) => Heard::FailureLine,
        _ => Heard::Words(answers),
    }
}

/// The moment in the world.
pub(crate) fn now(world: &FakeTelegram) -> Timestamp {
    world.options().clock.now()
}

/// How long after `asked` the webhook had taken the question.
pub(crate) fn acknowledged_after(world: &FakeTelegram, question: MessageRef, asked: Timestamp) -> Duration {
    match world.message(question).expect("it was asked").delivery {
        Delivery::Delivered { at } => at.since(asked),
        other => panic!("the webhook has not taken it: {other:?}"),
    }
}

/// A row of the ledger of model calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CallRow {
    pub(crate) model: String,
    pub(crate) outcome: String,
    pub(crate) prompt: u32,
    pub(crate) thoughts: u32,
    pub(crate) answer: u32,
}

/// The ledger of model calls, oldest first.
pub(crate) fn model_calls(data: &Path) -> Vec<CallRow> {
    let file = data.join(gryag::storage::sqlite::FILE_NAME);
    let database = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("the database can be read");
    let mut rows = database
        .prepare("SELECT model, outcome, prompt, thoughts, answer FROM model_calls ORDER BY id")
        .expect("the ledger");
    let row = |row: &rusqlite::Row<'_>| {
        Ok(CallRow {
            model: row.get(0)?,
            outcome: row.get(1)?,
            prompt: row.get(2)?,
            thoughts: row.get(3)?,
            answer: row.get(4)?,
        })
    };
    rows.query_map([], row).expect("rows").map(|row| row.expect("a row")).collect()
}

/// Calls of sendMessage to a chat. The alarms that faults raise go elsewhere.
pub(crate) fn sends_to(world: &FakeTelegram, chat: ChatId) -> usize {
    let calls = world.calls("sendMessage");
    calls.iter().filter(|call| call.parameters()["chat_id"] == chat.0).count()
}

/// The outbox by state, all rows.
pub(crate) async fn outbox(store: &SqliteStore) -> Vec<(String, u64)> {
    store.outbox_counts().await.expect("the outbox")
}

/// States as [`outbox`] tells them.
pub(crate) fn states(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(state, rows)| ((*state).to_owned(), *rows)).collect()
}

/// Replicas of one bot over one store, behind one address. Each may crash and be started again.
pub(crate) struct Town {
    pub(crate) setup: Setup,
    pub(crate) replicas: Vec<App>,
    door: Door,
    deliveries: Shutdown,
    started: u64,
}

impl Town {
    /// So many replicas, awake.
    pub(crate) async fn start(setup: Setup, replicas: usize) -> Self {
        let mut town = Self::asleep(setup);
        for _ in 0..replicas {
            town.start_replica().await;
        }
        for replica in &town.replicas {
            replica.awake.cancelled().await;
        }
        town.open().await;
        town
    }

    /// No replica yet; updates wait at Telegram.
    pub(crate) fn asleep(setup: Setup) -> Self {
        Self { setup, replicas: Vec::new(), door: Door::default(), deliveries: Shutdown::new(), started: 0 }
    }

    /// Waits for the webhook and lets Telegram deliver.
    pub(crate) async fn open(&self) {
        let registered = || async { !self.setup.world.calls("setWebhook").is_empty() };
        self.wait("the webhook is registered", Duration::from_secs(600), registered).await;
        self.setup.world.deliver_through(self.door.transport(), &self.deliveries);
    }

    /// One more replica; it may not be awake yet.
    pub(crate) async fn start_replica(&mut self) {
        self.started += 1;
        let replica = self.setup.start_replica(self.started).await;
        self.door.routers.lock().expect("nobody panics with it in hand").push(replica.router.clone());
        self.replicas.push(replica);
    }

    /// The replica vanishes: what it was doing is not finished.
    pub(crate) async fn crash(&mut self, index: usize) {
        let replica = self.remove(index);
        replica.shutdown.hard.cancel();
        // That it could not end in order is the point.
        let _ = replica.stop(Duration::ZERO, Duration::ZERO).await;
    }

    /// The replica stops in order.
    pub(crate) async fn stop(&mut self, index: usize) {
        let replica = self.remove(index);
        replica.stop(Duration::ZERO, Duration::from_secs(30)).await.expect("a clean stop");
    }

    fn remove(&mut self, index: usize) -> App {
        drop(self.door.routers.lock().expect("nobody panics with it in hand").remove(index));
        self.replicas.remove(index)
    }

    pub(crate) fn world(&self) -> &FakeTelegram {
        &self.setup.world
    }

    pub(crate) fn store(&self) -> &SqliteStore {
        &self.replicas.first().expect("a replica runs").store
    }

    /// A figure, summed over the replicas that run.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        self.replicas.iter().map(|replica| crate::harness::metric(replica, name, labels)).sum()
    }

    pub(crate) async fn wait<F: Future<Output = bool>>(&self, what: &str, within: Duration, holds: impl Fn() -> F) {
        let give_up = tokio::time::Instant::now() + within;
        while !holds().await {
            assert!(tokio::time::Instant::now() < give_up, "not within {within:?} of the world's time: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until nothing waits anywhere.
    pub(crate) async fn settle(&self, within: Duration) {
        self.wait("everything comes to rest", within, || async {
            self.world().pending_updates() == 0
                && self.store().inbox_depth().await.expect("the inbox").waiting == 0
                && self.store().outbox_depth().await.expect("the outbox").by_state.is_empty()
        })
        .await;
        crate::harness::drain().await;
    }

    /// Stops all replicas; fails if anything is left over.
    pub(crate) async fn finish_with_errors(mut self) {
        self.settle(Duration::from_secs(900)).await;
        assert_eq!(self.store().inbox_depth().await.expect("the inbox").dead, 0, "a dead letter is left over");
        self.deliveries.soft.cancel();
        while !self.replicas.is_empty() {
            self.stop(0).await;
        }
        self.deliveries.finished().await;
    }

    /// As [`Self::finish_with_errors`]; fails if any error was met.
    pub(crate) async fn finish(self) {
        for replica in &self.replicas {
            let errors = replica.errors.last();
            assert!(errors.is_empty(), "errors that the test does not expect: {errors:#?}");
        }
        self.finish_with_errors().await;
    }
}

/// The proxy before the replicas: in turn to those that run, 502 while none does.
#[derive(Clone, Default)]
struct Door {
    routers: Arc<Mutex<Vec<Router>>>,
    next: Arc<AtomicUsize>,
}

impl Door {
    fn transport(&self) -> Transport {
        let door = self.clone();
        in_process(Router::new().fallback(move |request: Request<Body>| {
            let replica = door.pick();
            async move {
                match replica {
                    Some(replica) => replica.oneshot(request).await.expect("a router does not fail"),
                    None => {
                        let mut response = Response::new(Body::empty());
                        *response.status_mut() = StatusCode::BAD_GATEWAY;
                        response
                    }
                }
            }
        }))
    }

    fn pick(&self) -> Option<Router> {
        let routers = self.routers.lock().expect("nobody panics with it in hand");
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (!routers.is_empty()).then(|| routers[turn % routers.len()].clone())
    }
}

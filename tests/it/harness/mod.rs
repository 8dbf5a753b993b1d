//! [`TestBot`]: a bot, its world, and the questions that tests ask of both.

pub(crate) mod company;
pub(crate) mod life;
mod oracle;
mod people;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use gryag::{
    app::{App, AppError, Outside},
    clock::{SharedClock, TokioClock},
    config::Config,
    domain::{ChatId, Timestamp, UserId},
    random::Seeded,
    sandbox::{
        gemini::{self, FakeGemini},
        telegram::{self, FakeTelegram, MessageRef},
    },
    shutdown::Shutdown,
    storage::{InboxStore as _, OutboxStore as _},
    telemetry::Metrics,
    transport::{Transport, call},
};
use http::Request;
use tokio::task::JoinHandle;

pub(crate) use self::life::Life;
use self::life::Proxy;

/// 2026-11-23 12:00 UTC: a Monday afternoon in Kyiv.
pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);
/// How long [`TestBot::settle`] waits in the world's time.
const SETTLE: Duration = Duration::from_secs(300);

/// What a test may set before the bot starts.
pub(crate) struct Setup {
    settings: Vec<(&'static str, String)>,
    pub(crate) data: Arc<tempfile::TempDir>,
    pub(crate) world: FakeTelegram,
    pub(crate) gemini: FakeGemini,
    pub(crate) clock: SharedClock,
    commit_fault: Option<gryag::storage::sqlite::CommitFault>,
    elsewhere: axum::Router,
    proxy: Proxy,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::at(NOON)
    }

    /// A world whose clock starts at `start`.
    pub(crate) fn at(start: Timestamp) -> Self {
        let clock: SharedClock = Arc::new(TokioClock::starting_at(start));
        let random = Arc::new(Seeded::new(7));
        Self {
            settings: Vec::new(),
            data: Arc::new(tempfile::tempdir().expect("a directory")),
            world: FakeTelegram::new(telegram::TelegramOptions::new(clock.clone(), random.clone())),
            gemini: FakeGemini::new(gemini::GeminiOptions::new(clock.clone(), random)),
            clock,
            commit_fault: None,
            elsewhere: axum::Router::new(),
            proxy: Proxy::default(),
        }
    }

    /// With the delays that Telegram's limits impose switched off.
    pub(crate) fn unpaced(self) -> Self {
        self.set("TELEGRAM_RATE_GLOBAL_PER_SECOND", "0")
            .set("TELEGRAM_RATE_CHAT_PER_SECOND", "0")
            .set("TELEGRAM_RATE_GROUP_PER_MINUTE", "0")
    }

    /// With somebody who runs the bot and has opened its chat, where alarms arrive.
    pub(crate) fn overseen(self) -> Self {
        let owner = self.world.person("Господар");
        self.world.private(owner);
        self.set("ADMIN_ID", owner.0.to_string())
    }

    pub(crate) fn set(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((key, value.into()));
        self
    }

    /// Another value for the processes that are yet to start.
    pub(crate) fn reset(&mut self, key: &'static str, value: &str) {
        self.settings.retain(|(set, _)| *set != key);
        self.settings.push((key, value.to_owned()));
    }

    pub(crate) fn commit_fault(mut self, fault: gryag::storage::sqlite::CommitFault) -> Self {
        self.commit_fault = Some(fault);
        self
    }

    /// What stands behind every other address.
    pub(crate) fn elsewhere(mut self, router: axum::Router) -> Self {
        self.elsewhere = router;
        self
    }

    /// The configuration of this world, with the test's settings over it.
    fn config(&self) -> Config {
        let data = self.data.path().to_string_lossy().into_owned();
        let base = [
            ("TELEGRAM_BOT_TOKEN", telegram::TOKEN),
            ("GEMINI_API_KEY", gemini::API_KEY),
            ("BOT_DATA_DIR", data.as_str()),
            ("TELEGRAM_API_URL", "http://telegram.test"),
            ("GEMINI_BASE_URL", "http://gemini.test"),
            ("TELEGRAM_WEBHOOK_URL", "http://bot.test"),
            ("BOT_ACCESS", "open"),
            // Most of these tests are not about money; `costs.rs` sets its own budgets.
            ("BOT_BUDGET_USD_PER_DAY", "0"),
            ("BOT_BUDGET_USD_PER_CHAT", "0"),
            ("BOT_BUDGET_USD_PER_USER", "0"),
            ("BOT_BUDGET_USD_PER_GUEST", "0"),
            // One member may say a lot in a test's minute; `manners.rs` is about floods.
            ("BOT_SPAM_THRESHOLD", "0"),
            // A developer's full disk is not what these tests are about.
            ("BOT_MIN_FREE_DISK_MB", "0"),
        ];
        let settings: Vec<(&str, &str)> = base
            .into_iter()
            .filter(|(key, _)| !self.settings.iter().any(|(set, _)| set == key))
            .chain(self.settings.iter().map(|(key, value)| (*key, value.as_str())))
            .collect();
        Config::for_tests_with(&settings)
    }

    /// The secret that is registered, before anything has registered it.
    pub(crate) fn webhook_secret(&self) -> String {
        use secrecy::ExposeSecret as _;
        self.config().advanced.webhook_secrets[0].expose_secret().to_owned()
    }

    /// Starts a replica in this world; further ones may be started on the same data.
    pub(crate) async fn start_replica(&self, seed: u64) -> App {
        self.try_start_replica(seed, &Life::new()).await.expect("the bot starts")
    }

    /// As [`Setup::start_replica`], of a replica that can be killed.
    pub(crate) async fn try_start_replica(&self, seed: u64, life: &Life) -> Result<App, AppError> {
        let outside = Outside {
            telegram: life.outward(self.world.transport()),
            gemini: life.outward(self.gemini.transport()),
            elsewhere: life.outward(gryag::sandbox::in_process(self.elsewhere.clone())),
            clock: self.clock.clone(),
            random: Arc::new(Seeded::new(seed)),
            commit_fault: Some(life.commit_fault(self.commit_fault.clone())),
        };
        App::start(&self.config(), outside, Shutdown::new()).await
    }

    /// Starts the bot and delivers its updates, once it has registered its webhook.
    pub(crate) async fn start(self) -> TestBot {
        let bot = self.start_unregistered().await;
        bot.wait("the webhook is registered", || async { !bot.setup.world.calls("setWebhook").is_empty() }).await;
        bot
    }

    /// Starts the bot; nothing is delivered before there is a webhook.
    pub(crate) async fn start_unregistered(self) -> TestBot {
        let life = Life::new();
        let app = self.try_start_replica(1, &life).await.expect("the bot starts");
        app.awake.cancelled().await;
        self.proxy.add(app.router.clone(), life.clone());
        let bot = TestBot {
            app,
            life,
            others: Vec::new(),
            past: Vec::new(),
            stopping: None,
            webhook: self.proxy.transport(),
            deliveries: Shutdown::new(),
            unseen: AtomicI64::new(0),
            setup: self,
        };
        bot.setup.world.deliver_through(bot.webhook.clone(), &bot.deliveries);
        bot
    }
}

/// A replica that stops, and what is left of those that did.
struct Stopping {
    stopped: Option<JoinHandle<Result<(), AppError>>>,
    metrics: Vec<Metrics>,
    /// Where the stand-in lives.
    _nowhere: Setup,
}

/// A running bot in its world.
pub(crate) struct TestBot {
    pub(crate) app: App,
    /// Ends `app` as a `kill -9` would.
    pub(crate) life: Life,
    /// Further replicas on the same data.
    pub(crate) others: Vec<(App, Life)>,
    /// Replicas that were killed.
    past: Vec<App>,
    /// The first replica while it stops; `app` is then a stand-in that has nothing to do with this world.
    stopping: Option<Stopping>,
    /// The way to the bot's webhook: to any replica that lives.
    pub(crate) webhook: Transport,
    pub(crate) deliveries: Shutdown,
    /// Messages that speak to the bot beside those that the world shows; negative for those that only seem to.
    unseen: AtomicI64,
    pub(crate) setup: Setup,
}

impl TestBot {
    /// With the defaults.
    pub(crate) async fn start() -> Self {
        Setup::new().start().await
    }

    pub(crate) fn world(&self) -> &FakeTelegram {
        &self.setup.world
    }

    pub(crate) fn gemini(&self) -> &FakeGemini {
        &self.setup.gemini
    }

    /// Starts another replica on the same data, behind the same proxy.
    pub(crate) async fn add_replica(&mut self) {
        let life = Life::new();
        // Its own chance makes a replica's name: no two of a world may have the same.
        let seed = 10 + (self.others.len() + self.past.len()) as u64;
        let app = self.setup.try_start_replica(seed, &life).await.expect("another replica starts");
        app.awake.cancelled().await;
        self.setup.proxy.add(app.router.clone(), life.clone());
        self.others.push((app, life));
    }

    /// `kill -9` of the first replica, then a new process on the same data.
    pub(crate) async fn crash_and_restart(&mut self) {
        self.life.kill();
        self.restart().await;
    }

    /// Starts a new process in place of the first replica, which has died.
    pub(crate) async fn restart(&mut self) {
        assert!(self.life.is_over(), "the replica lives");
        let life = Life::new();
        let seed = 100 + self.past.len() as u64;
        let app = self.setup.try_start_replica(seed, &life).await.expect("the bot starts again");
        app.awake.cancelled().await;
        self.setup.proxy.add(app.router.clone(), life.clone());
        self.life = life;
        let dead = std::mem::replace(&mut self.app, app);
        bury(&dead);
        self.past.push(dead);
    }

    /// Tells the first replica to stop, as SIGTERM does.
    pub(crate) async fn begin_stop(&mut self, drain: Duration, grace: Duration) {
        let nowhere = Setup::new();
        let stand_in = nowhere.start_replica(1).await;
        let app = std::mem::replace(&mut self.app, stand_in);
        let mut metrics = self.stopping.take().map(|stopping| stopping.metrics).unwrap_or_default();
        metrics.push(app.metrics.clone());
        let stopped = Some(self.deliveries.spawn(app.stop(drain, grace)));
        self.stopping = Some(Stopping { stopped, metrics, _nowhere: nowhere });
        tokio::task::yield_now().await;
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(&mut self) -> Result<(), AppError> {
        let stopping =
            self.stopping.as_mut().and_then(|stopping| stopping.stopped.take()).expect("it was told to stop");
        let outcome = stopping.await.expect("stopping does not panic");
        self.life.kill();
        outcome
    }

    /// Starts a new process in place of the one that has stopped.
    pub(crate) async fn restart_stopped(&mut self) {
        let life = Life::new();
        let app = self.setup.try_start_replica(50, &life).await.expect("the bot starts again");
        app.awake.cancelled().await;
        self.setup.proxy.add(app.router.clone(), life.clone());
        self.life = life;
        bury(&std::mem::replace(&mut self.app, app));
    }

    /// Kills the first replica; another one takes its place.
    pub(crate) fn kill_first(&mut self) {
        let (app, life) = self.others.remove(0);
        std::mem::replace(&mut self.life, life).kill();
        let dead = std::mem::replace(&mut self.app, app);
        bury(&dead);
        self.past.push(dead);
    }

    /// All replicas, dead ones too.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = &App> {
        std::iter::once(&self.app).chain(self.others.iter().map(|(app, _)| app)).chain(&self.past)
    }

    /// The world shows fewer (or more) messages that speak to the bot than there were.
    pub(crate) fn also_addressed(&self, messages: i64) {
        self.unseen.fetch_add(messages, Ordering::SeqCst);
    }

    /// A group with these members; the bot is in it.
    pub(crate) fn group(&self, names: &[&str]) -> (ChatId, Vec<UserId>) {
        let people: Vec<UserId> = names.iter().map(|name| self.world().person(name)).collect();
        (self.world().supergroup("Друзі", &people), people)
    }

    /// Says something and lets everything come to rest.
    pub(crate) async fn say(&self, chat: ChatId, person: UserId, text: &str) -> MessageRef {
        let message = self.world().say(chat, person, text);
        self.settle().await;
        message
    }

    /// Waits (in the world's time) until nothing waits anywhere: at Telegram, in the inbox, in the outbox, in thought.
    pub(crate) async fn settle(&self) {
        self.wait("everything comes to rest", || async {
            let waiting = self.world().pending_updates();
            let inbox = self.app.store.inbox_depth().await.expect("the inbox");
            let outbox = self.app.store.outbox_depth().await.expect("the outbox");
            let thinking = self.metric("gryag_unasked_thinking", &[]);
            waiting == 0 && inbox.waiting == 0 && outbox.by_state.is_empty() && thinking == 0.0
        })
        .await;
        drain().await;
    }

    /// Waits until something holds.
    pub(crate) async fn wait<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let give_up = tokio::time::Instant::now() + SETTLE;
        let mut pause = Duration::from_millis(10);
        while !holds().await {
            assert!(tokio::time::Instant::now() < give_up, "not within {SETTLE:?} of the world's time: {what}");
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_millis(300));
        }
    }

    /// Posts a body to the webhook as Telegram would; returns status and headers.
    pub(crate) async fn post(&self, body: impl Into<Bytes>) -> http::Response<Bytes> {
        let secret = self.webhook_secret();
        let request = Request::post("http://bot.test/telegram/webhook")
            .header("x-telegram-bot-api-secret-token", secret)
            .body(body.into())
            .expect("a request");
        call(&self.webhook, request).await.expect("an answer")
    }

    /// Asks for a page: its status and text.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let request = Request::get(format!("http://bot.test{path}")).body(Bytes::new()).expect("a request");
        let answer = call(&self.webhook, request).await.expect("an answer");
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    }

    /// The secret that the bot gave to Telegram.
    pub(crate) fn webhook_secret(&self) -> String {
        let calls = self.world().calls("setWebhook");
        calls.last().expect("a webhook").parameters()["secret_token"].as_str().expect("a secret").to_owned()
    }

    /// A counter's or gauge's value, summed over the series whose labels contain all of `labels`.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let stopped = self.stopping.iter().flat_map(|stopping| &stopping.metrics);
        let all = self.replicas().map(|app| &app.metrics).chain(stopped);
        all.map(|metrics| sum(metrics, name, labels)).sum()
    }

    /// What became of the messages that spoke to the bot, in the order of the words: `answered 2, stale 1`.
    pub(crate) fn outcomes(&self) -> String {
        let words =
            ["answered", "late", "failed", "stale", "expired", "unknown", "refused", "dead", "over_budget", "ignored"];
        let count = |word| (word, self.metric("gryag_addressed_total", &[&format!("outcome=\"{word}\"")]));
        let counted = words.into_iter().map(count).filter(|(_, count)| *count > 0.0);
        counted.map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(", ")
    }

    /// Every message that spoke to the bot has come to exactly one outcome.
    fn check_addressed(&self) {
        let seen = i64::try_from(oracle::addressed(self.world())).expect("a count of messages");
        let spoken = seen + self.unseen.load(Ordering::SeqCst);
        #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
        let expected = spoken as f64;
        let counted = self.metric("gryag_addressed_total", &[]);
        assert_eq!(counted, expected, "each message that speaks to the bot is counted once: {}", self.outcomes());
    }

    /// Stops the bot; fails if anything is left over or any error was met.
    pub(crate) async fn finish(self) {
        self.settle().await;
        let errors: Vec<_> = self.replicas().flat_map(|app| app.errors.last()).collect();
        assert!(errors.is_empty(), "errors that the test does not expect: {errors:#?}");
        self.finish_with_errors().await;
    }

    /// Stops the bot after a test that provokes errors; fails if anything is left over.
    pub(crate) async fn finish_with_errors(self) {
        self.settle().await;
        assert_eq!(self.app.store.inbox_depth().await.expect("the inbox").dead, 0, "a dead letter is left over");
        self.finish_with_dead_letters().await;
    }

    /// Stops the bot after a test that leaves dead letters.
    pub(crate) async fn finish_with_dead_letters(self) {
        self.settle().await;
        self.check_addressed();
        self.deliveries.soft.cancel();
        let living = std::iter::once(self.app).chain(self.others.into_iter().map(|(app, _)| app));
        for app in living {
            app.stop(Duration::ZERO, Duration::from_secs(30)).await.expect("a clean stop");
        }
        self.deliveries.finished().await;
    }
}

/// Lets all that can run now run to its end. A commit is seen in the database before whoever made it hears of it and counts
/// it; the paused clock moves on only when no task and no blocking thread has anything left to do.
pub(crate) async fn drain() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// What a killed process no longer does.
pub(crate) fn bury(app: &App) {
    app.shutdown.soft.cancel();
    app.shutdown.hard.cancel();
}

/// Runs a case of a property test in a world of its own, in paused time.
pub(crate) fn in_paused_time<T>(case: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().expect("a runtime").block_on(case)
}

/// As [`TestBot::metric`], of one replica.
pub(crate) fn metric(app: &App, name: &str, labels: &[&str]) -> f64 {
    sum(&app.metrics, name, labels)
}

fn sum(metrics: &Metrics, name: &str, labels: &[&str]) -> f64 {
    metrics
        .render()
        .lines()
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let series_name = series.split('{').next()?;
            (series_name == name && labels.iter().all(|label| series.contains(label)))
                .then(|| value.parse::<f64>().ok())
                .flatten()
        })
        .sum()
}

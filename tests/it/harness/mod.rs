//! [`TestBot`]: a bot, its world, and the questions that tests ask of both.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gryag::{
    app::{App, Outside},
    clock::{SharedClock, TokioClock},
    config::Config,
    domain::{ChatId, Timestamp, UserId},
    random::Seeded,
    sandbox::{
        gemini::{self, FakeGemini},
        in_process,
        telegram::{self, FakeTelegram, MessageRef},
    },
    shutdown::Shutdown,
    storage::{InboxStore as _, OutboxStore as _},
    transport::{Transport, call},
};
use http::Request;

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
    clock: SharedClock,
    commit_fault: Option<gryag::storage::sqlite::CommitFault>,
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
        }
    }

    pub(crate) fn set(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((key, value.into()));
        self
    }

    pub(crate) fn commit_fault(mut self, fault: gryag::storage::sqlite::CommitFault) -> Self {
        self.commit_fault = Some(fault);
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

    /// Starts a replica in this world; further ones may be started on the same data.
    pub(crate) async fn start_replica(&self, seed: u64) -> App {
        let outside = Outside {
            telegram: self.world.transport(),
            gemini: self.gemini.transport(),
            clock: self.clock.clone(),
            random: Arc::new(Seeded::new(seed)),
            commit_fault: self.commit_fault.clone(),
        };
        App::start(&self.config(), outside, Shutdown::new()).await.expect("the bot starts")
    }

    pub(crate) async fn start(self) -> TestBot {
        let app = self.start_replica(1).await;
        app.awake.cancelled().await;
        let webhook = in_process(app.router.clone());
        let bot = TestBot { app, webhook, deliveries: Shutdown::new(), setup: self };
        bot.wait("the webhook is registered", || async { !bot.setup.world.calls("setWebhook").is_empty() }).await;
        bot.setup.world.deliver_through(bot.webhook.clone(), &bot.deliveries);
        bot
    }
}

/// A running bot in its world.
pub(crate) struct TestBot {
    pub(crate) app: App,
    /// The way to the bot's webhook.
    pub(crate) webhook: Transport,
    deliveries: Shutdown,
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

    /// Waits (in the world's time) until nothing waits anywhere: at Telegram, in the inbox, in the outbox.
    pub(crate) async fn settle(&self) {
        self.wait("everything comes to rest", || async {
            let waiting = self.world().pending_updates();
            let inbox = self.app.store.inbox_depth().await.expect("the inbox");
            let outbox = self.app.store.outbox_depth().await.expect("the outbox");
            waiting == 0 && inbox.waiting == 0 && outbox.by_state.is_empty()
        })
        .await;
    }

    /// Waits until something holds.
    pub(crate) async fn wait<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let give_up = tokio::time::Instant::now() + SETTLE;
        while !holds().await {
            assert!(tokio::time::Instant::now() < give_up, "not within {SETTLE:?} of the world's time: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
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

    /// The secret that the bot gave to Telegram.
    pub(crate) fn webhook_secret(&self) -> String {
        let calls = self.world().calls("setWebhook");
        calls[0].parameters()["secret_token"].as_str().expect("a secret").to_owned()
    }

    /// A counter's or gauge's value, summed over the series whose labels contain all of `labels`.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        metric(&self.app, name, labels)
    }

    /// Stops the bot; fails if anything is left over or any error was met.
    pub(crate) async fn finish(self) {
        let errors = self.app.errors.last();
        assert!(errors.is_empty(), "errors that the test does not expect: {errors:#?}");
        self.finish_with_errors().await;
    }

    /// Stops the bot after a test that provokes errors; fails if anything is left over.
    pub(crate) async fn finish_with_errors(self) {
        self.settle().await;
        assert_eq!(self.app.store.inbox_depth().await.expect("the inbox").dead, 0, "a dead letter is left over");
        self.deliveries.soft.cancel();
        self.app.stop(Duration::ZERO, Duration::from_secs(30)).await.expect("a clean stop");
        self.deliveries.finished().await;
    }
}

/// As [`TestBot::metric`], of any replica.
pub(crate) fn metric(app: &App, name: &str, labels: &[&str]) -> f64 {
    app.metrics
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

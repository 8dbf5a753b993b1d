//! Builds the bot from its configuration, starts its tasks, and stops them in order.
//!
//! Four tasks meet only in the store and its bell: the edge takes updates in, the worker runs turns, the sender says
//! what they leave, maintenance looks after the rest.

mod identity;
mod registration;

use std::{sync::Arc, time::Duration};

use axum::{Router, routing};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{SharedClock, SystemClock},
    commands::Commands,
    config::{Config, Intake},
    domain::Timestamp,
    edge::{self, EdgeRoutes, Health, Poller, ServerLimits, StackParts, Webhook, WebhookLimits},
    errors::ErrorHandler,
    gemini::{Gemini, GeminiOptions, RateError, RateSlots, Slot},
    inbox::Inbox,
    layers::{AddressBudget, AddressLimiter, IpRange},
    maintenance::{Maintenance, MaintenanceParts},
    memory::Memory,
    outbox::{Sender, SenderParts},
    persona::Persona,
    random::{Seeded, SharedRandom},
    shutdown::Shutdown,
    storage::{
        SendLimits, SharedStore, StorageError,
        sqlite::{CommitFault, SqliteOptions, SqliteStore},
    },
    telegram::{Me, Telegram, TelegramError, TelegramOptions},
    telemetry::{Metrics, metric},
    transport::{Transport, TransportError, TransportOptions, http_client},
    worker::{Worker, WorkerOptions, WorkerParts},
};

/// Longest time of one call of the Bot API.
const TELEGRAM_CALL: Duration = Duration::from_secs(15);

/// Everything that the bot meets outside itself: tests and the sandbox put their own in.
#[derive(Clone)]
pub struct Outside {
    /// The way to the Bot API.
    pub telegram: Transport,
    /// The way to the model.
    pub gemini: Transport,
    /// Time.
    pub clock: SharedClock,
    /// Chance.
    pub random: SharedRandom,
    /// Faults of the store, for tests.
    pub commit_fault: Option<CommitFault>,
}

impl Outside {
    /// The real world.
    ///
    /// # Errors
    ///
    /// If the system has no usable certificate store.
    pub fn real() -> Result<Self, AppError> {
        let http = http_client(TransportOptions::default())?;
        Ok(Self {
            telegram: http.clone(),
            gemini: http,
            clock: Arc::new(SystemClock),
            random: Arc::new(Seeded::from_entropy()),
            commit_fault: None,
        })
    }
}

/// Why the bot cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store cannot be used.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StorageError),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: {0}")]
    Transport(#[from] TransportError),
    /// Telegram does not know the token.
    #[error("telegram refused the bot: {0}")]
    Telegram(#[from] TelegramError),
    /// The persona's file is wrong.
    #[error("BOT_PERSONA cannot be used: {0}")]
    Persona(#[from] crate::persona::PersonaError),
    /// The data directory belongs to another bot.
    #[error(
        "BOT_DATA_DIR belongs to bot {stored}, but TELEGRAM_BOT_TOKEN is of bot {ours}; \
         give each bot (and the sandbox) a data directory of its own"
    )]
    ForeignData {
        /// The bot that has used it.
        stored: String,
        /// This one.
        ours: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another program there? BOT_HTTP_ADDR sets the address")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// A task died.
    #[error("the task «{0}» died; the log says why")]
    TaskDied(&'static str),
}

/// A running bot.
pub struct App {
    /// What answers HTTP.
    pub router: Router,
    /// Its store.
    pub store: SqliteStore,
    /// Its figures.
    pub metrics: Metrics,
    /// Its errors.
    pub errors: ErrorHandler,
    /// How it stops.
    pub shutdown: Shutdown,
    /// Cancelled once the bot knows who it is and its worker runs.
    pub awake: CancellationToken,
    conversation: JoinHandle<()>,
    server: Option<JoinHandle<()>>,
}

impl App {
    /// Opens the store and starts everything but the HTTP server.
    ///
    /// # Errors
    ///
    /// If the store, the persona or the token cannot be used.
    pub async fn start(config: &Config, outside: Outside, shutdown: Shutdown) -> Result<Self, AppError> {
        let metrics = Metrics::new();
        metrics.set(&metric::BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        let (errors, found) = ErrorHandler::new(outside.clock.clone(), metrics.clone());
        let persona = Arc::new(Persona::load(&config.behavior.persona)?);
        let store = SqliteStore::open(store_options(config, &outside, &metrics), &shutdown).await?;
        identity::check_owner(&store, config).await?;
        let limiter = Arc::new(AddressLimiter::new(AddressBudget::default()));
        let build = Build {
            owner: format!("{:016x}", outside.random.bits()),
            started_at: outside.clock.now(),
            telegram: Telegram::new(outside.telegram.clone(), telegram_options(config), metrics.clone()),
            inbox: Inbox::new(Arc::new(store.clone()), metrics.clone(), Arc::new(|_| false)),
            awake: CancellationToken::new(),
            config: config.clone(),
            outside,
            metrics,
            errors,
            persona,
            store,
            limiter,
            shutdown,
        };
        build.start_maintenance(found);
        let router = build.router();
        let conversation = build.start_conversation();
        let Build { store, metrics, errors, shutdown, awake, .. } = build;
        Ok(Self { router, store, metrics, errors, shutdown, awake, conversation, server: None })
    }

    /// Starts the HTTP server.
    pub fn listen(&mut self, listener: TcpListener) {
        let (router, shutdown) = (self.router.clone(), self.shutdown.clone());
        let server = async move { edge::serve(listener, router, ServerLimits::default(), &shutdown).await };
        let (ended, shutdown) = (CancellationToken::new(), self.shutdown.clone());
        let guard = ended.clone().drop_guard();
        self.shutdown.spawn_essential("http server", async move {
            let _guard = guard;
            server.await;
        });
        self.server = Some(shutdown.spawn(async move { ended.cancelled().await }));
    }

    /// Stops in order: not ready but still accepting (`drain`), no new work, running turns and sends, the store. What
    /// is not done when `grace` is over is dropped; its leases expire.
    ///
    /// # Errors
    ///
    /// [`AppError::TaskDied`] if that is why it stops.
    pub async fn stop(self, drain: Duration, grace: Duration) -> Result<(), AppError> {
        let shutdown = self.shutdown.clone();
        let hard = shutdown.hard.clone();
        let deadline = tokio::time::Instant::now() + grace;
        shutdown.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => hard.cancel(),
                () = hard.cancelled() => {}
            }
        });
        shutdown.draining.cancel();
        if !shutdown.soft.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(drain) => {}
                () = shutdown.soft.cancelled() => {}
                () = shutdown.hard.cancelled() => {}
            }
        }
        shutdown.soft.cancel();
        // A task that panicked was reported when it did.
        let _ = self.conversation.await;
        if let Some(server) = self.server {
            let _ = server.await;
        }
        self.store.close().await;
        let in_time = !shutdown.hard.is_cancelled();
        shutdown.hard.cancel();
        shutdown.finished().await;
        tracing::info!(in_time, "stopped");
        match shutdown.failed_task() {
            Some(task) => Err(AppError::TaskDied(task)),
            None => Ok(()),
        }
    }
}

/// What the pieces are built from.
struct Build {
    config: Config,
    outside: Outside,
    owner: String,
    started_at: Timestamp,
    metrics: Metrics,
    errors: ErrorHandler,
    persona: Arc<Persona>,
    store: SqliteStore,
    telegram: Telegram,
    inbox: Inbox,
    limiter: Arc<AddressLimiter>,
    shutdown: Shutdown,
    awake: CancellationToken,
}

impl Build {
    fn router(&self) -> Router {
        let webhook =
            Webhook { inbox: self.inbox.clone(), clock: self.outside.clock.clone(), errors: self.errors.clone() };
        let health = Health {
            shutdown: self.shutdown.clone(),
            store: Arc::new(self.store.clone()),
            metrics: self.metrics.clone(),
        };
        let open = Router::new()
            .route("/livez", routing::get(edge::live))
            .route("/readyz", routing::get(edge::ready))
            .route("/metrics", routing::get(edge::metrics))
            .with_state(health);
        let routes = EdgeRoutes { webhook: routing::post(edge::receive).with_state(webhook), open };
        let trusted = &self.config.advanced.trusted_proxies;
        let parts = StackParts {
            metrics: self.metrics.clone(),
            errors: self.errors.clone(),
            random: self.outside.random.clone(),
            trusted_proxies: trusted
                .iter()
                .filter_map(|network| IpRange::new(network.address, network.prefix))
                .collect(),
            webhook_secrets: self.config.advanced.webhook_secrets.clone(),
            limiter: Arc::clone(&self.limiter),
            limits: WebhookLimits::default(),
        };
        edge::stack(routes, parts)
    }

    fn start_maintenance(&self, found: tokio::sync::mpsc::Receiver<crate::errors::ErrorRecord>) {
        let limiter = Arc::clone(&self.limiter);
        let maintenance = Maintenance::new(MaintenanceParts {
            store: Arc::new(self.store.clone()),
            owner: self.owner.clone(),
            started_at: self.started_at,
            clock: self.outside.clock.clone(),
            errors: self.errors.clone(),
            metrics: self.metrics.clone(),
            sweeps: vec![Arc::new(move || limiter.sweep())],
        });
        self.shutdown.spawn_essential("maintenance", maintenance.run(found, self.shutdown.clone()));
    }

    /// Starts worker, sender and intake as soon as the bot knows who it is. Updates are taken in before that.
    fn start_conversation(&self) -> JoinHandle<()> {
        let identify = identity::Identify {
            telegram: self.telegram.clone(),
            store: Arc::new(self.store.clone()),
            errors: self.errors.clone(),
            shutdown: self.shutdown.clone(),
        };
        let pieces = Pieces::new(self);
        let (shutdown, awake) = (self.shutdown.clone(), self.awake.clone());
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        self.shutdown.spawn_essential("conversation", async move {
            let _guard = guard;
            if let Some(me) = identify.run().await {
                pieces.run(Arc::new(me), &shutdown, &awake).await;
            }
        });
        self.shutdown.spawn(async move { ended.cancelled().await })
    }
}

/// Worker, sender and intake before they know who they are.
struct Pieces {
    worker: WorkerParts,
    worker_options: WorkerOptions,
    sender: SenderParts,
    poller: Option<Poller>,
    registration: registration::Registration,
}

impl Pieces {
    fn new(build: &Build) -> Self {
        let Build { config, outside, metrics, errors, persona, store, telegram, owner, .. } = build;
        // Replaced as soon as the bot knows who it is.
        let nobody = Arc::new(Me::default());
        let (behavior, advanced) = (&config.behavior, &config.advanced);
        let worker = WorkerParts {
            inbox: Arc::new(store.clone()),
            bell: store.bell(),
            memory: Memory::new(
                Arc::new(store.clone()),
                u32::try_from(advanced.context_limit).unwrap_or(u32::MAX),
            ),
            gemini: gemini(config, outside, store, metrics),
            telegram: telegram.clone(),
            me: Arc::clone(&nobody),
            persona: Arc::clone(persona),
            commands: Commands::new(Arc::clone(persona)),
            clock: outside.clock.clone(),
            random: outside.random.clone(),
            errors: errors.clone(),
            metrics: metrics.clone(),
        };
        let worker_options = WorkerOptions {
            owner: owner.clone(),
            lease: advanced.lease,
            turns_max: advanced.worker_turns,
            turn_deadline: advanced.turn_deadline,
            age_max: behavior.max_message_age,
            context_tokens_max: advanced.max_context_tokens,
        };
        let sender = SenderParts {
            outbox: Arc::new(store.clone()),
            bell: store.bell(),
            telegram: telegram.clone(),
            me: nobody,
            limits: SendLimits {
                global_per_second: advanced.rate_global,
                chat_per_second: advanced.rate_chat,
                group_per_minute: advanced.rate_group,
            },
            owner: owner.clone(),
            clock: outside.clock.clone(),
            errors: errors.clone(),
            metrics: metrics.clone(),
        };
        let poller = (config.essential.intake == Intake::Poll).then(|| Poller {
            telegram: telegram.clone(),
            inbox: build.inbox.clone(),
            store: Arc::new(store.clone()),
            owner: owner.clone(),
            clock: outside.clock.clone(),
            random: outside.random.clone(),
            errors: errors.clone(),
        });
        Self { worker, worker_options, sender, poller, registration: registration::Registration::new(build) }
    }

    /// Runs until the soft stop: first the worker ends its turns, then the sender what they left.
    async fn run(mut self, me: Arc<Me>, shutdown: &Shutdown, awake: &CancellationToken) {
        self.worker.me = Arc::clone(&me);
        self.sender.me = me;
        let sender_stop = CancellationToken::new();
        let sender = Sender::new(self.sender, shutdown.clone());
        let sending = shutdown.spawn(sender.run(sender_stop.clone()));
        shutdown.spawn(self.registration.run());
        if let Some(poller) = self.poller {
            shutdown.spawn_essential("poller", poller.run(shutdown.clone()));
        }
        awake.cancel();
        let worker = Worker::new(self.worker, self.worker_options, shutdown.clone());
        let sender_died = async {
            let ended = sending.await;
            tracing::error!(panicked = ended.is_err(), "the sender ended");
        };
        tokio::pin!(sender_died);
        tokio::select! {
            () = worker.run() => {
                sender_stop.cancel();
                let _ = tokio::time::timeout(Duration::from_secs(600), sender_died).await;
            }
            // Ends this task before the soft stop, which stops the process with failure.
            () = &mut sender_died => {}
        }
    }
}

fn store_options(config: &Config, outside: &Outside, metrics: &Metrics) -> SqliteOptions {
    SqliteOptions {
        inbox_max: config.advanced.max_queue,
        free_disk_min_bytes: config.advanced.min_free_disk_mb * 1024 * 1024,
        commit_fault: outside.commit_fault.clone(),
        ..SqliteOptions::new(&config.essential.data_dir, outside.clock.clone(), metrics.clone())
    }
}

fn telegram_options(config: &Config) -> TelegramOptions {
    TelegramOptions {
        api_url: config.advanced.api_url.clone(),
        token: config.essential.bot_token.clone(),
        call_timeout: TELEGRAM_CALL,
    }
}

fn gemini(config: &Config, outside: &Outside, store: &SqliteStore, metrics: &Metrics) -> Gemini {
    let settings = &config.gemini;
    let rate: Option<Arc<dyn RateSlots>> = (settings.rate_limit_rpm > 0).then(|| {
        Arc::new(StoreSlots { store: Arc::new(store.clone()), per_minute: settings.rate_limit_rpm })
            as Arc<dyn RateSlots>
    });
    let options = GeminiOptions {
        base_url: settings.base_url.clone(),
        api_key: config.essential.gemini_api_key.clone(),
        model: settings.model.clone(),
        fallback_model: settings.fallback_model.clone(),
        max_output_tokens: settings.max_output_tokens,
        temperature: settings.temperature,
        thinking: settings.thinking_level,
        call_timeout: settings.timeout,
        max_concurrent: settings.max_concurrent,
        rate,
    };
    Gemini::new(outside.gemini.clone(), options, outside.clock.clone(), outside.random.clone(), metrics.clone())
}

/// `GEMINI_RATE_LIMIT_RPM`, shared by the replicas through the store.
struct StoreSlots {
    store: Arc<dyn SharedStore>,
    per_minute: u32,
}

#[async_trait::async_trait]
impl RateSlots for StoreSlots {
    async fn take(&self) -> Result<Slot, RateError> {
        match self.store.take_slot("gemini", self.per_minute).await {
            Ok(crate::storage::Slot::Granted) => Ok(Slot::Granted),
            Ok(crate::storage::Slot::Wait(pause)) => Ok(Slot::WaitUntil(pause)),
            Err(error) => Err(RateError(error.to_string())),
        }
    }
}

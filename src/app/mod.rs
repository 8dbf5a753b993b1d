//! Builds the bot from its configuration, starts its tasks, and stops them in order.
//!
//! Four tasks meet only in the store and its bell: the edge takes updates in, the worker runs turns, the sender says
//! what they leave, maintenance looks after the rest.

mod attempts;
mod dashboard;
mod error;
mod identity;
mod maintenance;
mod menus;
mod model;
mod open_files;
mod registration;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{Router, routing};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use self::{
    error::AppError,
    identity::{OWNER, telegram_options},
    model::gemini_options,
    registration::{FINGERPRINT, fingerprint},
};
use crate::{
    clock::{SharedClock, SystemClock},
    commands::{CommandOptions, CommandParts, Commands, is_forget_this},
    config::{Config, Intake, Network},
    decision::{budget::TalkRules, stop_words::is_urgent},
    domain::{Budgets, Timestamp},
    edge::{self, EdgeRoutes, Health, Poller, ServerLimits, StackParts, Webhook, WebhookLimits},
    errors::ErrorHandler,
    gemini::Gemini,
    inbox::{Inbox, IsUrgent},
    layers::rate_limit::{AddressBudget, AddressLimiter},
    memory::Memory,
    outbox::{Sender, SenderParts},
    persona::Personas,
    random::{Seeded, SharedRandom},
    shutdown::Shutdown,
    storage::{
        SendLimits,
        sqlite::{CommitFault, SqliteOptions, SqliteStore},
    },
    telegram::{Me, Telegram, TelegramError},
    telemetry::{Metrics, metric},
    transport::{Transport, TransportOptions, http_client},
    worker::{TalkOptions, Worker, WorkerOptions, WorkerParts},
};

/// Stop words and wishes to be forgotten must not wait behind a turn.
fn urgency(personas: &Personas) -> IsUrgent {
    let personas = personas.clone();
    Arc::new(move |text| is_forget_this(text) || is_urgent(text, |word| personas.is_name(word)))
}

/// What is left to a bot that drops everything: to give its claims back and to close its store.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Everything that the bot meets outside itself: tests and the sandbox put their own in.
#[derive(Clone)]
pub struct Outside {
    /// The way to the Bot API.
    pub telegram: Transport,
    /// The way to the model.
    pub gemini: Transport,
    /// The way to anything else: `BOT_HEARTBEAT_URL`.
    pub elsewhere: Transport,
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
            gemini: http.clone(),
            elsewhere: http,
            clock: Arc::new(SystemClock),
            random: Arc::new(Seeded::from_entropy()),
            commit_fault: None,
        })
    }
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
    /// Why the bot cannot go on, where the name of the task that ended does not say it.
    refused: Arc<OnceLock<TelegramError>>,
    conversation: JoinHandle<()>,
    maintenance: JoinHandle<()>,
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
        let (personas, looked) = Personas::open(&config.behavior.persona, config.essential.data_dir.join("personas"))?;
        for broken in &looked.broken {
            errors.handle("persona", broken);
        }
        let store = SqliteStore::open(store_options(config, &outside, &metrics), &shutdown).await?;
        identity::check_owner(&store, config).await?;
        dashboard::note_deploy(&store, outside.clock.now()).await?;
        let limiter = Arc::new(AddressLimiter::new(AddressBudget::default()));
        let gemini = Arc::new(model::gemini(config, &outside, &store, &metrics)?);
        let build = Arc::new(Build {
            owner: format!("{:016x}", outside.random.bits()),
            started_at: outside.clock.now(),
            telegram: Telegram::new(outside.telegram.clone(), telegram_options(config), metrics.clone()),
            inbox: Inbox::new(Arc::new(store.clone()), metrics.clone(), urgency(&personas)),
            awake: CancellationToken::new(),
            refused: Arc::default(),
            config: config.clone(),
            outside,
            metrics,
            errors,
            personas,
            store,
            limiter,
            gemini,
            shutdown,
        });
        let maintenance = build.start_maintenance(found);
        let router = build.router();
        let conversation = build.start_conversation();
        Ok(Self {
            router,
            store: build.store.clone(),
            metrics: build.metrics.clone(),
            errors: build.errors.clone(),
            shutdown: build.shutdown.clone(),
            awake: build.awake.clone(),
            refused: Arc::clone(&build.refused),
            conversation,
            maintenance,
            server: None,
        })
    }

    /// Starts the HTTP server; behind `proxies`, if behind any.
    pub fn listen(&mut self, listener: TcpListener, proxies: Vec<Network>) {
        let (router, shutdown) = (self.router.clone(), self.shutdown.clone());
        let limits = ServerLimits::default().within(open_files::raise());
        let server = async move { edge::serve(listener, router, limits, &proxies, &shutdown).await };
        self.server = Some(spawn_awaited(&self.shutdown, "http server", server));
    }

    /// Stops in order: not ready but still accepting (`drain`), no new work, running turns and sends, the store. What
    /// is not done when `grace` is over is dropped; its leases expire.
    ///
    /// # Errors
    ///
    /// [`AppError::TaskDied`] or [`AppError::Telegram`] if that is why it stops.
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
        let refused = Arc::clone(&self.refused);
        let in_time = tokio::select! {
            () = self.wind_up() => !shutdown.hard.is_cancelled(),
            () = last_moment_after(&shutdown.hard) => false,
        };
        shutdown.hard.cancel();
        // What still waits for the outside now, such as a call of Telegram that hangs, is dropped with the runtime.
        let _ = tokio::time::timeout(LAST_MOMENT, shutdown.finished()).await;
        tracing::info!(in_time, "stopped");
        match (refused.get().cloned(), shutdown.failed_task()) {
            (Some(refused), _) => Err(AppError::Telegram(refused)),
            (None, Some(task)) => Err(AppError::TaskDied(task)),
            (None, None) => Ok(()),
        }
    }

    /// Waits for the tasks in the order in which they need each other; the store outlives them all.
    async fn wind_up(self) {
        // A task that panicked was reported when it did.
        let _ = self.conversation.await;
        if let Some(server) = self.server {
            let _ = server.await;
        }
        let _ = self.maintenance.await;
        self.store.close().await;
    }
}

async fn last_moment_after(hard: &CancellationToken) {
    hard.cancelled().await;
    tokio::time::sleep(LAST_MOMENT).await;
}

/// Starts an essential task whose end can be awaited, however it ends.
fn spawn_awaited(
    shutdown: &Shutdown,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    shutdown.spawn_essential(name, async move {
        let _guard = guard;
        task.await;
    });
    shutdown.spawn(async move { ended.cancelled().await })
}

/// What the pieces are built from.
struct Build {
    config: Config,
    outside: Outside,
    owner: String,
    started_at: Timestamp,
    metrics: Metrics,
    errors: ErrorHandler,
    personas: Personas,
    store: SqliteStore,
    telegram: Telegram,
    gemini: Arc<Gemini>,
    inbox: Inbox,
    limiter: Arc<AddressLimiter>,
    shutdown: Shutdown,
    awake: CancellationToken,
    refused: Arc<OnceLock<TelegramError>>,
}

impl Build {
    fn router(&self) -> Router {
        let webhook =
            Webhook { inbox: self.inbox.clone(), clock: self.outside.clock.clone(), errors: self.errors.clone() };
        let open = Router::new()
            .route("/livez", routing::get(edge::live))
            .route("/readyz", routing::get(edge::ready))
            .route("/metrics", routing::get(edge::metrics))
            .with_state(self.health());
        let routes = EdgeRoutes {
            webhook: routing::post(edge::receive).with_state(Arc::new(webhook)),
            open,
            dashboard: dashboard::routes(self),
        };
        let parts = StackParts {
            metrics: self.metrics.clone(),
            errors: self.errors.clone(),
            random: self.outside.random.clone(),
            trusted_proxies: self.config.advanced.trusted_proxies.clone(),
            webhook_secrets: self.config.advanced.webhook_secrets.clone(),
            limiter: Arc::clone(&self.limiter),
            limits: WebhookLimits::default(),
        };
        edge::stack(routes, parts)
    }

    fn health(&self) -> Health {
        Health { shutdown: self.shutdown.clone(), store: Arc::new(self.store.clone()), metrics: self.metrics.clone() }
    }

    /// Starts worker, sender and intake as soon as the bot knows who it is. Updates are taken in before that.
    fn start_conversation(self: &Arc<Self>) -> JoinHandle<()> {
        let build = Arc::clone(self);
        spawn_awaited(&self.shutdown, "conversation", async move {
            let identify = identity::Identify {
                telegram: build.telegram.clone(),
                store: Arc::new(build.store.clone()),
                clock: build.outside.clock.clone(),
                errors: build.errors.clone(),
                shutdown: build.shutdown.clone(),
            };
            match identify.run().await {
                Ok(Some(me)) => build.converse(Arc::new(me)).await,
                Ok(None) => {}
                Err(refused) => {
                    let _ = build.refused.set(refused);
                    build.shutdown.fail("conversation");
                }
            }
        })
    }

    /// Runs until the soft stop: first the worker ends its turns, then the sender what they left.
    async fn converse(&self, me: Arc<Me>) {
        let shutdown = &self.shutdown;
        let sender_stop = CancellationToken::new();
        let sending = shutdown.spawn(self.sender(Arc::clone(&me)).run(sender_stop.clone()));
        shutdown.spawn(registration::Registration::new(self).run());
        shutdown.spawn(menus::Menus::new(self).run());
        if self.config.essential.intake == Intake::Poll {
            shutdown.spawn_essential("poller", self.poller().run(shutdown.clone()));
        }
        self.awake.cancel();
        let worker = self.worker(me);
        shutdown.spawn(worker.clone().speak_up());
        let working = worker.run();
        tokio::pin!(sending, working);
        tokio::select! {
            () = &mut working => {
                sender_stop.cancel();
                // A panic of the sender was printed when it happened.
                let _ = sending.await;
            }
            // At the hard stop the sender may end first; the worker still gives its claims back.
            ended = &mut sending => if shutdown.hard.is_cancelled() {
                working.await;
            } else {
                // Ends this task before the soft stop, which stops the process with failure.
                tracing::error!(panicked = ended.is_err(), "the sender ended");
            },
        }
    }

    fn worker(&self, me: Arc<Me>) -> Worker {
        let (behavior, advanced) = (&self.config.behavior, &self.config.advanced);
        let store = Arc::new(self.store.clone());
        let context_limit = u32::try_from(advanced.context_limit).unwrap_or(u32::MAX);
        let parts = WorkerParts {
            inbox: store.clone(),
            chats: store.clone(),
            spend: store.clone(),
            bell: self.store.bell(),
            talk: store.clone(),
            people: store.clone(),
            shared: store.clone(),
            memory: Memory::new(store, context_limit),
            gemini: Arc::clone(&self.gemini),
            telegram: self.telegram.clone(),
            commands: self.commands(Arc::clone(&me)),
            me,
            personas: self.personas.clone(),
            clock: self.outside.clock.clone(),
            random: self.outside.random.clone(),
            errors: self.errors.clone(),
            metrics: self.metrics.clone(),
        };
        let options = WorkerOptions {
            owner: self.owner.clone(),
            lease: advanced.lease,
            turns_max: advanced.worker_turns,
            turn_deadline: advanced.turn_deadline,
            age_max: behavior.max_message_age,
            context_tokens_max: advanced.max_context_tokens,
            language: behavior.language,
            budgets: self.budgets(),
            talk: TalkOptions {
                rules: TalkRules { autonomous: behavior.autonomous_mode, pause: behavior.min_silence },
                smart_chance: behavior.smart_reply_chance,
                random_chance: behavior.random_reply_chance,
                reaction_chance: behavior.reaction_chance,
                veto: behavior.veto,
                spam_threshold: behavior.spam_threshold,
            },
            admins: self.config.essential.admins.clone(),
        };
        Worker::new(parts, options, self.shutdown.clone())
    }

    fn budgets(&self) -> Budgets {
        let behavior = &self.config.behavior;
        let (bot, chat) = (behavior.budget_per_day, behavior.budget_per_chat);
        Budgets::from_usd(bot, chat, behavior.budget_per_user, behavior.budget_per_guest)
    }

    fn commands(&self, me: Arc<Me>) -> Commands {
        let (essential, behavior) = (&self.config.essential, &self.config.behavior);
        let parts = CommandParts {
            store: Arc::new(self.store.clone()),
            telegram: self.telegram.clone(),
            personas: self.personas.clone(),
            me,
            clock: self.outside.clock.clone(),
            errors: self.errors.clone(),
        };
        let options = CommandOptions {
            admins: essential.admins.clone(),
            access: behavior.access,
            language: behavior.language,
            retention: self.config.advanced.retention,
            age_max: behavior.max_message_age,
            is_autonomous: behavior.autonomous_mode,
            public_url: essential.public_url.clone(),
            budgets: self.budgets(),
        };
        Commands::new(parts, options)
    }

    fn sender(&self, me: Arc<Me>) -> Sender {
        let advanced = &self.config.advanced;
        let parts = SenderParts {
            outbox: Arc::new(self.store.clone()),
            bell: self.store.bell(),
            telegram: self.telegram.clone(),
            me,
            language: self.config.behavior.language,
            limits: SendLimits {
                global_per_second: advanced.rate_global,
                chat_per_second: advanced.rate_chat,
                group_per_minute: advanced.rate_group,
            },
            owner: self.owner.clone(),
            clock: self.outside.clock.clone(),
            errors: self.errors.clone(),
            metrics: self.metrics.clone(),
        };
        Sender::new(parts, self.shutdown.clone())
    }

    fn poller(&self) -> Poller {
        Poller {
            telegram: self.telegram.clone(),
            inbox: self.inbox.clone(),
            store: Arc::new(self.store.clone()),
            owner: self.owner.clone(),
            clock: self.outside.clock.clone(),
            random: self.outside.random.clone(),
            errors: self.errors.clone(),
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

//! What goes on beside the messages: gauges, heartbeats, stored errors, alarms, upkeep of metrics and limiters.
//!
//! Every job is activated by a timer, takes no input and may be repeated at any time.

mod alarms;
mod alive;
mod backups;
mod clearing;
mod heartbeat;
mod house;
mod models;
mod sampling;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};

pub use self::alive::Watcher;
pub use self::backups::{BACKUP_COMMAND_FAILED_AT, BACKUP_FAILED_AT, BACKUP_OK_AT, BackupError, Backups};
use self::{
    heartbeat::Recent,
    sampling::{SAMPLING, Sampled},
};
use crate::{
    clock::{SharedClock, kyiv_day},
    config::Intake,
    domain::{Budgets, ChatId, Language, Timestamp, UserId},
    errors::{ErrorHandler, ErrorRecord},
    gemini::Gemini,
    layers::breaker::{BreakerHandle, BreakerState},
    persona::Personas,
    shutdown::Shutdown,
    storage::{Heartbeat, StorageError, Store},
    telegram::Telegram,
    telemetry::{Metrics, metric},
};

/// How often gauges are read from the store.
const GAUGES: Duration = Duration::from_secs(2);
/// How often a heartbeat is written (design.md section 3).
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often it is looked whether what a heartbeat tells has changed: then it does not wait.
const PULSE: Duration = Duration::from_secs(1);
/// How often recorded samples are folded and limiters swept.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often the personas' files are looked at: an edit speaks within a few seconds.
const PERSONAS: Duration = Duration::from_secs(3);
/// How often it is looked whether messages have stayed behind at a group's old id.
const HOURLY: Duration = Duration::from_secs(3600);
/// Messages that follow a group to its new id in one go.
const FOLLOW_AT_ONCE: usize = 1_000;
/// Errors stored in one go.
const ERRORS_AT_ONCE: usize = 64;

/// Something with memory to give back, such as a limiter.
pub type Sweep = Arc<dyn Fn() + Send + Sync>;

/// What maintenance works with.
#[derive(Clone)]
pub struct MaintenanceParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// This process, unique to its life.
    pub owner: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Stored time.
    pub clock: SharedClock,
    /// Where errors end.
    pub errors: ErrorHandler,
    /// Figures.
    pub metrics: Metrics,
    /// Whose files are looked at.
    pub personas: Personas,
    /// What may be spent in a day.
    pub budgets: Budgets,
    /// Whether this replica takes requests (`/readyz`).
    pub is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Whose states the heartbeats tell.
    pub breakers: Vec<BreakerHandle>,
    /// How long messages are remembered (`BOT_RETENTION_DAYS`).
    pub retention: Duration,
    /// What makes backups.
    pub backups: Backups,
    /// `ADMIN_ID`: who hears the alarms.
    pub admins: Vec<UserId>,
    /// The language of what is said to them (`BOT_LANGUAGE`).
    pub language: Language,
    /// Where they find what to do: a file or an address (`BOT_RUNBOOK_URL`).
    pub runbook: String,
    /// The model: whether it is still served.
    pub gemini: Arc<Gemini>,
    /// The Bot API: how updates are delivered, what time it is there, and what the store cannot keep.
    pub telegram: Telegram,
    /// How updates are to come in (`BOT_INTAKE`).
    pub intake: Intake,
    /// The address that Telegram is told to call (`TELEGRAM_WEBHOOK_URL`).
    pub webhook_url: Option<String>,
    /// Less free space than this is little, in bytes; 0 says that any is enough.
    pub disk_low: u64,
    /// Who is told each minute that this replica is well.
    pub watcher: Option<Watcher>,
    /// Called at each upkeep.
    pub sweeps: Vec<Sweep>,
}

/// Maintenance.
#[derive(Clone)]
pub struct Maintenance {
    parts: MaintenanceParts,
}

impl Maintenance {
    /// Maintenance that has not started.
    pub fn new(parts: MaintenanceParts) -> Self {
        Self { parts }
    }

    /// Works until the soft stop. `errors` is the receiving end of the error handler's channel.
    pub async fn run(self, errors: mpsc::Receiver<ErrorRecord>, shutdown: Shutdown) {
        // Side by side: what takes long must not hold up a heartbeat.
        tokio::join!(
            self.run_timers(errors, &shutdown),
            self.keep_house(&shutdown),
            self.watch(&shutdown),
            self.show_life(&shutdown)
        );
    }

    async fn run_timers(&self, mut errors: mpsc::Receiver<ErrorRecord>, shutdown: &Shutdown) {
        let [mut gauges, mut pulse, mut upkeep, mut personas, mut hourly] = [GAUGES, PULSE, UPKEEP, PERSONAS, HOURLY]
            .map(|every| {
                let mut timer = tokio::time::interval(every);
                timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
                timer
            });
        let mut sampling = interval_at(Instant::now() + SAMPLING, SAMPLING);
        sampling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut found, mut recent) = (Vec::new(), Recent::default());
        let (mut told, mut sampled) = (None, Sampled::default());
        // Looked for at the start and every hour, then until there are none.
        let mut follows = true;
        loop {
            let done = tokio::select! {
                () = shutdown.soft.cancelled() => break,
                _ = gauges.tick() => self.read_gauges().await,
                at = pulse.tick() => self.beat_if_due(at.elapsed(), &mut told, &mut recent).await,
                at = sampling.tick() => self.sample_and_beat(at.elapsed(), &mut sampled, &mut told, &mut recent).await,
                _ = upkeep.tick() => {
                    self.keep_up();
                    // There are none unless somebody has just had something deleted.
                    self.parts.store.wipe_traces().await.map(drop).and(self.follow_migrations(&mut follows).await)
                }
                _ = personas.tick() => {
                    self.look_at_personas().await;
                    Ok(())
                }
                _ = hourly.tick() => {
                    follows = true;
                    Ok(())
                }
                _ = errors.recv_many(&mut found, ERRORS_AT_ONCE) => self.keep_errors(&mut found).await,
            };
            if let Err(error) = done {
                self.parts.errors.handle("maintenance", &error);
            }
        }
        while let Ok(error) = errors.try_recv() {
            found.push(error);
        }
        if !found.is_empty()
            && let Err(error) = self.keep_errors(&mut found).await
        {
            tracing::warn!(%error, "the last errors are not stored");
        }
        if let Err(error) = self.sample(&mut sampled).await {
            tracing::warn!(%error, "the last sample is not stored");
        }
        // So that the other replica neither shows this one as ready for ever nor misses it.
        if let Err(error) = self.beat(Duration::ZERO, &mut recent, true).await {
            tracing::warn!(%error, "the last heartbeat is not stored");
        }
    }

    /// An edited persona speaks from now on; a broken file is an error and changes nothing.
    async fn look_at_personas(&self) {
        let personas = self.parts.personas.clone();
        // A look that panics has changed nothing, and the next one comes soon.
        let Ok(looked) = tokio::task::spawn_blocking(move || personas.look()).await else { return };
        if !looked.changed.is_empty() {
            tracing::info!(personas = looked.changed.join(" "), "personas have changed");
        }
        for broken in &looked.broken {
            self.parts.errors.handle("persona", broken);
        }
    }

    /// Reads the gauges once.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn read_gauges(&self) -> Result<(), StorageError> {
        let MaintenanceParts { store, clock, metrics, .. } = &self.parts;
        let now = clock.now();
        let age = |oldest: Option<Timestamp>| oldest.map_or(0.0, |at| now.since(at).as_secs_f64());
        let inbox = store.inbox_depth().await?;
        #[expect(clippy::cast_precision_loss, reason = "gauges of row counts")]
        let count = |rows: u64| rows as f64;
        metrics.set(&metric::INBOX_DEPTH, &[("state", "waiting")], count(inbox.waiting));
        metrics.set(&metric::INBOX_DEPTH, &[("state", "dead")], count(inbox.dead));
        metrics.set(&metric::INBOX_OLDEST, &[], age(inbox.oldest));
        let outbox = store.outbox_depth().await?;
        for state in ["queued", "ready", "sending"] {
            let rows = outbox.by_state.iter().find(|(name, _)| name == state).map_or(0, |(_, rows)| *rows);
            metrics.set(&metric::OUTBOX_DEPTH, &[("state", state)], count(rows));
        }
        metrics.set(&metric::OUTBOX_OLDEST, &[], age(outbox.oldest));
        // No chat has this id: the whole bot's sum is wanted.
        let spent = store.spent(kyiv_day(now), ChatId(0), Vec::new()).await?;
        metrics.set(&metric::BUDGET_USED, &[], self.parts.budgets.bot_used(&spent.bot));
        Ok(())
    }

    /// A heartbeat, if the last one is old or says what holds no more. `lag` is how late this was called. The figures
    /// move all the time and may wait.
    async fn beat_if_due(
        &self,
        lag: Duration,
        told: &mut Option<Told>,
        recent: &mut Recent,
    ) -> Result<(), StorageError> {
        let now = self.telling();
        let is_due = told.as_ref().is_none_or(|told| {
            told.at.elapsed() >= HEARTBEAT || (told.is_ready, &told.breakers) != (now.is_ready, &now.breakers)
        });
        if is_due {
            self.beat(lag, recent, false).await?;
            *told = Some(now);
        }
        Ok(())
    }

    /// Both in one commit, for each costs the disk four pages, whatever it writes: an idle bot writes little else.
    async fn sample_and_beat(
        &self,
        lag: Duration,
        sampled: &mut Sampled,
        told: &mut Option<Told>,
        recent: &mut Recent,
    ) -> Result<(), StorageError> {
        let now = self.telling();
        let (sampled, beaten) = tokio::join!(self.sample(sampled), self.beat(lag, recent, false));
        if beaten.is_ok() {
            *told = Some(now);
        }
        sampled.and(beaten)
    }

    fn telling(&self) -> Told {
        // A breaker's pause ends when somebody looks: without a call its gauge would say "open" for ever.
        let breakers = self.parts.breakers.iter().map(BreakerHandle::state).collect();
        Told { at: Instant::now(), is_ready: (self.parts.is_ready)(), breakers }
    }

    async fn beat(&self, lag: Duration, recent: &mut Recent, stopped: bool) -> Result<(), StorageError> {
        let (parts, now) = (&self.parts, self.parts.clock.now());
        let life = heartbeat::Life { ready: (parts.is_ready)(), stopped, lag };
        let facts = heartbeat::facts(&life, &parts.metrics.readings(), recent, now);
        parts.store.beat(Heartbeat { owner: parts.owner.clone(), at: now, started_at: parts.started_at, facts }).await
    }

    fn keep_up(&self) {
        self.parts.metrics.run_upkeep();
        self.parts.sweeps.iter().for_each(|sweep| sweep());
    }

    /// Most of what a large group has said comes after it in steps, so that nothing else waits.
    async fn follow_migrations(&self, follows: &mut bool) -> Result<(), StorageError> {
        if *follows {
            *follows = self.parts.store.follow_migrations(FOLLOW_AT_ONCE).await? > 0;
        }
        Ok(())
    }

    /// A store that takes no errors must not make new ones without end.
    async fn keep_errors(&self, found: &mut Vec<ErrorRecord>) -> Result<(), StorageError> {
        let errors: Vec<_> = found.drain(..).filter(|error| error.place != "maintenance").collect();
        if errors.is_empty() { Ok(()) } else { self.parts.store.keep_errors(errors).await }
    }
}

/// What the last heartbeat told.
struct Told {
    at: Instant,
    is_ready: bool,
    breakers: Vec<BreakerState>,
}

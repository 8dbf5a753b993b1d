//! Claims lanes and runs their turns, many lanes side by side, each lane in order.
//!
//! It learns of work by the store's bell and by the time at which the next lane falls due; it never polls in a busy
//! loop. Claims are renewed together at a third of their lease. A turn that loses its claim is dropped at once: its
//! writes would be refused anyway.

mod answer;
mod express;
mod guard;
mod hush;
mod leases;
mod lines;
mod media;
mod spend;
mod spontaneous;
mod talk;
mod talking;
mod turn;
mod typing;
mod unasked;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use self::{leases::Leases, media::Fetcher};
use crate::{
    clock::SharedClock,
    commands::Commands,
    domain::{Budgets, LaneKind, Language, UserId},
    errors::ErrorHandler,
    gemini::Gemini,
    memory::Memory,
    persona::Personas,
    random::SharedRandom,
    shutdown::Shutdown,
    storage::{
        Bell, ChatStore, Claim, ClaimRequest, InboxStore, PeopleStore, SharedStore, SpendStore, StorageError, TalkStore,
    },
    telegram::{Me, Telegram},
    telemetry::{Metrics, metric},
};

pub use self::{turn::ATTEMPTS_MAX, unasked::TalkOptions};

/// Rows of a talk lane that one turn takes (design.md section 2).
const ROWS_MAX: usize = 50;
/// Commands and button presses that run side by side, beside the turns.
const EXPRESS_MAX: usize = 32;
/// Turns side by side of updates that the process may die of: such a one then dies alone.
const SUSPECTS_MAX: usize = 1;
/// Looked for work at least this often, whatever the bell does.
const IDLE: Duration = Duration::from_secs(5);
/// Pause after the store refused a claim.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Settings of the worker.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// This process, unique to its life.
    pub owner: String,
    /// A claim's lease (`BOT_LEASE_SECONDS`).
    pub lease: Duration,
    /// Turns side by side (`BOT_WORKER_TURNS`).
    pub turns_max: usize,
    /// Longest time of a turn's model calls (`BOT_TURN_DEADLINE_SECONDS`).
    pub turn_deadline: Duration,
    /// Older messages are remembered, not answered (`BOT_MAX_MESSAGE_AGE_MINUTES`).
    pub age_max: Duration,
    /// `BOT_MAX_CONTEXT_TOKENS`.
    pub context_tokens_max: u32,
    /// Of chats that have not chosen one (`BOT_LANGUAGE`).
    pub language: Language,
    /// What may be spent in a day (`BOT_BUDGET_USD_…`).
    pub budgets: Budgets,
    /// What may be said unasked, and who is ignored.
    pub talk: TalkOptions,
    /// The bot's admins (`ADMIN_ID`), who have no limit of their own.
    pub admins: Vec<UserId>,
}

/// What the worker works with.
#[derive(Clone)]
pub struct WorkerParts {
    /// Claims and their ends.
    pub inbox: Arc<dyn InboxStore>,
    /// Rung when there is work.
    pub bell: Bell,
    /// How chats and people stand.
    pub chats: Arc<dyn ChatStore>,
    /// What was spent, and answers that may be given again.
    pub spend: Arc<dyn SpendStore>,
    /// The talk budget's books.
    pub talk: Arc<dyn TalkStore>,
    /// What is kept of people.
    pub people: Arc<dyn PeopleStore>,
    /// What the replicas share.
    pub shared: Arc<dyn SharedStore>,
    /// The past.
    pub memory: Memory,
    /// The model.
    pub gemini: Arc<Gemini>,
    /// For the typing sign and for files: what is said goes through the outbox.
    pub telegram: Telegram,
    /// The bot's own account.
    pub me: Arc<Me>,
    /// Who the bot is.
    pub personas: Personas,
    /// What commands do.
    pub commands: Commands,
    /// Stored time.
    pub clock: SharedClock,
    /// Chance.
    pub random: SharedRandom,
    /// Where errors end.
    pub errors: ErrorHandler,
    /// Figures.
    pub metrics: Metrics,
}

/// The worker. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    parts: Arc<WorkerParts>,
    options: Arc<WorkerOptions>,
    leases: Leases,
    fetcher: Fetcher,
    talk: Arc<Semaphore>,
    express: Arc<Semaphore>,
    suspects: Arc<Semaphore>,
    unasked: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Worker {
    /// A worker that has not started.
    pub fn new(parts: WorkerParts, options: WorkerOptions, shutdown: Shutdown) -> Self {
        Self {
            talk: Arc::new(Semaphore::new(options.turns_max.max(1))),
            express: Arc::new(Semaphore::new(EXPRESS_MAX)),
            fetcher: Fetcher::new(parts.telegram.clone(), parts.errors.clone(), parts.metrics.clone()),
            suspects: Arc::new(Semaphore::new(SUSPECTS_MAX)),
            unasked: Arc::new(Semaphore::new(unasked::AT_ONCE)),
            parts: Arc::new(parts),
            options: Arc::new(options),
            leases: Leases::default(),
            shutdown,
        }
    }

    /// Claims and runs turns until the soft stop, then waits for those that run and gives back what they leave.
    pub async fn run(self) {
        // Ends with this future however that ends: a renewer left behind would keep the process alive.
        let renewer = AbortOnDropHandle::new(self.shutdown.spawn(self.clone().renew_claims()));
        while !self.shutdown.soft.is_cancelled() {
            let wait = self.start_turns().await;
            tokio::select! {
                () = self.parts.bell.inbox() => {}
                () = self.leases.one_ended() => {}
                () = tokio::time::sleep(wait) => {}
                () = self.shutdown.soft.cancelled() => {}
            }
        }
        self.leases.all_ended(&self.shutdown.hard).await;
        drop(renewer);
        match self.parts.inbox.release(&self.options.owner).await {
            // After a hard stop the store may be closed already: the leases expire.
            Ok(_) | Err(StorageError::Closed) => {}
            Err(error) => {
                self.parts.errors.handle("release", &error);
            }
        }
    }

    /// Starts turns for the lanes that are due; returns how long to wait for the next one.
    async fn start_turns(&self) -> Duration {
        let request = ClaimRequest {
            owner: self.options.owner.clone(),
            lease: self.options.lease,
            talk_max: self.talk.available_permits(),
            express_max: self.express.available_permits(),
            rows_max: ROWS_MAX,
            suspects_max: self.suspects.available_permits(),
        };
        if request.talk_max + request.express_max == 0 {
            return IDLE;
        }
        let claimed = match self.parts.inbox.claim(request).await {
            Ok(claimed) => claimed,
            Err(error) => {
                self.parts.errors.handle("claim", &error);
                return STORE_PAUSE;
            }
        };
        for claim in claimed.claims {
            let slots = if claim.lane.kind == LaneKind::Express { &self.express } else { &self.talk };
            // Only this loop takes slots, and it claimed no more than were free.
            let slot = Arc::clone(slots).try_acquire_owned().expect("a slot was free when the lanes were claimed");
            self.start(claim, slot);
        }
        self.parts.metrics.set(&metric::LANES_BUSY, &[], self.leases.count());
        let until_due = claimed.next_due.map(|at| at.since(self.parts.clock.now()));
        until_due.map_or(IDLE, |wait| wait.clamp(Duration::from_millis(1), IDLE))
    }

    fn start(&self, claim: Claim, slot: OwnedSemaphorePermit) {
        let (worker, leased) = (self.clone(), self.leases.add(claim.claim));
        let span = tracing::info_span!(
            "turn",
            request.id = %claim.updates.last().map_or("", |update| update.request_id.0.as_str()),
            chat.id = claim.lane.chat.0,
            turn.rows = claim.updates.len(),
            turn.attempt = claim.updates.first().map_or(0, |update| update.attempt),
        );
        let suspect = claim.is_suspect.then(|| {
            Arc::clone(&self.suspects).try_acquire_owned().expect("a suspect was claimed, so there was room for it")
        });
        let turn = async move {
            let started = Instant::now();
            let outcome = tokio::select! {
                biased;
                () = leased.lost() => "fenced",
                () = worker.shutdown.hard.cancelled() => "dropped",
                outcome = worker.run_turn(&claim) => outcome,
            };
            worker.parts.metrics.record(&metric::TURN_DURATION, &[("outcome", outcome)], started.elapsed());
            let duration_ms = started.elapsed().as_millis();
            if outcome == "silent" {
                tracing::debug!(outcome, duration_ms, "the turn has ended");
            } else {
                tracing::info!(outcome, duration_ms, "the turn has ended");
            }
            drop((slot, suspect));
            drop(leased);
        };
        self.shutdown.spawn(turn.instrument(span));
    }

    /// Runs a turn; whatever goes wrong in it, a panic included, its rows end in a state.
    async fn run_turn(&self, claim: &Claim) -> &'static str {
        let turn = turn::Turn { worker: self, claim };
        match std::panic::AssertUnwindSafe(turn.run()).catch_unwind().await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => turn.fail(&error).await,
            Err(_) => turn.fail(&turn::TurnError::Panicked).await,
        }
    }

    async fn renew_claims(self) {
        let mut every = tokio::time::interval(self.options.lease / 3);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = self.shutdown.hard.cancelled() => return,
            }
            let claims = self.leases.claims();
            if claims.is_empty() {
                continue;
            }
            match self.parts.inbox.renew(claims, self.options.lease).await {
                Ok(lost) => lost.into_iter().for_each(|claim| self.leases.lose(claim)),
                Err(error) => {
                    self.parts.errors.handle("renew", &error);
                }
            }
        }
    }
}

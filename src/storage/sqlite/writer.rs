//! Group commit: the one writer of a process.
//!
//! Methods that write hand their work to a bounded queue. The writer takes what waits (admissions first), runs each
//! piece in a savepoint of its own inside one IMMEDIATE transaction, and commits once for all. Work that fails rolls
//! back alone; a COMMIT that fails fails all of it. Nobody hears of success before the commit. While one commit is on
//! its way to the disk the next batch gathers, so no timer is needed. Work whose caller has given up is not begun: a
//! claim or a send mark that nobody heard of would only stand in the way.
//!
//! What takes up work that others leave (a claim, send slots) runs last in its batch, and its bell is rung before the
//! batch is run: so an update is claimed in the commit that takes it in, and an answer gets its send slot in the commit
//! that ends its turn, as a rule. A turn then needs two or three commits from its POST to its send, not five.
//!
//! **A batch has ten milliseconds** for other work than admissions; what is left over comes first in the next one. A turn
//! that ends fifty rows takes milliseconds, and Telegram's updates do not wait until a dozen of them have ended.
//!
//! **While admissions press** (3 000 a second and more), other work waits for the next look, at most 100 ms, and then
//! shares one transaction: done together, turns write each page once that one by one they would write again and again.
//! Claims then also take hardly any lanes of conversation, and what came for these waits in the inbox without a queue: to
//! join them costs as much as to take them in. A command still acts within half a second: its claim, its end and its send
//! mark each wait for one look. The press gives way when half of the inbox's places are taken, so that the
//! turns' lag has a bound.

mod checkpoint;
mod commit;
mod job;
mod rewrite;
mod task;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub(super) use self::job::{Once, Priority, Repeatable, Rings};
use self::{
    checkpoint::{Checkpoints, OneAtATime},
    job::{Job, Piece, Work},
    task::Task,
};
use super::{SqliteOptions, connect};
use crate::{
    shutdown::Shutdown,
    storage::{Bell, StorageError, StoreHealth},
    telemetry::metric,
};

/// While admissions press, conversation goes on at so many looks once: twice a second.
const PRESSED_LOOKS: u32 = 5;
/// Rows that join their queues with one claim, a few microseconds each: after a press tens of thousands wait for that. The
/// next claim comes at once.
const ARRIVALS_MAX: i64 = 1000;
/// Pieces of work that may wait, for each priority.
const QUEUE: usize = 4096;
/// Handle to the writer. Cheap to clone.
#[derive(Clone)]
pub(super) struct Writer {
    admissions: mpsc::Sender<Box<dyn Job>>,
    others: mpsc::Sender<Box<dyn Job>>,
    state: Arc<State>,
    checkpoints: OneAtATime,
}

/// How much a claim may do for conversation.
#[derive(Clone, Copy)]
pub(super) struct ClaimLimits {
    /// Lanes that it takes.
    pub(super) talk_max: usize,
    /// Rows that join their queues.
    pub(super) arrivals_max: i64,
}

/// What the writer knows about the store, readable without asking it.
pub(super) struct State {
    health: AtomicU8,
    /// Counted from time to time, estimated in between.
    waiting: AtomicU64,
    disk_is_low: AtomicU8,
    pressed: AtomicBool,
    /// How many times another process's commits were looked for.
    looked: AtomicU32,
    closing: CancellationToken,
    closed: CancellationToken,
}

const GOOD: u8 = 0;
const UNWRITABLE: u8 = 1;
const CORRUPT: u8 = 2;
const DEAD: u8 = 3;

impl Writer {
    pub(super) async fn start(
        path: &Path,
        options: &SqliteOptions,
        bell: Bell,
        shutdown: &Shutdown,
    ) -> Result<Self, StorageError> {
        let (admissions, admissions_queue) = mpsc::channel(QUEUE);
        let (others, others_queue) = mpsc::channel(QUEUE);
        let state = Arc::new(State {
            health: AtomicU8::new(GOOD),
            waiting: AtomicU64::new(0),
            disk_is_low: AtomicU8::new(0),
            pressed: AtomicBool::new(false),
            looked: AtomicU32::new(0),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
        });
        let checkpoints = Checkpoints::new(path, shutdown)?;
        let one_at_a_time = Arc::clone(&checkpoints.one_at_a_time);
        let connection = connect::writer(path)?.get().await;
        let connection = connection.map_err(|error| connect::pool_error("opening the writer's connection", &error))?;
        let task = Task {
            checkpoints,
            admissions: admissions_queue,
            others: others_queue,
            left: Vec::new(),
            state: Arc::clone(&state),
            bell,
            took: options.metrics.histogram(&metric::STORE_COMMIT_DURATION, &[]),
            pieces: options.metrics.counter(&metric::STORE_COMMIT_JOBS, &[]),
            metrics: options.metrics.clone(),
            press_max: options.inbox_max / 2,
            fault: options.commit_fault.clone(),
            data_dir: options.data_dir.clone(),
            free_disk: Arc::clone(&options.free_disk),
            free_disk_min_bytes: options.free_disk_min_bytes,
            data_version: None,
            next_look: Instant::now(),
            admitted: 0,
            told_writable: None,
            log_in_doubt: true,
        };
        let watched = DeadAtDrop(Arc::clone(&state));
        shutdown.spawn_essential("store writer", async move {
            let _watched = watched;
            task.run(connection).await;
        });
        Ok(Self { admissions, others, state, checkpoints: one_at_a_time })
    }

    /// Runs `work` in the next group commit; after `limit` its caller is told that it took too long.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        priority: Priority,
        rings: Rings,
        limit: Duration,
        work: impl Work<T> + 'static,
    ) -> Result<T, StorageError> {
        self.state.refuse_if_corrupt()?;
        let (reply, outcome) = oneshot::channel();
        let piece = Box::new(Piece { work, result: None, rings, priority, reply });
        let queue = if priority == Priority::Admission { &self.admissions } else { &self.others };
        queue.try_send(piece).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StorageError::QueueFull { waiting: QUEUE },
            mpsc::error::TrySendError::Closed(_) => StorageError::Closed,
        })?;
        match tokio::time::timeout(limit, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(StorageError::Closed),
            Err(_) => {
                Err(StorageError::Deadline { doing, limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) })
            }
        }
    }

    /// Refuses what cannot be taken in now.
    pub(super) fn admits(&self, inbox_max: u64) -> Result<(), StorageError> {
        let waiting = self.state.waiting.load(Ordering::Relaxed);
        if self.disk_is_low() {
            return Err(StorageError::DiskFull);
        }
        if waiting >= inbox_max { Err(StorageError::InboxFull { waiting }) } else { Ok(()) }
    }

    /// What a claim may do now. While admissions press, little, and only at every fifth look: the turns then take hardly
    /// any of the processors, for what is taken in waits safely, and what is not must be delivered again.
    pub(super) fn claim_limits(&self) -> ClaimLimits {
        if !self.is_pressed() {
            ClaimLimits { talk_max: usize::MAX, arrivals_max: ARRIVALS_MAX }
        } else if self.state.looked.load(Ordering::Relaxed).is_multiple_of(PRESSED_LOOKS) {
            ClaimLimits { talk_max: 1, arrivals_max: ARRIVALS_MAX }
        } else {
            ClaimLimits { talk_max: 0, arrivals_max: 0 }
        }
    }

    /// Many updates come in at once.
    fn is_pressed(&self) -> bool {
        self.state.pressed.load(Ordering::Relaxed)
    }

    /// There is too little room for new updates.
    pub(super) fn disk_is_low(&self) -> bool {
        self.state.disk_is_low.load(Ordering::Relaxed) != 0
    }

    pub(super) fn health(&self) -> StoreHealth {
        match self.state.health.load(Ordering::Relaxed) {
            CORRUPT => StoreHealth::Corrupt,
            DEAD => StoreHealth::WriterDead,
            UNWRITABLE => StoreHealth::Unwritable,
            _ if self.disk_is_low() => StoreHealth::Unwritable,
            _ => StoreHealth::Good,
        }
    }

    /// Is held by whoever moves the log into the file.
    pub(super) fn checkpoints(&self) -> OneAtATime {
        Arc::clone(&self.checkpoints)
    }

    pub(super) fn stop_as_corrupt(&self, detail: &str) {
        self.state.stop_as_corrupt(detail);
    }

    pub(super) async fn close(&self) {
        self.state.closing.cancel();
        self.state.closed.cancelled().await;
    }
}

impl State {
    fn refuse_if_corrupt(&self) -> Result<(), StorageError> {
        if self.health.load(Ordering::Relaxed) == CORRUPT {
            return Err(StorageError::Corrupt { detail: "found earlier".to_owned() });
        }
        Ok(())
    }

    fn stop_as_corrupt(&self, detail: &str) {
        if self.health.swap(CORRUPT, Ordering::Relaxed) != CORRUPT {
            tracing::error!("{}", StorageError::Corrupt { detail: detail.to_owned() });
        }
    }

    fn judge(&self, outcome: &Result<(), StorageError>) {
        match outcome {
            Err(StorageError::Corrupt { detail }) => self.stop_as_corrupt(detail),
            Err(_) => {
                let _ = self.health.compare_exchange(GOOD, UNWRITABLE, Ordering::Relaxed, Ordering::Relaxed);
            }
            Ok(()) => {
                let _ = self.health.compare_exchange(UNWRITABLE, GOOD, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }
}

/// Tells the health check when the writer's task is gone, however it went.
struct DeadAtDrop(Arc<State>);

impl Drop for DeadAtDrop {
    fn drop(&mut self) {
        let _ = self.0.health.compare_exchange(GOOD, DEAD, Ordering::Relaxed, Ordering::Relaxed);
        let _ = self.0.health.compare_exchange(UNWRITABLE, DEAD, Ordering::Relaxed, Ordering::Relaxed);
        self.0.closed.cancel();
    }
}

#[cfg(test)]
mod tests;

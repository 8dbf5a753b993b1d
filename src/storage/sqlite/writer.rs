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
//! Claims then also take fewer lanes. A command still acts within half a second: its claim, its end and its send mark
//! each wait for one look. The press gives way when half of the inbox's places are taken, so that the turns' lag has a
//! bound.

mod checkpoint;
mod commit;
mod job;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool_sqlite::{Object, Pool};
use metrics::{Counter, Histogram};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

pub(super) use self::job::{Once, Priority, Repeatable, Rings};
use self::{
    checkpoint::{Checkpoints, OneAtATime},
    commit::{Batch, Visit, visit},
    job::{Job, Piece, Work},
};
use super::{CommitFault, FreeDisk, SqliteOptions, ballast, connect};
use crate::{
    shutdown::Shutdown,
    storage::{Bell, StorageError, StoreHealth},
    telemetry::{Metrics, metric},
};

/// Admissions in one transaction, and pieces of work in all after which it takes no others.
const BATCH: usize = 256;
/// Pieces of work that may wait, for each priority.
const QUEUE: usize = 4096;
/// So many admissions between two looks, 3 000 a second, are a press of them.
const PRESS: usize = 300;
/// With fewer pieces a batch waits, in rounds, for whoever is about to hand in one: in each round all that is ready to
/// run runs once. That takes microseconds in a quiet process, and in a busy one a commit costs more than it saves. With more
/// it does not wait: while a batch is on its way to the disk, the rest of the load has the processors.
const FEW: usize = 16;
const ROUNDS: usize = 2;
/// How often another process's commits are looked for (design.md section 2).
const WATCH: Duration = Duration::from_millis(100);
/// How often the inbox is counted and the disk's free space read.
const MEASURE_EVERY: u32 = 10;

/// Handle to the writer. Cheap to clone.
#[derive(Clone)]
pub(super) struct Writer {
    admissions: mpsc::Sender<Box<dyn Job>>,
    others: mpsc::Sender<Box<dyn Job>>,
    state: Arc<State>,
    checkpoints: OneAtATime,
}

/// What the writer knows about the store, readable without asking it.
pub(super) struct State {
    health: AtomicU8,
    /// Counted from time to time, estimated in between.
    waiting: AtomicU64,
    disk_is_low: AtomicU8,
    pressed: AtomicBool,
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
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
        });
        let checkpoints = Checkpoints::new(path, shutdown)?;
        let one_at_a_time = Arc::clone(&checkpoints.one_at_a_time);
        let task = Task {
            pool: connect::writer(path)?,
            connection: None,
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
            told_writable: None,
        };
        let watched = DeadAtDrop(Arc::clone(&state));
        shutdown.spawn_essential("store writer", async move {
            let _watched = watched;
            task.run().await;
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

    /// Many updates come in at once.
    pub(super) fn is_pressed(&self) -> bool {
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

struct Task {
    pool: Pool,
    connection: Option<Object>,
    checkpoints: Checkpoints,
    admissions: mpsc::Receiver<Box<dyn Job>>,
    others: mpsc::Receiver<Box<dyn Job>>,
    /// For which the last batch had no time left.
    left: Vec<Box<dyn Job>>,
    state: Arc<State>,
    bell: Bell,
    took: Histogram,
    pieces: Counter,
    metrics: Metrics,
    /// With more than this in the inbox, admissions are no longer preferred.
    press_max: u64,
    fault: Option<CommitFault>,
    data_dir: std::path::PathBuf,
    free_disk: FreeDisk,
    free_disk_min_bytes: u64,
    data_version: Option<i64>,
    told_writable: Option<bool>,
}

impl Task {
    async fn run(mut self) {
        let mut watch = tokio::time::interval(WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut ticks, mut admitted) = (0u32, 0usize);
        loop {
            let mut batch = Batch::default();
            let mut look = false;
            tokio::select! {
                // The queues come last: under load they are never empty, and the rest would never have its turn.
                biased;
                () = self.state.closing.cancelled() => break,
                _ = watch.tick() => look = true,
                () = std::future::ready(()), if !self.left.is_empty() && !self.is_pressed() => {}
                Some(job) = self.admissions.recv() => batch.admissions.push(job),
                Some(job) = self.others.recv(), if !self.is_pressed() => batch.add_other(job),
            }
            let others_may = look || !self.is_pressed();
            self.gather(&mut batch, others_may).await;
            admitted += batch.admissions.len();
            if look {
                let waiting = self.state.waiting.load(Ordering::Relaxed);
                self.state.pressed.store(admitted >= PRESS && waiting < self.press_max, Ordering::Relaxed);
                admitted = 0;
            }
            let measure = look && ticks.is_multiple_of(MEASURE_EVERY);
            ticks = ticks.wrapping_add(u32::from(look));
            self.visit(batch, look, measure).await;
        }
        self.finish().await;
    }

    fn is_pressed(&self) -> bool {
        self.state.pressed.load(Ordering::Relaxed)
    }

    /// Takes what waits, and what comes while all that is ready to run runs.
    async fn gather(&mut self, batch: &mut Batch, others_may: bool) {
        if others_may {
            self.left.drain(..).for_each(|job| batch.add_other(job));
        }
        for round in 0..=ROUNDS {
            let before = batch.len();
            while batch.admissions.len() < BATCH
                && let Ok(job) = self.admissions.try_recv()
            {
                batch.admissions.push(job);
            }
            while others_may
                && batch.len() < BATCH
                && let Ok(job) = self.others.try_recv()
            {
                batch.add_other(job);
            }
            if others_may {
                // Whoever comes now takes up in this very transaction what it leaves.
                self.ring(batch.unanswered());
            }
            let idle = batch.is_empty() || (round > 0 && batch.len() == before);
            if idle || batch.len() >= FEW || round == ROUNDS {
                return;
            }
            yield_now().await;
        }
    }

    /// Commits a batch, or just looks whether another process has committed.
    async fn visit(&mut self, batch: Batch, look: bool, measure: bool) {
        if batch.is_empty() && !look {
            return;
        }
        if let Err(error) = self.state.refuse_if_corrupt() {
            return self.refuse(batch, &error);
        }
        if let Err(error) = self.connect().await {
            self.state.judge(&Err(error.clone()));
            return self.refuse(batch, &error);
        }
        let Some(connection) = &self.connection else { return };
        let (count, admissions) = (batch.len(), batch.admissions.len());
        let fault = self.fault.clone();
        let visit =
            connection.interact(move |connection| visit(connection, batch, fault.as_ref(), look, measure)).await;
        match visit {
            Ok(mut visit) => {
                // While admissions press, what was left over before still waits.
                self.left.append(&mut visit.left);
                self.state.waiting.fetch_add(admissions as u64, Ordering::Relaxed);
                self.after(visit, count, measure).await;
            }
            // The jobs died with the thread: their callers hear `Closed`.
            Err(error) => {
                self.state.judge(&Err(StorageError::Backend { doing: "committing a batch", detail: error.to_string() }))
            }
        }
    }

    /// Takes the connection out of its pool and keeps it: the pool asks each one that it hands out whether it lives,
    /// which costs a trip to another thread. One that a panic has poisoned is given back and replaced.
    async fn connect(&mut self) -> Result<(), StorageError> {
        if self.connection.as_ref().is_some_and(|connection| !connection.is_mutex_poisoned()) {
            return Ok(());
        }
        self.connection = None;
        let opened = self.pool.get().await;
        self.connection = Some(opened.map_err(|error| connect::pool_error("opening the writer's connection", &error))?);
        Ok(())
    }

    fn refuse(&mut self, batch: Batch, error: &StorageError) {
        batch.into_jobs().for_each(|job| job.end(Err(error.clone())));
        self.tell_writable();
    }

    async fn after(&mut self, visit: Visit, count: usize, measure: bool) {
        if count > 0 {
            self.state.judge(&visit.verdict());
            self.took.record(visit.took.as_secs_f64());
            self.pieces.increment(count as u64);
        }
        let (mut rings, mut answered) = (Rings::default(), Rings::default());
        for (job, outcome) in visit.jobs {
            let outcome = outcome.and(visit.committed.clone());
            if outcome.is_ok() {
                rings = rings.or(job.rings());
                answered = answered.or(job.priority().answers());
            }
            job.end(outcome);
        }
        rings = rings.without(answered);
        if let Some(version) = visit.data_version
            && self.data_version.replace(version).is_some_and(|known| known != version)
        {
            rings = Rings::BOTH;
        }
        if let Some(behind) = visit.behind {
            self.checkpoints.begin(behind);
        }
        if let Some(waiting) = visit.waiting {
            self.state.waiting.store(waiting, Ordering::Relaxed);
        }
        if measure {
            self.measure_disk().await;
        }
        self.tell_writable();
        self.ring(rings);
    }

    fn ring(&self, rings: Rings) {
        if rings.inbox {
            self.bell.ring_inbox();
        }
        if rings.outbox {
            self.bell.ring_outbox();
        }
    }

    async fn measure_disk(&mut self) {
        let (dir, free_disk) = (self.data_dir.clone(), Arc::clone(&self.free_disk));
        let measured = tokio::task::spawn_blocking(move || {
            let free = free_disk(&dir)?;
            if ballast::release(&dir, free) {
                tracing::warn!("the disk is full: the ballast was released, so that clearing up can make room");
                return free_disk(&dir);
            }
            Ok(free)
        });
        let Ok(Ok(free)) = measured.await else { return };
        let low = free < self.free_disk_min_bytes;
        let was_low = self.state.disk_is_low.swap(u8::from(low), Ordering::Relaxed) != 0;
        if low && !was_low {
            tracing::error!("{}", StorageError::DiskFull);
        } else if was_low && !low {
            tracing::info!("the disk has room again");
        }
    }

    /// Keeps the gauge current, at the moment at which it changes.
    fn tell_writable(&mut self) {
        let low = self.state.disk_is_low.load(Ordering::Relaxed) != 0;
        let writable = self.state.health.load(Ordering::Relaxed) == GOOD && !low;
        if self.told_writable.replace(writable) != Some(writable) {
            self.metrics.set(&metric::STORE_WRITABLE, &[], f64::from(u8::from(writable)));
        }
    }

    /// Ends what still waits and moves the log into the file.
    async fn finish(mut self) {
        self.admissions.close();
        self.others.close();
        self.checkpoints.close().await;
        loop {
            let mut batch = Batch::default();
            self.left.drain(..).for_each(|job| batch.add_other(job));
            while let Ok(job) = self.admissions.try_recv() {
                batch.admissions.push(job);
            }
            while let Ok(job) = self.others.try_recv() {
                batch.add_other(job);
            }
            if batch.is_empty() {
                break;
            }
            self.visit(batch, false, false).await;
        }
        if self.state.refuse_if_corrupt().is_ok()
            && self.connect().await.is_ok()
            && let Some(connection) = self.connection.take()
        {
            let _ =
                connection.interact(|connection| connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")).await;
        }
        self.pool.close();
    }
}

#[cfg(test)]
mod tests;

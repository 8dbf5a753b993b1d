//! Group commit: the one writer of a process.
//!
//! Methods that write hand their work to a bounded queue. The writer takes what waits (admissions first), runs each
//! piece in a savepoint of its own inside one IMMEDIATE transaction, and commits once for all. Work that fails rolls
//! back alone; a COMMIT that fails fails all of it. Nobody hears of success before the commit. While one commit is on
//! its way to the disk the next batch gathers, so no timer is needed. Work whose caller has given up is not begun: a
//! claim or a send mark that nobody heard of would only stand in the way.

use std::{
    panic::AssertUnwindSafe,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool_sqlite::{Pool, rusqlite::Connection};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{CommitFault, FreeDisk, SqliteOptions, codes::storage_error, connect};
use crate::{
    shutdown::Shutdown,
    storage::{Bell, StorageError, StoreHealth},
    telemetry::{Metrics, metric},
};

/// Pieces of work in one transaction.
const BATCH: usize = 256;
/// Pieces of work that may wait, for each priority.
const QUEUE: usize = 4096;
/// So many admissions between two looks, 3 000 a second, are a press of them.
const PRESS: usize = 300;
/// While admissions press, a batch waits so long for more of them.
const BREATH: Duration = Duration::from_millis(1);
/// While admissions press, other work waits for so long and then shares one transaction: done together, turns write
/// each page once that one by one they would write again and again.
const GATHER: Duration = Duration::from_millis(100);
/// How often another process's commits are looked for (design.md section 2).
const WATCH: Duration = Duration::from_millis(100);
/// How often the inbox is counted and the disk's free space read.
const MEASURE_EVERY: u32 = 10;
/// Longest time that one batch may keep the writer.
const BATCH_LIMIT: Duration = Duration::from_secs(8);

/// Admissions go first: Telegram waits for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Priority {
    Admission,
    Other,
}

/// Which bells a successful piece of work rings.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Rings {
    pub(super) inbox: bool,
    pub(super) outbox: bool,
}

impl Rings {
    pub(super) const INBOX: Self = Self { inbox: true, outbox: false };
    pub(super) const OUTBOX: Self = Self { inbox: false, outbox: true };
    pub(super) const BOTH: Self = Self { inbox: true, outbox: true };
}

/// A piece of work of any type.
trait Job: Send {
    fn run(&mut self, connection: &Connection) -> Result<(), StorageError>;
    fn rings(&self) -> Rings;
    fn is_abandoned(&self) -> bool;
    fn end(self: Box<Self>, committed: Result<(), StorageError>);
}

struct Piece<F, T> {
    work: Option<F>,
    result: Option<T>,
    rings: Rings,
    reply: oneshot::Sender<Result<T, StorageError>>,
}

impl<T, F> Job for Piece<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StorageError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StorageError> {
        let work = self.work.take().expect("a piece of work runs once");
        self.result = Some(work(connection)?);
        Ok(())
    }

    fn rings(&self) -> Rings {
        self.rings
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn end(self: Box<Self>, committed: Result<(), StorageError>) {
        let Self { result, reply, .. } = *self;
        // The caller may have given up waiting; the effect stands all the same.
        let _ = reply.send(committed.map(|()| result.expect("committed work has a result")));
    }
}

/// Handle to the writer. Cheap to clone.
#[derive(Clone)]
pub(super) struct Writer {
    admissions: mpsc::Sender<Box<dyn Job>>,
    others: mpsc::Sender<Box<dyn Job>>,
    state: Arc<State>,
}

/// What the writer knows about the store, readable without asking it.
pub(super) struct State {
    health: AtomicU8,
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
        let task = Task {
            pool: connect::writer(path)?,
            admissions: admissions_queue,
            others: others_queue,
            state: Arc::clone(&state),
            bell,
            metrics: options.metrics.clone(),
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
        Ok(Self { admissions, others, state })
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        priority: Priority,
        rings: Rings,
        limit: Duration,
        work: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.state.refuse_if_corrupt()?;
        let (reply, outcome) = oneshot::channel();
        let queue = match priority {
            Priority::Admission => &self.admissions,
            Priority::Other => &self.others,
        };
        let piece = Box::new(Piece { work: Some(work), result: None, rings, reply });
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
        if self.state.disk_is_low.load(Ordering::Relaxed) != 0 {
            return Err(StorageError::DiskFull);
        }
        if waiting >= inbox_max { Err(StorageError::InboxFull { waiting }) } else { Ok(()) }
    }

    /// Many updates come in at once.
    pub(super) fn is_pressed(&self) -> bool {
        self.state.pressed.load(Ordering::Relaxed)
    }

    pub(super) fn health(&self) -> StoreHealth {
        match self.state.health.load(Ordering::Relaxed) {
            CORRUPT => StoreHealth::Corrupt,
            DEAD => StoreHealth::WriterDead,
            UNWRITABLE => StoreHealth::Unwritable,
            _ if self.state.disk_is_low.load(Ordering::Relaxed) != 0 => StoreHealth::Unwritable,
            _ => StoreHealth::Good,
        }
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
    admissions: mpsc::Receiver<Box<dyn Job>>,
    others: mpsc::Receiver<Box<dyn Job>>,
    state: Arc<State>,
    bell: Bell,
    metrics: Metrics,
    fault: Option<CommitFault>,
    data_dir: std::path::PathBuf,
    free_disk: FreeDisk,
    free_disk_min_bytes: u64,
    data_version: Option<i64>,
    told_writable: Option<bool>,
}

/// What a visit to the database brought.
struct Visit {
    jobs: Vec<(Box<dyn Job>, Result<(), StorageError>)>,
    committed: Result<(), StorageError>,
    took: Duration,
    data_version: Option<i64>,
    waiting: Option<u64>,
}

impl Visit {
    /// What the batch says of the store's health: a full or failing disk shows in single pieces first.
    fn verdict(&self) -> Result<(), StorageError> {
        let of_disk = |outcome: &&Result<(), StorageError>| {
            matches!(outcome, Err(StorageError::DiskFull | StorageError::Disk { .. }))
        };
        let piece = self.jobs.iter().map(|(_, outcome)| outcome).find(of_disk);
        self.committed.clone().and(piece.cloned().unwrap_or(Ok(())))
    }
}

impl Task {
    async fn run(mut self) {
        let mut watch = tokio::time::interval(WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut ticks, mut admitted) = (0u32, 0usize);
        let mut others_ran = Instant::now();
        loop {
            let (mut admissions, mut others) = (Vec::new(), Vec::new());
            let mut look = false;
            tokio::select! {
                // The queues come last: under load they are never empty, and the rest would never have its turn.
                biased;
                () = self.state.closing.cancelled() => break,
                _ = watch.tick() => look = true,
                Some(job) = self.admissions.recv() => admissions.push(job),
                Some(job) = self.others.recv() => others.push(job),
            }
            if !admissions.is_empty() && self.state.pressed.load(Ordering::Relaxed) {
                // Whoever was just acknowledged is about to send the next update: a moment doubles the batch.
                tokio::time::sleep(BREATH).await;
            }
            while admissions.len() + others.len() < BATCH
                && let Ok(job) = self.admissions.try_recv()
            {
                admissions.push(job);
            }
            admitted += admissions.len();
            if look {
                self.state.pressed.store(admitted >= PRESS, Ordering::Relaxed);
                admitted = 0;
            }
            let pressed = self.state.pressed.load(Ordering::Relaxed) && !admissions.is_empty();
            let gathering = pressed && others_ran.elapsed() < GATHER;
            if !gathering {
                others_ran = Instant::now();
            }
            while !gathering
                && admissions.len() + others.len() < BATCH
                && let Ok(job) = self.others.try_recv()
            {
                others.push(job);
            }
            let measure = look && ticks.is_multiple_of(MEASURE_EVERY);
            ticks = ticks.wrapping_add(u32::from(look));
            admissions.append(&mut others);
            self.visit(admissions, look, measure).await;
        }
        self.finish().await;
    }

    /// Commits a batch, or just looks whether another process has committed.
    async fn visit(&mut self, jobs: Vec<Box<dyn Job>>, look: bool, measure: bool) {
        let count = jobs.len();
        if let Err(error) = self.state.refuse_if_corrupt() {
            jobs.into_iter().for_each(|job| job.end(Err(error.clone())));
            return self.tell_writable();
        }
        let connection = match self.pool.get().await {
            Ok(connection) => connection,
            Err(error) => {
                let error = connect::pool_error("opening the writer's connection", &error);
                self.state.judge(&Err(error.clone()));
                jobs.into_iter().for_each(|job| job.end(Err(error.clone())));
                return self.tell_writable();
            }
        };
        let fault = self.fault.clone();
        let visit = connection.interact(move |connection| visit(connection, jobs, fault.as_ref(), look, measure)).await;
        drop(connection);
        match visit {
            Ok(visit) => self.after(visit, count, measure).await,
            // The jobs died with the thread: their callers hear `Closed`.
            Err(error) => {
                self.state.judge(&Err(StorageError::Backend { doing: "committing a batch", detail: error.to_string() }))
            }
        }
    }

    async fn after(&mut self, visit: Visit, count: usize, measure: bool) {
        if count > 0 {
            self.state.judge(&visit.verdict());
            self.metrics.record(&metric::STORE_COMMIT_DURATION, &[], visit.took);
            self.metrics.add(&metric::STORE_COMMIT_JOBS, &[], count as u64);
        }
        let mut rings = Rings::default();
        for (job, outcome) in visit.jobs {
            let outcome = outcome.and(visit.committed.clone());
            if outcome.is_ok() {
                rings.inbox |= job.rings().inbox;
                rings.outbox |= job.rings().outbox;
            }
            job.end(outcome);
        }
        if let Some(version) = visit.data_version
            && self.data_version.replace(version).is_some_and(|known| known != version)
        {
            rings = Rings::BOTH;
        }
        if let Some(waiting) = visit.waiting {
            self.state.waiting.store(waiting, Ordering::Relaxed);
        }
        if measure {
            self.measure_disk().await;
        }
        self.tell_writable();
        if rings.inbox {
            self.bell.ring_inbox();
        }
        if rings.outbox {
            self.bell.ring_outbox();
        }
    }

    async fn measure_disk(&self) {
        let (dir, free_disk) = (self.data_dir.clone(), Arc::clone(&self.free_disk));
        let Ok(Ok(free)) = tokio::task::spawn_blocking(move || free_disk(&dir)).await else { return };
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
        let mut jobs = Vec::new();
        while let Ok(job) = self.admissions.try_recv().or_else(|_| self.others.try_recv()) {
            jobs.push(job);
        }
        if !jobs.is_empty() {
            self.visit(jobs, false, false).await;
        }
        if self.state.refuse_if_corrupt().is_ok()
            && let Ok(connection) = self.pool.get().await
        {
            let _ =
                connection.interact(|connection| connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")).await;
        }
        self.pool.close();
    }
}

/// Runs on a blocking thread.
fn visit(
    connection: &Connection,
    jobs: Vec<Box<dyn Job>>,
    fault: Option<&CommitFault>,
    look: bool,
    measure: bool,
) -> Visit {
    let started = Instant::now();
    connect::interrupt_at(connection, Some(started + BATCH_LIMIT));
    let mut visit =
        Visit { jobs: Vec::new(), committed: Ok(()), took: Duration::ZERO, data_version: None, waiting: None };
    if !jobs.is_empty() {
        commit(connection, jobs, fault, &mut visit);
        visit.took = started.elapsed();
    }
    if look {
        // Changes whenever another connection has committed; our own commits do not count.
        visit.data_version = connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok();
    }
    if measure {
        visit.waiting = connection
            .prepare_cached("SELECT COUNT(*) FROM inbox WHERE state = 0")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
            .ok()
            .and_then(|count| u64::try_from(count).ok());
    }
    connect::interrupt_at(connection, None);
    visit
}

fn commit(connection: &Connection, jobs: Vec<Box<dyn Job>>, fault: Option<&CommitFault>, visit: &mut Visit) {
    visit.committed = run(connection, "BEGIN IMMEDIATE");
    for mut job in jobs.into_iter().filter(|job| !job.is_abandoned()) {
        let mut outcome = Ok(());
        if visit.committed.is_ok() {
            match run_in_savepoint(connection, &mut *job) {
                Ok(ran) => outcome = ran,
                Err(broken) => visit.committed = Err(broken),
            }
        }
        visit.jobs.push((job, outcome));
    }
    if visit.committed.is_ok() {
        visit.committed = fault.map_or(Ok(()), |fault| fault()).and_then(|()| run(connection, "COMMIT"));
    }
    if visit.committed.is_err() && !connection.is_autocommit() {
        let _ = run(connection, "ROLLBACK");
    }
}

/// Runs one piece of work; the inner result is its own. The outer error breaks the whole batch: damage, or one of those
/// errors (a full disk, an interrupt) after which SQLite may roll back the transaction by itself. What ran after that
/// would be committed alone and behind everybody's back.
fn run_in_savepoint(connection: &Connection, job: &mut dyn Job) -> Result<Result<(), StorageError>, StorageError> {
    run(connection, "SAVEPOINT piece")?;
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| job.run(connection))).unwrap_or_else(|_| {
        Err(StorageError::Backend { doing: "running a piece of work", detail: "it panicked".to_owned() })
    });
    match outcome {
        Err(error @ StorageError::Corrupt { .. }) => return Err(error),
        Err(error) if connection.is_autocommit() => return Err(error),
        Err(_) => run(connection, "ROLLBACK TO piece")?,
        Ok(()) => {}
    }
    run(connection, "RELEASE piece")?;
    Ok(outcome)
}

fn run(connection: &Connection, statement: &'static str) -> Result<(), StorageError> {
    connection
        .prepare_cached(statement)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(|error| storage_error(statement, &error))
}

#[cfg(test)]
mod tests;

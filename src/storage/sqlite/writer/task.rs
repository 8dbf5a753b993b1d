//! The writer's task: gathers what waits into batches and has them committed, one after the other.
//!
//! While enough waits to be worth a commit, the thread that has committed goes on with the next batch. To hand each one
//! over between a task and a thread takes longer than the disk does: of 2.6 ms between two commits under load, 1.1 ms.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use deadpool_sqlite::{Object, rusqlite::Connection};
use metrics::{Counter, Histogram};
use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{
    GOOD, Rings, State,
    checkpoint::Checkpoints,
    commit::{Batch, Visit, visit},
    job::Job,
};
use crate::{
    storage::{
        Bell, StorageError,
        sqlite::{CommitFault, FreeDisk, ballast},
    },
    telemetry::{Metrics, metric},
};

/// Admissions in one transaction, and pieces of work in all after which it takes no others.
pub(super) const BATCH: usize = 256;
/// So many admissions between two looks, 3 000 a second, are a press of them.
pub(super) const PRESS: usize = 300;
/// With fewer admissions, and nothing else, a batch waits, in rounds, for whoever is about to hand in one: in each round all
/// that is ready to run runs once. That takes microseconds in a quiet process, and in a busy one a commit costs more than it
/// saves. With more it does not wait: while a batch is on its way to the disk, the rest of the load has the processors. And
/// the thread that has committed goes on only with as many. Turns do not gain by fuller batches: while some of them are
/// waited for, the others wait for these, and the processors for all of them (8 % fewer turns a second).
const FEW: usize = 16;
const ROUNDS: usize = 2;
/// How often another process's commits are looked for (design.md section 2).
pub(super) const WATCH: Duration = Duration::from_millis(100);
/// How often the inbox is counted and the disk's free space read.
const MEASURE_EVERY: u32 = 10;

pub(super) struct Task {
    pub(super) checkpoints: Checkpoints,
    pub(super) admissions: mpsc::Receiver<Box<dyn Job>>,
    pub(super) others: mpsc::Receiver<Box<dyn Job>>,
    /// For which the last batch had no time left.
    pub(super) left: Vec<Box<dyn Job>>,
    pub(super) state: Arc<State>,
    pub(super) bell: Bell,
    pub(super) took: Histogram,
    pub(super) pieces: Counter,
    pub(super) metrics: Metrics,
    /// With more than this in the inbox, admissions are no longer preferred.
    pub(super) press_max: u64,
    pub(super) fault: Option<CommitFault>,
    pub(super) data_dir: PathBuf,
    pub(super) free_disk: FreeDisk,
    pub(super) free_disk_min_bytes: u64,
    pub(super) data_version: Option<i64>,
    pub(super) next_look: Instant,
    /// Since the last look.
    pub(super) admitted: usize,
    pub(super) told_writable: Option<bool>,
    /// Whether the log may hold what the disk does not: a commit has failed on the disk, or an earlier process may have seen
    /// that, and the log was not written once more since.
    pub(super) log_in_doubt: bool,
}

impl Task {
    pub(super) async fn run(mut self, connection: Object) {
        while let Some(batch) = self.next().await {
            let Some(task) = self.work(&connection, batch).await else { return };
            self = task;
        }
        self.finish(&connection).await;
    }

    /// The next batch, once there is something to do; none when the store closes.
    async fn next(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        tokio::select! {
            // The queues come last: under load they are never empty, and the rest would never have its turn.
            biased;
            () = self.state.closing.cancelled() => return None,
            () = sleep_until(self.next_look) => {}
            () = std::future::ready(()), if !self.left.is_empty() && !self.is_pressed() => {}
            Some(job) = self.admissions.recv() => batch.admissions.push(job),
            Some(job) = self.others.recv(), if !self.is_pressed() => batch.add_other(job),
        }
        for round in 0..=ROUNDS {
            let before = batch.len();
            self.take(&mut batch);
            let idle = batch.is_empty() || (round > 0 && batch.len() == before);
            if idle || batch.len() >= FEW || batch.has_others() {
                break;
            }
            yield_now().await;
        }
        Some(batch)
    }

    /// Takes what waits, and calls whoever would take up what it leaves: they may still come along.
    fn take(&mut self, batch: &mut Batch) {
        while batch.admissions.len() < BATCH
            && let Ok(job) = self.admissions.try_recv()
        {
            batch.admissions.push(job);
        }
        batch.look = Instant::now() >= self.next_look;
        if self.is_pressed() && !batch.look {
            return;
        }
        self.left.drain(..).for_each(|job| batch.add_other(job));
        while batch.len() < BATCH
            && let Ok(job) = self.others.try_recv()
        {
            batch.add_other(job);
        }
        self.ring(batch.unanswered());
    }

    /// Whether other work than admissions waits for the next look.
    fn is_pressed(&self) -> bool {
        self.state.pressed.load(Ordering::Relaxed) && !self.state.closing.is_cancelled()
    }

    /// Commits a batch, and on the same thread what has come meanwhile, as long as it is worth a commit.
    async fn work(mut self, connection: &Object, mut batch: Batch) -> Option<Self> {
        let worked = connection.interact(move |connection| {
            loop {
                self.visit(connection, batch);
                let others = if self.is_pressed() { 0 } else { self.left.len() + self.others.len() };
                if (others == 0 && self.admissions.len() < FEW) || self.state.closing.is_cancelled() {
                    return self;
                }
                batch = Batch::default();
                self.take(&mut batch);
            }
        });
        // A panic outside all pieces of work has taken the task along, and the process ends.
        worked.await.inspect_err(|error| tracing::error!(%error, "the store's writer is gone")).ok()
    }

    /// Commits a batch, or just looks whether another process has committed.
    fn visit(&mut self, connection: &Connection, mut batch: Batch) {
        let (count, admissions, look) = (batch.len(), batch.admissions.len(), batch.look);
        self.admitted += admissions;
        let measure = look && self.state.looked.load(Ordering::Relaxed).is_multiple_of(MEASURE_EVERY);
        if look {
            let waiting = self.state.waiting.load(Ordering::Relaxed);
            self.state.pressed.store(self.admitted >= PRESS && waiting < self.press_max, Ordering::Relaxed);
            self.admitted = 0;
            self.state.looked.fetch_add(1, Ordering::Relaxed);
            self.next_look = Instant::now() + WATCH;
        }
        if let Err(error) = self.state.refuse_if_corrupt() {
            self.tell_writable();
            return batch.into_jobs().for_each(|job| job.end(Err(error.clone())));
        }
        batch.log_in_doubt = self.log_in_doubt;
        let mut visit = visit(connection, batch, self.fault.as_ref(), measure);
        // While admissions press, what was left over before still waits.
        self.left.append(&mut visit.left);
        self.state.waiting.fetch_add(admissions as u64, Ordering::Relaxed);
        self.after(visit, count, measure);
    }

    fn after(&mut self, visit: Visit, count: usize, measure: bool) {
        if count > 0 {
            self.state.judge(&visit.verdict());
            self.log_in_doubt = visit.log_in_doubt || matches!(visit.committed, Err(StorageError::Disk { .. }));
            self.took.record(visit.took.as_secs_f64());
            self.pieces.increment(count as u64);
        }
        let (mut rings, mut answered) = (Rings::default(), Rings::default());
        for (job, _) in visit.jobs.iter().filter(|(_, outcome)| outcome.is_ok() && visit.committed.is_ok()) {
            rings = rings.or(job.rings());
            answered = answered.or(job.priority().answers());
        }
        rings = rings.without(answered);
        if let Some(version) = visit.data_version
            && self.data_version.replace(version).is_some_and(|known| known != version)
        {
            rings = Rings::BOTH;
        }
        if let Some(behind) = visit.behind
            && !self.log_in_doubt
        {
            self.checkpoints.begin(behind);
        }
        if let Some(waiting) = visit.waiting {
            self.state.waiting.store(waiting, Ordering::Relaxed);
        }
        if measure {
            self.measure_disk();
        }
        self.tell_writable();
        self.ring(rings);
        // Last: whoever hears of its work finds all of this done.
        for (job, outcome) in visit.jobs {
            job.end(outcome.and(visit.committed.clone()));
        }
    }

    fn ring(&self, rings: Rings) {
        if rings.inbox {
            self.bell.ring_inbox();
        }
        if rings.outbox {
            self.bell.ring_outbox();
        }
    }

    fn measure_disk(&self) {
        let Ok(mut free) = (self.free_disk)(&self.data_dir) else { return };
        if ballast::release(&self.data_dir, free) {
            tracing::warn!("the disk is full: the ballast was released, so that clearing up can make room");
            let Ok(freed) = (self.free_disk)(&self.data_dir) else { return };
            free = freed;
        }
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
    async fn finish(mut self, connection: &Object) {
        self.admissions.close();
        self.others.close();
        self.checkpoints.close().await;
        let finished = connection.interact(move |connection| {
            loop {
                let mut batch = Batch::default();
                self.take(&mut batch);
                if batch.is_empty() {
                    break;
                }
                self.visit(connection, batch);
            }
            if self.state.refuse_if_corrupt().is_ok() {
                let _ = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE");
            }
        });
        let _ = finished.await;
    }
}

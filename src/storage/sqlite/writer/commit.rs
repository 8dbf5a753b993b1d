//! One visit to the database: a batch in one transaction, one commit for all. Each piece is in a savepoint of its own,
//! except that admissions, which hardly ever fail, are in one together.

use std::{panic::AssertUnwindSafe, time::Duration};

use deadpool_sqlite::rusqlite::Connection;
use tokio::time::Instant;

use super::{
    checkpoint,
    job::{Job, Priority, Rings},
    rewrite,
};
use crate::storage::{
    StorageError,
    sqlite::{CommitFault, codes::storage_error, connect, queue},
};

/// Longest time that one batch may keep the writer.
const BATCH_LIMIT: Duration = Duration::from_secs(8);
/// After this time a batch begins no other work than admissions.
const WORK_LIMIT: Duration = Duration::from_millis(10);

/// Pieces of work for one transaction.
#[derive(Default)]
pub(super) struct Batch {
    /// These run first.
    pub(super) admissions: Vec<Box<dyn Job>>,
    pub(super) others: Vec<Box<dyn Job>>,
    /// These run last.
    pub(super) taking: Vec<Box<dyn Job>>,
    /// Also look whether another process has committed.
    pub(super) look: bool,
    /// The log may hold what the disk does not.
    pub(super) log_in_doubt: bool,
}

impl Batch {
    pub(super) fn add_other(&mut self, job: Box<dyn Job>) {
        if job.priority().answers().any() { self.taking.push(job) } else { self.others.push(job) }
    }

    pub(super) fn len(&self) -> usize {
        self.admissions.len() + self.others.len() + self.taking.len()
    }

    /// Whether it holds other work than admissions.
    pub(super) fn has_others(&self) -> bool {
        !self.others.is_empty() || !self.taking.is_empty()
    }

    /// The bells that what it leaves would ring, and that nothing in it answers.
    pub(super) fn unanswered(&self) -> Rings {
        let rung = self.admissions.iter().chain(&self.others).fold(Rings::default(), |all, job| all.or(job.rings()));
        self.taking.iter().fold(rung, |left, job| left.without(job.priority().answers()))
    }

    /// Whether nothing in it has to outlive a power cut.
    fn is_fleeting(&self) -> bool {
        let mut others = self.others.iter();
        self.admissions.is_empty() && self.taking.is_empty() && others.all(|job| job.priority() == Priority::Fleeting)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn into_jobs(self) -> impl Iterator<Item = Box<dyn Job>> {
        self.admissions.into_iter().chain(self.others).chain(self.taking)
    }
}

/// What a visit to the database brought.
pub(super) struct Visit {
    pub(super) jobs: Vec<(Box<dyn Job>, Result<(), StorageError>)>,
    /// For which no time was left: nothing of them has happened.
    pub(super) left: Vec<Box<dyn Job>>,
    pub(super) committed: Result<(), StorageError>,
    pub(super) took: Duration,
    pub(super) data_version: Option<i64>,
    pub(super) waiting: Option<u64>,
    /// Pages of the log that are not in the file yet.
    pub(super) behind: Option<i64>,
    /// The log may still hold what the disk does not.
    pub(super) log_in_doubt: bool,
}

impl Visit {
    /// What the batch says of the store's health: a full or failing disk shows in single pieces first.
    pub(super) fn verdict(&self) -> Result<(), StorageError> {
        let of_disk = |outcome: &&Result<(), StorageError>| {
            matches!(outcome, Err(StorageError::DiskFull | StorageError::Disk { .. }))
        };
        let piece = self.jobs.iter().map(|(_, outcome)| outcome).find(of_disk);
        self.committed.clone().and(piece.cloned().unwrap_or(Ok(())))
    }
}

/// Runs on a blocking thread.
pub(super) fn visit(connection: &Connection, batch: Batch, fault: Option<&CommitFault>, measure: bool) -> Visit {
    let (started, look) = (Instant::now(), batch.look);
    connect::interrupt_at(connection, Some(started + BATCH_LIMIT));
    let mut visit = Visit {
        jobs: Vec::new(),
        left: Vec::new(),
        committed: Ok(()),
        took: Duration::ZERO,
        data_version: None,
        waiting: None,
        behind: None,
        log_in_doubt: batch.log_in_doubt,
    };
    if !batch.is_empty() {
        commit(connection, batch, fault, &mut visit);
        visit.took = started.elapsed();
        visit.behind = checkpoint::behind(connection);
    }
    if look {
        // Changes whenever another connection has committed; our own commits do not count.
        visit.data_version = connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok();
    }
    if measure {
        visit.waiting = connection
            .prepare_cached(queue::DEPTH_SQL)
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
            .ok()
            .and_then(|count| u64::try_from(count).ok());
    }
    connect::interrupt_at(connection, None);
    visit
}

fn commit(connection: &Connection, batch: Batch, fault: Option<&CommitFault>, visit: &mut Visit) {
    let until = Instant::now() + WORK_LIMIT;
    visit.committed = begin(connection, &batch);
    visit.log_in_doubt &= visit.committed.is_err();
    let wanted = batch.into_jobs().filter(|job| !job.is_abandoned());
    let (mut together, mut alone): (Vec<_>, Vec<_>) = wanted.partition(|job| job.is_repeatable());
    if !alone.is_empty() {
        alone.extend(together.extract_if(.., |job| job.priority().answers().any()));
    }
    if visit.committed.is_ok() && !together.is_empty() {
        match run_together(connection, &mut together, until) {
            Some(ran) => visit.left = together.split_off(ran),
            None => {
                visit.committed = begin_again(connection);
                alone.splice(..0, together.drain(..));
            }
        }
    }
    visit.jobs.extend(together.into_iter().map(|job| (job, Ok(()))));
    for mut job in alone {
        if visit.committed.is_ok() && !has_time(&*job, until) {
            visit.left.push(job);
            continue;
        }
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

/// Begins the transaction, and chooses whether its commit is synced.
fn begin(connection: &Connection, batch: &Batch) -> Result<(), StorageError> {
    connect::sync_commits(connection, batch.log_in_doubt || !batch.is_fleeting())?;
    run(connection, "BEGIN IMMEDIATE")?;
    if batch.log_in_doubt { rewrite::rewrite_log(connection) } else { Ok(()) }
}

/// Whether a piece of work may still begin in this batch.
fn has_time(job: &dyn Job, until: Instant) -> bool {
    job.priority() == Priority::Admission || Instant::now() < until
}

/// Runs pieces without savepoints, each of which costs as much as an admission: it copies every page that the piece
/// touches. Returns for how many there was time; none if one of them failed: then the transaction is to begin again,
/// without its traces.
fn run_together(connection: &Connection, jobs: &mut [Box<dyn Job>], until: Instant) -> Option<usize> {
    let ran = AssertUnwindSafe(|| {
        for (ran, job) in jobs.iter_mut().enumerate() {
            if !has_time(&**job, until) {
                return Ok(ran);
            }
            job.run(connection)?;
        }
        Ok::<_, StorageError>(jobs.len())
    });
    std::panic::catch_unwind(ran).ok()?.ok()
}

fn begin_again(connection: &Connection) -> Result<(), StorageError> {
    if !connection.is_autocommit() {
        run(connection, "ROLLBACK")?;
    }
    run(connection, "BEGIN IMMEDIATE")
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

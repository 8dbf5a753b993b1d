//! The store on one SQLite file that the replicas of one host share.
//!
//! Reads go to a few `query_only` connections of a deadpool pool; every write goes through one writer a process
//! ([`writer`]) that commits many of them together. `synchronous=FULL`, so what was answered is on the disk; only a commit of
//! heartbeats alone is not synced, for nobody needs them after a power cut, and an idle replica hardly writes anything else.

mod alarms;
mod backup;
mod ballast;
mod chats;
mod claims;
mod clearing;
mod codes;
mod connect;
mod inbox;
mod inspect;
mod memory;
mod migrated;
mod once;
mod open;
mod outbox;
mod people;
#[cfg(test)]
mod plans;
mod queue;
mod samples;
mod sessions;
mod shared;
mod slots;
mod spend;
mod talk;
mod upkeep;
mod windows;
mod writer;

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use deadpool_sqlite::rusqlite::Connection;
use metrics::Histogram;
use tokio::time::Instant;

use self::{
    codes::storage_error,
    windows::Windows,
    writer::{Once, Priority, Repeatable, Rings, Writer},
};
use super::{Bell, StorageError, StoreHealth};
use crate::{
    clock::SharedClock,
    shutdown::Shutdown,
    telemetry::{Metrics, metric},
};

pub use self::{
    backup::{RestoreOptions, Restored, restore},
    ballast::BALLAST_FILE,
    inspect::{Inspection, inspect},
    open::{GENERATION, MIN_SQLITE, check_file_system, check_place},
};

/// The database's name inside `BOT_DATA_DIR`. The write-ahead log and its index stand beside it.
pub const FILE_NAME: &str = "gryag.db";

/// Called on the writer's thread just before each commit: tests slow it down or make it fail here.
pub type CommitFault = Arc<dyn Fn() -> Result<(), StorageError> + Send + Sync>;

/// Tells how many bytes the bot may still write below a directory.
pub type FreeDisk = Arc<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// How to open the store.
#[derive(Clone)]
pub struct SqliteOptions {
    /// `BOT_DATA_DIR`: a local directory.
    pub data_dir: PathBuf,
    /// Judges leases and sending marks.
    pub clock: SharedClock,
    /// Where commits are counted.
    pub metrics: Metrics,
    /// Updates that may wait for their turn before new ones are refused (503).
    pub inbox_max: u64,
    /// Free space below which new updates are refused, in bytes.
    pub free_disk_min_bytes: u64,
    /// Where that is asked.
    pub free_disk: FreeDisk,
    /// Longest wait for one write or read.
    pub call_limit: Duration,
    /// Reading connections.
    pub readers: usize,
    /// Faults for tests.
    pub commit_fault: Option<CommitFault>,
}

impl SqliteOptions {
    /// The defaults for a directory.
    pub fn new(data_dir: impl Into<PathBuf>, clock: SharedClock, metrics: Metrics) -> Self {
        Self {
            data_dir: data_dir.into(),
            clock,
            metrics,
            inbox_max: 100_000,
            free_disk_min_bytes: 64 * 1024 * 1024,
            free_disk: Arc::new(|directory| {
                let disk = rustix::fs::statvfs(directory)?;
                Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
            }),
            call_limit: Duration::from_secs(10),
            readers: 3,
            commit_fault: None,
        }
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SqliteOptions").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// The store on SQLite. Cheap to clone.
#[derive(Clone)]
pub struct SqliteStore {
    readers: connect::Readers,
    writer: Writer,
    bell: Bell,
    path: PathBuf,
    /// While it is held nobody restores a backup.
    lock: Arc<File>,
    free_disk: FreeDisk,
    free_disk_min_bytes: u64,
    clock: SharedClock,
    read_took: Histogram,
    windows: Windows,
    call_limit: Duration,
    inbox_max: u64,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SqliteStore")
    }
}

impl SqliteStore {
    /// Checks the place and the file, migrates, and starts the writer.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unusable`] with a remedy for everything that a person must mend (network file system, foreign
    /// file, newer schema, read-only disk), [`StorageError::Corrupt`] for a damaged file.
    pub async fn open(options: SqliteOptions, shutdown: &Shutdown) -> Result<Self, StorageError> {
        let (path, lock) = open::prepare(&options).await?;
        let readers = connect::Readers::new(&path, options.readers)?;
        let bell = Bell::default();
        let writer = Writer::start(&path, &options, bell.clone(), shutdown).await?;
        let store = Self {
            readers,
            writer,
            bell,
            path,
            lock: Arc::new(lock),
            free_disk: options.free_disk,
            free_disk_min_bytes: options.free_disk_min_bytes,
            clock: options.clock,
            read_took: options.metrics.histogram(&metric::STORE_READ_DURATION, &[]),
            windows: Windows::new(&options.metrics),
            call_limit: options.call_limit,
            inbox_max: options.inbox_max,
        };
        store.probe().await?;
        Ok(store)
    }

    /// The bell that this store rings.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Lets go of conversations that have rested; call it every few seconds.
    pub fn sweep(&self) {
        self.windows.sweep();
    }

    /// Moves the log into the file and ends the writer. Later calls fail with [`StorageError::Closed`].
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close();
        let _ = self.lock.unlock();
    }

    /// One durable write, three times: proves that the file can be written and tells how fast a commit is.
    async fn probe(&self) -> Result<(), StorageError> {
        let mut took = Vec::new();
        for round in 0..3 {
            let started = Instant::now();
            self.write("probing the disk", Priority::Other, Rings::default(), move |tx| {
                shared::set_fact(tx, "probe", &round.to_string())
            })
            .await?;
            took.push(started.elapsed());
        }
        took.sort();
        let commit_ms = took[1].as_secs_f64() * 1000.0;
        if commit_ms > 20.0 {
            tracing::warn!(commit_ms, "the disk under BOT_DATA_DIR is slow: each durable commit takes this long");
        } else {
            tracing::debug!(commit_ms, "durable commits are fast enough");
        }
        Ok(())
    }

    /// Runs `work` in the next group commit, in a savepoint of its own.
    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        priority: Priority,
        rings: Rings,
        work: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.writer.write(doing, priority, rings, self.call_limit, Once::new(work)).await
    }

    /// As [`Self::write`], for hot paths: `work` may be rolled back with others and run again, alone, so it does
    /// nothing but ask and change the database. That spares a savepoint, which copies every page that it touches.
    async fn write_repeatable<T: Send + 'static>(
        &self,
        doing: &'static str,
        priority: Priority,
        rings: Rings,
        work: impl Fn(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.writer.write(doing, priority, rings, self.call_limit, Repeatable(work)).await
    }

    /// Runs `work` on a reading connection. A query that outlives the limit is interrupted.
    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.read_within(doing, self.call_limit, work).await
    }

    async fn read_within<T: Send + 'static>(
        &self,
        doing: &'static str,
        limit: Duration,
        work: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let deadline = Instant::now() + limit;
        let late = || StorageError::Deadline { doing, limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) };
        let started = Instant::now();
        let reader = tokio::time::timeout_at(deadline, self.readers.get(doing)).await.map_err(|_| late())??;
        // Cancelling `interact` would not stop the query, so the query watches the deadline itself.
        let read = reader
            .interact(move |connection| {
                connect::interrupt_at(connection, Some(deadline));
                let read = work(connection);
                connect::interrupt_at(connection, None);
                read
            })
            .await
            .map_err(|detail| StorageError::Backend { doing, detail })?;
        self.read_took.record(started.elapsed().as_secs_f64());
        match read {
            Err(_) if Instant::now() >= deadline => Err(late()),
            Err(StorageError::Corrupt { detail }) => {
                self.writer.stop_as_corrupt(&detail);
                Err(StorageError::Corrupt { detail })
            }
            read => read,
        }
    }

    fn store_health(&self) -> StoreHealth {
        self.writer.health()
    }
}

/// Prepares, caches and runs a statement that returns no rows; returns how many rows it changed.
fn execute(
    connection: &Connection,
    doing: &'static str,
    sql: &'static str,
    params: impl rusqlite::Params,
) -> Result<usize, StorageError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params))
        .map_err(|error| storage_error(doing, &error))
}

/// Runs a cached query of at most one row.
fn query_one<T>(
    connection: &Connection,
    doing: &'static str,
    sql: &'static str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StorageError> {
    use rusqlite::OptionalExtension as _;
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(params, read).optional())
        .map_err(|error| storage_error(doing, &error))
}

/// Runs a cached query of many rows.
fn query_all<T>(
    connection: &Connection,
    doing: &'static str,
    sql: &'static str,
    params: impl rusqlite::Params,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StorageError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_map(params, read)?.collect())
        .map_err(|error| storage_error(doing, &error))
}

//! Connections: their settings, the reading pool, and the deadline that interrupts a query.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use deadpool_sqlite::{Config, Hook, HookError, Object, Pool, PoolError, Runtime, rusqlite::Connection};
use rusqlite::config::DbConfig;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::codes::storage_error;
use crate::storage::StorageError;

/// How long a writer waits for another process's commit.
const BUSY: Duration = Duration::from_secs(5);
/// How long the emptying of the log waits for readers.
const LOG_PATIENCE: Duration = Duration::from_millis(250);
/// Virtual-machine steps between two looks at the clock.
const STEPS: i32 = 10_000;
/// Statements that a connection keeps prepared: more than this backend has.
const STATEMENTS: usize = 128;

/// Pages of the log, 16 MB, from which on commits move it into the file. A checkpoint keeps the writer busy, and a page that
/// changed often is then written once.
const LOG_PAGES: u32 = 4000;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Write,
    ReadOnly,
}

/// Settings of every connection (reliability.md section 3).
pub(super) fn configure(connection: &Connection, access: Access) -> rusqlite::Result<()> {
    connection.busy_handler(Some(wait_for_lock))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A plan does not depend on what is bound. Else SQLite prepares a statement with `LIMIT ?` anew whenever it runs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    match access {
        Access::Write => connection.pragma_update(None, "cache_size", -4096),
        Access::ReadOnly => {
            connection.pragma_update(None, "cache_size", -1024)?;
            connection.pragma_update(None, "query_only", true)
        }
    }
}

/// Chooses whether the commits to come are synced. One that is not does not move the log into the file either: that begins
/// with a sync of the log, and SQLite would keep to itself that it failed.
pub(super) fn sync_commits(connection: &Connection, synced: bool) -> Result<(), StorageError> {
    let (level, log_pages) = if synced { ("FULL", LOG_PAGES) } else { ("NORMAL", 0) };
    // Not prepared once for all: SQLite obeys such a statement while it prepares it.
    connection
        .pragma_update(None, "synchronous", level)
        .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", log_pages))
        .map_err(|error| storage_error("choosing whether commits are synced", &error))
}

/// SQLite's own busy handler sleeps up to 100 ms at a time, which makes the wait between two processes long and
/// unfair; a commit takes a fraction of a millisecond, so this one looks again soon.
#[expect(clippy::disallowed_methods, reason = "runs on a blocking thread, inside SQLite")]
fn wait_for_lock(tries: i32) -> bool {
    let pause = Duration::from_micros(if tries < 20 { 200 } else { 2000 });
    std::thread::sleep(pause);
    // 20 short pauses, then long ones.
    pause.saturating_mul(u32::try_from(tries).unwrap_or(0)) < BUSY
}

/// Moves the log into the file and cuts it to nothing, unless somebody reads in it now; true if it was done. It waits a
/// moment only: meanwhile nobody can write.
pub(super) fn empty_log(connection: &Connection) -> Result<bool, StorageError> {
    let doing = "emptying the log";
    let failed = |error: rusqlite::Error| storage_error(doing, &error);
    connection.busy_timeout(LOG_PATIENCE).map_err(failed)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_handler(Some(wait_for_lock)).map_err(failed)?;
    Ok(busy.map_err(failed)? == 0)
}

/// A pool of one connection that writes: the writer keeps it, checkpoints borrow theirs.
pub(super) fn writer(path: &Path) -> Result<Pool, StorageError> {
    pool(path, 1, Access::Write)
}

/// The reading connections. Cheap to clone.
///
/// The pool asks each connection that it hands out whether it lives, which takes a trip to another thread, as long as
/// most reads. So a connection that was read from is kept here, outside the pool; one that a panic has poisoned goes back
/// and is replaced.
#[derive(Clone)]
pub(super) struct Readers {
    pool: Pool,
    places: Arc<Semaphore>,
    kept: Arc<Mutex<Vec<Arc<Object>>>>,
}

impl Readers {
    pub(super) fn new(path: &Path, size: usize) -> Result<Self, StorageError> {
        let size = size.max(1);
        let pool = pool(path, size, Access::ReadOnly)?;
        Ok(Self { pool, places: Arc::new(Semaphore::new(size)), kept: Arc::default() })
    }

    /// A connection, once one is free.
    pub(super) async fn get(&self, doing: &'static str) -> Result<Reader, StorageError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StorageError::Closed)?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match kept {
            Some(connection) => connection,
            None => Arc::new(self.pool.get().await.map_err(|error| pool_error(doing, &error))?),
        };
        Ok(Reader { connection, readers: self.clone(), _place: place })
    }

    pub(super) fn close(&self) {
        self.places.close();
        self.pool.close();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A reading connection in use.
pub(super) struct Reader {
    connection: Arc<Object>,
    readers: Readers,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// Runs `work`. The thread that has done so gives the connection back itself: until whoever waits for it is scheduled
    /// takes many times as long as most reads.
    pub(super) async fn interact<T: Send + 'static>(
        self,
        work: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, String> {
        let connection = Arc::clone(&self.connection);
        let work = move |connection: &mut Connection| {
            let done = work(connection);
            drop(self);
            done
        };
        connection.interact(work).await.map_err(|error| error.to_string())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.readers.places.is_closed() {
            let connection = Arc::clone(&self.connection);
            self.readers.kept.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

fn pool(path: &Path, size: usize, access: Access) -> Result<Pool, StorageError> {
    let failed = |detail: String| StorageError::Backend { doing: "building the connection pool", detail };
    Config::new(path)
        .builder(Runtime::Tokio1)
        .map_err(|error| failed(error.to_string()))?
        .max_size(size)
        .post_create(Hook::async_fn(move |connection, _| {
            Box::pin(async move {
                connection
                    .interact(move |connection| configure(connection, access))
                    .await
                    .map_err(|error| HookError::message(error.to_string()))?
                    .map_err(HookError::Backend)
            })
        }))
        .build()
        .map_err(|error| failed(error.to_string()))
}

/// Why the pool gave no connection.
pub(super) fn pool_error(doing: &'static str, error: &PoolError) -> StorageError {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => storage_error(doing, error),
        PoolError::Closed => StorageError::Closed,
        other => StorageError::Backend { doing, detail: other.to_string() },
    }
}

/// From now on a query of this connection is interrupted at `deadline`, and when `stop` is cancelled.
pub(super) fn stop_at(connection: &Connection, deadline: Instant, stop: CancellationToken) {
    let _ = connection.progress_handler(STEPS, Some(move || stop.is_cancelled() || Instant::now() >= deadline));
}

/// From now on a query of this connection that is still running at `deadline` is interrupted; none lifts it.
pub(super) fn interrupt_at(connection: &Connection, deadline: Option<Instant>) {
    let handler = deadline.map(|deadline| move || Instant::now() >= deadline);
    // Fails only for connections that are not owned, and ours are.
    let _ = connection.progress_handler(STEPS, handler);
}

#[cfg(test)]
mod tests {
    use deadpool_sqlite::rusqlite::{Connection, StatementStatus};

    use super::{Access, configure};

    #[test]
    fn no_bound_limit_makes_sqlite_prepare_a_statement_anew() {
        for access in [Access::Write, Access::ReadOnly] {
            let connection = Connection::open_in_memory().unwrap();
            configure(&connection, access).unwrap();
            let mut statement = connection.prepare("SELECT name FROM sqlite_schema LIMIT ?1").unwrap();
            for limit in 1..=3 {
                assert!(statement.query([limit]).unwrap().next().unwrap().is_none());
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{access:?}");
        }
    }
}

//! Checkpoints beside the writer. SQLite moves the log into the file in the commit that finds it long, and whoever waits
//! for that commit waits for it: tens of milliseconds, several times a second under load. So most of it is done before,
//! on a connection of its own, which keeps neither readers nor writers out; what is left for the commit is little. The
//! commit still decides when the log begins anew.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use deadpool_sqlite::{Pool, rusqlite::Connection};

use crate::{
    shutdown::Shutdown,
    storage::{StorageError, sqlite::connect},
};

/// Pages that are moved in one go: 6 MB. With the log's length at which a commit moves the rest (`wal_autocheckpoint`,
/// 4000) that makes two goes for each log.
const PAGES: i64 = 1500;

pub(super) struct Checkpoints {
    pool: Pool,
    running: Arc<AtomicBool>,
    shutdown: Shutdown,
}

impl Checkpoints {
    pub(super) fn new(path: &Path, shutdown: &Shutdown) -> Result<Self, StorageError> {
        Ok(Self { pool: connect::writer(path)?, running: Arc::default(), shutdown: shutdown.clone() })
    }

    /// Begins one if so many pages of the log are not in the file yet and none is under way.
    pub(super) fn begin(&self, behind: i64) {
        if behind < PAGES || self.running.swap(true, Ordering::Relaxed) {
            return;
        }
        let (pool, ended) = (self.pool.clone(), ClearedAtDrop(Arc::clone(&self.running)));
        self.shutdown.spawn(async move {
            // A failing disk shows in the writer's commits.
            if let Ok(connection) = pool.get().await {
                let _ = connection
                    .interact(|connection| connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())))
                    .await;
            }
            drop(ended);
        });
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }
}

struct ClearedAtDrop(Arc<AtomicBool>);

impl Drop for ClearedAtDrop {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// How many pages of the log are not in the file yet.
pub(super) fn behind(connection: &Connection) -> Option<i64> {
    connection
        .prepare_cached("PRAGMA wal_checkpoint(NOOP)")
        .and_then(|mut look| look.query_row([], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)))
        .ok()
}

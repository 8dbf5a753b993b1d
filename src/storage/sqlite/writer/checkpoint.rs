//! Checkpoints beside the writer. SQLite moves the log into the file in the commit that finds it long, and whoever waits
//! for that commit waits for it: tens of milliseconds, several times a second under load. So most of it is done before,
//! on a connection of its own, which keeps neither readers nor writers out; what is left for the commit is little. The
//! commit still decides when the log begins anew.

use std::{path::Path, sync::Arc};

use deadpool_sqlite::{Pool, rusqlite::Connection};
use tokio::sync::Mutex;

use crate::{
    shutdown::Shutdown,
    storage::{StorageError, sqlite::connect},
};

/// Pages that are moved in one go: 6 MB. With the log's length at which a commit moves the rest (`wal_autocheckpoint`,
/// 4000) that makes two goes for each log.
const PAGES: i64 = 1500;

/// Held while the log is being moved: SQLite turns a second checkpoint away, however long it would wait.
pub(in crate::storage::sqlite) type OneAtATime = Arc<Mutex<()>>;

pub(super) struct Checkpoints {
    pool: Pool,
    pub(super) one_at_a_time: OneAtATime,
    shutdown: Shutdown,
}

impl Checkpoints {
    pub(super) fn new(path: &Path, shutdown: &Shutdown) -> Result<Self, StorageError> {
        Ok(Self { pool: connect::writer(path)?, one_at_a_time: OneAtATime::default(), shutdown: shutdown.clone() })
    }

    /// Begins one if so many pages of the log are not in the file yet and none is under way.
    pub(super) fn begin(&self, behind: i64) {
        if behind < PAGES {
            return;
        }
        let Ok(turn) = Arc::clone(&self.one_at_a_time).try_lock_owned() else { return };
        let pool = self.pool.clone();
        self.shutdown.spawn(async move {
            // A disk that fails shows in commits: all but those of heartbeats alone sync the log.
            if let Ok(connection) = pool.get().await {
                let _ = connection
                    .interact(|connection| connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())))
                    .await;
            }
            drop(turn);
        });
    }

    /// Waits for the one that is under way; none begins afterwards.
    pub(super) async fn close(&self) {
        let _turn = self.one_at_a_time.lock().await;
        self.pool.close();
    }
}

/// How many pages of the log are not in the file yet.
pub(super) fn behind(connection: &Connection) -> Option<i64> {
    connection
        .prepare_cached("PRAGMA wal_checkpoint(NOOP)")
        .and_then(|mut look| look.query_row([], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)))
        .ok()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::behind;
    use crate::{
        clock::SystemClock,
        shutdown::Shutdown,
        storage::sqlite::{
            SqliteOptions, SqliteStore,
            codes::storage_error,
            writer::{Priority, Rings},
        },
        telemetry::Metrics,
    };

    #[tokio::test]
    async fn a_long_log_is_moved_into_the_file_beside_the_commits() {
        let place = tempfile::TempDir::new().unwrap();
        let options = SqliteOptions::new(place.path(), Arc::new(SystemClock), Metrics::new());
        let store = SqliteStore::open(options, &Shutdown::new()).await.unwrap();
        let filled = store.write("testing", Priority::Other, Rings::default(), |tx| {
            // Short of what SQLite would move by itself, in the commit.
            let sql = "CREATE TABLE filling (page BLOB); INSERT INTO filling WITH RECURSIVE n (i) AS \
                       (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT randomblob(4000) FROM n";
            tx.execute_batch(sql).map_err(|error| storage_error("testing", &error))
        });
        filled.await.unwrap();
        let behind = || store.read("testing", |connection| Ok(behind(connection).unwrap()));
        let moved = async {
            while behind().await.unwrap() >= 3_000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), moved).await.expect("the log is moved");
    }
}

//! Rates, leases, facts, heartbeats, errors, and the care of the file itself.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, params};

use super::{
    SqliteStore,
    codes::storage_error,
    connect, execute, query_all, query_one, slots,
    writer::{Priority, Rings},
};
use crate::{
    domain::Timestamp,
    errors::ErrorRecord,
    storage::{Heartbeat, KeptError, SharedStore, Slot, SlotsTaken, StorageError, StoreHealth},
};

/// Errors that are kept.
const ERRORS_KEPT: i64 = 100;
/// A full check of a large file takes its time.
const CHECK_LIMIT: Duration = Duration::from_secs(600);

#[async_trait]
impl SharedStore for SqliteStore {
    async fn take_slot(&self, name: &'static str, per_minute: u32) -> Result<Slot, StorageError> {
        let clock = self.clock.clone();
        self.write("taking a rate's slot", Priority::Other, Rings::default(), move |tx| {
            slots::take(tx, name, per_minute, clock.now())
        })
        .await
    }

    async fn take_spare_slot(&self, name: &'static str, per_minute: u32) -> Result<bool, StorageError> {
        let clock = self.clock.clone();
        self.write("taking a rate's spare slot", Priority::Other, Rings::default(), move |tx| {
            slots::take_spare(tx, name, per_minute, clock.now())
        })
        .await
    }

    async fn slots_taken(&self, name: &'static str) -> Result<SlotsTaken, StorageError> {
        let clock = self.clock.clone();
        self.read("counting a rate's slots", move |connection| slots::taken(connection, name, clock.now())).await
    }

    async fn lease(&self, name: &'static str, owner: &str, duration: Duration) -> Result<bool, StorageError> {
        let (owner, clock) = (owner.to_owned(), self.clock.clone());
        self.write("taking a lease", Priority::Other, Rings::default(), move |tx| {
            let now = clock.now();
            let changed = execute(
                tx,
                "taking a lease",
                "INSERT INTO leases (name, owner, until) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE \
                 SET owner = excluded.owner, until = excluded.until \
                 WHERE owner = excluded.owner OR until <= ?4 OR until > ?5",
                // A lease that ends much later than a new one would was taken before the clock stepped back.
                params![name, owner, (now + duration).0, now.0, (now + duration * 2).0],
            )?;
            Ok(changed > 0)
        })
        .await
    }

    async fn end_lease(&self, name: &'static str, owner: &str) -> Result<(), StorageError> {
        let owner = owner.to_owned();
        self.write("ending a lease", Priority::Other, Rings::default(), move |tx| {
            let sql = "DELETE FROM leases WHERE name = ?1 AND owner = ?2";
            execute(tx, "ending a lease", sql, params![name, owner]).map(drop)
        })
        .await
    }

    async fn fact(&self, name: &'static str) -> Result<Option<String>, StorageError> {
        self.read("reading a fact", move |connection| {
            let sql = "SELECT value FROM facts WHERE name = ?1";
            query_one(connection, "reading a fact", sql, params![name], |row| row.get(0))
        })
        .await
    }

    async fn set_fact(&self, name: &'static str, value: String) -> Result<(), StorageError> {
        self.write("storing a fact", Priority::Other, Rings::default(), move |tx| set_fact(tx, name, &value)).await
    }

    async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StorageError> {
        self.write("writing a heartbeat", Priority::Fleeting, Rings::default(), move |tx| {
            execute(
                tx,
                "writing a heartbeat",
                "INSERT INTO heartbeats (owner, at, started_at, facts) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (owner) DO UPDATE SET at = excluded.at, facts = excluded.facts",
                params![heartbeat.owner, heartbeat.at.0, heartbeat.started_at.0, heartbeat.facts],
            )?;
            let day_ago = heartbeat.at - Duration::from_secs(86_400);
            execute(tx, "forgetting old heartbeats", "DELETE FROM heartbeats WHERE at < ?1", params![day_ago.0])
                .map(drop)
        })
        .await
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StorageError> {
        self.read("reading heartbeats", |connection| {
            let sql = "SELECT owner, at, started_at, facts FROM heartbeats ORDER BY owner";
            query_all(connection, "reading heartbeats", sql, [], |row| {
                Ok(Heartbeat {
                    owner: row.get(0)?,
                    at: Timestamp(row.get(1)?),
                    started_at: Timestamp(row.get(2)?),
                    facts: row.get(3)?,
                })
            })
        })
        .await
    }

    async fn keep_errors(&self, errors: Vec<ErrorRecord>) -> Result<(), StorageError> {
        self.write("keeping errors", Priority::Other, Rings::default(), move |tx| {
            let doing = "keeping errors";
            for error in &errors {
                let known = execute(
                    tx,
                    doing,
                    "UPDATE errors SET count = count + 1, first_at = COALESCE(first_at, at), at = MAX(at, ?1) \
                     WHERE place = ?2 AND class = ?3 AND message = ?4",
                    params![error.at.0, error.place, error.class, error.message],
                )?;
                if known == 0 {
                    execute(
                        tx,
                        doing,
                        "INSERT INTO errors (at, place, class, message, first_at) VALUES (?1, ?2, ?3, ?4, ?1)",
                        params![error.at.0, error.place, error.class, error.message],
                    )?;
                }
            }
            let sql = "DELETE FROM errors WHERE id NOT IN (SELECT id FROM errors ORDER BY at DESC, id DESC LIMIT ?1)";
            execute(tx, doing, sql, params![ERRORS_KEPT]).map(drop)
        })
        .await
    }

    async fn kept_errors(&self) -> Result<Vec<KeptError>, StorageError> {
        self.read("reading errors", |connection| {
            let sql = "SELECT COALESCE(first_at, at), at, count, place, class, message FROM errors \
                       ORDER BY at DESC, id DESC";
            query_all(connection, "reading errors", sql, [], |row| {
                Ok(KeptError {
                    first_at: Timestamp(row.get(0)?),
                    last_at: Timestamp(row.get(1)?),
                    count: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
                    place: row.get(3)?,
                    class: row.get(4)?,
                    message: row.get(5)?,
                })
            })
        })
        .await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.read_within("checking the database", CHECK_LIMIT, |connection| {
            let verdict: String = connection
                .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
                .map_err(|error| storage_error("checking the database", &error))?;
            if verdict == "ok" { Ok(()) } else { Err(StorageError::Corrupt { detail: verdict }) }
        })
        .await
    }

    async fn checkpoint(&self) -> Result<bool, StorageError> {
        let doing = "moving the log into the file";
        let one_at_a_time = self.writer.checkpoints();
        let _turn = one_at_a_time.lock().await;
        self.read(doing, move |connection| {
            // Nobody waits for this one, and it leaves little to do for the other, which keeps writers out.
            connection
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                .map_err(|error| storage_error(doing, &error))?;
            connect::empty_log(connection)
        })
        .await
    }

    fn health(&self) -> StoreHealth {
        self.store_health()
    }
}

pub(super) fn set_fact(tx: &Connection, name: &str, value: &str) -> Result<(), StorageError> {
    execute(
        tx,
        "storing a fact",
        "INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![name, value],
    )
    .map(drop)
}

//! Alarms, as they stand in their table.

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Row, params};

use super::{
    SqliteStore, execute, outbox, query_all, query_one,
    writer::{Priority, Rings},
};
use crate::{
    domain::{Alarm, AlarmState, Timestamp},
    storage::{ALARMS_LEASE, AlarmSends, AlarmStore, NewOutgoing, StorageError},
};

#[async_trait]
impl AlarmStore for SqliteStore {
    async fn alarms(&self) -> Result<Vec<AlarmState>, StorageError> {
        self.read("reading the alarms", |connection| {
            let sql = "SELECT name, holds, turned_at, state = 'firing', since, began_at, told_state = 'firing', told_at, \
                       times_told, number FROM alarms";
            let found = query_all(connection, "reading the alarms", sql, [], read)?;
            // One that this version does not know is the other replica's affair.
            let mut alarms: Vec<AlarmState> = found.into_iter().flatten().collect();
            alarms.sort_by_key(|state| state.alarm);
            Ok(alarms)
        })
        .await
    }

    async fn keep_alarms(
        &self,
        owner: &str,
        changed: Vec<AlarmState>,
        says: Vec<NewOutgoing>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let (owner, clock) = (owner.to_owned(), self.clock.clone());
        let rings = if says.is_empty() { Rings::default() } else { Rings::OUTBOX };
        self.write("keeping alarms", Priority::Other, rings, move |tx| {
            let doing = "keeping alarms";
            let sql = "SELECT 1 FROM leases WHERE name = ?1 AND owner = ?2 AND until > ?3";
            if query_one(tx, doing, sql, params![ALARMS_LEASE, owner, clock.now().0], |_| Ok(()))?.is_none() {
                return Ok(false);
            }
            for it in &changed {
                let (told, told_at) = it.told.map(|(fires, at)| (word(fires), at.0)).unzip();
                execute(
                    tx,
                    doing,
                    "INSERT OR REPLACE INTO alarms (name, holds, turned_at, state, since, began_at, told_state, told_at, \
                     times_told, number) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    params![
                        it.alarm.as_str(),
                        it.holds,
                        it.turned_at.0,
                        word(it.fires),
                        it.since.map(|at| at.0),
                        it.began_at.map(|at| at.0),
                        told,
                        told_at,
                        it.times_told,
                        it.number,
                    ],
                )?;
            }
            for outgoing in &says {
                outbox::insert(tx, outgoing, outbox::Ties::default(), now)?;
            }
            Ok(true)
        })
        .await
    }

    async fn alarm_sends(&self, since: Timestamp) -> Result<AlarmSends, StorageError> {
        self.read("counting doubtful sends", move |connection| {
            let sql = "SELECT (SELECT COUNT(*) FROM outbox WHERE ended_at > ?1 AND state = 'unknown'), \
                       (SELECT COUNT(*) FROM outbox WHERE kind = 'alarm' AND state IN ('queued', 'ready', 'sending'))";
            let counted = query_one(connection, "counting doubtful sends", sql, params![since.0], |row| {
                let count = |index| row.get(index).map(|rows: i64| u64::try_from(rows).unwrap_or(0));
                Ok(AlarmSends { doubtful: count(0)?, unsent: count(1)? })
            })?;
            Ok(counted.unwrap_or_default())
        })
        .await
    }
}

const fn word(fires: bool) -> &'static str {
    if fires { "firing" } else { "resolved" }
}

fn read(row: &Row<'_>) -> deadpool_sqlite::rusqlite::Result<Option<AlarmState>> {
    let name: String = row.get(0)?;
    let Some(alarm) = Alarm::from_stored(&name) else { return Ok(None) };
    let time = |index| row.get(index).map(|at: Option<i64>| at.map(Timestamp));
    let told: Option<bool> = row.get(6)?;
    Ok(Some(AlarmState {
        alarm,
        holds: row.get(1)?,
        turned_at: Timestamp(row.get(2)?),
        fires: row.get(3)?,
        since: time(4)?,
        began_at: time(5)?,
        told: told.zip(time(7)?),
        times_told: row.get(8)?,
        number: row.get(9)?,
    }))
}

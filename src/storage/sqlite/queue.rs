//! The lanes' queues. An update that was taken in is only a row of the inbox at first: its lane is looked for, and the
//! row joins the lane's queue, when somebody comes to claim. So an admission costs one row and one key, and many rows
//! join together. Commands, which are few and do not wait, join at once.

use deadpool_sqlite::rusqlite::{Connection, Row, params};

use super::{execute, query_all, query_one};
use crate::{
    domain::{LaneKind, Timestamp},
    storage::{ClaimRef, StorageError},
};

/// How many rows wait. All count that came since conversation joined last; the dead among them are taken off again, for they
/// have an index. Commands among them count until conversation joins, even if they have ended: without reading bodies
/// nothing tells these, and they are few.
pub(super) const DEPTH_SQL: &str = "SELECT (SELECT COUNT(*) FROM queue WHERE inbox_id <= (SELECT inbox_id FROM queued)) \
     + COALESCE((SELECT MAX(id) FROM inbox), 0) - (SELECT inbox_id FROM queued) \
     - (SELECT COUNT(*) FROM inbox INDEXED BY inbox_dead WHERE state = 2 AND inbox.id > (SELECT inbox_id FROM queued))";

/// A row of the inbox that is to join a queue.
pub(super) struct Arrived {
    pub(super) id: i64,
    pub(super) chat: i64,
    pub(super) topic: i64,
    pub(super) kind: i64,
}

/// Reads the columns `id, chat_id, topic_id, lane_kind`.
pub(super) fn arrived(row: &Row<'_>) -> rusqlite::Result<Arrived> {
    Ok(Arrived { id: row.get(0)?, chat: row.get(1)?, topic: row.get(2)?, kind: row.get(3)? })
}

/// When the first row came that has not joined yet.
pub(super) fn first_arrived(connection: &Connection) -> Result<Option<Timestamp>, StorageError> {
    query_one(
        connection,
        "looking for arrivals",
        "SELECT received_at FROM inbox WHERE id > (SELECT inbox_id FROM queued) AND state = 0 ORDER BY id LIMIT 1",
        [],
        |row| row.get(0).map(Timestamp),
    )
}

/// What came since the last time joins its lanes' queues, whichever process took it in; in a few statements, for under
/// load it is hundreds of rows at a time. At most `rows_max`, a few microseconds each. False if more is to come.
pub(super) fn join_arrivals(tx: &Connection, rows_max: i64) -> Result<bool, StorageError> {
    let doing = "joining the queues";
    let sql = "SELECT inbox_id, COALESCE((SELECT MAX(id) FROM inbox), 0) FROM queued WHERE id = 1";
    let both = query_one(tx, doing, sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let Some((joined, newest)) = both.filter(|(joined, newest)| joined < newest) else { return Ok(true) };
    let last = newest.min(joined + rows_max);
    if last == joined {
        return Ok(false);
    }
    let arrivals = params![joined, last];
    execute(tx, doing, "UPDATE queued SET inbox_id = ?1 WHERE id = 1", params![last])?;
    execute(
        tx,
        doing,
        // Due as `make_due` has it, at the time of each lane's first; new ones in the order in which they came.
        "INSERT INTO lanes (chat_id, topic_id, kind, due_at) SELECT chat_id, topic_id, lane_kind, MIN(received_at) \
         FROM inbox WHERE id > ?1 AND id <= ?2 AND state = 0 GROUP BY chat_id, topic_id, lane_kind \
         ORDER BY MIN(id) ON CONFLICT (chat_id, topic_id, kind) DO UPDATE SET due_at = excluded.due_at \
         WHERE claimed = 0 AND unsent = 0 AND (due_at IS NULL OR due_at > excluded.due_at)",
        arrivals,
    )?;
    execute(
        tx,
        doing,
        // A command, and a dead letter that is tried again, may have joined by itself before its time.
        "INSERT INTO queue (lane_id, inbox_id, received_at) SELECT lanes.id, inbox.id, received_at FROM inbox \
         CROSS JOIN lanes ON lanes.chat_id = inbox.chat_id AND lanes.topic_id = inbox.topic_id AND lanes.kind = lane_kind \
         WHERE inbox.id > ?1 AND inbox.id <= ?2 AND state = 0 ON CONFLICT DO NOTHING",
        arrivals,
    )?;
    Ok(last == newest)
}

/// Afterwards every row that waits is in a queue.
pub(super) fn join_every(tx: &Connection) -> Result<(), StorageError> {
    join_arrivals(tx, i64::from(u32::MAX)).map(drop)
}

/// A row that has ended outside a turn leaves its queue.
pub(super) fn remove(tx: &Connection, row: i64) -> Result<(), StorageError> {
    execute(
        tx,
        "leaving a queue",
        "DELETE FROM queue WHERE inbox_id = ?1 AND lane_id = (SELECT lanes.id FROM inbox JOIN lanes ON \
         lanes.chat_id = inbox.chat_id AND lanes.topic_id = inbox.topic_id AND lanes.kind = lane_kind \
         WHERE inbox.id = ?1)",
        params![row],
    )?;
    Ok(())
}

/// One row joins its lane's queue.
pub(super) fn join(tx: &Connection, row: &Arrived, received_at: Timestamp, now: Timestamp) -> Result<(), StorageError> {
    let lane = lane(tx, row)?;
    push(tx, lane, row, received_at)?;
    make_due(tx, lane, now)
}

fn push(tx: &Connection, lane: i64, row: &Arrived, received_at: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "joining a queue",
        "INSERT INTO queue (lane_id, inbox_id, received_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![lane, row.id, received_at.0],
    )?;
    Ok(())
}

fn lane(tx: &Connection, row: &Arrived) -> Result<i64, StorageError> {
    let doing = "finding a lane";
    let place = params![row.chat, row.topic, row.kind];
    let find = "SELECT id FROM lanes WHERE chat_id = ?1 AND topic_id = ?2 AND kind = ?3";
    if let Some(lane) = query_one(tx, doing, find, place, |row| row.get(0))? {
        return Ok(lane);
    }
    execute(tx, doing, "INSERT INTO lanes (chat_id, topic_id, kind) VALUES (?1, ?2, ?3)", place)?;
    Ok(tx.last_insert_rowid())
}

pub(super) const fn kind_code(kind: LaneKind) -> i64 {
    match kind {
        LaneKind::Talk => 0,
        LaneKind::Express => 1,
    }
}

/// A new row makes a free lane due at once; a claimed one stays due at its lease's end, a blocked one not at all.
fn make_due(tx: &Connection, lane: i64, now: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "making a lane due",
        "UPDATE lanes SET due_at = MIN(COALESCE(due_at, ?2), ?2) WHERE id = ?1 AND claimed = 0 AND unsent = 0 \
         AND (due_at IS NULL OR due_at > ?2)",
        params![lane, now.0],
    )?;
    Ok(())
}

/// Frees a lane and computes when it is due again; `ends` if the claim's turn has come to its end.
pub(super) fn reschedule(tx: &Connection, lane: i64, ends: bool, now: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "rescheduling a lane",
        "UPDATE lanes SET claimed = 0, owner = NULL, ended_token = CASE WHEN ?3 THEN claim_token ELSE ended_token END, \
         due_at = CASE WHEN unsent > 0 THEN NULL \
         WHEN EXISTS (SELECT 1 FROM queue WHERE lane_id = ?1 AND not_before <= ?2) THEN ?2 \
         ELSE (SELECT MIN(not_before) FROM queue WHERE lane_id = ?1) END WHERE id = ?1",
        params![lane, now.0, ends],
    )?;
    Ok(())
}

/// The rows that a claim still holds, and how often each was tried. `claimed_to` bounds the search: a lane may have
/// thousands of rows behind those of the claim.
pub(super) fn held(tx: &Connection, claim: ClaimRef, claimed_to: i64) -> Result<Vec<(i64, i64)>, StorageError> {
    query_all(
        tx,
        "finding a claim's rows",
        "SELECT inbox_id, attempts FROM queue WHERE lane_id = ?1 AND inbox_id <= ?3 AND claim_token = ?2",
        params![claim.lane_id, claim.token, claimed_to],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The rows that a claim still holds leave the queue.
pub(super) fn leave(tx: &Connection, claim: ClaimRef, claimed_to: i64) -> Result<(), StorageError> {
    execute(
        tx,
        "leaving a queue",
        "DELETE FROM queue WHERE lane_id = ?1 AND inbox_id <= ?3 AND claim_token = ?2",
        params![claim.lane_id, claim.token, claimed_to],
    )?;
    Ok(())
}

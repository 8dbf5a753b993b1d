//! What is cleared away by and by: rows that have outlived their use, and the pages that they leave.
//!
//! Each call clears one piece in one transaction, so whoever writes meanwhile waits for a piece only, and a process that
//! dies leaves whole pieces behind. SQLite gives the ids of an emptied table anew, and others remember some of them
//! (`queued`, the ledger of deletions, fencing tokens), so of such a table the newest row always stays. Where times have
//! no index, rows are looked at in the order of their ids, a piece's worth of them.

use deadpool_sqlite::rusqlite::{self, Connection, params};

use super::{codes::storage_error, execute};
use crate::{
    clock::kyiv_day,
    domain::Timestamp,
    storage::{Clearing, StorageError},
};

/// Rows cleared in one transaction.
const PIECE: i64 = 1_000;
const HOUR_MS: i64 = 3_600_000;
/// Free pages are given back when they are this part of the file, and so many: the file will need some of them again.
const FREE_PART: i64 = 8;
const FREE_MIN: i64 = 512;
/// Pages given back in one transaction: 1 MB.
const PAGES: i64 = 256;

/// Clears a piece; returns how many rows.
pub(super) fn clear(tx: &Connection, what: Clearing, now: Timestamp) -> Result<u64, StorageError> {
    let before = now - what.kept();
    let before = match what {
        Clearing::PeopleSpending | Clearing::Spending => kyiv_day(before).0,
        Clearing::Hours => before.0.div_euclid(HOUR_MS),
        _ => before.0,
    };
    let rows = execute(tx, what.as_str(), sql(what), params![before, PIECE])?;
    Ok(u64::try_from(rows).unwrap_or(u64::MAX))
}

/// Each is told the time before which rows are old, and how many may go.
const fn sql(what: Clearing) -> &'static str {
    match what {
        // Those of the future were kept before the clock stepped back.
        Clearing::Answers => {
            "DELETE FROM answers WHERE (chat_id, question) IN (SELECT chat_id, question FROM answers \
             WHERE at <= ?1 OR at > ?1 + 3600000 LIMIT ?2)"
        }
        Clearing::Updates => {
            "DELETE FROM inbox WHERE id IN (SELECT id FROM (SELECT id, state, received_at FROM inbox WHERE state <> 2 \
             ORDER BY id LIMIT ?2) WHERE state <> 0 AND received_at < ?1) AND id < (SELECT MAX(id) FROM inbox)"
        }
        Clearing::DeadBodies => {
            "UPDATE inbox SET body = NULL WHERE id IN (SELECT id FROM inbox WHERE state = 2 AND ended_at < ?1 \
             AND body IS NOT NULL LIMIT ?2)"
        }
        Clearing::DeadLetters => {
            "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE state = 2 AND ended_at < ?1 LIMIT ?2) \
             AND id < (SELECT MAX(id) FROM inbox)"
        }
        Clearing::Sends => {
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2) \
             AND id < (SELECT MAX(id) FROM outbox)"
        }
        Clearing::Calls => {
            "DELETE FROM model_calls WHERE id IN (SELECT id FROM model_calls WHERE at < ?1 ORDER BY at LIMIT ?2)"
        }
        // The other rows of those days stay: each day is looked into by itself.
        Clearing::PeopleSpending => {
            "DELETE FROM spending WHERE (day, scope, id) IN (WITH RECURSIVE days (day) AS (SELECT ?1 - 366 UNION ALL \
             SELECT day + 1 FROM days WHERE day < ?1 - 1) SELECT spending.day, scope, id FROM days CROSS JOIN spending \
             ON spending.day = days.day AND scope = 'person' LIMIT ?2)"
        }
        Clearing::Spending => {
            "DELETE FROM spending WHERE (day, scope, id) IN (SELECT day, scope, id FROM spending WHERE day < ?1 \
             ORDER BY day LIMIT ?2)"
        }
        Clearing::Unasked => {
            "DELETE FROM unasked WHERE id IN (SELECT id FROM (SELECT id, at FROM unasked ORDER BY id LIMIT ?2) \
             WHERE at < ?1) AND id < (SELECT MAX(id) FROM unasked)"
        }
        Clearing::Silences => {
            "DELETE FROM silences WHERE id IN (SELECT id FROM (SELECT id, at FROM silences ORDER BY id LIMIT ?2) \
             WHERE at < ?1)"
        }
        Clearing::Hours => {
            "DELETE FROM chat_hours WHERE (chat_id, hour) IN (SELECT chat_id, hour FROM chat_hours WHERE hour < ?1 \
             ORDER BY hour LIMIT ?2)"
        }
        // The key of the last update that it took is no longer known: nothing of it can come again.
        Clearing::Lanes => {
            "DELETE FROM lanes WHERE id IN (SELECT id FROM lanes WHERE due_at IS NULL AND claimed = 0 \
             AND unsent = 0 AND claimed_to < (SELECT id FROM inbox WHERE state <> 2 ORDER BY id LIMIT 1) \
             AND NOT EXISTS (SELECT 1 FROM queue WHERE lane_id = lanes.id) \
             AND NOT EXISTS (SELECT 1 FROM outbox WHERE lane_id = lanes.id) \
             AND NOT EXISTS (SELECT 1 FROM messages WHERE chat_id = lanes.chat_id) LIMIT ?2) \
             AND id < (SELECT MAX(id) FROM lanes)"
        }
        Clearing::Chats => {
            "DELETE FROM chats WHERE chat_id IN (SELECT chat_id FROM chats WHERE access IN ('new', 'asked') \
             AND MAX(COALESCE(access_at, 0), COALESCE(introduced_at, 0), COALESCE(heard_at, 0), \
             COALESCE(spoken_to_at, 0), COALESCE(failure_line_at, 0), COALESCE(blocked_until, 0), \
             COALESCE(silent_until, 0), COALESCE(grave_until, 0)) < ?1 \
             AND COALESCE(talk_level, persona, language, quiet_from, reactions, migrated_to, left_at, dead_at) IS NULL \
             AND bot_is_admin = 0 AND NOT EXISTS (SELECT 1 FROM messages WHERE chat_id = chats.chat_id) \
             AND NOT EXISTS (SELECT 1 FROM lanes WHERE chat_id = chats.chat_id) LIMIT ?2)"
        }
        Clearing::People => {
            "DELETE FROM people WHERE user_id IN (SELECT user_id FROM people \
             WHERE COALESCE(banned_at, opted_out_at, forgotten_at) IS NULL \
             AND MAX(COALESCE(limit_line_at, 0), COALESCE(asked_at, 0), COALESCE(told_at, 0)) < ?1 LIMIT ?2)"
        }
        Clearing::Deletions => {
            "DELETE FROM deletions WHERE id IN (SELECT id FROM (SELECT id, at FROM deletions ORDER BY id LIMIT ?2) \
             WHERE at < ?1) AND id < (SELECT MAX(id) FROM deletions)"
        }
    }
}

/// Lets the planner look at tables that have changed much: a sample of each.
pub(super) fn optimize(tx: &Connection) -> Result<(), StorageError> {
    tx.execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize")
        .map_err(|error| storage_error("looking at the tables", &error))
}

/// Gives a piece of the free pages back to the disk, if there are many or all are wanted; returns how many bytes. A file
/// that does not keep such lists (`auto_vacuum`), which none of ours is, gives nothing.
pub(super) fn shrink(tx: &Connection, all: bool) -> Result<u64, StorageError> {
    let failed = |error: rusqlite::Error| storage_error("giving free pages back", &error);
    let count = |pragma| tx.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(failed);
    let (free, pages) = (count("freelist_count")?, count("page_count")?);
    if !all && (free < FREE_MIN || free < pages / FREE_PART) {
        return Ok(0);
    }
    let mut vacuum = tx.prepare(&format!("PRAGMA incremental_vacuum({PAGES})")).map_err(failed)?;
    // Each step gives one page back.
    let mut rows = vacuum.raw_query();
    while rows.next().map_err(failed)?.is_some() {}
    let given = (free - count("freelist_count")?) * count("page_size")?;
    Ok(u64::try_from(given).unwrap_or(0))
}

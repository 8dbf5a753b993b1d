//! Slots of the rates that the replicas share.

use std::time::Duration;

use deadpool_sqlite::rusqlite::{Connection, params};

use super::{execute, query_one};
use crate::{
    domain::Timestamp,
    storage::{Slot, SlotsTaken, StorageError},
};

/// Who is not asked gets this part of what those who are leave.
const UNASKED_PART: u32 = 5;

/// Takes a slot for somebody who asked.
pub(super) fn take(tx: &Connection, name: &str, per_minute: u32, now: Timestamp) -> Result<Slot, StorageError> {
    let slot = next(tx, name, per_minute, now)?;
    if slot == Slot::Granted {
        count(tx, name, now, false)?;
    }
    Ok(slot)
}

/// Takes a slot for what nobody asked for; false if there is none to spare. Of the slots that the last minute's askers
/// left, a fifth may go so. This minute and the last one are counted whole, so it is rather less.
pub(super) fn take_spare(tx: &Connection, name: &str, per_minute: u32, now: Timestamp) -> Result<bool, StorageError> {
    let SlotsTaken { asked, unasked } = taken(tx, name, now)?;
    let is_spare = (unasked + 1) * u64::from(UNASKED_PART) <= u64::from(per_minute).saturating_sub(asked);
    if !is_spare || next(tx, name, per_minute, now)? != Slot::Granted {
        return Ok(false);
    }
    count(tx, name, now, true)?;
    Ok(true)
}

/// What was taken in this minute and the last.
pub(super) fn taken(connection: &Connection, name: &str, now: Timestamp) -> Result<SlotsTaken, StorageError> {
    let taken = query_one(
        connection,
        "counting a rate's slots",
        "SELECT COALESCE(SUM(asked), 0), COALESCE(SUM(unasked), 0) FROM rate_minutes \
         WHERE name = ?1 AND minute BETWEEN ?2 - 1 AND ?2",
        params![name, minute(now)],
        |row| {
            let count = |column| row.get::<_, i64>(column).map(|slots| u64::try_from(slots).unwrap_or(0));
            Ok(SlotsTaken { asked: count(0)?, unasked: count(1)? })
        },
    )?;
    Ok(taken.unwrap_or_default())
}

fn minute(at: Timestamp) -> i64 {
    at.0.div_euclid(60_000)
}

fn count(tx: &Connection, name: &str, now: Timestamp, is_unasked: bool) -> Result<(), StorageError> {
    let doing = "counting a rate's slot";
    let forget = "DELETE FROM rate_minutes WHERE name = ?1 AND (minute < ?2 - 1 OR minute > ?2)";
    execute(tx, doing, forget, params![name, minute(now)])?;
    execute(
        tx,
        doing,
        "INSERT INTO rate_minutes (name, minute, asked, unasked) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name, minute) \
         DO UPDATE SET asked = asked + excluded.asked, unasked = unasked + excluded.unasked",
        params![name, minute(now), !is_unasked, is_unasked],
    )
    .map(drop)
}

/// GCRA: a tenth of the minute's calls may come at once, the rest evenly, so that no minute has more than `per_minute`
/// and a steady caller gets nine tenths of it.
fn next(tx: &Connection, name: &str, per_minute: u32, now: Timestamp) -> Result<Slot, StorageError> {
    let burst = i64::from((per_minute / 10).max(1));
    let rest = (i64::from(per_minute) - burst).max(1);
    // Rounded up: rounded down, a rate of some thousands a minute would grant too many.
    let interval = (60_000 + rest - 1) / rest;
    let doing = "taking a rate's slot";
    let arrival = query_one(tx, doing, "SELECT arrival_at FROM rates WHERE name = ?1", params![name], |row| {
        row.get::<_, i64>(0)
    })?;
    // An arrival far ahead comes from a clock that stepped back.
    let arrival = arrival.filter(|at| *at <= now.0 + burst * interval).unwrap_or(0).max(now.0);
    let wait = arrival - now.0 - (burst - 1) * interval;
    if wait > 0 {
        return Ok(Slot::Wait(Duration::from_millis(wait.unsigned_abs())));
    }
    execute(
        tx,
        doing,
        "INSERT INTO rates (name, arrival_at) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE \
         SET arrival_at = excluded.arrival_at",
        params![name, arrival + interval],
    )?;
    Ok(Slot::Granted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks again at the very moment at which it may, for more than two minutes.
    fn granted(per_minute: u32) -> Vec<i64> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../../migrations/sqlite/V1__spine.sql")).unwrap();
        let (begun, mut now) = (1_790_000_000_000, 1_790_000_000_000);
        let mut granted = Vec::new();
        while now < begun + 130_000 {
            match next(&connection, "gemini", per_minute, Timestamp(now)).unwrap() {
                Slot::Granted => granted.push(now),
                Slot::Wait(wait) => now += i64::try_from(wait.as_millis()).unwrap(),
            }
        }
        granted
    }

    #[test]
    fn the_greediest_caller_gets_its_rate_and_no_minute_more_than_that() {
        for per_minute in [1, 2, 3, 7, 10, 59, 60, 1_400, 5_000] {
            let granted = granted(per_minute);
            let mut start = 0;
            for (end, at) in granted.iter().enumerate() {
                while granted[start] <= at - 60_000 {
                    start += 1;
                }
                let in_minute = end + 1 - start;
                assert!(in_minute <= per_minute as usize, "{in_minute} in a minute of {per_minute}");
            }
            assert!(granted.len() * 10 >= per_minute as usize * 15, "{} in 130 s of {per_minute}", granted.len());
        }
    }
}

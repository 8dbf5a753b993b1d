//! Claims: which rows a worker may take, for how long, and how a lost claim is kept from writing.

use std::time::Duration;

use bytes::Bytes;
use deadpool_sqlite::rusqlite::{Connection, params};

use super::{
    execute, query_all, query_one,
    queue::{self, kind_code, reschedule},
    writer::ClaimLimits,
};
use crate::{
    domain::{ChatId, Lane, LaneKind, RequestId, Timestamp, TopicId, UpdateKey},
    storage::{Claim, ClaimRef, ClaimRequest, Claimed, ClaimedUpdate, StorageError},
};

/// No lease and no backoff is this long: what is due only later was written before the clock stepped back.
const HORIZON: Duration = Duration::from_secs(3600);

/// A row that was lost so often is a suspect. Once is no sign: a process that is killed loses all that it has in hand.
const SUSPECT_AFTER: u32 = 2;
/// With so many rows in hand a claim takes no further lane: a lane's rows come with their bodies, and whoever waits for the
/// writer waits for all of them. The next claim comes at once.
const ROWS_ENOUGH: usize = 200;
/// How soon another suspect is looked at.
const SUSPECT_PAUSE: Duration = Duration::from_millis(250);

/// Claims due lanes; of those of conversation no more than `limits` has, whatever the request allows: the next are due all
/// the same.
pub(super) fn claim(
    tx: &Connection,
    request: &ClaimRequest,
    limits: ClaimLimits,
    now: Timestamp,
) -> Result<Claimed, StorageError> {
    let all_joined = queue::join_arrivals(tx, limits.arrivals_max)?;
    let mut claimed = Claimed { next_due: (!all_joined).then_some(now), ..Claimed::default() };
    for (kind, wanted, lanes_max) in [
        (LaneKind::Express, request.express_max, request.express_max),
        (LaneKind::Talk, request.talk_max, request.talk_max.min(limits.talk_max)),
    ] {
        if lanes_max > 0 {
            claim_kind(tx, request, Due { kind, lanes_max, now }, &mut claimed.claims)?;
        }
        if wanted > 0 {
            let next = next_due(tx, kind)?.map(|due| due.max(now));
            claimed.next_due = [claimed.next_due, next].into_iter().flatten().min();
        }
    }
    Ok(claimed)
}

pub(super) fn next_due(tx: &Connection, kind: LaneKind) -> Result<Option<Timestamp>, StorageError> {
    query_one(
        tx,
        "looking for the next due lane",
        "SELECT due_at FROM lanes WHERE kind = ?1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1",
        params![kind_code(kind)],
        |row| row.get(0).map(Timestamp),
    )
}

/// Which lanes are looked for.
struct Due {
    kind: LaneKind,
    lanes_max: usize,
    now: Timestamp,
}

fn claim_kind(tx: &Connection, request: &ClaimRequest, due: Due, claims: &mut Vec<Claim>) -> Result<(), StorageError> {
    let Due { kind, lanes_max, now } = due;
    let lanes = query_all(
        tx,
        "looking for due lanes",
        "SELECT id, chat_id, topic_id FROM lanes WHERE kind = ?1 AND due_at IS NOT NULL \
         AND (due_at <= ?2 OR due_at > ?4) ORDER BY due_at LIMIT ?3",
        params![kind_code(kind), now.0, i64::try_from(lanes_max).unwrap_or(i64::MAX), (now + HORIZON).0],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
    )?;
    let mut taken = 0;
    for (lane_id, chat, topic) in lanes {
        if taken >= ROWS_ENOUGH {
            break;
        }
        // Each command is a turn of its own, with an answer of its own.
        let rows_max = if kind == LaneKind::Express { 1 } else { request.rows_max };
        let rows = claimable(tx, lane_id, rows_max, now)?;
        if rows.is_empty() {
            reschedule(tx, lane_id, false, now)?;
            continue;
        }
        let suspects = claims.iter().filter(|claim| claim.is_suspect).count();
        if rows[0].is_suspect && suspects >= request.suspects_max {
            // Like a longer lease of whoever has lost it: the lanes behind it are looked at meanwhile.
            let sql = "UPDATE lanes SET due_at = ?2 WHERE id = ?1";
            execute(tx, "putting a suspect off", sql, params![lane_id, (now + SUSPECT_PAUSE).0])?;
            continue;
        }
        taken += rows.len();
        let lane = Lane { chat: ChatId(chat), topic: (topic != 0).then_some(TopicId(topic)), kind };
        claims.push(take(tx, lane_id, lane, rows, request, now)?);
    }
    Ok(())
}

struct Claimable {
    id: i64,
    is_suspect: bool,
    update: ClaimedUpdate,
}

/// The rows of the next turn: a run of fresh rows, or one row that was tried before, alone, so that a poisonous row
/// dies alone. A row in backoff is passed over.
fn claimable(tx: &Connection, lane: i64, rows_max: usize, now: Timestamp) -> Result<Vec<Claimable>, StorageError> {
    let mut rows = query_all(
        tx,
        "gathering a lane's rows",
        "SELECT inbox_id, update_key, kind, body, queue.attempts, queue.received_at, request_id, queue.claim_token \
         FROM queue CROSS JOIN inbox ON inbox.id = inbox_id \
         WHERE lane_id = ?1 AND (not_before <= ?2 OR not_before > ?4) ORDER BY inbox_id LIMIT ?3",
        params![lane, now.0, i64::try_from(rows_max).unwrap_or(i64::MAX), (now + HORIZON).0],
        |row| {
            let attempts: u32 = row.get(4)?;
            Ok(Claimable {
                id: row.get(0)?,
                // A turn that comes to an end, even a failed one, takes its token off the rows that are tried again.
                is_suspect: attempts >= SUSPECT_AFTER && row.get::<_, i64>(7)? != 0,
                update: ClaimedUpdate {
                    key: UpdateKey(row.get(1)?),
                    kind: row.get(2)?,
                    body: Bytes::from(row.get::<_, Option<Vec<u8>>>(3)?.unwrap_or_default()),
                    attempt: attempts + 1,
                    received_at: Timestamp(row.get(5)?),
                    request_id: RequestId(row.get(6)?),
                },
            })
        },
    )?;
    let run = match rows.first() {
        Some(first) if first.update.attempt > 1 => 1,
        _ => rows.iter().take_while(|row| row.update.attempt == 1).count(),
    };
    rows.truncate(run);
    Ok(rows)
}

fn take(
    tx: &Connection,
    lane_id: i64,
    lane: Lane,
    rows: Vec<Claimable>,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<Claim, StorageError> {
    let doing = "claiming a lane";
    let claimed_from = rows.first().map_or(0, |row| row.id);
    let claimed_to = rows.last().map_or(0, |row| row.id);
    let token = query_one(
        tx,
        doing,
        "UPDATE lanes SET claim_token = claim_token + 1, claimed = 1, claimed_to = ?4, owner = ?2, due_at = ?3 \
         WHERE id = ?1 RETURNING claim_token",
        params![lane_id, request.owner, (now + request.lease).0, claimed_to],
        |row| row.get::<_, i64>(0),
    )?
    .ok_or(StorageError::Fenced { lane: lane_id })?;
    execute(
        tx,
        doing,
        // Between the first and the last there are only these rows, and others in backoff.
        "UPDATE queue SET attempts = attempts + 1, claim_token = ?2 WHERE lane_id = ?1 AND inbox_id BETWEEN ?3 AND ?4 \
         AND (not_before <= ?5 OR not_before > ?6)",
        params![lane_id, token, claimed_from, claimed_to, now.0, (now + HORIZON).0],
    )?;
    let is_suspect = rows.iter().any(|row| row.is_suspect);
    let updates = rows.into_iter().map(|row| row.update).collect();
    Ok(Claim { claim: ClaimRef { lane_id, token }, lane, updates, is_suspect })
}

pub(super) fn renew(tx: &Connection, claim: ClaimRef, until: Timestamp) -> Result<bool, StorageError> {
    let changed = execute(
        tx,
        "renewing a claim",
        "UPDATE lanes SET due_at = ?3 WHERE id = ?1 AND claim_token = ?2 AND claimed = 1",
        params![claim.lane_id, claim.token, until.0],
    )?;
    Ok(changed > 0)
}

/// How a claim stands.
pub(super) enum Fence {
    /// It is out, and its owner may write.
    Holds {
        /// The last row that it took.
        claimed_to: i64,
    },
    /// Its own turn has ended it.
    Ended,
}

/// Every write of a claim's owner passes here first.
pub(super) fn check_fence(tx: &Connection, claim: ClaimRef) -> Result<Fence, StorageError> {
    query_one(
        tx,
        "checking a claim",
        "SELECT claimed = 1 AND claim_token = ?2, ended_token = ?2, claimed_to FROM lanes WHERE id = ?1",
        params![claim.lane_id, claim.token],
        |row| {
            let (holds, ended): (bool, bool) = (row.get(0)?, row.get(1)?);
            let claimed_to = row.get(2)?;
            Ok(if holds { Some(Fence::Holds { claimed_to }) } else { ended.then_some(Fence::Ended) })
        },
    )?
    .flatten()
    .ok_or(StorageError::Fenced { lane: claim.lane_id })
}

pub(super) fn release(tx: &Connection, owner: &str, now: Timestamp) -> Result<u64, StorageError> {
    let doing = "releasing claims";
    let lanes = query_all(
        tx,
        doing,
        // A claimed lane is always due: at its lease's end.
        "SELECT id, claim_token, claimed_to FROM lanes \
         WHERE kind IN (0, 1) AND due_at IS NOT NULL AND owner = ?1 AND claimed = 1",
        params![owner],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
    )?;
    for (lane, token, claimed_to) in &lanes {
        execute(
            tx,
            doing,
            "UPDATE queue SET attempts = MAX(attempts - 1, 0), claim_token = 0 \
             WHERE lane_id = ?1 AND inbox_id <= ?3 AND claim_token = ?2",
            params![lane, token, claimed_to],
        )?;
        reschedule(tx, *lane, false, now)?;
    }
    Ok(lanes.len() as u64)
}

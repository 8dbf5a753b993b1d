//! Admission, claims and the end of turns.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_sqlite::rusqlite::{Connection, Row, params};

use super::{
    SqliteStore, execute, memory, outbox, query_all, query_one,
    writer::{Priority, Rings},
};
use crate::{
    domain::{ChatId, Lane, LaneKind, RequestId, Timestamp, TopicId, UpdateKey},
    storage::{
        Admission, Claim, ClaimRef, ClaimRequest, Claimed, ClaimedUpdate, DeadLetter, FinishedTurn, InboxDepth,
        InboxStore, ModelCall, NewUpdate, StorageError, TurnEnd, Verdict,
    },
};

/// A row's state.
const WAITING: i64 = 0;
const DONE: i64 = 1;
const DEAD: i64 = 2;

/// How much later lanes of conversation fall due while admissions press.
const LAG: Duration = Duration::from_millis(250);
/// A chat hears at most one failure line in this time.
const FAILURE_LINE_PAUSE: Duration = Duration::from_secs(600);
/// No lease and no backoff is this long: what is due only later was written before the clock stepped back.
const HORIZON: Duration = Duration::from_secs(3600);

#[async_trait]
impl InboxStore for SqliteStore {
    async fn admit(&self, update: NewUpdate) -> Result<Admission, StorageError> {
        self.writer.admits(self.inbox_max)?;
        let rings = if update.unusable.is_some() { Rings::default() } else { Rings::INBOX };
        self.write("admitting an update", Priority::Admission, rings, move |tx| admit(tx, &update)).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, StorageError> {
        let (clock, writer) = (self.clock.clone(), self.writer.clone());
        self.write("claiming lanes", Priority::Other, Rings::default(), move |tx| {
            let lag = if writer.is_pressed() { LAG } else { Duration::ZERO };
            claim(tx, &request, lag, clock.now())
        })
        .await
    }

    async fn renew(&self, claims: Vec<ClaimRef>, lease: Duration) -> Result<Vec<ClaimRef>, StorageError> {
        let clock = self.clock.clone();
        self.write("renewing claims", Priority::Other, Rings::default(), move |tx| {
            let until = clock.now() + lease;
            let mut lost = Vec::new();
            for claim in claims {
                if !renew(tx, claim, until)? {
                    lost.push(claim);
                }
            }
            Ok(lost)
        })
        .await
    }

    async fn finish(&self, claim: ClaimRef, turn: FinishedTurn, now: Timestamp) -> Result<TurnEnd, StorageError> {
        self.write("finishing a turn", Priority::Other, Rings::BOTH, move |tx| finish(tx, claim, &turn, now)).await
    }

    async fn release(&self, owner: &str) -> Result<u64, StorageError> {
        let (owner, clock) = (owner.to_owned(), self.clock.clone());
        self.write("releasing claims", Priority::Other, Rings::INBOX, move |tx| release(tx, &owner, clock.now())).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StorageError> {
        self.read("looking for the next due lane", |connection| {
            let (talk, express) = (next_due(connection, LaneKind::Talk)?, next_due(connection, LaneKind::Express)?);
            Ok([talk, express].into_iter().flatten().min())
        })
        .await
    }

    async fn inbox_depth(&self) -> Result<InboxDepth, StorageError> {
        self.read("measuring the inbox", |connection| {
            let doing = "measuring the inbox";
            let count = |sql| query_one(connection, doing, sql, [], |row| row.get::<_, i64>(0));
            let waiting = count("SELECT COUNT(*) FROM inbox WHERE state = 0")?;
            let dead = count("SELECT COUNT(*) FROM inbox WHERE state = 2")?;
            // The first waiting row of each lane that has work; a lane that waits for a send shows in the outbox.
            let oldest = query_one(
                connection,
                doing,
                "SELECT MIN((SELECT received_at FROM inbox WHERE lane_id = lanes.id AND state = 0 ORDER BY id LIMIT 1)) \
                 FROM lanes WHERE kind IN (0, 1) AND due_at IS NOT NULL",
                [],
                |row| row.get::<_, Option<i64>>(0),
            )?
            .flatten()
            .map(Timestamp);
            let unsigned = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
            Ok(InboxDepth { waiting: unsigned(waiting), dead: unsigned(dead), oldest })
        })
        .await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read("listing dead letters", move |connection| {
            query_all(
                connection,
                "listing dead letters",
                "SELECT update_key, inbox.kind, chat_id, problem, attempts, received_at, ended_at, \
                 LENGTH(COALESCE(body, X'')) FROM inbox JOIN lanes ON lanes.id = lane_id WHERE state = 2 \
                 ORDER BY ended_at DESC LIMIT ?1",
                params![limit],
                dead_letter,
            )
        })
        .await
    }

    async fn dead_letter(&self, key: UpdateKey) -> Result<Option<(DeadLetter, Bytes)>, StorageError> {
        self.read("fetching a dead letter", move |connection| {
            query_one(
                connection,
                "fetching a dead letter",
                "SELECT update_key, inbox.kind, chat_id, problem, attempts, received_at, ended_at, \
                 LENGTH(COALESCE(body, X'')), COALESCE(body, X'') FROM inbox JOIN lanes ON lanes.id = lane_id \
                 WHERE update_key = ?1 AND state = 2",
                params![key.0],
                |row| Ok((dead_letter(row)?, Bytes::from(row.get::<_, Vec<u8>>(8)?))),
            )
        })
        .await
    }

    async fn retry_dead(&self, key: UpdateKey, now: Timestamp) -> Result<bool, StorageError> {
        self.write("retrying a dead letter", Priority::Other, Rings::INBOX, move |tx| {
            let lane = query_one(
                tx,
                "retrying a dead letter",
                "UPDATE inbox SET state = 0, attempts = 0, not_before = 0, claim_token = 0, ended_at = NULL, \
                 problem = NULL WHERE update_key = ?1 AND state = 2 AND body IS NOT NULL RETURNING lane_id",
                params![key.0],
                |row| row.get::<_, i64>(0),
            )?;
            let Some(lane) = lane else { return Ok(false) };
            make_due(tx, lane, now)?;
            Ok(true)
        })
        .await
    }

    async fn drop_dead(&self, key: UpdateKey, now: Timestamp) -> Result<bool, StorageError> {
        self.write("dropping a dead letter", Priority::Other, Rings::default(), move |tx| {
            let changed = execute(
                tx,
                "dropping a dead letter",
                "UPDATE inbox SET state = 1, body = NULL, ended_at = ?2 WHERE update_key = ?1 AND state = 2",
                params![key.0, now.0],
            )?;
            Ok(changed > 0)
        })
        .await
    }

    async fn empty_dead(&self, before: Timestamp) -> Result<u64, StorageError> {
        self.write("emptying old dead letters", Priority::Other, Rings::default(), move |tx| {
            let changed = execute(
                tx,
                "emptying old dead letters",
                "UPDATE inbox SET body = NULL WHERE state = 2 AND ended_at < ?1 AND body IS NOT NULL",
                params![before.0],
            )?;
            Ok(changed as u64)
        })
        .await
    }
}

pub(super) fn admit(tx: &Connection, update: &NewUpdate) -> Result<Admission, StorageError> {
    let lane = lane(tx, update.lane)?;
    let state = if update.unusable.is_some() { DEAD } else { WAITING };
    let added = execute(
        tx,
        "admitting an update",
        // Fresh rows have not_before 0: a clock that steps back must not reorder a lane.
        "INSERT INTO inbox (update_key, lane_id, state, kind, body, not_before, received_at, ended_at, request_id, \
         problem) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9) ON CONFLICT (update_key) DO NOTHING",
        params![
            update.key.0,
            lane.id,
            state,
            update.kind,
            &update.body[..],
            update.received_at.0,
            update.unusable.map(|_| update.received_at.0),
            update.request_id.0,
            update.unusable,
        ],
    )?;
    if added == 0 {
        return Ok(Admission::Duplicate);
    }
    if update.unusable.is_none() && lane.is_free && lane.due_at.is_none_or(|due| due > update.received_at.0) {
        make_due(tx, lane.id, update.received_at)?;
    }
    Ok(Admission::New)
}

/// A lane's row.
struct LaneRow {
    id: i64,
    due_at: Option<i64>,
    /// Neither claimed nor waiting for a send.
    is_free: bool,
}

fn lane(tx: &Connection, lane: Lane) -> Result<LaneRow, StorageError> {
    let doing = "finding a lane";
    let kind = kind_code(lane.kind);
    let key = params![lane.chat.0, lane.topic.map_or(0, |topic| topic.0), kind];
    let find = "SELECT id, due_at, claimed = 0 AND unsent = 0 FROM lanes \
                WHERE chat_id = ?1 AND topic_id = ?2 AND kind = ?3";
    let known = query_one(tx, doing, find, key, |row| {
        Ok(LaneRow { id: row.get(0)?, due_at: row.get(1)?, is_free: row.get(2)? })
    })?;
    if let Some(lane) = known {
        return Ok(lane);
    }
    execute(tx, doing, "INSERT INTO lanes (chat_id, topic_id, kind) VALUES (?1, ?2, ?3)", key)?;
    Ok(LaneRow { id: tx.last_insert_rowid(), due_at: None, is_free: true })
}

const fn kind_code(kind: LaneKind) -> i64 {
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

/// Frees a lane and computes when it is due again.
fn reschedule(tx: &Connection, lane: i64, now: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "rescheduling a lane",
        "UPDATE lanes SET claimed = 0, owner = NULL, due_at = CASE WHEN unsent > 0 THEN NULL \
         WHEN EXISTS (SELECT 1 FROM inbox WHERE lane_id = ?1 AND state = 0 AND not_before <= ?2) THEN ?2 \
         ELSE (SELECT MIN(not_before) FROM inbox WHERE lane_id = ?1 AND state = 0) END WHERE id = ?1",
        params![lane, now.0],
    )?;
    Ok(())
}

pub(super) fn claim(
    tx: &Connection,
    request: &ClaimRequest,
    lag: Duration,
    now: Timestamp,
) -> Result<Claimed, StorageError> {
    let mut claimed = Claimed::default();
    for (kind, lanes_max, lag) in
        [(LaneKind::Express, request.express_max, Duration::ZERO), (LaneKind::Talk, request.talk_max, lag)]
    {
        if lanes_max > 0 {
            claim_kind(tx, request, kind, lanes_max, now - lag, now, &mut claimed.claims)?;
            let next = next_due(tx, kind)?.map(|due| (due + lag).max(now));
            claimed.next_due = [claimed.next_due, next].into_iter().flatten().min();
        }
    }
    Ok(claimed)
}

fn next_due(tx: &Connection, kind: LaneKind) -> Result<Option<Timestamp>, StorageError> {
    query_one(
        tx,
        "looking for the next due lane",
        "SELECT due_at FROM lanes WHERE kind = ?1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1",
        params![kind_code(kind)],
        |row| row.get(0).map(Timestamp),
    )
}

fn claim_kind(
    tx: &Connection,
    request: &ClaimRequest,
    kind: LaneKind,
    lanes_max: usize,
    due_until: Timestamp,
    now: Timestamp,
    claims: &mut Vec<Claim>,
) -> Result<(), StorageError> {
    let lanes = query_all(
        tx,
        "looking for due lanes",
        "SELECT id, chat_id, topic_id FROM lanes WHERE kind = ?1 AND due_at IS NOT NULL \
         AND (due_at <= ?2 OR due_at > ?4) ORDER BY due_at LIMIT ?3",
        params![kind_code(kind), due_until.0, i64::try_from(lanes_max).unwrap_or(i64::MAX), (now + HORIZON).0],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
    )?;
    for (lane_id, chat, topic) in lanes {
        // Each command is a turn of its own, with an answer of its own.
        let rows_max = if kind == LaneKind::Express { 1 } else { request.rows_max };
        let rows = claimable(tx, lane_id, rows_max, now)?;
        if rows.is_empty() {
            reschedule(tx, lane_id, now)?;
            continue;
        }
        let lane = Lane { chat: ChatId(chat), topic: (topic != 0).then_some(TopicId(topic)), kind };
        claims.push(take(tx, lane_id, lane, rows, request, now)?);
    }
    Ok(())
}

struct Claimable {
    id: i64,
    update: ClaimedUpdate,
}

/// The rows of the next turn: a run of fresh rows, or one row that was tried before, alone, so that a poisonous row
/// dies alone. A row in backoff is passed over.
fn claimable(tx: &Connection, lane: i64, rows_max: usize, now: Timestamp) -> Result<Vec<Claimable>, StorageError> {
    let mut rows = query_all(
        tx,
        "gathering a lane's rows",
        "SELECT id, update_key, kind, body, attempts, received_at, request_id FROM inbox \
         WHERE lane_id = ?1 AND state = 0 AND (not_before <= ?2 OR not_before > ?4) ORDER BY id LIMIT ?3",
        params![lane, now.0, i64::try_from(rows_max).unwrap_or(i64::MAX), (now + HORIZON).0],
        |row| {
            Ok(Claimable {
                id: row.get(0)?,
                update: ClaimedUpdate {
                    key: UpdateKey(row.get(1)?),
                    kind: row.get(2)?,
                    body: Bytes::from(row.get::<_, Option<Vec<u8>>>(3)?.unwrap_or_default()),
                    attempt: row.get::<_, u32>(4)? + 1,
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
    let token = query_one(
        tx,
        doing,
        "UPDATE lanes SET claim_token = claim_token + 1, claimed = 1, owner = ?2, due_at = ?3 WHERE id = ?1 \
         RETURNING claim_token",
        params![lane_id, request.owner, (now + request.lease).0],
        |row| row.get::<_, i64>(0),
    )?
    .ok_or(StorageError::Fenced { lane: lane_id })?;
    for row in &rows {
        execute(
            tx,
            doing,
            "UPDATE inbox SET attempts = attempts + 1, claim_token = ?2 WHERE id = ?1",
            params![row.id, token],
        )?;
    }
    let updates = rows.into_iter().map(|row| row.update).collect();
    Ok(Claim { claim: ClaimRef { lane_id, token }, lane, updates })
}

fn renew(tx: &Connection, claim: ClaimRef, until: Timestamp) -> Result<bool, StorageError> {
    let changed = execute(
        tx,
        "renewing a claim",
        "UPDATE lanes SET due_at = ?3 WHERE id = ?1 AND claim_token = ?2 AND claimed = 1",
        params![claim.lane_id, claim.token, until.0],
    )?;
    Ok(changed > 0)
}

/// Every write of a claim's owner passes here first.
fn check_fence(tx: &Connection, claim: ClaimRef) -> Result<(), StorageError> {
    query_one(
        tx,
        "checking a claim",
        "SELECT 1 FROM lanes WHERE id = ?1 AND claim_token = ?2 AND claimed = 1",
        params![claim.lane_id, claim.token],
        |_| Ok(()),
    )?
    .ok_or(StorageError::Fenced { lane: claim.lane_id })
}

pub(super) fn finish(
    tx: &Connection,
    claim: ClaimRef,
    turn: &FinishedTurn,
    now: Timestamp,
) -> Result<TurnEnd, StorageError> {
    check_fence(tx, claim)?;
    for (key, verdict) in &turn.verdicts {
        give_back(tx, claim, *key, verdict, now)?;
    }
    execute(
        tx,
        "ending a turn's rows",
        "UPDATE inbox SET state = ?3, body = NULL, ended_at = ?4 WHERE lane_id = ?1 AND state = 0 AND claim_token = ?2",
        params![claim.lane_id, claim.token, DONE, now.0],
    )?;
    memory::remember_all(tx, &turn.remembered)?;
    if let Some((from, to)) = turn.migrated {
        outbox::migrate(tx, from, to)?;
    }
    for call in &turn.calls {
        keep_call(tx, call)?;
    }
    if let Some(says) = &turn.says {
        outbox::insert(tx, says, Some(claim.lane_id), now)?;
    }
    let mut end = TurnEnd { failure_line_said: false };
    if let Some(line) = &turn.failure_line
        && may_say_failure_line(tx, line.chat.id, line.chat.kind.as_str(), now)?
    {
        outbox::insert(tx, line, Some(claim.lane_id), now)?;
        end.failure_line_said = true;
    }
    reschedule(tx, claim.lane_id, now)?;
    Ok(end)
}

fn give_back(
    tx: &Connection,
    claim: ClaimRef,
    key: UpdateKey,
    verdict: &Verdict,
    now: Timestamp,
) -> Result<(), StorageError> {
    match verdict {
        Verdict::RetryAt(at) => execute(
            tx,
            "putting a row back",
            // Tokens are counted by lane: another lane's row may bear the same one.
            "UPDATE inbox SET not_before = ?3, claim_token = 0 \
             WHERE update_key = ?1 AND claim_token = ?2 AND state = 0 AND lane_id = ?4",
            params![key.0, claim.token, at.0, claim.lane_id],
        ),
        Verdict::Dead { problem } => execute(
            tx,
            "giving a row up",
            "UPDATE inbox SET state = ?3, claim_token = 0, problem = ?4, ended_at = ?5 \
             WHERE update_key = ?1 AND claim_token = ?2 AND state = 0 AND lane_id = ?6",
            params![key.0, claim.token, DEAD, problem, now.0, claim.lane_id],
        ),
    }
    .map(drop)
}

fn may_say_failure_line(tx: &Connection, chat: ChatId, kind: &str, now: Timestamp) -> Result<bool, StorageError> {
    let changed = execute(
        tx,
        "asking for a failure line",
        "INSERT INTO chats (chat_id, kind, failure_line_at) VALUES (?1, ?2, ?3) ON CONFLICT (chat_id) DO UPDATE \
         SET failure_line_at = excluded.failure_line_at \
         WHERE failure_line_at IS NULL OR failure_line_at <= ?4 OR failure_line_at > ?3",
        params![chat.0, kind, now.0, (now - FAILURE_LINE_PAUSE).0],
    )?;
    Ok(changed > 0)
}

fn keep_call(tx: &Connection, call: &ModelCall) -> Result<(), StorageError> {
    execute(
        tx,
        "keeping a model call",
        "INSERT INTO model_calls (at, chat_id, purpose, model, outcome, took_ms, prompt, cached, thoughts, answer) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            call.at.0,
            call.chat.0,
            call.purpose,
            call.model,
            call.outcome,
            i64::try_from(call.took.as_millis()).unwrap_or(i64::MAX),
            call.usage.prompt,
            call.usage.cached,
            call.usage.thoughts,
            call.usage.answer,
        ],
    )?;
    Ok(())
}

/// One answer of a lane has ended: the lane may go on.
pub(super) fn answer_ended(tx: &Connection, lane: i64, now: Timestamp) -> Result<(), StorageError> {
    let free = query_one(
        tx,
        "freeing a lane",
        "UPDATE lanes SET unsent = MAX(unsent - 1, 0) WHERE id = ?1 RETURNING claimed = 0",
        params![lane],
        |row| row.get::<_, bool>(0),
    )?;
    if free == Some(true) { reschedule(tx, lane, now) } else { Ok(()) }
}

fn release(tx: &Connection, owner: &str, now: Timestamp) -> Result<u64, StorageError> {
    let doing = "releasing claims";
    let lanes = query_all(
        tx,
        doing,
        // A claimed lane is always due: at its lease's end.
        "SELECT id, claim_token FROM lanes WHERE kind IN (0, 1) AND due_at IS NOT NULL AND owner = ?1 AND claimed = 1",
        params![owner],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    for (lane, token) in &lanes {
        execute(
            tx,
            doing,
            "UPDATE inbox SET attempts = MAX(attempts - 1, 0), claim_token = 0 \
             WHERE lane_id = ?1 AND state = 0 AND claim_token = ?2",
            params![lane, token],
        )?;
        reschedule(tx, *lane, now)?;
    }
    Ok(lanes.len() as u64)
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        key: UpdateKey(row.get(0)?),
        kind: row.get(1)?,
        chat: ChatId(row.get(2)?),
        problem: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        attempts: row.get(4)?,
        received_at: Timestamp(row.get(5)?),
        died_at: Timestamp(row.get::<_, Option<i64>>(6)?.unwrap_or_default()),
        body_bytes: u64::try_from(row.get::<_, i64>(7)?).unwrap_or(0),
    })
}

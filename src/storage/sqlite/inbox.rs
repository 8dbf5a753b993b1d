//! Admission, claims and the end of turns.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_sqlite::rusqlite::{Connection, Row, params};

use super::{
    SqliteStore,
    claims::{check_fence, claim, next_due, release, renew},
    execute, memory, once, outbox, query_all, query_one, spend, talk,
    writer::{Priority, Rings},
};
use crate::{
    domain::{ChatId, Lane, LaneKind, Timestamp, UpdateKey},
    storage::{
        Admission, ClaimRef, ClaimRequest, Claimed, DeadLetter, FinishedTurn, InboxDepth, InboxStore, NewUpdate,
        StorageError, TurnEnd, Verdict,
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

/// Frees a lane and computes when it is due again.
pub(super) fn reschedule(tx: &Connection, lane: i64, now: Timestamp) -> Result<(), StorageError> {
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
        spend::keep_call(tx, call)?;
    }
    if let Some(keeps) = &turn.keeps {
        spend::keep_answer(tx, keeps, now)?;
    }
    let waits = outbox::Ties { lane: Some(claim.lane_id), ..outbox::Ties::default() };
    if let Some(says) = &turn.says {
        outbox::insert(tx, says, waits, now)?;
    }
    once::say(tx, &turn.once, now)?;
    let mut end = TurnEnd { failure_line_said: false, limit_lines_said: 0, unasked_said: 0 };
    if let Some(line) = &turn.failure_line
        && may_say_failure_line(tx, line.chat.id, line.chat.kind.as_str(), now)?
    {
        outbox::insert(tx, line, waits, now)?;
        end.failure_line_said = true;
    }
    for also in &turn.also {
        outbox::insert(tx, also, outbox::Ties::default(), now)?;
    }
    for line in &turn.limit_lines {
        if spend::may_say_limit_line(tx, line.person, now)? {
            outbox::insert(tx, &line.says, waits, now)?;
            end.limit_lines_said += 1;
        }
    }
    if let Some(notes) = &turn.talk {
        end.unasked_said = talk::note(tx, notes, now)?;
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

//! Admission, claims and the end of turns.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_sqlite::rusqlite::{Connection, Row, params};

use super::{
    SqliteStore,
    claims::{Fence, check_fence, claim, next_due, release, renew},
    execute, memory, once, outbox, people, query_all, query_one,
    queue::{self, reschedule},
    shared, spend, talk,
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

/// A chat hears at most one failure line in this time.
const FAILURE_LINE_PAUSE: Duration = Duration::from_secs(600);

#[async_trait]
impl InboxStore for SqliteStore {
    async fn admit(&self, update: NewUpdate) -> Result<Admission, StorageError> {
        self.writer.admits(self.inbox_max)?;
        let rings = if update.unusable.is_some() { Rings::default() } else { Rings::INBOX };
        self.write_repeatable("admitting an update", Priority::Admission, rings, move |tx| admit(tx, &update)).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, StorageError> {
        let (clock, writer) = (self.clock.clone(), self.writer.clone());
        self.write_repeatable("claiming lanes", Priority::Taking(Rings::INBOX), Rings::default(), move |tx| {
            claim(tx, &request, writer.claim_limits(), clock.now())
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
        self.write_repeatable("finishing a turn", Priority::Other, Rings::BOTH, move |tx| finish(tx, claim, &turn, now))
            .await
    }

    async fn release(&self, owner: &str) -> Result<u64, StorageError> {
        let (owner, clock) = (owner.to_owned(), self.clock.clone());
        self.write("releasing claims", Priority::Other, Rings::INBOX, move |tx| release(tx, &owner, clock.now())).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StorageError> {
        self.read("looking for the next due lane", |connection| {
            let (talk, express) = (next_due(connection, LaneKind::Talk)?, next_due(connection, LaneKind::Express)?);
            let arrived = queue::first_arrived(connection)?;
            Ok([talk, express, arrived].into_iter().flatten().min())
        })
        .await
    }

    async fn inbox_depth(&self) -> Result<InboxDepth, StorageError> {
        self.read("measuring the inbox", |connection| {
            let doing = "measuring the inbox";
            let count = |sql| query_one(connection, doing, sql, [], |row| row.get::<_, i64>(0));
            let waiting = count(queue::DEPTH_SQL)?;
            let dead = count("SELECT COUNT(*) FROM inbox WHERE state = 2")?;
            // The first row of each lane that has work; a lane that waits for a send shows in the outbox.
            let queued = query_one(
                connection,
                doing,
                "SELECT MIN((SELECT received_at FROM queue WHERE lane_id = lanes.id ORDER BY inbox_id LIMIT 1)) \
                 FROM lanes WHERE kind IN (0, 1) AND due_at IS NOT NULL",
                [],
                |row| row.get::<_, Option<i64>>(0).map(|at| at.map(Timestamp)),
            )?
            .flatten();
            let oldest = queued.into_iter().chain(queue::first_arrived(connection)?).min();
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
                "SELECT update_key, kind, chat_id, problem, attempts, received_at, ended_at, LENGTH(COALESCE(body, X'')) \
                 FROM inbox WHERE state = 2 ORDER BY ended_at DESC LIMIT ?1",
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
                "SELECT update_key, kind, chat_id, problem, attempts, received_at, ended_at, LENGTH(COALESCE(body, X'')), \
                 COALESCE(body, X'') FROM inbox WHERE update_key = ?1 AND state = 2",
                params![key.0],
                |row| Ok((dead_letter(row)?, Bytes::from(row.get::<_, Vec<u8>>(8)?))),
            )
        })
        .await
    }

    async fn retry_dead(&self, key: UpdateKey, now: Timestamp) -> Result<bool, StorageError> {
        self.write("retrying a dead letter", Priority::Other, Rings::INBOX, move |tx| {
            let letter = query_one(
                tx,
                "retrying a dead letter",
                "UPDATE inbox SET state = 0, attempts = 0, claim_token = 0, ended_at = NULL, problem = NULL \
                 WHERE update_key = ?1 AND state = 2 AND body IS NOT NULL \
                 RETURNING id, chat_id, topic_id, lane_kind, received_at",
                params![key.0],
                |row| Ok((queue::arrived(row)?, row.get::<_, i64>(4).map(Timestamp)?)),
            )?;
            let Some((letter, received_at)) = letter else { return Ok(false) };
            queue::join(tx, &letter, received_at, now)?;
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
}

fn admit(tx: &Connection, update: &NewUpdate) -> Result<Admission, StorageError> {
    let Lane { chat, topic, kind } = update.lane;
    let (topic, kind_code) = (topic.map_or(0, |topic| topic.0), queue::kind_code(kind));
    let state = if update.unusable.is_some() { DEAD } else { WAITING };
    let added = execute(
        tx,
        "admitting an update",
        "INSERT INTO inbox (update_key, chat_id, topic_id, lane_kind, state, received_at, ended_at, kind, request_id, \
         problem, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (update_key) DO NOTHING",
        params![
            update.key.0,
            chat.0,
            topic,
            kind_code,
            state,
            update.received_at.0,
            update.unusable.map(|_| update.received_at.0),
            update.kind,
            update.request_id.0,
            update.unusable,
            &update.body[..],
        ],
    )?;
    if added == 0 {
        return Ok(Admission::Duplicate);
    }
    if kind == LaneKind::Express && state == WAITING {
        // While admissions press, conversation joins its queues later.
        let command = queue::Arrived { id: tx.last_insert_rowid(), chat: chat.0, topic, kind: kind_code };
        queue::join(tx, &command, update.received_at, update.received_at)?;
    }
    Ok(Admission::New)
}

pub(super) fn finish(
    tx: &Connection,
    claim: ClaimRef,
    turn: &FinishedTurn,
    now: Timestamp,
) -> Result<TurnEnd, StorageError> {
    let claimed_to = match check_fence(tx, claim)? {
        Fence::Holds { claimed_to } => claimed_to,
        Fence::Ended => return Ok(TurnEnd { was_recorded: true, ..TurnEnd::default() }),
    };
    for (key, verdict) in &turn.verdicts {
        give_back(tx, claim, *key, verdict, now)?;
    }
    end_rows(tx, claim, claimed_to, now)?;
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
    let mut end = TurnEnd::default();
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
    if turn.leaves_no_trace {
        shared::set_fact(tx, people::TRACES, &now.0.to_string())?;
    }
    reschedule(tx, claim.lane_id, true, now)?;
    Ok(end)
}

/// Every row that the claim still holds is done.
fn end_rows(tx: &Connection, claim: ClaimRef, claimed_to: i64, now: Timestamp) -> Result<(), StorageError> {
    let doing = "ending a turn's rows";
    for (row, attempts) in queue::held(tx, claim, claimed_to)? {
        execute(
            tx,
            doing,
            "UPDATE inbox SET state = ?2, body = NULL, ended_at = ?3, attempts = ?4, claim_token = ?5 WHERE id = ?1",
            params![row, DONE, now.0, attempts, claim.token],
        )?;
    }
    queue::leave(tx, claim, claimed_to)
}

fn give_back(
    tx: &Connection,
    claim: ClaimRef,
    key: UpdateKey,
    verdict: &Verdict,
    now: Timestamp,
) -> Result<(), StorageError> {
    let doing = "judging a row";
    let row =
        query_one(tx, doing, "SELECT id FROM inbox WHERE update_key = ?1", params![key.0], |row| row.get::<_, i64>(0))?;
    let Some(row) = row else { return Ok(()) };
    match verdict {
        Verdict::RetryAt(at) => {
            execute(
                tx,
                doing,
                "UPDATE queue SET not_before = ?4, claim_token = 0 \
                 WHERE lane_id = ?1 AND inbox_id = ?2 AND claim_token = ?3",
                params![claim.lane_id, row, claim.token, at.0],
            )?;
        }
        Verdict::Dead { problem } => {
            let attempts = query_one(
                tx,
                doing,
                "DELETE FROM queue WHERE lane_id = ?1 AND inbox_id = ?2 AND claim_token = ?3 RETURNING attempts",
                params![claim.lane_id, row, claim.token],
                |row| row.get::<_, i64>(0),
            )?;
            if let Some(attempts) = attempts {
                execute(
                    tx,
                    doing,
                    "UPDATE inbox SET state = ?2, problem = ?3, ended_at = ?4, attempts = ?5, claim_token = ?6 \
                     WHERE id = ?1",
                    params![row, DEAD, problem, now.0, attempts, claim.token],
                )?;
            }
        }
    }
    Ok(())
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
    execute(
        tx,
        "freeing a lane",
        "UPDATE lanes SET unsent = MAX(unsent - 1, 0), owner = CASE WHEN claimed THEN owner END, \
         due_at = CASE WHEN claimed THEN due_at WHEN unsent > 1 THEN NULL \
         WHEN EXISTS (SELECT 1 FROM queue WHERE lane_id = ?1 AND not_before <= ?2) THEN ?2 \
         ELSE (SELECT MIN(not_before) FROM queue WHERE lane_id = ?1) END WHERE id = ?1",
        params![lane, now.0],
    )
    .map(drop)
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

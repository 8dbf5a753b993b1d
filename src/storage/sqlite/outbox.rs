//! What is to be said and done, and how its sends end.

mod calls;
mod entities;
mod pacing;
mod row;
mod why;

use std::time::Duration;

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{self, Connection, Row, params};

use self::calls::{Call, Sending};
pub(super) use self::{
    pacing::begin_sends,
    row::{Ties, insert},
    why::read_why,
};
use super::{
    SqliteStore, execute, inbox, memory, migrated, query_all, query_one, talk,
    writer::{Priority, Rings},
};
use crate::{
    domain::{AddressedOutcome, ChatId, Message, MessageId, OutgoingId, OutgoingKind, Timestamp},
    storage::{Ended, EndedOutgoing, NewOutgoing, OutboxDepth, OutboxStore, SendLimits, Sends, StorageError},
};

/// "Answered" means within this time of the acknowledgement.
const IN_TIME: Duration = Duration::from_secs(30);

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn begin_sends(
        &self,
        owner: &str,
        max: usize,
        limits: SendLimits,
        call_limit: Duration,
    ) -> Result<Sends, StorageError> {
        let (owner, clock) = (owner.to_owned(), self.clock.clone());
        self.write_repeatable("taking send slots", Priority::Taking(Rings::OUTBOX), Rings::default(), move |tx| {
            begin_sends(tx, &owner, max, limits, call_limit, clock.now())
        })
        .await
    }

    async fn end_send(
        &self,
        owner: &str,
        id: OutgoingId,
        attempt: u32,
        ended: Ended,
        now: Timestamp,
    ) -> Result<Option<EndedOutgoing>, StorageError> {
        let owner = owner.to_owned();
        self.write_repeatable("ending a send", Priority::Other, Rings::BOTH, move |tx| {
            match calls::find(tx, &owner, id, attempt, &ended)? {
                Call::Running(sending) => end_send(tx, id, &sending, &ended, now),
                Call::Recorded(row) => calls::told_again(tx, &row, now),
            }
        })
        .await
    }

    async fn end_send_late(
        &self,
        owner: &str,
        id: OutgoingId,
        attempt: u32,
        message: Message,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let owner = owner.to_owned();
        self.write("recording a late end", Priority::Other, Rings::default(), move |tx| {
            calls::end_late(tx, &owner, id, attempt, &message, now)
        })
        .await
    }

    async fn say(&self, outgoing: NewOutgoing, now: Timestamp) -> Result<(), StorageError> {
        self.write("saying something", Priority::Other, Rings::OUTBOX, move |tx| {
            insert(tx, &outgoing, Ties::default(), now)
        })
        .await
    }

    async fn outbox_counts(&self) -> Result<Vec<(String, u64)>, StorageError> {
        self.read("counting the outbox", |connection| {
            let sql = "SELECT state, COUNT(*) FROM outbox GROUP BY state ORDER BY state";
            query_all(connection, "counting the outbox", sql, [], |row| {
                Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
            })
        })
        .await
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, StorageError> {
        self.read("measuring the outbox", |connection| {
            let doing = "measuring the outbox";
            let by_state = query_all(
                connection,
                doing,
                "SELECT state, COUNT(*) FROM outbox WHERE state IN ('queued', 'ready', 'sending') GROUP BY state",
                [],
                |row| Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0))),
            )?;
            let oldest = query_one(
                connection,
                doing,
                "SELECT MIN(created_at) FROM outbox WHERE state IN ('queued', 'ready', 'sending')",
                [],
                |row| row.get::<_, Option<i64>>(0),
            )?;
            Ok(OutboxDepth { by_state, oldest: oldest.flatten().map(Timestamp) })
        })
        .await
    }

    async fn calls_since(&self, since: Timestamp) -> Result<u64, StorageError> {
        self.read("counting calls", move |connection| {
            let sql = "SELECT COUNT(*) FROM outbox WHERE sending_at >= ?1";
            let calls = query_one(connection, "counting calls", sql, params![since.0], |row| row.get::<_, i64>(0))?;
            Ok(u64::try_from(calls.unwrap_or(0)).unwrap_or(0))
        })
        .await
    }
}

fn end_send(
    tx: &Connection,
    id: OutgoingId,
    sending: &Sending,
    ended: &Ended,
    now: Timestamp,
) -> Result<Option<EndedOutgoing>, StorageError> {
    let chat = sending.chat;
    match ended {
        Ended::Sent(message) => {
            note_sent(tx, sending, message, now)?;
            close(tx, id, End::Sent(Some(message.id)), now)
        }
        Ended::Done => {
            remember_done(tx, id, now)?;
            close(tx, id, End::Sent(None), now)
        }
        Ended::Unknown { problem } => close(tx, id, End::Unknown(problem), now),
        Ended::Refused { problem, chat_is_dead } => {
            if *chat_is_dead {
                mark_dead(tx, chat, problem, now)?;
            }
            close(tx, id, End::Refused(problem), now)
        }
        Ended::RetryAt { at, blocks_chat, without_reply, problem } => {
            if *blocks_chat {
                block(tx, chat, *at)?;
            }
            ready_again(tx, id, *at, *without_reply, problem)?;
            Ok(None)
        }
        Ended::Migrated { to } => {
            ready_again(tx, id, now, false, "the group became a supergroup")?;
            migrate(tx, chat, *to)?;
            Ok(None)
        }
    }
}

/// Remembers a sent message, with it why it was said, and with its row of the talk budget which message it became.
fn note_sent(tx: &Connection, sending: &Sending, message: &Message, now: Timestamp) -> Result<(), StorageError> {
    let doing = "noting a sent message";
    if is_worth_remembering(tx, sending, message)? {
        memory::remember_own(tx, message, sending.why.as_deref())?;
    }
    talk::count_own(tx, message.chat.id, sending.unasked.is_some(), now)?;
    if let Some(unasked) = sending.unasked {
        // Of a line in several parts, people react to any; the first stands for it.
        let sql = "UPDATE unasked SET message_id = COALESCE(message_id, ?2) WHERE id = ?1";
        execute(tx, doing, sql, params![unasked, message.id.0])?;
    }
    Ok(())
}

/// A message that the bot has changed is remembered as it now stands; one to which it reacted keeps why.
fn remember_done(tx: &Connection, id: OutgoingId, now: Timestamp) -> Result<(), StorageError> {
    let doing = "remembering what was done";
    let done = query_one(
        tx,
        doing,
        "SELECT chat_id, target, text, why, action FROM outbox WHERE id = ?1",
        params![id.0],
        |row| {
            let at = (row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?);
            Ok((at, row.get::<_, String>(2)?, row.get::<_, Option<String>>(3)?, row.get::<_, String>(4)?))
        },
    )?;
    let Some(((chat, target), text, why, action)) = done else { return Ok(()) };
    if action == "edit" {
        let sql = "UPDATE messages SET text = ?3, edited_at = ?4 WHERE chat_id = ?1 AND message_id = ?2";
        execute(tx, doing, sql, params![chat, target, text, now.0])?;
    } else if let Some(why) = why {
        let sql = "UPDATE messages SET why = COALESCE(why, ?3) WHERE chat_id = ?1 AND message_id = ?2";
        execute(tx, doing, sql, params![chat, target, why])?;
    }
    Ok(())
}

/// Notices and alarms are no conversation, and what they show (a person's export, the admin's figures) must not be kept twice. What
/// answers a message that was forgotten meanwhile is forgotten with it: it may repeat its words.
fn is_worth_remembering(tx: &Connection, sending: &Sending, message: &Message) -> Result<bool, StorageError> {
    if matches!(sending.kind, OutgoingKind::Notice | OutgoingKind::Alarm) {
        return Ok(false);
    }
    match &message.reply_to {
        Some(reply) => memory::is_known(tx, message.chat.id, reply.message_id),
        None => Ok(true),
    }
}

/// Ends a part that waits for its send, and the answer with it, as if it had waited too long.
pub(super) fn drop_unsent(tx: &Connection, id: OutgoingId, problem: &str, now: Timestamp) -> Result<(), StorageError> {
    let sql = "SELECT 1 FROM outbox WHERE id = ?1 AND state IN ('queued', 'ready')";
    // An earlier part may have taken it along.
    match query_one(tx, "dropping a send", sql, params![id.0], |_| Ok(()))? {
        Some(()) => close(tx, id, End::Expired(problem), now).map(drop),
        None => Ok(()),
    }
}

fn ready_again(
    tx: &Connection,
    id: OutgoingId,
    at: Timestamp,
    without_reply: bool,
    problem: &str,
) -> Result<(), StorageError> {
    execute(
        tx,
        "putting a send back",
        // Not later than it expires, so that it expires on time and its lane goes on.
        "UPDATE outbox SET state = 'ready', owner = NULL, not_before = MIN(?2, expires_at), problem = ?4, \
         reply_to = CASE WHEN ?3 THEN NULL ELSE reply_to END, topic_id = CASE WHEN ?3 THEN 0 ELSE topic_id END \
         WHERE id = ?1",
        params![id.0, at.0, without_reply, problem],
    )?;
    Ok(())
}

/// The group lives on under a new id: so does all that belongs to it, and the messages that wait for it.
pub(super) fn migrate(tx: &Connection, from: ChatId, to: ChatId) -> Result<(), StorageError> {
    // The second of two sends that were on their way finds its row moved already by the first one's end.
    if from == to { Ok(()) } else { migrated::follow(tx, from, to) }
}

fn block(tx: &Connection, chat: ChatId, until: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "blocking a chat",
        "INSERT INTO chats (chat_id, kind, blocked_until) VALUES (?1, 'group', ?2) \
         ON CONFLICT (chat_id) DO UPDATE SET blocked_until = excluded.blocked_until",
        params![chat.0, until.0],
    )?;
    Ok(())
}

fn mark_dead(tx: &Connection, chat: ChatId, reason: &str, now: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "marking a chat dead",
        "INSERT INTO chats (chat_id, kind, dead_at, dead_reason) VALUES (?1, 'group', ?2, ?3) \
         ON CONFLICT (chat_id) DO UPDATE SET dead_at = excluded.dead_at, dead_reason = excluded.dead_reason",
        params![chat.0, now.0, reason],
    )?;
    Ok(())
}

/// How a part ends, with what was wrong.
#[derive(Clone, Copy)]
enum End<'a> {
    /// It may have become a message.
    Sent(Option<MessageId>),
    Unknown(&'a str),
    Refused(&'a str),
    Expired(&'a str),
}

impl<'a> End<'a> {
    fn columns(self) -> (&'static str, Option<&'a str>, Option<i64>) {
        match self {
            Self::Sent(message) => ("sent", None, message.map(|id| id.0)),
            Self::Unknown(problem) => ("unknown", Some(problem), None),
            Self::Refused(problem) => ("refused", Some(problem), None),
            Self::Expired(problem) => ("expired", Some(problem), None),
        }
    }
}

/// A part that has ended.
struct EndedPart {
    id: i64,
    kind: String,
    state: String,
    addressed: String,
}

/// Reads the columns `id, kind, state, addressed`.
fn ended_part(row: &Row<'_>) -> rusqlite::Result<EndedPart> {
    Ok(EndedPart { id: row.get(0)?, kind: row.get(1)?, state: row.get(2)?, addressed: row.get(3)? })
}

/// Ends one part and whatever follows from it. Returns the answer if this was the end of it.
fn close(tx: &Connection, id: OutgoingId, end: End<'_>, now: Timestamp) -> Result<Option<EndedOutgoing>, StorageError> {
    let doing = "closing a send";
    let (state, problem, message) = end.columns();
    let lane = query_one(tx, doing, "SELECT lane_id FROM outbox WHERE id = ?1", params![id.0], |row| row.get(0))?;
    // The words are in the memory now, or were never said: the outbox need not keep them.
    let (last, answer, part, parts) = query_one(
        tx,
        doing,
        // Of a doubtful call it may yet be heard that it arrived; then the message keeps why it was said. No lane waits
        // for it any more.
        "UPDATE outbox SET state = ?2, problem = ?3, ended_at = ?4, message_id = COALESCE(?5, message_id), text = '', \
         entities = '[]', buttons = NULL, lane_id = NULL, why = CASE WHEN ?2 = 'unknown' THEN why END \
         WHERE id = ?1 RETURNING id, kind, state, addressed, answer_id, part, parts",
        params![id.0, state, problem, now.0, message],
        |row| Ok((ended_part(row)?, row.get::<_, i64>(4)?, row.get::<_, i64>(5)?, row.get::<_, i64>(6)?)),
    )?
    .ok_or(StorageError::Fenced { lane: id.0 })?;
    if parts == 1 {
        return end_answer(tx, lane.flatten(), vec![last], now).map(Some);
    }
    if matches!(end, End::Refused(_) | End::Expired(_)) {
        execute(
            tx,
            doing,
            "UPDATE outbox SET state = ?2, problem = ?3, ended_at = ?4, text = '', entities = '[]', \
             buttons = NULL, lane_id = NULL, why = NULL WHERE answer_id = ?1 AND state = 'queued'",
            params![answer, state, problem, now.0],
        )?;
    } else if part + 1 < parts {
        execute(
            tx,
            doing,
            "UPDATE outbox SET state = 'ready', not_before = ?3 WHERE answer_id = ?1 AND part = ?2 AND state = 'queued'",
            params![answer, part + 1, now.0],
        )?;
        return Ok(None);
    }
    end_answer(tx, lane.flatten(), parts_of(tx, answer)?, now).map(Some)
}

fn parts_of(tx: &Connection, answer: i64) -> Result<Vec<EndedPart>, StorageError> {
    let sql = "SELECT id, kind, state, addressed FROM outbox WHERE answer_id = ?1 ORDER BY part";
    query_all(tx, "ending an answer", sql, params![answer], ended_part)
}

fn end_answer(
    tx: &Connection,
    lane: Option<i64>,
    parts: Vec<EndedPart>,
    now: Timestamp,
) -> Result<EndedOutgoing, StorageError> {
    if let Some(lane) = lane {
        inbox::answer_ended(tx, lane, now)?;
    }
    what_ended(parts, now)
}

/// What became of an answer whose parts have all ended.
fn what_ended(parts: Vec<EndedPart>, now: Timestamp) -> Result<EndedOutgoing, StorageError> {
    // The worst part decides what the answer as a whole became.
    let state = ["refused", "expired", "unknown"]
        .into_iter()
        .find(|bad| parts.iter().any(|part| part.state == *bad))
        .unwrap_or("sent");
    let Some(EndedPart { id, kind, addressed, .. }) = parts.into_iter().next_back() else {
        return Err(StorageError::Backend { doing: "ending an answer", detail: "it has no parts".to_owned() });
    };
    let acknowledged: Vec<i64> = serde_json::from_str(&addressed).unwrap_or_default();
    let addressed = acknowledged
        .into_iter()
        .map(|at| match state {
            "refused" => AddressedOutcome::Refused,
            "expired" => AddressedOutcome::Expired,
            "unknown" => AddressedOutcome::Unknown,
            _ if now.since(Timestamp(at)) <= IN_TIME => AddressedOutcome::Answered,
            _ => AddressedOutcome::Late,
        })
        .collect();
    Ok(EndedOutgoing { id: OutgoingId(id), kind: OutgoingKind::from_stored(&kind), state, addressed })
}

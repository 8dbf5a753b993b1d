//! What is to be said, the pacing of sends, and how they end.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::{
    SqliteStore, execute, inbox, memory, query_all, query_one,
    writer::{Priority, Rings},
};
use crate::{
    domain::{
        AddressedOutcome, Chat, ChatId, ChatKind, Entity, EntityKind, MessageId, OutgoingId, OutgoingKind, ReplyTarget,
        RequestId, RichText, Timestamp, TopicId,
    },
    storage::{Ended, EndedOutgoing, NewOutgoing, OutboxDepth, OutboxStore, Outgoing, SendLimits, Sends, StorageError},
};

/// "Answered" means within this time of the acknowledgement.
const IN_TIME: Duration = Duration::from_secs(30);
/// Sends leave us evenly, but reach Telegram with some jitter; the windows are this much longer than Telegram's.
const SECOND: i64 = 1_050;
const MINUTE: i64 = 61_000;
/// Ready rows looked at in one go.
const LOOK: usize = 128;

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
        self.write("taking send slots", Priority::Other, Rings::default(), move |tx| {
            begin_sends(tx, &owner, max, limits, call_limit, clock.now())
        })
        .await
    }

    async fn end_send(
        &self,
        owner: &str,
        id: OutgoingId,
        ended: Ended,
        now: Timestamp,
    ) -> Result<Option<EndedOutgoing>, StorageError> {
        let owner = owner.to_owned();
        self.write("ending a send", Priority::Other, Rings::BOTH, move |tx| end_send(tx, &owner, id, ended, now)).await
    }

    async fn say(&self, outgoing: NewOutgoing, now: Timestamp) -> Result<(), StorageError> {
        self.write("saying something", Priority::Other, Rings::OUTBOX, move |tx| insert(tx, &outgoing, None, now)).await
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
}

/// Puts all parts of an answer into the outbox; the lane waits for them.
pub(super) fn insert(
    tx: &Connection,
    outgoing: &NewOutgoing,
    lane: Option<i64>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let doing = "queueing an answer";
    let lane = match lane {
        // Commands must not wait for the send of an earlier command's answer.
        Some(lane) => query_one(
            tx,
            doing,
            "UPDATE lanes SET unsent = unsent + 1 WHERE id = ?1 AND kind = 0 RETURNING id",
            params![lane],
            |row| row.get::<_, i64>(0),
        )?,
        None => None,
    };
    let parts = outgoing.parts.len();
    let mut answer_id = 0;
    for (part, text) in outgoing.parts.iter().enumerate() {
        // Only the last part carries whom the answer answers: they are answered when all of it has arrived.
        let addressed: Vec<i64> =
            if part + 1 == parts { outgoing.addressed.iter().map(|at| at.0).collect() } else { Vec::new() };
        execute(
            tx,
            doing,
            "INSERT INTO outbox (answer_id, part, parts, kind, lane_id, chat_id, chat_kind, topic_id, reply_to, text, \
             entities, silent, addressed, state, not_before, created_at, expires_at, request_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, ?16, ?17)",
            params![
                answer_id,
                i64::try_from(part).unwrap_or(i64::MAX),
                i64::try_from(parts).unwrap_or(i64::MAX),
                outgoing.kind.as_str(),
                lane,
                outgoing.chat.id.0,
                outgoing.chat.kind.as_str(),
                outgoing.target.topic.map_or(0, |topic| topic.0),
                outgoing.target.message_id.map(|id| id.0),
                text.text,
                stored_entities(&text.entities),
                outgoing.silent,
                serde_json::json!(addressed).to_string(),
                if part == 0 { "ready" } else { "queued" },
                now.0,
                outgoing.expires_at.0,
                outgoing.request_id.0,
            ],
        )?;
        if part == 0 {
            answer_id = tx.last_insert_rowid();
            execute(tx, doing, "UPDATE outbox SET answer_id = ?1 WHERE id = ?1", params![answer_id])?;
        }
    }
    Ok(())
}

struct Candidate {
    id: i64,
    answer_id: i64,
    expires_at: i64,
    outgoing: Outgoing,
}

pub(super) fn begin_sends(
    tx: &Connection,
    owner: &str,
    max: usize,
    limits: SendLimits,
    call_limit: Duration,
    now: Timestamp,
) -> Result<Sends, StorageError> {
    let mut sends = Sends { ended: give_up_lost(tx, call_limit, now)?, ..Sends::default() };
    for mut candidate in candidates(tx, max, now)? {
        let id = OutgoingId(candidate.id);
        if candidate.expires_at <= now.0 {
            sends.ended.extend(close(tx, id, "expired", "it waited for its send for too long", now)?);
            continue;
        }
        match may_send(tx, &mut candidate, limits, now)? {
            Pace::Now => {
                mark_sending(tx, owner, candidate.id, now)?;
                candidate.outgoing.attempt += 1;
                sends.due.push(candidate.outgoing);
            }
            Pace::Later(at) => {
                let sql = "UPDATE outbox SET not_before = ?2 WHERE id = ?1";
                execute(tx, "delaying a send", sql, params![candidate.id, at])?;
            }
            Pace::EverybodyLater(at) => {
                sends.next_at = Some(Timestamp(at));
                return Ok(sends);
            }
            Pace::Never(problem) => sends.ended.extend(close(tx, id, "refused", &problem, now)?),
        }
    }
    sends.next_at = query_one(
        tx,
        "looking for the next send",
        "SELECT not_before FROM outbox WHERE state = 'ready' ORDER BY not_before, id LIMIT 1",
        [],
        |row| row.get(0).map(Timestamp),
    )?;
    Ok(sends)
}

fn candidates(tx: &Connection, max: usize, now: Timestamp) -> Result<Vec<Candidate>, StorageError> {
    query_all(
        tx,
        "looking for ready sends",
        "SELECT id, answer_id, expires_at, kind, chat_id, chat_kind, topic_id, reply_to, text, entities, silent, \
         attempts, request_id FROM outbox WHERE state = 'ready' AND not_before <= ?1 ORDER BY not_before, id LIMIT ?2",
        params![now.0, i64::try_from(max.min(LOOK)).unwrap_or(0)],
        candidate,
    )
}

fn candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    let id: i64 = row.get(0)?;
    let kind: String = row.get(3)?;
    let chat_kind: String = row.get(5)?;
    let topic: i64 = row.get(6)?;
    let entities: String = row.get(9)?;
    Ok(Candidate {
        id,
        answer_id: row.get(1)?,
        expires_at: row.get(2)?,
        outgoing: Outgoing {
            id: OutgoingId(id),
            kind: OutgoingKind::from_stored(&kind),
            chat: Chat { id: ChatId(row.get(4)?), kind: memory::kind_of(&chat_kind), title: None },
            target: ReplyTarget {
                topic: (topic != 0).then_some(TopicId(topic)),
                message_id: row.get::<_, Option<i64>>(7)?.map(MessageId),
            },
            text: RichText { text: row.get(8)?, entities: read_entities(&entities) },
            silent: row.get(10)?,
            attempt: row.get(11)?,
            request_id: RequestId(row.get(12)?),
        },
    })
}

/// When a row may go.
enum Pace {
    Now,
    /// This row, or its chat, must wait.
    Later(i64),
    /// All chats must wait.
    EverybodyLater(i64),
    Never(String),
}

fn may_send(
    tx: &Connection,
    candidate: &mut Candidate,
    limits: SendLimits,
    now: Timestamp,
) -> Result<Pace, StorageError> {
    let chat = candidate.outgoing.chat.id.0;
    let known = query_one(
        tx,
        "asking about a chat",
        "SELECT migrated_to, dead_at, blocked_until FROM chats WHERE chat_id = ?1",
        params![chat],
        |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?)),
    )?;
    if let Some((migrated_to, dead_at, blocked_until)) = known {
        if let Some(to) = migrated_to {
            migrate(tx, ChatId(chat), ChatId(to))?;
            candidate.outgoing.chat.id = ChatId(to);
        } else if dead_at.is_some() {
            return Ok(Pace::Never("nothing can be sent to this chat any more".to_owned()));
        }
        if let Some(until) = blocked_until.filter(|until| *until > now.0) {
            return Ok(Pace::Later(until));
        }
    }
    if let Some(at) = leaves_window(tx, limits.global_per_second, SECOND, now, EVERY_CHAT, &[])? {
        return Ok(Pace::EverybodyLater(at));
    }
    let (chat, answer) = (candidate.outgoing.chat.id.0, candidate.answer_id);
    if let Some(at) = leaves_window(tx, limits.chat_per_second, SECOND, now, OTHER_ANSWERS, &[chat, answer])? {
        return Ok(Pace::Later(at));
    }
    if candidate.outgoing.chat.kind == ChatKind::Group
        && let Some(at) = leaves_window(tx, limits.group_per_minute, MINUTE, now, THIS_CHAT, &[chat])?
    {
        return Ok(Pace::Later(at));
    }
    Ok(Pace::Now)
}

const EVERY_CHAT: &str = "SELECT sending_at FROM outbox WHERE sending_at > ?1 AND sending_at <= ?2 \
     ORDER BY sending_at DESC LIMIT 1 OFFSET ?3";
/// The parts of one answer may burst, so they do not count against each other.
const OTHER_ANSWERS: &str = "SELECT sending_at FROM outbox WHERE chat_id = ?4 AND sending_at > ?1 \
     AND sending_at <= ?2 AND answer_id <> ?5 ORDER BY sending_at DESC LIMIT 1 OFFSET ?3";
const THIS_CHAT: &str = "SELECT sending_at FROM outbox WHERE chat_id = ?4 AND sending_at > ?1 \
     AND sending_at <= ?2 ORDER BY sending_at DESC LIMIT 1 OFFSET ?3";

/// If `limit` of the sends that `sql` counts lie within the last `window` ms, when the oldest of them leaves it.
fn leaves_window(
    tx: &Connection,
    limit: u32,
    window: i64,
    now: Timestamp,
    sql: &'static str,
    which: &[i64],
) -> Result<Option<i64>, StorageError> {
    if limit == 0 {
        return Ok(None);
    }
    // Marks from the future (a clock that stepped back) do not count.
    let window_and_offset = [now.0 - window, now.0, i64::from(limit) - 1];
    let params = rusqlite::params_from_iter(window_and_offset.iter().chain(which));
    let newest = query_one(tx, "pacing a send", sql, params, |row| row.get::<_, i64>(0))?;
    Ok(newest.map(|at| at + window))
}

fn mark_sending(tx: &Connection, owner: &str, id: i64, now: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "marking a send",
        "UPDATE outbox SET state = 'sending', owner = ?2, sending_at = ?3, attempts = attempts + 1 WHERE id = ?1",
        params![id, owner, now.0],
    )?;
    Ok(())
}

/// Sends whose sender died in the middle: whether Telegram took them cannot be known.
fn give_up_lost(tx: &Connection, call_limit: Duration, now: Timestamp) -> Result<Vec<EndedOutgoing>, StorageError> {
    let lost = query_all(
        tx,
        "looking for lost sends",
        "SELECT id FROM outbox WHERE state = 'sending' AND sending_at <= ?1",
        params![(now - call_limit).0],
        |row| row.get(0).map(OutgoingId),
    )?;
    let mut ended = Vec::new();
    for id in lost {
        ended.extend(close(tx, id, "unknown", "its sender died during the call", now)?);
    }
    Ok(ended)
}

pub(super) fn end_send(
    tx: &Connection,
    owner: &str,
    id: OutgoingId,
    ended: Ended,
    now: Timestamp,
) -> Result<Option<EndedOutgoing>, StorageError> {
    let chat = query_one(
        tx,
        "ending a send",
        "SELECT chat_id FROM outbox WHERE id = ?1 AND state = 'sending' AND owner = ?2",
        params![id.0, owner],
        |row| row.get(0).map(ChatId),
    )?
    .ok_or(StorageError::Fenced { lane: id.0 })?;
    match ended {
        Ended::Sent(message) => {
            memory::remember_all(tx, std::slice::from_ref(&message))?;
            let sql = "UPDATE outbox SET message_id = ?2 WHERE id = ?1";
            execute(tx, "noting a sent message", sql, params![id.0, message.id.0])?;
            close(tx, id, "sent", "", now)
        }
        Ended::Unknown { problem } => close(tx, id, "unknown", &problem, now),
        Ended::Refused { problem, chat_is_dead } => {
            if chat_is_dead {
                mark_dead(tx, chat, &problem, now)?;
            }
            close(tx, id, "refused", &problem, now)
        }
        Ended::RetryAt { at, blocks_chat, without_reply, problem } => {
            if blocks_chat {
                block(tx, chat, at)?;
            }
            ready_again(tx, id, at, without_reply, &problem)?;
            Ok(None)
        }
        Ended::Migrated { to } => {
            ready_again(tx, id, now, false, "the group became a supergroup")?;
            migrate(tx, chat, to)?;
            Ok(None)
        }
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
        "UPDATE outbox SET state = 'ready', owner = NULL, not_before = ?2, problem = ?4, \
         reply_to = CASE WHEN ?3 THEN NULL ELSE reply_to END, topic_id = CASE WHEN ?3 THEN 0 ELSE topic_id END \
         WHERE id = ?1",
        params![id.0, at.0, without_reply, problem],
    )?;
    Ok(())
}

/// The group lives on under a new id: so do the messages that wait for it.
pub(super) fn migrate(tx: &Connection, from: ChatId, to: ChatId) -> Result<(), StorageError> {
    execute(
        tx,
        "noting a migration",
        "INSERT INTO chats (chat_id, kind, migrated_to) VALUES (?1, 'group', ?2) \
         ON CONFLICT (chat_id) DO UPDATE SET migrated_to = excluded.migrated_to",
        params![from.0, to.0],
    )?;
    execute(
        tx,
        "following a migration",
        // A supergroup counts its messages anew, so the old reply targets mean nothing there.
        "UPDATE outbox SET chat_id = ?2, reply_to = NULL WHERE state IN ('queued', 'ready', 'sending') AND chat_id = ?1",
        params![from.0, to.0],
    )?;
    Ok(())
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

/// Ends one part and whatever follows from it. Returns the answer if this was the end of it.
fn close(
    tx: &Connection,
    id: OutgoingId,
    state: &'static str,
    problem: &str,
    now: Timestamp,
) -> Result<Option<EndedOutgoing>, StorageError> {
    let doing = "closing a send";
    // The words are in the memory now, or were never said: the outbox need not keep them.
    let (answer, part, parts) = query_one(
        tx,
        doing,
        "UPDATE outbox SET state = ?2, problem = NULLIF(?3, ''), ended_at = ?4, text = '', entities = '[]' \
         WHERE id = ?1 RETURNING answer_id, part, parts",
        params![id.0, state, problem, now.0],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
    )?
    .ok_or(StorageError::Fenced { lane: id.0 })?;
    if matches!(state, "refused" | "expired") {
        execute(
            tx,
            doing,
            "UPDATE outbox SET state = ?2, problem = ?3, ended_at = ?4, text = '', entities = '[]' \
             WHERE answer_id = ?1 AND state = 'queued'",
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
    end_answer(tx, answer, now).map(Some)
}

fn end_answer(tx: &Connection, answer: i64, now: Timestamp) -> Result<EndedOutgoing, StorageError> {
    let rows = query_all(
        tx,
        "ending an answer",
        "SELECT id, kind, state, addressed, lane_id FROM outbox WHERE answer_id = ?1 ORDER BY part",
        params![answer],
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, Option<i64>>(4)?,
            ))
        },
    )?;
    // The worst part decides what the answer as a whole became.
    let state = ["refused", "expired", "unknown"]
        .into_iter()
        .find(|bad| rows.iter().any(|row| row.2 == *bad))
        .unwrap_or("sent");
    let Some((id, kind, _, addressed, lane)) = rows.into_iter().next_back() else {
        return Err(StorageError::Backend { doing: "ending an answer", detail: "it has no parts".to_owned() });
    };
    if let Some(lane) = lane {
        inbox::answer_ended(tx, lane, now)?;
    }
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

/// An entity as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredEntity<'a> {
    kind: &'a str,
    offset: u32,
    length: u32,
    /// A link's address or a code block's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

fn stored_entities(entities: &[Entity]) -> String {
    let stored: Vec<StoredEntity<'_>> = entities
        .iter()
        .map(|entity| {
            let (kind, detail) = match &entity.kind {
                EntityKind::Bold => ("bold", None),
                EntityKind::Italic => ("italic", None),
                EntityKind::Underline => ("underline", None),
                EntityKind::Strikethrough => ("strikethrough", None),
                EntityKind::Spoiler => ("spoiler", None),
                EntityKind::Code => ("code", None),
                EntityKind::Pre { language } => ("pre", language.clone()),
                EntityKind::TextLink { url } => ("text_link", Some(url.clone())),
                EntityKind::Blockquote => ("blockquote", None),
            };
            StoredEntity { kind, offset: entity.offset, length: entity.length, detail }
        })
        .collect();
    serde_json::json!(stored).to_string()
}

fn read_entities(stored: &str) -> Vec<Entity> {
    let stored: Vec<StoredEntity<'_>> = serde_json::from_str(stored).unwrap_or_default();
    stored
        .into_iter()
        .filter_map(|entity| {
            let kind = match entity.kind {
                "bold" => EntityKind::Bold,
                "italic" => EntityKind::Italic,
                "underline" => EntityKind::Underline,
                "strikethrough" => EntityKind::Strikethrough,
                "spoiler" => EntityKind::Spoiler,
                "code" => EntityKind::Code,
                "pre" => EntityKind::Pre { language: entity.detail },
                "text_link" => EntityKind::TextLink { url: entity.detail? },
                "blockquote" => EntityKind::Blockquote,
                _ => return None,
            };
            Some(Entity { kind, offset: entity.offset, length: entity.length })
        })
        .collect()
}

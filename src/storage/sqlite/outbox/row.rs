//! Rows of the outbox: how they are written and read.

use deadpool_sqlite::rusqlite::{self, Connection, Row, params};

use super::{
    super::{execute, memory, query_one},
    entities::{read_buttons, read_entities, stored_buttons, stored_entities},
    why::stored_why,
};
use crate::{
    domain::{
        Buttons, Chat, ChatId, MessageId, OutgoingAction, OutgoingId, OutgoingKind, ReplyTarget, RequestId, RichText,
        Timestamp, TopicId,
    },
    storage::{NewOutgoing, Outgoing, StorageError},
};

/// What is bound to what is said.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct Ties {
    /// The lane that waits for it.
    pub(in super::super) lane: Option<i64>,
    /// Its row in `unasked`, which learns which message it became.
    pub(in super::super) unasked: Option<i64>,
}

/// Puts all parts of an answer into the outbox.
pub(in super::super) fn insert(
    tx: &Connection,
    outgoing: &NewOutgoing,
    ties: Ties,
    now: Timestamp,
) -> Result<(), StorageError> {
    let doing = "queueing an answer";
    let parts = outgoing.parts.len();
    if parts == 0 || (parts > 1 && outgoing.action != OutgoingAction::Say) {
        // Without any, its lane would wait for it forever.
        return Err(StorageError::Backend { doing, detail: format!("it has {parts} parts") });
    }
    let lane = match ties.lane {
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
    let mut answer_id = 0;
    for part in 0..parts {
        insert_part(tx, outgoing, Ties { lane, ..ties }, (answer_id, part), now)?;
        if part == 0 {
            answer_id = tx.last_insert_rowid();
            execute(tx, doing, "UPDATE outbox SET answer_id = ?1 WHERE id = ?1", params![answer_id])?;
        }
    }
    Ok(())
}

fn insert_part(
    tx: &Connection,
    outgoing: &NewOutgoing,
    ties: Ties,
    (answer_id, part): (i64, usize),
    now: Timestamp,
) -> Result<(), StorageError> {
    let parts = outgoing.parts.len();
    let text = &outgoing.parts[part];
    // Only the last part carries buttons, and whom the answer answers: they are answered when all of it has arrived.
    let is_last = part + 1 == parts;
    let addressed: Vec<i64> = if is_last { outgoing.addressed.iter().map(|at| at.0).collect() } else { Vec::new() };
    let buttons = (is_last && !outgoing.buttons.is_empty()).then(|| stored_buttons(&outgoing.buttons));
    let (action, target) = stored_action(&outgoing.action);
    execute(
        tx,
        "queueing an answer",
        "INSERT INTO outbox (answer_id, part, parts, kind, lane_id, chat_id, chat_kind, topic_id, reply_to, text, \
         entities, silent, addressed, state, not_before, created_at, expires_at, request_id, action, target, buttons, \
         no_preview, why, unasked_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, \
         ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
        params![
            answer_id,
            i64::try_from(part).unwrap_or(i64::MAX),
            i64::try_from(parts).unwrap_or(i64::MAX),
            outgoing.kind.as_str(),
            ties.lane,
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
            action,
            target,
            buttons,
            outgoing.no_preview,
            outgoing.why.as_ref().map(stored_why),
            ties.unasked,
        ],
    )?;
    Ok(())
}

/// The columns that [`read`] reads, in its order.
macro_rules! select_outgoing {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, chat_id, chat_kind, topic_id, reply_to, text, entities, silent, attempts, request_id, ",
            "action, target, buttons, no_preview, answer_id, expires_at FROM outbox ",
            $rest
        )
    };
}

pub(super) const CANDIDATES_SQL: &str =
    select_outgoing!("WHERE state = 'ready' AND not_before <= ?1 ORDER BY not_before, id LIMIT ?2");

/// A row that is ready.
pub(super) struct Candidate {
    pub(super) id: i64,
    pub(super) answer_id: i64,
    pub(super) expires_at: i64,
    pub(super) outgoing: Outgoing,
    /// The message that it is about was left behind in a group that has become a supergroup.
    pub(super) is_aimless: bool,
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    let id: i64 = row.get(0)?;
    let kind: String = row.get(1)?;
    let chat_kind: String = row.get(3)?;
    let topic: i64 = row.get(4)?;
    let entities: String = row.get(7)?;
    let action: String = row.get(11)?;
    let target: Option<i64> = row.get(12)?;
    let buttons: Option<String> = row.get(13)?;
    let action = read_action(&action, target);
    Ok(Candidate {
        id,
        answer_id: row.get(15)?,
        expires_at: row.get(16)?,
        is_aimless: !matches!(action, OutgoingAction::Say | OutgoingAction::File) && target.is_none(),
        outgoing: Outgoing {
            id: OutgoingId(id),
            kind: OutgoingKind::from_stored(&kind),
            action,
            chat: Chat { id: ChatId(row.get(2)?), kind: memory::kind_of(&chat_kind), title: None },
            target: ReplyTarget {
                topic: (topic != 0).then_some(TopicId(topic)),
                message_id: row.get::<_, Option<i64>>(5)?.map(MessageId),
            },
            text: RichText { text: row.get(6)?, entities: read_entities(&entities) },
            buttons: buttons.map_or_else(Buttons::new, |buttons| read_buttons(&buttons)),
            silent: row.get(8)?,
            no_preview: row.get(14)?,
            attempt: row.get(9)?,
            request_id: RequestId(row.get(10)?),
        },
    })
}

fn stored_action(action: &OutgoingAction) -> (&'static str, Option<i64>) {
    match action {
        OutgoingAction::Say => ("say", None),
        OutgoingAction::File => ("file", None),
        OutgoingAction::React { to } => ("react", Some(to.0)),
        OutgoingAction::Edit { message } => ("edit", Some(message.0)),
    }
}

fn read_action(word: &str, target: Option<i64>) -> OutgoingAction {
    let message = MessageId(target.unwrap_or_default());
    match word {
        "file" => OutgoingAction::File,
        "react" => OutgoingAction::React { to: message },
        "edit" => OutgoingAction::Edit { message },
        _ => OutgoingAction::Say,
    }
}

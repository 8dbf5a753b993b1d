//! Whose call a row is in, and what becomes of ends that are recorded again or late.

use deadpool_sqlite::rusqlite::{self, Connection, params};

use super::{
    super::{execute, query_one},
    note_sent, parts_of, what_ended,
};
use crate::{
    domain::{ChatId, Message, OutgoingId, OutgoingKind, Timestamp},
    storage::{Ended, EndedOutgoing, StorageError},
};

/// How the call stands whose end is to be recorded.
pub(super) enum Call {
    /// It is on its way.
    Running(Sending),
    /// This very end of it was recorded before, unheard.
    Recorded(Row),
}

/// A part whose call is on its way, as far as its end needs it.
pub(super) struct Sending {
    pub(super) chat: ChatId,
    pub(super) kind: OutgoingKind,
    pub(super) why: Option<String>,
    pub(super) unasked: Option<i64>,
}

/// Reads the columns `chat_id, kind, why, unasked_id`.
fn sending(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sending> {
    let kind: String = row.get(1)?;
    Ok(Sending {
        chat: ChatId(row.get(0)?),
        kind: OutgoingKind::from_stored(&kind),
        why: row.get(2)?,
        unasked: row.get(3)?,
    })
}

/// A part that has ended.
pub(super) struct Row {
    answer: i64,
    ends_answer: bool,
}

/// Only the call that is on its way may end, and only once. Without the attempt, an end that is recorded again (its
/// first commit was not heard of) would end the next call of the row, and it would be sent twice.
pub(super) fn find(
    tx: &Connection,
    owner: &str,
    id: OutgoingId,
    attempt: u32,
    ended: &Ended,
) -> Result<Call, StorageError> {
    let found = query_one(
        tx,
        "checking a send",
        "SELECT chat_id, kind, why, unasked_id, state, message_id, problem, answer_id, part + 1 = parts FROM outbox \
         WHERE id = ?1 AND owner = ?2 AND attempts = ?3",
        params![id.0, owner, attempt],
        |row| {
            let state: String = row.get(4)?;
            if state == "sending" {
                return sending(row).map(|sending| Some(Call::Running(sending)));
            }
            let problem: Option<String> = row.get(6)?;
            let is_this = match ended {
                Ended::Sent(message) => state == "sent" && row.get::<_, Option<i64>>(5)? == Some(message.id.0),
                Ended::Done => state == "sent",
                // Others give calls up with words of their own.
                Ended::Unknown { problem: said } => state == "unknown" && problem.as_ref() == Some(said),
                Ended::Refused { problem: said, .. } => state == "refused" && problem.as_ref() == Some(said),
                // These take the owner off the row.
                Ended::RetryAt { .. } | Ended::Migrated { .. } => false,
            };
            let ends_answer = state == "refused" || row.get(8)?;
            Ok(is_this.then_some(Call::Recorded(Row { answer: row.get(7)?, ends_answer })))
        },
    )?;
    found.flatten().ok_or(StorageError::Fenced { lane: id.0 })
}

/// What the first recording said, for nobody has heard it.
pub(super) fn told_again(tx: &Connection, row: &Row, now: Timestamp) -> Result<Option<EndedOutgoing>, StorageError> {
    if row.ends_answer { what_ended(parts_of(tx, row.answer)?, now).map(Some) } else { Ok(None) }
}

/// A call that was given up as `unknown` did arrive: the row and the memory learn of it. Its answer has been counted as
/// unknown, and stays so. False if this is not such a call of this owner's.
pub(super) fn end_late(
    tx: &Connection,
    owner: &str,
    id: OutgoingId,
    attempt: u32,
    message: &Message,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let doing = "recording a late end";
    let arrived = query_one(
        tx,
        doing,
        "UPDATE outbox SET state = 'sent', problem = NULL, ended_at = ?4, message_id = ?5 \
         WHERE id = ?1 AND owner = ?2 AND attempts = ?3 AND state = 'unknown' AND action = 'say' \
         RETURNING chat_id, kind, why, unasked_id",
        params![id.0, owner, attempt, now.0, message.id.0],
        sending,
    )?;
    let Some(arrived) = arrived else {
        let sql =
            "SELECT message_id IS ?4 FROM outbox WHERE id = ?1 AND owner = ?2 AND attempts = ?3 AND state = 'sent'";
        let known = query_one(tx, doing, sql, params![id.0, owner, attempt, message.id.0], |row| row.get(0))?;
        return Ok(known.unwrap_or(false));
    };
    note_sent(tx, &arrived, message, now)?;
    // `close` left it to this moment.
    execute(tx, doing, "UPDATE outbox SET why = NULL WHERE id = ?1", params![id.0])?;
    Ok(true)
}

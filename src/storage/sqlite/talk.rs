//! The talk budget's books.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, params};

use super::{
    SqliteStore, execute, memory, outbox, query_all, query_one, spend,
    writer::{Priority, Rings},
};
use crate::{
    domain::{Chat, ChatId, TalkLog, Timestamp, Unasked, UnaskedKind},
    storage::{
        ModelCall, NewSilence, NewUnasked, QuietChat, QuietRequest, Reception, StorageError, TalkNotes, TalkStore,
    },
};

const HOUR_MS: i64 = 3_600_000;
const DAY: Duration = Duration::from_secs(86_400);
/// What was said so long ago still tells how people take the bot.
const UNASKED_READ: Duration = Duration::from_secs(14 * 86_400);
/// Rows of it that are read at most: a day holds some dozens.
const UNASKED_ROWS: i64 = 300;
/// A line's reception is bounded, so that one line cannot decide for a week.
const RECEPTION_MAX: i64 = 3;
/// Noted no more often than this: who writes fast need not cost a write each time.
const HEARD_STEP_MS: i64 = 30_000;

#[async_trait]
impl TalkStore for SqliteStore {
    async fn talk_log(&self, chat: ChatId, now: Timestamp) -> Result<TalkLog, StorageError> {
        self.read("reading a chat's talk", move |connection| {
            Ok(TalkLog {
                people_last_day: people_last_day(connection, chat, now)?,
                unasked: said_since(connection, chat, now - UNASKED_READ)?,
            })
        })
        .await
    }

    async fn say_unasked(
        &self,
        chat: ChatId,
        unasked: NewUnasked,
        calls: Vec<ModelCall>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        self.write("speaking up", Priority::Other, Rings::OUTBOX, move |tx| {
            calls.iter().try_for_each(|call| spend::keep_call(tx, call))?;
            take(tx, chat, &unasked, now)
        })
        .await
    }

    async fn silence(&self, chat: ChatId, silence: NewSilence, now: Timestamp) -> Result<(), StorageError> {
        self.write("keeping silence", Priority::Other, Rings::default(), move |tx| keep_silent(tx, chat, &silence, now))
            .await
    }

    async fn quiet_chats(&self, request: QuietRequest, now: Timestamp) -> Result<Vec<QuietChat>, StorageError> {
        self.read("looking for quiet chats", move |connection| {
            query_all(
                connection,
                "looking for quiet chats",
                "SELECT chat_id, kind, heard_at FROM chats WHERE kind = 'group' AND heard_at BETWEEN ?1 AND ?2 \
                 AND spoken_to_at >= ?3 AND dead_at IS NULL AND left_at IS NULL AND migrated_to IS NULL \
                 AND access NOT IN ('refused', 'banned') AND COALESCE(silent_until, 0) <= ?4 \
                 AND COALESCE(grave_until, 0) <= ?4 ORDER BY heard_at DESC LIMIT ?5",
                params![
                    (now - request.quiet_at_most).0,
                    (now - request.quiet_for).0,
                    (now - request.spoken_to_within).0,
                    now.0,
                    request.limit,
                ],
                |row| {
                    let kind: String = row.get(1)?;
                    let chat = Chat { id: ChatId(row.get(0)?), kind: memory::kind_of(&kind), title: None };
                    Ok(QuietChat { chat, heard_at: Timestamp(row.get(2)?) })
                },
            )
        })
        .await
    }
}

/// Notes what a turn leaves of the talk; returns how much of the unasked is said.
pub(super) fn note(tx: &Connection, notes: &TalkNotes, now: Timestamp) -> Result<u32, StorageError> {
    count_people(tx, notes, now)?;
    note_times(tx, notes, now)?;
    for reception in &notes.receptions {
        receive(tx, notes.chat, *reception)?;
    }
    if let Some(silence) = &notes.silence {
        keep_silent(tx, notes.chat, silence, now)?;
    }
    if notes.grave_until.is_some_and(|until| until > now) {
        drop_unsent(tx, notes.chat, "something grave came up", now)?;
    }
    let mut said = 0;
    for unasked in &notes.unasked {
        said += u32::from(take(tx, notes.chat, unasked, now)?);
    }
    Ok(said)
}

fn count_people(tx: &Connection, notes: &TalkNotes, now: Timestamp) -> Result<(), StorageError> {
    if notes.people == 0 {
        return Ok(());
    }
    execute(
        tx,
        "counting an hour's messages",
        "INSERT INTO chat_hours (chat_id, hour, people, addressed) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (chat_id, hour) DO UPDATE SET people = people + excluded.people, \
         addressed = addressed + excluded.addressed",
        params![notes.chat.0, now.0.div_euclid(HOUR_MS), notes.people, notes.addressed],
    )?;
    Ok(())
}

/// A message of the bot's own was sent.
pub(super) fn count_own(tx: &Connection, chat: ChatId, is_unasked: bool, now: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "counting an hour's messages",
        "INSERT INTO chat_hours (chat_id, hour, own, unasked) VALUES (?1, ?2, 1, ?3) \
         ON CONFLICT (chat_id, hour) DO UPDATE SET own = own + 1, unasked = unasked + excluded.unasked",
        params![chat.0, now.0.div_euclid(HOUR_MS), is_unasked],
    )?;
    Ok(())
}

fn note_times(tx: &Connection, notes: &TalkNotes, now: Timestamp) -> Result<(), StorageError> {
    let doing = "noting when a chat talked";
    if let Some(heard_at) = notes.heard_at {
        execute(
            tx,
            doing,
            "UPDATE chats SET heard_at = ?2 WHERE chat_id = ?1 \
             AND (heard_at IS NULL OR heard_at NOT BETWEEN ?2 - ?3 AND ?2 + ?3)",
            params![notes.chat.0, heard_at.0, HEARD_STEP_MS],
        )?;
    }
    if let Some(spoken_to_at) = notes.spoken_to_at {
        let sql = "UPDATE chats SET spoken_to_at = ?2 WHERE chat_id = ?1 AND COALESCE(spoken_to_at, 0) < ?2";
        execute(tx, doing, sql, params![notes.chat.0, spoken_to_at.0])?;
    }
    if let Some(until) = notes.grave_until.filter(|until| *until > now) {
        let sql = "UPDATE chats SET grave_until = ?2 WHERE chat_id = ?1 AND COALESCE(grave_until, 0) < ?2";
        execute(tx, doing, sql, params![notes.chat.0, until.0])?;
    }
    Ok(())
}

fn receive(tx: &Connection, chat: ChatId, reception: Reception) -> Result<(), StorageError> {
    execute(
        tx,
        "noting how a line was taken",
        "UPDATE unasked SET reception = MAX(-?4, MIN(?4, reception + ?3)) WHERE chat_id = ?1 AND message_id = ?2",
        params![chat.0, reception.message.0, reception.sign, RECEPTION_MAX],
    )?;
    Ok(())
}

fn keep_silent(tx: &Connection, chat: ChatId, silence: &NewSilence, now: Timestamp) -> Result<(), StorageError> {
    let doing = "keeping silence";
    let kind = if chat.0 > 0 { "private" } else { "group" };
    execute(
        tx,
        doing,
        "INSERT INTO chats (chat_id, kind, silent_until) VALUES (?1, ?2, ?3) \
         ON CONFLICT (chat_id) DO UPDATE SET silent_until = excluded.silent_until",
        params![chat.0, kind, silence.until.0],
    )?;
    if silence.is_counted {
        let sql = "INSERT INTO silences (chat_id, user_id, at) VALUES (?1, ?2, ?3)";
        execute(tx, doing, sql, params![chat.0, silence.by.0, now.0])?;
    }
    if silence.until > now {
        drop_unsent(tx, chat, "somebody asked for silence", now)?;
    }
    Ok(())
}

/// What nobody asked for and is not sent yet is not said any more.
fn drop_unsent(tx: &Connection, chat: ChatId, problem: &str, now: Timestamp) -> Result<(), StorageError> {
    let unsent = query_all(
        tx,
        "looking for what was not asked for",
        "SELECT id FROM outbox WHERE chat_id = ?1 AND unasked_id IS NOT NULL AND state IN ('queued', 'ready') \
         ORDER BY id",
        params![chat.0],
        |row| row.get(0).map(crate::domain::OutgoingId),
    )?;
    unsent.into_iter().try_for_each(|id| outbox::drop_unsent(tx, id, problem, now))
}

/// Takes something unasked from the budget and says it; false if the budget is spent meanwhile, or the chat has fallen
/// silent.
fn take(tx: &Connection, chat: ChatId, unasked: &NewUnasked, now: Timestamp) -> Result<bool, StorageError> {
    let doing = "taking from the talk budget";
    let said = said_since(tx, chat, now - DAY)?;
    let is_hushed = query_one(
        tx,
        doing,
        "SELECT COALESCE(silent_until, 0) > ?2 OR COALESCE(grave_until, 0) > ?2 FROM chats WHERE chat_id = ?1",
        params![chat.0, now.0],
        |row| row.get::<_, bool>(0),
    )?;
    if is_hushed == Some(true) || !unasked.allowance.allows(&said, unasked.kind, now) {
        return Ok(false);
    }
    execute(
        tx,
        doing,
        "INSERT INTO unasked (chat_id, at, kind, quarters) VALUES (?1, ?2, ?3, ?4)",
        params![chat.0, now.0, unasked.kind.as_str(), unasked.kind.quarters()],
    )?;
    let id = tx.last_insert_rowid();
    if let Some(says) = &unasked.says {
        // No lane waits for it: whoever addresses the bot comes first.
        outbox::insert(tx, says, outbox::Ties { unasked: Some(id), ..outbox::Ties::default() }, now)?;
    }
    Ok(unasked.says.is_some())
}

fn people_last_day(connection: &Connection, chat: ChatId, now: Timestamp) -> Result<u32, StorageError> {
    // The hour that began a day ago is left out: rather too few than too many.
    let hour = now.0.div_euclid(HOUR_MS);
    let people = query_one(
        connection,
        "counting a day's messages",
        "SELECT SUM(people) FROM chat_hours WHERE chat_id = ?1 AND hour BETWEEN ?2 AND ?3",
        params![chat.0, hour - 23, hour],
        |row| row.get::<_, Option<u32>>(0),
    )?;
    Ok(people.flatten().unwrap_or(0))
}

/// The oldest first.
fn said_since(connection: &Connection, chat: ChatId, since: Timestamp) -> Result<Vec<Unasked>, StorageError> {
    let mut said = query_all(
        connection,
        "reading what was said unasked",
        "SELECT at, kind, reception FROM unasked WHERE chat_id = ?1 AND at > ?2 ORDER BY at DESC LIMIT ?3",
        params![chat.0, since.0, UNASKED_ROWS],
        |row| {
            let kind: String = row.get(1)?;
            Ok(Unasked { at: Timestamp(row.get(0)?), kind: UnaskedKind::from_stored(&kind), reception: row.get(2)? })
        },
    )?;
    said.reverse();
    Ok(said)
}

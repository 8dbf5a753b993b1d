//! What is deleted when somebody wants to be forgotten, piece by piece: a person may have written for a year, and the
//! updates that come in meanwhile must not wait for all of it.

use std::time::Duration;

use deadpool_sqlite::rusqlite::{Connection, params};

use super::{
    super::{execute, outbox, query_all, query_one, queue, shared},
    redact::{Redacted, Words, redact},
};
use crate::{
    domain::{ChatId, MessageId, OutgoingId, Timestamp, UpdateKey, UserId},
    storage::{Forgotten, StorageError},
};

/// The fact that something was deleted whose traces may stand in the write-ahead log: since when.
pub(in super::super) const TRACES: &str = "traces";
/// Rows deleted in one transaction.
const PIECE: i64 = 1_000;
/// An album has at most ten pictures, whose ids follow each other but for what others wrote in between.
const ALBUM_SPAN: i64 = 30;
/// Today's spending of a person stays for today's budget; a day of any time zone is over after so long.
const DAY_IS_OVER: Duration = Duration::from_secs(38 * 3600);
const DAY_MS: i64 = 86_400_000;

/// The first piece: from here on nothing of theirs comes in any more. All that is small goes at once.
pub(in super::super) fn begin(
    tx: &Connection,
    person: UserId,
    by: Option<UpdateKey>,
    now: Timestamp,
) -> Result<Forgotten, StorageError> {
    let doing = "forgetting a person";
    execute(
        tx,
        doing,
        "INSERT INTO people (user_id, forgotten_at) VALUES (?1, ?2) ON CONFLICT (user_id) DO UPDATE \
         SET forgotten_at = excluded.forgotten_at, asked_key = NULL, asked_at = NULL, told_at = NULL",
        params![person.0, now.0],
    )?;
    execute(tx, doing, "INSERT INTO deletions (at, user_id) VALUES (?1, ?2)", params![now.0, person.0])?;
    shared::set_fact(tx, TRACES, &now.0.to_string())?;
    let mut forgotten = Forgotten {
        updates: redact_updates(tx, Words::Of(person.0), person.0, by, now)?,
        answers: count(execute(tx, doing, "DELETE FROM answers WHERE user_id = ?1", params![person.0])?),
        ..Forgotten::default()
    };
    let unsent = query_all(
        tx,
        doing,
        "SELECT id FROM outbox WHERE state IN ('queued', 'ready') AND (chat_id = ?1 OR EXISTS (SELECT 1 FROM messages \
         WHERE messages.chat_id = outbox.chat_id AND message_id = outbox.reply_to AND author_id = ?1))",
        params![person.0],
        |row| row.get(0).map(OutgoingId),
    )?;
    drop_unsent(tx, &unsent, now)?;
    execute(tx, doing, "UPDATE model_calls SET user_id = NULL WHERE user_id = ?1", params![person.0])?;
    let day = (now - DAY_IS_OVER).0.div_euclid(DAY_MS);
    let spending = "DELETE FROM spending WHERE scope = 'person' AND id = ?1 AND day <= ?2";
    execute(tx, doing, spending, params![person.0, day])?;
    execute(tx, doing, "DELETE FROM silences WHERE user_id = ?1", params![person.0])?;
    let quotes = execute(
        tx,
        doing,
        "UPDATE messages SET quote = NULL WHERE reply_author = ?1 AND (quote IS NOT NULL OR author_kind = 'own') \
         AND quote IS NOT NULL",
        params![person.0],
    )?;
    forgotten.traces += count(quotes);
    Ok(forgotten)
}

/// Deletes a piece of the messages of which this holds.
macro_rules! piece_of {
    ($which:literal) => {
        concat!(
            "DELETE FROM messages WHERE (chat_id, message_id) IN (SELECT chat_id, message_id FROM messages WHERE ",
            $which,
            " LIMIT ?2)"
        )
    };
}

/// A further piece of the messages; nothing is left if it deleted none.
pub(in super::super) fn piece(
    tx: &Connection,
    person: UserId,
    forgotten: &mut Forgotten,
) -> Result<bool, StorageError> {
    let delete = |sql| execute(tx, "forgetting a person's messages", sql, params![person.0, PIECE]);
    // The first condition is the index's own.
    let own =
        delete(piece_of!("reply_author = ?1 AND (quote IS NOT NULL OR author_kind = 'own') AND author_kind = 'own'"))?;
    // A private chat bears its person's id.
    let private = delete(piece_of!("chat_id = ?1 AND author_id <> ?1"))?;
    let forwarded = delete(piece_of!("forwarded_author = ?1"))?;
    let written = delete(piece_of!("author_id = ?1"))?;
    forgotten.traces += count(own + private);
    forgotten.messages += count(forwarded + written);
    Ok(own + private + forwarded + written > 0)
}

/// Deletes a message with its album, what quotes it and what the bot said to it; false if it was not remembered.
pub(in super::super) fn message(
    tx: &Connection,
    chat: ChatId,
    id: MessageId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let doing = "forgetting a message";
    let known = query_one(
        tx,
        doing,
        "SELECT author_id, album FROM messages WHERE chat_id = ?1 AND message_id = ?2",
        params![chat.0, id.0],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?)),
    )?;
    let mut ids = vec![id.0];
    if let Some((author, album)) = &known {
        // Which of their answers came from this message is not known.
        let sql = "DELETE FROM answers WHERE user_id = ?1 AND chat_id = ?2";
        execute(tx, doing, sql, params![author, chat.0])?;
        if let Some(album) = album {
            ids = query_all(
                tx,
                doing,
                "SELECT message_id FROM messages WHERE chat_id = ?1 AND message_id BETWEEN ?2 AND ?3 AND album = ?4",
                params![chat.0, id.0 - ALBUM_SPAN, id.0 + ALBUM_SPAN, album],
                |row| row.get(0),
            )?;
        }
    }
    shared::set_fact(tx, TRACES, &now.0.to_string())?;
    for id in ids {
        one(tx, chat, id, now)?;
    }
    Ok(known.is_some())
}

fn one(tx: &Connection, chat: ChatId, id: i64, now: Timestamp) -> Result<(), StorageError> {
    let doing = "forgetting a message";
    let place = params![chat.0, id];
    execute(
        tx,
        doing,
        "INSERT INTO deletions (at, chat_id, message_id) SELECT ?3, ?1, ?2 \
         WHERE NOT EXISTS (SELECT 1 FROM deletions WHERE chat_id = ?1 AND message_id = ?2)",
        params![chat.0, id, now.0],
    )?;
    let unsent = "SELECT id FROM outbox WHERE state IN ('queued', 'ready') AND chat_id = ?1 AND reply_to = ?2 \
                  AND kind <> 'notice'";
    let unsent = query_all(tx, doing, unsent, place, |row| row.get(0).map(OutgoingId))?;
    drop_unsent(tx, &unsent, now)?;
    redact_updates(tx, Words::In(chat.0, id), id, None, now)?;
    execute(
        tx,
        doing,
        "UPDATE messages SET quote = NULL WHERE chat_id = ?1 AND reply_to = ?2 \
         AND (quote IS NOT NULL OR author_kind = 'own') AND quote IS NOT NULL",
        place,
    )?;
    execute(
        tx,
        doing,
        "DELETE FROM messages WHERE chat_id = ?1 AND reply_to = ?2 \
         AND (quote IS NOT NULL OR author_kind = 'own') AND author_kind = 'own'",
        place,
    )?;
    execute(tx, doing, "DELETE FROM messages WHERE chat_id = ?1 AND message_id = ?2", place).map(drop)
}

/// What was to be said to them is not said; the lanes that wait for it go on.
fn drop_unsent(tx: &Connection, unsent: &[OutgoingId], now: Timestamp) -> Result<(), StorageError> {
    for id in unsent {
        outbox::drop_unsent(tx, *id, "what it answers was forgotten", now)?;
    }
    Ok(())
}

/// Takes words out of the bodies that wait and that are dead; returns how many bodies changed. `digits` is an id that
/// every such body names.
fn redact_updates(
    tx: &Connection,
    words: Words,
    digits: i64,
    but: Option<UpdateKey>,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let doing = "taking words out of raw updates";
    let mut changed = 0;
    queue::join_every(tx)?;
    let found = query_all(
        tx,
        doing,
        // Only these two states have bodies.
        "SELECT inbox.id, body FROM queue CROSS JOIN inbox ON inbox.id = inbox_id \
         WHERE body IS NOT NULL AND update_key IS NOT ?2 AND INSTR(body, CAST(?1 AS BLOB)) > 0 UNION ALL \
         SELECT id, body FROM inbox WHERE state = 2 AND body IS NOT NULL AND INSTR(body, CAST(?1 AS BLOB)) > 0",
        params![digits.to_string(), but.map(|key| key.0)],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)),
    )?;
    for (id, body) in found {
        changed += match redact(&body, words) {
            Redacted::Untouched => 0,
            Redacted::Theirs => {
                queue::remove(tx, id)?;
                execute(
                    tx,
                    doing,
                    // A dead letter without a body cannot be tried again, which is as it should be.
                    "UPDATE inbox SET body = NULL, state = CASE WHEN state = 0 THEN 1 ELSE state END, \
                     ended_at = COALESCE(ended_at, ?2) WHERE id = ?1",
                    params![id, now.0],
                )?
            }
            Redacted::Without(left) => {
                execute(tx, doing, "UPDATE inbox SET body = ?2 WHERE id = ?1", params![id, left])?
            }
        };
    }
    Ok(count(changed))
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

//! A group that became a supergroup has another id, and all that is known of it follows: how the chat stands at once, and
//! of its messages the newest; the older ones in steps, for there may be very many.
//!
//! A supergroup counts its messages from 1, so the old ones keep their order below zero, where Telegram gives no ids.

use std::collections::BTreeMap;

use deadpool_sqlite::rusqlite::{Connection, params};

use super::{execute, query_all, query_one};
use crate::{domain::ChatId, storage::StorageError};

/// Messages moved with the migration itself, more than any window holds: about 50 ms of the writer.
const AT_ONCE: usize = 1_000;
/// What is taken from an old message's id. Telegram's have 32 bits.
const SHIFT: i64 = 1 << 40;

/// Moves what is known of the chat `from` to `to`. May be repeated: what is set in `to` stays.
pub(super) fn follow(tx: &Connection, from: ChatId, to: ChatId) -> Result<(), StorageError> {
    let doing = "following a migration";
    let is_news = execute(
        tx,
        doing,
        "INSERT INTO chats (chat_id, kind, migrated_to) VALUES (?1, 'group', ?2) ON CONFLICT (chat_id) DO UPDATE \
         SET migrated_to = excluded.migrated_to WHERE migrated_to IS NOT excluded.migrated_to",
        params![from.0, to.0],
    )?;
    if is_news > 0 {
        // It is still the same people: what was decided and set holds.
        execute(tx, doing, CHAT_SQL, params![from.0, to.0])?;
    }
    for sql in RECORDS_SQL {
        execute(tx, doing, sql, params![from.0, to.0])?;
    }
    execute(tx, doing, UNASKED_SQL, params![from.0, to.0, SHIFT])?;
    for sql in OLD_SUMS_SQL {
        execute(tx, doing, sql, params![from.0])?;
    }
    move_messages(tx, from, to, AT_ONCE).map(drop)
}

/// How the chat stands. The supergroup may have been heard of before: what was decided or set there counts.
const CHAT_SQL: &str = "INSERT INTO chats (chat_id, kind, title, access, access_at, introduced_at, bot_is_admin, \
     talk_level, quiet_from, quiet_to, persona, language, reactions, silent_until, grave_until, spoken_to_at, heard_at, \
     opened_at, failure_line_at) \
     SELECT ?2, 'group', title, access, access_at, introduced_at, bot_is_admin, talk_level, quiet_from, quiet_to, persona, \
     language, reactions, silent_until, grave_until, spoken_to_at, heard_at, opened_at, failure_line_at FROM chats \
     WHERE chat_id = ?1 \
     ON CONFLICT (chat_id) DO UPDATE SET title = COALESCE(title, excluded.title), \
     access = CASE WHEN access IN ('new', 'asked') THEN excluded.access ELSE access END, \
     access_at = CASE WHEN access IN ('new', 'asked') THEN excluded.access_at ELSE access_at END, \
     introduced_at = COALESCE(introduced_at, excluded.introduced_at), \
     talk_level = COALESCE(talk_level, excluded.talk_level), \
     quiet_from = COALESCE(quiet_from, excluded.quiet_from), quiet_to = COALESCE(quiet_to, excluded.quiet_to), \
     persona = COALESCE(persona, excluded.persona), language = COALESCE(language, excluded.language), \
     reactions = COALESCE(reactions, excluded.reactions), \
     silent_until = NULLIF(MAX(COALESCE(silent_until, 0), COALESCE(excluded.silent_until, 0)), 0), \
     grave_until = NULLIF(MAX(COALESCE(grave_until, 0), COALESCE(excluded.grave_until, 0)), 0), \
     spoken_to_at = NULLIF(MAX(COALESCE(spoken_to_at, 0), COALESCE(excluded.spoken_to_at, 0)), 0), \
     heard_at = NULLIF(MAX(COALESCE(heard_at, 0), COALESCE(excluded.heard_at, 0)), 0), \
     opened_at = NULLIF(MAX(COALESCE(opened_at, 0), COALESCE(excluded.opened_at, 0)), 0), \
     failure_line_at = NULLIF(MAX(COALESCE(failure_line_at, 0), COALESCE(excluded.failure_line_at, 0)), 0)";

const RECORDS_SQL: [&str; 4] = [
    // A supergroup counts its messages anew, so the old reply targets mean nothing there.
    "UPDATE outbox SET chat_id = ?2, reply_to = NULL, target = NULL \
     WHERE state IN ('queued', 'ready', 'sending') AND chat_id = ?1",
    "UPDATE silences SET chat_id = ?2 WHERE chat_id = ?1",
    "INSERT INTO chat_hours (chat_id, hour, people, addressed, own, unasked) \
     SELECT ?2, hour, people, addressed, own, unasked FROM chat_hours WHERE chat_id = ?1 \
     ON CONFLICT (chat_id, hour) DO UPDATE SET people = people + excluded.people, \
     addressed = addressed + excluded.addressed, own = own + excluded.own, unasked = unasked + excluded.unasked",
    "INSERT INTO spending (day, scope, id, calls, nano_usd, counted_nano_usd, unasked_nano_usd, unpriced_tokens) \
     SELECT day, scope, ?2, calls, nano_usd, counted_nano_usd, unasked_nano_usd, unpriced_tokens FROM spending \
     WHERE scope = 'chat' AND id = ?1 \
     ON CONFLICT (day, scope, id) DO UPDATE SET calls = calls + excluded.calls, nano_usd = nano_usd + excluded.nano_usd, \
     counted_nano_usd = counted_nano_usd + excluded.counted_nano_usd, \
     unasked_nano_usd = unasked_nano_usd + excluded.unasked_nano_usd, \
     unpriced_tokens = unpriced_tokens + excluded.unpriced_tokens",
];

const UNASKED_SQL: &str = "UPDATE unasked SET chat_id = ?2, message_id = message_id - ?3 WHERE chat_id = ?1";

/// Added to the new chat's above, or of no use there.
const OLD_SUMS_SQL: [&str; 3] = [
    "DELETE FROM chat_hours WHERE chat_id = ?1",
    "DELETE FROM spending WHERE scope = 'chat' AND id = ?1",
    "DELETE FROM answers WHERE chat_id = ?1",
];

/// Moves the newest messages, at most so many, to below the oldest ones of the new chat; returns how many.
pub(super) fn move_messages(tx: &Connection, from: ChatId, to: ChatId, rows_max: usize) -> Result<usize, StorageError> {
    let doing = "moving messages to a group's new id";
    let rows = query_all(
        tx,
        doing,
        "SELECT message_id, topic_id, seq IS NOT NULL FROM messages WHERE chat_id = ?1 AND message_id > ?2 \
         ORDER BY message_id DESC LIMIT ?3",
        params![from.0, i64::MIN, i64::try_from(rows_max).unwrap_or(i64::MAX)],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?)),
    )?;
    // Counted down by topic; a basic group has none, but nothing here depends on that.
    let mut oldest: BTreeMap<i64, i64> = BTreeMap::new();
    for (message, topic, is_counted) in &rows {
        let mut seq = None;
        if *is_counted {
            let before = match oldest.get(topic) {
                Some(known) => *known,
                None => oldest_seq(tx, to, *topic)?,
            };
            oldest.insert(*topic, before - 1);
            seq = Some(before - 1);
        }
        let sql = "UPDATE messages SET chat_id = ?3, message_id = message_id - ?4, reply_to = reply_to - ?4, seq = ?5 \
                   WHERE chat_id = ?1 AND message_id = ?2";
        execute(tx, doing, sql, params![from.0, message, to.0, SHIFT, seq])?;
    }
    Ok(rows.len())
}

fn oldest_seq(tx: &Connection, chat: ChatId, topic: i64) -> Result<i64, StorageError> {
    let sql = "SELECT seq FROM messages WHERE chat_id = ?1 AND topic_id = ?2 AND seq IS NOT NULL ORDER BY seq LIMIT 1";
    let known = query_one(tx, "looking for a topic's oldest message", sql, params![chat.0, topic], |row| row.get(0))?;
    Ok(known.unwrap_or(1))
}

/// A group with messages that have yet to follow it: old and new id. Reads all chats, so not for every message.
pub(super) fn left_behind(connection: &Connection) -> Result<Option<(ChatId, ChatId)>, StorageError> {
    let sql = "SELECT chat_id, migrated_to FROM chats WHERE migrated_to IS NOT NULL \
               AND EXISTS (SELECT 1 FROM messages WHERE messages.chat_id = chats.chat_id) LIMIT 1";
    query_one(connection, "looking for messages of an old group", sql, [], |row| {
        Ok((ChatId(row.get(0)?), ChatId(row.get(1)?)))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tempfile::TempDir;

    use super::*;
    use crate::{
        clock::TokioClock,
        domain::{ChatAccess, ChatState, Language, QuietHours, TalkLevel, Timestamp},
        shutdown::Shutdown,
        storage::{
            ChatStore as _,
            sqlite::{
                SqliteOptions, SqliteStore,
                writer::{Priority, Rings},
            },
        },
        telemetry::Metrics,
    };

    /// How the supergroup stands after a group has followed to it; either's row is given as its columns and values.
    async fn after_migration(old: &str, new: Option<&str>) -> ChatState {
        let place = TempDir::new().unwrap();
        let clock = Arc::new(TokioClock::starting_at(Timestamp(0)));
        let options = SqliteOptions::new(place.path(), clock, Metrics::new());
        let store = SqliteStore::open(options, &Shutdown::new()).await.unwrap();
        let row = |id: i64, columns: &str| {
            format!("INSERT INTO chats (chat_id, kind, {columns});").replace("ID", &id.to_string())
        };
        let rows = row(-10, old) + &new.map(|new| row(-20, new)).unwrap_or_default();
        let piece = store.write("testing", Priority::Other, Rings::default(), move |tx| {
            tx.execute_batch(&rows).unwrap();
            follow(tx, ChatId(-10), ChatId(-20))?;
            follow(tx, ChatId(-10), ChatId(-20))
        });
        piece.await.unwrap();
        store.standing(ChatId(-20), Vec::new()).await.unwrap().chat
    }

    const SET: &str = "access, introduced_at, talk_level, quiet_from, quiet_to, persona, language, reactions, \
                       silent_until, bot_is_admin) \
                       VALUES (ID, 'group', 'allowed', 5, 'shy', 23, 7, 'inna', 'en', 0, 90, 1";

    #[tokio::test]
    async fn how_a_chat_stands_and_what_it_has_set_follows_it() {
        let state = after_migration(SET, None).await;
        assert_eq!(state.access, ChatAccess::Allowed);
        assert_eq!(state.settings.talk_level, Some(TalkLevel::Shy));
        assert_eq!(state.settings.quiet_hours, Some(QuietHours { from: 23, to: 7 }));
        assert_eq!(state.settings.persona.as_deref(), Some("inna"));
        assert_eq!((state.settings.language, state.settings.reactions), (Some(Language::English), Some(false)));
        assert_eq!((state.introduced_at, state.silent_until), (Some(Timestamp(5)), Some(Timestamp(90))));
        assert!(state.bot_is_admin);
        assert_eq!((state.grave_until, state.heard_at), (None, None));
    }

    #[tokio::test]
    async fn what_was_decided_in_the_new_group_counts() {
        let new = "access, talk_level, silent_until) VALUES (ID, 'group', 'asked', 'chatty', 95";
        let state = after_migration(SET, Some(new)).await;
        assert_eq!(state.access, ChatAccess::Allowed, "nobody need ask again");
        assert_eq!(state.settings.talk_level, Some(TalkLevel::Chatty));
        assert_eq!((state.settings.language, state.silent_until), (Some(Language::English), Some(Timestamp(95))));
        let refused = "access) VALUES (ID, 'group', 'refused'";
        assert_eq!(after_migration(SET, Some(refused)).await.access, ChatAccess::Refused);
    }
}

//! Chats and people as they stand.

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, Row, params};

use super::{
    SqliteStore, execute, memory, query_all, query_one,
    writer::{Priority, Rings},
};
use crate::{
    domain::{Chat, ChatAccess, ChatId, ChatSettings, ChatState, Language, QuietHours, TalkLevel, Timestamp, UserId},
    storage::{BotStanding, ChatSetting, ChatStore, GroupSummary, KnownChat, Standing, StorageError},
};

#[async_trait]
impl ChatStore for SqliteStore {
    async fn standing(&self, chat: ChatId, people: Vec<UserId>) -> Result<Standing, StorageError> {
        self.read("looking at a chat", move |connection| standing(connection, chat, &people)).await
    }

    async fn set_access(&self, chat: Chat, access: ChatAccess, now: Timestamp) -> Result<ChatAccess, StorageError> {
        self.write("deciding on a chat", Priority::Other, Rings::default(), move |tx| {
            set_access(tx, &chat, access, now)
        })
        .await
    }

    async fn set_bot_standing(&self, chat: Chat, standing: BotStanding, at: Timestamp) -> Result<(), StorageError> {
        self.write("noting the bot's standing", Priority::Other, Rings::default(), move |tx| {
            set_bot_standing(tx, &chat, standing, at)
        })
        .await
    }

    async fn set_setting(&self, chat: Chat, setting: ChatSetting) -> Result<(), StorageError> {
        self.write("changing a setting", Priority::Other, Rings::default(), move |tx| set_setting(tx, &chat, &setting))
            .await
    }

    async fn known_chat(&self, chat: ChatId) -> Result<Option<KnownChat>, StorageError> {
        self.read("looking for a chat", move |connection| {
            let sql = "SELECT chat_id, kind, title, access, access_at, left_at FROM chats WHERE chat_id = ?1";
            query_one(connection, "looking for a chat", sql, params![chat.0], known_chat)
        })
        .await
    }

    async fn chats(&self, access: Vec<ChatAccess>, limit: u32) -> Result<Vec<KnownChat>, StorageError> {
        self.read("listing chats", move |connection| {
            let words: Vec<_> = access.iter().map(|access| access.as_str()).collect();
            let sql = "SELECT chat_id, kind, title, access, access_at, left_at FROM chats \
                       WHERE access IN (SELECT value FROM json_each(?1)) ORDER BY access_at DESC, chat_id LIMIT ?2";
            let words = serde_json::json!(words).to_string();
            query_all(connection, "listing chats", sql, params![words, limit], known_chat)
        })
        .await
    }

    async fn groups(&self, since: Timestamp, limit: u32) -> Result<Vec<GroupSummary>, StorageError> {
        self.read("listing groups", move |connection| {
            let hour = since.0.div_euclid(3_600_000);
            query_all(connection, "listing groups", GROUPS_SQL, params![hour, limit], group_summary)
        })
        .await
    }

    async fn open_group(&self, chat: ChatId, now: Timestamp) -> Result<bool, StorageError> {
        self.write("opening a group", Priority::Other, Rings::default(), move |tx| {
            let sql = "UPDATE chats SET opened_at = ?2 WHERE chat_id = ?1 AND kind = 'group' AND migrated_to IS NULL";
            Ok(execute(tx, "opening a group", sql, params![chat.0, now.0])? > 0)
        })
        .await
    }

    async fn chats_left(&self, before: Timestamp, limit: u32) -> Result<Vec<ChatId>, StorageError> {
        self.read("looking for chats that were left", move |connection| {
            let sql = "SELECT chat_id FROM chats WHERE COALESCE(left_at, dead_at) < ?1 LIMIT ?2";
            query_all(connection, "looking for chats that were left", sql, params![before.0, limit], |row| {
                row.get(0).map(ChatId)
            })
        })
        .await
    }

    async fn delete_chat(&self, chat: ChatId, now: Timestamp) -> Result<bool, StorageError> {
        self.write("deleting a chat", Priority::Other, Rings::default(), move |tx| delete_chat(tx, chat, now)).await
    }

    async fn forget_old(&self, before: Timestamp) -> Result<u64, StorageError> {
        // Read first: most chats have nothing to forget, and a commit each would cost more than all of the reading.
        let chats = self
            .read("finding old messages", move |connection| {
                query_all(connection, "finding old messages", CHATS_WITH_OLD, params![before.0, PIECE], |row| {
                    row.get(0).map(ChatId)
                })
            })
            .await?;
        let mut forgotten = 0;
        for chat in chats {
            let piece = self.write("forgetting old messages", Priority::Other, Rings::default(), move |tx| {
                forget_old(tx, chat, before)
            });
            forgotten += piece.await?;
        }
        Ok(forgotten)
    }
}

/// Rows deleted in one transaction.
const PIECE: i64 = 1_000;

fn set_access(tx: &Connection, chat: &Chat, access: ChatAccess, now: Timestamp) -> Result<ChatAccess, StorageError> {
    let doing = "deciding on a chat";
    let sql = "SELECT access FROM chats WHERE chat_id = ?1";
    let before = query_one(tx, doing, sql, params![chat.id.0], |row| row.get::<_, String>(0))?;
    execute(
        tx,
        doing,
        "INSERT INTO chats (chat_id, kind, title, access, access_at) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (chat_id) DO UPDATE SET access = excluded.access, access_at = excluded.access_at, \
         title = COALESCE(excluded.title, title) WHERE access <> excluded.access",
        params![chat.id.0, chat.kind.as_str(), chat.title, access.as_str(), now.0],
    )?;
    Ok(before.map_or(ChatAccess::New, |word| ChatAccess::from_stored(&word)))
}

fn set_bot_standing(tx: &Connection, chat: &Chat, standing: BotStanding, at: Timestamp) -> Result<(), StorageError> {
    let doing = "noting the bot's standing";
    let kind = chat.kind.as_str();
    match standing {
        BotStanding::Gone => execute(
            tx,
            doing,
            "INSERT INTO chats (chat_id, kind, left_at) VALUES (?1, ?2, ?3) ON CONFLICT (chat_id) DO UPDATE \
             SET left_at = COALESCE(left_at, excluded.left_at), bot_is_admin = 0",
            params![chat.id.0, kind, at.0],
        ),
        BotStanding::Member | BotStanding::Admin => execute(
            tx,
            doing,
            "INSERT INTO chats (chat_id, kind, bot_is_admin) VALUES (?1, ?2, ?3) ON CONFLICT (chat_id) DO UPDATE \
             SET introduced_at = CASE WHEN left_at IS NULL THEN introduced_at END, left_at = NULL, dead_at = NULL, \
             dead_reason = NULL, bot_is_admin = excluded.bot_is_admin, kind = excluded.kind",
            params![chat.id.0, kind, standing == BotStanding::Admin],
        ),
    }
    .map(drop)
}

fn set_setting(tx: &Connection, chat: &Chat, setting: &ChatSetting) -> Result<(), StorageError> {
    let doing = "changing a setting";
    let sql = "INSERT INTO chats (chat_id, kind) VALUES (?1, ?2) ON CONFLICT (chat_id) DO NOTHING";
    execute(tx, doing, sql, params![chat.id.0, chat.kind.as_str()])?;
    let id = chat.id.0;
    match setting {
        ChatSetting::TalkLevel(level) => execute(
            tx,
            doing,
            "UPDATE chats SET talk_level = ?2 WHERE chat_id = ?1",
            params![id, level.map(TalkLevel::as_str)],
        ),
        ChatSetting::QuietHours(hours) => execute(
            tx,
            doing,
            "UPDATE chats SET quiet_from = ?2, quiet_to = ?3 WHERE chat_id = ?1",
            params![id, hours.map(|hours| hours.from), hours.map(|hours| hours.to)],
        ),
        ChatSetting::Persona(persona) => {
            execute(tx, doing, "UPDATE chats SET persona = ?2 WHERE chat_id = ?1", params![id, persona])
        }
        ChatSetting::Language(language) => execute(
            tx,
            doing,
            "UPDATE chats SET language = ?2 WHERE chat_id = ?1",
            params![id, language.map(Language::code)],
        ),
        ChatSetting::Reactions(reactions) => {
            execute(tx, doing, "UPDATE chats SET reactions = ?2 WHERE chat_id = ?1", params![id, reactions])
        }
    }
    .map(drop)
}

/// Of the groups in which the bot is.
const GROUPS_SQL: &str = "SELECT chat_id, kind, title, heard_at, opened_at, \
     (SELECT COALESCE(SUM(people), 0) FROM chat_hours WHERE chat_hours.chat_id = chats.chat_id AND hour >= ?1), \
     (SELECT COALESCE(SUM(own), 0) FROM chat_hours WHERE chat_hours.chat_id = chats.chat_id AND hour >= ?1) \
     FROM chats WHERE kind = 'group' AND migrated_to IS NULL AND left_at IS NULL AND dead_at IS NULL \
     ORDER BY heard_at DESC, chat_id LIMIT ?2";

fn group_summary(row: &Row<'_>) -> rusqlite::Result<GroupSummary> {
    Ok(GroupSummary {
        chat: Chat { id: ChatId(row.get(0)?), kind: memory::kind_of(&row.get::<_, String>(1)?), title: row.get(2)? },
        heard_at: row.get::<_, Option<i64>>(3)?.map(Timestamp),
        opened_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
        people: row.get(5)?,
        own: row.get(6)?,
    })
}

fn known_chat(row: &Row<'_>) -> rusqlite::Result<KnownChat> {
    Ok(KnownChat {
        chat: Chat { id: ChatId(row.get(0)?), kind: memory::kind_of(&row.get::<_, String>(1)?), title: row.get(2)? },
        access: ChatAccess::from_stored(&row.get::<_, String>(3)?),
        access_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
        left_at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
    })
}

pub(super) fn delete_chat(tx: &Connection, chat: ChatId, now: Timestamp) -> Result<bool, StorageError> {
    let doing = "deleting a chat";
    let id = params![chat.0];
    let messages = execute(
        tx,
        doing,
        "DELETE FROM messages WHERE (chat_id, message_id) IN \
         (SELECT chat_id, message_id FROM messages WHERE chat_id = ?1 LIMIT ?2)",
        params![chat.0, PIECE],
    )?;
    if messages > 0 {
        return Ok(false);
    }
    super::queue::join_every(tx)?;
    // An answer that waits for nothing blocks no lane: the lane's updates are closed with it.
    for sql in [
        "UPDATE inbox SET body = NULL, state = 1, ended_at = COALESCE(ended_at, 0) WHERE state = 0 AND id IN \
         (SELECT inbox_id FROM queue WHERE lane_id IN (SELECT id FROM lanes WHERE chat_id = ?1))",
        "DELETE FROM queue WHERE lane_id IN (SELECT id FROM lanes WHERE chat_id = ?1)",
        "UPDATE inbox SET body = NULL, state = 1 WHERE state = 2 AND chat_id = ?1",
        "UPDATE lanes SET due_at = NULL, unsent = 0 WHERE chat_id = ?1 AND claimed = 0",
        "DELETE FROM outbox WHERE chat_id = ?1",
        "DELETE FROM silences WHERE chat_id = ?1",
        "DELETE FROM chat_hours WHERE chat_id = ?1",
        "DELETE FROM unasked WHERE chat_id = ?1",
        "DELETE FROM answers WHERE chat_id = ?1",
        "DELETE FROM spending WHERE scope = 'chat' AND id = ?1",
        "UPDATE model_calls SET chat_id = NULL WHERE chat_id = ?1",
        "DELETE FROM chats WHERE chat_id = ?1 AND access NOT IN ('refused', 'banned')",
        // It may come back: the admin's word holds, and nothing else is known of it.
        "UPDATE chats SET title = NULL, left_at = NULL, dead_at = NULL, dead_reason = NULL, persona = NULL, \
         introduced_at = NULL, silent_until = NULL, grave_until = NULL, spoken_to_at = NULL, heard_at = NULL, opened_at = NULL \
         WHERE chat_id = ?1",
    ] {
        execute(tx, doing, sql, id)?;
    }
    execute(tx, doing, "INSERT INTO deletions (at, chat_id) VALUES (?1, ?2)", params![now.0, chat.0])?;
    super::shared::set_fact(tx, super::people::TRACES, &now.0.to_string())?;
    Ok(true)
}

/// Chats that were written to, whether or not they have a row of their own, and in which something is old.
const CHATS_WITH_OLD: &str = "SELECT chat_id FROM (SELECT chat_id FROM chats UNION SELECT chat_id FROM lanes) AS known \
     WHERE EXISTS (SELECT 1 FROM messages WHERE chat_id = known.chat_id AND sent_at < ?1 AND message_id IN \
         (SELECT message_id FROM messages WHERE chat_id = known.chat_id ORDER BY message_id LIMIT ?2))";

/// The oldest messages of a chat stand first, so what is old enough is found without looking at the others.
fn forget_old(tx: &Connection, chat: ChatId, before: Timestamp) -> Result<u64, StorageError> {
    let changed = execute(
        tx,
        "forgetting old messages",
        "DELETE FROM messages WHERE chat_id = ?1 AND sent_at < ?2 AND message_id IN \
         (SELECT message_id FROM messages WHERE chat_id = ?1 ORDER BY message_id LIMIT ?3)",
        params![chat.0, before.0, PIECE],
    )?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

pub(super) fn standing(connection: &Connection, chat: ChatId, people: &[UserId]) -> Result<Standing, StorageError> {
    let doing = "looking at a chat";
    let mut standing = Standing {
        chat: query_one(
            connection,
            doing,
            "SELECT access, talk_level, quiet_from, quiet_to, persona, language, reactions, introduced_at, bot_is_admin, \
             silent_until, grave_until, spoken_to_at, heard_at, opened_at FROM chats WHERE chat_id = ?1",
            params![chat.0],
            chat_state,
        )?
        .unwrap_or_default(),
        ..Standing::default()
    };
    for person in people {
        let known = query_one(
            connection,
            doing,
            "SELECT opted_out_at IS NOT NULL, banned_at IS NOT NULL FROM people WHERE user_id = ?1",
            params![person.0],
            |row| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?)),
        )?;
        let (opted_out, banned) = known.unwrap_or_default();
        if opted_out {
            standing.opted_out.push(*person);
        }
        if banned {
            standing.banned.push(*person);
        }
    }
    Ok(standing)
}

fn chat_state(row: &Row<'_>) -> rusqlite::Result<ChatState> {
    let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp));
    let word = |column| row.get::<_, Option<String>>(column);
    let quiet_hours = match (row.get::<_, Option<u8>>(2)?, row.get::<_, Option<u8>>(3)?) {
        (Some(from), Some(to)) => Some(QuietHours { from, to }),
        _ => None,
    };
    Ok(ChatState {
        access: ChatAccess::from_stored(&row.get::<_, String>(0)?),
        settings: ChatSettings {
            talk_level: word(1)?.as_deref().and_then(TalkLevel::from_stored),
            quiet_hours,
            persona: word(4)?,
            language: word(5)?.as_deref().and_then(Language::from_code),
            reactions: row.get(6)?,
        },
        introduced_at: at(7)?,
        bot_is_admin: row.get(8)?,
        silent_until: at(9)?,
        grave_until: at(10)?,
        spoken_to_at: at(11)?,
        heard_at: at(12)?,
        opened_at: at(13)?,
    })
}

//! Chats and people as they stand.

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, Row, params};

use super::{SqliteStore, query_one};
use crate::{
    domain::{ChatAccess, ChatId, ChatSettings, ChatState, Language, QuietHours, TalkLevel, Timestamp, UserId},
    storage::{ChatStore, Standing, StorageError},
};

#[async_trait]
impl ChatStore for SqliteStore {
    async fn standing(&self, chat: ChatId, people: Vec<UserId>) -> Result<Standing, StorageError> {
        self.read("looking at a chat", move |connection| standing(connection, chat, &people)).await
    }
}

fn standing(connection: &Connection, chat: ChatId, people: &[UserId]) -> Result<Standing, StorageError> {
    let doing = "looking at a chat";
    let mut standing = Standing {
        chat: query_one(
            connection,
            doing,
            "SELECT access, talk_level, quiet_from, quiet_to, persona, language, reactions, introduced_at, bot_is_admin, \
             silent_until, grave_until, spoken_to_at, heard_at FROM chats WHERE chat_id = ?1",
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
    })
}

//! What is said by the first turn that wants to say it.

use std::time::Duration;

use deadpool_sqlite::rusqlite::{Connection, params};

use super::{execute, outbox};
use crate::{
    domain::Timestamp,
    storage::{Once, SaidOnce, StorageError},
};

/// Who opted out hears at most once in this time why nobody answers.
const OPTED_OUT_PAUSE: Duration = Duration::from_secs(86_400);

pub(super) fn say(tx: &Connection, all: &[SaidOnce], now: Timestamp) -> Result<(), StorageError> {
    for said in all {
        if is_first(tx, said, now)? {
            said.says.iter().try_for_each(|says| outbox::insert(tx, says, outbox::Ties::default(), now))?;
        }
    }
    Ok(())
}

/// Notes that it is said now; false if it was said before.
fn is_first(tx: &Connection, said: &SaidOnce, now: Timestamp) -> Result<bool, StorageError> {
    let (chat, kind) = (said.chat.id.0, said.chat.kind.as_str());
    let changed = match said.once {
        Once::AskAccess => execute(
            tx,
            "asking for access",
            "INSERT INTO chats (chat_id, kind, access, access_at) VALUES (?1, ?2, 'asked', ?3) \
             ON CONFLICT (chat_id) DO UPDATE SET access = 'asked', access_at = excluded.access_at WHERE access = 'new'",
            params![chat, kind, now.0],
        ),
        Once::Introduce => execute(
            tx,
            "introducing itself",
            "INSERT INTO chats (chat_id, kind, introduced_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (chat_id) DO UPDATE SET introduced_at = excluded.introduced_at WHERE introduced_at IS NULL",
            params![chat, kind, now.0],
        ),
        Once::TellOptedOut(person) => execute(
            tx,
            "telling who opted out",
            "UPDATE people SET told_at = ?2 WHERE user_id = ?1 AND opted_out_at IS NOT NULL \
             AND (told_at IS NULL OR told_at <= ?3 OR told_at > ?2)",
            params![person.0, now.0, (now - OPTED_OUT_PAUSE).0],
        ),
    }?;
    Ok(changed > 0)
}

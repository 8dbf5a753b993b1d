//! People: opting out, bans, forgetting, export.

mod export;
mod forget;
mod redact;

pub(super) use self::forget::{TRACES, begin as forget_begin, message as forget_message, piece as forget_piece};

use std::time::Duration;

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, params};

use super::{
    SqliteStore, connect, execute, query_all, query_one,
    writer::{Priority, Rings},
};
use crate::{
    domain::{ChatId, MessageId, Timestamp, UpdateKey, UserId},
    storage::{Deletion, ForgetStep, Forgotten, PeopleStore, PersonExport, PersonRecord, StorageError},
};

/// How long the wish to be forgotten waits for its second step.
const ASKED_FOR: Duration = Duration::from_secs(600);
/// After a deletion the log is emptied once more when the turn that asked for it has long ended.
const TRACES_END: Duration = Duration::from_secs(10);

#[async_trait]
impl PeopleStore for SqliteStore {
    async fn person(&self, person: UserId) -> Result<PersonRecord, StorageError> {
        self.read("looking at a person", move |connection| record(connection, person)).await
    }

    async fn opt_out(&self, person: UserId, now: Timestamp) -> Result<bool, StorageError> {
        self.change(
            "opting out",
            "INSERT INTO people (user_id, opted_out_at) VALUES (?1, ?2) ON CONFLICT (user_id) DO UPDATE \
             SET opted_out_at = excluded.opted_out_at, told_at = NULL WHERE opted_out_at IS NULL",
            vec![person.0, now.0],
        )
        .await
    }

    async fn opt_in(&self, person: UserId) -> Result<bool, StorageError> {
        let sql = "UPDATE people SET opted_out_at = NULL, told_at = NULL \
                   WHERE user_id = ?1 AND opted_out_at IS NOT NULL";
        self.change("opting in", sql, vec![person.0]).await
    }

    async fn ban(&self, person: UserId, now: Timestamp) -> Result<bool, StorageError> {
        self.change(
            "banning a person",
            "INSERT INTO people (user_id, banned_at) VALUES (?1, ?2) ON CONFLICT (user_id) DO UPDATE \
             SET banned_at = excluded.banned_at WHERE banned_at IS NULL",
            vec![person.0, now.0],
        )
        .await
    }

    async fn unban(&self, person: UserId) -> Result<bool, StorageError> {
        let sql = "UPDATE people SET banned_at = NULL WHERE user_id = ?1 AND banned_at IS NOT NULL";
        self.change("lifting a ban", sql, vec![person.0]).await
    }

    async fn ask_to_forget(&self, person: UserId, by: UpdateKey, now: Timestamp) -> Result<ForgetStep, StorageError> {
        self.write("asking to be forgotten", Priority::Other, Rings::default(), move |tx| {
            ask_to_forget(tx, person, by, now)
        })
        .await
    }

    async fn forget_person(
        &self,
        person: UserId,
        by: Option<UpdateKey>,
        now: Timestamp,
    ) -> Result<Forgotten, StorageError> {
        let begun = self
            .write("forgetting a person", Priority::Other, Rings::BOTH, move |tx| forget::begin(tx, person, by, now));
        let mut forgotten = begun.await?;
        loop {
            let piece = self.write("forgetting a person", Priority::Other, Rings::default(), move |tx| {
                let more = forget::piece(tx, person, &mut forgotten)?;
                Ok((more, forgotten))
            });
            let (more, so_far) = piece.await?;
            forgotten = so_far;
            if !more {
                break;
            }
        }
        self.wipe_traces().await?;
        Ok(forgotten)
    }

    async fn forget_message(&self, chat: ChatId, id: MessageId, now: Timestamp) -> Result<bool, StorageError> {
        let forgotten = self
            .write("forgetting a message", Priority::Other, Rings::BOTH, move |tx| forget::message(tx, chat, id, now))
            .await?;
        self.wipe_traces().await?;
        Ok(forgotten)
    }

    async fn export_person(&self, person: UserId, messages_max: u32) -> Result<PersonExport, StorageError> {
        self.read("exporting a person", move |connection| export::export(connection, person, messages_max)).await
    }

    async fn forgotten(
        &self,
        chat: ChatId,
        messages: Vec<(MessageId, Option<UserId>)>,
    ) -> Result<Vec<MessageId>, StorageError> {
        let doing = "looking for what was forgotten";
        self.read(doing, move |connection| {
            let mut forgotten = Vec::new();
            for (id, author) in messages {
                let is_forgotten = query_one(
                    connection,
                    doing,
                    // What they have written since is remembered.
                    "SELECT EXISTS (SELECT 1 FROM deletions WHERE chat_id = ?1 AND message_id = ?2) \
                     OR (EXISTS (SELECT 1 FROM people WHERE user_id = ?3 AND forgotten_at IS NOT NULL) \
                     AND NOT EXISTS (SELECT 1 FROM messages WHERE chat_id = ?1 AND message_id = ?2))",
                    params![chat.0, id.0, author.map(|author| author.0)],
                    |row| row.get::<_, bool>(0),
                )?;
                if is_forgotten == Some(true) {
                    forgotten.push(id);
                }
            }
            Ok(forgotten)
        })
        .await
    }

    async fn silences(&self, chat: ChatId, person: UserId, since: Timestamp) -> Result<u32, StorageError> {
        self.read("counting silences", move |connection| {
            let sql = "SELECT COUNT(*) FROM silences WHERE chat_id = ?1 AND user_id = ?2 AND at >= ?3";
            let count =
                query_one(connection, "counting silences", sql, params![chat.0, person.0, since.0], |row| row.get(0))?;
            Ok(count.unwrap_or(0))
        })
        .await
    }

    async fn deletions(&self, since: Timestamp) -> Result<Vec<Deletion>, StorageError> {
        self.read("listing deletions", move |connection| {
            let sql = "SELECT at, user_id, chat_id, message_id FROM deletions WHERE at >= ?1 ORDER BY id";
            query_all(connection, "listing deletions", sql, params![since.0], |row| {
                Ok(Deletion {
                    at: Timestamp(row.get(0)?),
                    person: row.get::<_, Option<i64>>(1)?.map(UserId),
                    chat: row.get::<_, Option<i64>>(2)?.map(ChatId),
                    message: row.get::<_, Option<i64>>(3)?.map(MessageId),
                })
            })
        })
        .await
    }

    async fn wipe_traces(&self) -> Result<bool, StorageError> {
        let traces = "looking for traces";
        let sql = "SELECT value FROM facts WHERE name = ?1";
        let noted = self
            .read(traces, move |connection| {
                query_one(connection, traces, sql, params![forget::TRACES], |row| row.get::<_, String>(0))
            })
            .await?;
        let Some(noted) = noted else { return Ok(true) };
        let kept = self.keep_ledger().await;
        let is_wiped = self.read("emptying the log", connect::empty_log).await?;
        let since = noted.parse().map_or(Timestamp(0), Timestamp);
        kept?;
        if !is_wiped || self.clock.now().since(since) < TRACES_END {
            return Ok(is_wiped);
        }
        self.write(traces, Priority::Other, Rings::default(), move |tx| {
            // Not one that was noted meanwhile.
            let sql = "DELETE FROM facts WHERE name = ?1 AND value = ?2";
            execute(tx, traces, sql, params![forget::TRACES, noted]).map(|_| true)
        })
        .await
    }
}

impl SqliteStore {
    /// Runs one statement; true if it changed anything.
    async fn change(&self, doing: &'static str, sql: &'static str, values: Vec<i64>) -> Result<bool, StorageError> {
        self.write(doing, Priority::Other, Rings::default(), move |tx| {
            Ok(execute(tx, doing, sql, rusqlite::params_from_iter(values))? > 0)
        })
        .await
    }
}

fn record(connection: &Connection, person: UserId) -> Result<PersonRecord, StorageError> {
    let sql = "SELECT banned_at, opted_out_at, forgotten_at FROM people WHERE user_id = ?1";
    let known = query_one(connection, "looking at a person", sql, params![person.0], |row| {
        let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp));
        Ok(PersonRecord { banned_at: at(0)?, opted_out_at: at(1)?, forgotten_at: at(2)? })
    })?;
    Ok(known.unwrap_or_default())
}

fn ask_to_forget(tx: &Connection, person: UserId, by: UpdateKey, now: Timestamp) -> Result<ForgetStep, StorageError> {
    let doing = "asking to be forgotten";
    let sql = "SELECT asked_key, asked_at FROM people WHERE user_id = ?1 AND asked_key IS NOT NULL";
    let asked = query_one(tx, doing, sql, params![person.0], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    match asked {
        Some((key, _)) if key == by.0 => Ok(ForgetStep::Asked),
        // A wish from the future was noted before the clock stepped back.
        Some((_, at)) if at <= now.0 && now.since(Timestamp(at)) <= ASKED_FOR => Ok(ForgetStep::Confirmed),
        _ => {
            execute(
                tx,
                doing,
                "INSERT INTO people (user_id, asked_key, asked_at) VALUES (?1, ?2, ?3) ON CONFLICT (user_id) DO UPDATE \
                 SET asked_key = excluded.asked_key, asked_at = excluded.asked_at",
                params![person.0, by.0, now.0],
            )?;
            Ok(ForgetStep::Asked)
        }
    }
}

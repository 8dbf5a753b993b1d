//! The ledger of deletions beside the backups: ids and times only, a line each, so that a restored backup can be made to
//! forget again what was forgotten after it was made. It is only appended to; a line that stands twice does no harm.

use std::{
    collections::HashSet,
    fs, io,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

use deadpool_sqlite::rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{
    super::{chats, execute, people, query_all, query_one},
    disk, private, sync_directory,
};
use crate::{
    domain::{ChatId, MessageId, Timestamp, UserId},
    storage::{Forgotten, StorageError},
};

/// The ledger's name in the directory of the backups.
pub(super) const FILE: &str = "deletions.jsonl";
/// The fact that tells up to which row of the table all stand in the ledger.
pub(in super::super) const WRITTEN: &str = "deletions_written";

/// A row of the table `deletions` as a line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Debug)]
struct Line {
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<i64>,
}

/// Appends the deletions that are not in the ledger yet, all of them if there is no ledger; returns up to which row they
/// are in it now, if there were any.
pub(in super::super) fn append_new(connection: &Connection, directory: &Path) -> Result<Option<i64>, StorageError> {
    let doing = "reading new deletions";
    let path = directory.join(FILE);
    let sql = "SELECT value FROM facts WHERE name = ?1";
    let written = query_one(connection, doing, sql, params![WRITTEN], |row| row.get::<_, String>(0))?;
    let written = written.filter(|_| path.exists()).and_then(|text| text.parse().ok()).unwrap_or(0_i64);
    let sql = "SELECT id, at, user_id, chat_id, message_id FROM deletions WHERE id > ?1 ORDER BY id";
    let rows = query_all(connection, doing, sql, params![written], |row| Ok((row.get::<_, i64>(0)?, line(row, 1)?)))?;
    let Some((last, _)) = rows.last() else { return Ok(None) };
    let lines = rows.iter().map(|(_, line)| line);
    append(directory, lines).map_err(|error| disk("writing the ledger of deletions", &error))?;
    Ok(Some(*last))
}

fn line(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Line> {
    Ok(Line {
        at: row.get(first)?,
        user_id: row.get(first + 1)?,
        chat_id: row.get(first + 2)?,
        message_id: row.get(first + 3)?,
    })
}

fn append<'a>(directory: &Path, lines: impl Iterator<Item = &'a Line>) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let path = directory.join(FILE);
    let is_new = !path.exists();
    let mut text = String::new();
    // A line that was cut off by a crash is ended, so that the next one can be read.
    if !is_new && !ends_with_a_line(&path)? {
        text.push('\n');
    }
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    let mut file = private(&path, true)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if is_new { sync_directory(directory) } else { Ok(()) }
}

fn ends_with_a_line(path: &Path) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// What a replay did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Replayed {
    /// Deletions that were made again.
    pub(super) deletions: u64,
    /// Lines that could not be read.
    pub(super) unreadable: u64,
}

/// Deletes again what was deleted after `since`: the database is a copy that knows nothing of it.
pub(super) fn replay(connection: &Connection, directory: &Path, since: Timestamp) -> Result<Replayed, StorageError> {
    let doing = "reading the ledger of deletions";
    let text = match fs::read_to_string(directory.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Replayed::default()),
        Err(error) => return Err(disk(doing, &error)),
    };
    let sql = "SELECT at, user_id, chat_id, message_id FROM deletions WHERE at >= ?1";
    let known = query_all(connection, doing, sql, params![since.0], |row| line(row, 0))?;
    let mut known: HashSet<Line> = known.into_iter().collect();
    let mut replayed = Replayed::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match serde_json::from_str::<Line>(line) {
            Ok(line) if line.at >= since.0 && known.insert(line) => {
                delete_again(connection, line)?;
                replayed.deletions += 1;
            }
            Ok(_) => {}
            Err(_) => replayed.unreadable += 1,
        }
    }
    // All of them stand in the ledger.
    let sql = "INSERT INTO facts (name, value) SELECT ?1, MAX(id) FROM deletions WHERE TRUE HAVING MAX(id) IS NOT NULL \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    execute(connection, doing, sql, params![WRITTEN])?;
    Ok(replayed)
}

fn delete_again(connection: &Connection, line: Line) -> Result<(), StorageError> {
    let at = Timestamp(line.at);
    match (line.user_id.map(UserId), line.chat_id.map(ChatId), line.message_id.map(MessageId)) {
        (Some(person), ..) => {
            let mut forgotten: Forgotten = people::forget_begin(connection, person, None, at)?;
            while people::forget_piece(connection, person, &mut forgotten)? {}
            Ok(())
        }
        (None, Some(chat), Some(message)) => people::forget_message(connection, chat, message, at).map(drop),
        (None, Some(chat), None) => {
            while !chats::delete_chat(connection, chat, at)? {}
            Ok(())
        }
        (None, None, _) => Ok(()),
    }
}

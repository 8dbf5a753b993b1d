//! Everything that is kept of a person, as it stands. Their own eyes may see it also while they have opted out.

use deadpool_sqlite::rusqlite::{Connection, params};

use super::{
    super::{memory, query_all},
    record,
};
use crate::{
    domain::{ChatId, Timestamp, UserId},
    storage::{PersonCall, PersonExport, StorageError},
};

pub(super) fn export(connection: &Connection, person: UserId, messages_max: u32) -> Result<PersonExport, StorageError> {
    let doing = "exporting a person";
    let mut messages = query_all(
        connection,
        doing,
        memory::WRITTEN_BY_SQL,
        params![person.0, i64::from(messages_max) + 1],
        memory::message_with_chat,
    )?;
    let is_partial = messages.len() > messages_max as usize;
    messages.truncate(messages_max as usize);
    let silences = "SELECT chat_id, at FROM silences WHERE user_id = ?1 ORDER BY at";
    let calls = "SELECT at, chat_id, purpose, model, prompt + thoughts + answer, cost_nano_usd FROM model_calls \
                 WHERE user_id = ?1 ORDER BY at";
    Ok(PersonExport {
        record: record(connection, person)?,
        messages,
        is_partial,
        silences: query_all(connection, doing, silences, params![person.0], |row| {
            Ok((ChatId(row.get(0)?), Timestamp(row.get(1)?)))
        })?,
        calls: query_all(connection, doing, calls, params![person.0], |row| {
            Ok(PersonCall {
                at: Timestamp(row.get(0)?),
                chat: row.get::<_, Option<i64>>(1)?.map(ChatId),
                purpose: row.get(2)?,
                model: row.get(3)?,
                tokens: row.get::<_, i64>(4)?.unsigned_abs(),
                cost_nano_usd: row.get(5)?,
            })
        })?,
    })
}

//! The ledger of model calls, its sums by day, and the answers that may be given again.

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, Row, params};

use super::{
    SqliteStore, execute, query_all, query_one,
    writer::{Priority, Rings},
};
use crate::{
    clock::{kyiv_day, kyiv_midnight},
    domain::{ChatId, Day, PersonSpent, Spent, Tally, Timestamp, UserId},
    storage::{
        ANSWER_BYTES_MAX, ANSWER_KEPT, ANSWERS_MAX, CHAT_ANSWERS_MAX, KeptAnswer, ModelCall, ModelFigures,
        NewKeptAnswer, QuestionKey, SpendStore, Spender, StorageError,
    },
};

#[async_trait]
impl SpendStore for SqliteStore {
    async fn spent(&self, day: Day, chat: ChatId, people: Vec<UserId>) -> Result<Spent, StorageError> {
        self.read("adding up what was spent", move |connection| {
            let people = people.into_iter().map(|user| person(connection, day, chat, user));
            Ok(Spent {
                bot: tally(connection, day, Spender::Bot)?,
                chat: tally(connection, day, Spender::Chat(chat))?,
                people: people.collect::<Result<_, _>>()?,
            })
        })
        .await
    }

    async fn spending(&self, spender: Spender, from: Day) -> Result<Vec<(Day, Tally)>, StorageError> {
        self.read("listing what was spent", move |connection| {
            let (scope, id) = columns(spender);
            query_all(
                connection,
                "listing what was spent",
                "SELECT calls, nano_usd, counted_nano_usd, unasked_nano_usd, unpriced_tokens, day FROM spending \
                 WHERE scope = ?1 AND id = ?2 AND day >= ?3 ORDER BY day DESC",
                params![scope, id, from.0],
                |row| Ok((Day(row.get(5)?), read_tally(row)?)),
            )
        })
        .await
    }

    async fn model_figures(&self, since: Timestamp) -> Result<Vec<ModelFigures>, StorageError> {
        self.read("adding up the models' calls", move |connection| {
            query_all(
                connection,
                "adding up the models' calls",
                "SELECT model, COUNT(*), SUM(prompt), SUM(cached), SUM(thoughts), SUM(answer), \
                 SUM(COALESCE(cost_nano_usd, 0)), SUM(cost_nano_usd IS NULL) FROM model_calls WHERE at >= ?1 \
                 GROUP BY model ORDER BY COUNT(*) DESC, model",
                params![since.0],
                model_figures,
            )
        })
        .await
    }

    async fn calls_of(&self, model: &str, since: Timestamp) -> Result<(u64, u64), StorageError> {
        let model = model.to_owned();
        self.read("counting a model's calls", move |connection| {
            let counted = query_one(
                connection,
                "counting a model's calls",
                "SELECT COUNT(*), COALESCE(SUM(is_unasked), 0) FROM model_calls WHERE at >= ?1 AND model = ?2",
                params![since.0, model],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
            )?;
            let (all, unasked) = counted.unwrap_or_default();
            let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
            Ok((unsigned(all - unasked), unsigned(unasked)))
        })
        .await
    }

    async fn keep_calls(&self, calls: Vec<ModelCall>) -> Result<(), StorageError> {
        self.write("keeping model calls", Priority::Other, Rings::default(), move |tx| {
            calls.iter().try_for_each(|call| keep_call(tx, call))
        })
        .await
    }

    async fn kept_answer(
        &self,
        chat: ChatId,
        question: QuestionKey,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, StorageError> {
        self.read("looking for a kept answer", move |connection| {
            query_one(
                connection,
                "looking for a kept answer",
                // One that lies ahead was kept before the clock stepped back: nobody knows how old it is.
                "SELECT text, model FROM answers WHERE chat_id = ?1 AND question = ?2 AND at > ?3 AND at <= ?4",
                params![chat.0, question.0, (now - ANSWER_KEPT).0, now.0],
                |row| Ok(KeptAnswer { text: row.get(0)?, model: row.get(1)? }),
            )
        })
        .await
    }
}

fn columns(spender: Spender) -> (&'static str, i64) {
    match spender {
        Spender::Bot => ("bot", 0),
        Spender::Chat(chat) => ("chat", chat.0),
        Spender::Person(person) => ("person", person.0),
    }
}

fn tally(connection: &Connection, day: Day, spender: Spender) -> Result<Tally, StorageError> {
    let (scope, id) = columns(spender);
    let tally = query_one(
        connection,
        "adding up what was spent",
        "SELECT calls, nano_usd, counted_nano_usd, unasked_nano_usd, unpriced_tokens FROM spending \
         WHERE day = ?1 AND scope = ?2 AND id = ?3",
        params![day.0, scope, id],
        read_tally,
    )?;
    Ok(tally.unwrap_or_default())
}

fn read_tally(row: &Row<'_>) -> rusqlite::Result<Tally> {
    let unsigned = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(Tally {
        calls: unsigned(0)?,
        nano_usd: row.get(1)?,
        counted_nano_usd: row.get(2)?,
        unasked_nano_usd: row.get(3)?,
        unpriced_tokens: unsigned(4)?,
    })
}

fn model_figures(row: &Row<'_>) -> rusqlite::Result<ModelFigures> {
    let unsigned = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(ModelFigures {
        model: row.get(0)?,
        calls: unsigned(1)?,
        prompt: unsigned(2)?,
        cached: unsigned(3)?,
        thoughts: unsigned(4)?,
        answer: unsigned(5)?,
        nano_usd: row.get(6)?,
        unpriced: unsigned(7)?,
    })
}

fn person(connection: &Connection, day: Day, chat: ChatId, user: UserId) -> Result<PersonSpent, StorageError> {
    let tally = tally(connection, day, Spender::Person(user))?;
    Ok(PersonSpent { user, tally, is_vouched: is_vouched(connection, chat, user)? })
}

/// This chat is allowed, or the admin has let the person write to the bot, or they write in another chat that is allowed.
fn is_vouched(connection: &Connection, chat: ChatId, user: UserId) -> Result<bool, StorageError> {
    let doing = "asking who vouches for somebody";
    let here = "SELECT EXISTS (SELECT 1 FROM chats WHERE chat_id IN (?1, ?2) AND access = 'allowed')";
    if query_one(connection, doing, here, params![chat.0, user.0], |row| row.get(0))? == Some(true) {
        return Ok(true);
    }
    // From chat to chat of theirs: as many steps as they have chats, however much they wrote.
    let elsewhere = "WITH RECURSIVE theirs (chat) AS ( \
                     SELECT (SELECT chat_id FROM messages WHERE author_id = ?1 ORDER BY chat_id LIMIT 1) \
                     UNION ALL SELECT (SELECT chat_id FROM messages WHERE author_id = ?1 AND chat_id > theirs.chat \
                     ORDER BY chat_id LIMIT 1) FROM theirs WHERE theirs.chat IS NOT NULL) \
                     SELECT EXISTS (SELECT 1 FROM theirs WHERE EXISTS \
                     (SELECT 1 FROM chats WHERE chat_id = theirs.chat AND access = 'allowed'))";
    Ok(query_one(connection, doing, elsewhere, params![user.0], |row| row.get(0))? == Some(true))
}

/// Writes a call into the ledger and into the day's sums.
pub(super) fn keep_call(tx: &Connection, call: &ModelCall) -> Result<(), StorageError> {
    execute(
        tx,
        "keeping a model call",
        "INSERT INTO model_calls (at, chat_id, user_id, purpose, model, outcome, took_ms, prompt, cached, thoughts, \
         answer, cost_nano_usd, is_unasked) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            call.at.0,
            call.chat.0,
            call.user.map(|user| user.0),
            call.purpose,
            call.model,
            call.outcome,
            i64::try_from(call.took.as_millis()).unwrap_or(i64::MAX),
            call.usage.prompt,
            call.usage.cached,
            call.usage.thoughts,
            call.usage.answer,
            call.cost.nano_usd,
            call.is_unasked,
        ],
    )?;
    count_call(tx, Spender::Bot, call)?;
    count_call(tx, Spender::Chat(call.chat), call)?;
    call.user.map_or(Ok(()), |user| count_call(tx, Spender::Person(user), call))
}

fn count_call(tx: &Connection, spender: Spender, call: &ModelCall) -> Result<(), StorageError> {
    let (scope, id) = columns(spender);
    let counted = call.cost.counted_nano_usd;
    let (prompt, thoughts, answer) = (call.usage.prompt, call.usage.thoughts, call.usage.answer);
    let tokens = i64::from(prompt) + i64::from(thoughts) + i64::from(answer);
    execute(
        tx,
        "counting a model call",
        "INSERT INTO spending (day, scope, id, calls, nano_usd, counted_nano_usd, unasked_nano_usd, unpriced_tokens) \
         VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7) ON CONFLICT (day, scope, id) DO UPDATE SET calls = calls + 1, \
         nano_usd = nano_usd + excluded.nano_usd, counted_nano_usd = counted_nano_usd + excluded.counted_nano_usd, \
         unasked_nano_usd = unasked_nano_usd + excluded.unasked_nano_usd, \
         unpriced_tokens = unpriced_tokens + excluded.unpriced_tokens",
        params![
            kyiv_day(call.at).0,
            scope,
            id,
            call.cost.nano_usd.unwrap_or(0),
            counted,
            if call.is_unasked { counted } else { 0 },
            if call.cost.nano_usd.is_none() { tokens } else { 0 },
        ],
    )
    .map(drop)
}

/// Whether somebody may be told today that their budget is spent; from then on they were.
pub(super) fn may_say_limit_line(tx: &Connection, user: UserId, now: Timestamp) -> Result<bool, StorageError> {
    let changed = execute(
        tx,
        "asking for a limit line",
        "INSERT INTO people (user_id, limit_line_at) VALUES (?1, ?2) ON CONFLICT (user_id) DO UPDATE \
         SET limit_line_at = excluded.limit_line_at \
         WHERE limit_line_at IS NULL OR limit_line_at < ?3 OR limit_line_at > ?2",
        params![user.0, now.0, kyiv_midnight(now).0],
    )?;
    Ok(changed > 0)
}

/// Keeps an answer, and of its chat and of all no more than there may be.
pub(super) fn keep_answer(tx: &Connection, new: &NewKeptAnswer, now: Timestamp) -> Result<(), StorageError> {
    if new.answer.text.len() > ANSWER_BYTES_MAX {
        return Ok(());
    }
    let doing = "keeping an answer";
    execute(
        tx,
        doing,
        "INSERT INTO answers (chat_id, question, text, model, user_id, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (chat_id, question) DO UPDATE SET text = excluded.text, model = excluded.model, \
         user_id = excluded.user_id, at = excluded.at",
        params![new.chat.0, new.question.0, new.answer.text, new.answer.model, new.asked_by.0, now.0],
    )?;
    execute(
        tx,
        doing,
        "DELETE FROM answers WHERE chat_id = ?1 AND at < (SELECT at FROM answers WHERE chat_id = ?1 \
         ORDER BY at DESC LIMIT 1 OFFSET ?2)",
        params![new.chat.0, CHAT_ANSWERS_MAX - 1],
    )?;
    execute(
        tx,
        doing,
        "DELETE FROM answers WHERE at < (SELECT at FROM answers ORDER BY at DESC LIMIT 1 OFFSET ?1)",
        params![ANSWERS_MAX - 1],
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../../migrations/sqlite/V1__spine.sql")).unwrap();
        connection.execute_batch(include_str!("../../../migrations/sqlite/V2__member.sql")).unwrap();
        connection
    }

    fn allow(connection: &Connection, chat: i64) {
        let sql = "INSERT INTO chats (chat_id, kind, access) VALUES (?1, 'group', 'allowed')";
        connection.execute(sql, params![chat]).unwrap();
    }

    fn wrote(connection: &Connection, chat: i64, author: i64, messages: i64) {
        for id in 0..messages {
            let sql = "INSERT INTO messages (chat_id, message_id, topic_id, author_kind, author_id, author_name, text, \
                       sent_at) VALUES (?1, ?2, 0, 'person', ?3, 'Оля', 'слово', 0)";
            connection.execute(sql, params![chat, author * 1_000 + id, author]).unwrap();
        }
    }

    #[test]
    fn a_guest_is_whom_no_allowed_chat_and_no_admin_vouches_for() {
        let connection = store();
        let is_vouched = |chat, user| is_vouched(&connection, ChatId(chat), UserId(user)).unwrap();
        allow(&connection, -10);
        allow(&connection, 6);
        for (chat, author) in [(-30, 5), (-20, 5), (-30, 7), (-20, 7), (-10, 7), (77, 7), (-20, 8)] {
            wrote(&connection, chat, author, 3);
        }
        assert!(is_vouched(-10, 5), "who writes in an allowed chat");
        assert!(!is_vouched(-20, 5));
        assert!(is_vouched(6, 6) && is_vouched(-20, 6), "whom the admin has let in");
        assert!(is_vouched(-20, 7) && is_vouched(77, 7), "a member of an allowed chat, elsewhere");
        assert!(!is_vouched(-20, 8) && !is_vouched(-20, 9), "a stranger");
    }
}

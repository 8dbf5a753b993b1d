//! Windows: the newest messages of a chat's topic. The last ones that were read are kept, so that the next turn of a
//! conversation reads only what has come since.
//!
//! A kept window is never trusted. Each read asks for the chat's stamp, which triggers change with whatever else happens to
//! its messages: an edit, a deletion, somebody opting out, by whichever process (migration V5). With another stamp the
//! window is read anew.

use std::{sync::Arc, time::Duration};

use deadpool_sqlite::rusqlite::{Connection, params};
use moka::sync::Cache;

use super::{
    memory::{WINDOW_SQL, message, newest_seq},
    query_all, query_one,
};
use crate::{
    domain::{ChatId, Message},
    storage::{StorageError, WindowRequest},
    telemetry::{CacheCounters, Metrics},
};

/// What may be kept in all: some hundred windows of 80 messages.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// A conversation that rests so long is read anew.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// What a message takes up beside its words: itself, its counters, its strings' overhead.
const MESSAGE_BYTES: usize = size_of::<Message>() + 96;

/// The windows that are kept. Cheap to clone.
#[derive(Clone)]
pub(super) struct Windows {
    kept: Cache<(ChatId, i64), Arc<Window>>,
    counters: CacheCounters,
}

/// What was read of one topic.
pub(super) struct Window {
    /// None for a chat without a row: then it cannot be told whether something has changed.
    stamp: Option<i64>,
    /// Everything after this number, as far as it may be shown.
    start: i64,
    /// Up to and with this one.
    newest: i64,
    /// How many were asked for.
    limit: u32,
    /// By their numbers.
    messages: Vec<(i64, Arc<Message>)>,
}

/// A window as it was read now.
pub(super) struct WindowRead {
    window: Window,
    /// It was known, but for what is new.
    is_hit: bool,
}

impl Windows {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let kept = Cache::builder().max_capacity(BYTES_MAX).weigher(weight).time_to_idle(KEPT_FOR).build();
        Self { kept, counters: metrics.cache("window") }
    }

    /// Lets go of what has rested too long.
    pub(super) fn sweep(&self) {
        self.kept.run_pending_tasks();
    }

    pub(super) fn get(&self, request: WindowRequest) -> Option<Arc<Window>> {
        self.kept.get(&place(request))
    }

    /// Keeps what was read, and counts; returns its messages in the chat's order.
    pub(super) fn keep(&self, request: WindowRequest, known: Option<&Window>, read: WindowRead) -> Vec<Arc<Message>> {
        let WindowRead { window, is_hit } = read;
        if is_hit {
            self.counters.hit();
        } else {
            self.counters.miss();
        }
        let mut messages: Vec<_> = window.messages.iter().map(|(_, message)| Arc::clone(message)).collect();
        // The bot's own answer is remembered before what was written while it thought.
        messages.sort_unstable_by_key(|message| message.id);
        // A short look into a conversation leaves the whole window in its place.
        let is_short = known.is_some_and(|known| is_hit && window.limit < known.limit / 2);
        if window.stamp.is_some() && !is_short {
            self.kept.insert(place(request), Arc::new(window));
        }
        messages
    }
}

fn weight(_: &(ChatId, i64), window: &Arc<Window>) -> u32 {
    let quoted = |message: &Message| message.quote.as_ref().map_or(0, |quote| quote.text.len());
    let bytes = |message: &Message| MESSAGE_BYTES + message.text.len() + quoted(message) + message.author.name.len();
    let all: usize = window.messages.iter().map(|(_, message)| bytes(message)).sum();
    u32::try_from(size_of::<Window>() + all).unwrap_or(u32::MAX)
}

fn place(request: WindowRequest) -> (ChatId, i64) {
    (request.chat, request.topic.map_or(0, |topic| topic.0))
}

/// Reads a window; of one that is known, if nothing in it has changed, only what is new.
pub(super) fn read(
    connection: &Connection,
    request: WindowRequest,
    known: Option<&Window>,
) -> Result<WindowRead, StorageError> {
    let doing = "gathering a window";
    let (chat, topic) = place(request);
    // The stamp comes first: what happens between this and the reading of the rows is then noticed next time.
    let sql = "SELECT stamp FROM chats WHERE chat_id = ?1";
    let stamp = query_one(connection, doing, sql, params![chat.0], |row| row.get::<_, i64>(0))?;
    let newest = newest_seq(connection, chat, topic)?;
    let start = window_start(newest, i64::from(request.limit), i64::from(request.block));
    let known = known.filter(|known| stamp.is_some() && known.stamp == stamp && known.start <= start);
    let (from, mut messages) = known.map_or((start, Vec::new()), |known| {
        let after = known.messages.partition_point(|(seq, _)| *seq <= start);
        (known.newest.max(start), known.messages[after..].to_vec())
    });
    if newest > from {
        let further = query_all(connection, doing, WINDOW_SQL, params![chat.0, topic, from], |row| {
            Ok((row.get(21)?, Arc::new(message(chat, row)?)))
        })?;
        messages.extend(further);
    }
    let newest = messages.last().map_or(newest, |(seq, _)| newest.max(*seq));
    let window = Window { stamp, start, newest, limit: request.limit, messages };
    Ok(WindowRead { window, is_hit: known.is_some() })
}

/// The window begins after this message of the topic: at most `limit` remain, and the start moves by whole blocks.
///
/// Messages that followed a group to its new id are counted from 0 downwards, so it may begin below zero.
fn window_start(newest: i64, limit: i64, block: i64) -> i64 {
    let surplus = newest - limit;
    let block = block.clamp(1, limit.max(1));
    surplus.div_euclid(block) * block + if surplus.rem_euclid(block) == 0 { 0 } else { block }
}

#[cfg(test)]
mod tests {
    use super::window_start;

    #[test]
    fn the_window_never_exceeds_its_limit_and_moves_by_blocks() {
        for newest in -500..500 {
            let start = window_start(newest, 80, 8);
            assert!(newest - start <= 80, "{newest}");
            assert!(newest - start > 72, "{newest}: only {} remain", newest - start);
            assert_eq!(start % 8, 0, "{newest}");
        }
        assert_eq!(window_start(3, 1, 1), 2);
    }
}

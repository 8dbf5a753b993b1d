//! Which sends may begin now. The limits are Telegram's; the log that they are judged by is the rows themselves.

use std::time::Duration;

use deadpool_sqlite::rusqlite::{self, Connection, params};

use super::{
    super::{execute, query_all, query_one},
    End, close, migrate, ready_again,
    row::{self, CANDIDATES_SQL, Candidate},
};
use crate::{
    domain::{ChatId, ChatKind, OutgoingAction, OutgoingId, Timestamp},
    storage::{EndedOutgoing, SendLimits, Sends, StorageError},
};

/// Sends leave us evenly, but reach Telegram with some jitter; the windows are this much longer than Telegram's.
const SECOND: i64 = 1_050;
const MINUTE: i64 = 61_000;
/// Ready rows looked at in one go.
const LOOK: usize = 128;
/// A chat's message waits at least and at most so long, in ms, before it looks again whether the one before it has
/// arrived.
const LOOK_AGAIN: (i64, i64) = (20, 1_000);
/// No pause is this long: a row that is due only later was written before the clock stepped back.
const HORIZON: Duration = Duration::from_secs(3600);

pub(in super::super) fn begin_sends(
    tx: &Connection,
    owner: &str,
    max: usize,
    limits: SendLimits,
    call_limit: Duration,
    now: Timestamp,
) -> Result<Sends, StorageError> {
    let (given_up, ended) = give_up_lost(tx, call_limit, now)?;
    let mut sends = Sends { given_up, ended, ..Sends::default() };
    let stranded = "UPDATE outbox SET not_before = ?1 WHERE state = 'ready' AND not_before > ?2";
    execute(tx, "looking for stranded sends", stranded, params![now.0, (now + HORIZON).0])?;
    for mut candidate in candidates(tx, max, now)? {
        let id = OutgoingId(candidate.id);
        if candidate.expires_at <= now.0 {
            sends.ended.extend(close(tx, id, End::Expired("it waited for its send for too long"), now)?);
            continue;
        }
        match may_send(tx, &mut candidate, limits, call_limit, now)? {
            Pace::Now => {
                mark_sending(tx, owner, candidate.id, now)?;
                candidate.outgoing.attempt += 1;
                sends.due.push(candidate.outgoing);
            }
            Pace::Later(at) => {
                // Not later than it expires, so that it expires on time and its lane goes on.
                let sql = "UPDATE outbox SET not_before = MIN(?2, expires_at) WHERE id = ?1";
                execute(tx, "delaying a send", sql, params![candidate.id, at])?;
            }
            Pace::EverybodyLater(at) => {
                sends.next_at = Some(Timestamp(at));
                return Ok(sends);
            }
            Pace::Never(problem) => sends.ended.extend(close(tx, id, End::Refused(&problem), now)?),
        }
    }
    sends.next_at = query_one(
        tx,
        "looking for the next send",
        "SELECT not_before FROM outbox WHERE state = 'ready' ORDER BY not_before, id LIMIT 1",
        [],
        |row| row.get(0).map(Timestamp),
    )?;
    Ok(sends)
}

fn candidates(tx: &Connection, max: usize, now: Timestamp) -> Result<Vec<Candidate>, StorageError> {
    query_all(
        tx,
        "looking for ready sends",
        CANDIDATES_SQL,
        params![now.0, i64::try_from(max.min(LOOK)).unwrap_or(0)],
        row::read,
    )
}

/// When a row may go.
enum Pace {
    Now,
    /// This row, or its chat, must wait.
    Later(i64),
    /// All chats must wait.
    EverybodyLater(i64),
    Never(String),
}

fn may_send(
    tx: &Connection,
    candidate: &mut Candidate,
    limits: SendLimits,
    call_limit: Duration,
    now: Timestamp,
) -> Result<Pace, StorageError> {
    let chat = candidate.outgoing.chat.id.0;
    let known = query_one(
        tx,
        "asking about a chat",
        "SELECT migrated_to, dead_at, blocked_until FROM chats WHERE chat_id = ?1",
        params![chat],
        |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?)),
    )?;
    if let Some((migrated_to, dead_at, blocked_until)) = known {
        if let Some(to) = migrated_to {
            migrate(tx, ChatId(chat), ChatId(to))?;
            candidate.outgoing.chat.id = ChatId(to);
            candidate.outgoing.target.message_id = None;
            candidate.is_aimless = candidate.outgoing.action != OutgoingAction::Say;
        } else if dead_at.is_some() {
            return Ok(Pace::Never("nothing can be sent to this chat any more".to_owned()));
        }
        if let Some(until) = blocked_until.filter(|until| *until > now.0) {
            return Ok(Pace::Later(until));
        }
    }
    if candidate.is_aimless {
        return Ok(Pace::Never("its message stayed behind in the group that became a supergroup".to_owned()));
    }
    if let Some(at) = older_one_waits(tx, candidate)? {
        return Ok(Pace::Later(at));
    }
    if let Some(since) = on_its_way(tx, candidate, call_limit, now)? {
        // Soon at first, then less and less often: its sender may be dead.
        return Ok(Pace::Later(now.0 + ((now.0 - since) / 2).clamp(LOOK_AGAIN.0, LOOK_AGAIN.1)));
    }
    if let Some(at) = leaves_window(tx, limits.global_per_second, SECOND, now, EVERY_CHAT, &[])? {
        return Ok(Pace::EverybodyLater(at));
    }
    let (chat, answer) = (candidate.outgoing.chat.id.0, candidate.answer_id);
    if let Some(at) = leaves_window(tx, limits.chat_per_second, SECOND, now, OTHER_ANSWERS, &[chat, answer])? {
        return Ok(Pace::Later(at));
    }
    if candidate.outgoing.chat.kind == ChatKind::Group
        && let Some(at) = leaves_window(tx, limits.group_per_minute, MINUTE, now, THIS_CHAT, &[chat])?
    {
        return Ok(Pace::Later(at));
    }
    Ok(Pace::Now)
}

/// When the row before this one in its chat is due. One whose call has failed does not hold up the others.
fn older_one_waits(tx: &Connection, candidate: &Candidate) -> Result<Option<i64>, StorageError> {
    query_one(
        tx,
        "looking for an older send",
        "SELECT not_before FROM outbox WHERE chat_id = ?1 AND state = 'ready' AND id < ?2 AND attempts = 0 \
         ORDER BY id LIMIT 1",
        params![candidate.outgoing.chat.id.0, candidate.id],
        |row| row.get(0),
    )
}

/// When another answer's part left for this chat and has not come to an end: two calls at once may arrive in any order.
fn on_its_way(
    tx: &Connection,
    candidate: &Candidate,
    call_limit: Duration,
    now: Timestamp,
) -> Result<Option<i64>, StorageError> {
    query_one(
        tx,
        "looking for a chat's send",
        // What left longer ago was given up above.
        // By the calls in flight, some dozens: a chat's own would be all that it was sent within that time.
        "SELECT sending_at FROM outbox INDEXED BY outbox_sending WHERE chat_id = ?1 AND sending_at > ?2 \
         AND state = 'sending' AND answer_id <> ?3 LIMIT 1",
        params![candidate.outgoing.chat.id.0, (now - call_limit).0, candidate.answer_id],
        |row| row.get(0),
    )
}

const EVERY_CHAT: &str = "SELECT sending_at FROM outbox WHERE sending_at > ?1 AND sending_at <= ?2 \
     ORDER BY sending_at DESC LIMIT 1 OFFSET ?3";
/// The parts of one answer may burst, so they do not count against each other.
const OTHER_ANSWERS: &str = "SELECT sending_at FROM outbox WHERE chat_id = ?4 AND sending_at > ?1 \
     AND sending_at <= ?2 AND answer_id <> ?5 ORDER BY sending_at DESC LIMIT 1 OFFSET ?3";
const THIS_CHAT: &str = "SELECT sending_at FROM outbox WHERE chat_id = ?4 AND sending_at > ?1 \
     AND sending_at <= ?2 ORDER BY sending_at DESC LIMIT 1 OFFSET ?3";

/// If `limit` of the sends that `sql` counts lie within the last `window` ms, when the oldest of them leaves it.
fn leaves_window(
    tx: &Connection,
    limit: u32,
    window: i64,
    now: Timestamp,
    sql: &'static str,
    which: &[i64],
) -> Result<Option<i64>, StorageError> {
    if limit == 0 {
        return Ok(None);
    }
    // Marks from the future (a clock that stepped back) do not count.
    let window_and_offset = [now.0 - window, now.0, i64::from(limit) - 1];
    let params = rusqlite::params_from_iter(window_and_offset.iter().chain(which));
    let newest = query_one(tx, "pacing a send", sql, params, |row| row.get::<_, i64>(0))?;
    Ok(newest.map(|at| at + window))
}

fn mark_sending(tx: &Connection, owner: &str, id: i64, now: Timestamp) -> Result<(), StorageError> {
    execute(
        tx,
        "marking a send",
        "UPDATE outbox SET state = 'sending', owner = ?2, sending_at = ?3, attempts = attempts + 1 WHERE id = ?1",
        params![id, owner, now.0],
    )?;
    Ok(())
}

/// Sends whose sender died in the middle: whether Telegram took them cannot be known. What is no message is done again,
/// and so is an alarm, which is better heard twice than never.
/// How many they are, and which answers end with them.
fn give_up_lost(
    tx: &Connection,
    call_limit: Duration,
    now: Timestamp,
) -> Result<(u64, Vec<EndedOutgoing>), StorageError> {
    let lost = query_all(
        tx,
        "looking for lost sends",
        // A mark from the future was made before the clock stepped back.
        "SELECT id, action = 'say' AND kind <> 'alarm' FROM outbox WHERE state = 'sending' AND (sending_at <= ?1 OR sending_at > ?2)",
        params![(now - call_limit).0, (now + call_limit).0],
        |row| Ok((row.get(0).map(OutgoingId)?, row.get::<_, bool>(1)?)),
    )?;
    let (mut given_up, mut ended) = (0, Vec::new());
    for (id, is_given_up) in lost {
        let problem = "its sender died during the call";
        if is_given_up {
            given_up += 1;
            ended.extend(close(tx, id, End::Unknown(problem), now)?);
        } else {
            ready_again(tx, id, now, false, problem)?;
        }
    }
    Ok((given_up, ended))
}

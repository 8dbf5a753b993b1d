//! The oracle: joins what Telegram has 2xx for, what it was sent, and what the database says, and tells whether
//! anything was lost or said twice.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    time::Duration,
};

use gryag::{sandbox::telegram::Sent, worker::ATTEMPTS_MAX};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::{eventually, load::CALL, world::World};

/// What the oracle found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Updates that Telegram has 2xx for.
    pub(crate) accepted: usize,
    /// Those of them that call the bot.
    pub(crate) addressed: usize,
    /// Of these, answered: their answer reached the chat and was noted.
    pub(crate) answered: usize,
    /// Of these, in doubt: the answer's send was cut by a crash.
    pub(crate) in_doubt: usize,
    /// Outbox rows of which Telegram's answer is not known.
    pub(crate) unknown: BTreeSet<i64>,
    /// Dead letters: updates that were in hand at five crashes, as one that causes them would be.
    pub(crate) given_up: usize,
    /// Broken promises, in words.
    pub(crate) wrongs: Vec<String>,
    /// Where the database is kept for a look, if one was broken.
    kept: String,
}

impl Verdict {
    /// Fails unless every promise was kept.
    pub(crate) fn assert_good(&self) {
        let (few, all): (Vec<_>, _) = (self.wrongs.iter().take(20).collect(), self.wrongs.len());
        assert!(all == 0, "{all} promises broken, the first are {few:#?}; the database is kept in {}", self.kept);
    }
}

/// A look into the database; the bot may be running.
pub(crate) fn open(data: &Path) -> Connection {
    let path = data.join("gryag.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database");
    connection.busy_timeout(Duration::from_secs(5)).expect("a setting");
    connection
}

/// One number of the database.
pub(crate) fn number(database: &Connection, sql: &str) -> i64 {
    database.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Outbox rows whose call was on its way, or whose sender has died.
pub(crate) fn sending(database: &Connection) -> BTreeSet<i64> {
    let mut statement = database.prepare("SELECT id FROM outbox WHERE state = 'sending'").expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Waits until nothing waits anywhere: at Telegram, in the inbox, in the outbox.
pub(crate) async fn settle(world: &World, data: &Path, within: Duration) {
    let database = open(data);
    let waiting = "SELECT (SELECT COUNT(*) FROM inbox WHERE state = 0) + (SELECT COUNT(*) FROM outbox WHERE state IN \
                   ('queued', 'ready', 'sending'))";
    eventually("everything comes to rest", within, async || {
        world.telegram.pending_updates() == 0 && number(&database, waiting) == 0
    })
    .await;
}

/// Judges a world that has come to rest.
pub(crate) fn judge(world: &World, data: &Path) -> Verdict {
    let database = open(data);
    let (inbox, outbox) = (inbox(&database), outbox(&database));
    let acknowledged = world.deliveries.acknowledged();
    let mut verdict = Verdict { accepted: acknowledged.len(), ..Verdict::default() };
    verdict.unknown = outbox.iter().filter(|row| row.state == "unknown").map(|row| row.id).collect();
    // What joins the two tables below.
    let mut requests = HashMap::new();
    for (id, row) in &inbox {
        if let Some(other) = requests.insert(&row.request, id) {
            verdict.wrongs.push(format!("updates {other} and {id} came with one request id, {}", row.request));
        }
    }
    let mut turns: HashMap<(i64, i64), Turn> = HashMap::new();
    for (id, acknowledged) in &acknowledged {
        let message = Message::read(&acknowledged.update);
        let Some(row) = inbox.get(id) else {
            verdict.wrongs.push(format!("update {id} was acknowledged and is lost"));
            continue;
        };
        match row.state {
            1 => {}
            2 if row.attempts > ATTEMPTS_MAX => {
                verdict.given_up += 1;
                continue;
            }
            state => verdict.wrongs.push(format!("update {id} came to rest in state {state}: {:?}", row.problem)),
        }
        if !row.remembered.contains(&message.id) {
            verdict.wrongs.push(format!("the message of update {id} is not remembered"));
        }
        let turn = turns.entry((row.lane, row.token)).or_default();
        turn.requests.insert(row.request.clone());
        if message.calls {
            verdict.addressed += 1;
            turn.addressed += 1;
        }
    }
    turns.values().for_each(|turn| judge_turn(turn, &outbox, &mut verdict));
    judge_sends(&world.telegram.sent(), &outbox, &mut verdict);
    if !verdict.wrongs.is_empty() {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broken-promises-{}.db", std::process::id()));
        let copied = database.execute("VACUUM INTO ?", [kept.to_string_lossy()]);
        verdict.kept = format!("{}: {copied:?}", kept.display());
    }
    verdict
}

/// The rows that one claim brought to their end.
#[derive(Default)]
struct Turn {
    requests: BTreeSet<String>,
    addressed: usize,
}

/// Whom a turn's messages called was answered once, and all together; to what they said it may have added a line unasked.
fn judge_turn(turn: &Turn, outbox: &[Outgoing], verdict: &mut Verdict) {
    let said = outbox.iter().filter(|row| turn.requests.contains(&row.request));
    let (unasked, said): (Vec<_>, Vec<_>) = said.partition(|row| row.kind == "unasked");
    if unasked.len() > 1 {
        verdict.wrongs.push(format!("the turn of {:?} joined in more than once: {unasked:?}", turn.requests));
    }
    match said[..] {
        [] if turn.addressed == 0 => {}
        [] => verdict.wrongs.push(format!("nobody answers the turn of {:?}", turn.requests)),
        [row] if row.kind == "answer" && row.addressed == turn.addressed => match row.state.as_str() {
            "sent" => verdict.answered += turn.addressed,
            "unknown" => verdict.in_doubt += turn.addressed,
            state => verdict.wrongs.push(format!("the answer of {:?} is {state}", turn.requests)),
        },
        _ => verdict.wrongs.push(format!("the turn of {:?} ({}) left {said:?}", turn.requests, turn.addressed)),
    }
}

/// What Telegram was sent is what the outbox says, each once and in order.
fn judge_sends(sent: &[Sent], outbox: &[Outgoing], verdict: &mut Verdict) {
    let noted: HashMap<(i64, i64), &Outgoing> =
        outbox.iter().filter_map(|row| Some(((row.chat, row.message?), row))).collect();
    let doubted: BTreeSet<(i64, Option<i64>)> =
        outbox.iter().filter(|row| row.state == "unknown").map(|row| (row.chat, row.reply_to)).collect();
    let mut last_answered: BTreeMap<i64, i64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for send in sent {
        let (chat, reply) = (send.message.chat.0, send.reply_to.map(|id| id.0));
        let row = noted.get(&(chat, send.message.id.0));
        if row.is_none() && !doubted.contains(&(chat, reply)) {
            verdict.wrongs.push(format!("message {} in {chat} is not in the outbox", send.message.id.0));
        }
        // What it says unasked answers nobody.
        if row.map_or(reply.is_none(), |row| row.kind == "unasked") {
            continue;
        }
        let Some(reply) = reply else {
            verdict.wrongs.push(format!("message {} in {chat} answers nobody", send.message.id.0));
            continue;
        };
        if !seen.insert((chat, reply)) {
            verdict.wrongs.push(format!("message {reply} in {chat} was answered twice"));
        }
        if last_answered.insert(chat, reply).is_some_and(|before| before > reply) {
            verdict.wrongs.push(format!("message {reply} in {chat} was answered after a later one"));
        }
    }
    let arrived: BTreeSet<_> = sent.iter().map(|send| (send.message.chat.0, send.message.id.0)).collect();
    for row in outbox.iter().filter(|row| row.state == "sent") {
        if !row.message.is_some_and(|message| arrived.contains(&(row.chat, message))) {
            verdict.wrongs.push(format!("outbox row {} says «sent», but telegram does not have it", row.id));
        }
    }
}

/// A message as Telegram delivered it.
struct Message {
    id: i64,
    calls: bool,
}

impl Message {
    fn read(update: &Value) -> Self {
        let message = &update["message"];
        let text = message["text"].as_str().unwrap_or_default();
        Self { id: message["message_id"].as_i64().unwrap_or_default(), calls: text.starts_with(CALL) }
    }
}

struct Update {
    state: i64,
    attempts: u32,
    lane: i64,
    token: i64,
    request: String,
    problem: Option<String>,
    /// The remembered messages of its chat.
    remembered: std::rc::Rc<BTreeSet<i64>>,
}

fn inbox(database: &Connection) -> BTreeMap<i64, Update> {
    let mut memory: HashMap<i64, BTreeSet<i64>> = HashMap::new();
    let mut statement = database.prepare("SELECT chat_id, message_id FROM messages").expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    for row in rows {
        let (chat, message) = row.expect("a row");
        memory.entry(chat).or_default().insert(message);
    }
    let memory: HashMap<i64, _> = memory.into_iter().map(|(chat, known)| (chat, std::rc::Rc::new(known))).collect();
    let sql = "SELECT update_key, state, lanes.id, inbox.claim_token, request_id, problem, inbox.chat_id, attempts FROM inbox \
               LEFT JOIN lanes ON lanes.chat_id = inbox.chat_id AND lanes.topic_id = inbox.topic_id AND \
               lanes.kind = lane_kind";
    let mut statement = database.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| {
        let update = Update {
            state: row.get(1)?,
            attempts: row.get(7)?,
            lane: row.get::<_, Option<i64>>(2)?.unwrap_or_default(),
            token: row.get(3)?,
            request: row.get(4)?,
            problem: row.get(5)?,
            remembered: memory.get(&row.get(6)?).cloned().unwrap_or_default(),
        };
        Ok((row.get(0)?, update))
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

#[derive(Debug)]
struct Outgoing {
    id: i64,
    kind: String,
    state: String,
    chat: i64,
    message: Option<i64>,
    reply_to: Option<i64>,
    addressed: usize,
    request: String,
}

fn outbox(database: &Connection) -> Vec<Outgoing> {
    let sql = "SELECT id, kind, state, chat_id, message_id, reply_to, json_array_length(addressed), request_id FROM \
               outbox WHERE action = 'say' ORDER BY id";
    let mut statement = database.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| {
        Ok(Outgoing {
            id: row.get(0)?,
            kind: row.get(1)?,
            state: row.get(2)?,
            chat: row.get(3)?,
            message: row.get(4)?,
            reply_to: row.get(5)?,
            addressed: usize::from(row.get::<_, u16>(6)?),
            request: row.get(7)?,
        })
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

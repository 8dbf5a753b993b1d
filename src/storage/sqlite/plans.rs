//! `EXPLAIN QUERY PLAN` of every statement that runs for a message, as it was seen on the connections: none may read a
//! whole table, or take longer because the bot has been running for a year.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use deadpool_sqlite::rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use tempfile::TempDir;

use super::{
    SqliteOptions, SqliteStore,
    writer::{Priority, Rings},
};
use crate::{
    clock::{TokioClock, kyiv_day},
    domain::{
        Author, AuthorKind, Chat, ChatId, ChatKind, Cost, Lane, LaneKind, Message, MessageId, OutgoingAction,
        OutgoingKind, ReplyTarget, RequestId, RichText, TalkAllowance, Timestamp, TokenUsage, UnaskedKind, UpdateKey,
        UserId, Why,
    },
    shutdown::Shutdown,
    storage::{
        ChatStore as _, Claim, ClaimRequest, Clearing, Ended, FinishedTurn, InboxStore as _, KeptAnswer, LimitLine,
        MemoryStore as _, ModelCall, NewKeptAnswer, NewOutgoing, NewSilence, NewUnasked, NewUpdate, Once,
        OutboxStore as _, Outgoing, PeopleStore as _, QuestionKey, Reception, SaidOnce, SendLimits, SharedStore as _,
        SpendStore as _, TalkNotes, TalkStore as _, UpkeepStore as _, Verdict, WindowRequest,
    },
    telemetry::Metrics,
};

/// What may be read although it is a whole table or chat: the step, a part of the statement, and why it stays small.
const SMALL_SCANS: &[(&str, &str, &str)] = &[
    ("SCAN CONSTANT ROW", "SELECT", "no table at all"),
    (
        "SCAN outbox USING INDEX outbox_sending",
        "SELECT id, action = 'say' AND kind <> 'alarm' FROM outbox WHERE state = 'sending' AND (",
        "a partial index that holds the calls in flight, at most some dozens a process",
    ),
    (
        "SCAN outbox USING COVERING INDEX outbox_ready",
        "ORDER BY not_before, id LIMIT 1",
        "a partial index of which the first entry is read",
    ),
    ("SCAN queue", "SELECT (SELECT COUNT(*) FROM queue WHERE inbox_id <=", "once a second, what waits"),
    (
        "SCAN inbox USING COVERING INDEX inbox_dead",
        "SELECT (SELECT COUNT(*) FROM queue WHERE inbox_id <=",
        "once a second, a partial index that holds the dead letters",
    ),
    (
        "SCAN answers USING COVERING INDEX answers_at",
        "DELETE FROM answers WHERE at <",
        "a table of at most two thousand rows, when one is added",
    ),
    ("SCAN theirs", "WITH RECURSIVE theirs", "the chats of one person"),
    ("SCAN CONSTANT ROW", "SELECT (SELECT COUNT(*) FROM queue WHERE inbox_id <=", "a sum"),
    ("SCAN queued", "(SELECT inbox_id FROM queued)", "it has one row"),
    ("USE TEMP B-TREE FOR", "INSERT INTO lanes (chat_id, topic_id, kind, due_at)", "what came since the last claim"),
    // Once an hour.
    ("SCAN inbox", "ORDER BY id LIMIT ?2) WHERE state", "a piece's worth of the oldest rows, and the dead letters"),
    ("SCAN inbox", "DELETE FROM lanes", "up to the first row that is no dead letter"),
    ("SCAN unasked", "ORDER BY id LIMIT ?2)", "a piece's worth of the oldest rows"),
    ("SCAN silences", "ORDER BY id LIMIT ?2)", "a piece's worth of the oldest rows"),
    ("SCAN deletions", "ORDER BY id LIMIT ?2)", "a piece's worth of the oldest rows"),
    ("SCAN (subquery", "ORDER BY id LIMIT ?2)", "that piece"),
    (
        "SEARCH messages USING PRIMARY KEY (chat_id=?)",
        "NOT EXISTS (SELECT 1 FROM messages WHERE chat_id = ",
        "the first of them tells that there are some",
    ),
    ("SCAN answers", "DELETE FROM answers WHERE (chat_id, question)", "a table of at most two thousand rows"),
    ("SCAN days", "DELETE FROM spending", "some hundred days"),
    ("SCAN CONSTANT ROW", "DELETE FROM spending", "the first of them"),
    ("SCAN lanes", "DELETE FROM lanes", "the table that is cleared: a few rows a chat"),
    ("SCAN chats", "DELETE FROM chats", "the table that is cleared: a row a chat"),
    ("SCAN people", "DELETE FROM people", "the table that is cleared: those who wished something"),
];

/// How the largest table may be reached. A search by `chat_id` alone would read all that a chat ever wrote.
const WAYS_TO_MESSAGES: &[&str] = &[
    "SEARCH messages USING PRIMARY KEY (chat_id=? AND message_id=?)",
    // The newest thousand, when a group becomes a supergroup.
    "SEARCH messages USING PRIMARY KEY (chat_id=? AND message_id>?)",
    "SEARCH messages USING INDEX messages_window (chat_id=? AND topic_id=? AND seq>?)",
    "SEARCH messages USING COVERING INDEX messages_window (chat_id=? AND topic_id=? AND seq>?)",
    "SEARCH messages USING PRIMARY KEY (chat_id=? AND message_id>? AND message_id<?)",
    "SEARCH messages USING INDEX messages_album (chat_id=? AND album=?)",
    // From chat to chat of one person, one row of each.
    "SEARCH messages USING COVERING INDEX messages_author (author_id=?)",
    "SEARCH messages USING COVERING INDEX messages_author (author_id=? AND chat_id>?)",
];

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn note(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(statement, _) = event {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(statement.sql().into_owned());
    }
}

const START: Timestamp = Timestamp(1_790_000_000_000);

/// A store that has been in use for a while.
async fn used_store() -> (TempDir, SqliteStore) {
    let place = TempDir::new().unwrap();
    let clock = Arc::new(TokioClock::starting_at(START));
    let options = SqliteOptions { readers: 1, ..SqliteOptions::new(place.path(), clock, Metrics::new()) };
    let store = SqliteStore::open(options, &Shutdown::new()).await.unwrap();
    on_writer(&store, |tx| tx.execute_batch(include_str!("plans.sql")).unwrap()).await;
    on_writer(&store, |tx| tx.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note))).await;
    let traced = store.read("tracing", |connection| {
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note));
        Ok(())
    });
    traced.await.unwrap();
    (place, store)
}

async fn on_writer(store: &SqliteStore, work: impl FnOnce(&Connection) + Send + 'static) {
    let piece = store.write("testing", Priority::Other, Rings::default(), |tx| {
        work(tx);
        Ok(())
    });
    piece.await.unwrap();
}

fn lane(kind: LaneKind) -> Lane {
    Lane { chat: ChatId(-10), topic: None, kind }
}

async fn claim(store: &SqliteStore, key: i64, kind: LaneKind) -> Claim {
    let update = NewUpdate {
        key: UpdateKey(key),
        lane: lane(kind),
        kind: "message",
        body: Bytes::from_static(b"{}"),
        received_at: START,
        request_id: RequestId("request".to_owned()),
        unusable: None,
    };
    store.admit(update.clone()).await.unwrap();
    store.admit(update).await.unwrap();
    claim_again(store, kind).await
}

async fn claim_again(store: &SqliteStore, kind: LaneKind) -> Claim {
    let lease = Duration::from_secs(20);
    let (talk_max, express_max) = if kind == LaneKind::Talk { (10, 0) } else { (0, 10) };
    let request = ClaimRequest { owner: "a".to_owned(), lease, talk_max, express_max, rows_max: 50, suspects_max: 9 };
    store.claim(request).await.unwrap().claims.into_iter().find(|claim| claim.lane.chat == ChatId(-10)).unwrap()
}

fn message(id: i64) -> Message {
    Message {
        chat: Chat { id: ChatId(-10), kind: ChatKind::Group, title: Some("Ліс".to_owned()) },
        topic: None,
        id: MessageId(id),
        author: Author { kind: AuthorKind::Person, id: UserId(5), name: "Оля".to_owned(), username: None },
        text: "привіт".to_owned(),
        media: None,
        reply_to: None,
        quote: None,
        forwarded_from: None,
        album: Some("album".to_owned()),
        sent_at: START,
        edited_at: None,
    }
}

fn says(parts: usize) -> NewOutgoing {
    let (expires_at, request_id) = (START + Duration::from_secs(600), RequestId("request".to_owned()));
    let texts = vec![RichText::plain("привіт"); parts];
    NewOutgoing {
        target: ReplyTarget { topic: None, message_id: Some(MessageId(1)) },
        addressed: vec![START],
        why: Some(Why {
            trigger: "name".to_owned(),
            score: None,
            model: None,
            usage: TokenUsage::default(),
            cost_nano_usd: None,
            is_cached: false,
        }),
        ..NewOutgoing::new(OutgoingKind::Answer, message(1).chat, texts, expires_at, request_id)
    }
}

fn edits() -> NewOutgoing {
    NewOutgoing { action: OutgoingAction::Edit { message: MessageId(1) }, ..says(1) }
}

fn whole_turn() -> FinishedTurn {
    let call = ModelCall {
        at: START,
        chat: ChatId(-10),
        user: Some(UserId(5)),
        purpose: "answer",
        model: "a model".to_owned(),
        outcome: "ok",
        took: Duration::from_millis(900),
        usage: TokenUsage::default(),
        cost: Cost { nano_usd: None, counted_nano_usd: 7 },
        is_unasked: false,
    };
    let keeps = NewKeptAnswer {
        chat: ChatId(-10),
        question: QuestionKey([7; 32]),
        answer: KeptAnswer { text: "сорок два".to_owned(), model: "a model".to_owned() },
        asked_by: UserId(5),
    };
    FinishedTurn {
        remembered: vec![message(100_001), message(100_002), message(100_001)],
        says: Some(says(2)),
        also: vec![edits()],
        failure_line: Some(says(1)),
        calls: vec![call],
        limit_lines: vec![LimitLine { person: UserId(5), says: says(1) }],
        keeps: Some(keeps),
        migrated: Some((ChatId(-11), ChatId(-12))),
        once: [Once::AskAccess, Once::Introduce, Once::TellOptedOut(UserId(5))]
            .map(|once| SaidOnce { once, chat: message(1).chat, says: vec![says(1)] })
            .to_vec(),
        talk: Some(notes()),
        verdicts: Vec::new(),
        leaves_no_trace: true,
    }
}

fn notes() -> TalkNotes {
    let silence = NewSilence { by: UserId(5), until: START, is_counted: true };
    TalkNotes {
        people: 2,
        addressed: 1,
        heard_at: Some(START),
        spoken_to_at: Some(START),
        grave_until: Some(START - Duration::from_secs(1)),
        silence: Some(silence),
        receptions: vec![Reception { message: MessageId(1), sign: 1 }],
        unasked: vec![NewUnasked {
            kind: UnaskedKind::Line,
            allowance: TalkAllowance {
                hour_quarters: 12,
                day_quarters: 60,
                after_words: Duration::from_secs(600),
                after_anything: Duration::from_secs(150),
            },
            says: Some(says(1)),
        }],
        ..TalkNotes::of(ChatId(-10))
    }
}

async fn run_talk(store: &SqliteStore) {
    let later = START + Duration::from_secs(3_600);
    assert_eq!(store.talk_log(ChatId(-10), START).await.unwrap().people_last_day, 2);
    let silence = NewSilence { by: UserId(5), until: later, is_counted: false };
    store.silence(ChatId(-10), silence, START).await.unwrap();
    let grave = TalkNotes { grave_until: Some(later), ..TalkNotes::of(ChatId(-10)) };
    let express = claim(store, 1_000_003, LaneKind::Express).await;
    store.finish(express.claim, FinishedTurn { talk: Some(grave), ..FinishedTurn::default() }, START).await.unwrap();
}

async fn run_turns(store: &SqliteStore) {
    let talk = claim(store, 1_000_001, LaneKind::Talk).await;
    store.renew(vec![talk.claim], Duration::from_secs(20)).await.unwrap();
    let retry = vec![(talk.updates[0].key, Verdict::RetryAt(START))];
    let retry = FinishedTurn { verdicts: retry, ..FinishedTurn::default() };
    store.finish(talk.claim, retry, START).await.unwrap();
    claim_again(store, LaneKind::Talk).await;
    store.release("a").await.unwrap();
    let talk = claim_again(store, LaneKind::Talk).await;
    let dead = vec![(talk.updates[0].key, Verdict::Dead { problem: "poison".to_owned() })];
    let dead = FinishedTurn { verdicts: dead, ..FinishedTurn::default() };
    store.finish(talk.claim, dead, START).await.unwrap();
    store.retry_dead(UpdateKey(1_000_001), START).await.unwrap();
    let talk = claim_again(store, LaneKind::Talk).await;
    store.finish(talk.claim, whole_turn(), START).await.unwrap();
    let express = claim(store, 1_000_002, LaneKind::Express).await;
    store.finish(express.claim, FinishedTurn { says: Some(says(1)), ..FinishedTurn::default() }, START).await.unwrap();
    store.next_due().await.unwrap();
    store.take_slot("gemini", 100).await.unwrap();
    assert!(store.take_spare_slot("gemini", 100).await.unwrap());
    store.lease("poll", "a", Duration::from_secs(20)).await.unwrap();
}

async fn run_memory(store: &SqliteStore) {
    let request = WindowRequest { chat: ChatId(-10), topic: None, limit: 80, block: 8 };
    assert!(store.window(request).await.unwrap().len() > 70);
    store.message(ChatId(-10), MessageId(1)).await.unwrap();
    store.why(ChatId(-10), MessageId(1)).await.unwrap();
    store.album_is_known(ChatId(-10), "album").await.unwrap();
    store.album_around(ChatId(-10), "album", MessageId(1)).await.unwrap();
    store.forgotten(ChatId(-10), vec![(MessageId(1), Some(UserId(5)))]).await.unwrap();
    store.standing(ChatId(-10), vec![UserId(5)]).await.unwrap();
    let spent = store.spent(kyiv_day(START), ChatId(-10), vec![UserId(5)]).await.unwrap();
    assert!(spent.people[0].tally.calls == 1 && !spent.people[0].is_vouched);
    assert!(store.kept_answer(ChatId(-10), QuestionKey([7; 32]), START).await.unwrap().is_some());
    store.calls_of("a model", START).await.unwrap();
}

async fn run_clearing(store: &SqliteStore) {
    for what in Clearing::ALL {
        store.clear(what, START).await.unwrap();
    }
}

async fn begin(store: &SqliteStore) -> Vec<Outgoing> {
    tokio::time::advance(Duration::from_secs(2)).await;
    let limits = SendLimits { global_per_second: 30, chat_per_second: 1, group_per_minute: 20 };
    store.begin_sends("a", 20, limits, Duration::from_secs(60)).await.unwrap().due
}

async fn run_sends(store: &SqliteStore) {
    let ends = [
        Ended::RetryAt { at: START, blocks_chat: true, without_reply: true, problem: "429".to_owned() },
        Ended::Migrated { to: ChatId(-13) },
        Ended::Sent(Box::new(message(100_003))),
        Ended::Unknown { problem: "cut".to_owned() },
        Ended::Refused { problem: "gone".to_owned(), chat_is_dead: true },
    ];
    store.say(edits(), START).await.unwrap();
    for ended in ends {
        let send = begin(store).await.into_iter().next().expect("something is to be sent");
        store.end_send("a", send.id, send.attempt, ended, START).await.unwrap();
    }
    begin(store).await;
    tokio::time::advance(Duration::from_secs(3_600)).await;
    begin(store).await;
}

#[tokio::test(start_paused = true)]
async fn no_statement_that_runs_for_a_message_reads_a_whole_table() {
    let (_place, store) = used_store().await;
    run_turns(&store).await;
    run_memory(&store).await;
    run_talk(&store).await;
    run_sends(&store).await;
    run_clearing(&store).await;
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let queries: Vec<String> = seen.into_iter().filter(|sql| is_query(sql)).collect();
    assert!(queries.len() > 70, "{} statements", queries.len());
    assert_none_is_large(&store, queries.clone()).await;
    // What the hourly look at the tables finds out must not lead the planner astray.
    store.optimize().await.unwrap();
    on_writer(&store, |tx| tx.execute_batch("PRAGMA analysis_limit = 400; ANALYZE").unwrap()).await;
    assert_none_is_large(&store, queries).await;
}

async fn assert_none_is_large(store: &SqliteStore, queries: Vec<String>) {
    let plans = store.read("explaining", move |connection| {
        Ok(queries.into_iter().map(|sql| (plan(connection, &sql), sql)).collect::<Vec<_>>())
    });
    let plans = plans.await.unwrap();
    let large: Vec<_> = plans
        .iter()
        .flat_map(|(steps, sql)| steps.iter().map(move |step| (step, sql)))
        .filter(|(step, sql)| !stays_small(step, sql))
        .collect();
    assert!(large.is_empty(), "{large:#?}");
}

fn stays_small(step: &str, sql: &str) -> bool {
    let is_known = SMALL_SCANS.iter().any(|(scan, of, _)| step.starts_with(scan) && sql.contains(of));
    if is_known || step.starts_with("SCAN") {
        return is_known;
    }
    let sorts = step.contains("TEMP B-TREE");
    let reads_messages = step.starts_with("SEARCH messages ");
    !sorts && (!reads_messages || WAYS_TO_MESSAGES.contains(&step))
}

fn is_query(sql: &str) -> bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|word| sql.trim_start().starts_with(word))
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    steps
}

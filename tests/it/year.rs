//! A year on the test clock: 6 000 messages a day in ten groups, answers, strangers who pass by, what people have deleted;
//! all of maintenance, a backup a day, a restart each night, both changes of Kyiv's clock and a leap day. Every table, file
//! and backup stays within what docs/upkeep.md states, the file does not grow in its second half, and what runs for each
//! message takes no longer.
//!
//! The messages go straight to the store, up to fifty in a turn, as worker and sender would hand them over: through the
//! whole bot a year would take a night. Maintenance is the real one, every hour, of a bot to which Telegram does not answer,
//! so that its worker never begins. Of the day's backups all but one are noted as made: they too would take a night.
//!
//! `just year` runs all of it; `cargo test` five weeks with few messages, short retention and six hours between two rounds.
#![expect(clippy::disallowed_methods, reason = "real time is measured, and the environment says how long")]
#![expect(clippy::print_stdout, reason = "the figures of a run")]

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use gryag::{
    app::App,
    domain::{
        Alarm, Author, AuthorKind, Chat, ChatId, ChatKind, Cost, Lane, LaneKind, Message, MessageId, OutgoingKind,
        RequestId, RichText, TalkAllowance, Timestamp, TokenUsage, UnaskedKind, UpdateKey, UserId,
    },
    maintenance::BACKUP_OK_AT,
    sandbox::telegram::Fault,
    storage::{
        Claim, ClaimRequest, Ended, FinishedTurn, InboxStore as _, KeptAnswer, MemoryStore as _, ModelCall,
        NewKeptAnswer, NewOutgoing, NewSilence, NewUnasked, NewUpdate, Once, OutboxStore as _, PeopleStore as _,
        QuestionKey, SaidOnce, SendLimits, SharedStore as _, TalkNotes, UpkeepStore as _, WindowRequest,
        sqlite::{FILE_NAME, SqliteStore},
    },
};

use crate::harness::{Setup, bury};

const DAY: Duration = Duration::from_secs(86_400);
const UNLIMITED: SendLimits = SendLimits { global_per_second: 0, chat_per_second: 0, group_per_minute: 0 };
const PLENTY: TalkAllowance = TalkAllowance {
    hour_quarters: 1_000_000,
    day_quarters: 1_000_000,
    after_words: Duration::ZERO,
    after_anything: Duration::ZERO,
};
const GROUPS: i64 = 10;
const MEMBERS: i64 = 15;
/// Messages of one turn.
const TURN: i64 = 50;

/// What is simulated.
struct Plan {
    start: &'static str,
    days: i64,
    /// Rounds of messages and maintenance in a day.
    rounds: i64,
    /// Turns of fifty messages in a round.
    turns: i64,
    retention_days: i64,
    /// How much larger the file may be at the end than in the middle, in hundredths.
    growth: u64,
}

/// Summer to summer: the clocks change on 2027-10-31 and 2028-03-26, and 2028-02-29 is between them. A round an hour, as
/// maintenance has it, so that no round waits for the hour to be full.
const YEAR: Plan =
    Plan { start: "2027-06-01T05:00:00Z", days: 366, rounds: 24, turns: 5, retention_days: 90, growth: 105 };
const WEEKS: Plan =
    Plan { start: "2028-02-20T05:00:00Z", days: 36, rounds: 4, turns: 1, retention_days: 7, growth: 110 };

impl Plan {
    fn messages(&self) -> i64 {
        self.rounds * self.turns * TURN
    }

    fn round(&self) -> Duration {
        DAY / u32::try_from(self.rounds).expect("a few")
    }
}

/// Times of what runs for each message.
#[derive(Default)]
struct Times {
    claims: Vec<Duration>,
    memory: Vec<Duration>,
}

impl Times {
    fn p99(times: &mut [Duration]) -> Duration {
        times.sort();
        times[times.len() * 99 / 100]
    }
}

struct World {
    plan: Plan,
    setup: Setup,
    app: App,
    /// Counts updates, messages and strangers.
    key: i64,
    times: Times,
}

impl World {
    async fn begin(plan: Plan) -> Self {
        let start: jiff::Timestamp = plan.start.parse().expect("a time");
        let setup =
            Setup::at(Timestamp(start.as_millisecond())).set("BOT_RETENTION_DAYS", plan.retention_days.to_string());
        setup.world.fail_always("*", Fault::Refused);
        let app = setup.start_replica(1).await;
        Self { plan, setup, app, key: 1_000, times: Times::default() }
    }

    fn store(&self) -> &SqliteStore {
        &self.app.store
    }

    fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    async fn day(&mut self, day: i64) {
        for round in 0..self.plan.rounds {
            for turn in 0..self.plan.turns {
                self.turn(-1 - (round * self.plan.turns + turn + day) % GROUPS).await;
            }
            self.stranger().await;
            if round == 0 {
                self.mishaps().await;
            }
            self.maintain(round == 1).await;
        }
        self.restart(day).await;
    }

    async fn admit(&mut self, chat: i64, messages: i64) -> Claim {
        let (first, now) = (self.key, self.now());
        self.key += messages;
        let update = |key| NewUpdate {
            key: UpdateKey(key),
            lane: Lane { chat: ChatId(chat), topic: None, kind: LaneKind::Talk },
            kind: "message",
            body: Bytes::from(format!(r#"{{"update_id":{key},"message":{{"text":"{}"}}}}"#, "слово ".repeat(8))),
            received_at: now,
            request_id: RequestId(format!("{key:016x}")),
            unusable: None,
        };
        let store = self.app.store.clone();
        let admitted = join_all((first..first + messages).map(|key| store.admit(update(key)))).await;
        assert!(admitted.iter().all(Result::is_ok), "{admitted:?}");
        let started = std::time::Instant::now();
        let lease = Duration::from_secs(20);
        let request = ClaimRequest {
            owner: "year".to_owned(),
            lease,
            talk_max: 1,
            express_max: 1,
            rows_max: 50,
            suspects_max: 1,
        };
        let mut claims = store.claim(request).await.expect("the store").claims;
        self.times.claims.push(started.elapsed());
        assert_eq!(claims.len(), 1);
        claims.remove(0)
    }

    /// Fifty messages and an answer.
    async fn turn(&mut self, chat: i64) {
        let first = self.key;
        let claim = self.admit(chat, TURN).await;
        assert_eq!(i64::try_from(claim.updates.len()), Ok(TURN));
        let started = std::time::Instant::now();
        let request = WindowRequest { chat: ChatId(chat), topic: None, limit: 80, block: 8 };
        let window = self.store().window(request).await.expect("the store");
        self.store().message(ChatId(chat), MessageId(first - TURN)).await.expect("the store");
        self.times.memory.push(started.elapsed());
        assert!(window.len() <= 80);
        let now = self.now();
        let remembered = (first..first + TURN).map(|id| message(chat, id, id % MEMBERS, now)).collect();
        let turn = FinishedTurn {
            remembered,
            says: Some(says(chat, now)),
            calls: vec![call(chat, first % MEMBERS, now); 2],
            keeps: Some(keeps(chat, first)),
            talk: Some(talk(chat, now)),
            ..FinishedTurn::default()
        };
        self.store().finish(claim.claim, turn, now).await.expect("the store");
        self.send().await;
    }

    /// Somebody in a private chat about whom the admin is asked, once a round; nobody ever decides.
    async fn stranger(&mut self) {
        let person = 10_000_000 + self.key;
        let claim = self.admit(person, 1).await;
        let chat = Chat { id: ChatId(person), kind: ChatKind::Private, title: None };
        let once = vec![SaidOnce { once: Once::AskAccess, chat, says: vec![says(1, self.now())] }];
        let turn = FinishedTurn { once, ..FinishedTurn::default() };
        self.store().finish(claim.claim, turn, self.now()).await.expect("the store");
        self.send().await;
    }

    async fn send(&mut self) {
        let sends = self.store().begin_sends("year", 50, UNLIMITED, Duration::from_secs(60)).await.expect("the store");
        for send in sends.due {
            let author = Author { kind: AuthorKind::Own, ..message(1, 1, 1, self.now()).author };
            let sent = Message { author, ..message(send.chat.id.0, self.key, 1, self.now()) };
            self.key += 1;
            let ended = Ended::Sent(Box::new(sent));
            self.store().end_send("year", send.id, send.attempt, ended, self.now()).await.expect("the store");
        }
    }

    /// What goes wrong or is unwished for once a day.
    async fn mishaps(&mut self) {
        let (key, now) = (self.key, self.now());
        self.key += 1;
        let unreadable = NewUpdate {
            key: UpdateKey(key),
            lane: Lane { chat: ChatId(0), topic: None, kind: LaneKind::Talk },
            kind: "unknown",
            body: Bytes::from_static(b"{}"),
            received_at: now,
            request_id: RequestId("unreadable".to_owned()),
            unusable: Some("no JSON"),
        };
        self.store().admit(unreadable).await.expect("the store");
        self.store().forget_message(ChatId(-1), MessageId(key - 7), now).await.expect("the store");
        self.store().ask_to_forget(UserId(10_000_000 + key), UpdateKey(key), now).await.expect("the store");
        let silence = NewSilence { by: UserId(5), until: now, is_counted: true };
        gryag::storage::TalkStore::silence(self.store(), ChatId(-1), silence, now).await.expect("the store");
    }

    /// The next round: maintenance does what is due by then, backups only if they are wanted.
    async fn maintain(&self, backs_up: bool) {
        let round = self.plan.round();
        if !backs_up {
            let made = self.now() + round - Duration::from_secs(60);
            self.store().set_fact(BACKUP_OK_AT, made.0.to_string()).await.expect("the store");
        }
        tokio::time::advance(round).await;
        let due = self.now();
        let cleared = async || {
            let at = self.store().fact("cleared_at").await.expect("the store")?.parse().ok()?;
            Some(Timestamp(at))
        };
        let mut waited = 0;
        while cleared().await.is_none_or(|at| at < due) {
            waited += 1;
            assert!(waited < 600, "clearing up does not come to its end");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn restart(&mut self, day: i64) {
        let app = self.setup.start_replica(1_000 + day.unsigned_abs()).await;
        let stopped = std::mem::replace(&mut self.app, app);
        bury(&stopped);
        stopped.stop(Duration::ZERO, Duration::from_secs(30)).await.expect("a clean stop");
    }

    fn size(&self) -> u64 {
        std::fs::metadata(self.setup.data.path().join(FILE_NAME)).expect("the file").len()
    }

    /// Rows by table.
    fn tables(&self) -> BTreeMap<String, i64> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = self.setup.data.path().join(FILE_NAME);
        let database = rusqlite::Connection::open_with_flags(file, flags).expect("the database");
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut names = database.prepare(sql).expect("the schema");
        let names =
            names.query_map([], |row| row.get::<_, String>(0)).expect("names").map(|name| name.expect("a name"));
        let count = |table: &str| {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            database.query_row(&sql, [], |row| row.get(0)).expect("a count")
        };
        names.map(|name| (name.clone(), count(&name))).collect()
    }

    /// What docs/upkeep.md states, at this plan's rates.
    fn bound(&self, table: &str) -> i64 {
        let Plan { rounds, turns, retention_days, .. } = self.plan;
        let (answers, strangers) = (rounds * turns, rounds);
        let a_day = self.plan.messages() + strangers + 1;
        match table {
            "inbox" => a_day * 8 + 91,
            "queue" => 0,
            // A stranger's lane goes with their last update and send.
            "lanes" => GROUPS + strangers * 9,
            // And the admin's alarms.
            "outbox" => (answers * 2 + strangers) * 8 + 40,
            "messages" => (self.plan.messages() + answers * 2 + strangers) * (retention_days + 1),
            "chats" => GROUPS + 1 + strangers * 32,
            "people" => strangers * 3,
            "deletions" => 401,
            "model_calls" => answers * 2 * 91,
            "spending" => (1 + GROUPS) * 401 + MEMBERS * 36,
            "answers" => 2_000,
            "unasked" => answers * 36,
            "silences" => 3,
            "chat_hours" => (GROUPS + 1) * 24 * 36,
            "samples" => (60 + 144 + 168) * 250,
            "heartbeats" => 3,
            "errors" => 100,
            "alarms" => i64::try_from(Alarm::ALL.len()).expect("a few"),
            "dashboard_passes" => 40,
            "rates" | "leases" => 8,
            "rate_minutes" => 16,
            "facts" => 40,
            "queued" | "schema_generation" => 1,
            "refinery_schema_history" => 20,
            other => panic!("{other} has no bound here: state one, in docs/upkeep.md too"),
        }
    }

    fn check_bounds(&self, day: i64) {
        let over: Vec<_> = self.tables().into_iter().filter(|(table, rows)| *rows > self.bound(table)).collect();
        assert_eq!(over, [], "over their bounds on day {day}");
        let length = |name: &str| std::fs::metadata(self.setup.data.path().join(name)).map_or(0, |file| file.len());
        assert!(length("gryag.db-wal") <= 64 << 20, "the log has {} bytes", length("gryag.db-wal"));
        let backups = std::fs::read_dir(self.setup.data.path().join("backups")).expect("backups").count();
        assert!(backups <= 37 + 1, "{backups} files beside the ledger");
        assert!(length("backups/deletions.jsonl") <= 100 * (day.unsigned_abs() + 1));
    }

    /// At the end of a period: the size, and how long what runs for each message took.
    fn measured(&mut self) -> (u64, Duration, Duration) {
        let mut times = std::mem::take(&mut self.times);
        (self.size(), Times::p99(&mut times.claims), Times::p99(&mut times.memory))
    }
}

fn message(chat: i64, id: i64, author: i64, sent_at: Timestamp) -> Message {
    Message {
        chat: Chat { id: ChatId(chat), kind: ChatKind::Group, title: None },
        topic: None,
        id: MessageId(id),
        author: Author { kind: AuthorKind::Person, id: UserId(author), name: "Оля".to_owned(), username: None },
        text: "слово за словом ".repeat(1 + usize::try_from(id % 7).expect("small")),
        media: None,
        reply_to: None,
        quote: None,
        forwarded_from: None,
        album: None,
        sent_at,
        edited_at: None,
    }
}

fn says(chat: i64, now: Timestamp) -> NewOutgoing {
    let chat = Chat { id: ChatId(chat), kind: ChatKind::Group, title: None };
    let (text, request) = (vec![RichText::plain("так воно і є ".repeat(9))], RequestId("year".to_owned()));
    NewOutgoing::new(OutgoingKind::Answer, chat, text, now + Duration::from_secs(600), request)
}

fn call(chat: i64, user: i64, at: Timestamp) -> ModelCall {
    ModelCall {
        at,
        chat: ChatId(chat),
        user: Some(UserId(user)),
        purpose: "answer",
        model: "gemini-3.8-flash".to_owned(),
        outcome: "answered",
        took: Duration::from_millis(900),
        usage: TokenUsage { prompt: 4_000, cached: 1_000, thoughts: 50, answer: 90 },
        cost: Cost { nano_usd: Some(700), counted_nano_usd: 700 },
        is_unasked: false,
    }
}

fn keeps(chat: i64, number: i64) -> NewKeptAnswer {
    let mut question = [0; 32];
    question[..8].copy_from_slice(&number.to_le_bytes());
    NewKeptAnswer {
        chat: ChatId(chat),
        question: QuestionKey(question),
        answer: KeptAnswer { text: "сорок два".to_owned(), model: "gemini-3.8-flash".to_owned() },
        asked_by: UserId(number % MEMBERS),
    }
}

fn talk(chat: i64, now: Timestamp) -> TalkNotes {
    let says = NewOutgoing { kind: OutgoingKind::Unasked, ..says(chat, now) };
    let unasked = vec![NewUnasked { kind: UnaskedKind::Line, allowance: PLENTY, says: Some(says) }];
    let people = u32::try_from(TURN).expect("fifty");
    TalkNotes {
        people,
        addressed: 1,
        heard_at: Some(now),
        spoken_to_at: Some(now),
        unasked,
        ..TalkNotes::of(ChatId(chat))
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_year_nothing_grows_and_nothing_slows_down() {
    let whole = std::env::var_os("GRYAG_YEAR").is_some();
    let plan = if whole { YEAR } else { WEEKS };
    let (days, growth) = (plan.days, plan.growth);
    // What is compared are the last weeks of each half.
    let (half, weeks) = (days / 2, days / 12);
    let mut world = World::begin(plan).await;
    let mut middle = None;
    for day in 1..=days {
        world.day(day).await;
        if day % (days / 12) == 0 {
            world.check_bounds(day);
            println!("day {day}: {} KB, {:?}", world.size() / 1024, world.tables());
        }
        if day == half - weeks || day == days - weeks {
            world.times = Times::default();
        }
        if day == half {
            middle = Some(world.measured());
        }
    }
    let (before, claim_before, memory_before) = middle.expect("the middle");
    let (after, claim, memory) = world.measured();
    println!("figure | size in the middle, at the end | {} KB, {} KB", before / 1024, after / 1024);
    println!("figure | p99 of a claim of fifty | {claim_before:.1?}, {claim:.1?}");
    println!("figure | p99 of a window and a message | {memory_before:.1?}, {memory:.1?}");
    for (table, rows) in world.tables() {
        println!("figure | {table} | {rows} of at most {}", world.bound(&table));
    }
    assert!(after * 100 <= before * growth, "the file grows: {before}, then {after} bytes");
    if whole {
        assert!(claim <= claim_before * 6 / 5 && memory <= memory_before * 6 / 5, "it gets slower");
    }
    world.store().check().await.expect("the database is whole");
    let space = world.store().space().await.expect("the store");
    assert_eq!(space.database, world.size());
    world.app.stop(Duration::ZERO, Duration::from_secs(30)).await.expect("a clean stop");
}

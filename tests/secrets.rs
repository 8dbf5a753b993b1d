//! Nothing that a person wrote, is called or keeps secret is in any log, error or metric. Every secret and every word
//! here carries a mark; every failure is driven at the finest log level; then everything that the bot told is searched.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use gryag::{
    clock::{SharedClock, TokioClock},
    config::Config,
    domain::{ChatId, Prompt, PromptTurn, RichText, Role, UserId},
    gemini::{Choice, Gemini, GeminiOptions},
    random::Seeded,
    sandbox::{
        gemini::{self as gemini_world, FakeGemini, GeminiFault, Reply},
        telegram::{FakeTelegram, Fault, TelegramOptions as WorldOptions},
    },
    storage::{InboxStore as _, SharedStore as _},
    telegram::{OutgoingText, Telegram, TelegramOptions},
    telemetry::{LogStyle, Metrics, keep_panics_quiet, log_subscriber},
    transport::{Transport, TransportOptions, http_client},
};
use harness::{NOON, Setup, TestBot};
use http::{Request, Response};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt as _};

#[path = "it/harness/mod.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod harness;

/// In every marked word, Latin or Cyrillic.
const MARKS: [&str; 2] = ["CANARY", "канарк"];

const TOKEN: &str = "7000000001:CANARYtokenCANARYtokenCANARYtoken00";
const KEY: &str = "AQ.CANARYkeyCANARYkeyCANARYkey";
const HOOK: &str = "CANARYhookCANARYhook";
const TEXT: &str = "Гряг, це канарка й CANARYtext, і mail@canary.CANARYhost, і https://CANARYhost/x?y=CANARYquery";
const ANSWER: &str = "Я теж канарка, CANARYanswer. І ще канарка.";

/// Longer than a breaker stays open (20 s), and than its window (30 s).
const BREAKER_OPEN: Duration = Duration::from_secs(31);

/// Appends to the log.
#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics with it in hand").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that was logged in this process, by our code and by others'.
fn log() -> &'static Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        // Also takes what other crates log in the older way. `try_init` fails only if it was called before.
        let wanted = EnvFilter::new("trace,hyper=trace,reqwest=trace,rusqlite=trace,refinery_core=trace");
        let writer = Writer(Arc::clone(&log));
        log_subscriber(wanted, LogStyle::Json, move || writer.clone()).try_init().expect("the first subscriber");
        keep_panics_quiet();
        log
    })
}

fn logged() -> String {
    String::from_utf8_lossy(&log().lock().expect("nobody panics with it in hand")).into_owned()
}

/// Fails if any mark is in `told`.
fn search(told: &str, which: &str) {
    for line in told.lines() {
        let lower = line.to_lowercase();
        for mark in MARKS {
            assert!(!lower.contains(&mark.to_lowercase()), "{which} told what it must not:\n{line}");
        }
    }
}

/// The built-in persona with marks in all that the model is told of it.
fn marked_persona() -> String {
    let persona = include_str!("../persona/gryag.toml");
    let marked = persona.replace("system = \"\"\"\n", "system = \"\"\"\nCANARYpersona, ти канарка.\n");
    assert_ne!(persona, marked, "the persona's prompt was marked");
    marked
}

async fn marked_bot() -> TestBot {
    let mut setup =
        Setup::new().set("TELEGRAM_BOT_TOKEN", TOKEN).set("GEMINI_API_KEY", KEY).set("TELEGRAM_WEBHOOK_SECRET", HOOK);
    let persona = setup.data.path().join("persona.toml");
    std::fs::write(&persona, marked_persona()).expect("a persona");
    setup = setup.set("BOT_PERSONA", persona.to_string_lossy());
    let options = setup.world.options().clone();
    setup.gemini = FakeGemini::new(gemini_world::GeminiOptions {
        api_key: KEY.to_owned(),
        ..gemini_world::GeminiOptions::new(options.clock.clone(), options.random.clone())
    });
    setup.world = FakeTelegram::new(WorldOptions { token: TOKEN.to_owned(), ..options });
    setup.gemini.answer_with(|_| Reply::say(ANSWER).with_thought("CANARYthought канарка"));
    let bot = setup.start().await;
    assert_eq!(bot.webhook_secret(), HOOK);
    bot
}

fn gemini_faults() -> Vec<GeminiFault> {
    let status = |code, status| GeminiFault::Status {
        code,
        status,
        message: format!("{status}: the key {KEY}, the prompt \"{TEXT}\", the words {TEXT}"),
    };
    vec![
        GeminiFault::Overloaded,
        GeminiFault::PerMinuteQuota { retry_delay: Duration::from_secs(1) },
        GeminiFault::Internal,
        GeminiFault::DeadlineExceeded,
        status(400, "INVALID_ARGUMENT"),
        status(400, "FAILED_PRECONDITION"),
        status(400, "CANARYstatus"),
        status(401, "UNAUTHENTICATED"),
        status(403, "PERMISSION_DENIED"),
        status(408, "DEADLINE_EXCEEDED"),
        status(429, "RESOURCE_EXHAUSTED"),
        status(499, "CANCELLED"),
        status(500, "INTERNAL"),
        GeminiFault::BadKey,
        GeminiFault::Html502,
        GeminiFault::Hang,
        GeminiFault::Cut,
        GeminiFault::Refused,
        GeminiFault::Garbage,
        GeminiFault::Answer(Reply::blocked("PROHIBITED_CONTENT")),
        GeminiFault::Answer(Reply::blocked("канарка CANARYreason, lower")),
        GeminiFault::Answer(Reply::stopped("SAFETY")),
        GeminiFault::Answer(Reply::say("канарка CANARYanswer").finished("канарка CANARYfinish, lower")),
        GeminiFault::Answer(Reply::spent_on_thinking()),
        GeminiFault::Answer(Reply::empty()),
        GeminiFault::Answer(Reply::cut("Це канарка. Це CANARYcut кан")),
        // The last ones: the model rests after them.
        status(404, "NOT_FOUND"),
        GeminiFault::NotInTier,
        GeminiFault::PerDayQuota,
    ]
}

fn telegram_faults() -> Vec<Fault> {
    let quoting = |code, words: &str| {
        let text = format!("{words}: \"{TEXT}\", канарка, {TOKEN}, https://CANARYhost/bot{TOKEN}/sendMessage");
        Fault::status(code, &text)
    };
    let migrated = Fault::Status {
        code: 400,
        description: format!("Bad Request: group chat was upgraded to a supergroup chat \"{TEXT}\""),
        parameters: Some(json!({"migrate_to_chat_id": -1_009_999_999_999_i64})),
    };
    vec![
        quoting(400, "Bad Request: can't parse entities"),
        quoting(400, "Bad Request: message to be replied not found"),
        quoting(400, "Bad Request: message is too long"),
        quoting(400, "Bad Request: message thread not found"),
        quoting(400, "Bad Request: TOPIC_CLOSED"),
        quoting(400, "Bad Request: chat not found"),
        quoting(400, "Bad Request: something new"),
        quoting(401, "Unauthorized"),
        quoting(403, "Forbidden: bot was blocked by the user"),
        quoting(404, "Not Found"),
        quoting(409, "Conflict"),
        quoting(413, "Request Entity Too Large"),
        quoting(500, "Internal Server Error"),
        Fault::RetryAfter(1),
        Fault::Html502,
        Fault::HangThenClose,
        Fault::AcceptThenCut,
        Fault::CutBefore,
        Fault::Refused,
        Fault::Garbage,
        migrated,
    ]
}

/// What the bot's own HTTP answers, headers and all.
fn noted(told: &mut String, response: &Response<Bytes>) {
    let _ = writeln!(told, "{} {:?}", response.status(), response.headers());
    let _ = writeln!(told, "{}", String::from_utf8_lossy(response.body()));
}

async fn ask(bot: &TestBot, path: &str, secret: Option<&str>, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut request = Request::post(format!("http://bot.test{path}"));
    if let Some(secret) = secret {
        request = request.header("x-telegram-bot-api-secret-token", secret);
    }
    let request = request.body(body.into()).expect("a request");
    gryag::transport::call(&bot.webhook, request).await.expect("an answer")
}

/// Bodies and requests that nobody well meant sends.
async fn malformed_requests(bot: &TestBot, told: &mut String) {
    let unreadable = json!({"update_id": 900_001, "message": {"message_id": "канарка CANARYtext", "chat": {"id": -5,
        "type": "supergroup", "title": "CANARYtitle"}, "date": 1, "text": TEXT}});
    let strange =
        json!({"update_id": 900_002, "strange_kind": {"text": TEXT, "chat": {"id": -5, "type": "CANARYtype"}}});
    let bodies = [
        format!("{{\"update_id\": 900003, \"message\": \"{TEXT}"),
        TEXT.to_owned(),
        unreadable.to_string(),
        strange.to_string(),
        format!("{}\"{TEXT}\"{}", "[".repeat(3000), "]".repeat(3000)),
        TEXT.repeat(4000),
    ];
    for body in bodies {
        noted(told, &ask(bot, "/telegram/webhook", Some(HOOK), body).await);
    }
    noted(told, &ask(bot, "/telegram/webhook", Some("CANARYwrong"), TEXT).await);
    noted(told, &ask(bot, "/telegram/webhook?secret=CANARYquery", None, TEXT).await);
    noted(told, &ask(bot, "/CANARYpath", None, TEXT).await);
    for path in ["/metrics", "/livez", "/readyz"] {
        let request = Request::get(format!("http://bot.test{path}")).body(Bytes::new()).expect("a request");
        noted(told, &gryag::transport::call(&bot.webhook, request).await.expect("an answer"));
    }
}

/// Says something marked in a chat that is marked, and lets everything come to rest.
async fn say(bot: &TestBot, chat: ChatId, person: UserId) {
    bot.say(chat, person, TEXT).await;
}

/// A statement that fails in the middle of a turn.
async fn broken_table(bot: &TestBot, chat: ChatId, person: UserId) {
    let file = bot.setup.data.path().join(gryag::storage::sqlite::FILE_NAME);
    let rename = |from: &str, to: &str| {
        let database = rusqlite::Connection::open(&file).expect("the database");
        database.execute(&format!("ALTER TABLE {from} RENAME TO {to}"), []).expect("renamed");
    };
    rename("messages", "elsewhere");
    bot.world().say(chat, person, TEXT);
    let failed = || async { bot.metric("gryag_errors_total", &["place=\"turn\"", "bug"]) > 0.0 };
    bot.wait("a turn that failed", failed).await;
    rename("elsewhere", "messages");
    bot.settle().await;
}

#[tokio::test(start_paused = true)]
async fn no_failure_tells_a_secret_or_a_word_of_anybody() {
    log();
    let mut told = String::new();
    let bot = marked_bot().await;
    let person = bot.world().person_with_username("CANARYname канарка", "CANARYuser");
    let chats: Vec<ChatId> =
        (0..30).map(|number| bot.world().supergroup(&format!("CANARYtitle канарка {number}"), &[person])).collect();
    let mut in_turn = chats.iter().cycle().copied();
    let mut next_chat = move || in_turn.next().expect("a cycle");

    say(&bot, next_chat(), person).await;
    for fault in telegram_faults() {
        bot.world().fail_next("sendMessage", fault.clone());
        bot.world().fail_next("sendChatAction", fault);
        say(&bot, next_chat(), person).await;
    }
    // Often enough at once for a breaker to open.
    bot.gemini().fail_always("*", GeminiFault::Internal);
    for _ in 0..12 {
        bot.world().say(next_chat(), person, TEXT);
    }
    bot.settle().await;
    bot.gemini().heal();
    tokio::time::sleep(BREAKER_OPEN).await;
    for fault in gemini_faults() {
        bot.gemini().fail_next(fault.clone());
        bot.gemini().fail_next(fault);
        say(&bot, next_chat(), person).await;
        // An open breaker would keep the next fault from being met.
        tokio::time::sleep(BREAKER_OPEN).await;
    }
    for fault in [GeminiFault::Refused, GeminiFault::Hang] {
        bot.gemini().fail_always("*", fault);
        say(&bot, next_chat(), person).await;
        bot.gemini().heal();
        tokio::time::sleep(BREAKER_OPEN).await;
    }
    bot.gemini().answer_with(|_| panic!("канарка CANARYpanic"));
    let panicking = bot.world().say(next_chat(), person, TEXT);
    let panicked = || async { bot.metric("gryag_errors_total", &["place=\"turn\"", "bug"]) > 0.0 };
    bot.wait("a turn that panicked", panicked).await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    bot.settle().await;
    let _ = panicking;
    broken_table(&bot, next_chat(), person).await;
    malformed_requests(&bot, &mut told).await;
    bot.world().compose(next_chat(), person).document(Bytes::from_static(b"CANARYfile")).text(TEXT).send();
    bot.settle().await;

    // The stored ledger, the one in memory, what the dead letters say of themselves, heartbeats.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let store = &bot.app.store;
    for error in bot.app.errors.last() {
        let _ = writeln!(told, "{error:?}");
    }
    let kept = store.kept_errors().await.expect("the ledger");
    assert!(kept.len() > 40, "only {} errors were provoked", kept.len());
    let _ = writeln!(told, "{kept:?}");
    for letter in store.dead_letters(100).await.expect("the dead letters") {
        let _ = writeln!(told, "{letter:?}");
        store.drop_dead(letter.key, NOON).await.expect("dropped");
    }
    let _ = writeln!(told, "{:?}", store.heartbeats().await.expect("heartbeats"));
    let _ = writeln!(told, "{}", bot.app.metrics.render());
    search(&told, "an answer, a ledger or a metric");
    bot.finish_with_errors().await;

    let logged = logged();
    for sign in ["the turn has ended", "a call of the model ended", "no typing sign", "a panic", "a breaker moved"] {
        assert!(logged.contains(sign), "the log was searched, but has not heard of «{sign}»");
    }
    search(&logged, "the log");
}

/// A client of the Bot API that carries marks.
fn marked_telegram(transport: Transport) -> Telegram {
    let options = TelegramOptions {
        api_url: "http://CANARYhost.invalid".to_owned(),
        token: TOKEN.into(),
        call_timeout: Duration::from_secs(2),
    };
    Telegram::new(transport, options, Metrics::new())
}

fn marked_gemini(transport: Transport, base_url: &str) -> Gemini {
    let clock: SharedClock = Arc::new(TokioClock::starting_at(NOON));
    let options = GeminiOptions {
        base_url: base_url.to_owned(),
        api_key: KEY.into(),
        model: "gemini-3.8-flash".to_owned(),
        fallback_model: None,
        max_output_tokens: 512,
        temperature: None,
        thinking: None,
        call_timeout: Duration::from_secs(2),
        max_concurrent: 4,
        rate: None,
    };
    Gemini::new(&options, transport, clock, Arc::new(Seeded::new(1)), Metrics::new()).expect("a client")
}

fn marked_prompt() -> Prompt {
    let turns = vec![PromptTurn { role: Role::User, text: TEXT.to_owned() }];
    Prompt { system: "CANARYpersona".to_owned(), turns, media: Vec::new() }
}

/// Errors as they print themselves, both ways.
#[tokio::test(start_paused = true)]
async fn no_error_prints_a_secret_or_a_word() {
    log();
    let setup = Setup::new();
    let options = setup.world.options().clone();
    let world = FakeTelegram::new(WorldOptions { token: TOKEN.to_owned(), ..options.clone() });
    let chat = world.private(world.person("Оля"));
    let telegram = marked_telegram(world.transport());
    let mut told = format!("{telegram:?}");
    let text = RichText::plain(TEXT);
    for fault in telegram_faults() {
        world.fail_next("sendMessage", fault);
        let message = OutgoingText {
            chat,
            topic: None,
            reply_to: None,
            text: &text,
            buttons: &Vec::new(),
            silent: false,
            no_preview: false,
        };
        let error = telegram.send_message(&message).await.expect_err("the planned fault");
        let _ = writeln!(told, "{error}\n{error:?}");
    }
    let model = FakeGemini::new(gemini_world::GeminiOptions {
        api_key: KEY.to_owned(),
        ..gemini_world::GeminiOptions::new(options.clock.clone(), options.random.clone())
    });
    for fault in gemini_faults() {
        // A client of its own for each: it remembers spent quotas.
        let client = marked_gemini(model.transport(), "http://CANARYhost.invalid");
        let _ = writeln!(told, "{client:?}");
        model.fail_always("*", fault);
        let outcome = client.answer(&marked_prompt(), Instant::now() + Duration::from_secs(20), Choice::USUAL).await;
        if let Err(error) = outcome.result {
            let _ = writeln!(told, "{error}\n{error:?}\n{:?}", outcome.calls);
        }
        model.heal();
    }
    let config = Config::for_tests_with(&[
        ("TELEGRAM_BOT_TOKEN", TOKEN),
        ("GEMINI_API_KEY", KEY),
        ("TELEGRAM_WEBHOOK_SECRET", HOOK),
    ]);
    let _ = writeln!(told, "{config:?}");
    search(&told, "an error");
    search(&logged(), "the log");
}

/// Over real sockets, for the errors of the real HTTP client: both ways in which reqwest prints one hold the address.
#[tokio::test]
async fn the_real_http_client_tells_no_address_either() {
    log();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let shutdown = gryag::shutdown::Shutdown::new();
    shutdown.spawn(async move {
        // In turn: hangs up, speaks no HTTP, breaks off, redirects.
        let answers: [&[u8]; 4] = [
            b"",
            b"CANARYbody\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"ok\":",
            b"HTTP/1.1 302 Found\r\nlocation: http://CANARYhost.invalid/CANARYpath\r\ncontent-length: 0\r\n\r\n",
        ];
        for answer in answers.iter().cycle() {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut seen = [0_u8; 4096];
            let _ = stream.read(&mut seen).await;
            let _ = stream.write_all(answer).await;
        }
    });
    let options = TransportOptions { total_timeout: Duration::from_secs(2), ..TransportOptions::default() };
    let transport = http_client(options).expect("a client");
    let mut told = String::new();
    // Port 9 is closed; the name does not exist.
    let bases = [format!("http://{address}"), "http://127.0.0.1:9".to_owned(), "http://CANARYhost.invalid".to_owned()];
    for base in bases {
        for _ in 0..4 {
            let telegram = Telegram::new(
                transport.clone(),
                TelegramOptions { api_url: base.clone(), token: TOKEN.into(), call_timeout: Duration::from_secs(3) },
                Metrics::new(),
            );
            let error = telegram.get_me().await.expect_err("nobody answers there");
            let _ = writeln!(told, "{error}\n{error:?}");
            let request = Request::post(format!("{base}/bot{TOKEN}/CANARYmethod"))
                .header("x-goog-api-key", KEY)
                .body(Bytes::from_static(b"CANARYbody"))
                .expect("a request");
            if let Err(error) = gryag::transport::call(&transport, request).await {
                let _ = writeln!(told, "{error}\n{error:?}");
            }
        }
    }
    search(&told, "a transport error");
    search(&logged(), "the log");
}

//! What Telegram hears from us, and what we ask of it.

use std::{
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use gryag::{
    sandbox::{gemini::GeminiFault, in_process, telegram::Fault},
    storage::{InboxStore as _, StorageError, sqlite::CommitFault},
    transport::call,
};
use http::{Request, Response};
use serde_json::json;

use crate::harness::{Setup, TestBot, life::Side};

/// A store that refuses every commit while the switch is on.
fn switchable(error: StorageError) -> (Arc<AtomicBool>, CommitFault) {
    let on = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&on);
    (on, Arc::new(move || if switch.load(Ordering::SeqCst) { Err(error.clone()) } else { Ok(()) }))
}

async fn post_with(bot: &TestBot, secret: Option<&str>, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut request = Request::post("http://bot.test/telegram/webhook");
    if let Some(secret) = secret {
        request = request.header("x-telegram-bot-api-secret-token", secret);
    }
    call(&bot.webhook, request.body(body.into()).expect("a request")).await.expect("an answer")
}

/// An update of a kind that the bot has no use for.
fn idle_update(id: i64) -> String {
    json!({"update_id": id, "poll": {"id": "1"}}).to_string()
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_survives_a_kill() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let question = bot.world().say(chat, people[0], "Гряг, ти живий?");
    let update = bot.world().take_update().expect("the update");
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200));
    bot.crash_and_restart().await;
    bot.settle().await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_acknowledged_before_its_commit() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().say(chat, people[0], "слова");
    let update = bot.world().take_update().expect("the update");
    bot.life.kill_at_commit(1, Side::Before);
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, None);
    bot.restart().await;
    assert_eq!(bot.app.store.inbox_depth().await.unwrap().waiting, 0);
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200));
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_know_the_secret_is_refused_and_nothing_is_kept() {
    let bot = TestBot::start().await;
    for secret in [None, Some("guess")] {
        assert_eq!(post_with(&bot, secret, idle_update(1)).await.status(), 401);
    }
    assert_eq!(bot.metric("gryag_updates_total", &[]), 0.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_is_refused() {
    let bot = TestBot::start().await;
    assert_eq!(bot.post(vec![b' '; 256 * 1024 + 1]).await.status(), 413);
    bot.finish().await;
}

/// Whatever is authentic and complete: a refused update would block its chat for a day.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_used_is_taken_kept_and_hinders_nobody() {
    let bot = TestBot::start().await;
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let deep_object = format!("{{\"update_id\":7,\"message\":{{\"a\":{deep}}}}}");
    let unusable: [(&str, Bytes); 9] = [
        ("no JSON", "{\"update_id\": 1, ".into()),
        ("no object", "[1, 2, 3]".into()),
        ("empty", "".into()),
        ("no UTF-8", Bytes::from_static(b"{\"update_id\":2,\"message\":\"\xff\xfe\"}")),
        ("no content", "{\"update_id\": 3}".into()),
        ("no id", "{\"message\": {\"chat\": {\"id\": 5}}}".into()),
        ("an id that is no number", "{\"update_id\": \"4\", \"message\": {}}".into()),
        ("a negative id", "{\"update_id\": -4, \"message\": {}}".into()),
        ("deep nesting alone", deep.into()),
    ];
    let count = unusable.len() as u64;
    for (what, body) in unusable {
        assert_eq!(bot.post(body.clone()).await.status(), 200, "{what}");
        assert_eq!(bot.post(body).await.status(), 200, "{what}, again");
    }
    assert_eq!(bot.post(deep_object).await.status(), 200, "a readable id, unreadable content");
    bot.settle().await;
    assert_eq!(bot.app.store.inbox_depth().await.unwrap().dead, count + 1);
    let (chat, people) = bot.group(&["Оля"]);
    let question = bot.say(chat, people[0], "Гряг, ти живий?").await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    bot.finish_with_dead_letters().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_new_to_us_is_taken_and_done_with() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let new_kind = json!({"update_id": 1, "hologram_query": {"id": "1", "chat": {"id": chat.0}}});
    assert_eq!(bot.post(new_kind.to_string()).await.status(), 200);
    let entities = json!([{"type": "sparkle", "offset": 0, "length": 4}, {"type": 7}]);
    let origin = json!({"type": "time_machine", "era": 3});
    let question = bot.world().compose(chat, people[0]).text("Гряг, ти живий?");
    let question = question.field("entities", entities).field("effect", origin).send();
    let long = bot.world().say(chat, people[0], &format!("Гряг, {}", "ї".repeat(30_000)));
    bot.settle().await;
    assert_eq!(bot.outcomes(), "answered 2", "{question:?} {long:?}");
    assert_eq!(bot.metric("gryag_unknown_kinds_total", &["name=\"hologram_query\""]), 1.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn every_sample_of_the_fixtures_is_taken_and_the_bot_goes_on() {
    let bot = TestBot::start().await;
    let samples = include_str!("../fixtures/updates/samples.jsonl");
    for (number, sample) in samples.lines().enumerate() {
        assert_eq!(bot.post(sample).await.status(), 200, "sample {number}");
    }
    bot.settle().await;
    let (chat, people) = bot.group(&["Оля"]);
    let question = bot.say(chat, people[0], "Гряг, ти живий?").await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    assert_eq!(bot.app.store.inbox_depth().await.unwrap().dead, 0, "every sample can be read");
    #[expect(clippy::cast_possible_truncation, reason = "a small count")]
    let old = bot.metric("gryag_addressed_total", &["outcome=\"stale\""]) as i64;
    assert!(old > 0, "the samples are years old");
    bot.also_addressed(old);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_makes_telegram_come_again() {
    for (error, retry_s) in [(StorageError::DiskFull, "15"), (StorageError::Locked { doing: "testing" }, "5")] {
        let (broken, fault) = switchable(error);
        let bot = Setup::new().commit_fault(fault).start().await;
        broken.store(true, Ordering::SeqCst);
        let answer = bot.post(idle_update(1)).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (503, retry_s.as_bytes()));
        let (chat, people) = bot.group(&["Оля"]);
        let question = bot.world().say(chat, people[0], "Гряг, ти живий?");
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(bot.world().pending_updates(), 1, "telegram keeps it");
        broken.store(false, Ordering::SeqCst);
        bot.settle().await;
        assert_eq!(bot.world().answers_to(question).len(), 1);
        bot.finish_with_errors().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_makes_telegram_come_again() {
    let bot = Setup::new().set("BOT_MAX_QUEUE", "1").start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.gemini().fail_next(GeminiFault::Slow(Duration::from_secs(15)));
    bot.world().say(chat, people[0], "Гряг, подумай");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let answer = bot.post(idle_update(1)).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (503, &b"5"[..]));
    let second = bot.world().say(chat, people[1], "Гряг, а я?");
    bot.settle().await;
    assert_eq!(bot.world().answers_to(second).len(), 1);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn while_rotating_both_secrets_open_and_the_newest_is_registered() {
    let secrets = "new-secret-of-a-decent-length,old-secret-of-a-decent-length";
    let bot = Setup::new().set("TELEGRAM_WEBHOOK_SECRET", secrets).start().await;
    assert_eq!(bot.webhook_secret(), "new-secret-of-a-decent-length");
    for (number, secret) in secrets.split(',').enumerate() {
        let body = idle_update(i64::try_from(number).unwrap());
        assert_eq!(post_with(&bot, Some(secret), body).await.status(), 200);
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_without_the_secret_is_limited_and_telegram_is_not() {
    let bot = TestBot::start().await;
    let mut statuses = Vec::new();
    for _ in 0..50 {
        statuses.push(post_with(&bot, Some("guess"), idle_update(1)).await.status().as_u16());
    }
    assert!(statuses.ends_with(&[429; 25]), "{statuses:?}");
    for id in 0..100 {
        assert_eq!(bot.post(idle_update(id)).await.status(), 200);
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn two_replicas_register_the_webhook_once() {
    let mut bot = TestBot::start().await;
    bot.add_replica().await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(bot.world().calls("setWebhook").len(), 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_webhook_is_left_alone_unless_something_differs() {
    let mut bot = TestBot::start().await;
    bot.crash_and_restart().await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(bot.world().calls("setWebhook").len(), 1);

    bot.setup.reset("TELEGRAM_WEBHOOK_SECRET", "another-secret-of-a-decent-length");
    bot.crash_and_restart().await;
    bot.wait("it is registered anew", || async { bot.world().calls("setWebhook").len() == 2 }).await;
    assert_eq!(bot.webhook_secret(), "another-secret-of-a-decent-length");

    bot.setup.reset("TELEGRAM_WEBHOOK_URL", "http://elsewhere.test");
    bot.crash_and_restart().await;
    bot.wait("it is registered anew", || async { bot.world().calls("setWebhook").len() == 3 }).await;
    let call = bot.world().calls("setWebhook")[2].parameters();
    assert_eq!(call["url"], "http://elsewhere.test/telegram/webhook");
    let kinds = ["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"];
    assert_eq!(call["allowed_updates"], json!(kinds));
    bot.finish_with_errors().await;
}

/// It died between taking the lease and telling Telegram.
#[tokio::test(start_paused = true)]
async fn who_dies_while_registering_is_replaced_by_the_other_replica() {
    let setup = Setup::new();
    setup.world.fail_next("setWebhook", Fault::HangThenClose);
    let mut bot = setup.start_unregistered().await;
    bot.wait("it tries to register", || async { !bot.world().calls("setWebhook").is_empty() }).await;
    bot.add_replica().await;
    bot.kill_first();
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "Гряг, ти живий?").await;
    assert_eq!(bot.world().sent_to(chat).len(), 1, "what waited at telegram has arrived");
    bot.finish_with_errors().await;
}

/// All that is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nothing panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_nothing_can_reach_says_so_and_how_to_mend_it() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let bot = Setup::new().set("TELEGRAM_WEBHOOK_URL", "").start_unregistered().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let logged = String::from_utf8(log.0.lock().expect("nothing panics with it").clone()).unwrap();
    let said = logged.lines().find(|line| line.contains("NOTHING WILL ARRIVE")).expect("it says so");
    assert!(said.contains("ERROR") && said.contains("TELEGRAM_WEBHOOK_URL") && said.contains("BOT_INTAKE=poll"));
    assert!(bot.world().calls("setWebhook").is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_replica_is_ready_to_take_updates_before_it_knows_who_it_is() {
    let setup = Setup::new();
    setup.world.fail_next("getMe", Fault::Slow(Duration::from_secs(3)));
    let app = setup.start_replica(1).await;
    let transport = in_process(app.router.clone());
    let ask = async |path: &str| {
        let request = Request::get(format!("http://bot.test{path}")).body(Bytes::new()).unwrap();
        let answer = call(&transport, request).await.unwrap();
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    };
    assert_eq!(ask("/readyz").await, (200, "ready\n".to_owned()), "an outage of Telegram hits both replicas alike");
    assert_eq!(ask("/livez").await, (200, "live\n".to_owned()));
    app.awake.cancelled().await;
    assert_eq!(ask("/readyz").await, (200, "ready\n".to_owned()));
    app.stop(Duration::ZERO, Duration::from_secs(30)).await.expect("a clean stop");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_cannot_write_stays_ready_for_the_other_could_not_either() {
    let (broken, fault) = switchable(StorageError::DiskFull);
    let bot = Setup::new().commit_fault(fault).start().await;
    broken.store(true, Ordering::SeqCst);
    assert_eq!(bot.post(idle_update(1)).await.status(), 503);
    assert_eq!(bot.get("/readyz").await, (200, "ready, but the store takes no writes now\n".to_owned()));
    assert_eq!(bot.get("/livez").await.0, 200);
    broken.store(false, Ordering::SeqCst);
    assert_eq!(bot.post(idle_update(1)).await.status(), 200);
    assert_eq!(bot.get("/readyz").await, (200, "ready\n".to_owned()));
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_replica_whose_writer_is_gone_is_not_ready() {
    let bot = TestBot::start().await;
    bot.app.store.close().await;
    assert_eq!(bot.get("/readyz").await, (503, "draining\n".to_owned()), "its death stops the process");
    assert_eq!(bot.get("/livez").await.0, 200);
    let failure = bot.app.stop(Duration::ZERO, Duration::from_secs(30)).await.expect_err("it has failed");
    assert_eq!(failure.to_string(), "the task «store writer» died; the log says why");
}

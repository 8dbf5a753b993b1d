//! `gryag doctor`: each trouble made for real, told, and told how to mend.

use std::time::Duration;

use axum::{Router, routing};
use gryag::sandbox::{gemini, telegram};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{
    bot::{Bot, SECRET, Setup, free_address},
    commands::{strange_token, words},
    eventually,
    proxy::Proxy,
    world::World,
};

const SOON: Duration = Duration::from_secs(20);

/// What the doctor said.
struct Visit {
    code: Option<i32>,
    findings: Vec<Value>,
    all: String,
}

impl Visit {
    fn pay(setup: &Setup, arguments: &[&str]) -> Self {
        let output = setup.run(&[&["doctor", "--json"], arguments].concat());
        let all = words(&output);
        for secret in [telegram::TOKEN, gemini::API_KEY, SECRET] {
            assert!(!all.contains(secret), "a secret is said:\n{all}");
        }
        let findings = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}:\n{all}"));
        Self { code: output.status.code(), findings, all }
    }

    fn of(setup: &Setup) -> Self {
        Self::pay(setup, &[])
    }

    fn troubles(&self) -> Vec<&str> {
        let troubled = self.findings.iter().filter(|finding| finding["verdict"] == "trouble");
        troubled.filter_map(|finding| finding["check"].as_str()).collect()
    }

    /// Exactly this is wrong, and these words say what and how to mend it.
    #[track_caller]
    fn assert_only_trouble(&self, check: &str, expected: &[&str]) {
        assert_eq!(self.troubles(), [check], "{}", self.all);
        assert_eq!(self.code, Some(1), "{}", self.all);
        self.assert_trouble(check, expected);
    }

    #[track_caller]
    fn assert_trouble(&self, check: &str, expected: &[&str]) {
        let mut troubled = self.findings.iter().filter(|finding| finding["check"] == check);
        let said = |finding: &Value| format!("{} {}", finding["found"], finding["remedy"]);
        let fits = |finding: &Value| {
            finding["verdict"] == "trouble" && expected.iter().all(|words| said(finding).contains(words))
        };
        assert!(troubled.any(fits), "{check}: {expected:?} is not said:\n{}", self.all);
    }

    #[track_caller]
    fn assert_good(&self, check: &str, expected: &str) {
        let good = |finding: &&Value| finding["check"] == check && finding["verdict"] == "ok";
        let found = self.findings.iter().find(good).unwrap_or_else(|| panic!("{check} is not well:\n{}", self.all));
        assert!(found["found"].as_str().is_some_and(|found| found.contains(expected)), "{found}");
    }
}

/// Whoever polls needs neither a webhook nor a proxy: all else can be looked at alone.
fn polling(world: &World) -> Setup {
    let setup = Setup::new(world).unset("TELEGRAM_WEBHOOK_URL").set("BOT_INTAKE", "poll");
    setup.set("BOT_HTTP_ADDR", free_address())
}

/// A bot that runs, at the address that its proxy is known by; the proxy does not lead to it yet.
async fn behind_a_proxy(world: &World) -> (Proxy, Bot, Setup) {
    let proxy = Proxy::start(world).await;
    let setup = Setup::new(world).set("TELEGRAM_WEBHOOK_URL", format!("http://{}", proxy.address));
    let bot = setup.start().await;
    world.registered().await;
    let setup = setup.set("BOT_HTTP_ADDR", bot.address);
    (proxy, bot, setup)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_well_is_said_to_be_well_while_it_runs_and_while_it_does_not() {
    let world = World::start().await;
    let (proxy, bot, setup) = behind_a_proxy(&world).await;
    proxy.lead_to(&bot);
    eventually("all is well", SOON, async || Visit::of(&setup).code == Some(0)).await;
    let visit = Visit::of(&setup);
    assert_eq!(visit.troubles(), Vec::<&str>::new(), "{}", visit.all);
    for (check, words) in [
        ("configuration", "every key"),
        ("data directory", "local disk"),
        ("disk", "MB are free"),
        ("database", "whole, schema generation"),
        ("port", "is ready"),
        ("clock", "as Telegram's"),
        ("token", "@gryag_bot"),
        ("privacy mode", "off"),
        ("webhook", "as it should be; 0 updates wait"),
        ("public address", "refuses who does not know the secret"),
        ("proxy", "not let out (404)"),
        ("gemini key", "models are served"),
        ("gemini model", "gemini-3.8-flash is served"),
    ] {
        visit.assert_good(check, words);
    }
    let told = setup.succeed(&["doctor"]);
    assert!(told.lines().count() >= 13 && told.lines().all(|line| line.starts_with("ok ") || line.starts_with("not ")));
    bot.stop().await;
    let visit = Visit::of(&polling(&world).on(&setup.data));
    visit.assert_good("database", "whole");
    visit.assert_good("port", "free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_account_and_the_keys_is_told() {
    let world = World::start().await;
    let setup = polling(&world);
    assert_eq!(Visit::of(&setup).code, Some(0), "{}", Visit::of(&setup).all);

    let visit = Visit::of(&setup.clone().set("TELEGRAM_BOT_TOKEN", strange_token("7000000009")));
    visit.assert_only_trouble("token", &["TELEGRAM_BOT_TOKEN", "@BotFather"]);
    let visit = Visit::of(&setup.clone().set("GEMINI_API_KEY", "AQ.another-key"));
    visit.assert_only_trouble("gemini key", &["GEMINI_API_KEY", "aistudio.google.com"]);
    let visit = Visit::of(&setup.clone().set("GEMINI_MODEL", "gemini-9.9-flash"));
    visit.assert_only_trouble("gemini model", &["gemini-9.9-flash is not served", "gemini-3.8-flash"]);
    world.gemini.retire("gemini-3.5-flash-lite");
    Visit::of(&setup).assert_only_trouble("gemini model", &["gemini-3.5-flash-lite is not served"]);

    let visit = Visit::of(&setup.unset("ADMIN_ID").set("BOT_COLOUR", "green"));
    assert_eq!(visit.code, Some(1));
    visit.assert_trouble("configuration", &["ADMIN_ID is missing", "user id"]);
    visit.assert_trouble("configuration", &["BOT_COLOUR", "is not a key"]);

    let world = World::with_privacy_mode().await;
    Visit::of(&polling(&world)).assert_only_trouble("privacy mode", &["/setprivacy", "anew"]);
    let world = World::without_telegram().await;
    Visit::of(&polling(&world)).assert_only_trouble("token", &["did not reach telegram", "network"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watching_service_that_takes_no_life_sign_is_told() {
    let world = World::start().await;
    let setup = polling(&world);
    assert!(Visit::of(&setup).all.contains("BOT_HEARTBEAT_URL is not set"));
    let service = Router::new()
        .route("/ping/a-token", routing::get(|| async { "OK" }))
        .route("/ping/gone", routing::get(|| async { StatusCode::GONE }));
    let (service, nobody) = (world.serve(service).await, free_address());
    let visit = |address: String| {
        let visit = Visit::of(&setup.clone().set("BOT_HEARTBEAT_URL", address));
        assert!(!visit.all.contains("/ping/"), "the address may hold a token:\n{}", visit.all);
        visit
    };
    visit(format!("http://{service}/ping/a-token")).assert_good("heartbeat", "takes life signs");
    visit(format!("http://{service}/ping/gone")).assert_only_trouble("heartbeat", &["410", "BOT_HEARTBEAT_URL"]);
    visit(format!("http://{nobody}/ping/a-token")).assert_only_trouble("heartbeat", &["was not reached"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_is_told_with_its_direction() {
    let world = World::start().await;
    for (seconds, expected) in [(-600, "ahead"), (600, "behind")] {
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).expect("a date");
        let date = HeaderValue::from_str(&date).expect("a header");
        let router = world.telegram.router().layer(SetResponseHeaderLayer::overriding(header::DATE, date));
        let elsewhere = world.serve(router).await;
        let setup = polling(&world).set("TELEGRAM_API_URL", format!("http://{elsewhere}"));
        Visit::of(&setup).assert_only_trouble("clock", &[expected, "timedatectl set-ntp true"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_webhook_is_told() {
    let world = World::start().await;
    let (proxy, bot, setup) = behind_a_proxy(&world).await;
    proxy.lead_to(&bot);
    eventually("all is well", SOON, async || Visit::of(&setup).code == Some(0)).await;

    setup.succeed(&["webhook", "delete"]);
    Visit::of(&setup).assert_only_trouble("webhook", &["none is set", "gryag webhook set"]);
    setup.clone().set("TELEGRAM_WEBHOOK_URL", "http://elsewhere.test").succeed(&["webhook", "set"]);
    Visit::of(&setup).assert_only_trouble("webhook", &["elsewhere.test", "gryag webhook set"]);
    let poll = setup.clone().set("BOT_INTAKE", "poll");
    Visit::of(&poll).assert_only_trouble("webhook", &["elsewhere.test", "nothing can be polled"]);

    // The bot wants another secret than the one that Telegram was given by hand.
    setup.clone().set("TELEGRAM_WEBHOOK_SECRET", "another-secret").succeed(&["webhook", "set"]);
    world.deliver_to(&[&bot]);
    let (chat, person) = world.group("Друзі");
    world.telegram.say(chat, person, "Гряг, ти тут?");
    eventually("telegram is refused", SOON, async || world.deliveries.with_status(401) > 0).await;
    eventually("it is told", SOON, async || Visit::of(&setup).troubles() == ["webhook"]).await;
    Visit::of(&setup).assert_only_trouble("webhook", &["1 updates wait", "401", "another secret", "restart"]);
    // What the store knows of the secret is another one than what is set now.
    let rotated = setup.clone().set("TELEGRAM_WEBHOOK_SECRET", "a-third-secret");
    Visit::of(&rotated).assert_only_trouble("webhook", &["registered with another secret", "restart"]);
    bot.stop().await;
    Visit::of(&setup).assert_trouble("public address", &["502", "start the bot"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_world_meets_at_the_public_address_is_told() {
    let world = World::start().await;
    let (proxy, bot, setup) = behind_a_proxy(&world).await;
    Visit::of(&setup).assert_only_trouble("public address", &["502", "GRYAG_UPSTREAMS"]);
    proxy.lead_to(&bot);
    proxy.let_all_out();
    Visit::of(&setup).assert_only_trouble("proxy", &["/metrics", "Caddyfile"]);

    let moved =
        Router::new().fallback(|| async { (StatusCode::FOUND, [(header::LOCATION, "https://elsewhere.test")]) });
    let another = Router::new().fallback(routing::any(|| async { "a shop" }));
    let gone = free_address();
    for (address, expected) in [
        (world.serve(moved).await, ["redirects (302)", "TELEGRAM_WEBHOOK_URL"]),
        (world.serve(another).await, ["something else than the bot", "BOT_HTTP_ADDR"]),
        (gone, ["does not answer", "ports 80 and 443"]),
    ] {
        let setup = setup.clone().set("TELEGRAM_WEBHOOK_URL", format!("http://{address}"));
        Visit::of(&setup).assert_trouble("public address", &expected);
    }
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_this_machine_is_told() {
    let world = World::start().await;
    let setup = polling(&world);
    let taken = std::net::TcpListener::bind(free_address()).expect("a port");
    let address = taken.local_addr().expect("an address");
    let visit = Visit::of(&setup.clone().set("BOT_HTTP_ADDR", address));
    visit.assert_only_trouble("port", &["BOT_HTTP_ADDR", "ss -ltnp"]);
    drop(taken);

    let missing = setup.data.join("missing");
    Visit::of(&setup.clone().on(&missing)).assert_only_trouble("data directory", &["does not exist", "mkdir -p"]);
    // Not even root writes there.
    let unwritable = setup.clone().on(std::path::Path::new("/proc"));
    Visit::of(&unwritable).assert_trouble("data directory", &["cannot be written", "own it"]);
    let visit = Visit::of(&setup.set("BOT_MIN_FREE_DISK_MB", 1_048_576));
    visit.assert_only_trouble("disk", &["MB are free", "1048576 MB", "free some space"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_database_is_told_and_nothing_in_it_is_changed() {
    let world = World::start().await;
    let setup = polling(&world);
    setup.start().await.stop().await;
    Visit::of(&setup).assert_good("database", "whole");
    let file = setup.data.join("gryag.db");
    let whole = std::fs::read(&file).expect("the database");

    let foreign = setup.clone().set("TELEGRAM_BOT_TOKEN", strange_token("7000000009"));
    Visit::of(&foreign).assert_trouble("database", &["7000000001", "7000000009"]);

    let change = |sql: &str| rusqlite::Connection::open(&file).and_then(|database| database.execute_batch(sql));
    change("UPDATE schema_generation SET generation = 99, oldest_writer = 99").expect("changed");
    Visit::of(&setup).assert_only_trouble("database", &["generation 99", "newer version", "backup"]);
    change("PRAGMA application_id = 7").expect("changed");
    Visit::of(&setup).assert_only_trouble("database", &["another program"]);

    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8192].fill(0xff);
    std::fs::write(&file, &damaged).expect("written");
    Visit::of(&setup).assert_only_trouble("database", &["damaged", "gryag restore"]);
    assert_eq!(std::fs::read(&file).expect("the database"), damaged, "the doctor only looks");
    std::fs::write(&file, "this is not a database, whatever its name says").expect("written");
    Visit::of(&setup).assert_only_trouble("database", &["damaged"]);
    std::fs::remove_file(&file).expect("removed");
    Visit::of(&setup).assert_good("database", "none yet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_backup_and_a_failed_one_are_told() {
    let world = World::start().await;
    let setup = polling(&world);
    setup.start().await.stop().await;
    let now = jiff::Timestamp::now().as_millisecond();
    let (minute, hour) = (60_000, 3_600_000);
    let tell = |facts: &[(&str, i64)]| {
        let database = rusqlite::Connection::open(setup.data.join("gryag.db")).expect("the database");
        database.execute_batch("DELETE FROM facts WHERE name LIKE 'backup%'").expect("changed");
        for (name, at) in facts {
            database
                .execute("INSERT INTO facts (name, value) VALUES (?1, ?2)", (name, at.to_string()))
                .expect("changed");
        }
        Visit::of(&setup)
    };
    assert_eq!(tell(&[]).code, Some(0), "a new bot has none");
    let visit = tell(&[("backup_failed_at", now - 2 * hour), ("backup_ok_at", now - 50 * minute)]);
    visit.assert_good("backup", "50 min old");
    tell(&[("backup_ok_at", now - 4 * hour)]).assert_only_trouble("backup", &["240 min old", "gryag backup"]);
    let visit = tell(&[("backup_ok_at", now - 2 * hour), ("backup_failed_at", now - hour)]);
    visit.assert_only_trouble("backup", &["failed", "120 min old", "gryag backup"]);
    tell(&[("backup_failed_at", now)]).assert_only_trouble("backup", &["failed", "there is none"]);
    let visit = tell(&[("backup_ok_at", now - hour), ("backup_command_failed_at", now - hour)]);
    visit.assert_only_trouble("backup", &["BOT_BACKUP_COMMAND", "by hand"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_alarm_reaches_the_admin_or_it_is_told_why_not() {
    let world = World::start().await;
    let admin = world.telegram.person("Оля");
    let setup = polling(&world).set("ADMIN_ID", admin);
    assert_eq!(Visit::of(&setup).code, Some(0));
    assert_eq!(world.telegram.calls("sendMessage").len(), 0, "only when it is asked to");
    Visit::pay(&setup, &["--alarm"]).assert_only_trouble("alarm", &["ADMIN_ID", "press Start"]);
    let chat = world.telegram.private(admin);
    Visit::pay(&setup, &["--alarm"]).assert_good("alarm", "sent to every ADMIN_ID");
    let sent = world.telegram.sent_to(chat);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].text.contains("doctor --alarm"), "{}", sent[0].text);
}

//! The subcommands as an operator meets them, and what a start that cannot succeed says.

use std::{process::Output, time::Duration};

use gryag::sandbox::{gemini, telegram};

use crate::{
    bot::{SECRET, Setup},
    eventually,
    http::post,
    load::heard,
    oracle,
    world::World,
};

const SOON: Duration = Duration::from_secs(20);

pub(crate) fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A start that must fail: with this code, and with these words.
#[track_caller]
fn assert_refused(output: &Output, code: i32, expected: &[&str]) {
    let words = words(output);
    assert_eq!(output.status.code(), Some(code), "{words}");
    for expected in expected {
        assert!(words.contains(expected), "«{expected}» is not said:\n{words}");
    }
    for secret in [telegram::TOKEN, gemini::API_KEY, SECRET] {
        assert!(!words.contains(secret), "a secret is said:\n{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_is_refused_with_all_that_is_wrong() {
    let world = World::start().await;
    let setup = Setup::new(&world)
        .unset("GEMINI_API_KEY")
        .set("BOT_LEASE_SECONDS", "soon")
        .set("BOT_HTTP_ADDR", "nowhere")
        .set("BOT_COLOUR", "green");
    let problems = ["GEMINI_API_KEY", "BOT_LEASE_SECONDS", "BOT_HTTP_ADDR", "BOT_COLOUR"];
    assert_refused(&setup.run(&["serve"]), 64, &problems);
    assert_refused(&setup.run(&[]), 64, &problems);
    assert_refused(&setup.run(&["config"]), 64, &problems);
    assert_refused(&setup.run(&["serve", "--fast"]), 64, &["--fast"]);
    assert_refused(&setup.run(&["fly"]), 64, &["fly"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b16_every_command_says_what_it_does() {
    let setup = Setup::new(&World::start().await);
    let whole = setup.succeed(&["--help"]);
    let commands = whole.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("commands");
    let names: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for known in ["serve", "sandbox", "init", "doctor", "config", "health", "webhook", "dead", "outbox", "check"] {
        assert!(names.contains(&known), "{known} is not listed:\n{whole}");
    }
    for name in names.into_iter().filter(|name| *name != "help") {
        let help = setup.succeed(&[name, "--help"]);
        let said = help.split("Usage:").next().expect("words").trim();
        assert!(said.len() > 15, "gryag {name} --help does not say what it does:\n{help}");
    }
    for (arguments, words) in [
        (["dead", "--help"], "BOT_DATA_DIR"),
        (["outbox", "--help"], "unknown"),
        (["config", "--help"], "64"),
        (["webhook", "--help"], "TELEGRAM_WEBHOOK_URL"),
        (["check", "--help"], "damaged"),
    ] {
        assert!(setup.succeed(&arguments).contains(words), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_cannot_succeed_says_why_and_ends() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let bot = setup.start().await;
    world.registered().await;

    let taken = setup.clone().set("BOT_HTTP_ADDR", bot.address);
    assert_refused(&taken.run(&["serve"]), 1, &["cannot listen on", &bot.address.to_string(), "BOT_HTTP_ADDR"]);

    let elsewhere = crate::bot::free_address();
    let foreign = setup.clone().set("BOT_HTTP_ADDR", elsewhere).set("TELEGRAM_BOT_TOKEN", strange_token("7000000002"));
    assert_refused(&foreign.run(&["serve"]), 64, &["BOT_DATA_DIR", "7000000001", "7000000002"]);

    let own_id = telegram::TOKEN.split(':').next().expect("an id");
    let revoked = setup.clone().set("BOT_HTTP_ADDR", elsewhere).set("TELEGRAM_BOT_TOKEN", strange_token(own_id));
    assert_refused(&revoked.run(&["serve"]), 64, &["TELEGRAM_BOT_TOKEN"]);

    let file = setup.data.join("a-file");
    std::fs::write(&file, "no directory").expect("written");
    let nowhere = setup.clone().set("BOT_HTTP_ADDR", elsewhere).on(&file);
    assert_refused(&nowhere.run(&["serve"]), 1, &["BOT_DATA_DIR"]);

    let garbage = setup.data.join("garbage");
    std::fs::create_dir(&garbage).expect("made");
    std::fs::write(garbage.join("gryag.db"), "this is not a database, whatever its name says").expect("written");
    let damaged = setup.clone().set("BOT_HTTP_ADDR", elsewhere).on(&garbage);
    assert_refused(&damaged.run(&["serve"]), 1, &["damaged", "gryag restore"]);
    bot.stop().await;
}

/// A token of the right form that Telegram does not know.
pub(crate) fn strange_token(id: &str) -> String {
    format!("{id}:AAstrangeAAstrangeAAstrangeAAstrang")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_a_ready_bot_from_none() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let bot = setup.start().await;
    let asking = setup.clone().set("BOT_HTTP_ADDR", bot.address);
    assert_eq!(asking.succeed(&["health"]).trim(), "ready");
    // As a container asks: only the address is set.
    let mut any_interface = bot.address;
    any_interface.set_ip(std::net::Ipv4Addr::UNSPECIFIED.into());
    let bare = setup.clone().unset("TELEGRAM_BOT_TOKEN").unset("GEMINI_API_KEY").unset("ADMIN_ID");
    assert_eq!(bare.set("BOT_HTTP_ADDR", any_interface).succeed(&["health"]).trim(), "ready");
    bot.stop().await;
    assert_refused(&asking.run(&["health"]), 1, &["nothing answers"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn config_shows_what_is_in_force_and_hides_the_secrets() {
    let world = World::start().await;
    let shown = Setup::new(&world).succeed(&["config"]);
    for secret in [telegram::TOKEN, gemini::API_KEY, SECRET] {
        assert!(!shown.contains(secret), "a secret is shown:\n{shown}");
    }
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).expect("every key is shown");
    assert!(line("TELEGRAM_BOT_TOKEN").contains("***"));
    assert!(line("BOT_LEASE_SECONDS").contains('2') && line("BOT_LEASE_SECONDS").contains("environment"));
    assert!(line("BOT_CONTEXT_LIMIT").contains("80") && line("BOT_CONTEXT_LIMIT").contains("default"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_can_be_seen_retried_and_dropped_while_the_bot_runs() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let bot = setup.start().await;
    world.registered().await;
    assert_eq!(setup.succeed(&["dead", "list", "--json"]).trim(), "[]");
    for body in ["{\"update_id\": 5, \"message\": 17}", "no JSON at all"] {
        assert_eq!(post(bot.address, body).await.expect("an answer").status, 200, "never a 4xx for what is authentic");
    }
    let list = || -> Vec<serde_json::Value> {
        serde_json::from_str(&setup.succeed(&["dead", "list", "--json"])).expect("JSON")
    };
    eventually("both are dead letters", SOON, async || list().len() == 2).await;
    let keys: Vec<String> = list().iter().map(|letter| letter["key"].to_string()).collect();
    assert!(keys.contains(&"5".to_owned()), "{keys:?}");
    assert!(setup.succeed(&["dead", "show", "5"]).contains("\"message\": 17"));
    assert!(setup.succeed(&["dead", "list"]).lines().count() == 2);
    setup.succeed(&["dead", "retry", "5"]);
    eventually("it has died again", SOON, async || list().iter().any(|letter| letter["key"] == 5)).await;
    setup.succeed(&["dead", "drop", "all"]);
    assert_eq!(list().len(), 0);
    assert_refused(&setup.run(&["dead", "show", "5"]), 64, &["no dead letter 5"]);
    assert_refused(&setup.run(&["dead", "retry", "five"]), 64, &["five"]);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outbox_and_check_speak_of_the_data_directory() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    assert_refused(&setup.run(&["outbox", "--json"]), 64, &["BOT_DATA_DIR"]);
    assert_refused(&setup.run(&["check"]), 64, &["BOT_DATA_DIR"]);
    let bot = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&bot]);
    let (chat, person) = world.group("Друзі");
    world.telegram.say(chat, person, "Гряг, ти тут?");
    heard(&world.telegram, chat, 1, SOON).await;
    oracle::settle(&world, &setup.data, SOON).await;
    let counts: serde_json::Value = serde_json::from_str(&setup.succeed(&["outbox", "--json"])).expect("JSON");
    assert_eq!((&counts["sent"], &counts["unknown"], &counts["ready"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!(setup.succeed(&["outbox"]).trim(), "sent: 1");
    assert_eq!(setup.succeed(&["check"]).trim(), "the database is whole", "beside a running bot");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_webhook_can_be_set_shown_and_deleted() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    assert!(setup.succeed(&["webhook", "info"]).contains("address: none"));
    setup.succeed(&["webhook", "set"]);
    assert!(setup.succeed(&["webhook", "info"]).contains("address: http://bot.test/telegram/webhook"));
    setup.succeed(&["webhook", "delete"]);
    assert!(setup.succeed(&["webhook", "info"]).contains("address: none"));
    assert_refused(
        &setup.clone().unset("TELEGRAM_WEBHOOK_URL").run(&["webhook", "set"]),
        64,
        &["TELEGRAM_WEBHOOK_URL"],
    );
    let strange = setup.set("TELEGRAM_BOT_TOKEN", strange_token("7000000003"));
    assert_refused(&strange.run(&["webhook", "info"]), 64, &["TELEGRAM_BOT_TOKEN"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_subcommand_has_its_help() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let help = setup.succeed(&["--help"]);
    let (_, commands) = help.split_once("Commands:").expect("the commands are listed");
    let names = commands.lines().map_while(|line| if line.contains("Options:") { None } else { Some(line.trim()) });
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    for expected in ["serve", "sandbox", "init", "doctor", "config", "health", "webhook", "dead", "outbox", "check"] {
        assert!(names.contains(&expected), "{expected} is not in {names:?}");
    }
    for name in names.iter().filter(|name| **name != "help") {
        assert!(setup.succeed(&[name, "--help"]).contains("Usage:"), "{name}");
    }
    for action in ["list", "show", "retry", "drop"] {
        assert!(setup.succeed(&["dead", action, "--help"]).contains("Usage:"), "{action}");
    }
    assert!(setup.succeed(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
}

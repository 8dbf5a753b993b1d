//! How the bot stops.

use std::time::{Duration, Instant};

use gryag::{
    domain::ChatId,
    sandbox::telegram::{Fault, MessageRef},
};
use rustix::process::Signal;

use crate::{
    bot::{Bot, Setup},
    eventually, figure,
    http::{get, post},
    load::{heard, update_by_hand},
    oracle::{self, number},
    world::World,
};

const SOON: Duration = Duration::from_secs(20);
/// What a stop may take beyond what it is allowed to wait for.
const SLACK: Duration = Duration::from_millis(2500);

/// A bot in the middle of a Gemini call that takes `thinking`.
async fn thinking(world: &World, setup: &Setup, thinking: Duration) -> (Bot, ChatId, MessageRef) {
    let bot = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&bot]);
    world.gemini.set_latency(thinking);
    let (chat, person) = world.group("Друзі");
    let question = world.telegram.say(chat, person, "Гряг, що думаєш?");
    eventually("it thinks", SOON, async || !world.telegram.calls("sendChatAction").is_empty()).await;
    (bot, chat, question)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_a_thought_still_brings_the_answer() {
    let world = World::start().await;
    let setup = Setup::new(&world).set("BOT_DRAIN_SECONDS", 3).set("BOT_SHUTDOWN_GRACE_SECONDS", 15);
    let (mut bot, chat, question) = thinking(&world, &setup, Duration::from_secs(5)).await;
    bot.signal(Signal::TERM);
    let asked = Instant::now();
    eventually("the proxy is told to turn away", SOON, async || bot.readiness().await == Some(503)).await;
    assert_eq!(get(bot.address, "/livez").await.map(|answer| answer.status), Some(200));
    let accepted = post(bot.address, &update_by_hand(1, "балачка")).await.expect("an answer");
    assert_eq!(accepted.status, 200, "who has not turned away yet is served");
    assert_eq!(bot.exit(Duration::from_secs(15)).await.code(), Some(0));
    let took = asked.elapsed();
    let log = std::fs::metadata(setup.data.join("gryag.db-wal"));
    assert!(log.map_or(true, |log| log.len() == 0), "the log was moved into the database");
    assert_eq!(world.telegram.answers_to(question).len(), 1, "the answer came before the end");
    assert_eq!(world.telegram.sent_to(chat).len(), 1);
    oracle::settle(&world, &setup.data, SOON).await;
    oracle::judge(&world, &setup.data).assert_good();
    figure("SIGTERM during a Gemini call of 5 s", &format!("answered, exit 0 after {took:.1?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once_and_the_next_start_answers() {
    let world = World::start().await;
    let setup = Setup::new(&world).set("BOT_DRAIN_SECONDS", 10);
    let (mut bot, chat, _) = thinking(&world, &setup, Duration::from_secs(20)).await;
    bot.signal(Signal::TERM);
    eventually("it stops", SOON, async || bot.readiness().await == Some(503)).await;
    bot.signal(Signal::INT);
    bot.exit(SLACK).await;
    world.gemini.set_latency(Duration::ZERO);
    bot.restart();
    heard(&world.telegram, chat, 1, SOON).await;
    oracle::settle(&world, &setup.data, SOON).await;
    oracle::judge(&world, &setup.data).assert_good();
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_keeps_to_its_grace_whatever_hangs() {
    let grace = Duration::from_secs(2);
    for hanging in ["the model", "telegram", "a client"] {
        let world = World::start().await;
        let setup = Setup::new(&world).set("BOT_SHUTDOWN_GRACE_SECONDS", grace.as_secs());
        let mut client = None;
        let mut bot = match hanging {
            "the model" => thinking(&world, &setup, Duration::from_secs(20)).await.0,
            "telegram" => {
                world.telegram.fail_always("sendMessage", Fault::HangThenClose);
                let bot = thinking(&world, &setup, Duration::from_secs(1)).await.0;
                let hangs = async || oracle::sending(&oracle::open(&setup.data)).len() == 1;
                eventually("the call is under way", SOON, hangs).await;
                bot
            }
            _ => {
                let bot = setup.start().await;
                let mut connection = crate::http::Connection::open(bot.address).await.expect("a connection");
                let head = crate::http::post_head(crate::bot::SECRET, 100);
                connection.send(format!("{head}half").as_bytes()).await.expect("sent");
                client = Some(connection);
                bot
            }
        };
        bot.signal(Signal::TERM);
        let asked = Instant::now();
        assert_eq!(bot.exit(grace + SLACK).await.code(), Some(0), "{hanging} hangs");
        assert!(!bot.log().contains("ERROR"), "a stop is no failure");
        let held = "SELECT COUNT(*) FROM lanes WHERE claimed = 1";
        assert_eq!(number(&oracle::open(&setup.data), held), 0, "the claims were given back");
        figure("a stop with a grace of 2 s", &format!("{hanging} hangs: ended after {:.1?}", asked.elapsed()));
        drop(client);
        assert_eq!(setup.succeed(&["check"]).trim(), "the database is whole");
    }
}

//! A replica that stands still past its lease and wakes again.

use std::time::Duration;

use gryag::sandbox::telegram::Fault;
use rustix::process::Signal;

use crate::{
    bot::{Bot, Setup},
    eventually, figure,
    load::heard,
    oracle::{self, number},
    world::World,
};

/// How long the rest of the world may take to do its part.
const SOON: Duration = Duration::from_secs(20);

/// So many lanes are frozen at once: some of their ends are written before the thawed replica looks at its leases.
const LANES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_replica_loses_its_lanes_and_cannot_write_when_it_thaws() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let first = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&first]);
    // Long enough that it is frozen before the first answer, also where the machine pauses meanwhile.
    world.gemini.set_latency(Duration::from_secs(4));
    let rooms: Vec<_> = (0..LANES).map(|number| world.group(&format!("Чат {number}"))).collect();
    for (chat, person) in &rooms {
        world.telegram.say(*chat, *person, "Гряг, ти де?");
    }
    let database = oracle::open(&setup.data);
    let claims = "SELECT COUNT(*) FROM lanes WHERE claimed = 1";
    eventually("the first replica has claimed", SOON, async || number(&database, claims) == LANES as i64).await;
    let thinks = async || world.telegram.calls("sendChatAction").len() >= LANES;
    eventually("it has asked the model for all of them", SOON, thinks).await;
    freeze(&first, &setup).await;
    let frozen_at = std::time::Instant::now();

    let second = setup.start().await;
    for (chat, _) in &rooms {
        heard(&world.telegram, *chat, 1, SOON).await;
    }
    let took = frozen_at.elapsed();
    assert!(took > Duration::from_secs(1), "not before the lease has ended");
    first.signal(Signal::CONT);
    let fenced = async || first.metric("gryag_turn_duration_seconds_count", &["outcome=\"fenced\""]).await;
    eventually("the thawed replica notices", SOON, async || fenced().await == LANES as f64).await;

    oracle::settle(&world, &setup.data, SOON).await;
    assert_eq!(world.telegram.sent().len(), LANES, "one answer each");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM outbox"), LANES as i64, "the thawed one has left nothing");
    assert_eq!(number(&database, "SELECT MIN(claim_token) FROM lanes"), 2, "each lane was claimed twice");
    let verdict = oracle::judge(&world, &setup.data);
    verdict.assert_good();
    assert_eq!(verdict.answered, LANES);
    figure(
        "SIGSTOP past the lease",
        &format!("{LANES} lanes answered by the other after {took:.1?}, the thawed one fenced, 1 answer each"),
    );

    // It is none the worse for it.
    world.gemini.set_latency(Duration::ZERO);
    let (chat, person) = rooms[0];
    world.telegram.say(chat, person, "Гряг, а тепер?");
    heard(&world.telegram, chat, 2, SOON).await;
    second.stop().await;
    world.telegram.say(chat, person, "Гряг, і ще раз?");
    heard(&world.telegram, chat, 3, SOON).await;
    oracle::settle(&world, &setup.data, SOON).await;
    first.stop().await;
    oracle::judge(&world, &setup.data).assert_good();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_whose_sender_froze_in_the_call_is_doubted_and_never_sent_again() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let first = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&first]);
    world.telegram.fail_next("sendMessage", Fault::Slow(Duration::from_secs(2)));
    let (chat, person) = world.group("Друзі");
    world.telegram.say(chat, person, "Гряг, ти де?");
    // Telegram has it, its response is on the way.
    heard(&world.telegram, chat, 1, SOON).await;
    freeze(&first, &setup).await;

    let second = setup.start().await;
    let doubted = "SELECT COUNT(*) FROM outbox WHERE state = 'unknown'";
    let database = oracle::open(&setup.data);
    let limit = Duration::from_secs(40);
    eventually("the other replica gives the call up", limit, async || number(&database, doubted) == 1).await;
    first.signal(Signal::CONT);
    // Whether it takes its call for answered or for timed out is chance: both are due when it wakes.
    let noticed = "SELECT (SELECT COUNT(*) FROM errors WHERE place = 'outbox') + (SELECT COUNT(*) FROM outbox WHERE \
                   state = 'sent')";
    eventually("the thawed replica notices", SOON, async || number(&database, noticed) == 1).await;

    world.telegram.say(chat, person, "Гряг, а тепер?");
    heard(&world.telegram, chat, 2, SOON).await;
    oracle::settle(&world, &setup.data, SOON).await;
    let verdict = oracle::judge(&world, &setup.data);
    verdict.assert_good();
    assert_eq!(verdict.answered + verdict.in_doubt, 2);
    assert_eq!(world.telegram.sent_to(chat).len(), 2, "nothing is sent again");
    first.stop().await;
    second.stop().await;
}

/// Freezes a replica, but not in the middle of a commit: with SQLite's lock in its hand it would stop both, until it
/// thaws or is killed.
async fn freeze(bot: &Bot, setup: &Setup) {
    let database = rusqlite::Connection::open(setup.data.join("gryag.db")).expect("the database");
    database.busy_timeout(Duration::ZERO).expect("a setting");
    eventually("it is caught between two commits", SOON, async || {
        bot.signal(Signal::STOP);
        let is_free = database.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
        if !is_free {
            bot.signal(Signal::CONT);
        }
        is_free
    })
    .await;
}

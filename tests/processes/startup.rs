//! Starts at bad moments.

use std::time::Duration;

use rustix::process::Signal;

use crate::{
    bot::Setup,
    eventually,
    http::post,
    load::{heard, update_by_hand},
    oracle::{self, number},
    world::World,
};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_start_together_exactly_one_migrates_and_one_registers() {
    let world = World::start().await;
    for round in 1..=3 {
        let setup = Setup::new(&world);
        let migrations = std::fs::read_dir("migrations/sqlite").expect("the migrations").count();
        let (first, second) = (setup.spawn(), setup.spawn());
        first.ready().await;
        second.ready().await;
        let applied = number(&oracle::open(&setup.data), "SELECT COUNT(*) FROM refinery_schema_history");
        assert_eq!(usize::try_from(applied).expect("small"), migrations);
        // Either looks whether the webhook is as it should be; a new store does not know with which secret it is.
        let looks = async || world.telegram.calls("getWebhookInfo").len() == 2 * round;
        eventually("both have looked", SOON, looks).await;
        first.stop().await;
        second.stop().await;
        assert_eq!(world.telegram.calls("setWebhook").len(), round, "registered once");
        assert_eq!(setup.succeed(&["check"]).trim(), "the database is whole");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_while_telegram_is_down_takes_updates_in_and_answers_them_later() {
    let world = World::without_telegram().await;
    let setup = Setup::new(&world);
    let bot = setup.start().await;
    let answer = post(bot.address, &update_by_hand(1, "балачка")).await.expect("an answer");
    assert_eq!(answer.status, 200, "taken in before the bot knows who it is");

    world.open_telegram().await;
    world.registered().await;
    world.deliver_to(&[&bot]);
    let (chat, person) = world.group("Друзі");
    world.telegram.say(chat, person, "Гряг, ти тут?");
    heard(&world.telegram, chat, 1, SOON).await;
    oracle::settle(&world, &setup.data, SOON).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_bot_works_on_while_telegram_is_down() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let bot = setup.start().await;
    world.registered().await;
    bot.stop().await;

    // Another Telegram that is not there yet; who the bot is stands in its store.
    let later = World::without_telegram().await;
    let setup = Setup::new(&later).on(&setup.data);
    let bot = setup.start().await;
    let answer = post(bot.address, &update_by_hand(1, "Гряг, чуєш?")).await.expect("an answer");
    assert_eq!(answer.status, 200);
    let database = oracle::open(&setup.data);
    let ready = "SELECT COUNT(*) FROM outbox WHERE state IN ('ready', 'sending')";
    eventually("the answer waits for telegram", SOON, async || number(&database, ready) == 1).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_address_is_registered_by_a_start_right_after_another() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let mut bot = setup.start().await;
    world.registered().await;
    // Killed before it has ended its lease, it would hold the next one up for a minute, as it should.
    let database = oracle::open(&setup.data);
    let ended = async || number(&database, "SELECT COUNT(*) FROM leases WHERE name = 'webhook'") == 0;
    eventually("the registration is over", SOON, ended).await;
    bot.kill();
    let mended = setup.set("TELEGRAM_WEBHOOK_URL", "http://other.test").start().await;
    let registered = async || world.telegram.calls("setWebhook").len() == 2;
    eventually("the new address is registered", SOON, registered).await;
    mended.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_stopped_while_it_starts_stops() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    std::fs::create_dir_all(&setup.data).expect("a directory");
    // As if the other replica were in a long migration.
    let lock = std::fs::File::create(setup.data.join("migrate.lock")).expect("the lock's file");
    lock.lock().expect("the lock");
    let mut bot = setup.spawn();
    eventually("it starts", SOON, async || bot.log().contains("starting")).await;
    bot.signal(Signal::TERM);
    assert_eq!(bot.exit(Duration::from_secs(5)).await.code(), Some(0));
    drop(lock);
    setup.start().await.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_stopped_while_telegram_hangs_at_its_start_stops() {
    let world = World::start().await;
    world.telegram.fail_always("*", gryag::sandbox::telegram::Fault::HangThenClose);
    let setup = Setup::new(&world);
    let mut bot = setup.start().await;
    bot.signal(Signal::TERM);
    assert_eq!(bot.exit(Duration::from_secs(5)).await.code(), Some(0));
}

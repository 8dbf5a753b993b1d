//! What the bot clears away by itself.

use std::time::Duration;

use gryag::storage::sqlite::{BALLAST_FILE, FILE_NAME};

use crate::harness::{Setup, TestBot};

const HOUR: Duration = Duration::from_secs(3_600);

async fn days(bot: &TestBot, days: u32) {
    for _ in 0..days * 4 {
        bot.leap(6 * HOUR).await;
    }
    bot.settle().await;
}

/// How many rows these tables have.
fn rows(bot: &TestBot, tables: [&str; 4]) -> [i64; 4] {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let file = bot.setup.data.path().join(FILE_NAME);
    let database = rusqlite::Connection::open_with_flags(file, flags).expect("the database");
    tables.map(|table| {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        database.query_row(&sql, [], |row| row.get(0)).expect("a count")
    })
}

fn cleared(bot: &TestBot, step: &str) -> f64 {
    bot.metric("gryag_upkeep_cleared_total", &[&format!("step=\"{step}\"")])
}

#[tokio::test(start_paused = true)]
async fn what_has_outlived_its_use_goes_and_an_update_that_comes_again_is_known_for_a_week() {
    // The leaps of the clock raise alarms, which are no answers.
    const TABLES: [&str; 4] = ["inbox", "outbox WHERE kind = 'answer'", "messages", "model_calls"];
    let bot = Setup::new().overseen().set("BOT_RETENTION_DAYS", "10").start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let question = bot.world().say(chat, people[0], "Гряг, ти живий?");
    let update = bot.world().take_update().expect("the update");
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200));
    bot.say(chat, people[0], "Гряг, а тепер?").await;
    let [updates, sends, messages, calls] = rows(&bot, TABLES);
    assert!(updates >= 2 && sends == 2 && messages == 4 && calls == 2);
    days(&bot, 6).await;
    assert_eq!(rows(&bot, TABLES), [updates, sends, messages, calls], "a week is not over");
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200));
    bot.settle().await;
    assert_eq!(bot.world().answers_to(question).len(), 1, "it is known");
    days(&bot, 5).await;
    assert_eq!(rows(&bot, TABLES), [1, 0, 0, calls], "the newest row keeps its id from being given anew");
    assert!(cleared(&bot, "sends") >= 2.0);
    assert_eq!(cleared(&bot, "messages"), 4.0);
    assert_eq!(bot.metric("gryag_upkeep_duration_seconds_count", &["outcome=\"failed\""]), 0.0);
    assert!(bot.metric("gryag_upkeep_done_timestamp_seconds", &["step=\"log\""]) > 1.7e9);
    days(&bot, 80).await;
    assert_eq!(rows(&bot, TABLES), [1, 0, 0, 0]);
    let last = bot.say(chat, people[0], "Гряг, ти ще тут?").await;
    assert_eq!(bot.world().answers_to(last).len(), 1);
    bot.finish().await;
}

/// No disk has a terabyte to spare.
#[tokio::test(start_paused = true)]
async fn while_there_is_too_little_room_it_clears_up_every_few_minutes() {
    let bot = Setup::new().set("BOT_MIN_FREE_DISK_MB", "1048576").start_unregistered().await;
    tokio::time::sleep(HOUR / 2).await;
    let made = bot.metric("gryag_upkeep_duration_seconds_count", &["step=\"room\"", "outcome=\"done\""]);
    assert_eq!(made, 6.0);
    assert!(!bot.setup.data.path().join(BALLAST_FILE).exists(), "there is no room for it");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_replicas_one_clears_up_each_hour_and_the_other_follows_when_it_dies() {
    let mut bot = Setup::new().start().await;
    bot.add_replica().await;
    let made = |bot: &TestBot| bot.metric("gryag_upkeep_duration_seconds_count", &["step=\"log\""]);
    tokio::time::sleep(Duration::from_secs(3_900)).await;
    assert_eq!(made(&bot), 2.0);
    assert!(bot.setup.data.path().join(BALLAST_FILE).exists());
    bot.kill_first();
    tokio::time::sleep(2 * HOUR).await;
    assert_eq!(made(&bot), 4.0);
    bot.finish_with_errors().await;
}

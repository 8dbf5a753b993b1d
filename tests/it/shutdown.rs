//! How it goes: a deploy must lose nothing and say nothing twice.

use std::time::Duration;

use gryag::{
    app::AppError,
    sandbox::{
        gemini::GeminiFault,
        telegram::{Fault, MessageRef},
    },
};
use tokio::time::Instant;

use crate::harness::TestBot;

const GRACE: Duration = Duration::from_secs(30);

/// A bot that thinks for so long about a question.
async fn thinking(for_: Duration) -> (TestBot, MessageRef) {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().fail_next(GeminiFault::Slow(for_));
    let question = bot.world().say(chat, people[0], "Гряг, подумай");
    tokio::time::sleep(Duration::from_secs(1)).await;
    (bot, question)
}

#[tokio::test(start_paused = true)]
async fn while_it_drains_it_is_not_ready_and_still_takes_updates() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    assert_eq!(bot.get("/readyz").await.0, 200);
    bot.begin_stop(Duration::from_secs(5), GRACE).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bot.get("/readyz").await, (503, "draining\n".to_owned()));
    assert_eq!(bot.get("/livez").await.0, 200);
    let question = bot.world().say(chat, people[0], "Гряг, ще встигнеш?");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    bot.stopped().await.expect("a clean stop");
    bot.restart_stopped().await;
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_running_turn_is_finished_and_its_answer_sent() {
    let (mut bot, question) = thinking(Duration::from_secs(6)).await;
    let began = Instant::now();
    bot.begin_stop(Duration::ZERO, GRACE).await;
    bot.stopped().await.expect("a clean stop");
    assert_eq!(bot.world().answers_to(question).len(), 1);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    bot.restart_stopped().await;
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_parts_is_sent_to_its_last_part() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().will_say(&"довге речення. ".repeat(350));
    bot.world().fail_next("sendMessage", Fault::Slow(Duration::from_secs(3)));
    bot.world().say(chat, people[0], "Гряг, розкажи");
    bot.wait("the first part is on its way", || async { !bot.world().sent_to(chat).is_empty() }).await;
    bot.begin_stop(Duration::ZERO, GRACE).await;
    bot.stopped().await.expect("a clean stop");
    assert_eq!(bot.world().sent_to(chat).len(), 2);
    bot.restart_stopped().await;
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_it_no_longer_claims_the_next_process_answers_at_once() {
    let (mut bot, question) = thinking(Duration::from_secs(6)).await;
    let (chat, people) = bot.group(&["Тарас"]);
    bot.begin_stop(Duration::ZERO, GRACE).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let late = bot.world().say(chat, people[0], "Гряг, а мені?");
    bot.stopped().await.expect("a clean stop");
    assert_eq!(bot.world().answers_to(question).len(), 1);
    assert!(bot.world().answers_to(late).is_empty(), "no new claims");
    bot.restart_stopped().await;
    let began = Instant::now();
    bot.wait("the next one answers", || async { !bot.world().answers_to(late).is_empty() }).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_within_the_grace_is_dropped_and_done_by_the_next_process() {
    let (mut bot, question) = thinking(Duration::from_secs(19)).await;
    let began = Instant::now();
    bot.begin_stop(Duration::ZERO, Duration::from_secs(5)).await;
    bot.stopped().await.expect("a stop in time is a clean stop");
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(bot.world().answers_to(question).is_empty());
    bot.restart_stopped().await;
    bot.settle().await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    assert_eq!(bot.gemini().requests().len(), 1, "the dropped call was never answered");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_it_at_once() {
    let (mut bot, _) = thinking(Duration::from_secs(19)).await;
    let began = Instant::now();
    let hard = bot.app.shutdown.hard.clone();
    bot.begin_stop(Duration::from_secs(5), GRACE).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    hard.cancel();
    bot.stopped().await.expect("a clean stop");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    bot.restart_stopped().await;
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_dies_stops_the_process_with_failure() {
    let mut bot = TestBot::start().await;
    bot.app.shutdown.spawn_essential("doomed", async { panic!("the test's panic") });
    bot.app.shutdown.soft.cancelled().await;
    assert_eq!(bot.get("/readyz").await.0, 503);
    bot.begin_stop(Duration::from_secs(5), GRACE).await;
    let failure = bot.stopped().await;
    assert!(matches!(failure, Err(AppError::TaskDied("doomed"))), "{failure:?}");
    bot.restart_stopped().await;
    bot.finish().await;
}

/// Ten restarts under way: a rolling deploy of two replicas.
#[tokio::test(start_paused = true)]
async fn a_rolling_restart_answers_everybody_once() {
    let mut bot = TestBot::start().await;
    bot.gemini().set_latency(Duration::from_millis(800));
    bot.add_replica().await;
    let mut questions = Vec::new();
    for round in 0..4 {
        for number in 0..5 {
            let (chat, people) = bot.group(&["Оля"]);
            questions.push(bot.world().say(chat, people[0], &format!("Гряг, {round} {number}")));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bot.begin_stop(Duration::from_secs(1), GRACE).await;
        bot.stopped().await.expect("a clean stop");
        bot.restart_stopped().await;
    }
    bot.settle().await;
    for question in questions {
        assert_eq!(bot.world().answers_to(question).len(), 1);
    }
    assert_eq!(bot.outcomes(), "answered 20");
    bot.finish().await;
}

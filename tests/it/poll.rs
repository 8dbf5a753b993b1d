//! `BOT_INTAKE=poll`: for who has no public address.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use gryag::{
    sandbox::telegram::{CallOutcome, Fault, TOKEN},
    storage::StorageError,
    transport::call,
};
use http::Request;
use serde_json::json;

use crate::harness::Setup;

fn polling() -> Setup {
    Setup::new().unpaced().set("BOT_INTAKE", "poll").set("TELEGRAM_WEBHOOK_URL", "")
}

#[tokio::test(start_paused = true)]
async fn it_asks_for_updates_and_answers_them() {
    let bot = polling().start_unregistered().await;
    let (chat, people) = bot.group(&["Оля"]);
    for number in 0..3 {
        let question = bot.say(chat, people[0], &format!("Гряг, питання {number}")).await;
        assert_eq!(bot.world().answers_to(question).len(), 1);
    }
    assert!(bot.world().calls("setWebhook").is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_confirmed_before_its_commit() {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let fault = move || if switch.load(Ordering::SeqCst) { Err(StorageError::DiskFull) } else { Ok(()) };
    let bot = polling().commit_fault(Arc::new(fault)).start_unregistered().await;
    let (chat, people) = bot.group(&["Оля"]);
    broken.store(true, Ordering::SeqCst);
    let question = bot.world().say(chat, people[0], "Гряг, ти живий?");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(bot.world().pending_updates(), 1, "telegram keeps it");
    broken.store(false, Ordering::SeqCst);
    bot.settle().await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_two_polls_loses_and_repeats_nothing() {
    let mut bot = polling().start_unregistered().await;
    let (chat, people) = bot.group(&["Оля"]);
    let mut questions = Vec::new();
    for number in 0..6 {
        questions.push(bot.world().say(chat, people[0], &format!("Гряг, питання {number}")));
        tokio::time::sleep(Duration::from_millis(40 * number)).await;
        if number % 2 == 0 {
            bot.crash_and_restart().await;
        }
    }
    bot.settle().await;
    let sent = bot.world().sent_to(chat);
    assert!((1..=questions.len()).contains(&sent.len()));
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn one_of_two_replicas_polls_and_the_other_takes_over_when_it_dies() {
    let mut bot = polling().start_unregistered().await;
    bot.add_replica().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "Гряг, раз").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let refused = |call: &gryag::sandbox::telegram::Call| matches!(call.outcome, CallOutcome::Refused { .. });
    assert!(!bot.world().calls("getUpdates").iter().any(refused), "two polls at a time would end each other");

    bot.kill_first();
    let killed = bot.setup.clock.now();
    let second = bot.say(chat, people[0], "Гряг, два").await;
    let answers = bot.world().answers_to(second);
    assert_eq!(answers.len(), 1);
    assert!(answers[0].at.since(killed) < Duration::from_secs(50), "{:?}", answers[0].at.since(killed));
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_still_registered_is_removed() {
    let setup = polling();
    let body = Bytes::from(json!({"url": "https://old.example/hook"}).to_string());
    let request = Request::post(format!("http://telegram.test/bot{TOKEN}/setWebhook"))
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    assert_eq!(call(&setup.world.transport(), request).await.unwrap().status(), 200);
    let bot = setup.start_unregistered().await;
    bot.wait("the webhook is removed", || async { !bot.world().calls("deleteWebhook").is_empty() }).await;
    let (chat, people) = bot.group(&["Оля"]);
    let question = bot.say(chat, people[0], "Гряг, ти живий?").await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_another_process_is_waited_out() {
    let bot = polling().start_unregistered().await;
    let words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    for _ in 0..3 {
        bot.world().fail_next("getUpdates", Fault::status(409, words));
    }
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "Гряг, раз").await;
    let before = bot.world().calls("getUpdates").len();
    let question = bot.say(chat, people[0], "Гряг, два").await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    assert!(bot.world().calls("getUpdates").len() - before < 10, "it does not hammer");
    bot.finish_with_errors().await;
}

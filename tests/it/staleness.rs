//! Too late is worse than never: who asked eleven minutes ago has gone on.

use std::time::Duration;

use gryag::sandbox::telegram::Fault;

use crate::harness::{Setup, TestBot};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn what_is_older_than_ten_minutes_is_remembered_and_not_answered() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().say(chat, people[0], "Гряг, терміново!");
    let update = bot.world().take_update().expect("the update");
    tokio::time::sleep(11 * MINUTE).await;
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200));
    bot.settle().await;
    assert!(bot.world().sent().is_empty());
    assert_eq!(bot.outcomes(), "stale 1");

    bot.say(chat, people[0], "Гряг, а тепер?").await;
    let request = bot.gemini().requests()[0].json().to_string();
    assert!(request.contains("терміново"), "it is remembered: {request}");
    assert_eq!(bot.outcomes(), "answered 1, stale 1");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_younger_is_answered_after_an_outage_too() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let question = bot.world().say(chat, people[0], "Гряг, раз");
    let update = bot.world().take_update().expect("the update");
    tokio::time::sleep(9 * MINUTE).await;
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200));
    bot.settle().await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn of_a_heap_that_waited_the_young_are_answered_and_the_old_are_not() {
    let bot = forgetful().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    let mut updates = Vec::new();
    let mut questions = Vec::new();
    for minute in 0..4 {
        questions.push(bot.world().say(chat, people[minute % 2], &format!("Гряг, хвилина {minute}")));
        updates.extend(bot.world().take_updates());
        tokio::time::sleep(MINUTE * 2 / 5).await;
    }
    for update in &updates {
        assert_eq!(bot.world().deliver(update, &bot.webhook).await, Some(200));
    }
    bot.settle().await;
    assert_eq!(bot.outcomes(), "answered 2, stale 2");
    assert!(bot.world().answers_to(questions[0]).is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_old_command_is_not_answered_either() {
    let bot = forgetful().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().say(chat, people[0], "/help@gryag_bot");
    let update = bot.world().take_update().expect("the update");
    tokio::time::sleep(2 * MINUTE).await;
    bot.world().deliver(&update, &bot.webhook).await;
    bot.settle().await;
    assert!(bot.world().sent().is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_could_not_be_sent_while_it_was_fresh_is_dropped_and_counted() {
    let bot = forgetful().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().fail_next("sendMessage", Fault::RetryAfter(90));
    bot.world().say(chat, people[0], "Гряг, раз");
    tokio::time::sleep(2 * MINUTE).await;
    assert!(bot.world().sent().is_empty());
    assert_eq!(bot.outcomes(), "expired 1");
    bot.say(chat, people[0], "Гряг, два").await;
    assert_eq!(bot.outcomes(), "answered 1, expired 1");
    bot.finish_with_errors().await;
}

/// Ten minutes by default; these need not wait so long to say the same.
async fn forgetful() -> TestBot {
    Setup::new().set("BOT_MAX_MESSAGE_AGE_MINUTES", "1").start().await
}

/// Within thirty seconds of the acknowledgement it is an answer; later it is only late.
#[tokio::test(start_paused = true)]
async fn an_answer_after_thirty_seconds_is_late() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().fail_next("sendMessage", Fault::RetryAfter(40));
    bot.say(chat, people[0], "Гряг, раз").await;
    assert_eq!(bot.outcomes(), "late 1");
    bot.finish_with_errors().await;
}

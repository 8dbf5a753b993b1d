//! The old plan's promises, by the strict meaning of "answered": the model's text reached `sendMessage` with ok within 30 s
//! of the acknowledgement.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use gryag::{
    domain::{ChatId, Language},
    persona::{Persona, Saying},
    sandbox::{
        gemini::GeminiFault,
        in_process,
        telegram::{Delivery, Fault, MessageRef},
    },
    transport::call,
};
use http::Request;
use serde_json::json;

use crate::harness::{Setup, TestBot};

/// How long each question waited for the model's words, judged from outside; none for those that did not get them.
fn waited(bot: &TestBot, question: MessageRef) -> Option<Duration> {
    let message = bot.world().message(question).expect("the question");
    let Delivery::Delivered { at: acknowledged } = message.delivery else { return None };
    let failure_lines: HashSet<String> =
        Persona::built_in().lines(Saying::Failure, Language::Ukrainian).iter().cloned().collect();
    let mut answers = bot.world().answers_to(question).into_iter().filter(|sent| !failure_lines.contains(&sent.text));
    let waited = answers.next().map(|sent| sent.at.since(acknowledged));
    assert_eq!(answers.count(), 0, "nobody hears an answer twice");
    waited
}

fn many_chats(bot: &TestBot, count: usize) -> Vec<(ChatId, gryag::domain::UserId)> {
    let chat = |number: usize| {
        let person = bot.world().person(&format!("Особа{number}"));
        (bot.world().supergroup("Друзі", &[person]), person)
    };
    (0..count).map(chat).collect()
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_concurrent_messages_with_five_percent_503_at_least_95_are_answered_and_none_twice() {
    let bot = TestBot::start().await;
    bot.gemini().set_latency(Duration::from_secs(1));
    bot.gemini().fail_by_chance(0.05, GeminiFault::Overloaded);
    bot.world().fail_by_chance("sendMessage", 0.05, Fault::status(503, "Service Unavailable"));
    let chats = many_chats(&bot, 100);
    let questions: Vec<_> =
        chats.into_iter().map(|(chat, person)| bot.world().say(chat, person, "Гряг, ти живий?")).collect();
    bot.settle().await;
    let in_time = |wait: &Duration| *wait <= Duration::from_secs(30);
    let answered = questions.iter().filter_map(|question| waited(&bot, *question)).filter(in_time).count();
    assert!(answered >= 95, "{answered} of 100");
    #[expect(clippy::cast_precision_loss, reason = "a count up to 100")]
    let counted = answered as f64;
    assert_eq!(bot.metric("gryag_addressed_total", &["outcome=\"answered\""]), counted, "the metric agrees");
    assert!(bot.gemini().requests().iter().any(|request| request.status == 503), "there were faults at all");
    bot.world().heal();
    bot.finish_with_errors().await;
}

/// All in one chat: most of them are dealt with together.
#[tokio::test(start_paused = true)]
async fn a_hundred_concurrent_messages_of_one_chat_are_all_answered_in_few_turns() {
    let bot = TestBot::start().await;
    bot.gemini().set_latency(Duration::from_secs(1));
    let names: Vec<String> = (0..100).map(|number| format!("Особа{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (chat, people) = bot.group(&names);
    for person in people {
        bot.world().say(chat, person, "Гряг, ти живий?");
    }
    bot.settle().await;
    assert_eq!(bot.outcomes(), "answered 100");
    assert!(bot.world().sent_to(chat).len() <= 6, "{} answers", bot.world().sent_to(chat).len());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn with_gemini_at_one_second_half_wait_at_most_1_2_s_and_95_percent_at_most_3_s() {
    let bot = TestBot::start().await;
    bot.gemini().set_latency(Duration::from_secs(1));
    let mut questions = Vec::new();
    // Twenty questions a second, in the paces of Telegram's limits.
    for (chat, person) in many_chats(&bot, 200) {
        questions.push(bot.world().say(chat, person, "Гряг, ти живий?"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bot.settle().await;
    let mut waits: Vec<Duration> = questions.iter().filter_map(|question| waited(&bot, *question)).collect();
    waits.sort();
    assert_eq!(waits.len(), 200);
    assert!(waits[99] <= Duration::from_millis(1200), "p50 is {:?}", waits[99]);
    assert!(waits[189] <= Duration::from_secs(3), "p95 is {:?}", waits[189]);
    bot.finish().await;
}

/// The first call of all is the one that asks Telegram who the bot is. Whoever comes meanwhile is taken in and waits
/// for the same answer.
#[tokio::test(start_paused = true)]
async fn a_thousand_concurrent_first_calls_share_one_initialisation() {
    let setup = Setup::new();
    setup.world.fail_next("getMe", Fault::Slow(Duration::from_secs(3)));
    let person = setup.world.person("Оля");
    let chat = setup.world.supergroup("Друзі", &[person]);
    let app = setup.start_replica(1).await;
    let transport = in_process(app.router.clone());
    let secret = setup.webhook_secret();
    let posts = (0..1000).map(|id| {
        let text = if id == 999 { "Гряг, ти живий?" } else { "слова" };
        let message = json!({"message_id": id + 1, "date": 1_795_435_200, "text": text,
            "from": {"id": person.0, "is_bot": false, "first_name": "Оля"},
            "chat": {"id": chat.0, "type": "supergroup", "title": "Друзі"}});
        let body = json!({"update_id": id, "message": message}).to_string();
        let request = Request::post("http://bot.test/telegram/webhook")
            .header("x-telegram-bot-api-secret-token", secret.as_str())
            .body(body.into())
            .unwrap();
        call(&transport, request)
    });
    let mut taken = 0;
    // Telegram opens at most a hundred connections.
    let posts: Vec<_> = posts.collect();
    let mut posts = posts.into_iter();
    loop {
        let batch: Vec<_> = posts.by_ref().take(100).collect();
        if batch.is_empty() {
            break;
        }
        taken += join_all(batch).await.into_iter().filter(|answer| answer.as_ref().unwrap().status() == 200).count();
    }
    assert_eq!(taken, 1000);
    assert!(!app.awake.is_cancelled(), "all of them came before it knew who it is");
    app.awake.cancelled().await;
    assert_eq!(setup.world.calls("getMe").len(), 1);
    let heard = setup.world.wait_for(Duration::from_secs(30), |world| world.sent_to(chat).first().cloned()).await;
    assert!(heard.is_some(), "and the one who called is answered");
    app.stop(Duration::ZERO, Duration::from_secs(30)).await.expect("a clean stop");
}

//! Whom it answers, and whom it lets pass.

use std::time::Duration;

use gryag::domain::ChatId;
use serde_json::json;

use crate::harness::{Setup, TestBot};

/// B9: in the original one spammer muted the whole chat, and what was said meanwhile was forgotten.
#[tokio::test(start_paused = true)]
async fn b9_who_floods_is_ignored_alone_and_remembered() {
    let bot = Setup::new().set("BOT_SPAM_THRESHOLD", "8").start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    for number in 0..12 {
        bot.world().say(chat, people[0], &format!("Гряг, повідомлення {number}"));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let question = bot.world().say(chat, people[1], "Гряг, а я?");
    bot.settle().await;
    assert_eq!(bot.world().answers_to(question).len(), 1, "the others do not notice");
    assert_eq!(bot.metric("gryag_addressed_total", &["outcome=\"ignored\""]), 4.0, "{}", bot.outcomes());
    assert!(!bot.said_in(chat).iter().any(|text| text.contains("повідомлення 11")), "in silence");
    tokio::time::sleep(Duration::from_secs(61)).await;
    let calm = bot.say(chat, people[0], "Гряг, вибач, що я сипав?").await;
    assert_eq!(bot.world().answers_to(calm).len(), 1, "the flood is over");
    let prompt = bot.gemini().requests().last().expect("a request").json().to_string();
    assert!(prompt.contains("повідомлення 11"), "what was ignored is remembered");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_flood_threshold_can_be_switched_off() {
    let bot = Setup::new().set("BOT_SPAM_THRESHOLD", "0").start().await;
    let (chat, people) = bot.group(&["Оля"]);
    for number in 0..12 {
        bot.world().say(chat, people[0], &format!("Гряг, повідомлення {number}"));
    }
    bot.settle().await;
    assert_eq!(bot.outcomes(), "answered 12");
    bot.finish().await;
}

async fn calls_from_a_bot(bot: &TestBot, chat: ChatId, text: &str) -> usize {
    let other = bot.world().other_bot("Рахівник", "counter_bot");
    let call = bot.world().compose(chat, other).bot_to_bot().text(text).send();
    bot.settle().await;
    bot.world().answers_to(call).len()
}

#[tokio::test(start_paused = true)]
async fn another_bot_is_never_answered_twice_in_a_row() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "пішли вечеряти").await;
    assert_eq!(calls_from_a_bot(&bot, chat, "@gryag_bot порахував: 4").await, 1);
    assert_eq!(calls_from_a_bot(&bot, chat, "@gryag_bot перерахував: 5").await, 0);
    assert_eq!(calls_from_a_bot(&bot, chat, "@gryag_bot ще раз: 6").await, 0);
    bot.say(chat, people[0], "ну й балакучі").await;
    assert_eq!(calls_from_a_bot(&bot, chat, "@gryag_bot сім").await, 1);
    bot.finish().await;
}

/// B10: the original dropped what looked like code, and nobody learned of it.
#[tokio::test(start_paused = true)]
async fn developers_talk_is_talk() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    for text in [
        "Гряг, що робить eval(input())?",
        "гряг, import os; os.system('ls') це небезпечно?",
        "Гряг, <script>alert(1)</script>",
    ] {
        let call = bot.say(chat, people[0], text).await;
        assert_eq!(bot.world().answers_to(call).len(), 1, "{text}");
    }
    let prompt = bot.gemini().requests().last().expect("a request").json().to_string();
    assert!(prompt.contains("eval(input())") && prompt.contains("<script>"), "{prompt}");
    bot.finish().await;
}

/// B6: the original heard «Гряг» only with a capital letter, and «бот» in «робота».
#[tokio::test(start_paused = true)]
async fn its_name_is_heard_in_lower_case_and_not_in_other_words() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let call = bot.say(chat, people[0], "гряг, ти тут").await;
    assert_eq!(bot.world().answers_to(call).len(), 1);
    for text in ["робота чекає", "грязюка надворі", "боти протікають"] {
        let other = bot.say(chat, people[0], text).await;
        assert!(bot.world().answers_to(other).is_empty(), "{text}");
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_mention_in_a_quotation_and_an_inline_bots_words_call_nobody() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let entities = json!([
        {"type": "blockquote", "offset": 0, "length": 17},
        {"type": "mention", "offset": 0, "length": 10},
    ]);
    bot.world().compose(chat, people[0]).text("@gryag_bot ти тут — хто це писав").field("entities", entities).send();
    let via = json!({"id": 9, "is_bot": true, "first_name": "gif", "username": "gif"});
    bot.world().compose(chat, people[0]).text("гряг скоро прийде").field("via_bot", via).send();
    bot.settle().await;
    assert!(bot.world().sent().is_empty());
    bot.also_addressed(-2);
    bot.finish().await;
}

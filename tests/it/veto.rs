//! Where people mourn, hide, are hurt or quarrel, the bot says nothing unasked, and answers plainly.

use std::time::Duration;

use crate::harness::{Setup, TestBot};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const QUESTION: &str = "народ, порадьте серіал на вечір";

/// A bot that would say and react as often as it may.
async fn eager() -> TestBot {
    Setup::new().eager().set("BOT_REACTION_CHANCE", "1").set("BOT_RANDOM_REPLY_CHANCE", "1").start().await
}

#[tokio::test(start_paused = true)]
async fn after_a_grave_word_nothing_is_unasked_for_three_hours() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.say(chat, people[0], "сьогодні вночі помер мій дід").await;
    bot.say(chat, people[1], "співчуваю").await;
    bot.pass(2 * HOUR).await;
    bot.say(chat, people[2], QUESTION).await;
    bot.pass(50 * MINUTE).await;
    bot.say(chat, people[2], QUESTION).await;
    assert!(bot.said_in(chat).is_empty() && bot.gemini().requests().is_empty());
    assert!(bot.unaddressed("grave") >= 4.0);
    bot.pass(11 * MINUTE).await;
    bot.say(chat, people[2], QUESTION).await;
    assert_eq!(bot.said_in(chat).len(), 1, "then life goes on");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_candle_an_alert_and_a_quarrel_silence_it_too() {
    for grave in ["🕯️", "тривога, всі в укриття", "закрий свою пащу, тварюко"]
    {
        let bot = eager().await;
        let (chat, people) = bot.company().await;
        let before = (bot.said_in(chat).len(), bot.world().calls("setMessageReaction").len());
        bot.say(chat, people[0], grave).await;
        bot.pass(20 * MINUTE).await;
        bot.say(chat, people[1], QUESTION).await;
        let after = (bot.said_in(chat).len(), bot.world().calls("setMessageReaction").len());
        assert_eq!(before, after, "{grave}");
        bot.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_sharp_words_of_two_people_are_a_quarrel_and_one_is_none() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.say(chat, people[0], "ти брешеш").await;
    bot.pass(11 * MINUTE).await;
    bot.say(chat, people[2], QUESTION).await;
    assert_eq!(bot.said_in(chat).len(), 1, "one sharp word is no quarrel");
    bot.say(chat, people[0], "годі хамити").await;
    bot.say(chat, people[1], "сама така, істеричка").await;
    bot.pass(11 * MINUTE).await;
    bot.say(chat, people[2], QUESTION).await;
    assert_eq!(bot.said_in(chat).len(), 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_only_sounds_grave_silences_nothing() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.say(chat, people[0], "вбив би за каву, помираю як хочу спати").await;
    bot.pass(11 * MINUTE).await;
    bot.say(chat, people[1], QUESTION).await;
    assert_eq!(bot.said_in(chat).len(), 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn addressed_in_grief_it_is_told_to_be_plain_and_kind() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.say(chat, people[0], "у нас біда, тата не стало").await;
    bot.gemini().will_say("Тримайся, Олю. Шкода до сліз.");
    let call = bot.say(chat, people[1], "Гряг, скажи щось").await;
    assert_eq!(bot.world().answers_to(call).len(), 1, "who addresses it is answered");
    let prompt = bot.gemini().requests()[0].json().to_string();
    assert!(prompt.contains("Зараз важка мить"), "{prompt}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn words_of_self_harm_are_taken_seriously_in_private_too() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let chat = bot.world().private(person);
    bot.say(chat, person, "не хочу більше жити").await;
    let prompt = bot.gemini().requests()[0].json().to_string();
    assert!(prompt.contains("7333"), "human help is named: {prompt}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_question_is_answered_with_all_the_wit_there_is() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "Гряг, скільки варити яйця?").await;
    let prompt = bot.gemini().requests()[0].json().to_string();
    assert!(!prompt.contains("Зараз важка мить"));
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_never_tells_where_something_was_hit() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().will_say("Кажуть, прилетіло в склад на Шевченка, біля ринку.");
    let call = bot.say(chat, people[0], "Гряг, куди прилетіло?").await;
    let answer = &bot.world().answers_to(call)[0].text;
    assert!(answer.contains("не кажемо") && !answer.contains("Шевченка"), "{answer}");
    bot.finish().await;
}

/// The same question again: what was not told the first time is not told from the cache either.
#[tokio::test(start_paused = true)]
async fn what_was_not_told_is_not_kept_to_be_told_again() {
    const QUESTION: &str = "Гряг, що означає «стоїть під Покровськом»?";
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.gemini().answer_with(|_| gryag::sandbox::gemini::Reply::say("Це коли прилетіло в депо на Соборній."));
    for person in people {
        let call = bot.say(chat, person, QUESTION).await;
        let answer = &bot.world().answers_to(call)[0].text;
        assert!(answer.contains("не кажемо") && !answer.contains("Соборній"), "{answer}");
        bot.pass(5 * MINUTE).await;
    }
    let looked_up = bot.metric("gryag_cache_requests_total", &["cache=\"answer\"", "result=\"miss\""]);
    assert_eq!(looked_up, 2.0, "it is a question of those that are kept");
    assert_eq!(bot.gemini().requests().len(), 2);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_veto_lasts_as_long_as_the_operator_says() {
    let bot = Setup::new().eager().set("BOT_VETO_HOURS", "1").start().await;
    let (chat, people) = bot.company().await;
    bot.say(chat, people[0], "вибухи чуєте?").await;
    bot.pass(55 * MINUTE).await;
    bot.say(chat, people[1], QUESTION).await;
    assert!(bot.said_in(chat).is_empty());
    bot.pass(6 * MINUTE).await;
    bot.say(chat, people[1], QUESTION).await;
    assert_eq!(bot.said_in(chat).len(), 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_on_its_way_is_dropped_when_something_grave_comes_up() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.gemini().set_latency(Duration::from_secs(4));
    bot.world().say(chat, people[0], QUESTION);
    tokio::time::sleep(Duration::from_secs(2)).await;
    bot.world().say(chat, people[1], "тривога, біжимо");
    bot.settle().await;
    assert!(bot.said_in(chat).is_empty());
    assert_eq!(bot.unaddressed("dropped"), 1.0);
    bot.finish().await;
}

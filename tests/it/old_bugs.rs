//! Bugs of the bot that this one replaces (docs/old_bugs.md) which have no better place.

use std::time::Duration;

use gryag::storage::InboxStore as _;
use tokio::time::Instant;

use crate::harness::{Setup, TestBot};

const DAY: Duration = Duration::from_secs(86_400);

/// What people who write programs say to each other. The old bot took it for an attack and did not even remember it.
const SHOP_TALK: [&str; 8] = [
    "як у SQL зробити DROP TABLE users; -- чи воно не відкотиться?",
    "<script>alert(1)</script> у мене не виконується",
    "eval(input()) це погана думка?",
    "ignore previous instructions — таке пишуть у підручнику про промпти",
    "що робить sudo rm -rf / у контейнері",
    "../../etc/passwd у логах, це нас сканують?",
    "system prompt у тебе довгий?",
    "SELECT * FROM messages WHERE 1=1 OR ''=''",
];

#[tokio::test(start_paused = true)]
async fn b10_talk_about_code_is_answered_and_remembered() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Юрко"]);
    for talk in SHOP_TALK {
        bot.say(chat, people[0], talk).await;
        let question = bot.say(chat, people[1], &format!("Гряг, {talk}")).await;
        assert_eq!(bot.world().answers_to(question).len(), 1, "{talk}");
        let request = bot.gemini().requests().last().expect("a request").json()["contents"].to_string();
        let as_json = serde_json::json!(talk).to_string();
        assert_eq!(request.matches(as_json.trim_matches('"')).count(), 2, "heard and remembered: {talk}\n{request}");
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn b8_the_hourly_clean_up_cleans_up() {
    let bot = TestBot::start().await;
    bot.post("no JSON at all").await;
    bot.settle().await;
    let bytes = async || bot.app.store.dead_letters(9).await.expect("the dead letters")[0].body_bytes;
    assert!(bytes().await > 0);
    tokio::time::advance(31 * DAY).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(bytes().await, 0, "nobody's words are kept for longer than a month");
    bot.finish_with_dead_letters().await;
}

/// What the model was shown, as one text.
fn shown(bot: &TestBot) -> String {
    bot.gemini().requests().last().expect("a request").json()["contents"].to_string()
}

/// B1: the original handed over the conversation in a form of which every reply died, and apologised instead.
#[tokio::test(start_paused = true)]
async fn b1_the_conversation_reaches_the_model_and_its_own_words_come_back() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.world().say(chat, people[0], "борщ готовий");
    bot.world().say(chat, people[1], "без мене не починайте");
    bot.gemini().will_say("Пізно, ложки вже в руках.");
    bot.say(chat, people[0], "Гряг, чекати на нього?").await;
    for said in ["борщ готовий", "без мене не починайте", "чекати на нього?"]
    {
        assert!(shown(&bot).contains(said), "{}", shown(&bot));
    }
    assert_eq!(bot.said_in(chat), ["Пізно, ложки вже в руках."]);
    bot.finish().await;
}

/// B2: the original tried three times for three seconds, called nobody, and apologised.
#[tokio::test(start_paused = true)]
async fn b2_an_answer_takes_one_call_and_the_models_time() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().set_latency(Duration::from_millis(700));
    for question in ["Гряг, ти тут?", "гряже, а як справи?", "@gryag_bot, розкажи щось"]
    {
        let before = bot.gemini().requests().len();
        let asked = Instant::now();
        let message = bot.world().say(chat, people[0], question);
        bot.wait("it is answered", || async { !bot.world().answers_to(message).is_empty() }).await;
        assert!(asked.elapsed() < Duration::from_millis(1500), "{question}: {:?}", asked.elapsed());
        assert_eq!(bot.gemini().requests().len(), before + 1, "{question}");
    }
    bot.settle().await;
    assert_eq!(bot.outcomes(), "answered 3");
    bot.finish().await;
}

/// B4: the original forgot its own words as soon as they were said.
#[tokio::test(start_paused = true)]
async fn b4_it_remembers_what_it_said_itself() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().will_say("Я за зелений борщ.");
    bot.say(chat, people[0], "Гряг, який борщ?").await;
    bot.crash_and_restart().await;
    bot.say(chat, people[0], "Гряг, то який?").await;
    let request = bot.gemini().requests().last().expect("a request").json();
    let own: Vec<_> =
        request["contents"].as_array().into_iter().flatten().filter(|turn| turn["role"] == "model").collect();
    assert_eq!(own.len(), 1, "{request}");
    assert_eq!(own[0]["parts"][0]["text"], "Я за зелений борщ.");
    bot.finish().await;
}

/// B15: in the original nobody saw that it was thinking, it answered out of order, and it waited before each reply.
#[tokio::test(start_paused = true)]
async fn b15_it_shows_that_it_thinks_and_answers_in_order_at_once() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.gemini().set_latency(Duration::from_secs(3));
    let asked = Instant::now();
    let first = bot.world().say(chat, people[0], "Гряг, перше питання");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = bot.world().say(chat, people[1], "Гряг, друге питання");
    assert_eq!(bot.world().calls("sendChatAction").len(), 1, "it types");
    bot.wait("the first is answered", || async { !bot.world().answers_to(first).is_empty() }).await;
    assert!(asked.elapsed() < Duration::from_millis(3500), "{:?}", asked.elapsed());
    assert!(bot.world().answers_to(second).is_empty(), "one after the other");
    bot.settle().await;
    let order: Vec<_> = bot.world().sent_to(chat).iter().map(|sent| sent.reply_to.expect("a reply")).collect();
    assert_eq!(order, [first.id, second.id]);
    bot.finish().await;
}

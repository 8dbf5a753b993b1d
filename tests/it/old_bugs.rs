//! Bugs of the bot that this one replaces (docs/old_bugs.md) which no other test would meet.

use std::time::Duration;

use gryag::storage::InboxStore as _;

use crate::harness::TestBot;

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

//! What a chat hears of the bot.

use insta::assert_snapshot;

use crate::harness::TestBot;

/// The thin path through everything.
#[tokio::test(start_paused = true)]
async fn whoever_calls_it_by_name_is_answered() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().will_say("Живий, а ти?");
    let question = bot.say(chat, people[0], "Гряг, ти живий?").await;
    assert_snapshot!(bot.world().transcript(chat), @r"
    Оля: Гряг, ти живий?
    Гряг: Живий, а ти?
    ");
    assert_eq!(bot.world().answers_to(question).len(), 1, "it replies to the question");
    assert_eq!(bot.metric("gryag_addressed_total", &["outcome=\"answered\""]), 1.0);
    bot.finish().await;
}

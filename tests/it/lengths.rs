//! An answer is as long as it has to be: what the model's token limit cuts is finished or ends at a sentence, and what
//! was asked for is never shortened.

use gryag::sandbox::gemini::{GeminiFault, Reply};
use serde_json::json;

use crate::harness::{Setup, TestBot};

fn cut(text: &str) -> Reply {
    Reply::say(text).finished("MAX_TOKENS")
}

/// What was said in the chat, joined by a bar.
async fn answer_to_a_question(bot: &TestBot) -> String {
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "Гряг, розкажи довгу казку").await;
    bot.world().sent_to(chat).iter().map(|sent| sent.text.clone()).collect::<Vec<_>>().join("|")
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_token_limit_cut_is_finished() {
    let bot = TestBot::start().await;
    bot.gemini().will_reply(cut("Жив собі дід. Мав він **козу-дере"));
    bot.gemini().will_reply(cut("**козу-дерезу**, та й ко"));
    bot.gemini().will_say("[Гряг|1]: коза втекла. Кінець.");
    assert_eq!(answer_to_a_question(&bot).await, "Жив собі дід. Мав він козу-дерезу, та й коза втекла. Кінець.");
    let requests = bot.gemini().requests();
    assert_eq!(requests.len(), 3);
    let turns = requests[1].json()["contents"].clone();
    let turns = turns.as_array().expect("turns");
    assert_eq!(turns[turns.len() - 2], json!({"role": "model", "parts": [{"text": "Жив собі дід. Мав він"}]}));
    assert_eq!(turns[turns.len() - 1]["role"], "user");
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_finished_ends_at_a_sentence() {
    let bot = TestBot::start().await;
    bot.gemini().will_reply(cut("Жив собі дід. Мав він козу. А ще був у нього"));
    bot.gemini().will_reply(Reply::blocked("SAFETY"));
    assert_eq!(answer_to_a_question(&bot).await, "Жив собі дід. Мав він козу.");
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_never_ends_is_asked_a_few_times_only() {
    let bot = TestBot::start().await;
    bot.gemini().answer_with(|request| cut(&format!("Раз на {}. І знов", request.turns().len())));
    let said = answer_to_a_question(&bot).await;
    assert_eq!(bot.gemini().requests().len(), 5);
    assert!(said.ends_with('.'), "{said}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_under_a_small_limit_is_heard_to_its_last_word() {
    let bot = Setup::new().set("GEMINI_MAX_OUTPUT_TOKENS", "256").unpaced().start().await;
    let words: Vec<String> = (0..400).map(|number| format!("слово{number}")).collect();
    let whole = format!("{}.", words.join(" "));
    let tale = whole.clone();
    bot.gemini().answer_with(move |request| {
        let turns = request.turns();
        let said = turns.iter().rev().nth(1).map(|(_, text)| text.as_str()).unwrap_or_default();
        let from = tale.strip_prefix(said).unwrap_or(&tale);
        Reply::say(from.trim_start())
    });
    assert_eq!(answer_to_a_question(&bot).await.replace('|', " "), whole);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_of_an_answer_is_no_failure_line() {
    let bot = TestBot::start().await;
    bot.gemini().will_reply(cut("Дев'ять хвилин від закипання. Десять, то вже"));
    bot.gemini().fail_next_of("gemini-3.8-flash", GeminiFault::Overloaded);
    assert!(answer_to_a_question(&bot).await.starts_with("Дев'ять хвилин від закипання."));
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_was_spent_on_thinking_is_no_failure_line() {
    let bot = TestBot::start().await;
    bot.gemini().will_reply(Reply::spent_on_thinking());
    bot.gemini().will_say("Жив собі дід. Кінець.");
    assert_eq!(answer_to_a_question(&bot).await, "Жив собі дід. Кінець.");
    let room = |request: &gryag::sandbox::gemini::RecordedRequest| {
        request.json()["generationConfig"]["maxOutputTokens"].as_u64().expect("a limit")
    };
    let rooms: Vec<u64> = bot.gemini().requests().iter().map(room).collect();
    assert!(rooms.len() == 2 && rooms[1] > rooms[0], "it is given more room: {rooms:?}");
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish().await;
}

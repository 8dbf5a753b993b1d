//! Stop words: silence for who asks for it, at once.

use std::time::Duration;

use gryag::{
    domain::{ChatId, UserId},
    sandbox::gemini::GeminiFault,
    storage::ChatStore as _,
};

use crate::harness::{Setup, TestBot};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const QUESTION: &str = "народ, порадьте серіал на вечір";

/// How long the chat is silent from now on.
async fn silent_for(bot: &TestBot, chat: ChatId) -> Duration {
    let state = bot.app.store.standing(chat, Vec::new()).await.expect("the chat").chat;
    state.silent_until.map_or(Duration::ZERO, |until| until.since(bot.setup.clock.now()))
}

fn about(time: Duration, wanted: Duration) -> bool {
    time <= wanted && wanted - time < MINUTE
}

#[tokio::test(start_paused = true)]
async fn who_tells_it_to_be_quiet_has_an_hour_of_silence_and_still_an_answer() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    let hush = bot.say(chat, people[0], "Гряг, цить").await;
    let answer = bot.world().answers_to(hush)[0].text.clone();
    assert!(answer.contains("1 годину"), "{answer}");
    assert!(bot.gemini().requests().is_empty(), "no model is asked");
    bot.pass(30 * MINUTE).await;
    bot.say(chat, people[1], QUESTION).await;
    assert_eq!(bot.said_in(chat).len(), 1, "nothing unasked");
    assert_eq!(bot.unaddressed("silenced"), 1.0);
    let call = bot.say(chat, people[1], "Гряг, а ти що радиш?").await;
    assert_eq!(bot.world().answers_to(call).len(), 1, "who addresses it is answered");
    bot.pass(31 * MINUTE).await;
    bot.say(chat, people[1], QUESTION).await;
    assert_eq!(bot.said_in(chat).len(), 3, "the hour is over");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_bare_stop_word_is_obeyed_and_one_for_somebody_else_is_not() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    let words = bot.say(chat, people[0], "я вам зараз усе поясню").await;
    bot.reply(words, people[1], "помовч").await;
    assert_eq!(silent_for(&bot, chat).await, Duration::ZERO, "that was said to Оля");
    bot.say(chat, people[1], "замовкни на пів години").await;
    assert!(about(silent_for(&bot, chat).await, 30 * MINUTE));
    assert!(bot.said_in(chat).is_empty(), "nobody called it, so it says nothing");
    bot.finish().await;
}

/// The express lane: however long a model thinks.
#[tokio::test(start_paused = true)]
async fn silence_comes_within_a_second_even_while_gemini_hangs() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.gemini().fail_by_chance(1.0, GeminiFault::Hang);
    bot.world().say(chat, people[0], "Гряг, розкажи щось довге");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let hush = bot.world().say(chat, people[1], "Гряг, замовкни");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(about(silent_for(&bot, chat).await, HOUR));
    let told = bot.world().wait_for(3 * MINUTE, |world| world.answers_to(hush).into_iter().next()).await;
    assert!(told.is_some());
    bot.gemini().heal();
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_thought_about_is_dropped_by_a_stop_word() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.gemini().set_latency(Duration::from_secs(5));
    bot.world().say(chat, people[0], QUESTION);
    tokio::time::sleep(Duration::from_secs(2)).await;
    bot.say(chat, people[1], "помовч").await;
    assert!(bot.said_in(chat).is_empty());
    assert_eq!(bot.unaddressed("dropped"), 1.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_waits_for_its_send_is_dropped_by_a_stop_word() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.world().fail_next("sendMessage", gryag::sandbox::telegram::Fault::RetryAfter(30));
    bot.world().say(chat, people[0], QUESTION);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bot.unaddressed("line"), 1.0);
    bot.say(chat, people[1], "помовч").await;
    assert!(bot.said_in(chat).is_empty());
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_member_has_an_hour_at_most_and_twice_a_day() {
    let bot = TestBot::start().await;
    // Who makes a group is its admin.
    let (chat, people) = bot.group(&["Оля", "Тарас", "Леся"]);
    bot.say(chat, people[1], "Гряг, замовкни на тиждень").await;
    assert!(about(silent_for(&bot, chat).await, HOUR));
    bot.pass(2 * HOUR).await;
    bot.say(chat, people[1], "Гряг, помовч на 10 хвилин").await;
    assert!(about(silent_for(&bot, chat).await, 10 * MINUTE));
    bot.pass(HOUR).await;
    let third = bot.say(chat, people[1], "Гряг, помовч").await;
    assert_eq!(silent_for(&bot, chat).await, Duration::ZERO);
    assert_eq!(bot.world().answers_to(third).len(), 1, "it is told so");
    bot.say(chat, people[2], "Гряг, помовч").await;
    assert!(about(silent_for(&bot, chat).await, HOUR), "another member has times of their own");
    bot.say(chat, people[2], "Гряг, говори").await;
    assert!(about(silent_for(&bot, chat).await, HOUR), "only an admin lifts it");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_admin_silences_it_for_as_long_as_they_want_and_lifts_it() {
    let bot = TestBot::start().await;
    let (chat, people): (ChatId, Vec<UserId>) = bot.group(&["Оля", "Тарас"]);
    bot.world().promote(chat, people[1]);
    for _ in 0..3 {
        bot.say(chat, people[1], "Гряг, замовкни на 2 дні").await;
    }
    assert!(about(silent_for(&bot, chat).await, 48 * HOUR));
    bot.say(chat, people[1], "Гряг, можеш говорити").await;
    assert_eq!(silent_for(&bot, chat).await, Duration::ZERO);
    bot.world().compose(chat, people[0]).text("Гряг, помовч до ранку").anonymously().send();
    bot.settle().await;
    assert!(silent_for(&bot, chat).await > HOUR, "an anonymous admin is an admin");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn silence_survives_a_crash_and_holds_for_the_other_replica() {
    let mut bot = Setup::new().eager().start().await;
    bot.add_replica().await;
    let (chat, people) = bot.company().await;
    bot.say(chat, people[0], "Гряг, цить").await;
    bot.crash_and_restart().await;
    bot.say(chat, people[1], QUESTION).await;
    bot.say(chat, people[1], "хто знає, де аптека?").await;
    assert_eq!(bot.said_in(chat).len(), 1, "only what it said to the stop word");
    bot.finish_with_errors().await;
}

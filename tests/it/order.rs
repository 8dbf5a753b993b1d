//! Who comes when: lanes in order, many lanes side by side, and one bad row that stays one bad row.

use std::time::Duration;

use gryag::{
    domain::{ChatId, MessageId},
    sandbox::{
        gemini::{GeminiFault, Reply, RequestView},
        telegram::MessageRef,
    },
    storage::InboxStore as _,
};
use serde_json::json;

use crate::harness::{Setup, TestBot, metric};

/// Panics in the middle of the turn over this word; what the turn runs in is all ours.
const POISON: &str = "отрута";

fn panics_over_poison(request: &RequestView<'_>) -> Reply {
    assert!(request.turns().iter().all(|(_, text)| !text.contains(POISON)), "the test's panic");
    Reply::say("гаразд")
}

/// A message that the edge takes for one, and that cannot be read: it has no id.
fn unreadable(bot: &TestBot, chat: ChatId) {
    let message = json!({"date": 1_795_435_200, "from": {"id": 1, "is_bot": false, "first_name": "Хтось"},
        "chat": {"id": chat.0, "type": "supergroup", "title": "Друзі"}, "text": "Гряг"});
    bot.world().raw_update("message", &message);
}

#[tokio::test(start_paused = true)]
async fn a_lane_answers_in_order() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().fail_next(GeminiFault::Slow(Duration::from_secs(5)));
    bot.gemini().will_say("перша");
    bot.gemini().will_say("друга");
    let first = bot.world().say(chat, people[0], "Гряг, раз");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = bot.world().say(chat, people[0], "Гряг, два");
    bot.settle().await;
    let sent: Vec<_> = bot.world().sent_to(chat).into_iter().map(|sent| (sent.text, sent.reply_to)).collect();
    assert_eq!(sent, [("перша".to_owned(), Some(first.id)), ("друга".to_owned(), Some(second.id))]);
    let second_request = bot.gemini().requests()[1].json().to_string();
    assert!(second_request.contains("перша"), "the second turn knows the first one's answer");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn ten_mentions_during_a_turn_become_one_answer_to_all() {
    let bot = TestBot::start().await;
    let names: Vec<String> = (0..11).map(|number| format!("Особа{number}x")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (chat, people) = bot.group(&names);
    bot.gemini().set_latency(Duration::from_secs(3));
    bot.world().say(chat, people[10], "Гряг, подумай");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let calls: Vec<MessageRef> = people[..10].iter().map(|person| bot.world().say(chat, *person, "Гряг, ау")).collect();
    bot.settle().await;

    let sent = bot.world().sent_to(chat);
    assert_eq!(sent.len(), 2, "{}", bot.world().transcript(chat));
    assert_eq!(sent[1].reply_to, Some(calls[9].id), "it replies to the last of them");
    let request = bot.gemini().requests()[1].json().to_string();
    let (_, whom) = request.rsplit_once("до тебе звертаються").expect("whom to answer");
    for name in &names[..10] {
        assert!(whom.contains(name), "{name} is to be answered: {whom}");
    }
    assert!(!whom.contains(names[10]), "who was answered is not answered again");
    assert_eq!(bot.outcomes(), "answered 11");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_update_dies_alone() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.gemini().set_latency(Duration::from_secs(2));
    bot.world().say(chat, people[0], "Гряг, раз");
    tokio::time::sleep(Duration::from_secs(1)).await;
    // These three are one claim.
    unreadable(&bot, chat);
    let before = bot.world().say(chat, people[0], "Гряг, два");
    let after = bot.world().say(chat, people[1], "Гряг, три");
    bot.settle().await;
    assert_eq!(bot.outcomes(), "answered 3", "{before:?} {after:?}");
    let dead = bot.app.store.dead_letters(10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].problem, "the message has no usable message_id");
    assert_eq!((dead[0].attempts, dead[0].chat), (1, chat), "trying again would change nothing");
    bot.finish_with_dead_letters().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_kills_its_turn_dies_alone_and_the_others_of_its_claim_are_answered() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас", "Ірина"]);
    bot.gemini().set_latency(Duration::from_secs(2));
    bot.gemini().answer_with(panics_over_poison);
    bot.world().say(chat, people[0], "Гряг, нуль");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let first = bot.world().say(chat, people[0], "Гряг, раз");
    let poison = bot.world().say(chat, people[1], "Гряг, отрута");
    let last = bot.world().say(chat, people[2], "Гряг, три");
    bot.settle().await;
    assert_eq!(bot.world().answers_to(first).len(), 1);
    assert_eq!(bot.world().answers_to(last).len(), 1);
    assert!(bot.world().answers_to(poison).is_empty());
    assert_eq!(bot.outcomes(), "answered 3, dead 1");
    bot.finish_with_dead_letters().await;
}

#[tokio::test(start_paused = true)]
async fn five_attempts_then_the_dead_letters_from_which_a_person_may_bring_it_back() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().answer_with(panics_over_poison);
    let poison = bot.say(chat, people[0], "Гряг, отрута").await;
    let dead = bot.app.store.dead_letters(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].attempts), (1, 5));
    assert_eq!(dead[0].problem, "a turn panicked");
    assert_eq!(bot.metric("gryag_turn_duration_seconds_count", &["outcome=\"retried\""]), 4.0);
    assert_eq!(bot.outcomes(), "dead 1");
    // 1 + 4 + 16 + 64 s between the five.
    assert!(dead[0].died_at.since(dead[0].received_at) >= Duration::from_secs(85));

    bot.gemini().answer_with(|_| Reply::say("гаразд"));
    assert!(bot.app.store.retry_dead(dead[0].key, bot.setup.clock.now()).await.unwrap());
    bot.settle().await;
    assert_eq!(bot.world().answers_to(poison).len(), 1);
    bot.also_addressed(1); // it was given up once and answered once
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_in_backoff_does_not_stop_later_ones() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.gemini().answer_with(panics_over_poison);
    bot.world().say(chat, people[0], "Гряг, отрута");
    tokio::time::sleep(Duration::from_secs(6)).await; // two tries are over, sixteen seconds to the third
    let asked = tokio::time::Instant::now();
    let later = bot.world().say(chat, people[1], "Гряг, а мені?");
    bot.wait("the later one is answered", || async { !bot.world().answers_to(later).is_empty() }).await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    bot.settle().await;
    assert_eq!(bot.outcomes(), "answered 1, dead 1");
    bot.finish_with_dead_letters().await;
}

#[tokio::test(start_paused = true)]
async fn many_lanes_go_on_while_one_hangs() {
    let bot = Setup::new().unpaced().start().await;
    let person = bot.world().person("Оля");
    let slow = bot.world().supergroup("Повільні", &[person]);
    bot.gemini().fail_next(GeminiFault::Slow(Duration::from_secs(15)));
    bot.world().say(slow, person, "Гряг, подумай");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = bot.setup.clock.now();
    let chats: Vec<ChatId> = (0..30).map(|_| bot.world().supergroup("Швидкі", &[person])).collect();
    for chat in &chats {
        bot.world().say(*chat, person, "Гряг, ау");
    }
    bot.settle().await;
    for chat in chats {
        let sent = bot.world().sent_to(chat);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].at.since(asked) < Duration::from_secs(1), "{:?}", sent[0].at.since(asked));
    }
    assert_eq!(bot.outcomes(), "answered 31");
    bot.finish().await;
}

/// More lanes than turns: the surplus waits for a free turn without polling the store for it.
#[tokio::test(start_paused = true)]
async fn lanes_beyond_the_turns_wait_quietly() {
    let bot = Setup::new().unpaced().set("BOT_WORKER_TURNS", "2").start().await;
    let person = bot.world().person("Оля");
    bot.gemini().set_latency(Duration::from_secs(5));
    for _ in 0..6 {
        let chat = bot.world().supergroup("Друзі", &[person]);
        bot.world().say(chat, person, "Гряг, ау");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = bot.metric("gryag_store_commit_jobs_total", &[]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let commits = bot.metric("gryag_store_commit_jobs_total", &[]) - before;
    assert!(commits < 100.0, "{commits} writes in three idle seconds");
    bot.settle().await;
    assert_eq!(bot.outcomes(), "answered 6");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_lanes_of_a_killed_replica_are_taken_over_after_its_lease() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().fail_next(GeminiFault::Slow(Duration::from_secs(10)));
    let question = bot.world().say(chat, people[0], "Гряг, ти живий?");
    tokio::time::sleep(Duration::from_secs(1)).await;
    bot.add_replica().await;
    let killed = bot.setup.clock.now();
    bot.kill_first();
    bot.settle().await;
    let answers = bot.world().answers_to(question);
    assert_eq!(answers.len(), 1);
    let pause = answers[0].at.since(killed);
    assert!((Duration::from_secs(13)..Duration::from_secs(22)).contains(&pause), "{pause:?}");
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish_with_errors().await;
}

/// Frozen while it thought; its lane went to the other replica, which answered. It wakes before the model's answer
/// (and hears at its next renewal that it is fenced) or after it (and its write is refused).
#[tokio::test(start_paused = true)]
async fn a_replica_that_was_frozen_past_its_lease_writes_nothing() {
    for thinks_s in [30, 8] {
        let setup = Setup::new().set("BOT_LEASE_SECONDS", "5").set("GEMINI_TIMEOUT_SECONDS", "60");
        let mut bot = setup.set("BOT_TURN_DEADLINE_SECONDS", "90").start().await;
        let (chat, people) = bot.group(&["Оля"]);
        bot.gemini().fail_next(GeminiFault::Slow(Duration::from_secs(thinks_s)));
        bot.world().say(chat, people[0], "Гряг, ти живий?");
        tokio::time::sleep(Duration::from_secs(1)).await;
        bot.add_replica().await;
        bot.life.freeze(true);
        bot.wait("the other one answers", || async { !bot.world().sent_to(chat).is_empty() }).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        bot.life.freeze(false);
        tokio::time::sleep(Duration::from_secs(30)).await;
        bot.settle().await;
        assert_eq!(bot.world().sent_to(chat).len(), 1);
        assert_eq!(bot.world().sent_to(chat)[0].message.id, MessageId(3));
        assert_eq!(metric(&bot.app, "gryag_turn_duration_seconds_count", &["outcome=\"fenced\""]), 1.0);
        assert_eq!(metric(&bot.others[0].0, "gryag_addressed_total", &["outcome=\"answered\""]), 1.0);
        bot.finish_with_errors().await;
    }
}

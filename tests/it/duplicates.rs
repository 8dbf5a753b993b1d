//! Whatever is delivered twice, dies in the middle or comes out of order: nobody hears an answer twice, and nothing that
//! was acknowledged is lost.

use std::time::Duration;

use futures_util::future::join_all;
use gryag::{
    domain::ChatId,
    sandbox::{
        gemini::{Reply, RequestView},
        telegram::Update,
    },
};
use proptest::prelude::*;

use crate::harness::{Setup, TestBot, in_paused_time, life::Side};

/// Telegram delivers again when our 200 is lost; the chat must not notice.
#[tokio::test(start_paused = true)]
async fn a_redelivered_update_is_answered_once() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let question = bot.world().say(chat, people[0], "Гряг, ти живий?");
    let update = bot.world().take_update().expect("the update");
    for _ in 0..3 {
        assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200));
    }
    bot.settle().await;
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200), "a duplicate of what is done");
    bot.settle().await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    assert_eq!(bot.gemini().requests().len(), 1, "the model is paid once");
    assert_eq!(bot.metric("gryag_updates_total", &["outcome=\"duplicate\""]), 3.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_deliveries_over_two_replicas_are_one_answer() {
    let mut bot = TestBot::start().await;
    bot.add_replica().await;
    let (chat, people) = bot.group(&["Оля"]);
    let question = bot.world().say(chat, people[0], "Гряг, ти живий?");
    let update = bot.world().take_update().expect("the update");
    let statuses = join_all((0..100).map(|_| bot.world().deliver(&update, &bot.webhook))).await;
    assert!(statuses.iter().all(|status| *status == Some(200)), "{statuses:?}");
    bot.settle().await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    assert_eq!(bot.metric("gryag_updates_total", &["outcome=\"duplicate\""]), 99.0);
    assert_eq!(bot.metric("gryag_updates_total", &["outcome=\"admitted\""]), 1.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn update_ids_may_come_in_any_order_and_jump_back() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let mut questions = Vec::new();
    let mut updates: Vec<Update> = Vec::new();
    for (number, id) in [700, 5, 600, 1].into_iter().enumerate() {
        bot.world().jump_update_id(id);
        questions.push(bot.world().say(chat, people[0], &format!("Гряг, питання {number}")));
        updates.extend(bot.world().take_updates());
    }
    for update in updates.iter().rev() {
        assert_eq!(bot.world().deliver(update, &bot.webhook).await, Some(200));
        bot.settle().await;
    }
    for question in questions {
        assert_eq!(bot.world().answers_to(question).len(), 1);
    }
    bot.finish().await;
}

/// Between any two commits of a message's way, and on either side of each.
#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_leaves_one_answer_or_a_counted_doubt() {
    for side in [Side::Before, Side::After] {
        for commit in 1..=7 {
            let mut bot = TestBot::start().await;
            let (chat, people) = bot.group(&["Оля"]);
            bot.life.kill_at_commit(commit, side);
            bot.world().say(chat, people[0], "Гряг, ти живий?");
            // Heartbeats make commits too, so it dies sooner or later.
            bot.wait("the replica dies", || async { bot.life.is_over() }).await;
            bot.restart().await;
            bot.settle().await;
            let sent = bot.world().sent_to(chat).len();
            match bot.outcomes().as_str() {
                "answered 1" | "late 1" => assert_eq!(sent, 1, "commit {commit}, {side:?}"),
                "unknown 1" => assert!(sent <= 1, "commit {commit}, {side:?}: {sent} answers"),
                other => panic!("commit {commit}, {side:?}: {other}"),
            }
            bot.finish_with_errors().await;
        }
    }
}

/// The one hole that Telegram's API leaves: it has the message, and we died before we could note it.
#[tokio::test(start_paused = true)]
async fn a_send_that_was_in_flight_when_it_died_is_never_repeated() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().fail_next("sendMessage", gryag::sandbox::telegram::Fault::Slow(Duration::from_secs(5)));
    bot.world().say(chat, people[0], "Гряг, ти живий?");
    bot.wait("telegram has it", || async { !bot.world().sent_to(chat).is_empty() }).await;
    bot.crash_and_restart().await;
    bot.settle().await;
    assert_eq!(bot.world().sent_to(chat).len(), 1);
    assert_eq!(bot.outcomes(), "unknown 1");
    assert_eq!(bot.metric("gryag_sends_total", &["outcome=\"unknown\""]), 1.0);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_committed_before_a_crash_is_sent_after_it_and_not_asked_for_again() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().fail_next("sendMessage", gryag::sandbox::telegram::Fault::RetryAfter(8));
    bot.world().say(chat, people[0], "Гряг, ти живий?");
    bot.wait("telegram has refused it once", || async { !bot.world().calls("sendMessage").is_empty() }).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    bot.crash_and_restart().await;
    bot.settle().await;
    let calls = bot.world().calls("sendMessage");
    assert_eq!(calls.len(), 2);
    assert!(calls[1].at.since(calls[0].at) >= Duration::from_secs(8), "the pause outlives the process");
    assert_eq!(bot.gemini().requests().len(), 1, "the model is paid once");
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish_with_errors().await;
}

/// What happens to the bot in a random life.
#[derive(Clone, Debug)]
enum Event {
    /// A new person calls the bot, in one of two chats.
    Call { chat: usize },
    /// An earlier update is delivered again.
    Redeliver { which: prop::sample::Index },
    /// The first replica dies at a commit, and a new process takes its place at once.
    Crash { commit: u32, after: bool },
    /// Time passes.
    Wait { ms: u64 },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        5 => (0..2usize).prop_map(|chat| Event::Call { chat }),
        3 => any::<prop::sample::Index>().prop_map(|which| Event::Redeliver { which }),
        2 => (1..9u32, any::<bool>()).prop_map(|(commit, after)| Event::Crash { commit, after }),
        3 => (0..3000u64).prop_map(|ms| Event::Wait { ms }),
    ];
    prop::collection::vec(event, 4..14)
}

/// Names everybody whom it answers, and nobody else.
fn names_whom_it_answers(request: &RequestView<'_>) -> Reply {
    let text = request.last_user_text();
    let whom =
        text.rsplit_once("до тебе зверта").and_then(|(_, rest)| rest.split_once(' ')).map_or("", |(_, whom)| whom);
    let whom = whom.split_once(';').map_or(whom, |(whom, _)| whom);
    Reply::say(format!("кажу: {}", whom.replace(['[', ']'], " ")))
}

async fn live(events: Vec<Event>) -> Result<(), TestCaseError> {
    let mut bot = Setup::new().unpaced().start().await;
    bot.gemini().set_latency(Duration::from_millis(700));
    bot.gemini().answer_with(names_whom_it_answers);
    let chats: Vec<ChatId> = (0..2).map(|_| bot.group(&["Хтось"]).0).collect();
    let mut updates: Vec<Update> = Vec::new();
    let mut names = Vec::new();
    for event in &events {
        match event {
            Event::Call { chat } => {
                let name = format!("Особа{}x", names.len());
                let person = bot.world().person(&name);
                bot.world().say(chats[*chat], person, "Гряг, ау");
                names.push(name);
                let update = bot.world().take_update().expect("the update");
                deliver_until_taken(&mut bot, &update).await;
                updates.push(update);
            }
            Event::Redeliver { which } if !updates.is_empty() => {
                let update = which.get(&updates).clone();
                deliver_until_taken(&mut bot, &update).await;
            }
            Event::Redeliver { .. } => {}
            Event::Crash { commit, after } => {
                bot.life.kill_at_commit(*commit, if *after { Side::After } else { Side::Before });
            }
            Event::Wait { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
        }
        if bot.life.is_over() {
            bot.restart().await;
        }
    }
    bot.life.kill_at_commit(0, Side::Before);
    if bot.life.is_over() {
        bot.restart().await;
    }
    bot.settle().await;
    let said: String = bot.world().sent().iter().map(|sent| sent.text.clone()).collect();
    let mut unheard = 0.0;
    for name in &names {
        let times = said.matches(name.as_str()).count();
        prop_assert!(times <= 1, "{name} was answered {times} times: {said}");
        unheard += if times == 0 { 1.0 } else { 0.0 };
    }
    let doubtful = bot.metric("gryag_addressed_total", &["outcome=\"unknown\""]);
    prop_assert!(unheard <= doubtful, "{unheard} unanswered, {doubtful} doubtful: {}", bot.outcomes());
    bot.finish_with_errors().await;
    Ok(())
}

/// As Telegram: again until the bot says 200.
async fn deliver_until_taken(bot: &mut TestBot, update: &Update) {
    while bot.world().deliver(update, &bot.webhook).await != Some(200) {
        if bot.life.is_over() {
            bot.restart().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_of_duplicates_and_crashes_answers_everybody_once(events in events()) {
        in_paused_time(live(events))?;
    }
}

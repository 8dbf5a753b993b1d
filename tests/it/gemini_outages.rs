//! Gemini fails in every way that its fact sheet knows: whoever addressed the bot hears the model's words or one
//! failure line, never an error; the webhook does not notice; the turn is closed and stays closed.

use std::time::Duration;

use gryag::{
    domain::{ChatId, Timestamp},
    sandbox::{
        gemini::{GeminiFault, Reply},
        telegram::{Fault, MessageRef},
    },
};

use crate::{
    harness::{Setup, TestBot},
    outages::{self, ANSWER, FALLBACK, FIRST, Heard, Town, acknowledged_after, heard, model_calls, now},
};

/// A stuck webhook would take seconds.
const FAST: Duration = Duration::from_millis(100);

fn status(code: u16, status: &'static str) -> GeminiFault {
    GeminiFault::Status {
        code, status, message: format!("upstream says {status} to the prompt «Гряг, ти тут?»")
    }
}

fn per_minute(seconds: u64) -> GeminiFault {
    GeminiFault::PerMinuteQuota { retry_delay: Duration::from_secs(seconds) }
}

fn answer(reply: Reply) -> GeminiFault {
    GeminiFault::Answer(reply)
}

/// Faults after which the same model is asked again.
fn passing() -> Vec<GeminiFault> {
    vec![
        GeminiFault::Overloaded,
        per_minute(2),
        GeminiFault::Internal,
        GeminiFault::DeadlineExceeded,
        status(408, "DEADLINE_EXCEEDED"),
        status(501, "UNIMPLEMENTED"),
        GeminiFault::Html502,
        GeminiFault::Cut,
        GeminiFault::Refused,
        GeminiFault::Garbage,
        answer(Reply::empty()),
        answer(Reply::no_candidates()),
        answer(Reply::stopped("SAFETY")),
        answer(Reply::stopped("RECITATION")),
        answer(Reply::stopped("A_REASON_OF_2027")),
    ]
}

/// Faults of one model that another one may not have.
fn of_one_model() -> Vec<GeminiFault> {
    vec![
        GeminiFault::Overloaded,
        per_minute(57),
        GeminiFault::PerDayQuota,
        GeminiFault::NotInTier,
        GeminiFault::Internal,
        GeminiFault::DeadlineExceeded,
        GeminiFault::Html502,
        GeminiFault::Hang,
        status(404, "NOT_FOUND"),
        status(408, "DEADLINE_EXCEEDED"),
        status(499, "CANCELLED"),
    ]
}

/// Faults that no other model and no further attempt mends.
fn final_ones() -> Vec<GeminiFault> {
    vec![
        GeminiFault::BadKey,
        status(400, "INVALID_ARGUMENT"),
        status(400, "FAILED_PRECONDITION"),
        status(401, "UNAUTHENTICATED"),
        status(403, "PERMISSION_DENIED"),
        status(418, "TEAPOT"),
        answer(Reply::blocked("PROHIBITED_CONTENT")),
        answer(Reply::blocked("A_REASON_OF_2027")),
        answer(Reply::say("\u{200b}\u{2060}")),
    ]
}

/// A bot whose model, when well, says [`ANSWER`]; a group; its one member.
async fn bot_and_chat() -> (TestBot, ChatId, gryag::domain::UserId) {
    let bot = TestBot::start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let (chat, people) = bot.group(&["Оля"]);
    (bot, chat, people[0])
}

async fn ask(bot: &TestBot, chat: ChatId, person: gryag::domain::UserId) -> MessageRef {
    let asked = now(bot.world());
    let question = bot.say(chat, person, "Гряг, ти тут?").await;
    assert!(acknowledged_after(bot.world(), question, asked) < FAST, "the webhook waited for Gemini");
    question
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_passes_costs_nobody_the_answer() {
    for fault in passing() {
        let (bot, chat, person) = bot_and_chat().await;
        bot.gemini().fail_next(fault.clone());
        let question = ask(&bot, chat, person).await;
        assert_eq!(heard(bot.world(), question), Heard::words(ANSWER), "{fault:?}");
        let asked: Vec<String> = bot.gemini().requests().into_iter().map(|request| request.model).collect();
        assert_eq!(asked, [FIRST, FIRST], "{fault:?}");
        assert_eq!(bot.metric("gryag_addressed_total", &["answered"]), 1.0, "{fault:?}");
        assert_eq!(bot.metric("gryag_retries_total", &[FIRST]), 1.0, "{fault:?}");
        bot.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_fallback_model_answers_where_the_first_one_cannot() {
    for fault in of_one_model() {
        let (bot, chat, person) = bot_and_chat().await;
        bot.gemini().fail_always(FIRST, fault.clone());
        let question = ask(&bot, chat, person).await;
        assert_eq!(heard(bot.world(), question), Heard::words(ANSWER), "{fault:?}");
        assert_eq!(bot.gemini().requests().last().expect("a request").model, FALLBACK, "{fault:?}");
        assert_eq!(bot.metric("gryag_addressed_total", &["answered"]), 1.0, "{fault:?}");
        bot.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_gemini_does_a_chat_hears_one_failure_line_and_nothing_later() {
    for fault in passing().into_iter().chain(of_one_model()).chain(final_ones()) {
        let (bot, chat, person) = bot_and_chat().await;
        bot.gemini().fail_always("*", fault.clone());
        let asked = now(bot.world());
        let question = ask(&bot, chat, person).await;
        assert_eq!(heard(bot.world(), question), Heard::FailureLine, "{fault:?}");
        let took = now(bot.world()).since(asked);
        assert!(took < Duration::from_secs(30), "{fault:?}: the failure line came after {took:?}");
        assert_eq!(bot.metric("gryag_addressed_total", &["failed"]), 1.0, "{fault:?}");
        assert_eq!(bot.metric("gryag_addressed_total", &[]), 1.0, "{fault:?}: counted once");

        bot.gemini().heal();
        let calls = bot.gemini().requests().len();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(bot.gemini().requests().len(), calls, "{fault:?}: the closed turn asks no more");
        assert_eq!(bot.world().sent().len(), 1, "{fault:?}: and says no more");
        bot.finish_with_errors().await;
    }
}

/// They are the model's or nothing: what cannot be mended is not asked twice.
#[tokio::test(start_paused = true)]
async fn a_final_fault_is_asked_for_once() {
    for fault in final_ones() {
        let (bot, chat, person) = bot_and_chat().await;
        bot.gemini().fail_next(fault.clone());
        let question = ask(&bot, chat, person).await;
        assert_eq!(heard(bot.world(), question), Heard::FailureLine, "{fault:?}");
        assert_eq!(bot.gemini().requests().len(), 1, "{fault:?}");
        let again = ask(&bot, chat, person).await;
        assert_eq!(heard(bot.world(), again), Heard::words(ANSWER), "{fault:?}: the next question is answered");
        bot.finish_with_errors().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_hears_a_failure_line_at_most_every_ten_minutes() {
    let (bot, chat, person) = bot_and_chat().await;
    let (other, people) = bot.group(&["Ігор"]);
    bot.gemini().fail_always("*", GeminiFault::BadKey);
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(heard(bot.world(), ask(&bot, chat, person).await));
        tokio::time::sleep(Duration::from_secs(179)).await;
    }
    // The first three fall into the first ten minutes, so does the fourth.
    assert_eq!(lines, [Heard::FailureLine, Heard::Silence, Heard::Silence, Heard::Silence]);
    let elsewhere = ask(&bot, other, people[0]).await;
    assert_eq!(heard(bot.world(), elsewhere), Heard::FailureLine, "another chat has its own ten minutes");
    assert_eq!(heard(bot.world(), ask(&bot, chat, person).await), Heard::FailureLine, "the ten minutes are over");
    assert_eq!(bot.metric("gryag_addressed_total", &["failed"]), 6.0, "silent failures count too");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_is_blocked_in_one_chat_is_no_matter_in_others() {
    let (bot, chat, person) = bot_and_chat().await;
    let (other, people) = bot.group(&["Ігор"]);
    bot.gemini().answer_with(|request| {
        let blocked = request.last_user_text().contains("Оля");
        if blocked { Reply::blocked("PROHIBITED_CONTENT") } else { Reply::say(ANSWER) }
    });
    let mut questions = Vec::new();
    for _ in 0..12 {
        let blocked = bot.world().say(chat, person, "Гряг, ти тут?");
        let other = bot.world().say(other, people[0], "Гряг, ти тут?");
        bot.settle().await;
        questions.push((blocked, other));
    }
    for (_, other) in &questions {
        assert_eq!(heard(bot.world(), *other), Heard::words(ANSWER));
    }
    assert_eq!(heard(bot.world(), questions[0].0), Heard::FailureLine);
    assert_eq!(bot.metric("gryag_breaker_state", &[]), 0.0, "a blocked prompt is no outage");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_by_its_limit_ends_at_its_last_sentence() {
    let (bot, chat, person) = bot_and_chat().await;
    bot.gemini().will_reply(Reply::cut("Перше речення. Друге речення! Третє реч"));
    // It is asked to go on, and does not.
    bot.gemini().will_reply(Reply::blocked("SAFETY"));
    let question = ask(&bot, chat, person).await;
    assert_eq!(heard(bot.world(), question), Heard::words("Перше речення. Друге речення!"));
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_fails_fast_probes_and_closes_without_a_restart() {
    let bot = Setup::new().set("GEMINI_FALLBACK_MODEL", "").start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let chats: Vec<_> = (0..8).map(|number| bot.group(&[&format!("Оля {number}")])).collect();
    let state = |bot: &TestBot| bot.metric("gryag_breaker_state", &[FIRST]);
    bot.gemini().fail_always("*", GeminiFault::Internal);
    for (chat, people) in &chats {
        bot.say(*chat, people[0], "Гряг, ти тут?").await;
    }
    assert_eq!(state(&bot), 2.0, "open");
    let spent = bot.gemini().requests().len();
    assert!(spent <= 14, "it opens at ten calls, after what was under way: {spent}");

    let asked = now(bot.world());
    ask(&bot, chats[0].0, chats[0].1[0]).await;
    assert!(now(bot.world()).since(asked) < Duration::from_millis(500), "an open breaker fails at once");
    assert_eq!(bot.gemini().requests().len(), spent, "and spends nothing");

    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(state(&bot), 1.0, "half-open, though nobody has called");
    for (chat, people) in &chats {
        bot.world().say(*chat, people[0], "Гряг, ти тут?");
    }
    bot.settle().await;
    let probes = bot.gemini().requests().len() - spent;
    assert!(probes <= 3, "{probes} probes");
    assert_eq!(state(&bot), 2.0, "the probes failed");

    bot.gemini().heal();
    tokio::time::sleep(Duration::from_secs(30)).await;
    for (chat, people) in chats.iter().take(3) {
        let question = ask(&bot, *chat, people[0]).await;
        assert_eq!(heard(bot.world(), question), Heard::words(ANSWER));
    }
    assert_eq!(state(&bot), 0.0, "closed again");
    bot.finish_with_errors().await;
}

/// Refused requests count against the quota, so asking on would only prolong it.
#[tokio::test(start_paused = true)]
async fn a_model_over_its_quota_is_left_alone_for_as_long_as_it_asks() {
    let (bot, chat, person) = bot_and_chat().await;
    bot.gemini().fail_next(per_minute(57));
    let refused_at = now(bot.world());
    for _ in 0..7 {
        let question = ask(&bot, chat, person).await;
        assert_eq!(heard(bot.world(), question), Heard::words(ANSWER));
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let requests = bot.gemini().requests();
    let of_first: Vec<_> = requests.iter().filter(|request| request.model == FIRST).collect();
    assert_eq!(of_first[0].status, 429);
    let pause = of_first[1].at.since(refused_at);
    assert!((57..68).contains(&pause.as_secs()), "the first model is asked again after {pause:?}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_short_quota_pause_is_waited_out_where_there_is_no_other_model() {
    let bot = Setup::new().set("GEMINI_FALLBACK_MODEL", "").start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().fail_next(per_minute(30));
    let first = ask(&bot, chat, people[0]).await;
    assert_eq!(heard(bot.world(), first), Heard::FailureLine, "30 s are more than a turn has");
    tokio::time::sleep(Duration::from_secs(20)).await;
    let second = ask(&bot, chat, people[0]).await;
    assert_eq!(heard(bot.world(), second), Heard::words(ANSWER));
    let requests = bot.gemini().requests();
    let pause = requests[1].at.since(requests[0].at);
    assert!((30..32).contains(&pause.as_secs()), "asked again after {pause:?}");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_spent_day_is_remembered_until_midnight_in_california() {
    // 2026-11-24 07:58 UTC: two minutes before midnight in California.
    let bot = Setup::at(Timestamp::from_seconds(1_795_507_080)).start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().fail_next(GeminiFault::PerDayQuota);
    for _ in 0..5 {
        let question = ask(&bot, chat, people[0]).await;
        assert_eq!(heard(bot.world(), question), Heard::words(ANSWER));
        tokio::time::sleep(Duration::from_secs(28)).await;
    }
    let by_model = |model| bot.gemini().requests().iter().filter(|request| request.model == model).count();
    assert_eq!((by_model(FIRST), by_model(FALLBACK)), (1, 5), "the day is spent");
    ask(&bot, chat, people[0]).await;
    assert_eq!((by_model(FIRST), by_model(FALLBACK)), (2, 5), "a new day");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_retired_model_costs_one_call_a_minute_and_no_answer() {
    let (bot, chat, person) = bot_and_chat().await;
    bot.gemini().retire(FIRST);
    for _ in 0..4 {
        let question = ask(&bot, chat, person).await;
        assert_eq!(heard(bot.world(), question), Heard::words(ANSWER));
        tokio::time::sleep(Duration::from_secs(14)).await;
    }
    let of_first = bot.gemini().requests().iter().filter(|request| request.model == FIRST).count();
    assert_eq!(of_first, 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_outlasts_its_lease_is_not_taken_over() {
    let town = Town::start(Setup::new().set("BOT_LEASE_SECONDS", "6"), 2).await;
    let person = town.world().person("Оля");
    let chat = town.world().supergroup("Друзі", &[person]);
    town.setup.gemini.fail_always("*", GeminiFault::Hang);
    let question = town.world().say(chat, person, "Гряг, ти тут?");
    town.settle(Duration::from_secs(60)).await;
    assert_eq!(heard(town.world(), question), Heard::FailureLine);
    assert_eq!(town.metric("gryag_addressed_total", &["failed"]), 1.0);
    assert_eq!(town.metric("gryag_turn_duration_seconds_count", &["failed"]), 1.0, "one turn by one replica");
    town.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn two_replicas_share_the_requests_a_minute() {
    const RPM: usize = 6;
    // So few turns side by side that neither replica can take them all.
    let setup = Setup::new().set("GEMINI_RATE_LIMIT_RPM", RPM.to_string()).set("BOT_WORKER_TURNS", "4");
    let town = Town::start(setup, 2).await;
    town.setup.gemini.answer_with(|_| Reply::say(ANSWER));
    let person = town.world().person("Оля");
    let chats: Vec<_> = (0..12).map(|number| town.world().supergroup(&format!("Друзі {number}"), &[person])).collect();
    for _ in 0..10 {
        for chat in &chats {
            town.world().say(*chat, person, "Гряг, ти тут?");
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    town.settle(Duration::from_secs(120)).await;
    let mut times: Vec<Timestamp> = town.setup.gemini.requests().iter().map(|request| request.at).collect();
    times.sort();
    let busiest = times
        .iter()
        .map(|start| times.iter().filter(|at| **at >= *start && at.0 < start.0 + 60_000).count())
        .max()
        .unwrap_or_default();
    assert!(busiest <= RPM, "{busiest} requests in a minute");
    for replica in &town.replicas {
        let turns = crate::harness::metric(replica, "gryag_turn_duration_seconds_count", &[]);
        assert!(turns > 0.0, "both replicas have wanted to ask");
    }
    // Of a small rate one call is the burst: five of six come back each minute.
    assert!(times.len() >= 24, "only {} of 30 allowed calls were made", times.len());
    town.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn every_call_stands_in_the_ledger_with_what_it_cost() {
    let (bot, chat, person) = bot_and_chat().await;
    bot.gemini().fail_next(GeminiFault::Overloaded);
    bot.gemini().fail_next(GeminiFault::Cut);
    ask(&bot, chat, person).await;
    bot.gemini().fail_next(answer(Reply::blocked("SAFETY")));
    ask(&bot, chat, person).await;
    bot.gemini().fail_next(answer(Reply::spent_on_thinking()));
    ask(&bot, chat, person).await;
    let calls = model_calls(bot.setup.data.path());
    let outcomes: Vec<&str> = calls.iter().map(|call| call.outcome.as_str()).collect();
    assert_eq!(outcomes, ["overloaded", "transport", "answered", "blocked", "spent_on_thinking", "answered"]);
    assert!(calls.iter().all(|call| call.model == FIRST));
    assert_eq!((calls[0].prompt, calls[0].answer), (0, 0), "errors are not billed");
    assert!(calls[2].prompt > 0 && calls[2].answer > 0);
    assert!(calls[3].prompt > 0 && calls[3].answer == 0, "a refused prompt is paid");
    assert!(calls[4].thoughts > 0, "so is thinking without words");
    let by_label = |kind: &str| bot.metric("gryag_gemini_tokens_total", &[&format!("kind=\"{kind}\"")]);
    let total: u32 = calls.iter().map(|call| call.prompt).sum();
    assert_eq!(by_label("prompt"), f64::from(total), "the metric and the ledger agree");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_the_answer_is_stored_never_pays_the_model_twice() {
    let mut town = Town::start(Setup::new(), 1).await;
    town.setup.gemini.answer_with(|_| Reply::say(ANSWER));
    let person = town.world().person("Оля");
    let chat = town.world().supergroup("Друзі", &[person]);
    town.world().fail_always("sendMessage", Fault::Refused);
    let question = town.world().say(chat, person, "Гряг, ти тут?");
    let tried = || async { !town.world().calls("sendMessage").is_empty() };
    town.wait("the first try to send", Duration::from_secs(30), tried).await;
    town.crash(0).await;
    town.world().heal();
    town.start_replica().await;
    town.settle(Duration::from_secs(90)).await;
    assert_eq!(heard(town.world(), question), Heard::words(ANSWER));
    assert_eq!(town.setup.gemini.requests().len(), 1, "the stored answer was sent");
    assert_eq!(outages::outbox(town.store()).await, outages::states(&[("sent", 1)]));
    town.finish_with_errors().await;
}

/// Of the plan's old promises.
#[tokio::test(start_paused = true)]
async fn of_a_hundred_at_once_with_one_in_twenty_refused_95_are_answered_and_none_twice() {
    let bot = Setup::new().set("TELEGRAM_RATE_GLOBAL_PER_SECOND", "0").start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    bot.gemini().fail_by_chance(0.05, GeminiFault::Overloaded);
    let person = bot.world().person("Оля");
    let chats: Vec<_> = (0..100).map(|number| bot.world().supergroup(&format!("Друзі {number}"), &[person])).collect();
    let questions: Vec<_> = chats.iter().map(|chat| bot.world().say(*chat, person, "Гряг, ти тут?")).collect();
    bot.settle().await;
    let answered = questions.iter().filter(|question| heard(bot.world(), **question) == Heard::words(ANSWER)).count();
    assert!(answered >= 95, "{answered} of 100");
    assert!(questions.iter().all(|question| bot.world().answers_to(*question).len() <= 1), "none twice");
    assert_eq!(bot.metric("gryag_addressed_total", &["answered"]), answered as f64);
    bot.finish_with_errors().await;
}

//! One send and what becomes of it: what can be sent again is, what may have been delivered is not, and an answer in
//! several parts goes on where it stopped.

use std::time::Duration;

use gryag::{
    domain::{AddressedOutcome, Entity, EntityKind, ReplyTarget, RichText},
    sandbox::{gemini::Reply, telegram::Fault},
    storage::{MemoryStore as _, OutboxStore as _},
};

use crate::{
    harness::{Setup, TestBot},
    outages::{
        ANSWER, Heard, MINUTE, Town, acknowledged_after, bot_and_chat, heard, long_answer, now, outbox, sends_to,
        states, words,
    },
};

/// How a question ends whose answer meets a fault once.
struct End {
    /// The outbox's state.
    state: &'static str,
    /// Calls of sendMessage for it.
    calls: usize,
    outcome: AddressedOutcome,
}

const SENT: End = End { state: "sent", calls: 2, outcome: AddressedOutcome::Answered };
const LATE: End = End { state: "sent", calls: 2, outcome: AddressedOutcome::Late };
const REFUSED: End = End { state: "refused", calls: 1, outcome: AddressedOutcome::Refused };
const UNKNOWN: End = End { state: "unknown", calls: 1, outcome: AddressedOutcome::Unknown };

async fn one_fault(fault: Fault, end: &End) {
    let (bot, chat, person) = bot_and_chat().await;
    bot.world().fail_next("sendMessage", fault.clone());
    let asked = now(bot.world());
    let question = bot.say(chat, person, "Гряг, ти тут?").await;
    assert!(acknowledged_after(bot.world(), question, asked) < Duration::from_millis(100), "{fault:?}");
    assert_eq!(outbox(&bot.app.store).await, states(&[(end.state, 1)]), "{fault:?}");
    tokio::time::sleep(MINUTE / 2).await;
    assert_eq!(sends_to(bot.world(), chat), end.calls, "{fault:?}");
    let arrived = usize::from(end.state == "sent" || fault == Fault::AcceptThenCut);
    assert_eq!(bot.world().sent_to(chat).len(), arrived, "{fault:?}: arrived at most once");
    let outcome = format!("outcome=\"{}\"", end.outcome.as_str());
    assert_eq!(bot.metric("gryag_addressed_total", &[&outcome]), 1.0, "{fault:?}: {outcome}");
    assert_eq!(bot.metric("gryag_addressed_total", &[]), 1.0, "{fault:?}: counted once");
    assert_eq!(bot.metric("gryag_sends_total", &[&format!("\"{}\"", end.state)]), 1.0, "{fault:?}");

    // Its lane goes on, if the chat is one that can be spoken to.
    let next = bot.say(chat, person, "Гряг, а тепер?").await;
    assert_eq!(heard(bot.world(), next), Heard::words(ANSWER), "{fault:?}");
    assert_eq!(bot.gemini().requests().len(), 2, "{fault:?}: one call of the model a question");
    bot.finish_with_errors().await;
}

fn bad_request(words: &str) -> Fault {
    Fault::status(400, &format!("Bad Request: {words}"))
}

#[tokio::test(start_paused = true)]
async fn what_telegram_did_not_take_is_sent_again_until_it_does() {
    for fault in [
        Fault::Refused,
        Fault::RetryAfter(7),
        Fault::status(500, "Internal Server Error"),
        Fault::status(502, "Bad Gateway"),
        Fault::status(503, "Service Unavailable"),
        Fault::status(504, "Gateway Timeout"),
        bad_request("message to be replied not found"),
    ] {
        one_fault(fault, &SENT).await;
    }
    // A wrong token is a person's to mend; it is tried each minute meanwhile.
    for fault in [Fault::status(401, "Unauthorized"), Fault::status(404, "Not Found")] {
        one_fault(fault, &LATE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_telegram_refuses_for_good_is_not_sent_again() {
    for words in [
        "message is too long",
        "text is too long",
        "message text is empty",
        "can't parse entities: Can't find end of the entity starting at byte offset 3",
        "TOPIC_CLOSED",
        "message is not modified",
        "something new of 2027",
        "chat not found",
        "not enough rights to send text messages to the chat",
        "CHAT_WRITE_FORBIDDEN",
    ] {
        one_fault(bad_request(words), &REFUSED).await;
    }
    for words in [
        "bot was blocked by the user",
        "user is deactivated",
        "bot was kicked from the group chat",
        "bot was kicked from the supergroup chat",
        "bot is not a member of the supergroup chat",
        "the group chat was deleted",
        "bot can't initiate conversation with a user",
    ] {
        one_fault(Fault::status(403, &format!("Forbidden: {words}")), &REFUSED).await;
    }
    one_fault(Fault::status(413, "Request Entity Too Large"), &REFUSED).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_delivered_is_unknown_and_never_sent_again() {
    for fault in [Fault::HangThenClose, Fault::CutBefore, Fault::AcceptThenCut, Fault::Html502, Fault::Garbage] {
        one_fault(fault, &UNKNOWN).await;
    }
}

#[tokio::test(start_paused = true)]
async fn refused_formatting_is_sent_as_plain_text() {
    let (bot, chat, _) = bot_and_chat().await;
    bot.world().fail_next("sendMessage", bad_request("can't parse entities: Unsupported start tag \"x\""));
    let text = RichText {
        text: "дуже важливо".to_owned(),
        entities: vec![Entity { kind: EntityKind::Bold, offset: 0, length: 4 }],
    };
    let target = ReplyTarget { topic: None, message_id: None };
    bot.app.store.say(words(chat, text, target, &bot), now(bot.world())).await.expect("queued");
    bot.settle().await;
    let sent = bot.world().sent_to(chat);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].text.as_str(), sent[0].entities.len()), ("дуже важливо", 0));
    assert_eq!(bot.world().calls("sendMessage").len(), 2);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_survives_its_reply_and_its_topic() {
    let bot = TestBot::start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let person = bot.world().person("Оля");
    let forum = bot.world().forum("Форум", &[person]);
    let topic = bot.world().topic(forum, "Котики");

    bot.world().fail_next("sendMessage", bad_request("message to be replied not found"));
    bot.world().say_in(forum, topic, person, "Гряг, ти тут?");
    bot.settle().await;
    let sent = bot.world().sent_to(forum);
    assert_eq!((sent[0].reply_to, sent[0].topic), (None, Some(topic)), "the topic is still there");

    bot.world().fail_next("sendMessage", bad_request("message thread not found"));
    let question = bot.world().say_in(forum, topic, person, "Гряг, а тепер?");
    bot.settle().await;
    let sent = bot.world().sent_to(forum);
    assert_eq!((sent[1].reply_to, sent[1].topic), (Some(question.id), None), "the message is still there");
    assert_eq!(bot.metric("gryag_addressed_total", &["answered"]), 2.0);

    // Really gone: Telegram itself sends without the reply.
    bot.gemini().set_latency(Duration::from_secs(2));
    let deleted = bot.world().say_in(forum, topic, person, "Гряг, а це?");
    bot.wait("the bot thinks", || async { bot.world().pending_updates() == 0 }).await;
    bot.world().delete(deleted);
    bot.settle().await;
    assert_eq!(bot.world().sent_to(forum)[2].reply_to, None);
    bot.also_addressed(1); // the world has forgotten the deleted message
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_telegram_asks_for_is_kept_for_its_chat_alone() {
    let (bot, chat, person) = bot_and_chat().await;
    let (other, people) = bot.group(&["Ігор"]);
    bot.world().fail_next("sendMessage", Fault::RetryAfter(7));
    let question = bot.world().say(chat, person, "Гряг, ти тут?");
    bot.wait("the refusal", || async { !bot.world().calls("sendMessage").is_empty() }).await;
    let refused_at = bot.world().calls("sendMessage")[0].at;
    let elsewhere = bot.world().say(other, people[0], "Гряг, а тут?");
    let answered = || async { !bot.world().answers_to(elsewhere).is_empty() };
    bot.wait("the other chat's answer", answered).await;
    assert!(now(bot.world()).since(refused_at) < Duration::from_secs(1), "others are not paused");
    bot.settle().await;
    let pause = bot.world().answers_to(question)[0].at.since(refused_at);
    assert!((7_000..8_500).contains(&pause.as_millis()), "sent again after {pause:?}");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_telegram_asks_for_outlives_a_restart() {
    let mut town = Town::start(Setup::new(), 1).await;
    town.setup.gemini.answer_with(|_| Reply::say(ANSWER));
    let person = town.world().person("Оля");
    let chat = town.world().supergroup("Друзі", &[person]);
    town.world().fail_next("sendMessage", Fault::RetryAfter(120));
    let question = town.world().say(chat, person, "Гряг, ти тут?");
    let asked = || async { !town.world().calls("sendMessage").is_empty() };
    town.wait("the refusal", MINUTE, asked).await;
    let refused_at = town.world().calls("sendMessage")[0].at;
    town.crash(0).await;
    town.start_replica().await;
    town.settle(5 * MINUTE).await;
    let pause = town.world().answers_to(question)[0].at.since(refused_at);
    assert!((120..125).contains(&pause.as_secs()), "sent again after {pause:?}");
    assert_eq!(town.setup.gemini.requests().len(), 1);
    town.finish_with_errors().await;
}

/// `retry_after` does not fit 16 bits in real life; what would come too late anyway expires.
#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_an_answer_lives_ends_in_expired() {
    let (bot, chat, person) = bot_and_chat().await;
    bot.world().fail_next("sendMessage", Fault::RetryAfter(70_000));
    let question = bot.world().say(chat, person, "Гряг, ти тут?");
    bot.wait("the refusal", || async { !bot.world().calls("sendMessage").is_empty() }).await;
    tokio::time::sleep(11 * MINUTE).await;
    assert_eq!(outbox(&bot.app.store).await, states(&[("expired", 1), ("sent", 1)]), "the answer, and the alarm of it");
    assert_eq!(heard(bot.world(), question), Heard::Silence);
    assert_eq!(sends_to(bot.world(), chat), 1, "nobody knocks meanwhile");
    assert_eq!(bot.metric("gryag_addressed_total", &["expired"]), 1.0, "and the lane is free");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_split_answer_goes_on_where_it_was_refused() {
    let (bot, chat, person) = bot_and_chat().await;
    bot.gemini().answer_with(|_| Reply::say(long_answer()));
    for fault in [Fault::RetryAfter(3), Fault::Refused, Fault::status(500, "Internal Server Error")] {
        bot.world().clear_journal();
        bot.world().fail_next("sendMessage", Fault::Slow(Duration::ZERO));
        bot.world().fail_next("sendMessage", fault.clone());
        bot.say(chat, person, "Гряг, розкажи довго").await;
        let sent = bot.world().sent_to(chat);
        assert!(sent.len() >= 3, "{} parts", sent.len());
        assert_eq!(bot.world().calls("sendMessage").len(), sent.len() + 1, "{fault:?}: only the refused part again");
        let heard: String = sent.iter().flat_map(|part| part.text.split_whitespace()).collect();
        let said: String = long_answer().split_whitespace().collect();
        assert_eq!(heard, said, "{fault:?}: whole and in order");
        tokio::time::sleep(MINUTE).await;
    }
    assert_eq!(bot.metric("gryag_addressed_total", &["answered"]), 3.0);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_doubtful_part_makes_the_whole_answer_unknown_and_is_not_repeated() {
    let (bot, chat, person) = bot_and_chat().await;
    bot.gemini().answer_with(|_| Reply::say(long_answer()));
    bot.world().fail_next("sendMessage", Fault::AcceptThenCut);
    bot.say(chat, person, "Гряг, розкажи довго").await;
    let parts = bot.world().sent_to(chat).len();
    assert_eq!(bot.world().calls("sendMessage").len(), parts);
    assert_eq!(bot.metric("gryag_addressed_total", &["unknown"]), 1.0);
    assert_eq!(bot.metric("gryag_sends_total", &["\"unknown\""]), 1.0);
    assert_eq!(bot.metric("gryag_sends_total", &["\"sent\""]), parts as f64 - 1.0);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_of_a_send_is_unknown_and_counted_once() {
    let mut town = Town::start(Setup::new(), 1).await;
    let person = town.world().person("Оля");
    let chat = town.world().supergroup("Друзі", &[person]);
    town.world().fail_next("sendMessage", Fault::Slow(Duration::from_secs(10)));
    let question = town.world().say(chat, person, "Гряг, ти тут?");
    let arrived = || async { !town.world().answers_to(question).is_empty() };
    town.wait("the answer arrives, its acknowledgement does not", MINUTE, arrived).await;
    town.crash(0).await;
    town.start_replica().await;
    town.settle(3 * MINUTE).await;
    assert_eq!(town.world().answers_to(question).len(), 1, "never twice");
    assert_eq!(outbox(town.store()).await, states(&[("unknown", 1)]));
    assert_eq!(town.metric("gryag_addressed_total", &["unknown"]), 1.0);
    town.finish_with_errors().await;
}

/// A second signal ends the process at once, whatever Telegram does.
#[tokio::test(start_paused = true)]
async fn a_hanging_send_does_not_hold_up_a_hard_stop() {
    let mut town = Town::start(Setup::new(), 1).await;
    let person = town.world().person("Оля");
    let chat = town.world().supergroup("Друзі", &[person]);
    town.world().fail_next("sendMessage", Fault::HangThenClose);
    town.world().say(chat, person, "Гряг, ти тут?");
    let sending = || async { outbox(town.store()).await == states(&[("sending", 1)]) };
    town.wait("the send", MINUTE, sending).await;
    let before = now(town.world());
    let stopped = tokio::time::timeout(MINUTE, town.crash(0)).await;
    assert!(stopped.is_ok(), "every task has ended");
    assert!(now(town.world()).since(before) < Duration::from_secs(1));
    town.start_replica().await;
    town.settle(3 * MINUTE).await;
    town.finish_with_errors().await;
}

/// Its own store takes nothing for half a minute, so the other replica gives the call up; it had arrived.
#[tokio::test(start_paused = true)]
async fn a_message_whose_arrival_is_recorded_too_late_is_remembered_and_counted_once() {
    let (mut bot, chat, person) = bot_and_chat().await;
    bot.world().fail_next("sendMessage", Fault::Slow(Duration::from_secs(5)));
    bot.world().say(chat, person, "Гряг, ти тут?");
    bot.wait("it is on its way", || async { !bot.world().sent_to(chat).is_empty() }).await;
    bot.life.freeze(true);
    bot.add_replica().await;
    let doubted = || async { bot.metric("gryag_sends_total", &["outcome=\"unknown\""]) == 1.0 };
    bot.wait("the other replica gives it up", doubted).await;
    assert_eq!(outbox(&bot.app.store).await, states(&[("unknown", 1)]));
    bot.life.freeze(false);
    let arrived = || async { outbox(&bot.app.store).await == states(&[("sent", 1)]) };
    bot.wait("its arrival is recorded", arrived).await;

    let sent = bot.world().sent_to(chat).remove(0);
    let remembered = bot.app.store.message(chat, sent.message.id).await.expect("the memory");
    assert_eq!(remembered.map(|message| message.text).as_deref(), Some(ANSWER));
    assert_eq!(bot.outcomes(), "unknown 1");
    assert_eq!(bot.metric("gryag_sends_total", &[]), 1.0);
    bot.say(chat, person, "Гряг, а тепер?").await;
    assert_eq!(bot.world().sent_to(chat).len(), 2, "nothing is sent again");
    bot.finish_with_errors().await;
}

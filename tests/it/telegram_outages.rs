//! Telegram fails in every way that its fact sheet knows: what can be sent again is, what may have been delivered is
//! not, a dead chat is let go, and nobody else notices.

use std::time::Duration;

use gryag::{
    app::{App, AppError, Outside},
    config::Config,
    domain::{
        AddressedOutcome, Chat, ChatId, ChatKind, Entity, EntityKind, OutgoingKind, ReplyTarget, RequestId, RichText,
        UserId,
    },
    sandbox::{
        gemini::Reply,
        telegram::{Fault, MessageRef},
    },
    shutdown::Shutdown,
    storage::{InboxStore as _, NewOutgoing, OutboxStore as _, SharedStore as _},
    telegram::TelegramError,
};
use serde_json::json;

use crate::{
    harness::{Setup, TestBot},
    outages::{Heard, Town, acknowledged_after, heard, now, outbox, states},
};

const ANSWER: &str = "Усе гаразд, чую тебе.";
const MINUTE: Duration = Duration::from_secs(60);

/// A bot whose model says [`ANSWER`], a group, its one member.
async fn bot_and_chat() -> (TestBot, ChatId, UserId) {
    let bot = Setup::new().set("GEMINI_MAX_OUTPUT_TOKENS", "8192").start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let (chat, people) = bot.group(&["Оля"]);
    (bot, chat, people[0])
}

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
    assert_eq!(bot.world().calls("sendMessage").len(), end.calls, "{fault:?}");
    let arrived = usize::from(end.state == "sent" || fault == Fault::AcceptThenCut);
    assert_eq!(bot.world().sent().len(), arrived, "{fault:?}: arrived at most once");
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

/// Something to say that no turn has said.
fn words(chat: ChatId, text: RichText, target: ReplyTarget, bot: &TestBot) -> NewOutgoing {
    let chat = Chat { id: chat, kind: ChatKind::Group, title: None };
    let (expires_at, request_id) = (now(bot.world()) + 10 * MINUTE, RequestId("r".to_owned()));
    NewOutgoing { target, ..NewOutgoing::new(OutgoingKind::Notice, chat, vec![text], expires_at, request_id) }
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
    assert_eq!(outbox(&bot.app.store).await, states(&[("expired", 1)]));
    assert_eq!(heard(bot.world(), question), Heard::Silence);
    assert_eq!(bot.world().calls("sendMessage").len(), 1, "nobody knocks meanwhile");
    assert_eq!(bot.metric("gryag_addressed_total", &["expired"]), 1.0, "and the lane is free");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn answers_follow_a_group_to_its_new_id() {
    let (bot, new, person) = bot_and_chat().await;
    let old = bot.world().group("Друзі", &[person]);
    bot.gemini().answer_with(|_| Reply::say(long_answer()));
    // Telegram tells of the move by its refusal, before any update does.
    bot.world().fail_next(
        "sendMessage",
        Fault::Status {
            code: 400,
            description: "Bad Request: group chat was upgraded to a supergroup chat".to_owned(),
            parameters: Some(json!({"migrate_to_chat_id": new.0})),
        },
    );
    bot.say(old, person, "Гряг, ти тут?").await;
    let sent = bot.world().sent_to(new);
    assert!(sent.len() >= 2, "every part of the answer arrived, not {}", sent.len());
    assert_eq!(sent[0].reply_to, None, "the old message's number means another message there");
    assert_eq!(bot.world().calls("sendMessage").len(), sent.len() + 1, "told once");
    assert_eq!(bot.metric("gryag_addressed_total", &["answered"]), 1.0);

    // What is queued for the old id later goes to the new one without asking.
    let text = RichText::plain("а от і я");
    let target = ReplyTarget { topic: None, message_id: None };
    bot.app.store.say(words(old, text, target, &bot), now(bot.world())).await.expect("queued");
    bot.settle().await;
    assert_eq!(bot.world().sent_to(new).len(), sent.len() + 1);
    assert_eq!(bot.world().calls("sendMessage").len(), sent.len() + 2);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_under_way_during_a_migration_arrives() {
    let (bot, _, person) = bot_and_chat().await;
    bot.gemini().set_latency(Duration::from_secs(2));
    let old = bot.world().group("Друзі", &[person]);
    bot.world().say(old, person, "Гряг, ти тут?");
    bot.wait("the bot thinks", || async { bot.world().pending_updates() == 0 }).await;
    let new = bot.world().migrate(old);
    bot.settle().await;
    assert_eq!(bot.world().sent_to(new).len(), 1);
    let question = bot.say(new, person, "Гряг, ти переїхав?").await;
    assert_eq!(heard(bot.world(), question), Heard::words(ANSWER));
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_after_a_migration_does_not_reply_to_a_stranger() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let old = bot.world().group("Друзі", &[person]);
    bot.say(old, person, "привіт").await;
    let question = bot.say(old, person, "Гряг, ти тут?").await;
    let new = bot.world().migrate(old);
    // Some message of the new group has the old message's number.
    for _ in 0..5 {
        bot.world().say(new, person, "привіт усім");
    }
    bot.settle().await;
    let target = ReplyTarget { topic: None, message_id: Some(question.id) };
    let text = RichText::plain("а от і я");
    bot.app.store.say(words(old, text, target, &bot), now(bot.world())).await.expect("queued");
    bot.settle().await;
    assert_eq!(bot.world().sent_to(new)[0].reply_to, None);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_chat_is_let_go_until_it_speaks_again() {
    let (bot, chat, person) = bot_and_chat().await;
    let (other, people) = bot.group(&["Ігор"]);
    bot.gemini().set_latency(Duration::from_secs(2));
    let question = bot.world().say(chat, person, "Гряг, ти тут?");
    bot.wait("the bot thinks", || async { bot.world().pending_updates() == 0 }).await;
    bot.world().kick_bot(chat);
    bot.settle().await;
    assert_eq!(heard(bot.world(), question), Heard::Silence);
    let calls = bot.world().calls("sendMessage").len();

    let target = ReplyTarget { topic: None, message_id: None };
    let notice = words(chat, RichText::plain("нагадую"), target, &bot);
    bot.app.store.say(notice, now(bot.world())).await.expect("queued");
    bot.settle().await;
    assert_eq!(bot.world().calls("sendMessage").len(), calls, "nothing is sent to a dead chat");
    let elsewhere = bot.say(other, people[0], "Гряг, а тут?").await;
    assert_eq!(heard(bot.world(), elsewhere), Heard::words(ANSWER), "other chats live");

    bot.world().add_bot(chat);
    let back = bot.say(chat, person, "Гряг, з поверненням!").await;
    assert_eq!(heard(bot.world(), back), Heard::words(ANSWER));
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_blocked_private_chat_comes_back_too() {
    let bot = TestBot::start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let person = bot.world().person("Оля");
    let chat = bot.world().private(person);
    bot.gemini().set_latency(Duration::from_secs(2));
    bot.world().say(chat, person, "ти тут?");
    bot.wait("the bot thinks", || async { bot.world().pending_updates() == 0 }).await;
    bot.world().block(person);
    bot.settle().await;
    assert_eq!(outbox(&bot.app.store).await, states(&[("refused", 1)]));
    bot.world().unblock(person);
    bot.say(chat, person, "я знову тут").await;
    assert_eq!(bot.world().sent_to(chat).len(), 1);
    bot.finish_with_errors().await;
}

/// Three parts of 4096.
fn long_answer() -> String {
    (0..1500).map(|number| format!("слово{number} ")).collect()
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

#[tokio::test(start_paused = true)]
async fn an_hour_without_telegram_keeps_everything_small_and_the_fresh_answers() {
    let bot = TestBot::start().await;
    bot.gemini().answer_with(|_| Reply::say(ANSWER));
    let chats: Vec<_> = (0..5).map(|number| bot.group(&[&format!("Оля {number}")])).collect();
    bot.world().fail_always("*", Fault::Refused);
    let mut questions: Vec<MessageRef> = Vec::new();
    for _ in 0..12 {
        for (chat, people) in &chats {
            questions.push(bot.world().say(*chat, people[0], "Гряг, ти тут?"));
        }
        tokio::time::sleep(5 * MINUTE).await;
        let depth = bot.app.store.outbox_depth().await.expect("the outbox");
        let waiting: u64 = depth.by_state.iter().map(|(_, rows)| rows).sum();
        assert!(waiting <= 5, "one unsent answer a lane, not {waiting}");
        assert!(bot.app.errors.last().len() <= 100);
        assert!(bot.app.store.kept_errors().await.expect("the errors").len() <= 100);
    }
    let calls = bot.world().calls("sendMessage").len();
    assert!(calls < 5 * 60 * 3, "{calls} knocks in an hour: backoff has a cap and a floor");

    bot.world().heal();
    bot.settle().await;
    let answered: Vec<usize> =
        (0..questions.len()).filter(|at| !bot.world().answers_to(questions[*at]).is_empty()).collect();
    let oldest = answered.first().copied().expect("the fresh ones are answered") / 5;
    assert!(oldest >= 9, "questions of the last ten minutes are answered, not of minute {}", oldest * 5);
    let newest: Vec<usize> = (55..60).collect();
    assert!(answered.ends_with(&newest), "every chat's last question is answered: {answered:?}");
    assert!(bot.metric("gryag_addressed_total", &["expired"]) > 0.0);
    assert_eq!(bot.metric("gryag_addressed_total", &[]), 60.0, "each counted once");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_typing_sign_changes_nothing() {
    for fault in [
        Fault::status(403, "Forbidden: bot was kicked from the supergroup chat"),
        Fault::RetryAfter(30),
        Fault::HangThenClose,
        Fault::Garbage,
        Fault::Refused,
    ] {
        let (bot, chat, person) = bot_and_chat().await;
        bot.gemini().set_latency(Duration::from_secs(6));
        bot.world().fail_always("sendChatAction", fault.clone());
        let question = bot.say(chat, person, "Гряг, ти тут?").await;
        assert!(!bot.world().calls("sendChatAction").is_empty() || fault == Fault::HangThenClose);
        assert_eq!(heard(bot.world(), question), Heard::words(ANSWER), "{fault:?}");
        bot.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn updates_wait_for_a_bot_that_cannot_ask_who_it_is() {
    let mut town = Town::asleep(Setup::new());
    town.setup.gemini.answer_with(|_| Reply::say(ANSWER));
    town.world().fail_always("*", Fault::Refused);
    town.start_replica().await;
    tokio::time::sleep(5 * MINUTE).await;
    assert!(!town.replicas[0].awake.is_cancelled(), "it does not know its name yet");
    let tries = town.world().calls("getMe").len();
    assert!((5..15).contains(&tries), "{tries} tries in five minutes");
    town.world().heal();
    town.open().await;
    let person = town.world().person("Оля");
    let chat = town.world().supergroup("Друзі", &[person]);
    let question = town.world().say(chat, person, "Гряг, ти тут?");
    town.settle(2 * MINUTE).await;
    assert_eq!(heard(town.world(), question), Heard::words(ANSWER));
    town.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_was_told_its_name_once_works_without_get_me() {
    for fault in [Fault::Refused, Fault::HangThenClose, Fault::Html502, Fault::RetryAfter(3600), Fault::Garbage] {
        let mut town = Town::start(Setup::new(), 1).await;
        town.setup.gemini.answer_with(|_| Reply::say(ANSWER));
        let person = town.world().person("Оля");
        let chat = town.world().supergroup("Друзі", &[person]);
        town.stop(0).await;
        town.world().fail_always("getMe", fault.clone());
        town.start_replica().await;
        let question = town.world().say(chat, person, "Гряг, ти тут?");
        town.settle(2 * MINUTE).await;
        assert_eq!(heard(town.world(), question), Heard::words(ANSWER), "{fault:?}");
        town.finish_with_errors().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_telegram_does_not_know_stops_the_bot_with_a_clear_error() {
    let setup = Setup::new();
    for token in ["7000000001:AAstrangerAAstrangerAAstrangerAAstr", "7000000001:of-no-known-form"] {
        let data = tempfile::tempdir().expect("a directory");
        let path = data.path().to_string_lossy().into_owned();
        let config = Config::for_tests_with(&[
            ("TELEGRAM_BOT_TOKEN", token),
            ("GEMINI_API_KEY", "AQ.key"),
            ("BOT_DATA_DIR", &path),
            ("TELEGRAM_API_URL", "http://telegram.test"),
            ("BOT_MIN_FREE_DISK_MB", "0"),
        ]);
        let options = setup.world.options();
        let outside = Outside {
            telegram: setup.world.transport(),
            gemini: setup.gemini.transport(),
            clock: options.clock.clone(),
            random: options.random.clone(),
            commit_fault: None,
        };
        let app = App::start(&config, outside, Shutdown::new()).await.expect("the store opens");
        let within = tokio::time::timeout(MINUTE, app.shutdown.soft.cancelled()).await;
        assert!(within.is_ok(), "it stops by itself");
        let error = app.stop(Duration::ZERO, MINUTE).await.expect_err("with failure");
        assert!(matches!(error, AppError::Telegram(TelegramError::Unauthorized { .. })), "{error:?}");
        assert!(error.to_string().contains("check TELEGRAM_BOT_TOKEN"), "{error}");
        assert!(!error.to_string().contains(token), "{error}");
    }
}

/// 401 while it runs is a person's to mend, without a restart.
#[tokio::test(start_paused = true)]
async fn a_token_that_is_revoked_and_restored_needs_no_restart() {
    let (bot, chat, person) = bot_and_chat().await;
    bot.world().fail_always(
        "*",
        Fault::Status { code: 401, description: "Unauthorized".to_owned(), parameters: Some(json!({})) },
    );
    let question = bot.world().say(chat, person, "Гряг, ти тут?");
    tokio::time::sleep(3 * MINUTE).await;
    bot.world().heal();
    bot.settle().await;
    assert_eq!(heard(bot.world(), question), Heard::words(ANSWER));
    assert_eq!(bot.app.store.inbox_depth().await.expect("the inbox").dead, 0);
    bot.finish_with_errors().await;
}

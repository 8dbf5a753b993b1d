//! Telegram changes or is away: groups that move, chats that die, an hour without it, a name or a token that it does not
//! tell or know. Nobody else notices.

use std::time::Duration;

use gryag::{
    app::{App, AppError, Outside},
    config::Config,
    domain::{ReplyTarget, RichText},
    sandbox::{
        gemini::Reply,
        telegram::{Fault, MessageRef},
    },
    shutdown::Shutdown,
    storage::{InboxStore as _, OutboxStore as _, SharedStore as _},
    telegram::TelegramError,
};
use serde_json::json;

use crate::{
    harness::{Setup, TestBot},
    outages::{ANSWER, Heard, MINUTE, Town, bot_and_chat, heard, long_answer, now, outbox, states, words},
};

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
        assert!(waiting <= 5 + 1, "one unsent answer a lane and one alarm, not {waiting}");
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
            elsewhere: setup.gemini.transport(),
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

//! What the bot does beside speaking: reactions, edits, buttons.

use std::time::Duration;

use gryag::{
    domain::{Button, Chat, ChatId, ChatKind, MessageId, OutgoingKind, RequestId, RichText},
    sandbox::telegram::{CallOutcome, Fault, MessageRef},
    storage::{MemoryStore as _, NewOutgoing, OutboxStore as _},
    telegram::ALLOWED_REACTIONS,
};
use serde_json::json;

use crate::{harness::TestBot, outages::now};

fn group(id: ChatId) -> Chat {
    Chat { id, kind: ChatKind::Group, title: None }
}

async fn queue(bot: &TestBot, outgoing: NewOutgoing) {
    bot.app.store.say(outgoing, now(bot.world())).await.expect("queued");
    bot.settle().await;
}

async fn react(bot: &TestBot, to: MessageRef, emoji: &str) {
    let expires_at = now(bot.world()) + Duration::from_secs(600);
    queue(bot, NewOutgoing::reaction(group(to.chat), to.id, emoji, expires_at, RequestId("r".to_owned()))).await;
}

async fn edit(bot: &TestBot, of: MessageRef, text: &str) {
    let (expires_at, request_id) = (now(bot.world()) + Duration::from_secs(600), RequestId("r".to_owned()));
    let buttons = vec![vec![Button { text: "Далі".to_owned(), data: "next".to_owned() }]];
    let edit = NewOutgoing::edit(group(of.chat), of.id, RichText::plain(text), buttons, expires_at, request_id);
    queue(bot, edit).await;
}

/// A message of the bot with a button; no notice, for those are not remembered.
async fn own_message(bot: &TestBot, chat: ChatId) -> MessageRef {
    let expires_at = now(bot.world()) + Duration::from_secs(600);
    let parts = vec![RichText::plain("Оберіть")];
    let says = NewOutgoing::new(OutgoingKind::Answer, group(chat), parts, expires_at, RequestId("r".to_owned()));
    let buttons = vec![vec![Button { text: "Так".to_owned(), data: "yes".to_owned() }]];
    queue(bot, NewOutgoing { buttons, ..says }).await;
    bot.world().sent_to(chat).last().expect("its message").message
}

#[tokio::test(start_paused = true)]
async fn a_reaction_is_set_and_taken_away() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let message = bot.say(chat, people[0], "я здала!").await;
    react(&bot, message, "🎉").await;
    assert_eq!(bot.reactions(message), ["🎉"]);
    react(&bot, message, "").await;
    assert!(bot.reactions(message).is_empty());
    assert!(bot.world().sent().is_empty(), "a reaction is no message");
    bot.finish().await;
}

/// B11: a quarter of the old bot's reactions were none of Telegram's, and nobody learned of it.
#[tokio::test(start_paused = true)]
async fn b11_every_reaction_of_our_list_is_taken_and_what_is_not_in_it_is_refused_and_counted() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let message = bot.say(chat, people[0], "я здала!").await;
    for emoji in ALLOWED_REACTIONS {
        assert_eq!(emoji.replace('\u{fffd}', ""), **emoji, "no broken bytes");
    }
    for emoji in ["😂", "❤\u{fe0f}", "🧐", "🤦", "\u{fffd}"] {
        assert!(!ALLOWED_REACTIONS.contains(&emoji));
        react(&bot, message, emoji).await;
    }
    assert!(bot.reactions(message).is_empty());
    assert_eq!(bot.metric("gryag_sends_total", &["outcome=\"refused\""]), 5.0);
    react(&bot, message, "❤").await;
    assert_eq!(bot.reactions(message), ["❤"], "the chat is not taken for dead");
    // No error was met: nobody need act where a chat does not allow a reaction.
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_reaction_that_a_chat_forbids_does_not_silence_the_bot_there() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let message = bot.say(chat, people[0], "я здала!").await;
    let forbidden = Fault::status(400, "Bad Request: not enough rights to set reactions in the chat");
    bot.world().fail_next("setMessageReaction", forbidden);
    react(&bot, message, "🎉").await;
    let question = bot.say(chat, people[0], "Гряг, ти чув?").await;
    assert_eq!(bot.world().answers_to(question).len(), 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_changes_text_and_buttons_and_what_is_remembered() {
    let bot = TestBot::start().await;
    let (chat, _) = bot.group(&["Оля"]);
    let message = own_message(&bot, chat).await;
    edit(&bot, message, "Обрано").await;
    let view = bot.world().message(message).expect("the message");
    assert_eq!(view.json["text"], "Обрано");
    let keyboard = json!([[{"text": "Далі", "callback_data": "next"}]]);
    assert_eq!(view.json["reply_markup"]["inline_keyboard"], keyboard);
    let remembered = bot.app.store.message(chat, message.id).await.expect("read").expect("remembered");
    assert_eq!(remembered.text, "Обрано");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_done_again_when_its_outcome_is_not_known() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let (theirs, own) = (bot.say(chat, people[0], "я здала!").await, own_message(&bot, chat).await);
    for fault in [Fault::AcceptThenCut, Fault::CutBefore, Fault::HangThenClose, Fault::Html502] {
        bot.world().fail_next("setMessageReaction", fault.clone());
        react(&bot, theirs, "👏").await;
        assert_eq!(bot.reactions(theirs), ["👏"], "{fault:?}");
        bot.world().fail_next("editMessageText", fault.clone());
        edit(&bot, own, &format!("{fault:?}")).await;
        assert_eq!(bot.world().message(own).expect("the message").json["text"], format!("{fault:?}"));
    }
    assert_eq!(bot.metric("gryag_sends_total", &["outcome=\"unknown\""]), 0.0);
    let refused = |call: &gryag::sandbox::telegram::Call| matches!(call.outcome, CallOutcome::Refused { .. });
    let edits = bot.world().calls("editMessageText");
    assert_eq!(edits.iter().filter(|call| refused(call)).count(), 1, "one reads so already: that is success");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_a_message_that_is_gone_is_no_error() {
    let bot = TestBot::start().await;
    let (chat, _) = bot.group(&["Оля"]);
    let message = MessageRef { chat, id: MessageId(999) };
    edit(&bot, message, "Обрано").await;
    assert!(bot.app.store.message(chat, message.id).await.expect("read").is_none(), "nothing is made up");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_strangers_button_and_a_reaction_to_anything_are_taken_without_an_error() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    let message = own_message(&bot, chat).await;
    assert_eq!(bot.buttons(message), [("Так".to_owned(), "yes".to_owned())]);
    bot.press(message, people[1], "yes").await;
    bot.react(message, people[1], "👍").await;
    assert_eq!(bot.reactions(message), ["👍"]);
    bot.finish().await;
}

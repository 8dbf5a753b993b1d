//! What people may have left out, shown and forgotten.

use std::{sync::Arc, time::Duration};

use gryag::{
    domain::{ChatId, Timestamp, UserId},
    sandbox::{gemini::Reply, telegram::MessageRef},
    storage::{ChatStore as _, PeopleStore as _},
};
use serde_json::{Value, json};

use super::{Hosted, hosted, hosted_by};
use crate::harness::{NOON, Setup};

const CANARY: &str = "КАНАРКА";

/// Two people in a group, one of whom says what is to be forgotten; the model repeats it.
async fn confided() -> (Hosted, ChatId, [UserId; 2], MessageRef) {
    let host = hosted("open").await;
    let people = [host.person("КАНАРКА Оля"), host.person("Тарас")];
    let world = host.bot.world();
    let chat = world.supergroup("Друзі", &people);
    host.bot.gemini().answer_with(|request| Reply::say(format!("Так-так, {}", request.last_user_text())));
    let said = host.bot.say(chat, people[0], "Гряг, моя КАНАРКА захворіла").await;
    world.compose(chat, people[1]).text("шкода").reply_to(said).quote("моя КАНАРКА").send();
    let origin = json!({"type": "user", "sender_user": {"id": people[0].0, "is_bot": false, "first_name": "КАНАРКА Оля"},
        "date": 1_790_000_000});
    world.compose(chat, people[1]).text("КАНАРКА співає").field("forward_origin", origin).send();
    host.bot.say(chat, people[1], "а я про інше").await;
    assert!(host.is_in_the_files(CANARY));
    (host, chat, people, said)
}

#[tokio::test(start_paused = true)]
async fn who_wants_to_be_forgotten_is_gone_from_the_database_and_its_log() {
    let (host, chat, people, _) = confided().await;
    host.bot.say(chat, people[0], "/forget_me").await;
    assert!(host.is_in_the_files(CANARY), "not at the first word");
    let question = host.last(chat);
    assert_eq!(host.press(question, people[1], "Так").await, "Ця кнопка не для тебе.");
    assert!(host.is_in_the_files(CANARY), "and not at an impostor's");
    host.press(question, people[0], "Так").await;
    assert!(host.reads(question).starts_with("Забуто. Видалено 2 повідомлення і"), "{}", host.reads(question));
    assert!(host.buttons(question).is_empty());
    // The turn that asked for it bore their name; its traces go when it has ended.
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!host.is_in_the_files(CANARY));
    let remembered = host.remembered(chat).await;
    assert!(
        remembered.contains(&"а я про інше".to_owned()) && remembered.contains(&"шкода".to_owned()),
        "{remembered:?}"
    );
    host.bot.gemini().answer_with(|_| Reply::say("Не знаю."));
    host.bot.say(chat, people[1], "Гряг, про що мова?").await;
    let prompt = host.bot.gemini().requests().last().expect("a request").json().to_string();
    assert!(!prompt.contains(CANARY), "{prompt}");
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_command_repeated_within_ten_minutes_means_it() {
    let (host, chat, people, _) = confided().await;
    host.bot.say(chat, people[0], "/forget_me").await;
    tokio::time::sleep(Duration::from_secs(660)).await;
    host.bot.say(chat, people[0], "/forget_me").await;
    assert!(host.said(chat).last().expect("said").starts_with("Видалити все"), "too late: asked again");
    assert!(host.is_in_the_files(CANARY));
    host.bot.say(chat, people[0], "/forget_me").await;
    assert!(host.said(chat).last().expect("said").starts_with("Забуто."));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!host.is_in_the_files(CANARY));
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_thinks_better_of_it_keeps_everything() {
    let (host, chat, people, _) = confided().await;
    host.bot.say(chat, people[0], "/forget_me").await;
    let question = host.last(chat);
    host.press(question, people[0], "Ні").await;
    assert_eq!(host.reads(question), "Гаразд, усе лишається як було.");
    assert!(host.is_in_the_files(CANARY));
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_thought_about_while_its_author_is_forgotten_is_not_remembered() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.say(chat, people[0], "/forget_me").await;
    let question = host.last(chat);
    host.bot.gemini().set_latency(Duration::from_secs(5));
    host.bot.gemini().answer_with(|request| Reply::say(format!("Так-так, {}", request.last_user_text())));
    host.bot.world().say(chat, people[0], "Гряг, моя КАНАРКА захворіла");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let data = host.buttons(question)[0].1.clone();
    host.bot.world().press(question, people[0], &data).expect("the button");
    tokio::time::sleep(Duration::from_secs(30)).await;
    host.bot.settle().await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!host.is_in_the_files(CANARY), "{:?}", host.remembered(chat).await);
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn who_opted_out_is_not_heard_quoted_or_forwarded() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let (chat, world) = (host.bot.world().supergroup("Друзі", &people), host.bot.world());
    let before = host.bot.say(chat, people[0], "моя КАНАРКА здорова").await;
    host.bot.say(chat, people[0], "/optout").await;
    let said = host.bot.say(chat, people[0], "моя КАНАРКА-СИНИЦЯ захворіла").await;
    world.compose(chat, people[1]).text("шкода").reply_to(said).quote("КАНАРКА-СИНИЦЯ захворіла").send();
    world.reply(before, people[1], "Гряг, про що це?");
    world.reply(said, people[1], "Гряг, а це?");
    let origin = json!({"type": "user", "sender_user": {"id": people[0].0, "is_bot": false, "first_name": "Оля"},
        "date": 1_790_000_000});
    world.compose(chat, people[1]).text("КАНАРКА-СИНИЦЯ співає, Гряг").field("forward_origin", origin.clone()).send();
    let elsewhere = json!({"origin": origin, "chat": {"id": -100_999, "type": "supergroup", "title": "x"}});
    let quote = json!({"text": "КАНАРКА-СИНИЦЯ літає", "position": 0});
    world.compose(chat, people[1]).text("Гряг, чуєш?").field("external_reply", elsewhere).field("quote", quote).send();
    host.bot.settle().await;
    assert!(!host.bot.gemini().requests().is_empty(), "the others are answered");
    assert!(!host.was_shown(CANARY), "their text is never shown to the model");
    assert_eq!(host.remembered(chat).await.iter().filter(|text| text.contains(CANARY)).count(), 0);
    // So much that what is written afterwards does not hide it.
    for _ in 0..10 {
        host.bot.say(chat, people[0], &"СИНИЦЯ ".repeat(500)).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!host.is_in_the_files("СИНИЦЯ"), "what they say from then on is not stored, wherever it is quoted");
    let heard = host.bot.gemini().requests().len();
    for words in ["Гряг, чуєш мене?", "Гряг, агов!"] {
        host.bot.say(chat, people[0], words).await;
    }
    assert_eq!(host.bot.gemini().requests().len(), heard);
    let told = host.said(chat).iter().filter(|said| said.contains("/optin")).count();
    assert_eq!(told, 2, "the receipt, and once why nobody answers: {:?}", host.said(chat));
    host.bot.say(chat, people[0], "/optin").await;
    host.bot.say(chat, people[0], "Гряг, а тепер?").await;
    assert!(host.bot.gemini().requests().len() > heard);
    host.bot.also_addressed(-2);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn forget_this_is_for_the_author_an_admin_and_who_was_answered() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.person("Тарас"), host.person("Ірина")];
    let (chat, world) = (host.bot.world().supergroup("Друзі", &people), host.bot.world());
    host.bot.gemini().answer_with(|request| Reply::say(format!("Так-так, {}", request.last_user_text())));
    let forget = async |message, person, words| {
        world.reply(message, person, words);
        host.bot.settle().await;
    };
    let secret = host.bot.say(chat, people[1], "пароль КАНАРКА-1").await;
    forget(secret, people[2], "забудь це").await;
    assert!(host.remembered(chat).await.contains(&"пароль КАНАРКА-1".to_owned()), "people say so to each other");
    assert!(world.sent().is_empty(), "and the bot keeps out of it");
    forget(secret, people[2], "Гряг, забудь це").await;
    assert_eq!(host.said(chat), ["Про це може попросити автор повідомлення або адмін чату."]);
    forget(secret, people[1], "Забудь це!").await;
    assert_eq!(host.said(chat).last().expect("said"), "Забуто.");
    world.edit(secret, "пароль КАНАРКА-1, виправлено");
    let admins = host.bot.say(chat, people[1], "пароль КАНАРКА-2").await;
    forget(admins, people[0], "забудь це").await;
    let call = host.bot.say(chat, people[1], "Гряг, КАНАРКА-3").await;
    let answer = world.answers_to(call)[0].message;
    forget(answer, people[2], "забудь це").await;
    assert!(host.is_in_the_files("КАНАРКА-3"), "it was not said to her");
    forget(answer, people[1], "забудь це").await;
    forget(call, people[1], "забудь це").await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!host.is_in_the_files(CANARY), "{:?}", host.remembered(chat).await);
    host.bot.gemini().clear_requests();
    world.compose(chat, people[2]).text("Гряг, що там було?").reply_to(secret).quote("КАНАРКА").send();
    host.bot.settle().await;
    assert!(!host.was_shown(CANARY), "Telegram shows it along with the reply, and the model does not see it");
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_export_goes_to_its_person_alone_and_holds_all_of_theirs() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let world = host.bot.world();
    let (chat, private) = (world.supergroup("Друзі", &people), world.private(people[0]));
    host.bot.say(chat, people[0], "перше моє").await;
    host.bot.say(chat, people[1], "чуже").await;
    host.bot.say(private, people[0], "друге моє").await;
    host.bot.say(chat, people[0], "/export_me").await;
    assert!(host.said(chat).last().expect("said").contains("в особисту розмову"));
    let file = host.bot.world().file_of(host.last(private)).expect("a file");
    let export: Value = serde_json::from_slice(&file).expect("JSON");
    let texts: Vec<_> =
        export["messages"].as_array().expect("messages").iter().map(|message| &message["text"]).collect();
    assert!(texts.contains(&&json!("перше моє")) && texts.contains(&&json!("друге моє")), "{texts:?}");
    assert!(!export.to_string().contains("чуже") && export["messages_are_all"] == true);
    assert_eq!(export["user_id"], people[0].0);
    host.bot.say(private, people[0], "/export_me").await;
    assert!(host.said(private).last().expect("said").contains("уже надіслано"), "not again and again");
    assert!(
        !host.remembered(private).await.iter().any(|text| text.contains("messages_are_all")),
        "it is not kept twice"
    );
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn telegram_does_not_say_who_writes_as_the_group_so_their_data_cannot_be_asked_for() {
    let host = hosted("open").await;
    let people = [host.person("Оля")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    for command in ["/forget_me", "/optout", "/export_me"] {
        host.bot.world().compose(chat, people[0]).text(command).anonymously().send();
        host.bot.settle().await;
        assert!(host.said(chat).last().expect("said").starts_with("Telegram не каже мені"), "{command}");
    }
    assert_eq!(host.bot.app.store.person(UserId(chat.0)).await.expect("read").opted_out_at, None);
    host.bot.finish().await;
}

/// Ends a life and begins the next one, so much later, on the same data.
async fn later(host: Hosted, by: Duration, settings: &[(&'static str, &'static str)]) -> Hosted {
    let data = Arc::clone(&host.bot.setup.data);
    host.bot.finish().await;
    let mut setup = Setup::at(NOON + by).set("BOT_ACCESS", "open");
    for (key, value) in settings {
        setup = setup.set(key, *value);
    }
    setup.data = data;
    hosted_by(setup).await
}

/// A minute after its start a bot looks whether something is due, and does it.
const HOUSE_KEPT: Duration = Duration::from_secs(180);

#[tokio::test(start_paused = true)]
async fn a_chat_that_removed_the_bot_is_deleted_after_thirty_days() {
    let host = hosted("open").await;
    let people = [host.person("Оля")];
    let (left, kept) = (host.bot.world().supergroup("Ліс", &people), host.bot.world().supergroup("Друзі", &people));
    host.bot.say(left, people[0], "моя КАНАРКА захворіла").await;
    host.bot.say(kept, people[0], "а тут спокійно").await;
    host.bot.world().kick_bot(left);
    host.bot.settle().await;
    let host = later(host, Duration::from_secs(29 * 86_400), &[]).await;
    tokio::time::sleep(HOUSE_KEPT).await;
    assert!(host.is_in_the_files(CANARY), "not before");
    let host = later(host, Duration::from_secs(31 * 86_400), &[]).await;
    tokio::time::sleep(HOUSE_KEPT).await;
    assert!(!host.is_in_the_files(CANARY));
    assert!(host.bot.app.store.known_chat(left).await.expect("read").is_none());
    assert_eq!(host.remembered(kept).await, ["а тут спокійно"]);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn messages_are_kept_for_as_long_as_it_says() {
    let host = hosted("open").await;
    let people = [host.person("Оля")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.say(chat, people[0], "моя КАНАРКА захворіла").await;
    let day = Duration::from_secs(86_400);
    let host = later(host, day * 6, &[("BOT_RETENTION_DAYS", "7")]).await;
    tokio::time::sleep(HOUSE_KEPT).await;
    assert_eq!(host.remembered(chat).await, ["моя КАНАРКА захворіла"]);
    let host = later(host, day * 8, &[("BOT_RETENTION_DAYS", "7")]).await;
    tokio::time::sleep(HOUSE_KEPT).await;
    assert!(host.remembered(chat).await.is_empty());
    host.bot.finish().await;
}

/// B13: the old bot's dates came back as text, and its cleaning up waited for itself.
#[tokio::test(start_paused = true)]
async fn b13_what_is_kept_of_a_person_comes_back_with_its_dates() {
    let host = hosted("open").await;
    let person = host.person("Оля");
    let private = host.bot.world().private(person);
    host.bot.say(private, person, "/optout").await;
    let record = host.bot.app.store.person(person).await.expect("read");
    let at = record.opted_out_at.expect("a date");
    assert!(at >= NOON && at <= Timestamp(NOON.0 + 60_000), "{at:?}");
    host.bot.finish().await;
}

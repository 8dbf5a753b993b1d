//! The updates that people's doings make.

use super::*;

fn only_update(telegram: &FakeTelegram) -> Value {
    let updates = telegram.take_updates();
    assert_eq!(updates.len(), 1, "{updates:?}");
    updates[0].json()
}

async fn ask_for(telegram: &FakeTelegram, kinds: &[&str]) {
    ok(telegram, "setWebhook", json!({"url": "http://bot/hook", "allowed_updates": kinds})).await;
}

#[test]
fn ids_grow_and_bodies_are_ascii() {
    let telegram = TelegramOptions { clock: Arc::new(crate::clock::SystemClock), ..unpaused() };
    let telegram = FakeTelegram::new(telegram);
    let (chat, olia) = group(&telegram);
    telegram.say(chat, olia, "раз");
    telegram.say(chat, olia, "два");
    let updates = telegram.take_updates();
    assert_eq!(updates[1].id, updates[0].id + 1);
    assert!(updates.iter().all(|update| update.body.is_ascii()));
    assert_eq!(updates[0].json()["message"]["text"], "раз");
}

fn unpaused() -> TelegramOptions {
    TelegramOptions::new(Arc::new(crate::clock::SystemClock), Arc::new(Seeded::new(1)))
}

#[tokio::test(start_paused = true)]
async fn a_message_has_telegrams_shape() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    telegram.say(chat, olia, "/help@gryag_bot");
    let update = only_update(&telegram);
    let message = &update["message"];
    assert_eq!(message["chat"]["type"], "group");
    assert!(message["chat"]["all_members_are_administrators"].is_boolean());
    assert_eq!(message["from"], json!({"id": olia.0, "is_bot": false, "first_name": "Оля", "language_code": "uk"}));
    assert_eq!(message["date"], 1_790_000_000);
    assert_eq!(message["entities"], json!([{"type": "bot_command", "offset": 0, "length": 15}]));
}

#[tokio::test(start_paused = true)]
async fn only_kinds_that_were_asked_for_are_sent() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let said = telegram.say(chat, olia, "а");
    telegram.take_updates();
    telegram.react(said, olia, "👍");
    assert_eq!(telegram.pending_updates(), 0, "reactions are not in the default set");
    ask_for(&telegram, &["message_reaction"]).await;
    telegram.react(said, olia, "🔥");
    telegram.edit(said, "б");
    telegram.raw_update("widget_query", &json!({"id": "1"}));
    let update = only_update(&telegram);
    assert_eq!(update["message_reaction"]["old_reaction"], json!([{"type": "emoji", "emoji": "👍"}]));
    assert_eq!(update["message_reaction"]["new_reaction"], json!([{"type": "emoji", "emoji": "🔥"}]));
    telegram.demote_bot(chat);
    telegram.react(said, olia, "");
    assert_eq!(telegram.pending_updates(), 0, "only admins hear of reactions");
}

#[tokio::test(start_paused = true)]
async fn privacy_mode_hides_what_is_not_meant_for_the_bot() {
    let telegram = FakeTelegram::new(TelegramOptions { privacy_mode: true, ..options() });
    let (chat, olia) = group(&telegram);
    telegram.demote_bot(chat);
    telegram.take_updates();
    telegram.say(chat, olia, "Гряг, привіт");
    telegram.say(chat, olia, "/help@other_bot");
    assert_eq!(telegram.pending_updates(), 0);
    telegram.say(chat, olia, "/help");
    let own = ok(&telegram, "sendMessage", message_to(chat, "а")).await;
    telegram.reply(MessageRef { chat, id: MessageId(own["message_id"].as_i64().unwrap()) }, olia, "дякую");
    telegram.private(olia);
    telegram.say(ChatId(olia.0), olia, "привіт");
    let texts: Vec<Value> =
        telegram.take_updates().iter().map(|update| update.json()["message"]["text"].clone()).collect();
    assert_eq!(texts, ["/help", "дякую", "привіт"]);
}

#[tokio::test(start_paused = true)]
async fn threads_have_telegrams_traps() {
    let telegram = telegram();
    let olia = telegram.person("Оля");
    let forum = telegram.forum("Форум", &[olia]);
    let topic = telegram.topic(forum, "Котики");
    telegram.take_updates();
    telegram.say_in(forum, topic, olia, "няв");
    let in_topic = only_update(&telegram);
    assert_eq!(in_topic["message"]["message_thread_id"], topic.0);
    assert_eq!(in_topic["message"]["reply_to_message"]["forum_topic_created"]["name"], "Котики");
    let supergroup = telegram.supergroup("Сусіди", &[olia]);
    let first = telegram.say(supergroup, olia, "а");
    telegram.take_updates();
    telegram.reply(first, olia, "б");
    let reply = only_update(&telegram);
    assert_eq!(reply["message"]["message_thread_id"], first.id.0);
    assert!(reply["message"].get("is_topic_message").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_migration_tells_both_chats() {
    let telegram = telegram();
    let (chat, _) = group(&telegram);
    let to = telegram.migrate(chat);
    let updates: Vec<Value> = telegram.take_updates().iter().map(Update::json).collect();
    assert_eq!(updates[0]["message"]["migrate_to_chat_id"], to.0);
    assert_eq!(updates[1]["message"]["migrate_from_chat_id"], chat.0);
    assert_eq!(updates[1]["message"]["chat"]["type"], "supergroup");
}

#[tokio::test(start_paused = true)]
async fn standing_changes_come_as_my_chat_member_and_silence_the_chat() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    telegram.kick_bot(chat);
    telegram.say(chat, olia, "а");
    let update = only_update(&telegram);
    assert_eq!(update["my_chat_member"]["old_chat_member"]["status"], "administrator");
    assert_eq!(update["my_chat_member"]["new_chat_member"]["status"], "kicked");
}

#[tokio::test(start_paused = true)]
async fn a_pressed_button_is_answered_once() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let mut body = message_to(chat, "забути?");
    body["reply_markup"] = json!({"inline_keyboard": [[{"text": "Так", "callback_data": "forget:yes"}]]});
    let sent = ok(&telegram, "sendMessage", body).await;
    let message = MessageRef { chat, id: MessageId(sent["message_id"].as_i64().unwrap()) };
    assert_eq!(telegram.press(message, olia, "other"), None);
    let id = telegram.press(message, olia, "forget:yes").unwrap();
    let update = only_update(&telegram);
    assert_eq!(update["callback_query"]["id"], id);
    assert_eq!(update["callback_query"]["data"], "forget:yes");
    assert_eq!(update["callback_query"]["message"]["text"], "забути?");
    let answer = json!({"callback_query_id": id, "text": "гаразд"});
    ok(&telegram, "answerCallbackQuery", answer.clone()).await;
    assert!(refused(&telegram, "answerCallbackQuery", answer).await.contains("query is too old"));
}

#[tokio::test(start_paused = true)]
async fn an_album_is_several_messages_with_one_id() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    telegram.album(chat, olia, 3, "відпустка");
    let updates: Vec<Value> = telegram.take_updates().iter().map(Update::json).collect();
    assert_eq!(updates.len(), 3);
    assert!(
        updates.iter().all(|update| update["message"]["media_group_id"] == updates[0]["message"]["media_group_id"])
    );
    assert_eq!(updates[0]["message"]["caption"], "відпустка");
    assert!(updates[1]["message"].get("caption").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_chat_keeps_only_so_many_messages() {
    let telegram = FakeTelegram::new(TelegramOptions { messages_kept_per_chat: 3, ..options() });
    let (chat, olia) = group(&telegram);
    let first = telegram.say(chat, olia, "0");
    for number in 1..10 {
        telegram.say(chat, olia, &number.to_string());
    }
    assert_eq!(telegram.messages(chat, 100).len(), 3);
    assert_eq!(telegram.message(first), None);
}

#[tokio::test(start_paused = true)]
async fn admins_are_made_and_named() {
    let telegram = telegram();
    let (olia, taras) = (telegram.person("Оля"), telegram.person("Тарас"));
    let chat = telegram.supergroup("Друзі", &[olia, taras]);
    let ask = async |person: UserId| {
        let member = ok(&telegram, "getChatMember", json!({"chat_id": chat.0, "user_id": person.0})).await;
        member["status"].as_str().unwrap().to_owned()
    };
    assert_eq!((ask(olia).await, ask(taras).await), ("creator".to_owned(), "member".to_owned()));
    telegram.promote(chat, taras);
    assert_eq!(ask(taras).await, "administrator");
    let admins = ok(&telegram, "getChatAdministrators", json!({"chat_id": chat.0})).await;
    let ids: Vec<_> = admins.as_array().unwrap().iter().map(|admin| admin["user"]["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [olia.0, taras.0, telegram.bot().id.0]);
    telegram.demote(chat, taras);
    assert_eq!(ask(taras).await, "member");
    assert_eq!(telegram.pending_updates(), 0, "chat_member was not asked for");
}

#[tokio::test(start_paused = true)]
async fn the_bot_is_brought_in_by_somebody_and_leaves_by_itself() {
    let telegram = telegram();
    let (olia, taras) = (telegram.person("Оля"), telegram.person("Тарас"));
    let chat = telegram.group_without_bot("Друзі", &[olia, taras]);
    telegram.say(chat, olia, "а де бот?");
    assert_eq!(telegram.pending_updates(), 0, "it is not there");
    telegram.add_bot_by(chat, taras);
    let updates = telegram.take_updates();
    let joined = &updates[0].json()["my_chat_member"];
    assert_eq!((&joined["from"]["id"], &joined["new_chat_member"]["status"]), (&json!(taras.0), &json!("member")));
    assert_eq!(updates[1].json()["message"]["new_chat_members"][0]["id"], telegram.bot().id.0);
    ok(&telegram, "leaveChat", json!({"chat_id": chat.0})).await;
    let left = &only_update(&telegram)["my_chat_member"];
    assert_eq!(
        (&left["from"]["id"], &left["new_chat_member"]["status"]),
        (&json!(telegram.bot().id.0), &json!("left"))
    );
}

#[tokio::test(start_paused = true)]
async fn disguised_senders_look_as_telegram_shows_them() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let compose = || telegram.compose(chat, olia).text("слово");
    compose().anonymously().send();
    compose().as_channel(ChatId(-1_001), "Новини").send();
    compose().as_linked_post(ChatId(-1_001), "Новини").send();
    compose().mentioning("слово", olia).send();
    let messages: Vec<Value> = telegram.take_updates().iter().map(|update| update.json()["message"].clone()).collect();
    assert_eq!(messages[0]["from"]["username"], "GroupAnonymousBot");
    assert_eq!(messages[0]["sender_chat"]["id"], chat.0);
    assert_eq!(
        (&messages[1]["from"]["id"], &messages[1]["sender_chat"]["title"]),
        (&json!(136_817_688), &json!("Новини"))
    );
    assert_eq!((&messages[2]["from"]["id"], &messages[2]["is_automatic_forward"]), (&json!(777_000), &json!(true)));
    assert_eq!(messages[3]["entities"][0]["user"]["id"], olia.0);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_file_is_described_under_its_own_key() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let file = || Bytes::from_static(b"file");
    let compose = || telegram.compose(chat, olia);
    for (message, key, mark) in [
        (compose().voice(samples::ogg()), "voice", "duration"),
        (compose().sticker(samples::webp()), "sticker", "is_animated"),
        (compose().animated_sticker(file()), "sticker", "is_animated"),
        (compose().video_sticker(file()), "sticker", "is_video"),
        (compose().video(file()), "video", "width"),
        (compose().video_note(file()), "video_note", "length"),
        (compose().animation(file()), "animation", "width"),
        (compose().audio(file()), "audio", "title"),
        (compose().document(file()), "document", "file_name"),
    ] {
        message.send();
        let described = &only_update(&telegram)["message"][key];
        assert!(!described[mark].is_null(), "{key}: {described}");
        let id = described["file_id"].as_str().unwrap();
        let named = ok(&telegram, "getFile", json!({"file_id": id})).await;
        assert_eq!(named["file_size"], described["file_size"]);
    }
}

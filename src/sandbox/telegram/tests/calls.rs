//! What the Bot API takes and refuses.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_sent_message_comes_back_and_stands_in_the_chat() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let asked = telegram.say(chat, olia, "Гряг, ти де?");
    let reply = json!({"chat_id": chat.0, "text": "тут 🦉 @taras",
        "entities": [{"type": "bold", "offset": 4, "length": 2}], "reply_parameters": {"message_id": asked.id.0}});
    let sent = ok(&telegram, "sendMessage", reply).await;
    assert_eq!(sent["from"]["is_bot"], true);
    assert_eq!(sent["reply_to_message"]["text"], "Гряг, ти де?");
    assert_eq!(sent["entities"], json!([{"type": "bold", "offset": 4, "length": 2}]));
    assert_eq!(telegram.transcript(chat), "Оля: Гряг, ти де?\nГряг: тут 🦉 @taras");
    assert_eq!(telegram.answers_to(asked).len(), 1);
    assert_eq!(telegram.message(asked).unwrap().answered_by, Some(telegram.sent()[0].message.id));
}

#[tokio::test(start_paused = true)]
async fn bad_messages_are_refused_in_telegrams_words() {
    let telegram = telegram();
    let (chat, _) = group(&telegram);
    let send = |fields: Value| {
        let mut body = message_to(chat, "привіт");
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    let cases = [
        (message_to(ChatId(-1), "а"), "Bad Request: chat not found"),
        (message_to(chat, " \n"), "Bad Request: message text is empty"),
        (message_to(chat, &"🦉".repeat(2049)), "Bad Request: message is too long"),
        (message_to(chat, &"а".repeat(16_385)), "Bad Request: text is too long"),
        (send(json!({"parse_mode": "BBCode"})), "Bad Request: unsupported parse_mode"),
        (send(json!({"message_thread_id": 77})), "Bad Request: message thread not found"),
        (send(json!({"reply_parameters": {"message_id": 999}})), "Bad Request: message to be replied not found"),
        (
            send(json!({"entities": [{"type": "bold", "offset": 0, "length": 7}]})),
            "Bad Request: entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 6",
        ),
        (
            send(json!({"reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "y".repeat(65)}]]}})),
            "Bad Request: BUTTON_DATA_INVALID",
        ),
    ];
    for (body, description) in cases {
        assert_eq!(refused(&telegram, "sendMessage", body).await, description);
    }
    assert!(refused(&telegram, "sendMessage", send(json!({"reply_to": 1}))).await.contains("unknown field `reply_to`"));
    assert!(telegram.sent().is_empty());
    ok(&telegram, "sendMessage", message_to(chat, &"🦉".repeat(2048))).await;
    let survives = send(json!({"reply_parameters": {"message_id": 999, "allow_sending_without_reply": true}}));
    assert!(ok(&telegram, "sendMessage", survives).await.get("reply_to_message").is_none());
}

#[tokio::test(start_paused = true)]
async fn chats_that_the_bot_lost_are_refused() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let stranger = telegram.person("Леся");
    telegram.private(olia);
    telegram.block(olia);
    let cases = [
        (ChatId(olia.0), "Forbidden: bot was blocked by the user"),
        (ChatId(stranger.0), "Forbidden: bot can't initiate conversation with a user"),
    ];
    for (chat, description) in cases {
        assert_eq!(refused(&telegram, "sendMessage", message_to(chat, "а")).await, description);
    }
    telegram.kick_bot(chat);
    let kicked = refused(&telegram, "sendMessage", message_to(chat, "а")).await;
    assert_eq!(kicked, "Forbidden: bot was kicked from the group chat");
    telegram.add_bot(chat);
    telegram.let_bot_write(chat, false);
    let muted = refused(&telegram, "sendMessage", message_to(chat, "а")).await;
    assert_eq!(muted, "Bad Request: not enough rights to send text messages to the chat");
}

#[tokio::test(start_paused = true)]
async fn a_migrated_group_names_its_successor() {
    let telegram = telegram();
    let (chat, _) = group(&telegram);
    let to = telegram.migrate(chat);
    let (status, body) = call(&telegram, "sendMessage", message_to(chat, "а")).await;
    assert_eq!((status, &body["parameters"]["migrate_to_chat_id"]), (400, &json!(to.0)));
    ok(&telegram, "sendMessage", message_to(to, "а")).await;
}

#[tokio::test(start_paused = true)]
async fn topics_take_their_id_and_general_takes_none() {
    let telegram = telegram();
    let olia = telegram.person("Оля");
    let forum = telegram.forum("Форум", &[olia]);
    let topic = telegram.topic(forum, "Котики");
    let mut body = message_to(forum, "няв");
    body["message_thread_id"] = topic.0.into();
    let sent = ok(&telegram, "sendMessage", body.clone()).await;
    assert_eq!((&sent["message_thread_id"], &sent["is_topic_message"]), (&json!(topic.0), &json!(true)));
    let general = ok(&telegram, "sendMessage", message_to(forum, "усім")).await;
    assert!(general.get("message_thread_id").is_none());
    body["message_thread_id"] = 1.into();
    assert_eq!(refused(&telegram, "sendMessage", body.clone()).await, "Bad Request: message thread not found");
    telegram.close_topic(forum, topic);
    telegram.demote_bot(forum);
    body["message_thread_id"] = topic.0.into();
    assert_eq!(refused(&telegram, "sendMessage", body).await, "Bad Request: TOPIC_CLOSED");
}

#[tokio::test(start_paused = true)]
async fn tokens_and_methods_are_checked() {
    let telegram = telegram();
    let get = async |path: &str| {
        let request = Request::get(format!("http://telegram{path}")).body(Bytes::new()).unwrap();
        transport::call(&telegram.transport(), request).await.unwrap().status().as_u16()
    };
    assert_eq!(get(&format!("/bot{TOKEN}/getMe")).await, 200);
    assert_eq!(get(&format!("/bot{}/getMe", TOKEN.replace('A', "B"))).await, 401);
    assert_eq!(get("/botnonsense/getMe").await, 404);
    assert_eq!(get(&format!("/bot{TOKEN}/sendEverything")).await, 404);
}

#[tokio::test(start_paused = true)]
async fn limits_answer_429_and_let_the_rest_through_later() {
    let limits = Some(SendLimits { overall_per_second: 30, chat_burst: 2, group_per_minute: 20 });
    let telegram = FakeTelegram::new(TelegramOptions { limits, ..options() });
    let (chat, _) = group(&telegram);
    ok(&telegram, "sendMessage", message_to(chat, "1")).await;
    ok(&telegram, "sendMessage", message_to(chat, "2")).await;
    let (status, body) = call(&telegram, "sendMessage", message_to(chat, "3")).await;
    assert_eq!((status, &body["parameters"]["retry_after"]), (429, &json!(1)));
    assert_eq!(body["description"], "Too Many Requests: retry after 1");
    tokio::time::advance(Duration::from_secs(1)).await;
    ok(&telegram, "sendMessage", message_to(chat, "3")).await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_response_leaves_the_message_in_the_chat() {
    let telegram = telegram();
    let (chat, _) = group(&telegram);
    telegram.fail_next("sendMessage", Fault::AcceptThenCut);
    telegram.fail_next("sendMessage", Fault::CutBefore);
    telegram.fail_next("sendMessage", Fault::Refused);
    let mut outcomes = Vec::new();
    for text in ["1", "2", "3"] {
        outcomes.push(try_call(&telegram, "sendMessage", message_to(chat, text)).await);
    }
    assert!(matches!(outcomes[0], Err(TransportError::Ambiguous { .. })));
    assert!(matches!(outcomes[1], Err(TransportError::Ambiguous { .. })));
    assert!(matches!(outcomes[2], Err(TransportError::NotSent { .. })));
    assert_eq!(telegram.transcript(chat), "Гряг: 1");
    assert!(telegram.sent()[0].unseen);
    let outcomes: Vec<CallOutcome> = telegram.calls("sendMessage").into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [CallOutcome::AcceptedUnseen, CallOutcome::Failed, CallOutcome::Failed]);
}

#[tokio::test(start_paused = true)]
async fn planned_faults_have_their_statuses_and_heal() {
    let telegram = telegram();
    telegram.fail_next("*", Fault::RetryAfter(7));
    telegram.fail_always("getMe", Fault::Html502);
    assert_eq!(call(&telegram, "getMe", json!({})).await.1["parameters"]["retry_after"], 7);
    assert_eq!(call(&telegram, "getMe", json!({})).await, (502, Value::Null));
    telegram.heal();
    assert_eq!(call(&telegram, "getMe", json!({})).await.0, 200);
    telegram.fail_next("getMe", Fault::HangThenClose);
    let before = tokio::time::Instant::now();
    assert!(try_call(&telegram, "getMe", json!({})).await.is_err());
    assert_eq!(before.elapsed(), Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn edits_reactions_and_deletions_have_their_rules() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let said = telegram.say(chat, olia, "а");
    let sent = ok(&telegram, "sendMessage", message_to(chat, "б")).await;
    let edit = |id: i64, text: &str| json!({"chat_id": chat.0, "message_id": id, "text": text});
    let own = sent["message_id"].as_i64().unwrap();
    assert!(refused(&telegram, "editMessageText", edit(own, "б")).await.contains("message is not modified"));
    assert!(refused(&telegram, "editMessageText", edit(said.id.0, "в")).await.contains("message can't be edited"));
    assert_eq!(ok(&telegram, "editMessageText", edit(own, "в")).await["text"], "в");
    let react = |emoji: &str| json!({"chat_id": chat.0, "message_id": said.id.0, "reaction": [{"type": "emoji", "emoji": emoji}]});
    assert!(refused(&telegram, "setMessageReaction", react("🥑")).await.contains("REACTION_INVALID"));
    ok(&telegram, "setMessageReaction", react("🔥")).await;
    assert_eq!(telegram.message(said).unwrap().reactions[0].1, ["🔥"]);
    telegram.demote_bot(chat);
    let delete = |id: i64| json!({"chat_id": chat.0, "message_id": id});
    assert!(refused(&telegram, "deleteMessage", delete(said.id.0)).await.contains("message can't be deleted"));
    ok(&telegram, "deleteMessage", delete(own)).await;
    assert!(refused(&telegram, "deleteMessage", delete(own)).await.contains("message to delete not found"));
}

#[tokio::test(start_paused = true)]
async fn typing_ends_with_a_message_or_after_five_seconds() {
    let telegram = telegram();
    let (chat, _) = group(&telegram);
    let action = json!({"chat_id": chat.0, "action": "typing"});
    ok(&telegram, "sendChatAction", action.clone()).await;
    assert!(telegram.typing(chat).is_some());
    ok(&telegram, "sendMessage", message_to(chat, "а")).await;
    assert_eq!(telegram.typing(chat), None);
    ok(&telegram, "sendChatAction", action).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(telegram.typing(chat), None);
}

#[tokio::test(start_paused = true)]
async fn files_are_described_fetched_and_refused_when_too_big() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let message = telegram.compose(chat, olia).photo(Bytes::from_static(b"jpeg")).send();
    let json = telegram.message(message).unwrap().json;
    let file = ok(&telegram, "getFile", json!({"file_id": json["photo"][1]["file_id"]})).await;
    let address = format!("http://telegram/file/bot{TOKEN}/{}", file["file_path"].as_str().unwrap());
    let request = Request::get(address).body(Bytes::new()).unwrap();
    let response = transport::call(&telegram.transport(), request).await.unwrap();
    assert_eq!(&response.body()[..], b"jpeg");
    let big = telegram.compose(chat, olia).voice(Bytes::from_static(b"ogg")).file_size(21 << 20).send();
    let big = telegram.message(big).unwrap().json["voice"]["file_id"].clone();
    assert!(refused(&telegram, "getFile", json!({"file_id": big})).await.contains("file is too big"));
    assert!(refused(&telegram, "getFile", json!({"file_id": "x"})).await.contains("wrong file_id"));
}

#[tokio::test(start_paused = true)]
async fn commands_are_checked_and_kept_by_scope() {
    let telegram = telegram();
    let commands = json!([{"command": "help", "description": "допомога"}]);
    ok(&telegram, "setMyCommands", json!({"commands": commands, "scope": {"type": "all_group_chats"}})).await;
    assert_eq!(telegram.commands("all_group_chats"), Some(commands));
    assert_eq!(telegram.commands("default"), None);
    let bad = json!({"commands": [{"command": "Help", "description": "x"}]});
    assert!(refused(&telegram, "setMyCommands", bad).await.contains("BOT_COMMAND_INVALID"));
}

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

use crate::{
    domain::{Button, ChatId, Entity, EntityKind, MessageId, RichText, TopicId, UserId},
    errors::{Class, Classify as _},
    telegram::{CommandScope, EditedText, OutgoingText, Standing, Telegram, TelegramError, TelegramOptions},
    telemetry::Metrics,
    transport::{Transport, TransportError},
};

const TOKEN: &str = "123456789:CANARY-token-abcdefghijklmnopqrstuvw";

/// What the client asked.
pub(super) struct Exchange {
    pub(super) path: String,
    pub(super) body: Value,
}

#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Vec<Exchange>>>);

impl Seen {
    pub(super) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A client whose Telegram gives `answers` in order.
pub(super) fn telegram(answers: impl IntoIterator<Item = (u16, String)>) -> (Telegram, Seen) {
    let answers: Arc<Mutex<VecDeque<(u16, String)>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
    let seen = Seen::default();
    let transport = {
        let seen = seen.clone();
        service_fn(move |request: Request<Bytes>| {
            let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
            seen.0.lock().unwrap().push(Exchange { path: request.uri().to_string(), body });
            let (status, answer) = answers.lock().unwrap().pop_front().expect("an answer for each call");
            async move { Ok(Response::builder().status(status).body(Bytes::from(answer)).unwrap()) }
        })
    };
    (client(BoxCloneSyncService::new(transport)), seen)
}

fn client(transport: Transport) -> Telegram {
    measured(transport, Metrics::new())
}

fn measured(transport: Transport, metrics: Metrics) -> Telegram {
    let options = TelegramOptions {
        api_url: "https://api.example.org/".into(),
        token: TOKEN.into(),
        call_timeout: Duration::from_secs(10),
    };
    Telegram::new(transport, options, metrics)
}

async fn send(telegram: &Telegram) -> Result<crate::telegram::Sent, TelegramError> {
    let text = RichText::plain("CANARY-text");
    let message = OutgoingText {
        chat: ChatId(-1005),
        topic: None,
        reply_to: None,
        text: &text,
        buttons: &Vec::new(),
        silent: false,
        no_preview: false,
    };
    telegram.send_message(&message).await
}

/// What a send ends in when Telegram answers so.
async fn refused(status: u16, answer: &str) -> TelegramError {
    let (telegram, _) = telegram([(status, answer.to_owned())]);
    send(&telegram).await.unwrap_err()
}

fn refusal(code: u16, description: &str) -> String {
    json!({"ok": false, "error_code": code, "description": description}).to_string()
}

fn button(text: &str, data: &str) -> Button {
    Button { text: text.to_owned(), data: data.to_owned() }
}

#[tokio::test]
async fn a_text_is_sent_with_topic_reply_and_utf16_entities() {
    let (telegram, seen) = telegram([(200, r#"{"ok":true,"result":{"message_id":77,"date":1700000000}}"#.to_owned())]);
    let entity = |kind, offset, length| Entity { kind, offset, length };
    let text = RichText {
        text: "😀 так".into(),
        entities: vec![
            entity(EntityKind::Bold, 3, 3),
            entity(EntityKind::TextLink { url: "https://example.org".into() }, 0, 2),
            entity(EntityKind::Pre { language: Some("rust".into()) }, 0, 6),
            entity(EntityKind::Italic, 70_000, 1),
        ],
    };
    let message = OutgoingText {
        chat: ChatId(-1005),
        topic: Some(TopicId(33)),
        reply_to: Some(MessageId(5)),
        text: &text,
        buttons: &vec![vec![button("Так", "yes"), button("Ні", "no")]],
        silent: true,
        no_preview: true,
    };
    let sent = telegram.send_message(&message).await.unwrap();
    assert_eq!(sent.message_id, MessageId(77));
    let seen = seen.take();
    assert_eq!(seen[0].path, format!("https://api.example.org/bot{TOKEN}/sendMessage"));
    assert_eq!(
        seen[0].body,
        json!({
            "chat_id": -1005, "message_thread_id": 33, "text": "😀 так", "disable_notification": true,
            "reply_parameters": {"message_id": 5, "allow_sending_without_reply": true},
            "link_preview_options": {"is_disabled": true},
            "reply_markup": {"inline_keyboard":
                [[{"text": "Так", "callback_data": "yes"}, {"text": "Ні", "callback_data": "no"}]]},
            "entities": [
                {"type": "bold", "offset": 3, "length": 3},
                {"type": "text_link", "offset": 0, "length": 2, "url": "https://example.org"},
                {"type": "pre", "offset": 0, "length": 6, "language": "rust"},
            ],
        })
    );
}

#[tokio::test]
async fn a_plain_text_to_general_names_nothing_more() {
    let (telegram, seen) = telegram([(200, r#"{"ok":true,"result":{"message_id":77}}"#.to_owned())]);
    send(&telegram).await.unwrap();
    assert_eq!(seen.take()[0].body, json!({"chat_id": -1005, "text": "CANARY-text"}));
}

#[tokio::test]
async fn every_refusal_of_the_fact_sheet_is_told_apart() {
    for (code, description, short) in [
        (
            400,
            "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset 4",
            "bad_entities",
        ),
        (400, "Bad Request: message to be replied not found", "reply_gone"),
        (400, "Bad Request: MESSAGE IS TOO LONG", "too_long"),
        (400, "Bad Request: text is too long", "too_long"),
        (400, "Bad Request: message text is empty", "empty_text"),
        (400, "Bad Request: message thread not found", "thread_gone"),
        (400, "Bad Request: TOPIC_CLOSED", "topic_closed"),
        (400, "Bad Request: message is not modified: specified new message content is the same", "not_modified"),
        (400, "Bad Request: message to delete not found", "not_modified"),
        (400, "Bad Request: message to edit not found", "not_modified"),
        (400, "Bad Request: message can't be deleted for everyone", "not_modified"),
        (400, "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 0", "bad_entities"),
        (400, "Bad Request: can't parse entities: Character '.' is reserved and must be escaped", "bad_entities"),
        (403, "Forbidden: user is deactivated", "chat_gone"),
        (403, "Forbidden: bot is not a member of the supergroup chat", "chat_gone"),
        (403, "Forbidden: the group chat was deleted", "chat_gone"),
        (403, "Forbidden: bot can't initiate conversation with a user", "chat_gone"),
        (400, "Bad Request: chat not found", "chat_gone"),
        (400, "Bad Request: not enough rights to send text messages to the chat", "chat_gone"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", "chat_gone"),
        (400, "Bad Request: query is too old and response timeout expired or query ID is invalid", "query_too_old"),
        (400, "Bad Request: wrong file_id or the file is temporarily unavailable", "bad_file"),
        (400, "Bad Request: file is too big", "bad_file"),
        (400, "Bad Request: REACTION_INVALID", "reaction_refused"),
        (400, "Bad Request: message to react not found", "reaction_refused"),
        (400, "Bad Request: something new", "refused"),
        (401, "Unauthorized", "unauthorized"),
        (403, "Forbidden: bot was blocked by the user", "chat_gone"),
        (403, "Forbidden: bot was kicked from the supergroup chat", "chat_gone"),
        (404, "Not Found", "unauthorized"),
        (409, "Conflict: can't use getUpdates method while webhook is active", "conflict"),
        (429, "Too Many Requests: retry after 7", "rate_limited"),
        (500, "Internal Server Error", "server_error"),
        (502, "Bad Gateway", "server_error"),
    ] {
        let error = refused(code, &refusal(code, description)).await;
        assert_eq!(error.short(), short, "{description}");
        assert!(error.outcome_is_known(), "{description}");
    }
}

#[tokio::test]
async fn retry_after_may_exceed_16_bits() {
    let answer = json!({"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 70000",
        "parameters": {"retry_after": 70_000}});
    let error = refused(429, &answer.to_string()).await;
    let wait = Duration::from_secs(70_000);
    assert_eq!(error, TelegramError::RateLimited { method: "sendMessage", retry_after: wait });
    assert_eq!(error.class(), Class::Transient { retry_after: Some(wait) });
}

#[tokio::test]
async fn a_group_that_moved_tells_its_new_id() {
    let answer = json!({"ok": false, "error_code": 400, "parameters": {"migrate_to_chat_id": -1_009_000_000_001_i64},
        "description": "Bad Request: group chat was upgraded to a supergroup chat"});
    assert_eq!(refused(400, &answer.to_string()).await, TelegramError::Migrated { to: ChatId(-1_009_000_000_001) });
}

#[tokio::test]
async fn an_answer_that_is_not_telegrams_leaves_the_outcome_open_unless_it_is_a_refusal() {
    for (status, answer) in [
        (502, "<html>502 Bad Gateway</html>"),
        (504, ""),
        (200, "<html>hello</html>"),
        (200, r#"{"ok":true}"#),
        (200, r#"{"ok":true,"result":{}}"#),
        (200, r#"{"ok":tr"#),
    ] {
        let error = refused(status, answer).await;
        assert_eq!((error.short(), error.outcome_is_known()), ("ambiguous", false), "{status} {answer}");
    }
    assert_eq!(refused(413, "<html>").await.short(), "refused");
    assert_eq!(refused(429, "<html>").await.short(), "rate_limited");
}

#[tokio::test(start_paused = true)]
async fn a_telegram_that_hangs_is_ambiguous_after_the_timeout() {
    let hanging = client(BoxCloneSyncService::new(service_fn(|_: Request<Bytes>| std::future::pending())));
    let started = tokio::time::Instant::now();
    assert!(!send(&hanging).await.unwrap_err().outcome_is_known());
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    hanging.get_updates(None, 30, 100).await.unwrap_err();
    assert_eq!(started.elapsed(), Duration::from_secs(50), "long polling adds its own wait");
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_not_sent_and_a_broken_one_is_ambiguous() {
    for (failure, short) in [
        (TransportError::NotSent { detail: "refused".into() }, "not_sent"),
        (TransportError::Ambiguous { detail: "reset".into() }, "ambiguous"),
        (TransportError::TooLarge { limit_bytes: 1 }, "ambiguous"),
    ] {
        let failing = BoxCloneSyncService::new(service_fn(move |_: Request<Bytes>| {
            let failure = failure.clone();
            async move { Err(failure) }
        }));
        assert_eq!(send(&client(failing)).await.unwrap_err().short(), short);
    }
}

#[tokio::test]
async fn no_error_holds_the_token_an_address_or_a_text() {
    let url = format!("https://api.example.org/bot{TOKEN}/sendMessage");
    let nasty = [
        format!("Bad Request: {url}"),
        "Bad Request: see http://x.io/CANARY and /bot1:CANARY".to_owned(),
        format!("Bad Request: can't parse entities \"CANARY-text\" {TOKEN}"),
        format!("Forbidden: bot {TOKEN} was blocked"),
        "Forbidden: bot 12345:CANARY-short-token was blocked".to_owned(),
        "Bad Request: текст CANARY-кирилиця".to_owned(),
    ];
    for description in nasty {
        for code in [400, 403, 409, 500, 418] {
            let error = refused(code, &refusal(code, &description)).await;
            let all = format!("{error} {error:?}");
            assert!(!all.contains("CANARY") && !all.contains("://"), "{all}");
        }
        let failing = BoxCloneSyncService::new(service_fn(move |_: Request<Bytes>| {
            let detail = description.clone();
            async move { Err(TransportError::NotSent { detail }) }
        }));
        let client = client(failing);
        let error = send(&client).await.unwrap_err();
        let all = format!("{error} {error:?} {client:?}");
        assert!(!all.contains("CANARY") && !all.contains("://"), "{all}");
    }
}

#[tokio::test]
async fn a_token_that_cannot_stand_in_an_address_is_a_clear_error_without_it() {
    let (good, _) = telegram([]);
    let transport = BoxCloneSyncService::new(service_fn(|_: Request<Bytes>| std::future::pending()));
    let options = TelegramOptions {
        api_url: "https://api.example.org".into(),
        token: "CANARY token".into(),
        call_timeout: Duration::from_secs(1),
    };
    let error = Telegram::new(transport, options, Metrics::new()).get_me().await.unwrap_err();
    assert!(format!("{error}").contains("TELEGRAM_BOT_TOKEN"));
    assert!(!format!("{error:?} {good:?}").contains("CANARY"));
}

#[tokio::test]
async fn updates_come_back_byte_for_byte_also_of_unknown_kinds() {
    let answer = r#"{"ok":true,"result":[{"update_id":1, "hologram":{}},{"update_id":2,"message":{"text":"\u0433"}}]}"#;
    let (telegram, seen) = telegram([(200, answer.to_owned())]);
    let updates = telegram.get_updates(Some(5), 25, 100).await.unwrap();
    assert_eq!(updates, [r#"{"update_id":1, "hologram":{}}"#, r#"{"update_id":2,"message":{"text":"\u0433"}}"#]);
    let body = &seen.take()[0].body;
    assert_eq!((&body["offset"], &body["timeout"], &body["limit"]), (&json!(5), &json!(25), &json!(100)));
}

#[tokio::test]
async fn a_file_is_named_then_fetched_from_the_file_address() {
    let named = r#"{"ok":true,"result":{"file_id":"f","file_path":"photos/file_1.jpg","file_size":4}}"#;
    let (telegram, seen) = telegram([(200, named.to_owned()), (200, "jpeg".to_owned()), (200, "jpeg".to_owned())]);
    let file = telegram.get_file("f").await.unwrap();
    assert_eq!(file.size_bytes, Some(4));
    assert_eq!(telegram.download(&file.file_path, 4).await.unwrap(), "jpeg");
    assert_eq!(
        telegram.download(&file.file_path, 3).await.unwrap_err(),
        TelegramError::FileTooLarge { limit_bytes: 3 }
    );
    assert_eq!(seen.take()[1].path, format!("https://api.example.org/file/bot{TOKEN}/photos/file_1.jpg"));
}

#[tokio::test]
async fn a_strange_file_path_is_never_asked_for() {
    let (telegram, seen) = telegram([]);
    for path in ["/var/lib/file.jpg", "../secret", "a b", "photos/ї.jpg", "x?y=1", "x#y"] {
        assert_eq!(telegram.download(path, 10).await.unwrap_err().short(), "bad_file");
    }
    assert!(seen.take().is_empty());
}

#[tokio::test]
async fn the_other_methods_ask_what_they_say() {
    let done = || (200, r#"{"ok":true,"result":true}"#.to_owned());
    let (telegram, seen) = telegram([done(), done(), done(), done()]);
    telegram.send_typing(ChatId(5), Some(TopicId(9))).await.unwrap();
    telegram.delete_webhook().await.unwrap();
    telegram.answer_callback_query("q", Some("готово")).await.unwrap();
    telegram.set_my_commands(CommandScope::Chat(ChatId(5)), Some("uk"), &[("help", "що я вмію")]).await.unwrap();
    let bodies: Vec<Value> = seen.take().into_iter().map(|exchange| exchange.body).collect();
    assert_eq!(bodies[0], json!({"chat_id": 5, "message_thread_id": 9, "action": "typing"}));
    assert_eq!(bodies[1], json!({"drop_pending_updates": false}));
    assert_eq!(bodies[2], json!({"callback_query_id": "q", "text": "готово"}));
    assert_eq!(
        bodies[3],
        json!({"commands": [{"command": "help", "description": "що я вмію"}], "scope": {"type": "chat", "chat_id": 5},
            "language_code": "uk"})
    );
}

#[tokio::test]
async fn a_reaction_is_set_or_taken_away_and_a_message_edited() {
    let done = || (200, r#"{"ok":true,"result":true}"#.to_owned());
    let (telegram, seen) = telegram([done(), done(), (200, r#"{"ok":true,"result":{"message_id":6}}"#.to_owned())]);
    telegram.set_message_reaction(ChatId(-5), MessageId(6), "👍").await.unwrap();
    telegram.set_message_reaction(ChatId(-5), MessageId(6), "").await.unwrap();
    let (text, buttons) = (RichText::plain("стало"), vec![vec![button("Так", "yes")]]);
    let edit = EditedText { chat: ChatId(-5), message: MessageId(6), text: &text, buttons: &buttons, no_preview: true };
    telegram.edit_message_text(&edit).await.unwrap();
    let bodies: Vec<Value> = seen.take().into_iter().map(|exchange| exchange.body).collect();
    let reaction = json!([{"type": "emoji", "emoji": "👍"}]);
    assert_eq!(bodies[0], json!({"chat_id": -5, "message_id": 6, "reaction": reaction}));
    assert_eq!(bodies[1], json!({"chat_id": -5, "message_id": 6, "reaction": []}));
    let keyboard = json!([[{"text": "Так", "callback_data": "yes"}]]);
    assert_eq!(
        bodies[2],
        json!({"chat_id": -5, "message_id": 6, "text": "стало", "link_preview_options": {"is_disabled": true},
            "reply_markup": {"inline_keyboard": keyboard}})
    );
}

#[tokio::test]
async fn somebodys_standing_is_read_leniently() {
    for (member, standing, is_admin) in [
        (json!({"status": "creator"}), Standing::Creator, true),
        (json!({"status": "administrator", "can_do": "anything"}), Standing::Administrator, true),
        (json!({"status": "member"}), Standing::Member, false),
        (json!({"status": "restricted", "is_member": true}), Standing::Restricted, false),
        (json!({"status": "restricted", "is_member": false}), Standing::Left, false),
        (json!({"status": "left"}), Standing::Left, false),
        (json!({"status": "kicked", "until_date": 0}), Standing::Kicked, false),
        (json!({"status": "hologram"}), Standing::Member, false),
    ] {
        let (telegram, seen) = telegram([(200, json!({"ok": true, "result": member}).to_string())]);
        let found = telegram.get_chat_member(ChatId(-5), UserId(7)).await.unwrap();
        assert_eq!((found, found.is_admin()), (standing, is_admin), "{member}");
        assert_eq!(seen.take()[0].body, json!({"chat_id": -5, "user_id": 7}));
    }
}

#[tokio::test]
async fn the_admins_of_a_group_are_listed_and_the_bot_can_leave() {
    let admins = json!({"ok": true, "result": [{"status": "creator", "user": {"id": 5_000_000_000_i64}},
        {"status": "hologram"}, {"status": "administrator", "user": {"id": 7}}]});
    let (telegram, seen) = telegram([(200, admins.to_string()), (200, r#"{"ok":true,"result":true}"#.to_owned())]);
    assert_eq!(telegram.get_chat_administrators(ChatId(-5)).await.unwrap(), [UserId(5_000_000_000), UserId(7)]);
    telegram.leave_chat(ChatId(-5)).await.unwrap();
    assert!(seen.take().iter().all(|exchange| exchange.body == json!({"chat_id": -5})));
}

#[tokio::test]
async fn the_bot_learns_who_it_is() {
    let answer = json!({"ok": true, "result": {"id": 5_000_000_000_i64, "is_bot": true, "first_name": "Гряг",
        "username": "invented_bot", "can_read_all_group_messages": true, "hologram": {}}});
    let (telegram, _) = telegram([(200, answer.to_string())]);
    let me = telegram.get_me().await.unwrap();
    assert_eq!((me.id.0, &*me.username, me.can_read_all_group_messages), (5_000_000_000, "invented_bot", true));
}

#[tokio::test]
async fn each_call_is_measured_by_method_and_outcome() {
    let refusing = service_fn(|_: Request<Bytes>| async {
        let body = refusal(403, "Forbidden: bot was blocked by the user");
        Ok(Response::builder().status(403).body(Bytes::from(body)).unwrap())
    });
    let metrics = Metrics::new();
    send(&measured(BoxCloneSyncService::new(refusing), metrics.clone())).await.unwrap_err();
    let line = r#"gryag_telegram_request_duration_seconds_count{method="sendMessage",outcome="chat_gone"} 1"#;
    assert!(metrics.render().contains(line), "{}", metrics.render());
}

//! How updates reach the bot.

use std::sync::Mutex;

use axum::{Router, extract::State as Shared, http::HeaderMap, response::IntoResponse as _};

use super::*;
use crate::{sandbox::in_process, shutdown::Shutdown};

/// A bot that notes what it is sent and answers as it is told.
#[derive(Clone, Default)]
struct Bot(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    /// Seconds since the start, text, update id.
    seen: Vec<(u64, String, i64)>,
    secrets: Vec<String>,
    /// For texts that begin so: how often to fail, and with what.
    failing: Vec<(String, usize, u16, Option<&'static str>)>,
    started: Option<tokio::time::Instant>,
    answer: String,
}

impl Bot {
    fn fail(&self, text: &str, times: usize, status: u16, retry_after: Option<&'static str>) {
        self.0.lock().unwrap().failing.push((text.to_owned(), times, status, retry_after));
    }

    fn seen(&self) -> Vec<(u64, String)> {
        self.0.lock().unwrap().seen.iter().map(|(second, text, _)| (*second, text.clone())).collect()
    }

    fn texts(&self) -> Vec<String> {
        self.seen().into_iter().map(|(_, text)| text).collect()
    }
}

async fn hook(Shared(bot): Shared<Bot>, headers: HeaderMap, body: Bytes) -> axum::response::Response {
    let update: Value = serde_json::from_slice(&body).unwrap();
    let text = update["message"]["text"].as_str().unwrap_or_default().to_owned();
    let mut notes = bot.0.lock().unwrap();
    let second = notes.started.unwrap().elapsed().as_secs();
    notes.seen.push((second, text.clone(), update["update_id"].as_i64().unwrap()));
    notes.secrets.push(headers["x-telegram-bot-api-secret-token"].to_str().unwrap().to_owned());
    let failing = notes.failing.iter_mut().find(|(begins, times, ..)| *times > 0 && text.starts_with(begins.as_str()));
    match failing {
        Some((_, times, status, retry_after)) => {
            *times -= 1;
            let status = axum::http::StatusCode::from_u16(*status).unwrap();
            match retry_after {
                Some(seconds) => (status, [("retry-after", *seconds)]).into_response(),
                None => status.into_response(),
            }
        }
        None => notes.answer.clone().into_response(),
    }
}

/// A bot behind the webhook of a running delivery.
async fn bot(telegram: &FakeTelegram, shutdown: &Shutdown) -> Bot {
    let bot = Bot::default();
    bot.0.lock().unwrap().started = Some(tokio::time::Instant::now());
    let webhook = json!({"url": "http://bot/telegram/webhook", "secret_token": "s3cret"});
    ok(telegram, "setWebhook", webhook).await;
    let router = Router::new().route("/telegram/webhook", axum::routing::post(hook)).with_state(bot.clone());
    telegram.deliver_through(in_process(router), shutdown);
    bot
}

async fn settle(telegram: &FakeTelegram, within: Duration) {
    let empty = |telegram: &FakeTelegram| (telegram.pending_updates() == 0).then_some(());
    telegram.wait_for(within, empty).await.expect("everything is delivered in time");
}

#[tokio::test(start_paused = true)]
async fn updates_arrive_in_order_with_the_secret_and_are_marked_delivered() {
    let (telegram, shutdown) = (telegram(), Shutdown::new());
    let (chat, olia) = group(&telegram);
    let first = telegram.say(chat, olia, "раз");
    let bot = bot(&telegram, &shutdown).await;
    for text in ["два", "три", "чотири"] {
        telegram.say(chat, olia, text);
    }
    settle(&telegram, Duration::from_secs(1)).await;
    assert_eq!(bot.texts(), ["раз", "два", "три", "чотири"]);
    assert_eq!(bot.0.lock().unwrap().secrets[0], "s3cret");
    assert!(matches!(telegram.message(first).unwrap().delivery, Delivery::Delivered { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_failing_update_is_retried_on_the_ladder_and_blocks_only_its_chat() {
    let (telegram, shutdown) = (telegram(), Shutdown::new());
    let (chat, olia) = group(&telegram);
    let other = telegram.group("Інші", &[olia]);
    let bot = bot(&telegram, &shutdown).await;
    bot.fail("зле", 5, 500, None);
    let poisonous = telegram.say(chat, olia, "зле");
    telegram.say(chat, olia, "після злого");
    telegram.say(other, olia, "деінде");
    settle(&telegram, Duration::from_secs(60)).await;
    let seen = bot.seen();
    let seconds =
        |text: &str| seen.iter().filter(|(_, seen)| seen == text).map(|(second, _)| *second).collect::<Vec<_>>();
    assert_eq!(seconds("зле"), [0, 0, 2, 6, 14, 30]);
    assert_eq!(seconds("після злого"), [30]);
    assert_eq!(seconds("деінде"), [0]);
    let ids: std::collections::HashSet<i64> =
        bot.0.lock().unwrap().seen.iter().filter(|seen| seen.1 == "зле").map(|seen| seen.2).collect();
    assert_eq!(ids.len(), 1, "retries carry the same update_id");
    assert!(matches!(telegram.message(poisonous).unwrap().delivery, Delivery::Delivered { .. }));
    let info = ok(&telegram, "getWebhookInfo", json!({})).await;
    assert_eq!(info["last_error_message"], "Wrong response from the webhook: 500 Internal Server Error");
}

#[tokio::test(start_paused = true)]
async fn retry_after_replaces_the_ladder() {
    let (telegram, shutdown) = (telegram(), Shutdown::new());
    let (chat, olia) = group(&telegram);
    let bot = bot(&telegram, &shutdown).await;
    bot.fail("а", 2, 503, Some("30"));
    telegram.say(chat, olia, "а");
    settle(&telegram, Duration::from_secs(100)).await;
    assert_eq!(bot.seen().iter().map(|(second, _)| *second).collect::<Vec<_>>(), [0, 30, 60]);
}

#[tokio::test(start_paused = true)]
async fn an_update_is_given_up_after_a_day_and_frees_its_chat() {
    let (telegram, shutdown) = (telegram(), Shutdown::new());
    let (chat, olia) = group(&telegram);
    let bot = bot(&telegram, &shutdown).await;
    bot.fail("зле", usize::MAX, 500, None);
    let poisonous = telegram.say(chat, olia, "зле");
    tokio::time::sleep(Duration::from_secs(12 * 3600)).await;
    telegram.say(chat, olia, "після злого");
    settle(&telegram, Duration::from_secs(13 * 3600)).await;
    assert_eq!(telegram.message(poisonous).unwrap().delivery, Delivery::Expired);
    assert_eq!(bot.texts().last().unwrap(), "після злого");
}

#[tokio::test(start_paused = true)]
async fn updates_are_delivered_by_hand_as_often_as_wished() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let bot = Bot::default();
    bot.0.lock().unwrap().started = Some(tokio::time::Instant::now());
    ok(&telegram, "setWebhook", json!({"url": "http://bot/hook", "secret_token": "s"})).await;
    let router = Router::new().route("/hook", axum::routing::post(hook)).with_state(bot.clone());
    let transport = in_process(router);
    telegram.say(chat, olia, "раз");
    telegram.say(chat, olia, "два");
    let updates = telegram.take_updates();
    for update in [&updates[1], &updates[0], &updates[0]] {
        assert_eq!(telegram.deliver(update, &transport).await, Some(200));
    }
    assert_eq!(bot.texts(), ["два", "раз", "раз"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_taken_by_hand_does_not_double_the_next_one() {
    let (telegram, shutdown) = (telegram(), Shutdown::new());
    let (chat, olia) = group(&telegram);
    telegram.say(chat, olia, "раз");
    telegram.take_update().unwrap();
    telegram.say(chat, olia, "два");
    let bot = bot(&telegram, &shutdown).await;
    settle(&telegram, Duration::from_secs(1)).await;
    assert_eq!(bot.texts(), ["два"]);
}

#[tokio::test(start_paused = true)]
async fn get_updates_waits_confirms_and_conflicts() {
    let telegram = telegram();
    let (chat, olia) = group(&telegram);
    let poll = |offset: i64| {
        let telegram = telegram.clone();
        async move { call(&telegram, "getUpdates", json!({"offset": offset, "timeout": 50})).await }
    };
    let empty = poll(0).await;
    assert_eq!(empty, (200, json!({"ok": true, "result": []})));
    let (found, ()) = tokio::join!(poll(0), async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        telegram.say(chat, olia, "раз");
    });
    let id = found.1["result"][0]["update_id"].as_i64().unwrap();
    assert_eq!(telegram.pending_updates(), 1, "not confirmed yet");
    let (older, newer) = tokio::join!(poll(id + 1), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        poll(id + 1).await
    });
    assert_eq!((older.0, newer.0), (409, 200));
    assert_eq!(telegram.pending_updates(), 0);
    ok(&telegram, "setWebhook", json!({"url": "http://bot/hook"})).await;
    assert_eq!(poll(0).await.0, 409);
}

#[tokio::test(start_paused = true)]
async fn a_method_in_the_webhooks_answer_is_run() {
    let (telegram, shutdown) = (telegram(), Shutdown::new());
    let (chat, olia) = group(&telegram);
    let bot = bot(&telegram, &shutdown).await;
    bot.0.lock().unwrap().answer = json!({"method": "sendMessage", "chat_id": chat.0, "text": "ось"}).to_string();
    telegram.say(chat, olia, "раз");
    settle(&telegram, Duration::from_secs(1)).await;
    telegram.wait_for(Duration::from_secs(1), |telegram| (!telegram.sent().is_empty()).then_some(())).await.unwrap();
    assert_eq!(telegram.transcript(chat), "Оля: раз\nГряг: ось");
}

#[tokio::test(start_paused = true)]
async fn webhook_settings_are_checked() {
    let strict = FakeTelegram::new(TelegramOptions { plain_http_webhook: false, ..options() });
    let cases = [
        (json!({"url": "http://example.org/hook"}), "An HTTPS URL must be provided"),
        (json!({"url": "https://example.org:8080/hook"}), "ports 80, 88, 443 or 8443"),
        (json!({"url": "https://example.org/hook", "secret_token": "a b"}), "unallowed characters"),
    ];
    for (body, words) in cases {
        assert!(refused(&strict, "setWebhook", body).await.contains(words));
    }
    let good = json!({"url": "https://example.org/hook", "max_connections": 500, "allowed_updates": ["message"]});
    ok(&strict, "setWebhook", good).await;
    let info = ok(&strict, "getWebhookInfo", json!({})).await;
    assert_eq!((&info["max_connections"], &info["allowed_updates"]), (&json!(100), &json!(["message"])));
}

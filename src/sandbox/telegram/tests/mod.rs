//! The stand-in behaves as Telegram does: what it refuses, what it delivers, and when.

mod calls;
mod deliveries;
mod world;

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::TokioClock,
    domain::{Timestamp, UserId},
    random::Seeded,
    transport::{self, TransportError},
};

fn options() -> TelegramOptions {
    let clock = Arc::new(TokioClock::starting_at(Timestamp(1_790_000_000_000)));
    TelegramOptions::new(clock, Arc::new(Seeded::new(1)))
}

fn telegram() -> FakeTelegram {
    FakeTelegram::new(options())
}

/// A group of two with the bot.
fn group(telegram: &FakeTelegram) -> (ChatId, UserId) {
    let olia = telegram.person("Оля");
    let taras = telegram.person_with_username("Тарас", "taras");
    (telegram.group("Друзі", &[olia, taras]), olia)
}

async fn call(telegram: &FakeTelegram, method: &str, body: Value) -> (u16, Value) {
    let outcome = try_call(telegram, method, body).await;
    outcome.expect("no connection fault was planned")
}

async fn try_call(telegram: &FakeTelegram, method: &str, body: Value) -> Result<(u16, Value), TransportError> {
    let request = Request::post(format!("http://telegram/bot{TOKEN}/{method}"));
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let response = transport::call(&telegram.transport(), request).await?;
    let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    Ok((response.status().as_u16(), body))
}

async fn ok(telegram: &FakeTelegram, method: &str, body: Value) -> Value {
    let (status, body) = call(telegram, method, body).await;
    assert_eq!(status, 200, "{method}: {body}");
    body["result"].clone()
}

async fn refused(telegram: &FakeTelegram, method: &str, body: Value) -> String {
    let (status, body) = call(telegram, method, body).await;
    assert_ne!(status, 200, "{method}: {body}");
    assert_eq!(body["error_code"], status);
    assert_eq!(body["ok"], false);
    body["description"].as_str().unwrap().to_owned()
}

fn message_to(chat: ChatId, text: &str) -> Value {
    json!({"chat_id": chat.0, "text": text})
}

//! The page's API: what there is, and what a visitor does as one of the people.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Query, State},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Fate, SharedPage, TalkBudget, VoiceLabel, view};
use crate::{
    domain::{ChatId, MessageId, TopicId, UserId},
    sandbox::telegram::{Delivery, FakeTelegram, MessageRef},
};

/// How many messages of a chat the page shows.
const SHOWN: usize = 200;
/// For how many of the last messages the bot is asked what became of them.
const ASKED_FOR_FATE: usize = 20;
/// Telegram's limit for people's messages too, in UTF-16 units.
pub(super) const TEXT_MAX_UNITS: usize = 4096;

/// Why an action is refused: the page shows it as it is.
pub(super) type Refusal = (StatusCode, &'static str);

#[derive(Serialize)]
pub(super) struct World {
    bot: view::Person,
    people: Vec<view::Person>,
    rooms: Vec<view::Room>,
    /// The chat that the page opens on.
    group: i64,
    voice: Voice,
    /// The world's time, milliseconds since 1970: the page's own clock may be wrong.
    now_ms: i64,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Voice {
    Offline,
    Gemini { model: String },
}

pub(super) async fn world(State(page): State<SharedPage>) -> Json<World> {
    let telegram = &page.stage.telegram;
    let bot = telegram.bot();
    let voice = match &page.options.voice {
        VoiceLabel::Offline => Voice::Offline,
        VoiceLabel::Gemini { model } => Voice::Gemini { model: model.clone() },
    };
    Json(World {
        bot: view::Person { id: bot.id.0, name: bot.name, username: bot.username },
        people: view::people(telegram),
        rooms: telegram.rooms().into_iter().map(view::room).collect(),
        group: page.stage.group.0,
        voice,
        now_ms: telegram.options().clock.now().0,
    })
}

#[derive(Deserialize)]
pub(super) struct OfChat {
    chat: i64,
}

pub(super) async fn messages(State(page): State<SharedPage>, Query(of): Query<OfChat>) -> Json<Vec<view::Message>> {
    let messages = page.stage.telegram.messages(ChatId(of.chat), SHOWN);
    Json(messages.iter().filter_map(view::message).collect())
}

/// What the bot says of its last messages, by id. Empty where it says nothing.
pub(super) async fn fates(State(page): State<SharedPage>, Query(of): Query<OfChat>) -> Json<BTreeMap<i64, Fate>> {
    let mut told = BTreeMap::new();
    let Some(fates) = &page.options.fates else { return Json(told) };
    for message in page.stage.telegram.messages(ChatId(of.chat), ASKED_FOR_FATE) {
        let MessageRef { chat, id } = message.message;
        if !message.own && !matches!(message.delivery, Delivery::Delivered { .. }) {
            continue;
        }
        if let Some(fate) = fates.fate(chat, id).await {
            told.insert(id.0, fate);
        }
    }
    Json(told)
}

/// How much the bot may say unasked in a chat; null where it does not tell.
pub(super) async fn budget(State(page): State<SharedPage>, Query(of): Query<OfChat>) -> Json<Option<TalkBudget>> {
    let Some(fates) = &page.options.fates else { return Json(None) };
    Json(fates.talk_budget(ChatId(of.chat)).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    chat: i64,
    topic: Option<i64>,
    person: i64,
    text: String,
    reply_to: Option<i64>,
}

pub(super) async fn say(State(page): State<SharedPage>, Json(say): Json<Say>) -> Result<Json<Value>, Refusal> {
    let telegram = &page.stage.telegram;
    let text = say.text.trim();
    if text.is_empty() {
        return Err((StatusCode::BAD_REQUEST, "Порожнє повідомлення."));
    }
    if text.encode_utf16().count() > TEXT_MAX_UNITS {
        return Err((StatusCode::BAD_REQUEST, "Задовге повідомлення: у Telegram поміщається 4096 знаків."));
    }
    check_member(telegram, say.chat, say.person)?;
    let mut message = telegram.compose(ChatId(say.chat), UserId(say.person)).text(text);
    if let Some(topic) = say.topic {
        message = message.topic(TopicId(topic));
    }
    if let Some(reply_to) = say.reply_to {
        message = message.reply_to(MessageRef { chat: ChatId(say.chat), id: MessageId(reply_to) });
    }
    Ok(Json(json!({"id": message.send().id.0})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    chat: i64,
    message: i64,
    person: i64,
    /// An emoji, or a button's data.
    what: String,
}

pub(super) async fn react(State(page): State<SharedPage>, Json(act): Json<Act>) -> Result<StatusCode, Refusal> {
    let telegram = &page.stage.telegram;
    check_member(telegram, act.chat, act.person)?;
    if act.what.chars().count() > 4 {
        return Err((StatusCode::BAD_REQUEST, "Такої реакції немає."));
    }
    let message = MessageRef { chat: ChatId(act.chat), id: MessageId(act.message) };
    telegram.react(message, UserId(act.person), &act.what);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn press(State(page): State<SharedPage>, Json(act): Json<Act>) -> Result<StatusCode, Refusal> {
    let telegram = &page.stage.telegram;
    check_member(telegram, act.chat, act.person)?;
    let message = MessageRef { chat: ChatId(act.chat), id: MessageId(act.message) };
    match telegram.press(message, UserId(act.person), &act.what) {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err((StatusCode::NOT_FOUND, "Цієї кнопки вже немає.")),
    }
}

pub(super) fn check_member(telegram: &FakeTelegram, chat: i64, person: i64) -> Result<(), Refusal> {
    let rooms = telegram.rooms();
    let room = rooms.iter().find(|room| room.id.0 == chat).ok_or((StatusCode::NOT_FOUND, "Такого чату немає."))?;
    let is_member = room.members.contains(&UserId(person));
    if is_member { Ok(()) } else { Err((StatusCode::FORBIDDEN, "Цієї людини немає в чаті.")) }
}

//! Pictures and voices: sent by a visitor, shown by the page.

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    SharedPage,
    api::{Refusal, check_member},
};
use crate::{
    domain::{ChatId, MessageId, TopicId, UserId},
    sandbox::telegram::MessageRef,
};

/// Five megabytes, which is what the bot looks at, and a little more, in base64.
pub(super) const BODY_MAX_BYTES: usize = 8 * 1024 * 1024;
/// A caption's length in Telegram, in UTF-16 units.
const CAPTION_MAX_UNITS: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sent {
    chat: i64,
    topic: Option<i64>,
    person: i64,
    /// `photo` or `voice`.
    kind: String,
    /// Base64.
    data: String,
    caption: String,
    reply_to: Option<i64>,
}

pub(super) async fn send(State(page): State<SharedPage>, Json(sent): Json<Sent>) -> Result<Json<Value>, Refusal> {
    let telegram = &page.stage.telegram;
    let bad = |words| Err((StatusCode::BAD_REQUEST, words));
    check_member(telegram, sent.chat, sent.person)?;
    let caption = sent.caption.trim();
    if caption.encode_utf16().count() > CAPTION_MAX_UNITS {
        return bad("Задовгий підпис: у Telegram поміщається 1024 знаки.");
    }
    let Ok(content) = STANDARD.decode(&sent.data) else { return bad("Цей файл не читається.") };
    let content = Bytes::from(content);
    let message = telegram.compose(ChatId(sent.chat), UserId(sent.person)).text(caption);
    let mut message = match (sent.kind.as_str(), kind_of(&content)) {
        ("photo", Some("image/jpeg" | "image/png" | "image/webp")) => message.photo(content),
        ("voice", Some("audio/ogg" | "audio/mpeg")) => message.voice(content),
        _ => return bad("Надіслати можна картинку або голосове (OGG чи MP3)."),
    };
    if let Some(topic) = sent.topic {
        message = message.topic(TopicId(topic));
    }
    if let Some(reply_to) = sent.reply_to {
        message = message.reply_to(MessageRef { chat: ChatId(sent.chat), id: MessageId(reply_to) });
    }
    Ok(Json(json!({"id": message.send().id.0})))
}

#[derive(Deserialize)]
pub(super) struct Of {
    chat: i64,
    message: i64,
}

/// The picture or the voice of a message.
pub(super) async fn show(State(page): State<SharedPage>, Query(of): Query<Of>) -> Response {
    let message = MessageRef { chat: ChatId(of.chat), id: MessageId(of.message) };
    let content = page.stage.telegram.attached(message);
    match content.and_then(|content| Some((kind_of(&content)?, content))) {
        Some((kind, content)) => ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], content).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the bytes are: a browser must not be made to take them for a page.
fn kind_of(content: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 5] = [
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mpeg"),
        (b"\xff\xfb", "audio/mpeg"),
    ];
    if content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    KINDS.iter().find(|(begin, _)| content.starts_with(begin)).map(|(_, kind)| *kind)
}

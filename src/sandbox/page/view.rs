//! Messages and chats as the page's script takes them.

use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::UserId,
    sandbox::telegram::{Delivery, FakeTelegram, MessageView, RoomKind, RoomView},
};

#[derive(Serialize)]
pub(super) struct Message {
    chat: i64,
    id: i64,
    topic: Option<i64>,
    own: bool,
    author: i64,
    name: String,
    /// Seconds since 1970.
    date: i64,
    edited: bool,
    text: String,
    entities: Value,
    media: Option<&'static str>,
    /// How the page shows it: `picture`, `sound`; none for what it cannot show.
    shown: Option<&'static str>,
    reply_to: Option<ReplyTo>,
    buttons: Value,
    reactions: Vec<Reaction>,
    status: Option<Status>,
}

#[derive(Serialize)]
struct ReplyTo {
    id: i64,
    name: String,
    text: String,
}

#[derive(Serialize)]
struct Reaction {
    emoji: String,
    by: i64,
}

/// How far a person's message has come.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Status {
    Unseen,
    Waiting { failed_attempts: u32, why: Option<String> },
    Delivered { at_ms: i64 },
    Answered { by: i64 },
    Expired,
}

#[derive(Serialize)]
pub(super) struct Room {
    id: i64,
    kind: &'static str,
    title: String,
    topics: Vec<(i64, String)>,
    bot_is_in: bool,
}

#[derive(Serialize)]
pub(super) struct Person {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) username: Option<String>,
}

pub(super) fn room(room: RoomView) -> Room {
    let kind = match room.kind {
        RoomKind::Private => "private",
        RoomKind::Forum => "forum",
        RoomKind::Group | RoomKind::Supergroup => "group",
    };
    let topics = room.topics.into_iter().map(|(id, name)| (id.0, name)).collect();
    Room { id: room.id.0, kind, title: room.title, topics, bot_is_in: room.bot_is_in }
}

/// None for service messages, which the page does not show.
pub(super) fn message(view: &MessageView) -> Option<Message> {
    const MEDIA: [(&str, &str); 7] = [
        ("photo", "фото"),
        ("sticker", "стікер"),
        ("voice", "голосове"),
        ("video", "відео"),
        ("animation", "гіфка"),
        ("document", "файл"),
        ("poll", "опитування"),
    ];
    let json = &view.json;
    let media = MEDIA.iter().find(|(key, _)| json.get(*key).is_some()).map(|(_, name)| *name);
    let text = json["text"].as_str().or_else(|| json["caption"].as_str());
    if text.is_none() && media.is_none() {
        return None;
    }
    let entities = json.get("entities").or_else(|| json.get("caption_entities")).cloned().unwrap_or(Value::Null);
    Some(Message {
        chat: view.message.chat.0,
        id: view.message.id.0,
        topic: view.topic.map(|topic| topic.0),
        own: view.own,
        author: view.author.0,
        name: name(&json["from"]),
        date: json["date"].as_i64().unwrap_or_default(),
        edited: json.get("edit_date").is_some(),
        text: text.unwrap_or_default().to_owned(),
        entities,
        media,
        shown: match media {
            Some("фото" | "стікер") => Some("picture"),
            Some("голосове") => Some("sound"),
            _ => None,
        },
        reply_to: reply_to(&json["reply_to_message"]),
        buttons: json["reply_markup"]["inline_keyboard"].clone(),
        reactions: reactions(&view.reactions),
        status: (!view.own).then(|| status(view)),
    })
}

fn name(from: &Value) -> String {
    from["first_name"].as_str().unwrap_or_default().to_owned()
}

fn reply_to(replied: &Value) -> Option<ReplyTo> {
    let id = replied["message_id"].as_i64()?;
    let text = replied["text"].as_str().or_else(|| replied["caption"].as_str());
    // In a topic the replied-to message may be the topic's creation: nothing that a reader should see.
    if replied.get("forum_topic_created").is_some() {
        return None;
    }
    Some(ReplyTo { id, name: name(&replied["from"]), text: text.unwrap_or("…").chars().take(120).collect() })
}

fn reactions(reactions: &[(UserId, Vec<String>)]) -> Vec<Reaction> {
    let each = reactions.iter().flat_map(|(by, emoji)| emoji.iter().map(|emoji| (by.0, emoji.clone())));
    each.map(|(by, emoji)| Reaction { emoji, by }).collect()
}

fn status(view: &MessageView) -> Status {
    match (&view.delivery, view.answered_by) {
        (_, Some(by)) => Status::Answered { by: by.0 },
        (Delivery::NotForBot, None) => Status::Unseen,
        (Delivery::Waiting { failed_attempts, last_failure }, None) => {
            Status::Waiting { failed_attempts: *failed_attempts, why: last_failure.clone() }
        }
        (Delivery::Delivered { at }, None) => Status::Delivered { at_ms: at.0 },
        (Delivery::Expired, None) => Status::Expired,
    }
}

pub(super) fn people(telegram: &FakeTelegram) -> Vec<Person> {
    let person =
        |view: crate::sandbox::telegram::PersonView| Person { id: view.id.0, name: view.name, username: view.username };
    telegram.people().into_iter().map(person).collect()
}

//! Labelled messages as Telegram would send them.

use serde_json::{Map, Value, json};

use crate::{domain::UserId, telegram::Me};

const BOT: i64 = 42;
const CHAT: i64 = -1_001_234;
const CHANNEL: i64 = -1_005_678;
const DATE: i64 = 1_795_428_000;

pub(super) fn me() -> Me {
    Me {
        id: UserId(BOT),
        username: "gryag_bot".to_owned(),
        first_name: "Гряг".to_owned(),
        can_read_all_group_messages: true,
    }
}

fn bot() -> Value {
    json!({"id": BOT, "is_bot": true, "first_name": "Гряг", "username": "gryag_bot"})
}

fn other_bot(name: &str) -> Value {
    json!({"id": 77, "is_bot": true, "first_name": name, "username": "counter_bot"})
}

fn person(id: i64, name: &str) -> Value {
    json!({"id": id, "is_bot": false, "first_name": name})
}

fn group() -> Value {
    json!({"id": CHAT, "type": "supergroup", "title": "Ліс"})
}

fn channel() -> Value {
    json!({"id": CHANNEL, "type": "channel", "title": "Новини лісу"})
}

/// Who writes, as the fields of a message.
fn sender(flags: &[&str]) -> Vec<(&'static str, Value)> {
    let has = |flag| flags.contains(&flag);
    if has("anon") {
        let from =
            json!({"id": 1_087_968_824_i64, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot"});
        vec![("from", from), ("sender_chat", group()), ("author_signature", json!("адмін"))]
    } else if has("channel") {
        let from = json!({"id": 136_817_688, "is_bot": true, "first_name": "Channel", "username": "Channel_Bot"});
        vec![("from", from), ("sender_chat", channel())]
    } else if has("linked") {
        let from = json!({"id": 777_000, "is_bot": false, "first_name": "Telegram"});
        vec![("from", from), ("sender_chat", channel()), ("is_automatic_forward", json!(true))]
    } else if has("bot") {
        vec![("from", other_bot("Рахівник"))]
    } else if has("own") {
        vec![("from", bot())]
    } else if has("in=channel") {
        vec![("sender_chat", channel())]
    } else {
        vec![("from", person(5, "Оля"))]
    }
}

/// What the message answers.
fn replied(to: &str, chat: &Value) -> (&'static str, Value) {
    let message = |fields: Vec<(&str, Value)>| {
        let mut message = json!({"message_id": 90, "date": DATE - 60, "chat": chat, "text": "кави не буде"});
        for (key, value) in fields {
            message[key] = value;
        }
        message
    };
    let value = match to {
        "own" => message(vec![("from", bot())]),
        "bot" => message(vec![("from", other_bot("Рахівник"))]),
        "botnamesake" => message(vec![("from", other_bot("Гряг"))]),
        "person" => message(vec![("from", person(6, "Тарас"))]),
        "namesake" => message(vec![("from", person(6, "Гряг"))]),
        "self" => message(vec![("from", person(5, "Оля"))]),
        "anon" => message(sender(&["anon"])),
        "channel" => message(sender(&["channel"])),
        "linked" => message(sender(&["linked"])),
        "unknown" => message(Vec::new()),
        "topic" => {
            message(vec![("message_id", json!(7)), ("from", person(6, "Тарас")), ("forum_topic_created", json!({}))])
        }
        "owntopic" => message(vec![("message_id", json!(7)), ("from", bot()), ("forum_topic_created", json!({}))]),
        "elsewhere" => {
            let origin = json!({"type": "user", "date": DATE - 60, "sender_user": bot()});
            return ("external_reply", json!({"origin": origin, "chat": channel(), "message_id": 90}));
        }
        other => panic!("replies to {other}?"),
    };
    ("reply_to_message", value)
}

fn origin(kind: &str) -> Value {
    let date = DATE - 600;
    match kind {
        "user" => json!({"type": "user", "date": date, "sender_user": person(8, "Ігор")}),
        "bot" => json!({"type": "user", "date": date, "sender_user": other_bot("Рахівник")}),
        "own" => json!({"type": "user", "date": date, "sender_user": bot()}),
        "hidden" => json!({"type": "hidden_user", "date": date, "sender_user_name": "Хтось"}),
        "channel" => json!({"type": "channel", "date": date, "chat": channel(), "message_id": 3}),
        "chat" => json!({"type": "chat", "date": date, "sender_chat": group()}),
        "unknown" => json!({"type": "of_another_time", "date": date}),
        other => panic!("forwarded from {other}?"),
    }
}

fn media(kind: &str) -> Value {
    let file = json!({"file_id": "f", "file_unique_id": "u", "width": 5, "height": 5, "duration": 3, "emoji": "😀"});
    if kind == "photo" { json!([file]) } else { file }
}

/// The update that a line of the fixture stands for.
pub(super) fn update(flags: &str, text: &str) -> Value {
    let flags: Vec<&str> = flags.split(' ').filter(|flag| !flag.is_empty()).collect();
    let value_of = |key: &str| flags.iter().find_map(|flag| flag.strip_prefix(key)?.strip_prefix('='));
    let chat = match value_of("in") {
        Some("private") => json!({"id": 5, "type": "private", "first_name": "Оля"}),
        Some("channel") => channel(),
        _ => group(),
    };
    let mut message = Map::new();
    message.insert("message_id".into(), json!(100));
    message.insert("date".into(), json!(DATE));
    message.insert("chat".into(), chat.clone());
    message.extend(sender(&flags).into_iter().map(|(key, value)| (key.to_owned(), value)));
    if let Some(to) = value_of("re") {
        let (key, value) = replied(to, &chat);
        message.insert(key.to_owned(), value);
    }
    if let Some(kind) = value_of("fwd") {
        message.insert("forward_origin".into(), origin(kind));
    }
    if let Some(name) = value_of("service") {
        message.insert(name.to_owned(), json!([]));
    }
    if flags.contains(&"forum") {
        message.insert("message_thread_id".into(), json!(7));
        message.insert("is_topic_message".into(), json!(true));
    }
    if flags.contains(&"via") {
        message.insert("via_bot".into(), other_bot("gif"));
    }
    if flags.contains(&"quote") {
        message.insert("quote".into(), json!({"text": "не буде", "position": 5}));
    }
    let captioned = flags.iter().position(|flag| *flag == "caption");
    let (text, entities) = marked(&text.replace("\\n", "\n").replace("\\u200b", "\u{200b}"));
    if let Some(at) = captioned {
        message.insert(flags[at + 1].to_owned(), media(flags[at + 1]));
    }
    let (words, marks) = if captioned.is_some() { ("caption", "caption_entities") } else { ("text", "entities") };
    if !text.is_empty() {
        message.insert(words.into(), json!(text));
        message.insert(marks.into(), json!(entities));
    }
    let kind = match (flags.contains(&"edit"), value_of("in")) {
        (true, _) => "edited_message",
        (false, Some("channel")) => "channel_post",
        (false, _) => "message",
    };
    json!({"update_id": 1, kind: message})
}

/// `{kind|words}` and `{kind=detail|words}` as text and entities; they may stand inside each other.
fn marked(source: &str) -> (String, Vec<Value>) {
    let (mut text, mut entities, mut open) = (String::new(), Vec::new(), Vec::new());
    let units = |text: &str| text.encode_utf16().count();
    let mut rest = source;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '{' => {
                let (head, after) = rest.split_once('|').expect("a mark has a bar");
                rest = after;
                open.push((head.to_owned(), units(&text)));
            }
            '}' => {
                let (head, offset) = open.pop().expect("a mark is opened before it is closed");
                entities.push(entity(&head, offset, units(&text) - offset));
            }
            letter => text.push(letter),
        }
    }
    (text, entities)
}

fn entity(head: &str, offset: usize, length: usize) -> Value {
    let (kind, detail) = head.split_once('=').unwrap_or((head, ""));
    let mut entity = json!({"type": kind, "offset": offset, "length": length});
    match (kind, detail) {
        ("text_mention", "me") => entity["user"] = bot(),
        ("text_mention", "person") => entity["user"] = person(6, "Тарас"),
        ("text_mention", "bot") => entity["user"] = other_bot("Рахівник"),
        ("text_link", url) => entity["url"] = json!(url),
        _ => {}
    }
    entity
}

//! How people write: a builder for messages, with shortcuts for the usual ones.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    Change, FakeTelegram, MessageRef,
    chat::{Post, RoomKind},
    entities,
    state::State,
};
use crate::domain::{ChatId, MessageId, TopicId, UserId};

/// Fields of a message that carry media.
pub(super) const MEDIA_KEYS: [&str; 14] = [
    "photo",
    "sticker",
    "voice",
    "video",
    "video_note",
    "animation",
    "audio",
    "document",
    "poll",
    "location",
    "contact",
    "dice",
    "story",
    "game",
];

/// A message being written. Ends with [`Compose::send`].
#[derive(Clone, Debug)]
#[must_use = "a message is written by `send`"]
pub struct Compose {
    telegram: FakeTelegram,
    chat: ChatId,
    person: UserId,
    topic: Option<TopicId>,
    reply_to: Option<MessageRef>,
    text: Option<String>,
    file: Option<(&'static str, Bytes, u64)>,
    body: Map<String, Value>,
}

impl FakeTelegram {
    /// Begins a message of `person` in `chat`.
    pub fn compose(&self, chat: ChatId, person: UserId) -> Compose {
        Compose {
            telegram: self.clone(),
            chat,
            person,
            topic: None,
            reply_to: None,
            text: None,
            file: None,
            body: Map::new(),
        }
    }

    /// `person` writes `text`.
    pub fn say(&self, chat: ChatId, person: UserId, text: &str) -> MessageRef {
        self.compose(chat, person).text(text).send()
    }

    /// `person` answers `message` with `text`, in its topic.
    pub fn reply(&self, message: MessageRef, person: UserId, text: &str) -> MessageRef {
        self.compose(message.chat, person).text(text).reply_to(message).send()
    }

    /// `person` writes `text` in a topic.
    pub fn say_in(&self, chat: ChatId, topic: TopicId, person: UserId, text: &str) -> MessageRef {
        self.compose(chat, person).topic(topic).text(text).send()
    }

    /// `person` sends a picture, with a caption if it is not empty.
    pub fn photo(&self, chat: ChatId, person: UserId, caption: &str) -> MessageRef {
        self.compose(chat, person).photo(tiny_jpeg()).text(caption).send()
    }

    /// `person` sends `pictures` pictures at once; the first has the caption.
    pub fn album(&self, chat: ChatId, person: UserId, pictures: usize, caption: &str) -> Vec<MessageRef> {
        let id = format!("1{:016}", self.options().random.bits() % 10_000_000_000_000_000);
        let picture = |number| {
            let caption = if number == 0 { caption } else { "" };
            self.compose(chat, person).photo(tiny_jpeg()).text(caption).field("media_group_id", json!(id)).send()
        };
        (0..pictures).map(picture).collect()
    }
}

/// The beginning and end of a JPEG: enough for whoever looks at the first bytes.
fn tiny_jpeg() -> Bytes {
    Bytes::from_static(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9")
}

impl Compose {
    /// Text, or the caption if there is media.
    pub fn text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned()).filter(|text| !text.is_empty());
        self
    }

    /// In a forum topic.
    pub fn topic(mut self, topic: TopicId) -> Self {
        self.topic = Some(topic);
        self
    }

    /// As an answer to a message, in its topic.
    pub fn reply_to(mut self, message: MessageRef) -> Self {
        self.reply_to = Some(message);
        self
    }

    /// Quoting a part of the answered message.
    pub fn quote(self, text: &str) -> Self {
        self.field("quote", json!({"text": text, "position": 0, "is_manual": true}))
    }

    /// Forwarded from somebody who hides their account behind a name.
    pub fn forwarded_from(self, name: &str) -> Self {
        let date = self.telegram.now().0.div_euclid(1000) - 60;
        self.field("forward_origin", json!({"type": "hidden_user", "sender_user_name": name, "date": date}))
    }

    /// With a picture.
    pub fn photo(mut self, jpeg: Bytes) -> Self {
        self.file = Some(("photo", jpeg, 0));
        self
    }

    /// With a voice message.
    pub fn voice(mut self, ogg: Bytes) -> Self {
        self.file = Some(("voice", ogg, 0));
        self
    }

    /// With a static sticker.
    pub fn sticker(mut self, webp: Bytes) -> Self {
        self.file = Some(("sticker", webp, 0));
        self
    }

    /// With a document.
    pub fn document(mut self, content: Bytes) -> Self {
        self.file = Some(("document", content, 0));
        self
    }

    /// The file says that it has so many bytes, whatever it has.
    pub fn file_size(mut self, bytes: u64) -> Self {
        if let Some(file) = &mut self.file {
            file.2 = bytes;
        }
        self
    }

    /// Any further field of the Bot API's `Message`.
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.body.insert(name.to_owned(), value);
        self
    }

    /// Sends it, and returns what it became.
    ///
    /// # Panics
    ///
    /// If the chat does not exist: the test or page that drives the world is wrong.
    pub fn send(self) -> MessageRef {
        let telegram = self.telegram.clone();
        let message = self.post(&mut telegram.lock());
        telegram.tell(Change::Message(message));
        telegram.ring();
        message
    }

    fn post(mut self, state: &mut State) -> MessageRef {
        let now = self.telegram.now();
        self.fill_body(state);
        let chat = state.chats.get(&self.chat.0).expect("messages are written in chats that exist");
        let reply = self.reply_to.filter(|reply| reply.chat == self.chat).map(|reply| reply.id.0);
        let reply_topic = reply.and_then(|id| chat.messages.get(&id)).and_then(|message| message.topic);
        let topic = self.topic.map(|topic| topic.0).or(reply_topic).filter(|_| chat.kind == RoomKind::Forum);
        let (author, from) = (self.person.0, state.user_json(self.person.0));
        let post = Post { author, own: false, from, topic, reply_to: reply, body: self.body };
        let id = state.post(self.chat.0, post, now).expect("the chat was there a line ago, under the same lock");
        state.announce(self.chat.0, id, "message", now);
        MessageRef { chat: self.chat, id: MessageId(id) }
    }

    fn fill_body(&mut self, state: &mut State) {
        let (text_key, entities_key) =
            if self.file.is_some() { ("caption", "caption_entities") } else { ("text", "entities") };
        if let Some(text) = self.text.take() {
            let found = entities::detect(&text);
            self.body.insert(text_key.into(), text.into());
            if !found.is_empty() && !self.body.contains_key(entities_key) {
                self.body.insert(entities_key.into(), found.into());
            }
        }
        if let Some((kind, content, size)) = self.file.take() {
            self.body.insert(kind.into(), file_json(state, kind, content, size));
        }
    }
}

/// The Bot API's description of a file that was just sent.
fn file_json(state: &mut State, kind: &str, content: Bytes, size: u64) -> Value {
    let size = if size == 0 { content.len() as u64 } else { size };
    let extension = match kind {
        "photo" => "jpg",
        "voice" => "oga",
        "sticker" => "webp",
        _ => "bin",
    };
    let (id, unique_id) = state.add_file(extension, content.clone(), size);
    let mut json = json!({"file_id": id, "file_unique_id": unique_id, "file_size": size});
    let mut add = |fields: Value| {
        if let (Some(json), Value::Object(fields)) = (json.as_object_mut(), fields) {
            json.extend(fields);
        }
    };
    match kind {
        "voice" => add(json!({"duration": 3, "mime_type": "audio/ogg"})),
        "document" => add(json!({"file_name": "file.bin", "mime_type": "application/octet-stream"})),
        "sticker" => {
            add(json!({"type": "regular", "width": 512, "height": 512, "is_animated": false, "is_video": false,
            "emoji": "😀", "set_name": "sandbox"}))
        }
        "photo" => {
            add(json!({"width": 1280, "height": 960}));
            // Sizes ascend; the last is the picture itself.
            let (small, small_unique) = state.add_file(extension, content, size.min(1500));
            let small = json!({"file_id": small, "file_unique_id": small_unique, "file_size": size.min(1500),
                "width": 90, "height": 67});
            return json!([small, json]);
        }
        _ => {}
    }
    json
}

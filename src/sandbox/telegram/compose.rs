//! How people write: a builder for messages, with shortcuts for the usual ones.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    Change, FakeTelegram, MessageRef,
    chat::{Post, RoomKind},
    entities,
    files::{self, File},
    samples,
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
    pub(super) file: Option<File>,
    disguise: Option<Disguise>,
    bot_to_bot: bool,
    ago: Duration,
    body: Map<String, Value>,
}

/// Behind which account of Telegram's own a message comes (telegram_api.md section 5).
#[derive(Clone, Debug)]
enum Disguise {
    /// An admin who writes as the group.
    AnonymousAdmin,
    /// Somebody who writes as this channel.
    Channel(ChatId, String),
    /// A post of this channel, which is linked to the group; Telegram forwards it by itself.
    LinkedPost(ChatId, String),
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
            disguise: None,
            bot_to_bot: false,
            ago: Duration::ZERO,
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
        self.compose(chat, person).photo(samples::jpeg()).text(caption).send()
    }

    /// `person` sends `pictures` pictures at once; the first has the caption.
    pub fn album(&self, chat: ChatId, person: UserId, pictures: usize, caption: &str) -> Vec<MessageRef> {
        let id = format!("1{:016}", self.options().random.bits() % 10_000_000_000_000_000);
        let picture = |number| {
            let caption = if number == 0 { caption } else { "" };
            self.compose(chat, person).photo(samples::jpeg()).text(caption).field("media_group_id", json!(id)).send()
        };
        (0..pictures).map(picture).collect()
    }
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

    /// As the group itself, which its admins may.
    pub fn anonymously(mut self) -> Self {
        self.disguise = Some(Disguise::AnonymousAdmin);
        self
    }

    /// As a channel of theirs.
    pub fn as_channel(mut self, channel: ChatId, title: &str) -> Self {
        self.disguise = Some(Disguise::Channel(channel, title.to_owned()));
        self
    }

    /// As a post of the channel that is linked to the group.
    pub fn as_linked_post(mut self, channel: ChatId, title: &str) -> Self {
        self.disguise = Some(Disguise::LinkedPost(channel, title.to_owned()));
        self
    }

    /// From another bot, to this one, in bot-to-bot mode: Telegram shows it.
    pub fn bot_to_bot(mut self) -> Self {
        self.bot_to_bot = true;
        self
    }

    /// Mentions somebody who has no @username by the words `name`, which must stand in the text.
    pub fn mentioning(self, name: &str, person: UserId) -> Self {
        let text = self.text.clone().unwrap_or_default();
        let before = text.split(name).next().unwrap_or_default();
        let user = self.telegram.lock().user_json(person.0);
        let entity = json!({"type": "text_mention", "offset": before.encode_utf16().count(),
            "length": name.encode_utf16().count(), "user": user});
        self.field("entities", json!([entity]))
    }

    /// It was written so long ago, and Telegram has kept it for the bot since.
    pub fn ago(mut self, ago: Duration) -> Self {
        self.ago = ago;
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
        let (author, from) = (self.person.0, self.sender(state));
        let post =
            Post { author, own: false, bot_to_bot: self.bot_to_bot, from, topic, reply_to: reply, body: self.body };
        let id =
            state.post(self.chat.0, post, now - self.ago).expect("the chat was there a line ago, under the same lock");
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
        if let Some(file) = self.file.take() {
            self.body.insert(file.key().into(), files::describe(state, file));
        }
    }

    /// Who stands in `from`; behind a disguise `sender_chat` tells the rest.
    fn sender(&mut self, state: &State) -> Value {
        let bot = |id: i64, name: &str, username: &str| json!({"id": id, "is_bot": true, "first_name": name, "username": username});
        let channel = |id: &ChatId, title: &str| json!({"id": id.0, "type": "channel", "title": title});
        match &self.disguise {
            None => state.user_json(self.person.0),
            Some(Disguise::AnonymousAdmin) => {
                self.body.insert("sender_chat".into(), state.chat_json(self.chat.0));
                bot(1_087_968_824, "Group", "GroupAnonymousBot")
            }
            Some(Disguise::Channel(id, title)) => {
                self.body.insert("sender_chat".into(), channel(id, title));
                bot(136_817_688, "Channel", "Channel_Bot")
            }
            Some(Disguise::LinkedPost(id, title)) => {
                let (date, chat) = (self.telegram.now().0.div_euclid(1000), channel(id, title));
                let origin = json!({"type": "channel", "chat": chat, "message_id": 1, "date": date});
                self.body.insert("sender_chat".into(), chat);
                self.body.insert("forward_origin".into(), origin);
                self.body.insert("is_automatic_forward".into(), true.into());
                json!({"id": 777_000, "is_bot": false, "first_name": "Telegram"})
            }
        }
    }
}

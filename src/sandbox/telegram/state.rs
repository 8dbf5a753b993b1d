//! Everything that the simulated Telegram knows, behind one lock.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::{
    Fault, MessageRef, TelegramOptions,
    chat::{Chat, Post, RoomKind},
    journal::{Call, Sent},
    limits::Window,
    updates::{Queue, Updates},
};
use crate::{
    domain::{ChatId, MessageId, Timestamp},
    sandbox::{
        fault::FaultPlan,
        recording::{Journal, Recording},
    },
};

/// How long messages and most other updates wait for the bot: 24 h.
pub(super) const UPDATE_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) username: Option<String>,
    pub(super) is_bot: bool,
}

impl Person {
    /// The Bot API's `User`.
    pub(super) fn as_json(&self) -> Value {
        let mut json = json!({"id": self.id, "is_bot": self.is_bot, "first_name": self.name});
        if let Some(username) = &self.username {
            json["username"] = username.as_str().into();
        }
        if !self.is_bot {
            json["language_code"] = "uk".into();
        }
        json
    }
}

#[derive(Debug)]
pub(super) struct StoredFile {
    pub(super) path: String,
    pub(super) unique_id: String,
    pub(super) size_bytes: u64,
    pub(super) content: bytes::Bytes,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) bot: Person,
    pub(super) people: BTreeMap<i64, Person>,
    pub(super) chats: BTreeMap<i64, Chat>,
    /// By file id.
    pub(super) files: HashMap<String, StoredFile>,
    /// Button presses that wait for answerCallbackQuery, by id: whose.
    pub(super) callbacks: BTreeMap<i64, i64>,
    /// Commands by scope and language.
    pub(super) commands: BTreeMap<String, Value>,
    pub(super) updates: Updates,
    pub(super) faults: FaultPlan<Fault>,
    pub(super) calls: Journal<Call>,
    pub(super) sent: Journal<Sent>,
    pub(super) overall: Window,
    next: Next,
    kept: usize,
    privacy_mode: bool,
}

/// The next free ids.
#[derive(Debug)]
struct Next {
    person: i64,
    group: i64,
    supergroup: i64,
    file: i64,
    callback: i64,
}

impl State {
    pub(super) fn new(options: &TelegramOptions) -> Self {
        let id = options.token.split(':').next().and_then(|digits| digits.parse().ok()).unwrap_or(7_000_000_001);
        let bot = Person { id, name: options.name.clone(), username: Some(options.username.clone()), is_bot: true };
        let calls = match options.recording {
            // In a long run calls (typing above all) outnumber sends.
            Recording::Last(kept) => Recording::Last(kept.saturating_mul(2)),
            other => other,
        };
        Self {
            bot,
            people: BTreeMap::new(),
            chats: BTreeMap::new(),
            files: HashMap::new(),
            callbacks: BTreeMap::new(),
            commands: BTreeMap::new(),
            updates: Updates::new(options.updates_max),
            faults: FaultPlan::default(),
            calls: Journal::new(calls),
            sent: Journal::new(options.recording),
            overall: Window::default(),
            next: Next {
                person: 200_000_001,
                group: -4_000_000_001,
                supergroup: -1_002_000_000_001,
                file: 1,
                callback: 4_400_000_000_000_001,
            },
            kept: options.messages_kept_per_chat,
            privacy_mode: options.privacy_mode,
        }
    }

    pub(super) fn add_person(&mut self, name: &str, username: Option<&str>, is_bot: bool) -> i64 {
        let id = self.next.person;
        self.next.person += 1;
        let person = Person { id, name: name.to_owned(), username: username.map(str::to_owned), is_bot };
        self.people.insert(id, person);
        id
    }

    pub(super) fn add_group(&mut self, kind: RoomKind, title: &str, members: Vec<i64>) -> i64 {
        let next = if kind == RoomKind::Group { &mut self.next.group } else { &mut self.next.supergroup };
        let id = *next;
        *next -= 1;
        self.chats.insert(id, Chat::new(id, kind, title, members));
        id
    }

    /// The private chat of a person, opened if it was not.
    pub(super) fn private(&mut self, person: i64) -> &mut Chat {
        self.chats.entry(person).or_insert_with(|| Chat::new(person, RoomKind::Private, "", vec![person]))
    }

    pub(super) fn add_file(&mut self, extension: &str, content: bytes::Bytes, size_bytes: u64) -> (String, String) {
        let number = self.next.file;
        self.next.file += 1;
        let (id, unique_id) = (format!("AgACAgIAAxkBAAI{number:012}"), format!("AQAD{number:08}"));
        let path = format!("files/file_{number}.{extension}");
        self.files.insert(id.clone(), StoredFile { path, unique_id: unique_id.clone(), size_bytes, content });
        (id, unique_id)
    }

    /// Notes a press and returns its callback id. Only the last thousand wait for an answer.
    pub(super) fn add_callback(&mut self, person: i64) -> i64 {
        let id = self.next.callback;
        self.next.callback += 1;
        self.callbacks.insert(id, person);
        if self.callbacks.len() > 1000 {
            self.callbacks.pop_first();
        }
        id
    }

    pub(super) fn user_json(&self, id: i64) -> Value {
        if id == self.bot.id { self.bot.as_json() } else { self.people.get(&id).map_or(Value::Null, Person::as_json) }
    }

    pub(super) fn chat_json(&self, id: i64) -> Value {
        self.chats.get(&id).map_or(Value::Null, |chat| chat.as_json(self.people.get(&id)))
    }

    /// Posts into a chat that exists.
    pub(super) fn post(&mut self, chat: i64, post: Post, now: Timestamp) -> Option<i64> {
        let (people, kept) = (&self.people, self.kept);
        let chat = self.chats.get_mut(&chat)?;
        Some(chat.post(post, people.get(&chat.id), now, kept))
    }

    /// A service message, from `author`.
    pub(super) fn post_service(&mut self, chat: i64, author: i64, body: Value, now: Timestamp) -> Option<MessageRef> {
        let Value::Object(body) = body else { return None };
        let (own, from) = (author == self.bot.id, self.user_json(author));
        let post = Post { author, own, bot_to_bot: false, from, topic: None, reply_to: None, body };
        let id = self.post(chat, post, now)?;
        self.announce(chat, id, "message", now);
        Some(MessageRef { chat: ChatId(chat), id: MessageId(id) })
    }

    /// Makes the update that tells the bot of a message, if Telegram tells bots of it.
    pub(super) fn announce(&mut self, chat_id: i64, message_id: i64, kind: &'static str, now: Timestamp) {
        let Some(chat) = self.chats.get_mut(&chat_id) else { return };
        let visible = chat.standing.is_in();
        let open = !self.privacy_mode || chat.standing == super::chat::Standing::Admin || !chat.is_group();
        let Some(message) = chat.messages.get_mut(&message_id) else { return };
        // Bots do not see bots, unless bot-to-bot mode is on; admins and channels only hide behind one.
        let behind_bot = message.json["from"]["is_bot"] == true && message.json.get("sender_chat").is_none();
        let by_bot = message.own || (behind_bot && !message.bot_to_bot);
        if !visible || by_bot || !(open || is_meant_for(&self.bot, &message.json)) {
            return;
        }
        let about = MessageRef { chat: ChatId(chat_id), id: MessageId(message_id) };
        // Messages expire by their own date; an edit is as fresh as itself.
        let expires = Timestamp(now.0 + UPDATE_LIFETIME_MS);
        let added = self.updates.add(kind, &message.json, Queue::Chat(chat_id), expires, Some(about));
        if added && kind == "message" {
            message.delivery = super::chat::Delivery::Waiting { failed_attempts: 0, last_failure: None };
        }
    }

    /// Makes an update that is no message.
    pub(super) fn happen(&mut self, kind: &'static str, content: &Value, queue: Queue, now: Timestamp) {
        self.updates.add(kind, content, queue, Timestamp(now.0 + UPDATE_LIFETIME_MS), None);
    }
}

/// What a bot in privacy mode still sees of a group (telegram_api.md section 6). Plain mentions are not on
/// Telegram's list, so they do not count.
fn is_meant_for(bot: &Person, message: &Value) -> bool {
    let Some(text) = message["text"].as_str().or_else(|| message["caption"].as_str()) else {
        let media = super::compose::MEDIA_KEYS.iter().any(|kind| message.get(*kind).is_some());
        return !media;
    };
    let username = bot.username.as_deref().unwrap_or_default();
    let is_command = text.strip_prefix('/').is_some_and(|command| {
        let word = command.split_whitespace().next().unwrap_or_default();
        word.split_once('@').is_none_or(|(_, name)| name.eq_ignore_ascii_case(username))
    });
    is_command || message["reply_to_message"]["from"]["id"] == bot.id
}

//! One chat of the simulated Telegram and its messages, in the Bot API's shapes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{limits::ChatGate, refusal::Refusal, state::Person};
use crate::domain::Timestamp;

/// What kind of chat it is, as Telegram tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are Telegram's own")]
pub enum RoomKind {
    Private,
    Group,
    Supergroup,
    /// A supergroup with topics.
    Forum,
}

impl RoomKind {
    /// The word in `chat.type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Supergroup | Self::Forum => "supergroup",
        }
    }
}

/// How the bot stands in a chat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Admin,
    Member,
    /// Thrown out by an admin.
    Kicked,
    /// Left, or was never there.
    Left,
    /// A private chat whose person has stopped the bot.
    Blocked,
}

impl Standing {
    pub(super) const fn is_in(self) -> bool {
        matches!(self, Self::Admin | Self::Member)
    }

    /// The word in `ChatMember.status`.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::Admin => "administrator",
            Self::Member => "member",
            Self::Kicked | Self::Blocked => "kicked",
            Self::Left => "left",
        }
    }
}

/// How far a message has come on its way to the bot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// Telegram does not give it to the bot: its own message, privacy mode, or a kind that was not asked for.
    NotForBot,
    /// It waits, after so many failed attempts.
    Waiting {
        /// Attempts that failed so far.
        failed_attempts: u32,
        /// Why the last one failed.
        last_failure: Option<String>,
    },
    /// The bot has taken it.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// Telegram gave up after its lifetime.
    Expired,
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) closed: bool,
}

/// A message as the chat keeps it.
#[derive(Debug)]
pub(super) struct StoredMessage {
    /// The Bot API's `Message`.
    pub(super) json: Value,
    pub(super) author: i64,
    pub(super) own: bool,
    /// Shown to the bot although another bot wrote it.
    pub(super) bot_to_bot: bool,
    pub(super) topic: Option<i64>,
    pub(super) delivery: Delivery,
    pub(super) answered_by: Option<i64>,
    /// Emoji by who set them.
    pub(super) reactions: BTreeMap<i64, Vec<String>>,
}

#[derive(Debug)]
pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) kind: RoomKind,
    pub(super) title: String,
    /// Person ids, the creator first.
    pub(super) members: Vec<i64>,
    /// Admins beside the creator and the bot.
    pub(super) admins: BTreeSet<i64>,
    pub(super) topics: BTreeMap<i64, Topic>,
    pub(super) messages: BTreeMap<i64, StoredMessage>,
    pub(super) next_message_id: i64,
    pub(super) standing: Standing,
    /// Whether the bot may write where it is a member.
    pub(super) may_write: bool,
    pub(super) migrated_to: Option<i64>,
    /// Topic and end of the bot's typing.
    pub(super) typing: Option<(Option<i64>, Timestamp)>,
    pub(super) gate: ChatGate,
}

/// A message about to be posted.
pub(super) struct Post {
    pub(super) author: i64,
    pub(super) own: bool,
    pub(super) bot_to_bot: bool,
    pub(super) from: Value,
    pub(super) topic: Option<i64>,
    pub(super) reply_to: Option<i64>,
    /// Text, entities, media, service fields.
    pub(super) body: Map<String, Value>,
}

impl Chat {
    pub(super) fn new(id: i64, kind: RoomKind, title: &str, members: Vec<i64>) -> Self {
        Self {
            id,
            kind,
            title: title.to_owned(),
            members,
            admins: BTreeSet::new(),
            topics: BTreeMap::new(),
            messages: BTreeMap::new(),
            // In a supergroup the first id is its creation's, and in a forum it is General's.
            next_message_id: if matches!(kind, RoomKind::Supergroup | RoomKind::Forum) { 2 } else { 1 },
            standing: if kind == RoomKind::Private { Standing::Member } else { Standing::Admin },
            may_write: true,
            migrated_to: None,
            typing: None,
            gate: ChatGate::default(),
        }
    }

    /// The Bot API's `Chat`; a private one is described by its `person`.
    pub(super) fn as_json(&self, person: Option<&Person>) -> Value {
        let mut json = json!({"id": self.id, "type": self.kind.as_str()});
        match (self.kind, person) {
            (RoomKind::Private, Some(person)) => {
                json["first_name"] = person.name.as_str().into();
                if let Some(username) = &person.username {
                    json["username"] = username.as_str().into();
                }
            }
            (RoomKind::Private, None) => {}
            _ => json["title"] = self.title.as_str().into(),
        }
        match self.kind {
            // Not in the documentation, but in every update from a basic group.
            RoomKind::Group => json["all_members_are_administrators"] = false.into(),
            RoomKind::Forum => json["is_forum"] = true.into(),
            RoomKind::Private | RoomKind::Supergroup => {}
        }
        json
    }

    /// Adds a message and returns its id.
    pub(super) fn post(&mut self, post: Post, person: Option<&Person>, now: Timestamp, kept: usize) -> i64 {
        let id = self.next_message_id;
        self.next_message_id += 1;
        let mut json = post.body;
        json.insert("message_id".into(), id.into());
        json.insert("from".into(), post.from);
        json.insert("chat".into(), self.as_json(person));
        json.insert("date".into(), now.0.div_euclid(1000).into());
        self.place(&mut json, post.topic, post.reply_to);
        let message = StoredMessage {
            json: Value::Object(json),
            author: post.author,
            own: post.own,
            bot_to_bot: post.bot_to_bot,
            topic: post.topic,
            delivery: Delivery::NotForBot,
            answered_by: None,
            reactions: BTreeMap::new(),
        };
        self.messages.insert(id, message);
        while self.messages.len() > kept.max(1) {
            self.messages.pop_first();
        }
        id
    }

    /// Thread and reply, with Telegram's traps: in a topic the reply may be the topic's creation message, and in a
    /// plain supergroup a reply has a thread id that is no topic.
    fn place(&self, json: &mut Map<String, Value>, topic: Option<i64>, reply_to: Option<i64>) {
        if let Some(topic) = topic {
            json.insert("message_thread_id".into(), topic.into());
            json.insert("is_topic_message".into(), true.into());
        }
        let Some(target) = reply_to.or(topic).and_then(|id| self.messages.get(&id)) else { return };
        if self.kind == RoomKind::Supergroup && reply_to.is_some() {
            let root = target.json.get("message_thread_id").or_else(|| target.json.get("message_id"));
            json.insert("message_thread_id".into(), root.cloned().unwrap_or_default());
        }
        let mut replied_to = target.json.clone();
        if let Some(fields) = replied_to.as_object_mut() {
            fields.remove("reply_to_message");
        }
        json.insert("reply_to_message".into(), replied_to);
    }

    pub(super) fn is_group(&self) -> bool {
        self.kind != RoomKind::Private
    }

    /// Refuses what the bot may not do here at all.
    pub(super) fn check_bot_is_in(&self) -> Result<(), Refusal> {
        if let Some(to) = self.migrated_to {
            return Err(Refusal::migrated(to));
        }
        let kind = self.kind.as_str();
        match self.standing {
            Standing::Admin | Standing::Member => Ok(()),
            Standing::Kicked => Err(Refusal::forbidden(format!("bot was kicked from the {kind} chat"))),
            Standing::Left => Err(Refusal::forbidden(format!("bot is not a member of the {kind} chat"))),
            Standing::Blocked => Err(Refusal::forbidden("bot was blocked by the user")),
        }
    }

    /// Refuses what the bot may not write here.
    pub(super) fn check_bot_may_write(&self, topic: Option<i64>) -> Result<(), Refusal> {
        self.check_bot_is_in()?;
        if !self.may_write && self.standing == Standing::Member {
            return Err(Refusal::bad_request("not enough rights to send text messages to the chat"));
        }
        match topic {
            None => Ok(()),
            // General has no thread of its own: its id, 1, is refused too.
            Some(topic) => match self.topics.get(&topic) {
                None => Err(Refusal::bad_request("message thread not found")),
                Some(topic) if topic.closed && self.standing != Standing::Admin => {
                    Err(Refusal::bad_request("TOPIC_CLOSED"))
                }
                Some(_) => Ok(()),
            },
        }
    }
}

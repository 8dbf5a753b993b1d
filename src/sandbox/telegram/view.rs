//! What the page and the tests see of the world.

use serde_json::Value;

use super::{
    FakeTelegram, MessageRef,
    chat::{Chat, Delivery, RoomKind, StoredMessage},
    state::State,
};
use crate::domain::{ChatId, MessageId, Timestamp, TopicId, UserId};

/// A person of the world.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are what their names say")]
pub struct PersonView {
    pub id: UserId,
    pub name: String,
    pub username: Option<String>,
}

/// A chat of the world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomView {
    /// Its id.
    pub id: ChatId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its title; a private chat's is the person's name.
    pub title: String,
    /// Who is in it, the bot aside.
    pub members: Vec<UserId>,
    /// Topics of a forum, General aside.
    pub topics: Vec<(TopicId, String)>,
    /// Who of them is an admin, the creator first.
    pub admins: Vec<UserId>,
    /// Whether the bot is in it.
    pub bot_is_in: bool,
    /// Whether it is an admin there.
    pub bot_is_admin: bool,
}

/// A message of the world.
#[derive(Clone, PartialEq, Debug)]
pub struct MessageView {
    /// Which.
    pub message: MessageRef,
    /// Its topic.
    pub topic: Option<TopicId>,
    /// The bot wrote it.
    pub own: bool,
    /// Who wrote it.
    pub author: UserId,
    /// The Bot API's `Message`.
    pub json: Value,
    /// How far it came on its way to the bot.
    pub delivery: Delivery,
    /// With which message the bot answered it first.
    pub answered_by: Option<MessageId>,
    /// Reactions and who set them.
    pub reactions: Vec<(UserId, Vec<String>)>,
}

impl FakeTelegram {
    /// The bot as `getMe` shows it.
    pub fn bot(&self) -> PersonView {
        let state = self.lock();
        PersonView { id: UserId(state.bot.id), name: state.bot.name.clone(), username: state.bot.username.clone() }
    }

    /// All people, in the order in which they came.
    pub fn people(&self) -> Vec<PersonView> {
        let view = |person: &super::state::Person| PersonView {
            id: UserId(person.id),
            name: person.name.clone(),
            username: person.username.clone(),
        };
        self.lock().people.values().filter(|person| !person.is_bot).map(view).collect()
    }

    /// All chats; groups first.
    pub fn rooms(&self) -> Vec<RoomView> {
        let state = self.lock();
        // Group ids count down, so the older ones come first.
        let groups = state.chats.values().rev().filter(|chat| chat.is_group());
        let private = state.chats.values().filter(|chat| !chat.is_group());
        groups.chain(private).filter(|chat| chat.migrated_to.is_none()).map(|chat| room(&state, chat)).collect()
    }

    /// One message.
    pub fn message(&self, message: MessageRef) -> Option<MessageView> {
        let state = self.lock();
        let stored = state.chats.get(&message.chat.0)?.messages.get(&message.id.0)?;
        Some(view(message, stored))
    }

    /// The file that a message carries: of a photo the largest size.
    pub fn attached(&self, message: MessageRef) -> Option<bytes::Bytes> {
        let state = self.lock();
        let json = &state.chats.get(&message.chat.0)?.messages.get(&message.id.0)?.json;
        let described = super::compose::MEDIA_KEYS.iter().find_map(|key| json.get(*key))?;
        let described = described.as_array().and_then(|sizes| sizes.last()).unwrap_or(described);
        Some(state.files.get(described["file_id"].as_str()?)?.content.clone())
    }

    /// The last messages of a chat, oldest first.
    pub fn messages(&self, chat: ChatId, most: usize) -> Vec<MessageView> {
        let state = self.lock();
        let Some(found) = state.chats.get(&chat.0) else { return Vec::new() };
        let view = |(id, stored): (&i64, &StoredMessage)| view(MessageRef { chat, id: MessageId(*id) }, stored);
        let mut messages: Vec<MessageView> = found.messages.iter().rev().take(most).map(view).collect();
        messages.reverse();
        messages
    }

    /// Every message of every chat, of migrated ones too.
    pub fn every_message(&self) -> Vec<MessageView> {
        let chats: Vec<ChatId> = self.lock().chats.keys().copied().map(ChatId).collect();
        chats.into_iter().flat_map(|chat| self.messages(chat, usize::MAX)).collect()
    }

    /// Until when the bot is shown as typing in a chat, and in which topic.
    pub fn typing(&self, chat: ChatId) -> Option<(Option<TopicId>, Timestamp)> {
        let now = self.now();
        let (topic, until) = self.lock().chats.get(&chat.0)?.typing?;
        (until > now).then_some((topic.map(TopicId), until))
    }

    /// The commands that the bot has set for a scope: its `type`, and `default` if none was named.
    pub fn commands(&self, scope: &str) -> Option<Value> {
        self.lock().commands.get(scope).cloned()
    }
}

fn room(state: &State, chat: &Chat) -> RoomView {
    let title = match (chat.kind, state.people.get(&chat.id)) {
        (RoomKind::Private, Some(person)) => person.name.clone(),
        _ => chat.title.clone(),
    };
    RoomView {
        id: ChatId(chat.id),
        kind: chat.kind,
        title,
        members: chat.members.iter().copied().map(UserId).collect(),
        topics: chat.topics.iter().map(|(id, topic)| (TopicId(*id), topic.name.clone())).collect(),
        admins: chat.members.iter().copied().filter(|member| is_admin(state, chat, *member)).map(UserId).collect(),
        bot_is_in: chat.standing.is_in(),
        bot_is_admin: chat.standing == super::chat::Standing::Admin,
    }
}

fn is_admin(state: &State, chat: &Chat, member: i64) -> bool {
    matches!(state.standing_of(chat.id, member), "creator" | "administrator")
}

fn view(message: MessageRef, stored: &StoredMessage) -> MessageView {
    let reactions = stored.reactions.iter().filter(|(_, emoji)| !emoji.is_empty());
    MessageView {
        message,
        topic: stored.topic.map(TopicId),
        own: stored.own,
        author: UserId(stored.author),
        json: stored.json.clone(),
        delivery: stored.delivery.clone(),
        answered_by: stored.answered_by.map(MessageId),
        reactions: reactions.map(|(person, emoji)| (UserId(*person), emoji.clone())).collect(),
    }
}

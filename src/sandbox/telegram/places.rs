//! People and chats: how they come to be.

use serde_json::json;

use super::{
    Change, FakeTelegram,
    chat::{RoomKind, Standing, Topic},
};
use crate::domain::{ChatId, TopicId, UserId};

impl FakeTelegram {
    /// A person without a @username.
    pub fn person(&self, name: &str) -> UserId {
        let id = self.lock().add_person(name, None, false);
        self.tell(Change::Rooms);
        UserId(id)
    }

    /// A person with a @username (given without the @).
    pub fn person_with_username(&self, name: &str, username: &str) -> UserId {
        let id = self.lock().add_person(name, Some(username), false);
        self.tell(Change::Rooms);
        UserId(id)
    }

    /// Another bot. Its messages never reach the bot (bots do not see bots).
    pub fn other_bot(&self, name: &str, username: &str) -> UserId {
        UserId(self.lock().add_person(name, Some(username), true))
    }

    /// The private chat with `person`, who has pressed Start in it.
    pub fn private(&self, person: UserId) -> ChatId {
        self.lock().private(person.0);
        self.tell(Change::Rooms);
        ChatId(person.0)
    }

    /// A basic group with the bot as an admin; the first member is its creator.
    pub fn group(&self, title: &str, members: &[UserId]) -> ChatId {
        self.add_group(RoomKind::Group, title, members)
    }

    /// A supergroup with the bot as an admin; the first member is its creator.
    pub fn supergroup(&self, title: &str, members: &[UserId]) -> ChatId {
        self.add_group(RoomKind::Supergroup, title, members)
    }

    /// A supergroup with topics; General, which has no id, is there from the beginning.
    pub fn forum(&self, title: &str, members: &[UserId]) -> ChatId {
        self.add_group(RoomKind::Forum, title, members)
    }

    /// A supergroup that the bot has never been in; [`FakeTelegram::add_bot_by`] brings it in.
    pub fn group_without_bot(&self, title: &str, members: &[UserId]) -> ChatId {
        let id = self.lock().add_group(RoomKind::Supergroup, title, members.iter().map(|member| member.0).collect());
        if let Some(chat) = self.lock().chats.get_mut(&id) {
            chat.standing = Standing::Left;
        }
        self.tell(Change::Rooms);
        ChatId(id)
    }

    fn add_group(&self, kind: RoomKind, title: &str, members: &[UserId]) -> ChatId {
        let id = self.lock().add_group(kind, title, members.iter().map(|member| member.0).collect());
        self.tell(Change::Rooms);
        ChatId(id)
    }

    /// A new topic of a forum, made by its creator. Its id is the id of the service message that tells of it.
    ///
    /// # Panics
    ///
    /// If the forum does not exist.
    pub fn topic(&self, forum: ChatId, name: &str) -> TopicId {
        let now = self.now();
        let topic = {
            let mut state = self.lock();
            let chat = state.chats.get(&forum.0).expect("topics are made in forums that exist");
            let creator = chat.members.first().copied().unwrap_or_default();
            let id = chat.next_message_id;
            let body = json!({"forum_topic_created": {"name": name, "icon_color": 7_322_096},
                "message_thread_id": id, "is_topic_message": true});
            if let Some(chat) = state.chats.get_mut(&forum.0) {
                chat.topics.insert(id, Topic { name: name.to_owned(), closed: false });
            }
            state.post_service(forum.0, creator, body, now);
            if let Some(message) = state.chats.get_mut(&forum.0).and_then(|chat| chat.messages.get_mut(&id)) {
                message.topic = Some(id);
            }
            TopicId(id)
        };
        self.tell(Change::Rooms);
        self.ring();
        topic
    }

    /// Closes a topic: who is no admin cannot write in it.
    pub fn close_topic(&self, forum: ChatId, topic: TopicId) {
        if let Some(topic) = self.lock().chats.get_mut(&forum.0).and_then(|chat| chat.topics.get_mut(&topic.0)) {
            topic.closed = true;
        }
    }

    /// A basic group becomes a supergroup with a new id: both get a service message, and calls to the old one are
    /// refused with the new id.
    ///
    /// # Panics
    ///
    /// If the group does not exist.
    pub fn migrate(&self, group: ChatId) -> ChatId {
        let now = self.now();
        let to = {
            let mut state = self.lock();
            let old = state.chats.get(&group.0).expect("groups that are migrated exist");
            let (title, members, standing) = (old.title.clone(), old.members.clone(), old.standing);
            let admins = old.admins.clone();
            let creator = members.first().copied().unwrap_or_default();
            let to = state.add_group(RoomKind::Supergroup, &title, members);
            if let Some(new) = state.chats.get_mut(&to) {
                new.standing = standing;
                new.admins = admins;
            }
            state.post_service(group.0, creator, json!({"migrate_to_chat_id": to}), now);
            state.post_service(to, creator, json!({"migrate_from_chat_id": group.0}), now);
            if let Some(old) = state.chats.get_mut(&group.0) {
                old.migrated_to = Some(to);
            }
            ChatId(to)
        };
        self.tell(Change::Rooms);
        self.ring();
        to
    }
}

//! People and chats: how they come to be, and how the bot stands in them.

use serde_json::{Value, json};

use super::{
    Change, FakeTelegram,
    chat::{RoomKind, Standing, Topic},
    state::State,
    updates::Queue,
};
use crate::domain::{ChatId, Timestamp, TopicId, UserId};

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

    /// The bot becomes a plain member.
    pub fn demote_bot(&self, chat: ChatId) {
        self.set_standing(chat, Standing::Member);
    }

    /// The bot becomes an admin.
    pub fn promote_bot(&self, chat: ChatId) {
        self.set_standing(chat, Standing::Admin);
    }

    /// An admin throws the bot out.
    pub fn kick_bot(&self, chat: ChatId) {
        self.set_standing(chat, Standing::Kicked);
    }

    /// The bot is brought (back) into the chat, as a member.
    pub fn add_bot(&self, chat: ChatId) {
        self.set_standing(chat, Standing::Member);
    }

    /// The person stops the bot in their private chat.
    pub fn block(&self, person: UserId) {
        self.set_standing(ChatId(person.0), Standing::Blocked);
    }

    /// The person starts the bot again.
    pub fn unblock(&self, person: UserId) {
        self.set_standing(ChatId(person.0), Standing::Member);
    }

    /// Whether a bot that is no admin may write in the chat.
    pub fn let_bot_write(&self, chat: ChatId, may_write: bool) {
        if let Some(chat) = self.lock().chats.get_mut(&chat.0) {
            chat.may_write = may_write;
        }
    }

    /// Changes the bot's standing and tells it by my_chat_member.
    fn set_standing(&self, chat: ChatId, standing: Standing) {
        let now = self.now();
        self.lock().change_standing(chat.0, standing, now);
        self.tell(Change::Rooms);
        self.ring();
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
            let creator = members.first().copied().unwrap_or_default();
            let to = state.add_group(RoomKind::Supergroup, &title, members);
            if let Some(new) = state.chats.get_mut(&to) {
                new.standing = standing;
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

    /// A person joins a group.
    pub fn join(&self, chat: ChatId, person: UserId) {
        let now = self.now();
        {
            let mut state = self.lock();
            if let Some(chat) = state.chats.get_mut(&chat.0).filter(|chat| !chat.members.contains(&person.0)) {
                chat.members.push(person.0);
            }
            let user = state.user_json(person.0);
            // The first two are not in the documentation, but in every such update.
            let body = json!({"new_chat_participant": user, "new_chat_member": user, "new_chat_members": [user]});
            state.post_service(chat.0, person.0, body, now);
        }
        self.tell(Change::Rooms);
        self.ring();
    }
}

impl State {
    fn change_standing(&mut self, chat_id: i64, standing: Standing, now: Timestamp) {
        let bot = self.bot.as_json();
        let Some(chat) = self.chats.get_mut(&chat_id) else { return };
        let before = std::mem::replace(&mut chat.standing, standing);
        if before == standing {
            return;
        }
        let by = self.chats.get(&chat_id).and_then(|chat| chat.members.first().copied()).unwrap_or_default();
        let content = json!({
            "chat": self.chat_json(chat_id), "from": self.user_json(by), "date": now.0.div_euclid(1000),
            "old_chat_member": member_json(&bot, before.status()),
            "new_chat_member": member_json(&bot, standing.status()),
        });
        self.happen("my_chat_member", &content, Queue::OwnMembership(chat_id), now);
    }
}

/// The Bot API's `ChatMember`.
pub(super) fn member_json(user: &Value, status: &str) -> Value {
    match status {
        "administrator" => json!({"user": user, "status": status, "can_be_edited": false, "can_manage_chat": true,
            "can_change_info": true, "can_delete_messages": true, "can_invite_users": true,
            "can_restrict_members": true, "can_pin_messages": true, "can_manage_topics": true,
            "can_promote_members": false, "can_manage_video_chats": true, "can_post_stories": false,
            "can_edit_stories": false, "can_delete_stories": false, "can_send_welcome_messages": false,
            "is_anonymous": false}),
        "creator" => json!({"user": user, "status": status, "is_anonymous": false}),
        "kicked" => json!({"user": user, "status": status, "until_date": 0}),
        _ => json!({"user": user, "status": status}),
    }
}

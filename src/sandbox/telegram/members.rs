//! Who is in a chat and what they are there: the bot, its people, the admins among them.

use serde_json::{Value, json};

use super::{
    Change, FakeTelegram,
    chat::{RoomKind, Standing},
    state::State,
    updates::Queue,
};
use crate::domain::{ChatId, Timestamp, UserId};

impl FakeTelegram {
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

    /// A member brings the bot in: besides my_chat_member there is a message that tells of a new member.
    pub fn add_bot_by(&self, chat: ChatId, person: UserId) {
        let now = self.now();
        {
            let mut state = self.lock();
            state.change_standing(chat.0, Standing::Member, Some(person.0), now);
            let bot = state.bot.as_json();
            let body = json!({"new_chat_participant": bot, "new_chat_member": bot, "new_chat_members": [bot]});
            state.post_service(chat.0, person.0, body, now);
        }
        self.tell(Change::Rooms);
        self.ring();
    }

    /// A member becomes an admin. Telegram tells the bot only by chat_member, if it has asked for that.
    pub fn promote(&self, chat: ChatId, person: UserId) {
        self.change_member(chat, person, true);
    }

    /// An admin becomes a plain member.
    pub fn demote(&self, chat: ChatId, person: UserId) {
        self.change_member(chat, person, false);
    }

    fn change_member(&self, chat: ChatId, person: UserId, is_admin: bool) {
        let now = self.now();
        {
            let mut state = self.lock();
            let before = state.standing_of(chat.0, person.0);
            let Some(found) = state.chats.get_mut(&chat.0) else { return };
            if is_admin {
                found.admins.insert(person.0);
            } else {
                found.admins.remove(&person.0);
            }
            let bot_is_admin = found.standing == Standing::Admin;
            let creator = found.members.first().copied().unwrap_or_default();
            if bot_is_admin {
                let user = state.user_json(person.0);
                let after = state.standing_of(chat.0, person.0);
                let content = json!({
                    "chat": state.chat_json(chat.0), "from": state.user_json(creator),
                    "date": now.0.div_euclid(1000), "old_chat_member": member_json(&user, before),
                    "new_chat_member": member_json(&user, after),
                });
                state.happen("chat_member", &content, Queue::Other(chat.0), now);
            }
        }
        self.tell(Change::Rooms);
        self.ring();
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
        self.lock().change_standing(chat.0, standing, None, now);
        self.tell(Change::Rooms);
        self.ring();
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
    /// The bot's standing changes, by the creator's hand where nobody else is named.
    pub(super) fn change_standing(&mut self, chat_id: i64, standing: Standing, by: Option<i64>, now: Timestamp) {
        let bot = self.bot.as_json();
        let Some(chat) = self.chats.get_mut(&chat_id) else { return };
        let before = std::mem::replace(&mut chat.standing, standing);
        if before == standing {
            return;
        }
        let creator = self.chats.get(&chat_id).and_then(|chat| chat.members.first().copied());
        let by = by.or(creator).unwrap_or_default();
        let content = json!({
            "chat": self.chat_json(chat_id), "from": self.user_json(by), "date": now.0.div_euclid(1000),
            "old_chat_member": member_json(&bot, before.status()),
            "new_chat_member": member_json(&bot, standing.status()),
        });
        self.happen("my_chat_member", &content, Queue::OwnMembership(chat_id), now);
    }

    /// Telegram's word for how somebody stands in a chat.
    pub(super) fn standing_of(&self, chat: i64, user: i64) -> &'static str {
        let Some(chat) = self.chats.get(&chat) else { return "left" };
        match chat.members.iter().position(|member| *member == user) {
            _ if user == self.bot.id => chat.standing.status(),
            Some(0) if chat.kind != RoomKind::Private => "creator",
            Some(_) if chat.admins.contains(&user) => "administrator",
            Some(_) => "member",
            None => "left",
        }
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

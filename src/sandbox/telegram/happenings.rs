//! What people do besides writing: editing, deleting, reacting, pressing buttons.

use serde_json::{Value, json};

use super::{Change, FakeTelegram, MessageRef, chat::Standing, entities, updates::Queue};
use crate::domain::UserId;

impl FakeTelegram {
    /// Changes a message's text (or caption).
    pub fn edit(&self, message: MessageRef, text: &str) {
        let now = self.now();
        {
            let mut state = self.lock();
            let stored = state.chats.get_mut(&message.chat.0).and_then(|chat| chat.messages.get_mut(&message.id.0));
            let Some(stored) = stored else { return };
            let has_text = stored.json.get("text").is_some();
            let (text_key, entities_key) =
                if has_text { ("text", "entities") } else { ("caption", "caption_entities") };
            stored.json[text_key] = text.into();
            stored.json[entities_key] = entities::detect(text).into();
            stored.json["edit_date"] = now.0.div_euclid(1000).into();
            state.announce(message.chat.0, message.id.0, "edited_message", now);
        }
        self.tell(Change::Message(message));
        self.ring();
    }

    /// Deletes a message. Telegram does not tell bots of it.
    pub fn delete(&self, message: MessageRef) {
        if let Some(chat) = self.lock().chats.get_mut(&message.chat.0) {
            chat.messages.remove(&message.id.0);
        }
        self.tell(Change::Removed(message));
    }

    /// Sets a person's reaction; an empty `emoji` takes it away. Bots hear of it where they are admins and have asked.
    pub fn react(&self, message: MessageRef, person: UserId, emoji: &str) {
        let now = self.now();
        {
            let mut state = self.lock();
            let Some(chat) = state.chats.get_mut(&message.chat.0) else { return };
            let told = chat.standing == Standing::Admin || (!chat.is_group() && chat.standing.is_in());
            let Some(stored) = chat.messages.get_mut(&message.id.0) else { return };
            let new: Vec<String> = if emoji.is_empty() { Vec::new() } else { vec![emoji.to_owned()] };
            let old = stored.reactions.insert(person.0, new.clone()).unwrap_or_default();
            if told {
                let content = json!({
                    "chat": state.chat_json(message.chat.0), "message_id": message.id.0,
                    "user": state.user_json(person.0), "date": now.0.div_euclid(1000),
                    "old_reaction": reactions_json(&old), "new_reaction": reactions_json(&new),
                });
                state.happen("message_reaction", &content, Queue::Reactions(message.chat.0), now);
            }
        }
        self.tell(Change::Message(message));
        self.ring();
    }

    /// A person presses an inline button of the bot's message. Returns the callback's id, or none if the message is
    /// gone or has no button with this data.
    pub fn press(&self, message: MessageRef, person: UserId, data: &str) -> Option<String> {
        let now = self.now();
        let id = {
            let mut state = self.lock();
            let stored = state.chats.get(&message.chat.0)?.messages.get(&message.id.0)?;
            let mut rows = stored.json["reply_markup"]["inline_keyboard"].as_array()?.iter();
            let has_button = rows
                .any(|row| row.as_array().is_some_and(|row| row.iter().any(|button| button["callback_data"] == data)));
            if !has_button {
                return None;
            }
            let shown = stored.json.clone();
            let id = state.add_callback(person.0).to_string();
            let content = json!({"id": id, "from": state.user_json(person.0), "message": shown, "data": data,
                "chat_instance": format!("{}", message.chat.0.unsigned_abs().wrapping_mul(7919))});
            state.happen("callback_query", &content, Queue::Callbacks(person.0), now);
            id
        };
        self.ring();
        Some(id)
    }

    /// Any update, whole: of a kind that is new, malformed, or whatever a test needs. It is delivered if its kind is
    /// asked for.
    pub fn raw_update(&self, kind: &str, content: &Value) {
        let now = self.now();
        {
            let mut state = self.lock();
            let chat = content["chat"]["id"].as_i64().unwrap_or_default();
            let expires = crate::domain::Timestamp(now.0 + super::state::UPDATE_LIFETIME_MS);
            state.updates.add(kind, content, Queue::Other(chat), expires, None);
        }
        self.ring();
    }
}

pub(super) fn reactions_json(emoji: &[String]) -> Value {
    emoji.iter().map(|emoji| json!({"type": "emoji", "emoji": emoji})).collect()
}

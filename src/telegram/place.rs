//! Where an update happened: its chat and its topic.

use super::json::Object;
use crate::domain::{Chat, ChatId, ChatKind, TopicId};

/// The General topic's id. Its messages carry no topic, and a send that names it fails (telegram_api.md section 5).
const GENERAL: i64 = 1;

/// The topic of a message. Replies in plain supergroups also have a `message_thread_id`, so it counts only beside
/// `is_topic_message`; `stopped_message_generation` and its like never have either.
pub(super) fn topic(message: &Object<'_>) -> Option<TopicId> {
    if !message.flag("is_topic_message") {
        return None;
    }
    message.integer("message_thread_id").filter(|id| *id > GENERAL).map(TopicId)
}

/// The chat that `object` describes. Old and sparse updates lack the type: then the sign of the id tells.
pub(super) fn chat(object: &Object<'_>) -> Option<Chat> {
    let id = object.integer("id")?;
    let kind = match object.text("type").as_deref() {
        Some("private") => ChatKind::Private,
        Some("channel") => ChatKind::Channel,
        None if id >= 0 => ChatKind::Private,
        _ => ChatKind::Group,
    };
    Some(Chat { id: ChatId(id), kind, title: object.words("title") })
}

//! What the edge must know of an update before it is stored: its id, its lane, whether it is a command.
//!
//! Runs before the acknowledgement, on bytes from the network: it is fast, never fails and never panics. A body that
//! it cannot make sense of is described by its [`Peek::problem`], stored all the same and dead-lettered later, for a
//! refused update would block its chat for a day (telegram_api.md section 3).

use std::borrow::Cow;

use super::{
    json::{NotAnObject, Object},
    kind::Kind,
    place,
};
use crate::domain::{ChatId, TopicId};

/// A first look at an update.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peek<'a> {
    /// Telegram's id: a whole number that is not negative. Retries carry the same.
    pub update_id: Option<i64>,
    /// What it is about.
    pub kind: Kind,
    /// The chat it belongs to, if it belongs to one.
    pub chat: Option<ChatId>,
    /// The forum topic; none in General and outside forums.
    pub topic: Option<TopicId>,
    /// A message's text or caption, unless it is empty.
    pub text: Option<Cow<'a, str>>,
    /// The text begins with a bot command.
    pub starts_with_command: bool,
    /// Why the update cannot be used, if it cannot.
    pub problem: Option<&'static str>,
}

impl Peek<'_> {
    fn unusable(problem: &'static str) -> Self {
        Self {
            update_id: None,
            kind: Kind::Unknown(String::new()),
            chat: None,
            topic: None,
            text: None,
            starts_with_command: false,
            problem: Some(problem),
        }
    }
}

/// Looks at the body of a webhook request.
pub fn peek(body: &[u8]) -> Peek<'_> {
    let Ok(json) = std::str::from_utf8(body) else { return Peek::unusable("not UTF-8") };
    let update = match Object::read(json) {
        Ok(update) => update,
        Err(NotAnObject::NotJson) => return Peek::unusable("not JSON"),
        Err(NotAnObject::OtherValue) => return Peek::unusable("not an object"),
    };
    let update_id = update.integer("update_id").filter(|id| *id >= 0);
    let content = content(&update);
    let mut peek = match &content {
        Some((kind, content)) => peek_content(kind.clone(), content),
        None => Peek::unusable("no content"),
    };
    peek.update_id = update_id;
    if update_id.is_none() {
        peek.problem = Some("no usable update_id");
    }
    peek
}

/// The kind and content of an update: the first known kind that holds an object, else the first unknown one.
pub(super) fn content<'a>(update: &Object<'a>) -> Option<(Kind, Object<'a>)> {
    let mut unknown = None;
    for (name, raw) in update.entries().filter(|(name, _)| *name != "update_id") {
        let Ok(content) = Object::read(raw.get()) else { continue };
        match Kind::from_name(name) {
            kind @ Kind::Unknown(_) => unknown = unknown.or(Some((kind, content))),
            kind => return Some((kind, content)),
        }
    }
    unknown
}

fn peek_content<'a>(kind: Kind, content: &Object<'a>) -> Peek<'a> {
    // A button press stands in the chat of the message that carries the button.
    let carrier = if kind == Kind::CallbackQuery { content.object("message") } else { None };
    let placed = carrier.as_ref().unwrap_or(content);
    let words = |key| content.text(key).filter(|text| !text.is_empty());
    let (text, entities) = match words("text") {
        Some(text) => (Some(text), "entities"),
        None => (words("caption"), "caption_entities"),
    };
    let starts_with_command = text.is_some()
        && content
            .objects(entities)
            .iter()
            .any(|entity| entity.integer("offset") == Some(0) && entity.text("type").as_deref() == Some("bot_command"));
    Peek {
        update_id: None,
        chat: placed.object("chat").and_then(|chat| chat.integer("id")).map(ChatId),
        topic: place::topic(placed),
        kind,
        text,
        starts_with_command,
        problem: None,
    }
}

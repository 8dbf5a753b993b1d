//! Whether a message speaks to the bot.

use crate::{
    domain::{AuthorKind, ChatKind},
    persona::{Persona, names_in},
    telegram::{IncomingMessage, Me, Mention},
};

/// How a message addresses the bot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Trigger {
    /// Everything in a private chat is said to the bot.
    Private,
    /// `@username`, as an entity.
    Mention,
    /// A reply to one of the bot's own messages.
    Reply,
    /// The bot's name at a word boundary.
    Name,
}

impl Trigger {
    /// The word for logs and `/why`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Mention => "mention",
            Self::Reply => "reply",
            Self::Name => "name",
        }
    }
}

/// How this message addresses the bot, if it does.
pub fn addressed(incoming: &IncomingMessage, me: &Me, persona: &Persona) -> Option<Trigger> {
    let message = &incoming.message;
    if incoming.service.is_some() || incoming.is_automatic_forward || message.author.kind == AuthorKind::Own {
        return None;
    }
    match message.chat.kind {
        ChatKind::Private => return Some(Trigger::Private),
        // A post of a channel is said to its readers.
        ChatKind::Channel => return None,
        ChatKind::Group => {}
    }
    // A forwarded text is somebody else's words: neither a mention nor the name in it is a call.
    if message.forwarded_from.is_some() {
        return None;
    }
    let mentions_us = incoming.mentions.iter().any(|mention| match mention {
        Mention::Username(name) => name.eq_ignore_ascii_case(&me.username),
        Mention::User(id) => *id == me.id,
    });
    // What an inline bot composed are not the sender's words; the reply under which it stands is the sender's.
    let own_words = incoming.via_bot.is_none();
    if own_words && mentions_us {
        return Some(Trigger::Mention);
    }
    let replied_to = message.reply_to.as_ref().and_then(|reply| reply.author.as_ref());
    if replied_to.is_some_and(|author| author.kind == AuthorKind::Own) {
        return Some(Trigger::Reply);
    }
    let not_said: Vec<_> = incoming.spans.iter().map(|span| span.range.clone()).collect();
    (own_words && names_in(persona, &message.text, &not_said)).then_some(Trigger::Name)
}

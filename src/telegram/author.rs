//! Who wrote a message, behind Telegram's disguises (telegram_api.md section 5, "Special senders").

use super::{Me, json::Object};
use crate::domain::{Author, AuthorKind, ChatId, UserId};

/// GroupAnonymousBot: an admin who writes as the group.
const ANONYMOUS_ADMIN: i64 = 1_087_968_824;
/// Channel_Bot: somebody who writes as a channel.
const CHANNEL_BOT: i64 = 136_817_688;
/// Telegram itself, which forwards a linked channel's posts.
const TELEGRAM: i64 = 777_000;

/// The author of `message`, which stands in `chat`. `sender_chat` outranks `from`, which is a placeholder beside it.
pub(super) fn of_message(message: &Object<'_>, chat: ChatId, me: &Me) -> Option<Author> {
    let from = message.object("from").and_then(|from| of_user(&from, me));
    let Some(sender) = message.object("sender_chat").and_then(|sender| of_chat(&sender)) else {
        return from.or_else(|| message.object("chat").and_then(|chat| of_chat(&chat)));
    };
    if from.as_ref().is_some_and(|from| from.kind == AuthorKind::Own) {
        return from;
    }
    let anonymous = sender.id.0 == chat.0;
    let signature = message.words("author_signature").filter(|_| anonymous);
    Some(Author {
        kind: if anonymous { AuthorKind::AnonymousAdmin } else { AuthorKind::Channel },
        name: signature.unwrap_or(sender.name),
        ..sender
    })
}

/// A user as an author.
pub(super) fn of_user(user: &Object<'_>, me: &Me) -> Option<Author> {
    let id = user.integer("id")?;
    let kind = match id {
        _ if id == me.id.0 => AuthorKind::Own,
        ANONYMOUS_ADMIN => AuthorKind::AnonymousAdmin,
        CHANNEL_BOT | TELEGRAM => AuthorKind::Channel,
        _ if user.flag("is_bot") => AuthorKind::Bot,
        _ => AuthorKind::Person,
    };
    Some(Author { kind, id: UserId(id), name: full_name(user), username: user.words("username") })
}

/// A chat as an author: a channel, or in a private chat its person.
pub(super) fn of_chat(chat: &Object<'_>) -> Option<Author> {
    let id = chat.integer("id")?;
    let title = chat.words("title");
    let kind = if title.is_some() || id < 0 { AuthorKind::Channel } else { AuthorKind::Person };
    let name = title.unwrap_or_else(|| full_name(chat));
    Some(Author { kind, id: UserId(id), name, username: chat.words("username") })
}

/// First and last name; the username where both are empty (deleted accounts).
pub(super) fn full_name(user: &Object<'_>) -> String {
    let names = [user.text("first_name"), user.text("last_name")];
    let name = names.iter().flatten().map(|name| name.trim()).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    if name.is_empty() { user.words("username").unwrap_or_default() } else { name.join(" ") }
}

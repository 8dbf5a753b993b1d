//! An update as the rest of the program sees it. Runs after the acknowledgement, over the stored body.
//!
//! Nothing that Telegram adds makes an update unreadable: unknown values read as what they are most like, unknown
//! fields are skipped. Only what every update of its kind must have can be missing ([`ParseError`]).

use super::{
    Command, Kind, Me, Mention, TextSpan, author,
    json::{NotAnObject, Object},
    kind, media,
    peek::content,
    place, spans,
};
use crate::{
    domain::{Author, Chat, ChatId, Forwarded, Message, MessageId, Quote, ReplyTo, Timestamp, TopicId, UserId},
    errors::{Class, Classify},
};

/// One update.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// Somebody wrote, or something happened that Telegram tells as a message ([`IncomingMessage::service`]).
    Message(Box<IncomingMessage>),
    /// A message was changed: all of it as it now is.
    Edited(Box<IncomingMessage>),
    /// Somebody pressed a button.
    Callback(Callback),
    /// Somebody changed their reactions to a message.
    Reaction(Reaction),
    /// The bot itself was added, removed, promoted, restricted or blocked.
    Membership(Membership),
    /// A group became a supergroup, which has another id. Told twice: once in either chat.
    Migrated {
        /// The id that is no longer valid.
        from: ChatId,
        /// The id that took its place.
        to: ChatId,
    },
    /// Something that the bot has no use for.
    Other {
        /// Telegram's name of the kind, bounded.
        kind: String,
    },
}

/// A message with what Telegram found in its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IncomingMessage {
    /// The message.
    pub message: Message,
    /// Whom it mentions, in the order of the text.
    pub mentions: Vec<Mention>,
    /// The command it begins with.
    pub command: Option<Command>,
    /// Links, tags, mentions, code: where a word is not simply said.
    pub spans: Vec<TextSpan>,
    /// Telegram's word for what happened, if this message only tells that something did (`new_chat_members` …).
    pub service: Option<&'static str>,
    /// A linked channel's post that Telegram forwarded by itself.
    pub is_automatic_forward: bool,
    /// The inline bot through which it was sent.
    pub via_bot: Option<UserId>,
}

/// A pressed button.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callback {
    /// What `answerCallbackQuery` needs.
    pub id: String,
    /// Who pressed.
    pub from: Author,
    /// Where; none for buttons of inline messages.
    pub chat: Option<Chat>,
    /// The topic in that chat.
    pub topic: Option<TopicId>,
    /// The message that carries the button; it may be too old to be shown.
    pub message_id: Option<MessageId>,
    /// The text of that message, if it is not too old.
    pub message_text: Option<String>,
    /// What the button says to us: untrusted, for any old message's button may be pressed.
    pub data: Option<String>,
}

/// A change of one author's reactions to one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reaction {
    /// Where.
    pub chat: Chat,
    /// To which message.
    pub message_id: MessageId,
    /// Whose; a chat's for anonymous admins.
    pub from: Option<Author>,
    /// Before: emoji, `custom:<id>`, `paid`, or the name of an unknown type.
    pub old: Vec<String>,
    /// After, likewise.
    pub new: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// A change of the bot's own standing in a chat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// Where.
    pub chat: Chat,
    /// Who changed it.
    pub by: Author,
    /// Telegram's word: creator, administrator, member, restricted, left, kicked, or one of a later version.
    pub status: String,
    /// The word before.
    pub old_status: String,
    /// The bot is in the chat now. A restricted bot may be in or out; an unknown status reads as in.
    pub is_present: bool,
    /// When.
    pub at: Timestamp,
}

/// Why a stored body is no update. Holds no word of the body.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseError {
    /// Not even text.
    #[error("the update is not UTF-8")]
    NotUtf8,
    /// Not JSON.
    #[error("the update is not JSON")]
    NotJson,
    /// JSON, but no object.
    #[error("the update is not an object")]
    NotAnObject,
    /// No key with an object beside `update_id`.
    #[error("the update has no content")]
    NoContent,
    /// Something is missing that every update of its kind has.
    #[error("the {kind} has no usable {field}")]
    Missing {
        /// The kind of update.
        kind: &'static str,
        /// What is missing.
        field: &'static str,
    },
}

impl Classify for ParseError {
    fn class(&self) -> Class {
        Class::Permanent
    }
}

/// Messages that only tell that something happened.
const SERVICE: [&str; 47] = [
    "new_chat_members",
    "left_chat_member",
    "new_chat_title",
    "new_chat_photo",
    "delete_chat_photo",
    "group_chat_created",
    "supergroup_chat_created",
    "channel_chat_created",
    "message_auto_delete_timer_changed",
    "pinned_message",
    "successful_payment",
    "refunded_payment",
    "users_shared",
    "chat_shared",
    "gift",
    "unique_gift",
    "connected_website",
    "write_access_allowed",
    "passport_data",
    "proximity_alert_triggered",
    "boost_added",
    "chat_background_set",
    "chat_owner_left",
    "chat_owner_changed",
    "community_chat_added",
    "checklist_tasks_done",
    "checklist_tasks_added",
    "direct_message_price_changed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "giveaway_created",
    "giveaway_winners",
    "giveaway_completed",
    "managed_bot_created",
    "paid_message_price_changed",
    "poll_option_added",
    "poll_option_deleted",
    "suggested_post_approved",
    "video_chat_scheduled",
    "video_chat_started",
    "video_chat_ended",
    "video_chat_participants_invited",
    "web_app_data",
];

/// Reads a stored body.
///
/// # Errors
///
/// [`ParseError`]: the body will never be readable, so it belongs to the dead letters.
pub fn parse(body: &[u8], me: &Me) -> Result<Incoming, ParseError> {
    let json = std::str::from_utf8(body).map_err(|_| ParseError::NotUtf8)?;
    let update = Object::read(json).map_err(|not| match not {
        NotAnObject::NotJson => ParseError::NotJson,
        NotAnObject::OtherValue => ParseError::NotAnObject,
    })?;
    let (kind, content) = content(&update).ok_or(ParseError::NoContent)?;
    let reader = Reader { kind: kind.as_str(), content, me };
    match kind {
        Kind::Message => reader.new_message(),
        Kind::EditedMessage => Ok(Incoming::Edited(Box::new(reader.message()?))),
        Kind::CallbackQuery => reader.callback(),
        Kind::MessageReaction => reader.reaction(),
        Kind::MyChatMember => reader.membership(),
        other => Ok(Incoming::Other { kind: other.name().to_owned() }),
    }
}

/// An update's content on its way to a domain value.
struct Reader<'a> {
    kind: &'static str,
    content: Object<'a>,
    me: &'a Me,
}

impl Reader<'_> {
    fn need<T>(&self, field: &'static str, value: Option<T>) -> Result<T, ParseError> {
        value.ok_or(ParseError::Missing { kind: self.kind, field })
    }

    fn chat(&self) -> Result<Chat, ParseError> {
        self.need("chat", self.content.object("chat").and_then(|chat| place::chat(&chat)))
    }

    fn message_id(&self) -> Result<MessageId, ParseError> {
        self.need("message_id", self.content.integer("message_id").map(MessageId))
    }

    fn date(&self) -> Result<Timestamp, ParseError> {
        self.need("date", self.content.integer("date").map(Timestamp::from_seconds))
    }

    fn new_message(&self) -> Result<Incoming, ParseError> {
        let chat = |key| self.content.integer(key).map(ChatId);
        if let Some(to) = chat("migrate_to_chat_id") {
            return Ok(Incoming::Migrated { from: self.chat()?.id, to });
        }
        if let Some(from) = chat("migrate_from_chat_id") {
            return Ok(Incoming::Migrated { from, to: self.chat()?.id });
        }
        Ok(Incoming::Message(Box::new(self.message()?)))
    }

    fn message(&self) -> Result<IncomingMessage, ParseError> {
        let content = &self.content;
        let chat = self.chat()?;
        let (text, entities) = match content.words("text") {
            Some(text) => (text, "entities"),
            None => (content.words("caption").unwrap_or_default(), "caption_entities"),
        };
        let marks = spans::read(&text, &content.objects(entities));
        let message = Message {
            topic: place::topic(content),
            id: self.message_id()?,
            author: self.need("author", author::of_message(content, chat.id, self.me))?,
            text,
            media: media::of_message(content),
            reply_to: self.reply_to(chat.id),
            quote: quote(content),
            forwarded_from: content.object("forward_origin").map(|origin| forwarded_from(&origin)),
            album: content.words("media_group_id"),
            sent_at: self.date()?,
            edited_at: content.integer("edit_date").map(Timestamp::from_seconds),
            chat,
        };
        Ok(IncomingMessage {
            message,
            mentions: marks.mentions,
            command: marks.command,
            spans: marks.spans,
            service: SERVICE.into_iter().find(|name| content.has(name)),
            is_automatic_forward: content.flag("is_automatic_forward"),
            via_bot: content.object("via_bot").and_then(|bot| bot.integer("id")).map(UserId),
        })
    }

    /// What the message answers in its own chat. In a forum every message "answers" its topic's creation message
    /// (whose id is the topic's), and an ephemeral message has the id 0: neither is an answer to somebody.
    fn reply_to(&self, chat: ChatId) -> Option<ReplyTo> {
        let replied = self.content.object("reply_to_message")?;
        let id = replied.integer("message_id").filter(|id| *id > 0)?;
        let opens_topic = place::topic(&self.content) == Some(TopicId(id)) || replied.has("forum_topic_created");
        let elsewhere = replied.object("chat").and_then(|chat| chat.integer("id")).is_some_and(|id| id != chat.0);
        if opens_topic || elsewhere {
            return None;
        }
        // Without a sender the author is not known; the chat itself did not write it.
        let signed = replied.has("from") || replied.has("sender_chat");
        Some(ReplyTo {
            message_id: MessageId(id),
            author: if signed { author::of_message(&replied, chat, self.me) } else { None },
            text: replied.words("text").or_else(|| replied.words("caption")),
            media: media::of_message(&replied),
        })
    }

    fn callback(&self) -> Result<Incoming, ParseError> {
        let content = &self.content;
        // A message too old to be shown has only chat, id and the date 0: all that is needed here.
        let message = content.object("message").unwrap_or_default();
        Ok(Incoming::Callback(Callback {
            id: self.need("id", content.words("id"))?,
            from: self.need("from", content.object("from").and_then(|from| author::of_user(&from, self.me)))?,
            chat: message.object("chat").and_then(|chat| place::chat(&chat)),
            topic: place::topic(&message),
            message_id: message.integer("message_id").map(MessageId),
            message_text: message.words("text"),
            data: content.words("data"),
        }))
    }

    fn reaction(&self) -> Result<Incoming, ParseError> {
        let content = &self.content;
        let user = content.object("user").and_then(|user| author::of_user(&user, self.me));
        let chat = self.chat()?;
        Ok(Incoming::Reaction(Reaction {
            from: user.or_else(|| {
                let actor = content.object("actor_chat").and_then(|actor| author::of_chat(&actor))?;
                let anonymous = actor.id.0 == chat.id.0;
                let kind = if anonymous { crate::domain::AuthorKind::AnonymousAdmin } else { actor.kind };
                Some(Author { kind, ..actor })
            }),
            chat,
            message_id: self.message_id()?,
            old: reactions(&content.objects("old_reaction")),
            new: reactions(&content.objects("new_reaction")),
            at: self.date()?,
        }))
    }

    fn membership(&self) -> Result<Incoming, ParseError> {
        let content = &self.content;
        let member = |key| content.object(key).unwrap_or_default();
        let status = |member: &Object<'_>| member.text("status").map(|status| kind::bounded_name(&status));
        let new = member("new_chat_member");
        let new_status = self.need("new_chat_member", status(&new))?;
        Ok(Incoming::Membership(Membership {
            chat: self.chat()?,
            by: self.need("from", content.object("from").and_then(|from| author::of_user(&from, self.me)))?,
            is_present: match new_status.as_str() {
                "left" | "kicked" => false,
                "restricted" => new.flag("is_member"),
                _ => true,
            },
            status: new_status,
            old_status: status(&member("old_chat_member")).unwrap_or_default(),
            at: self.date()?,
        }))
    }
}

/// The quoted part of another message, of this chat or of another one.
fn quote(content: &Object<'_>) -> Option<Quote> {
    let text = content.object("quote")?.words("text")?;
    let replied = content.object("reply_to_message").and_then(|replied| writer(&replied));
    let elsewhere = || content.object("external_reply").and_then(|reply| origin_id(&reply.object("origin")?));
    Some(Quote { text, author: replied.or_else(elsewhere) })
}

/// The id of who wrote a message.
fn writer(message: &Object<'_>) -> Option<UserId> {
    let sender = message.object("sender_chat").or_else(|| message.object("from"))?;
    sender.integer("id").map(UserId)
}

/// The id behind a message's origin; people may hide it.
fn origin_id(origin: &Object<'_>) -> Option<UserId> {
    let chat = || origin.object("sender_chat").or_else(|| origin.object("chat"));
    origin.object("sender_user").or_else(chat)?.integer("id").map(UserId)
}

/// Whose words a forwarded message holds: of an unknown kind of origin, whatever name it gives.
fn forwarded_from(origin: &Object<'_>) -> Forwarded {
    let user = origin.object("sender_user").map(|user| author::full_name(&user));
    let hidden = || origin.words("sender_user_name");
    let chat = || origin.object("sender_chat").or_else(|| origin.object("chat")).and_then(|chat| chat.words("title"));
    let name = user.filter(|name| !name.is_empty()).or_else(hidden).or_else(chat);
    let name = name.or_else(|| origin.words("author_signature")).unwrap_or_else(|| "?".to_owned());
    Forwarded { name, author: origin_id(origin) }
}

fn reactions(reactions: &[Object<'_>]) -> Vec<String> {
    let word = |reaction: &Object<'_>| match reaction.text("type").as_deref() {
        Some("emoji") => reaction.words("emoji"),
        Some("custom_emoji") => reaction.words("custom_emoji_id").map(|id| format!("custom:{id}")),
        Some(other) => Some(kind::bounded_name(other)).filter(|name| !name.is_empty()),
        None => None,
    };
    reactions.iter().filter_map(word).collect()
}

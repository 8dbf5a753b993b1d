//! Messages as they are remembered and gathered.

use super::{Chat, MessageId, Timestamp, TopicId, UserId};

/// Who wrote a message, as far as Telegram tells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AuthorKind {
    /// A person.
    Person,
    /// Another bot.
    Bot,
    /// This bot.
    Own,
    /// A group's admin who writes as the group.
    AnonymousAdmin,
    /// A channel, or somebody who writes as one.
    Channel,
}

impl AuthorKind {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bot => "bot",
            Self::Own => "own",
            Self::AnonymousAdmin => "anonymous_admin",
            Self::Channel => "channel",
        }
    }

    /// The kind behind a stored word; an unknown word reads as a person.
    pub fn from_stored(word: &str) -> Self {
        match word {
            "bot" => Self::Bot,
            "own" => Self::Own,
            "anonymous_admin" => Self::AnonymousAdmin,
            "channel" => Self::Channel,
            _ => Self::Person,
        }
    }
}

/// Who wrote a message.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Author {
    /// What kind of author.
    pub kind: AuthorKind,
    /// The user's, bot's or channel's id.
    pub id: UserId,
    /// The shown name, as the author chose it: untrusted text.
    pub name: String,
    /// The @username, without the @.
    pub username: Option<String>,
}

/// What kind of media a message carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are Telegram's own")]
pub enum MediaKind {
    Photo,
    Sticker,
    Voice,
    Video,
    VideoNote,
    Animation,
    Audio,
    Document,
    Poll,
    Location,
    Contact,
    Dice,
    Story,
    Other,
}

impl MediaKind {
    const ALL: [(Self, &'static str); 14] = [
        (Self::Photo, "photo"),
        (Self::Sticker, "sticker"),
        (Self::Voice, "voice"),
        (Self::Video, "video"),
        (Self::VideoNote, "video_note"),
        (Self::Animation, "animation"),
        (Self::Audio, "audio"),
        (Self::Document, "document"),
        (Self::Poll, "poll"),
        (Self::Location, "location"),
        (Self::Contact, "contact"),
        (Self::Dice, "dice"),
        (Self::Story, "story"),
        (Self::Other, "other"),
    ];

    /// The word that is stored and shown to the model.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, word)| word)
    }

    /// The kind behind a stored word; an unknown word reads as `Other`.
    pub fn from_stored(word: &str) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == word).map_or(Self::Other, |(kind, _)| *kind)
    }
}

/// Media of a message: enough to label it and to fetch it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// Its kind.
    pub kind: MediaKind,
    /// Telegram's handle for `getFile`, where there is a file.
    pub file_id: Option<String>,
    /// The same file has the same `file_unique_id` in every chat.
    pub file_unique_id: Option<String>,
    /// Size in bytes, where Telegram tells.
    pub size_bytes: Option<u64>,
    /// Sender's MIME type, or the one that Telegram's kind implies.
    pub mime_type: Option<String>,
    /// A sticker's or dice's emoji, a file's name, a poll's question: what a label may show.
    pub label: Option<String>,
}

/// The message that another one answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyTo {
    /// The replied-to message of the same chat.
    pub message_id: MessageId,
    /// Its author, where Telegram sent it along.
    pub author: Option<Author>,
    /// Its text or caption, where Telegram sent it along.
    pub text: Option<String>,
    /// What it carries, where Telegram sent it along.
    pub media: Option<Media>,
}

/// The part of a message that a reply quotes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quote {
    /// The quoted words.
    pub text: String,
    /// Whose words they are, where Telegram tells: theirs to have forgotten, not the quoting person's.
    pub author: Option<UserId>,
}

/// Where a forwarded message comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forwarded {
    /// Whose words these are: a name, untrusted.
    pub name: String,
    /// Their id; people may hide it.
    pub author: Option<UserId>,
}

/// One message of a chat, from whoever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where it was written.
    pub chat: Chat,
    /// The forum topic; none in General and outside forums.
    pub topic: Option<TopicId>,
    /// Its id inside the chat.
    pub id: MessageId,
    /// Who wrote it.
    pub author: Author,
    /// Text or caption; empty for bare media and service messages.
    pub text: String,
    /// What it carries.
    pub media: Option<Media>,
    /// What it answers.
    pub reply_to: Option<ReplyTo>,
    /// The part of the answered message that it quotes.
    pub quote: Option<Quote>,
    /// Whose words these are if it was forwarded.
    pub forwarded_from: Option<Forwarded>,
    /// Pictures sent together share an album id (`media_group_id`).
    pub album: Option<String>,
    /// When it was sent, by Telegram's clock.
    pub sent_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
}

//! Text as Telegram takes it: characters and the entities that format them.

use super::{MessageId, TopicId};

/// How a stretch of text is formatted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are Telegram's own")]
pub enum EntityKind {
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Spoiler,
    Code,
    Pre { language: Option<String> },
    TextLink { url: String },
    Blockquote,
}

/// A formatted stretch. Offset and length are UTF-16 code units: an emoji may take two.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Entity {
    /// How it looks.
    pub kind: EntityKind,
    /// First unit.
    pub offset: u32,
    /// Number of units.
    pub length: u32,
}

/// Text with its entities; never Markdown or HTML.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RichText {
    /// The characters.
    pub text: String,
    /// Their formatting, by offset.
    pub entities: Vec<Entity>,
}

impl RichText {
    /// Text without formatting.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), entities: Vec::new() }
    }
}

/// Where an answer goes inside its chat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyTarget {
    /// The topic; General has none.
    pub topic: Option<TopicId>,
    /// The message it answers; the send survives that message's deletion.
    pub message_id: Option<MessageId>,
}

/// A button under a message.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Button {
    /// What it shows.
    pub text: String,
    /// What comes back when it is pressed: 1 to 64 bytes.
    pub data: String,
}

/// Rows of buttons.
pub type Buttons = Vec<Vec<Button>>;

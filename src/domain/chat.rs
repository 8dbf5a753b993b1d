//! Chats.

use super::ChatId;

/// What kind of chat it is. Telegram may add kinds; an unknown one is treated as a group.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChatKind {
    /// One person and the bot.
    Private,
    /// A basic group or a supergroup.
    Group,
    /// A broadcast channel.
    Channel,
}

impl ChatKind {
    /// The word that is stored and logged.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Channel => "channel",
        }
    }
}

/// A chat as an update describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// Its kind.
    pub kind: ChatKind,
    /// Its title; a private chat has none.
    pub title: Option<String>,
}

//! Chats.

use super::{ChatId, Timestamp};

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

/// The language of the bot's own words; the model answers in it too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Language {
    Ukrainian,
    English,
}

impl Language {
    /// Its ISO 639-1 code, which is also stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ukrainian => "uk",
            Self::English => "en",
        }
    }

    /// The language behind a code.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "uk" => Some(Self::Ukrainian),
            "en" => Some(Self::English),
            _ => None,
        }
    }
}

/// Whether the bot serves a chat (`BOT_ACCESS`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum ChatAccess {
    /// Nobody has been asked yet.
    #[default]
    New,
    /// The admin has been asked and has not decided.
    Asked,
    /// Served.
    Allowed,
    /// The admin said no.
    Refused,
    /// The admin banned it.
    Banned,
}

impl ChatAccess {
    const ALL: [(Self, &'static str); 5] = [
        (Self::New, "new"),
        (Self::Asked, "asked"),
        (Self::Allowed, "allowed"),
        (Self::Refused, "refused"),
        (Self::Banned, "banned"),
    ];

    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(access, _)| *access == self).map_or("new", |(_, word)| word)
    }

    /// The standing behind a stored word; an unknown word reads as new.
    pub fn from_stored(word: &str) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == word).map_or(Self::New, |(access, _)| *access)
    }
}

/// How much the bot may say unasked in a chat.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub enum TalkLevel {
    /// Nothing.
    Silent,
    /// A little.
    Shy,
    /// What the issue of a good companion asks: at most 2 % of the day's messages.
    #[default]
    Normal,
    /// More.
    Chatty,
}

impl TalkLevel {
    /// Every level, the quietest first.
    pub const ALL: [Self; 4] = [Self::Silent, Self::Shy, Self::Normal, Self::Chatty];

    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Shy => "shy",
            Self::Normal => "normal",
            Self::Chatty => "chatty",
        }
    }

    /// The level behind a stored word.
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// Hours of Kyiv's clock in which nothing is said unasked: from `from` (included) to `to` (excluded), over midnight if
/// `to` is less; none if they are equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct QuietHours {
    /// First quiet hour, 0 to 23.
    pub from: u8,
    /// First hour that is not quiet any more, 0 to 23.
    pub to: u8,
}

impl QuietHours {
    /// 23 to 8.
    pub const NIGHT: Self = Self { from: 23, to: 8 };

    /// Whether an hour of the clock is quiet.
    pub const fn contains(self, hour: u8) -> bool {
        if self.from <= self.to { self.from <= hour && hour < self.to } else { hour >= self.from || hour < self.to }
    }
}

/// What a chat has set; nothing is the configuration's default.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ChatSettings {
    /// How much it may say unasked.
    pub talk_level: Option<TalkLevel>,
    /// When it says nothing unasked.
    pub quiet_hours: Option<QuietHours>,
    /// Which persona speaks.
    pub persona: Option<String>,
    /// In which language.
    pub language: Option<Language>,
    /// Whether it may react with emoji.
    pub reactions: Option<bool>,
}

/// What is known of a chat beside its messages.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ChatState {
    /// Whether the bot serves it.
    pub access: ChatAccess,
    /// What it has set.
    pub settings: ChatSettings,
    /// When the bot told it who it is.
    pub introduced_at: Option<Timestamp>,
    /// The bot is an admin there, so Telegram shows it reactions.
    pub bot_is_admin: bool,
    /// Somebody asked for silence until then.
    pub silent_until: Option<Timestamp>,
    /// The veto: no unasked word until then.
    pub grave_until: Option<Timestamp>,
    /// When somebody last addressed the bot.
    pub spoken_to_at: Option<Timestamp>,
    /// When a person last wrote.
    pub heard_at: Option<Timestamp>,
    /// When an admin last opened what is said there on the dashboard.
    pub opened_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::QuietHours;

    #[test]
    fn quiet_hours_reach_over_midnight() {
        let quiet = |hours: QuietHours| (0..24).filter(|hour| hours.contains(*hour)).collect::<Vec<_>>();
        assert_eq!(quiet(QuietHours::NIGHT), [0, 1, 2, 3, 4, 5, 6, 7, 23]);
        assert_eq!(quiet(QuietHours { from: 13, to: 15 }), [13, 14]);
        assert!(quiet(QuietHours { from: 9, to: 9 }).is_empty());
    }
}

//! Lanes, and what becomes of a message that spoke to the bot.

use super::{ChatId, MessageId, TokenUsage, TopicId};

/// Commands, button presses and stop words must not wait behind a running turn, so they have a lane of their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum LaneKind {
    /// Conversation: may wait for the model.
    Talk,
    /// Commands, button presses, stop words: never waits for a model.
    Express,
}

/// The unit of order: rows of one lane are handled in order, by one claim at a time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Lane {
    /// The chat; zero for updates that belong to no chat.
    pub chat: ChatId,
    /// The forum topic, if any.
    pub topic: Option<TopicId>,
    /// Conversation or express.
    pub kind: LaneKind,
}

/// Why a row stands in the outbox.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutgoingKind {
    /// Text that the model (or the answer cache) produced for somebody who addressed the bot.
    Answer,
    /// Text of the model that nobody asked for: it joins in, or speaks up in a chat that went quiet.
    Unasked,
    /// A short line in character because the model could not answer.
    FailureLine,
    /// Anything else the bot says: commands' answers, notices.
    Notice,
    /// What an admin must hear: sent until Telegram is known to have taken it, marked from the second time on.
    Alarm,
}

impl OutgoingKind {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Unasked => "unasked",
            Self::FailureLine => "failure_line",
            Self::Notice => "notice",
            Self::Alarm => "alarm",
        }
    }

    /// The kind behind a stored word; an unknown word reads as a notice.
    pub fn from_stored(word: &str) -> Self {
        match word {
            "answer" => Self::Answer,
            "unasked" => Self::Unasked,
            "failure_line" => Self::FailureLine,
            "alarm" => Self::Alarm,
            _ => Self::Notice,
        }
    }
}

/// What a row of the outbox does.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum OutgoingAction {
    /// Sends a message.
    #[default]
    Say,
    /// Sets a reaction: the emoji is the row's text.
    React {
        /// The message that is reacted to.
        to: MessageId,
    },
    /// Sends the row's text as a file: a person's data, which is longer than a message.
    File,
    /// Puts a text and buttons in place of those of a message that the bot sent.
    Edit {
        /// The message that changes.
        message: MessageId,
    },
}

/// Why the bot said something or reacted to it, for `/why`. Holds no word of anybody.
#[derive(Clone, PartialEq, Debug)]
pub struct Why {
    /// What made it speak: how it was addressed, or the kind of moment.
    pub trigger: String,
    /// How opportune the moment was, for what nobody asked.
    pub score: Option<f64>,
    /// The model that answered; none for a line of its own.
    pub model: Option<String>,
    /// Tokens of all calls for it.
    pub usage: TokenUsage,
    /// What they cost in billionths of a US dollar; none if a price is not known.
    pub cost_nano_usd: Option<i64>,
    /// It came from the answer cache.
    pub is_cached: bool,
}

impl Why {
    /// Of what no model was asked for.
    pub fn unbought(trigger: &str, score: Option<f64>) -> Self {
        Self {
            trigger: trigger.to_owned(),
            score,
            model: None,
            usage: TokenUsage::default(),
            cost_nano_usd: Some(0),
            is_cached: false,
        }
    }
}

/// What became of a message that addressed the bot: each ends in exactly one of these.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddressedOutcome {
    /// The model's text reached the chat, acknowledged by Telegram, within 30 s of our acknowledgement.
    Answered,
    /// The same, but later than 30 s.
    Late,
    /// The model could not answer; the person got a failure line, or silence if one was said a moment ago.
    Failed,
    /// Older than `BOT_MAX_MESSAGE_AGE_MINUTES` when its turn came: remembered, not answered.
    Stale,
    /// The answer waited too long for its send and was dropped.
    Expired,
    /// The send's outcome is not known (the connection broke after the request left).
    Unknown,
    /// Telegram refused the answer for good (blocked, kicked, chat gone).
    Refused,
    /// The update went to the dead letters.
    Dead,
    /// Today's budget of the person, the chat or the bot is spent: they were told so once, and not answered.
    OverBudget,
    /// Its author floods: it was remembered, and passed over in silence.
    Ignored,
}

impl AddressedOutcome {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Dead => "dead",
            Self::OverBudget => "over_budget",
            Self::Ignored => "ignored",
        }
    }
}

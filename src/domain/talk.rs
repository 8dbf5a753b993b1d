//! What the bot says unasked, as far as its budget needs to know.

use std::time::Duration;

use super::Timestamp;

/// Something that nobody asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaskedKind {
    /// A line that joins in.
    Line,
    /// A line in a chat that went quiet.
    Spontaneous,
    /// An emoji under somebody's message.
    Reaction,
    /// The model was asked for a line and had nothing to say: nobody heard it, but it was paid for.
    Declined,
}

impl UnaskedKind {
    const ALL: [Self; 4] = [Self::Line, Self::Spontaneous, Self::Reaction, Self::Declined];

    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Spontaneous => "spontaneous",
            Self::Reaction => "reaction",
            Self::Declined => "declined",
        }
    }

    /// The kind behind a stored word; an unknown word reads as a line, the dearest.
    pub fn from_stored(word: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).unwrap_or(Self::Line)
    }

    /// What it weighs in the talk budget, in quarters of a line.
    pub const fn quarters(self) -> u32 {
        match self {
            Self::Line | Self::Spontaneous => 4,
            Self::Reaction => 1,
            Self::Declined => 0,
        }
    }

    /// Whether it is, or would have been, words.
    pub const fn is_words(self) -> bool {
        !matches!(self, Self::Reaction)
    }
}

/// One thing that was said unasked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unasked {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: UnaskedKind,
    /// How people took it: above zero well, below badly, zero in silence.
    pub reception: i64,
}

/// What the talk budget of a chat is counted from.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TalkLog {
    /// Messages of people in the last day; rather too few than too many.
    pub people_last_day: u32,
    /// What was said unasked of late, oldest first: all of the last day, and the lines before it.
    pub unasked: Vec<Unasked>,
}

/// How much may be said unasked in a chat now: the talk budget as numbers, to be checked again when it is spent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TalkAllowance {
    /// Quarters of a line in any hour.
    pub hour_quarters: u32,
    /// Quarters of a line in any day.
    pub day_quarters: u32,
    /// The least time since the last words.
    pub after_words: Duration,
    /// The least time since anything unasked.
    pub after_anything: Duration,
}

impl TalkAllowance {
    /// Whether something of this kind may still be said after what was said already.
    pub fn allows(&self, said: &[Unasked], kind: UnaskedKind, now: Timestamp) -> bool {
        let within = |time: Duration| said.iter().filter(move |one| one.at > now || now.since(one.at) < time);
        let quarters = |time| within(time).map(|one| one.kind.quarters()).sum::<u32>();
        const HOUR: Duration = Duration::from_secs(3600);
        quarters(HOUR) + kind.quarters() <= self.hour_quarters
            && quarters(24 * HOUR) + kind.quarters() <= self.day_quarters
            && !within(self.after_words).any(|one| one.kind.is_words() && kind.is_words())
            && within(self.after_anything).next().is_none()
    }
}

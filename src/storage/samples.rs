//! Figures over time, for the dashboard's charts: what all replicas counted, folded into steps of three widths. Older and
//! wider steps take the place of younger and narrower ones, so a fixed number of them is kept.

use std::time::Duration;

use async_trait::async_trait;

use super::StorageError;
use crate::domain::Timestamp;

/// Series that a step takes; more come only from labels that grew against their bound.
pub const SERIES_MAX: usize = 250;

/// How far back a chart looks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum SampleSpan {
    /// Sixty steps of a minute.
    #[default]
    Hour,
    /// 144 steps of ten minutes.
    Day,
    /// 168 steps of an hour.
    Week,
}

impl SampleSpan {
    /// From the narrowest.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// The width of its steps.
    pub const fn step(self) -> Duration {
        match self {
            Self::Hour => Duration::from_secs(60),
            Self::Day => Duration::from_secs(600),
            Self::Week => Duration::from_secs(3_600),
        }
    }

    /// How many steps are kept, the one that has just begun included.
    pub const fn steps(self) -> u32 {
        match self {
            Self::Hour => 60,
            Self::Day => 144,
            Self::Week => 168,
        }
    }

    /// When the step began to which this moment belongs.
    pub fn step_of(self, at: Timestamp) -> Timestamp {
        let step = i64::try_from(self.step().as_millis()).unwrap_or(i64::MAX);
        Timestamp(at.0.div_euclid(step) * step)
    }

    /// When the oldest step began that is kept.
    pub fn begin(self, now: Timestamp) -> Timestamp {
        self.step_of(now) - self.step() * (self.steps() - 1)
    }
}

/// What is kept over time. Of all but [`Series::Memory`] it is what was counted since the sample before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Series {
    /// Updates taken in.
    Updates,
    /// Of these, messages.
    Messages,
    /// Messages to the bot, by what became of them.
    Addressed,
    /// Messages of the bot that arrived.
    Sent,
    /// Turns that answered, by the upper bound of their time in seconds.
    Turn,
    /// The same without the model's share.
    TurnOwn,
    /// Calls that the model answered, by the upper bound of their time in seconds.
    Gemini,
    /// Errors, by place and class.
    Errors,
    /// Look-ups in caches, by cache and result.
    Caches,
    /// Tokens, by kind.
    Tokens,
    /// Billionths of a US dollar.
    Money,
    /// Bytes of the largest replica. Every sample has it, so where it is missing nothing ran.
    Memory,
}

impl Series {
    const ALL: [Self; 12] = [
        Self::Updates,
        Self::Messages,
        Self::Addressed,
        Self::Sent,
        Self::Turn,
        Self::TurnOwn,
        Self::Gemini,
        Self::Errors,
        Self::Caches,
        Self::Tokens,
        Self::Money,
        Self::Memory,
    ];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Updates => "updates",
            Self::Messages => "messages",
            Self::Addressed => "addressed",
            Self::Sent => "sent",
            Self::Turn => "turn",
            Self::TurnOwn => "turn_own",
            Self::Gemini => "gemini",
            Self::Errors => "errors",
            Self::Caches => "caches",
            Self::Tokens => "tokens",
            Self::Money => "nano_usd",
            Self::Memory => "memory",
        }
    }

    /// As it was stored; none if another version stored it.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|series| series.as_str() == name)
    }

    /// Two samples of one step become one figure, whichever replicas they are from.
    pub fn fold(self, one: i64, other: i64) -> i64 {
        if self == Self::Memory { one.max(other) } else { one.saturating_add(other) }
    }
}

/// One figure of a series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// What is counted.
    pub series: Series,
    /// Which of its kind: label values, never an id; empty if there is one only.
    pub label: String,
    /// The figure.
    pub value: i64,
}

/// Figures over time.
#[async_trait]
pub trait SampleStore: Send + Sync {
    /// Adds one replica's samples of this moment to the steps of every span, and forgets what is older than the spans. Of
    /// more than [`SERIES_MAX`] samples the first are taken.
    async fn add_samples(&self, at: Timestamp, samples: Vec<Sample>) -> Result<(), StorageError>;

    /// What is kept of a span, each with the beginning of its step, oldest first.
    async fn samples(&self, span: SampleSpan, now: Timestamp) -> Result<Vec<(Timestamp, Sample)>, StorageError>;
}

//! The talk budget: how much may be said unasked in a chat, whatever the chances say. It counts unasked lines and
//! reactions only; whoever addresses the bot is always answered.

use std::time::Duration;

use super::reception::goodwill;
use crate::{
    clock::kyiv_hour,
    domain::{ChatState, QuietHours, TalkAllowance, TalkLevel, TalkLog, Timestamp, UnaskedKind},
};

/// A line weighs so many quarters, a reaction one.
const LINE: u32 = UnaskedKind::Line.quarters();

/// What a level allows before goodwill.
struct Limits {
    /// Share of the last day's messages of people, in thousandths.
    per_mille: u32,
    /// Lines an hour.
    hour: u32,
    /// Lines a day.
    day: u32,
}

/// At the normal level: two lines in a hundred messages, three an hour, fifteen a day.
const fn limits(level: TalkLevel) -> Limits {
    match level {
        TalkLevel::Silent => Limits { per_mille: 0, hour: 0, day: 0 },
        TalkLevel::Shy => Limits { per_mille: 8, hour: 1, day: 5 },
        TalkLevel::Normal => Limits { per_mille: 20, hour: 3, day: 15 },
        TalkLevel::Chatty => Limits { per_mille: 40, hour: 6, day: 30 },
    }
}

/// What the operator has set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TalkRules {
    /// `BOT_AUTONOMOUS_MODE`.
    pub autonomous: bool,
    /// `BOT_MIN_SILENCE_MINUTES`.
    pub pause: Duration,
}

/// Why nothing may be said unasked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// `BOT_AUTONOMOUS_MODE=false`, or the chat's level is silent.
    Forbidden,
    /// Reactions are off in this chat.
    NoReactions,
    /// Somebody asked for silence.
    Silenced,
    /// The veto.
    Grave,
    /// Quiet hours.
    QuietHours,
    /// The budget is spent, or the last words were a moment ago.
    Spent,
}

impl Refusal {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::NoReactions => "no_reactions",
            Self::Silenced => "silenced",
            Self::Grave => "grave",
            Self::QuietHours => "quiet_hours",
            Self::Spent => "spent",
        }
    }
}

/// Whether something of this kind could be said at all now; cheap, without the log.
///
/// # Errors
///
/// Why not.
pub fn may_consider(kind: UnaskedKind, chat: &ChatState, rules: &TalkRules, now: Timestamp) -> Result<(), Refusal> {
    let holds = |until: Option<Timestamp>| until.is_some_and(|until| until > now);
    let quiet = chat.settings.quiet_hours.unwrap_or(QuietHours::NIGHT);
    if !rules.autonomous || chat.settings.talk_level == Some(TalkLevel::Silent) {
        Err(Refusal::Forbidden)
    } else if kind == UnaskedKind::Reaction && chat.settings.reactions == Some(false) {
        Err(Refusal::NoReactions)
    } else if holds(chat.silent_until) {
        Err(Refusal::Silenced)
    } else if holds(chat.grave_until) {
        Err(Refusal::Grave)
    } else if quiet.contains(kyiv_hour(now)) {
        Err(Refusal::QuietHours)
    } else {
        Ok(())
    }
}

/// How much may be said in a chat now.
pub fn allowance(level: TalkLevel, log: &TalkLog, rules: &TalkRules, now: Timestamp) -> TalkAllowance {
    let limits = limits(level);
    let will = goodwill(&log.unasked, now);
    let hour_quarters = if limits.hour == 0 { 0 } else { scaled(limits.hour * LINE, will).max(LINE) };
    // Rounded down: at most this share, never a little more.
    let share = log.people_last_day.saturating_mul(limits.per_mille).saturating_mul(LINE) / 1000;
    TalkAllowance {
        hour_quarters,
        day_quarters: scaled(limits.day * LINE, will).min(scaled(share, will)),
        after_words: rules.pause,
        after_anything: rules.pause / 4,
    }
}

/// Whether something of this kind may be said now, and how much in all.
///
/// # Errors
///
/// Why not.
pub fn may_say(
    kind: UnaskedKind,
    chat: &ChatState,
    log: &TalkLog,
    rules: &TalkRules,
    now: Timestamp,
) -> Result<TalkAllowance, Refusal> {
    may_consider(kind, chat, rules, now)?;
    let allowance = allowance(chat.settings.talk_level.unwrap_or_default(), log, rules, now);
    if allowance.allows(&log.unasked, kind, now) { Ok(allowance) } else { Err(Refusal::Spent) }
}

fn scaled(quarters: u32, will: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between nothing and the number itself, rounded down"
    )]
    let scaled = (f64::from(quarters) * will.clamp(0.0, 1.0)) as u32;
    scaled
}

#[cfg(test)]
mod tests;

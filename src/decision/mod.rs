//! Whether to speak: pure. It is told what was said, by whom and how old it is, what time it is and what was drawn; it never
//! asks anybody anything.
//!
//! Addressed: always words ([`addressed()`], [`decide`]). Not addressed: the veto ([`veto`]) before everything, then the talk
//! budget ([`budget`]), then the gate ([`gate`]). Stop words ([`stop_words`]) never wait for any of it.

mod addressed;
pub mod budget;
pub mod flood;
pub mod gate;
mod question;
pub mod reactions;
pub mod recent;
pub mod reception;
mod spend;
pub mod stop_words;
pub mod veto;

use crate::domain::Timestamp;

pub use addressed::{Trigger, addressed};
pub use question::{NormalisedQuestion, may_be_given_again, stands_alone};
pub use spend::{Allowance, Purse, has_spare_request};

/// Who wrote a message, as far as it matters for an answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum By {
    /// A person, or whoever writes as a group or a channel.
    Person,
    /// Another bot.
    Bot,
    /// This bot.
    Us,
}

/// One message of a turn as the decision sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// How it addresses the bot, if it does.
    pub trigger: Option<Trigger>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// An edit: it never draws a second answer.
    pub is_edit: bool,
    /// A later picture of an album that was dealt with.
    pub is_album_rest: bool,
    /// Who wrote it.
    pub by: By,
    /// Its author floods.
    pub floods: bool,
}

/// What a turn does.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Decision {
    /// Indices of the messages to answer, together, in order; empty is silence.
    pub answer: Vec<usize>,
    /// Indices of messages that addressed the bot, but too long ago to be answered.
    pub stale: Vec<usize>,
    /// Indices of messages that addressed the bot, but whose authors flood.
    pub ignored: Vec<usize>,
}

/// Addressed and fresh: answered. Addressed and old: remembered only. Everything else: silence.
///
/// Another bot is answered only if a person has spoken since this bot's last words (`person_since`): two bots that answer each
/// other never stop.
pub fn decide(candidates: &[Candidate], person_since: bool, now: Timestamp, age_max: std::time::Duration) -> Decision {
    let mut decision = Decision::default();
    let mut person_since = person_since;
    for (index, candidate) in candidates.iter().enumerate() {
        person_since |= candidate.by == By::Person;
        let speaks_to_us = candidate.trigger.is_some() && !candidate.is_edit && !candidate.is_album_rest;
        let may_be_answered = candidate.by == By::Person || (candidate.by == By::Bot && person_since);
        if !speaks_to_us || !may_be_answered {
            continue;
        }
        // What becomes of another bot's words is not counted.
        let counted = candidate.by == By::Person;
        if candidate.floods {
            decision.ignored.extend(counted.then_some(index));
        } else if now.since(candidate.sent_at) > age_max {
            decision.stale.extend(counted.then_some(index));
        } else {
            decision.answer.push(index);
        }
    }
    decision
}

#[cfg(test)]
mod tests;

//! Whether to speak: pure. It is told what was said, by whom and how old it is; it never asks anybody anything.

mod addressed;
mod question;
mod spend;

use crate::domain::Timestamp;

pub use addressed::{Trigger, addressed};
pub use question::{NormalisedQuestion, may_be_given_again, stands_alone};
pub use spend::{Allowance, Budgets, Purse};

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
    /// Written by a bot, this one included.
    pub by_bot: bool,
}

/// What a turn does.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Decision {
    /// Indices of the messages to answer, together, in order; empty is silence.
    pub answer: Vec<usize>,
    /// Indices of messages that addressed the bot, but too long ago to be answered.
    pub stale: Vec<usize>,
}

/// Addressed and fresh: answered. Addressed and old: remembered only. Everything else: silence.
pub fn decide(candidates: &[Candidate], now: Timestamp, age_max: std::time::Duration) -> Decision {
    let mut decision = Decision::default();
    for (index, candidate) in candidates.iter().enumerate() {
        let speaks_to_us = candidate.trigger.is_some() && !candidate.is_edit && !candidate.is_album_rest;
        if !speaks_to_us || candidate.by_bot {
            continue;
        }
        if now.since(candidate.sent_at) > age_max {
            decision.stale.push(index);
        } else {
            decision.answer.push(index);
        }
    }
    decision
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);
    const AGE: Duration = Duration::from_secs(600);

    fn addressed_now() -> Candidate {
        Candidate { trigger: Some(Trigger::Name), sent_at: NOW, is_edit: false, is_album_rest: false, by_bot: false }
    }

    #[test]
    fn only_fresh_words_to_the_bot_are_answered() {
        let candidates = [
            addressed_now(),
            Candidate { trigger: None, ..addressed_now() },
            Candidate { is_edit: true, ..addressed_now() },
            Candidate { is_album_rest: true, ..addressed_now() },
            Candidate { by_bot: true, ..addressed_now() },
            Candidate { sent_at: NOW - AGE - Duration::from_secs(1), ..addressed_now() },
            Candidate { sent_at: NOW - AGE, ..addressed_now() },
        ];
        let decision = decide(&candidates, NOW, AGE);
        assert_eq!(decision, Decision { answer: vec![0, 6], stale: vec![5] });
    }
}

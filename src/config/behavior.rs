//! How it behaves in a chat.

use std::time::Duration;

use super::{
    key::{WhenUnset, section},
    shapes::{Decimal, OneOf, PersonaName, Span, Switch, Unit, Whole},
};
use crate::domain::Language;

/// Whom the bot serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Chats and people that an admin has allowed.
    Approve,
    /// Everybody.
    Open,
}

const fn chance() -> Decimal {
    Decimal { min: 0.0, max: 1.0, unit: "(1: always)" }
}

const fn dollars() -> Decimal {
    Decimal { min: 0.0, max: 10_000.0, unit: "US dollars (0: no limit)" }
}

section! {
    /// How it behaves in a chat.
    Behavior as Behavior {
        /// Who it is: its names, voice and lines, unless a chat chooses another. An edited file speaks within seconds.
        persona: String = "BOT_PERSONA", WhenUnset::Value("gryag"), PersonaName;

        /// The language it speaks unless a chat chooses another.
        language: Language = "BOT_LANGUAGE", WhenUnset::Value("uk"),
            OneOf(&[("uk", Language::Ukrainian), ("en", Language::English)]);

        /// Whom it serves: chats and people that `ADMIN_ID` has allowed, or everybody.
        access: Access = "BOT_ACCESS", WhenUnset::Value("approve"),
            OneOf(&[("approve", Access::Approve), ("open", Access::Open)]);

        /// Whether it may speak or react unasked; `false`: it only answers who addresses it.
        autonomous_mode: bool = "BOT_AUTONOMOUS_MODE", WhenUnset::Value("true"), Switch;

        /// The chance that it joins in, unasked, at an opportune moment; the talk budget of the chat still bounds it.
        smart_reply_chance: f64 = "BOT_SMART_REPLY_CHANCE", WhenUnset::Value("0.2"), chance();

        /// The chance that it joins in, unasked, at any moment; the talk budget of the chat still bounds it.
        random_reply_chance: f64 = "BOT_RANDOM_REPLY_CHANCE", WhenUnset::Value("0.02"), chance();

        /// The least pause between two things that it says unasked in one chat.
        min_silence: Duration = "BOT_MIN_SILENCE_MINUTES", WhenUnset::Value("10"),
            Span { unit: Unit::Minutes, min: 0, max: 1440 };

        /// How long it says nothing unasked after somebody spoke of death, injury, strikes, illness or self-harm, or people
        /// quarrelled; whoever addresses it is still answered, plainly and without jokes.
        veto: Duration = "BOT_VETO_HOURS", WhenUnset::Value("3"), Span { unit: Unit::Hours, min: 0, max: 72 };

        /// The chance that it reacts with an emoji to a message that is not for it.
        reaction_chance: f64 = "BOT_REACTION_CHANCE", WhenUnset::Value("0.12"), chance();

        /// Messages older than this are remembered, not answered, and an answer unsent for so long is dropped.
        max_message_age: Duration = "BOT_MAX_MESSAGE_AGE_MINUTES", WhenUnset::Value("10"),
            Span { unit: Unit::Minutes, min: 1, max: 1440 };

        /// Who writes more than this is ignored until the flood ends; the messages are still remembered.
        spam_threshold: u32 = "BOT_SPAM_THRESHOLD", WhenUnset::Value("8"),
            Whole { min: 0, max: 1000, unit: "messages a person a minute (0: no limit)" };

        /// What the model may cost in a day, in all.
        budget_per_day: f64 = "BOT_BUDGET_USD_PER_DAY", WhenUnset::Value("1"), dollars();

        /// What one chat may cost in a day.
        budget_per_chat: f64 = "BOT_BUDGET_USD_PER_CHAT", WhenUnset::Value("0.30"), dollars();

        /// What one person may cost in a day.
        budget_per_user: f64 = "BOT_BUDGET_USD_PER_USER", WhenUnset::Value("0.10"), dollars();

        /// What one person may cost in a day whom neither an allowed chat nor an admin vouches for.
        budget_per_guest: f64 = "BOT_BUDGET_USD_PER_GUEST", WhenUnset::Value("0.02"), dollars();
    }
}

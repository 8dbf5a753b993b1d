//! What the persona says by itself, without a model.

use std::collections::BTreeMap;

use crate::domain::Language;

/// An occasion on which the persona has a line of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Saying {
    /// To `/start` and `/help`.
    Greeting,
    /// Instead of an answer when the model cannot be reached.
    Failure,
    /// To who writes faster than anybody reads.
    Spam,
    /// Somebody asked for silence and gets it; holds `{duration}`.
    Silenced,
    /// Somebody asked for silence more often than anybody may.
    SilenceRefused,
    /// Silence is over before its time.
    SilenceLifted,
    /// The day's budget is spent.
    OverBudget,
    /// To who has opted out and calls it.
    OptedOut,
    /// A new chat or person, before the admin has decided.
    AccessAsked,
    /// The admin has allowed the chat or person.
    AccessAllowed,
}

impl Saying {
    /// Every saying and its key in a persona file.
    pub(super) const ALL: [(Self, &'static str); 10] = [
        (Self::Greeting, "greeting"),
        (Self::Failure, "failure"),
        (Self::Spam, "spam"),
        (Self::Silenced, "silenced"),
        (Self::SilenceRefused, "silence_refused"),
        (Self::SilenceLifted, "silence_lifted"),
        (Self::OverBudget, "over_budget"),
        (Self::OptedOut, "opted_out"),
        (Self::AccessAsked, "access_asked"),
        (Self::AccessAllowed, "access_allowed"),
    ];

    /// Fewest lines of it: with fewer, a bad evening repeats itself.
    pub(super) const fn lines_min(self) -> usize {
        if matches!(self, Self::Failure) { 6 } else { 1 }
    }

    /// What its lines must hold in braces, if anything.
    pub(super) const fn placeholder(self) -> Option<&'static str> {
        if matches!(self, Self::Silenced) { Some("{duration}") } else { None }
    }
}

/// The lines of one language, each list non-empty.
pub(super) type Lines = BTreeMap<Saying, Vec<String>>;

/// The lines by language; Ukrainian ones are always there.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct AllLines {
    pub(super) ukrainian: Lines,
    pub(super) english: Option<Lines>,
}

impl AllLines {
    /// The lines of a saying: in Ukrainian where the persona does not speak the language.
    pub(super) fn of(&self, saying: Saying, language: Language) -> &[String] {
        let lines = match language {
            Language::Ukrainian => &self.ukrainian,
            Language::English => self.english.as_ref().unwrap_or(&self.ukrainian),
        };
        lines.get(&saying).map_or(&[], Vec::as_slice)
    }
}

/// The line for a draw in `[0, 1)`; nothing from an empty list.
pub(super) fn pick(lines: &[String], draw: f64) -> &str {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a list of lines is short, and a cast from a float saturates"
    )]
    let index = (draw * lines.len() as f64) as usize;
    lines.get(index.min(lines.len().saturating_sub(1))).map_or("", String::as_str)
}

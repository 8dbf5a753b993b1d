//! What is known about models and cannot be asked: how little they can be made to think, whether they still take a
//! temperature, and when they end. The figures are those of gemini_api.md sections 2 and 6 (read 2026-11); a model
//! that is not listed is judged by the version in its name.

use super::prices;
use crate::domain::Day;

/// How hard a model thinks before it answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "the names are the upstream's own")]
pub enum ThinkingLevel {
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
}

use ThinkingLevel::{High, Low, Medium, Minimal, XHigh};

impl ThinkingLevel {
    /// The word in the configuration; the wire takes it in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Minimal => "minimal",
            Low => "low",
            Medium => "medium",
            High => "high",
            XHigh => "xhigh",
        }
    }
}

/// What a request says about thinking. A level and a budget together are refused, and so is either one where the
/// model does not know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Thinking {
    /// `thinkingLevel`.
    Level(ThinkingLevel),
    /// `thinkingBudget`, in tokens; 0 switches thinking off.
    Budget(u32),
    /// Nothing at all.
    None,
}

/// A family of models: all whose names begin with `prefix`.
struct Family {
    prefix: &'static str,
    thinking: Knob,
    /// The day on which it ends, where that was announced.
    ends: Option<&'static str>,
}

/// How a family's thinking is turned.
enum Knob {
    /// By level, lowest first.
    Levels(&'static [ThinkingLevel]),
    /// By budget; the smallest one in tokens.
    Budget(u32),
}

/// Longer prefixes stand before shorter ones that they begin with.
const FAMILIES: &[Family] = &[
    Family { prefix: "gemini-4-hydrogen", thinking: Knob::Levels(&[Low, Medium, High, XHigh]), ends: None },
    Family { prefix: "gemini-4-argon", thinking: Knob::Levels(&[Low, Medium, High]), ends: None },
    Family { prefix: "gemini-3.8-flash", thinking: Knob::Levels(&[Low, Medium, High]), ends: None },
    Family { prefix: "gemini-3.6-flash", thinking: Knob::Levels(&[Minimal, Low, Medium, High]), ends: None },
    // Also 3.5-flash-lite.
    Family { prefix: "gemini-3.5-flash", thinking: Knob::Levels(&[Minimal, Low, Medium, High]), ends: None },
    Family { prefix: "gemini-3.1-flash-lite", thinking: Knob::Levels(&[]), ends: Some("2027-05-07") },
    Family { prefix: "gemini-3.1-pro-preview", thinking: Knob::Levels(&[Low, High]), ends: None },
    Family { prefix: "gemini-3-flash-preview", thinking: Knob::Levels(&[Minimal, Low, Medium, High]), ends: None },
    Family { prefix: "gemini-3-pro-preview", thinking: Knob::Levels(&[Low, High]), ends: Some("2026-03-09") },
    Family { prefix: "gemini-2.5-flash-lite", thinking: Knob::Budget(0), ends: None },
    Family { prefix: "gemini-2.5-flash", thinking: Knob::Budget(0), ends: Some("2026-12-01") },
    // The pro models cannot stop thinking; 128 tokens are their least.
    Family { prefix: "gemini-2.5-pro", thinking: Knob::Budget(128), ends: Some("2026-12-01") },
];

/// From this version on temperature, topP and topK are ignored, and announced to be refused.
const NO_SAMPLING_SINCE: (u32, u32) = (3, 6);
/// What is older is shut down, since this day.
const OLDEST_ALIVE: (u32, u32) = (2, 5);
const OLDER_ENDED: &str = "2026-06-01";
/// From this version on thinking is set by level.
const LEVELS_SINCE: (u32, u32) = (3, 0);

fn family(model: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| model.starts_with(family.prefix))
}

/// The version in a name such as `gemini-3.8-flash`.
fn version(model: &str) -> Option<(u32, u32)> {
    let number = model.strip_prefix("gemini-")?.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `gemini-flash-latest` and its like: whatever is newest, without notice.
fn is_alias(model: &str) -> bool {
    model.starts_with("gemini-") && model.ends_with("-latest")
}

/// The least thinking that `model` takes. Of a 3 or 4 model whose levels are unknown it is `low`, which all known ones
/// take; of a model that is no Gemini it is nothing.
pub fn lowest_thinking(model: &str) -> Thinking {
    match family(model).map(|family| &family.thinking) {
        Some(Knob::Levels([lowest, ..])) => Thinking::Level(*lowest),
        Some(Knob::Levels([])) => Thinking::Level(Low),
        Some(Knob::Budget(least)) => Thinking::Budget(*least),
        None if is_alias(model) || version(model).is_some_and(|version| version >= LEVELS_SINCE) => {
            Thinking::Level(Low)
        }
        None => Thinking::None,
    }
}

/// The levels that `model` takes, lowest first; `None` where nobody knows, an empty list where it takes none.
pub fn thinking_levels(model: &str) -> Option<&'static [ThinkingLevel]> {
    match family(model).map(|family| &family.thinking) {
        Some(Knob::Levels([])) => None,
        Some(Knob::Levels(levels)) => Some(levels),
        Some(Knob::Budget(_)) => Some(&[]),
        None => version(model).filter(|version| *version < LEVELS_SINCE).map(|_| [].as_slice()),
    }
}

/// Whether `model` heeds a temperature. An alias stands for a newest one, which does not.
pub fn takes_temperature(model: &str) -> bool {
    !is_alias(model) && version(model).is_none_or(|version| version < NO_SAMPLING_SINCE)
}

/// The day on which `model` ends or has ended, where that was announced, as it is written and as it is counted.
pub fn ends_on(model: &str) -> Option<(&'static str, Day)> {
    let date =
        if version(model).is_some_and(|version| version < OLDEST_ALIVE) { OLDER_ENDED } else { family(model)?.ends? };
    Some((date, prices::day(date).ok()?))
}

/// What an operator should know about `model`: that it ends or has ended, or is not what it was yesterday.
pub fn lifecycle_notice(model: &str) -> Option<String> {
    if is_alias(model) {
        return Some("is an alias that Google moves without notice".to_owned());
    }
    ends_on(model).map(|(date, _)| format!("ends on {date}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_models_are_asked_to_think_as_little_as_they_can() {
        assert_eq!(lowest_thinking("gemini-3.8-flash"), Thinking::Level(Low));
        assert_eq!(lowest_thinking("gemini-3.5-flash-lite"), Thinking::Level(Minimal));
    }

    #[test]
    fn every_listed_model_has_its_least_thinking() {
        for (model, expected) in [
            ("gemini-4-argon", Thinking::Level(Low)),
            ("gemini-4-hydrogen", Thinking::Level(Low)),
            ("gemini-3.7-flash", Thinking::Level(Low)),
            ("gemini-3.6-flash", Thinking::Level(Minimal)),
            ("gemini-3.1-flash-lite", Thinking::Level(Low)),
            ("gemini-3.1-pro-preview", Thinking::Level(Low)),
            ("gemini-3-flash-preview", Thinking::Level(Minimal)),
            ("gemini-2.5-flash-lite", Thinking::Budget(0)),
            ("gemini-2.5-flash", Thinking::Budget(0)),
            ("gemini-2.5-pro", Thinking::Budget(128)),
            ("gemini-2.0-flash", Thinking::None),
            ("gemini-flash-latest", Thinking::Level(Low)),
            ("gemma-4-31b-it", Thinking::None),
            ("gemini-test", Thinking::None),
        ] {
            assert_eq!(lowest_thinking(model), expected, "{model}");
        }
    }

    #[test]
    fn a_temperature_is_for_models_before_3_6() {
        for model in ["gemini-3.5-flash-lite", "gemini-2.5-flash", "gemma-4-31b-it", "gemini-test"] {
            assert!(takes_temperature(model), "{model}");
        }
        for model in
            ["gemini-3.6-flash", "gemini-3.8-flash", "gemini-4-argon", "gemini-3.10-flash", "gemini-pro-latest"]
        {
            assert!(!takes_temperature(model), "{model}");
        }
    }

    #[test]
    fn models_that_end_are_announced() {
        assert!(lifecycle_notice("gemini-2.5-flash").unwrap().contains("2026-12-01"));
        assert!(lifecycle_notice("gemini-2.5-pro").unwrap().contains("2026-12-01"));
        assert!(lifecycle_notice("gemini-2.0-flash").unwrap().contains("2026-06-01"));
        assert!(lifecycle_notice("gemini-flash-latest").unwrap().contains("alias"));
        for family in FAMILIES {
            assert_eq!(ends_on(family.prefix).map(|(date, _)| date), family.ends, "it is a date");
        }
        for model in ["gemini-3.8-flash", "gemini-3.5-flash-lite", "gemini-2.5-flash-lite", "gemini-test"] {
            assert_eq!(lifecycle_notice(model), None, "{model}");
        }
    }
}

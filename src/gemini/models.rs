//! What is known about each model by name (gemini_api.md section 6).

/// How much a model thinks before it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Thinking {
    /// `thinkingLevel`, of Gemini 3 and later: `MINIMAL`, `LOW`, `MEDIUM`, `HIGH` or `XHIGH`.
    Level(&'static str),
    /// `thinkingBudget` in tokens, of Gemini 2.5.
    Budget(i32),
    /// Not sent: the model does not think, or nothing is known about it.
    Unset,
}

/// The least thinking that a model takes: a chat line needs a quick answer, and thoughts are paid as output.
pub fn lowest_thinking(model: &str) -> Thinking {
    let Some(version) = version(model) else { return Thinking::Unset };
    // 3.6 is known to take it, and these three; 3.7 is not, 3.8 and 4 are known to refuse it.
    const MINIMAL: [&str; 4] =
        ["gemini-3.6-flash", "gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3-flash-preview"];
    match version {
        (0..=1, _) | (2, 0..=4) => Thinking::Unset,
        // 2.5 Pro cannot be switched off.
        (2, _) if model.contains("pro") => Thinking::Budget(128),
        (2, _) => Thinking::Budget(0),
        _ if MINIMAL.contains(&bare(model)) => Thinking::Level("MINIMAL"),
        // Every model of the third and fourth generation takes it.
        _ => Thinking::Level("LOW"),
    }
}

/// Whether a model takes `temperature`: from 3.6 on it is ignored, and announced to become an error.
pub fn takes_temperature(model: &str) -> bool {
    version(model).is_none_or(|version| version < (3, 6))
}

fn bare(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

/// Generation of a Gemini model; the aliases that move (`gemini-flash-latest`) count as the newest.
fn version(model: &str) -> Option<(u32, u32)> {
    let name = bare(model).strip_prefix("gemini-")?;
    if name.ends_with("-latest") && !name.starts_with(|first: char| first.is_ascii_digit()) {
        return Some((u32::MAX, 0));
    }
    let number = name.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_gets_the_least_thinking_it_takes() {
        for (model, thinking) in [
            ("gemini-3.8-flash", Thinking::Level("LOW")),
            ("models/gemini-3.8-flash", Thinking::Level("LOW")),
            ("gemini-3.7-flash", Thinking::Level("LOW")),
            ("gemini-3.6-flash", Thinking::Level("MINIMAL")),
            ("gemini-3.5-flash", Thinking::Level("MINIMAL")),
            ("models/gemini-3.5-flash-lite", Thinking::Level("MINIMAL")),
            ("gemini-3.1-pro-preview", Thinking::Level("LOW")),
            ("gemini-3-flash-preview", Thinking::Level("MINIMAL")),
            ("gemini-4-hydrogen", Thinking::Level("LOW")),
            ("gemini-4-argon", Thinking::Level("LOW")),
            ("gemini-flash-latest", Thinking::Level("LOW")),
            ("gemini-2.5-flash", Thinking::Budget(0)),
            ("gemini-2.5-pro", Thinking::Budget(128)),
            ("gemma-4-31b-it", Thinking::Unset),
            ("gemini-test", Thinking::Unset),
        ] {
            assert_eq!(lowest_thinking(model), thinking, "{model}");
        }
    }

    #[test]
    fn the_newest_models_are_sent_no_temperature() {
        for model in ["gemini-3.6-flash", "gemini-3.8-flash", "gemini-4-argon", "gemini-pro-latest"] {
            assert!(!takes_temperature(model), "{model}");
        }
        for model in ["gemini-3.5-flash-lite", "gemini-2.5-flash", "gemma-4-31b-it", "gemini-test"] {
            assert!(takes_temperature(model), "{model}");
        }
    }
}

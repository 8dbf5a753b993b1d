//! What can be wrong with a configuration. No problem shows a secret, nor a value that might be one.

use std::fmt;

/// One mistake and what would be right.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A key that must be set is not.
    #[error("{key} is missing; set it in the environment or in gryag.toml to {takes}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it takes.
        takes: String,
    },
    /// A value that the key does not take.
    #[error("{key} ({origin}){value} is wrong; it takes {takes}{hint}", value = shown(value.as_deref()), hint = bracketed(hint))]
    Wrong {
        /// The key.
        key: &'static str,
        /// Where it was set.
        origin: String,
        /// The value, where it may be shown.
        value: Option<String>,
        /// What it takes.
        takes: String,
        /// What else may help; may be empty.
        hint: &'static str,
    },
    /// Values that do not go together.
    #[error("{key} {text}")]
    Conflict {
        /// The key to change.
        key: &'static str,
        /// What it clashes with and what would be right.
        text: String,
    },
    /// A name that is no key.
    #[error("{name} ({origin}) is not a key; {advice}")]
    Unknown {
        /// The name.
        name: String,
        /// Where it was set.
        origin: String,
        /// What may have been meant.
        advice: String,
    },
    /// A key of the bot that this one replaces.
    #[error("{name} ({origin}) is a key of the old bot; {advice}")]
    Retired {
        /// The name.
        name: String,
        /// Where it was set.
        origin: String,
        /// Its new name, or why it is gone.
        advice: String,
    },
    /// The same key twice in one file.
    #[error("{name} ({origin}) is set twice; keep one")]
    Twice {
        /// The key.
        name: String,
        /// The file.
        origin: String,
    },
    /// A variable of ours that is no text.
    #[error("{name} (environment) is not UTF-8; write it anew")]
    NotText {
        /// The variable.
        name: String,
    },
    /// The file cannot be used as a whole.
    #[error("{file}: {text}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        text: String,
    },
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(" = `{value}`"))
}

fn bracketed(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(" ({hint})") }
}

/// Everything that is wrong with a configuration, at once. The process ends with exit code 64.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// The mistakes, keys in the order in which they are documented; never empty.
    pub problems: Vec<Problem>,
}

/// One problem a line.
impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

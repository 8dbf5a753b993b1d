//! Who the bot is: data, not code. Its name and the forms in which it is called, the system prompt, the lines for a
//! bad day. Nothing here reads a chat or knows a model.

mod names;
mod reading;

pub use names::names_in;

use std::{collections::HashSet, path::Path};

use sha2::{Digest as _, Sha256};

use crate::errors::{Class, Classify};

/// The persona that comes with the program.
const BUILT_IN: &str = include_str!("../../persona/gryag.toml");

/// A checked persona.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Persona {
    name: String,
    names: HashSet<String>,
    system_prompt: String,
    greeting: String,
    failure_lines: Vec<String>,
    offline: Offline,
    version: String,
}

/// Lines for the sandbox without a model. An answer is an opener, a space and a line of the list that fits.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Offline {
    /// How an answer begins.
    pub openers: Vec<String>,
    /// To a greeting.
    pub greetings: Vec<String>,
    /// To a question.
    pub questions: Vec<String>,
    /// To thanks.
    pub thanks: Vec<String>,
    /// To an insult.
    pub insults: Vec<String>,
    /// To a farewell.
    pub farewells: Vec<String>,
    /// To anything else.
    pub unknown: Vec<String>,
}

/// Why a persona file cannot be used. Holds no word of its texts.
#[derive(Debug, thiserror::Error)]
pub enum PersonaError {
    /// The file cannot be read.
    #[error("the persona file {path} cannot be read")]
    Unreadable {
        /// Where it should be.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the persona is not valid TOML: line {line}")]
    Syntax {
        /// The first line that cannot be read, from 1.
        line: usize,
    },
    /// The file is TOML, but not a persona.
    #[error("the persona has {} problems: {}", problems.len(), problems.join("; "))]
    Invalid {
        /// All that is wrong, each with what would be right.
        problems: Vec<String>,
    },
}

impl Classify for PersonaError {
    fn class(&self) -> Class {
        Class::Permanent
    }
}

impl Persona {
    /// Гряг himself.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("a test reads the built-in persona")
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// [`PersonaError`], with all problems at once.
    pub fn load(path: &Path) -> Result<Self, PersonaError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PersonaError::Unreadable { path: path.display().to_string(), source })?;
        Self::parse(&text)
    }

    /// Reads a persona from TOML.
    ///
    /// # Errors
    ///
    /// [`PersonaError`], with all problems at once.
    pub fn parse(text: &str) -> Result<Self, PersonaError> {
        let read = reading::read(text)?;
        // Line ends must not make a version: the same file is checked out differently on different systems.
        let digest = Sha256::digest(text.replace("\r\n", "\n").as_bytes());
        Ok(Self {
            names: read.names.iter().map(|name| names::normalised(name)).collect(),
            system_prompt: with_examples(&read.system, &read.examples),
            name: read.name,
            greeting: read.greeting,
            failure_lines: read.failure_lines,
            offline: read.offline,
            version: hex::encode(digest).chars().take(12).collect(),
        })
    }

    /// How it calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the model is told first: the same bytes for the same persona, so that the upstream caches them.
    pub fn system_prompt(&self) -> &str {
        &self.system_prompt
    }

    /// What it says to `/start` and `/help`.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// What may be said when the model cannot answer; at least six lines.
    pub fn failure_lines(&self) -> &[String] {
        &self.failure_lines
    }

    /// The failure line for a draw in `[0, 1)`.
    pub fn failure_line(&self, draw: f64) -> &str {
        pick(&self.failure_lines, draw)
    }

    /// The lines for the sandbox without a model.
    pub fn offline(&self) -> &Offline {
        &self.offline
    }

    /// Twelve hexadecimal digits that change with any word of the file.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The line for a draw in `[0, 1)`; nothing from an empty list.
fn pick(lines: &[String], draw: f64) -> &str {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a list of lines is short, and a cast from a float saturates"
    )]
    let index = (draw * lines.len() as f64) as usize;
    lines.get(index.min(lines.len().saturating_sub(1))).map_or("", String::as_str)
}

fn with_examples(system: &str, examples: &[(String, String)]) -> String {
    let mut prompt = system.trim().to_owned();
    if !examples.is_empty() {
        prompt.push_str("\n\nПриклади (лише манера, не повторюй їх):");
    }
    for (said, answered) in examples {
        prompt.push_str(&format!("\n{said}\n→ {answered}"));
    }
    prompt
}

#[cfg(test)]
mod tests;

//! Who the bot is: data, not code. Its name and the forms in which it is called, the system prompt, the lines for a
//! bad day. Nothing here reads a chat or knows a model.

mod lines;
mod names;
mod reading;
mod shelf;

pub use lines::Saying;
pub use names::names_in;
pub use shelf::{Looked, PersonaFileError, Personas};

use std::{collections::HashSet, path::Path};

use sha2::{Digest as _, Sha256};

use crate::{
    domain::Language,
    errors::{Class, Classify},
};

use lines::{AllLines, pick};

/// The persona that comes with the program and speaks unless another is chosen.
const GRYAG: &str = include_str!("../../persona/gryag.toml");
/// The other one that comes with it.
const ZUZIA: &str = include_str!("../../persona/zuzia.toml");
/// What is built in, by key.
const BUILT_IN: [(&str, &str); 2] = [("gryag", GRYAG), ("zuzia", ZUZIA)];

/// A checked persona.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Persona {
    name: String,
    names: HashSet<String>,
    system_prompt: String,
    examples: Vec<Example>,
    decline: String,
    instructions: Instructions,
    lines: AllLines,
    offline: Offline,
    version: String,
}

/// How it talks, for the model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Example {
    /// A line of somebody else, as the prompt writes it.
    pub said: String,
    /// What it answered.
    pub answered: String,
}

/// What the model is told besides, at the end of a prompt.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Instructions {
    /// Something grave is talked about: plain and kind, no joke, and where human help is.
    pub grave: String,
    /// Nobody called it, and it may say a word or decline.
    pub unasked: String,
    /// The chat has gone quiet, and it may say a word or decline.
    pub spontaneous: String,
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
        Self::parse(GRYAG).expect("a test reads the built-in personas")
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// [`PersonaError`], with all problems at once.
    pub fn load(path: &Path) -> Result<Self, PersonaError> {
        let unreadable = |source| PersonaError::Unreadable { path: path.display().to_string(), source };
        if std::fs::metadata(path).map_err(unreadable)?.len() > reading::FILE_MAX {
            return Err(PersonaError::Invalid { problems: vec![reading::too_big()] });
        }
        Self::parse(&std::fs::read_to_string(path).map_err(unreadable)?)
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
        let told = |text: &str| text.trim().replace("{decline}", &read.decline).replace("{help}", &read.help);
        Ok(Self {
            names: read.names.iter().map(|name| names::normalised(name)).collect(),
            system_prompt: format!("{}\n\n{}", read.system.trim(), read.boundaries.trim()),
            instructions: Instructions {
                grave: told(&read.instructions.grave),
                unasked: told(&read.instructions.unasked),
                spontaneous: told(&read.instructions.spontaneous),
            },
            name: read.name,
            examples: read.examples,
            decline: read.decline,
            lines: read.lines,
            offline: read.offline,
            version: hex::encode(digest).chars().take(12).collect(),
        })
    }

    /// How it calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who it is and what it never does, for the model: the same bytes for the same persona, so that the upstream
    /// caches them.
    pub fn system_prompt(&self) -> &str {
        &self.system_prompt
    }

    /// How it talks, for the model.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// What the model is told besides, when the moment asks for it.
    pub fn instructions(&self) -> &Instructions {
        &self.instructions
    }

    /// Whether an answer means that the model has nothing to say unasked.
    pub fn declines(&self, answer: &str) -> bool {
        // Models put the word in bold, in quotes or add why; whatever holds it is not meant for the chat.
        let bare = |text: &str| {
            let letters = text.chars().filter(|letter| letter.is_alphanumeric() || *letter == ' ');
            letters.flat_map(char::to_lowercase).collect::<String>()
        };
        let (answer_bare, decline) = (bare(answer), bare(&self.decline));
        answer_bare.trim().is_empty()
            || answer_bare.trim() == decline.trim()
            || answer.to_lowercase().contains(&self.decline.to_lowercase())
    }

    /// What may be said on an occasion: at least one line, in Ukrainian where it does not speak the language.
    pub fn lines(&self, saying: Saying, language: Language) -> &[String] {
        self.lines.of(saying, language)
    }

    /// The line of a saying for a draw in `[0, 1)`.
    pub fn line(&self, saying: Saying, language: Language, draw: f64) -> &str {
        pick(self.lines(saying, language), draw)
    }

    /// The answer to a stop word; `duration` in words, in the accusative.
    pub fn silenced(&self, language: Language, duration: &str, draw: f64) -> String {
        self.line(Saying::Silenced, language, draw).replace("{duration}", duration)
    }

    /// The lines for the sandbox without a model.
    pub fn offline(&self) -> &Offline {
        &self.offline
    }

    /// Twelve hexadecimal digits that change with any word of the file; part of every key of a cache of answers.
    pub fn version(&self) -> &str {
        &self.version
    }
}

#[cfg(test)]
mod tests;

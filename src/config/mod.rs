//! What an operator can set: the environment over an optional `gryag.toml`, the same names in both.
//!
//! Each key is written once, in the `section!` block of its section; the documents, the parsing and the check for
//! unknown names come from there. This module is a leaf: it knows no component, and hands them plain typed values.

mod address;
mod advanced;
mod behavior;
mod checks;
mod conversion;
mod docs;
mod dotenv;
mod essential;
mod gemini;
mod key;
pub mod models;
pub mod prices;
mod problem;
mod retired;
mod settings;
mod shapes;
mod source;
mod strangers;
#[cfg(test)]
mod tests;

use std::{fmt::Write as _, path::Path};

pub use address::{Network, NetworkError};
pub use advanced::Advanced;
pub use behavior::{Access, Behavior};
pub use conversion::{Converted, convert_old};
pub use docs::{env_example, retired_table, table};
pub use essential::{Essential, Intake};
pub use gemini::Gemini;
pub use key::{Key, Section, WhenUnset};
pub use problem::{ConfigError, Problem};
pub use retired::{RETIRED, Retired};
pub use source::{ConfigFile, DEFAULT_FILE};

use settings::Settings;

/// Every key, section by section.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    [Essential::KEYS, Behavior::KEYS, Gemini::KEYS, Advanced::KEYS].into_iter().flatten()
}

fn key_named(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name == name)
}

/// What the configuration is for, which decides what must be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To run the bot: all essential keys must be set.
    Serve,
    /// To try it out: none must be set, and a real bot's token is never used.
    Sandbox,
    /// For commands that touch only the data directory or a running process: none must be set.
    Offline,
}

/// One key as it holds, fit to be shown.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The key's name.
    pub name: &'static str,
    /// Where it is listed.
    pub section: Section,
    /// Its value as a text; `***` for a secret.
    pub value: String,
    /// Where it came from: `environment`, the file's name, `default`, or what it was made of.
    pub origin: String,
}

/// Everything that is set, typed. `Debug` hides the secrets.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who it is on Telegram and where it lives.
    pub essential: Essential,
    /// How it behaves in a chat.
    pub behavior: Behavior,
    /// Which model answers, and how it is asked.
    pub gemini: Gemini,
    /// Limits and addresses.
    pub advanced: Advanced,
    settings: Vec<Setting>,
    notes: Vec<String>,
}

impl Config {
    /// The configuration of this process: its environment over `file`, or over `gryag.toml` in the working directory
    /// if no file is named and that one is there.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn from_process(file: Option<&Path>, purpose: Purpose) -> Result<Self, ConfigError> {
        Self::from_process_under(file, &[], purpose)
    }

    /// The same with some keys set over all else.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn from_process_under(
        file: Option<&Path>,
        over: &[(String, String)],
        purpose: Purpose,
    ) -> Result<Self, ConfigError> {
        let (mut variables, mut problems) = source::process_environment();
        variables.extend_from_slice(over);
        let file = source::read_file(file).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        Self::assemble(variables, file.as_ref(), purpose, problems)
    }

    /// The configuration that these variables over this file make.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn load(
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&ConfigFile>,
        purpose: Purpose,
    ) -> Result<Self, ConfigError> {
        Self::assemble(environment, file, purpose, Vec::new())
    }

    /// The defaults with harmless essentials, for tests.
    pub fn for_tests() -> Self {
        Self::for_tests_with(&[])
    }

    /// The same with some keys set.
    ///
    /// # Panics
    /// If they are wrong.
    pub fn for_tests_with(settings: &[(&str, &str)]) -> Self {
        let essentials =
            [("TELEGRAM_BOT_TOKEN", "42:test-token"), ("GEMINI_API_KEY", "test-key"), ("ADMIN_ID", "1000")];
        let variables = essentials.iter().chain(settings).map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
        match Self::load(variables, None, Purpose::Serve) {
            Ok(config) => config,
            Err(error) => panic!("a test's configuration is wrong:\n{error}"),
        }
    }

    fn assemble(
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&ConfigFile>,
        purpose: Purpose,
        mut problems: Vec<Problem>,
    ) -> Result<Self, ConfigError> {
        let mut strangers = Vec::new();
        let file = file.map(|file| source::from_file(file, &mut strangers, &mut problems));
        let environment = source::from_environment(environment, &mut strangers);
        let mut settings = Settings::new(source::merge(file.into_iter().chain([environment])));
        stand_in(&mut settings, purpose);
        settings.derive();
        let notes = strangers.iter().filter_map(strangers::note).collect();
        strangers.retain(|stranger| strangers::note(stranger).is_none());

        let essential = Essential::read(&mut settings);
        let behavior = Behavior::read(&mut settings);
        let gemini = Gemini::read(&mut settings);
        let advanced = Advanced::read(&mut settings);
        checks::add_conflicts(&mut settings, &essential, &gemini, &advanced);

        let is_set = |key: &str| settings.get(key).is_some();
        problems.splice(0..0, settings.problems.iter().cloned());
        problems.extend(strangers.into_iter().map(|stranger| strangers::problem(stranger, is_set)));
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        let settings = keys().map(|key| in_force(key, &settings)).collect();
        Ok(Self { essential, behavior, gemini, advanced, settings, notes })
    }

    /// Whether a key is set, by the operator or by what it is made of; a default does not count.
    pub fn is_set(&self, name: &str) -> bool {
        let setting = self.settings.iter().find(|setting| setting.name == name);
        setting.is_some_and(|setting| !matches!(setting.origin.as_str(), DEFAULT | NOT_SET | NOT_NEEDED))
    }

    /// What is worth saying at start: keys that have no effect with this model, models that end.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = checks::notices(self);
        notices.extend(self.notes.iter().cloned());
        notices
    }

    /// Every key as it was loaded, in the order of the documents.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Every key by section, with its value and where that came from; secrets are hidden.
    pub fn describe(&self) -> String {
        let width = self.settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for section in Section::ALL {
            let _ = writeln!(text, "[{}]", section.as_str());
            for setting in self.settings.iter().filter(|setting| setting.section == section) {
                let Setting { name, value, origin, .. } = setting;
                let value = if value.is_empty() { "-" } else { value };
                let _ = writeln!(text, "{name:width$} = {value}  ({origin})");
            }
        }
        text
    }
}

const DEFAULT: &str = "default";
const NOT_SET: &str = "not set";
const NOT_NEEDED: &str = "not needed here";

/// Fills the essential keys where the purpose does without them.
fn stand_in(settings: &mut Settings, purpose: Purpose) {
    if purpose == Purpose::Serve {
        return;
    }
    for key in Essential::KEYS.iter().filter(|key| key.unset == WhenUnset::Required) {
        let is_real_bot = purpose == Purpose::Sandbox && key.name == "TELEGRAM_BOT_TOKEN";
        if settings.get(key.name).is_none() || is_real_bot {
            settings.stand_in(key.name, NOT_NEEDED);
        }
    }
}

fn in_force(key: &'static Key, settings: &Settings) -> Setting {
    let (value, origin) = match (settings.get(key.name), key.unset) {
        (Some(set), _) => (set.text.clone(), set.origin.clone()),
        (None, WhenUnset::Value(text)) => (text.to_owned(), DEFAULT.to_owned()),
        (None, _) => (String::new(), NOT_SET.to_owned()),
    };
    let value = if key.is_secret() && !value.is_empty() { "***".to_owned() } else { value };
    Setting { name: key.name, section: key.section, value, origin }
}

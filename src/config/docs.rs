//! The documents that are made of the keys: the table, the `.env.example`, and the list of old keys.

use std::fmt::Write as _;

use super::{Key, RETIRED, Section, WhenUnset, keys};

fn keys_of(section: Section) -> impl Iterator<Item = &'static Key> {
    keys().filter(move |key| key.section == section)
}

/// Every key as a Markdown table a section.
pub fn table() -> String {
    let mut text = String::new();
    for section in Section::ALL {
        let (name, about) = (section.as_str(), section.about());
        let _ = write!(text, "**{name}**: {about}\n\n| key | default | takes | what it does |\n|---|---|---|---|\n");
        for key in keys_of(section) {
            let _ = writeln!(text, "| `{}` | {} | {} | {} |", key.name, default_cell(key), key.takes(), key.about());
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn default_cell(key: &Key) -> String {
    match key.unset {
        WhenUnset::Required => "**must be set**".to_owned(),
        WhenUnset::Value(value) => format!("`{value}`"),
        WhenUnset::Derived(words) | WhenUnset::Nothing(words) => words.to_owned(),
    }
}

/// The keys of the bot that this one replaces, as a Markdown table.
pub fn retired_table() -> String {
    let mut text = "| old key | now | why |\n|---|---|---|\n".to_owned();
    for retired in RETIRED {
        let instead = retired.instead.map_or_else(|| "gone".to_owned(), |key| format!("`{key}`"));
        let _ = writeln!(text, "| `{}` | {instead} | {} |", retired.name, retired.because);
    }
    text
}

/// A `.env` with every key: the essential ones to be filled in, the others commented out at their defaults.
pub fn env_example() -> String {
    let mut text = "# Copy to .env and fill in the three keys below; all others have defaults.\n\
                    # Values stand as they are, without quotes. `gryag config` shows what is in force.\n"
        .to_owned();
    for section in Section::ALL {
        let (name, about) = (section.as_str(), section.about());
        let _ = write!(text, "\n# === {name}: {about}\n");
        for key in keys_of(section) {
            text.push('\n');
            for line in wrapped(&format!("{} Takes {}.", key.about(), key.takes())) {
                let _ = writeln!(text, "# {line}");
            }
            let _ = match key.unset {
                WhenUnset::Required => writeln!(text, "{}=", key.name),
                WhenUnset::Value(value) => writeln!(text, "# {}={value}", key.name),
                WhenUnset::Derived(words) | WhenUnset::Nothing(words) => {
                    writeln!(text, "# Not set: {words}.\n# {}=", key.name)
                }
            };
        }
    }
    text
}

/// Lines of at most a hundred characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < 100 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

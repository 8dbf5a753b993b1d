//! Reads a persona file and finds everything that is wrong with it at once.

use toml::{Table, Value};

use super::{Offline, PersonaError, names};

/// Fewest failure lines: with fewer a bad evening repeats itself.
const FAILURE_LINES_MIN: usize = 6;
/// Longest line that the bot may say from a file, in characters.
const LINE_MAX: usize = 300;
/// Longest system prompt, in characters: about half of the default context budget in tokens.
const SYSTEM_MAX: usize = 12_000;
/// What a line of the offline voice may hold in braces.
const PLACEHOLDERS: [&str; 2] = ["{name}", "{said}"];

/// A persona file as it stands.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) name: String,
    pub(super) names: Vec<String>,
    pub(super) system: String,
    pub(super) greeting: String,
    pub(super) failure_lines: Vec<String>,
    pub(super) examples: Vec<(String, String)>,
    pub(super) offline: Offline,
}

pub(super) fn read(text: &str) -> Result<Read, PersonaError> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        PersonaError::Syntax { line: text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1 }
    })?;
    let mut section = Section { path: String::new(), table, problems: Vec::new() };
    let mut offline = section.section("offline");
    let read = Read {
        name: section.text("name"),
        names: section.lines("names"),
        system: section.text("system"),
        greeting: section.text("greeting"),
        failure_lines: section.lines("failure_lines"),
        examples: section.examples(),
        offline: Offline {
            openers: offline.lines("openers"),
            greetings: offline.lines("greetings"),
            questions: offline.lines("questions"),
            thanks: offline.lines("thanks"),
            insults: offline.lines("insults"),
            farewells: offline.lines("farewells"),
            unknown: offline.lines("unknown"),
        },
    };
    let mut problems = section.finish();
    problems.extend(offline.finish());
    check(&read, &mut problems);
    if problems.is_empty() { Ok(read) } else { Err(PersonaError::Invalid { problems }) }
}

/// A table from which keys are taken; what is left at the end is unknown.
struct Section {
    path: String,
    table: Table,
    problems: Vec<String>,
}

impl Section {
    fn wrong(&mut self, key: &str, right: &str) {
        self.problems.push(format!("{}{key} must be {right}", self.path));
    }

    fn text(&mut self, key: &str) -> String {
        match self.table.remove(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => text,
            _ => {
                self.wrong(key, "a text that is not empty");
                String::new()
            }
        }
    }

    fn lines(&mut self, key: &str) -> Vec<String> {
        let lines: Option<Vec<String>> = match self.table.remove(key) {
            Some(Value::Array(items)) => items.into_iter().map(line).collect(),
            _ => None,
        };
        lines.filter(|lines| !lines.is_empty()).unwrap_or_else(|| {
            self.wrong(key, &format!("a list of texts, each of 1 to {LINE_MAX} characters"));
            Vec::new()
        })
    }

    fn section(&mut self, key: &str) -> Self {
        let table = match self.table.remove(key) {
            Some(Value::Table(table)) => table,
            _ => {
                self.wrong(key, "a table");
                Table::new()
            }
        };
        Self { path: format!("{}{key}.", self.path), table, problems: Vec::new() }
    }

    /// Optional; each has `said` and `answered`.
    fn examples(&mut self) -> Vec<(String, String)> {
        let items = match self.table.remove("examples") {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.wrong("examples", "a list of tables");
                return Vec::new();
            }
        };
        let mut examples = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let Value::Table(table) = item else {
                self.wrong("examples", "a list of tables");
                continue;
            };
            let mut example = Self { path: format!("examples[{index}]."), table, problems: Vec::new() };
            examples.push((example.text("said"), example.text("answered")));
            self.problems.extend(example.finish());
        }
        examples
    }

    fn finish(mut self) -> Vec<String> {
        for key in self.table.keys() {
            self.problems.push(format!("{}{key} is not a key of a persona", self.path));
        }
        self.problems
    }
}

fn line(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() && text.chars().count() <= LINE_MAX => Some(text),
        _ => None,
    }
}

fn check(read: &Read, problems: &mut Vec<String>) {
    if read.system.chars().count() > SYSTEM_MAX {
        problems.push(format!("system must have at most {SYSTEM_MAX} characters"));
    }
    if !read.failure_lines.is_empty() && read.failure_lines.len() < FAILURE_LINES_MIN {
        problems.push(format!("failure_lines must hold at least {FAILURE_LINES_MIN} lines"));
    }
    check_names(read, problems);
    let offline = &read.offline;
    let lists = [
        ("openers", &offline.openers),
        ("greetings", &offline.greetings),
        ("questions", &offline.questions),
        ("thanks", &offline.thanks),
        ("insults", &offline.insults),
        ("farewells", &offline.farewells),
        ("unknown", &offline.unknown),
    ];
    for (key, lines) in lists {
        if lines.iter().any(|line| has_other_braces(line)) {
            problems.push(format!("offline.{key} may hold {} and no other braces", PLACEHOLDERS.join(" and ")));
        }
    }
}

fn check_names(read: &Read, problems: &mut Vec<String>) {
    for (index, name) in read.names.iter().enumerate() {
        if !names::is_one_word(name) {
            problems.push(format!("names[{index}] must be one word of letters"));
        } else if read.names[..index].iter().any(|other| names::normalised(other) == names::normalised(name)) {
            problems.push(format!("names[{index}] stands there twice"));
        }
    }
    let name = names::normalised(&read.name);
    if !read.names.is_empty() && !read.name.is_empty() && !read.names.iter().any(|form| names::normalised(form) == name)
    {
        problems.push("names must hold the name itself".to_owned());
    }
}

fn has_other_braces(line: &str) -> bool {
    let bare = PLACEHOLDERS.iter().fold(line.to_owned(), |line, placeholder| line.replace(placeholder, ""));
    bare.contains(['{', '}'])
}

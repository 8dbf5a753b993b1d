//! Reads a persona file and finds everything that is wrong with it at once.

use toml::{Table, Value};

use super::{
    Example, Instructions, Offline, PersonaError,
    lines::{AllLines, Lines, Saying},
    names,
};

/// Largest file, in bytes: the built-in ones have a tenth of it.
pub(super) const FILE_MAX: u64 = 256 * 1024;
/// Longest line that the bot may say from a file, in characters.
const LINE_MAX: usize = 300;
/// Longest system prompt, in characters: about half of the default context budget in tokens.
const SYSTEM_MAX: usize = 12_000;
/// Longest of the other texts for the model, in characters: some of them are sent with every call.
const TEXT_MAX: usize = 2_000;
/// What a line of the offline voice may hold in braces.
const PLACEHOLDERS: [&str; 2] = ["{name}", "{said}"];

/// A persona file as it stands.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) name: String,
    pub(super) names: Vec<String>,
    pub(super) system: String,
    pub(super) boundaries: String,
    pub(super) decline: String,
    pub(super) help: String,
    pub(super) instructions: Instructions,
    pub(super) lines: AllLines,
    pub(super) examples: Vec<Example>,
    pub(super) offline: Offline,
}

/// What is wrong with a file that nobody should read.
pub(super) fn too_big() -> String {
    format!("the file must have at most {FILE_MAX} bytes")
}

pub(super) fn read(text: &str) -> Result<Read, PersonaError> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        PersonaError::Syntax { line: text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1 }
    })?;
    let mut section = Section { path: String::new(), table, problems: Vec::new() };
    let read = Read {
        name: section.text("name"),
        names: section.lines("names"),
        system: section.text("system"),
        boundaries: section.text("boundaries"),
        decline: section.text("decline"),
        help: section.text("help"),
        examples: section.examples(),
        instructions: section.within("instructions", |told| Instructions {
            grave: told.text("grave"),
            unasked: told.text("unasked"),
            spontaneous: told.text("spontaneous"),
        }),
        lines: section.within("lines", |lines| AllLines {
            ukrainian: lines.within("uk", Section::sayings),
            english: lines.has("en").then(|| lines.within("en", Section::sayings)),
        }),
        offline: section.within("offline", |offline| Offline {
            openers: offline.lines("openers"),
            greetings: offline.lines("greetings"),
            questions: offline.lines("questions"),
            thanks: offline.lines("thanks"),
            insults: offline.lines("insults"),
            farewells: offline.lines("farewells"),
            unknown: offline.lines("unknown"),
        }),
    };
    let mut problems = section.finish();
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

    fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// What `read` takes from the table at `key`.
    fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let table = match self.table.remove(key) {
            Some(Value::Table(table)) => table,
            _ => {
                self.wrong(key, "a table");
                Table::new()
            }
        };
        let mut inner = Self { path: format!("{}{key}.", self.path), table, problems: Vec::new() };
        let taken = read(&mut inner);
        self.problems.extend(inner.finish());
        taken
    }

    fn sayings(&mut self) -> Lines {
        Saying::ALL
            .into_iter()
            .map(|(saying, key)| {
                let lines = self.lines(key);
                if !lines.is_empty() && lines.len() < saying.lines_min() {
                    self.wrong(key, &format!("at least {} lines", saying.lines_min()));
                }
                let fits = |line: &String| match saying.placeholder() {
                    Some(placeholder) => line.contains(placeholder) && !has_braces_but(line, &[placeholder]),
                    None => !has_braces_but(line, &[]),
                };
                if !lines.iter().all(fits) {
                    let right = match saying.placeholder() {
                        Some(placeholder) => format!("lines that each hold {placeholder} and no other braces"),
                        None => "lines without braces".to_owned(),
                    };
                    self.wrong(key, &right);
                }
                (saying, lines)
            })
            .collect()
    }

    /// Optional; each has `said` and `answered`.
    fn examples(&mut self) -> Vec<Example> {
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
            examples.push(Example { said: example.text("said"), answered: example.text("answered") });
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
    let told = &read.instructions;
    let texts = [
        ("system", &read.system, SYSTEM_MAX),
        ("boundaries", &read.boundaries, TEXT_MAX),
        ("decline", &read.decline, 40),
        ("help", &read.help, LINE_MAX),
        ("instructions.grave", &told.grave, TEXT_MAX),
        ("instructions.unasked", &told.unasked, TEXT_MAX),
        ("instructions.spontaneous", &told.spontaneous, TEXT_MAX),
    ];
    for (key, text, length_max) in texts {
        if text.chars().count() > length_max {
            problems.push(format!("{key} must have at most {length_max} characters"));
        }
    }
    if !read.decline.is_empty() && !read.decline.chars().any(char::is_alphanumeric) {
        problems.push("decline must hold a word".to_owned());
    }
    let placeholders = [
        ("instructions.grave", &told.grave, "{help}"),
        ("instructions.unasked", &told.unasked, "{decline}"),
        ("instructions.spontaneous", &told.spontaneous, "{decline}"),
    ];
    for (key, text, placeholder) in placeholders {
        if !text.is_empty() && (!text.contains(placeholder) || has_braces_but(text, &[placeholder])) {
            problems.push(format!("{key} must hold {placeholder} and no other braces"));
        }
    }
    check_names(read, problems);
    check_offline(&read.offline, problems);
}

fn check_offline(offline: &Offline, problems: &mut Vec<String>) {
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
        if lines.iter().any(|line| has_braces_but(line, &PLACEHOLDERS)) {
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

fn has_braces_but(line: &str, placeholders: &[&str]) -> bool {
    let bare = placeholders.iter().fold(line.to_owned(), |line, placeholder| line.replace(placeholder, ""));
    bare.contains(['{', '}'])
}

//! Where settings come from: the environment over an optional file, TOML or `.env`. What is no key of ours is set aside, with
//! its name, to be judged by `strangers`.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use config::{FileFormat, Map, Source, Value, ValueKind};

use super::{
    dotenv::parse_dotenv,
    key::{Key, Section},
    key_named,
    problem::Problem,
    settings::Text,
    strangers,
};

/// The file that is read when no other is named.
pub const DEFAULT_FILE: &str = "gryag.toml";
const TABLES: &str = "the tables are [essential], [behavior], [gemini] and [advanced]";
/// What a setting from the environment is said to come from.
pub(super) const ENVIRONMENT: &str = "environment";

/// A configuration file that has been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFile {
    /// What it is called in messages; its end tells what it is.
    pub name: String,
    /// `KEY=value` lines if the name ends with `.env`, else TOML.
    pub text: String,
}

/// A name that is no key, and where it stood.
pub(super) struct Stranger {
    pub(super) name: String,
    pub(super) origin: String,
}

/// One source's settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    origin: String,
    texts: BTreeMap<String, String>,
}

impl Layer {
    fn new(origin: &str) -> Self {
        Self { origin: origin.to_owned(), texts: BTreeMap::new() }
    }

    /// An empty text counts as "not set", unless empty is a value of its own: in a `.env`, `KEY=` is how people leave
    /// a line out.
    fn set(&mut self, key: &Key, text: &str) {
        let text = text.trim();
        if !text.is_empty() || key.shape.takes_empty() {
            self.texts.insert(key.name.to_owned(), text.to_owned());
        }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        let value = |text: &String| Value::new(Some(&self.origin), ValueKind::String(text.clone()));
        Ok(self.texts.iter().map(|(key, text)| (key.clone(), value(text))).collect())
    }
}

/// What the sources say, the later ones over the earlier ones.
pub(super) fn merge(layers: impl IntoIterator<Item = Layer>) -> BTreeMap<String, Text> {
    let builder = layers.into_iter().fold(config::Config::builder(), |builder, layer| builder.add_source(layer));
    let merged = builder.build().and_then(|merged| merged.collect()).expect("a layer is flat text under plain names");
    let text = |value: Value| Text {
        origin: value.origin().unwrap_or_default().to_owned(),
        text: value.into_string().expect("a layer holds text"),
    };
    merged.into_iter().map(|(key, value)| (key, text(value))).collect()
}

/// The settings among the variables of the environment.
pub(super) fn from_environment(
    variables: impl IntoIterator<Item = (String, String)>,
    strangers: &mut Vec<Stranger>,
) -> Layer {
    let mut layer = Layer::new(ENVIRONMENT);
    for (name, text) in variables {
        match key_named(&name) {
            Some(key) => layer.set(key, &text),
            None if strangers::concerns_us(&name) => {
                strangers.push(Stranger { name, origin: ENVIRONMENT.to_owned() });
            }
            None => {}
        }
    }
    layer
}

/// The settings in a file: keys at its top, or in tables that are named like our sections.
pub(super) fn from_file(file: &ConfigFile, strangers: &mut Vec<Stranger>, problems: &mut Vec<Problem>) -> Layer {
    if file.name.ends_with(".env") {
        return from_dotenv(file, strangers, problems);
    }
    let mut layer = Layer::new(&file.name);
    let table = match parse(file) {
        Ok(table) => table,
        Err(problem) => {
            problems.push(problem);
            return layer;
        }
    };
    for (name, value) in flattened(table) {
        let origin = || file.name.clone();
        match key_named(&name) {
            Some(key) if layer.texts.contains_key(&name) => {
                problems.push(Problem::Twice { name: key.name.to_owned(), origin: origin() });
            }
            Some(key) => match text_of(value.kind) {
                Some(text) => layer.set(key, &text),
                None => problems.push(Problem::Wrong {
                    key: key.name,
                    origin: origin(),
                    value: None,
                    takes: key.takes(),
                    hint: "not a table",
                }),
            },
            None if matches!(value.kind, ValueKind::Table(_)) => {
                problems.push(Problem::Unknown { name, origin: origin(), advice: TABLES.to_owned() });
            }
            None => strangers.push(Stranger { name, origin: origin() }),
        }
    }
    layer
}

/// The settings in a `.env`, in which other programs' settings may stand too, as in the environment.
fn from_dotenv(file: &ConfigFile, strangers: &mut Vec<Stranger>, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new(&file.name);
    let (settings, strange) = parse_dotenv(&file.text);
    for line in strange {
        problems.push(Problem::File { file: file.name.clone(), text: format!("line {line} is not KEY=value") });
    }
    for (name, text) in settings {
        match key_named(&name) {
            Some(key) => layer.set(key, &text),
            None if strangers::concerns_us(&name) => strangers.push(Stranger { name, origin: file.name.clone() }),
            None => {}
        }
    }
    layer
}

/// The parser's own message would print the broken line, which may hold a secret; ours has its number only.
fn parse(file: &ConfigFile) -> Result<Map<String, Value>, Problem> {
    let problem = |text: String| Problem::File { file: file.name.clone(), text };
    if let Err(error) = toml::de::DeTable::parse(&file.text) {
        let start = error.span().map_or(0, |span| span.start).min(file.text.len());
        let line = 1 + file.text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        return Err(problem(format!("line {line} is not TOML; write `KEY = \"value\"`, each key once")));
    }
    let parsed = config::File::from_str(&file.text, FileFormat::Toml).collect();
    parsed.map_err(|_| problem("a number in it is too large".to_owned()))
}

/// All settings in one list, in a stable order.
fn flattened(table: Map<String, Value>) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (name, value) in table {
        let is_section = Section::ALL.iter().any(|section| section.as_str().eq_ignore_ascii_case(&name));
        match value.kind {
            ValueKind::Table(inner) if is_section => flat.extend(inner),
            _ => flat.push((name, value)),
        }
    }
    flat.sort_by(|(left, _), (right, _)| left.cmp(right));
    flat
}

/// A value as it would stand in the environment: a list becomes a comma-separated text.
fn text_of(kind: ValueKind) -> Option<String> {
    match kind {
        ValueKind::Table(_) => None,
        ValueKind::Array(items) => {
            let texts: Option<Vec<String>> = items.into_iter().map(|item| text_of(item.kind)).collect();
            Some(texts?.join(","))
        }
        ValueKind::Nil => Some(String::new()),
        scalar => Some(scalar.to_string()),
    }
}

/// Reads the file that was named, or the default one if it is there.
pub(super) fn read_file(named: Option<&Path>) -> Result<Option<ConfigFile>, Problem> {
    let path = named.map_or_else(|| PathBuf::from(DEFAULT_FILE), Path::to_path_buf);
    let name = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(ConfigFile { name, text })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(error) => Err(Problem::File { file: name, text: format!("cannot be read: {error}") }),
    }
}

/// The variables of this process, as `std::env::vars` would give them if it did not panic on what is no text.
#[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
pub(super) fn process_environment() -> (Vec<(String, String)>, Vec<Problem>) {
    only_text(std::env::vars_os())
}

/// Variables of ours that are no text become problems; others are none of our business.
fn only_text(raw: impl IntoIterator<Item = (OsString, OsString)>) -> (Vec<(String, String)>, Vec<Problem>) {
    let (mut variables, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in raw {
        let lossy_name = name.to_string_lossy().into_owned();
        match (name.into_string(), text.into_string()) {
            (Ok(name), Ok(text)) => variables.push((name, text)),
            _ if key_named(&lossy_name).is_some() || strangers::concerns_us(&lossy_name) => {
                problems.push(Problem::NotText { name: lossy_name.escape_debug().to_string() });
            }
            _ => {}
        }
    }
    (variables, problems)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_variable_that_is_no_text_is_a_problem_only_if_it_is_ours() {
        let broken = || OsString::from_vec(vec![0xff, 0xfe]);
        let broken_name = OsString::from_vec(b"BOT_\xff".to_vec());
        let (variables, problems) = only_text([
            ("BOT_DATA_DIR".into(), broken()),
            ("HOME".into(), broken()),
            (broken(), "x".into()),
            (broken_name, "x".into()),
            ("BOT_PERSONA".into(), "gryag".into()),
        ]);
        assert_eq!(variables, [("BOT_PERSONA".to_owned(), "gryag".to_owned())]);
        let names: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names[0].contains("BOT_DATA_DIR") && names[1].contains("BOT_"), "{names:?}");
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my.toml");
        let problem = read_file(Some(&path)).unwrap_err().to_string();
        assert!(problem.contains("my.toml: cannot be read"), "{problem}");
        std::fs::write(&path, "ADMIN_ID = 1").unwrap();
        assert_eq!(read_file(Some(&path)).unwrap().unwrap().text, "ADMIN_ID = 1");
    }
}

//! The language files among themselves and against the code: every key in every language, with the same arguments; every
//! `say!` with a key that there is and with the arguments that it takes; nothing that nobody says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Message, Pattern, PatternElement},
    parser,
};

const LANGUAGES: [(&str, &str); 2] =
    [("uk", include_str!("../locales/uk.ftl")), ("en", include_str!("../locales/en.ftl"))];

/// A key and what it takes.
type Keys = BTreeMap<String, BTreeSet<String>>;

/// A `say!` of the code.
#[derive(Debug)]
struct Said {
    place: String,
    key: String,
    arguments: BTreeSet<String>,
}

#[test]
fn every_language_has_every_key_with_the_same_arguments() {
    let [(_, first), (_, second)] = LANGUAGES;
    let (one, other) = (keys(first), keys(second));
    assert!(one.len() > 20, "only {} keys were found: the reading is broken", one.len());
    assert_eq!(differences(&one, &other), Vec::<String>::new());
}

#[test]
fn the_code_says_only_what_there_is_and_all_of_it() {
    let keys = keys(LANGUAGES[0].1);
    let sources = sources();
    let said: Vec<Said> = sources.iter().flat_map(|(path, text)| said_in(path, text)).collect();
    assert!(said.len() > 20, "only {} uses were found: the scan is broken", said.len());
    let mut wrong: Vec<String> = said.iter().filter_map(|said| judge(said, &keys)).collect();
    for key in keys.keys() {
        // A key may also be handed to `locale::text` from a table.
        let literal = format!("\"{key}\"");
        if !sources.iter().any(|(_, text)| text.contains(&literal)) && !referred(key) {
            wrong.push(format!("nothing says `{key}`"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_fault_is_found_whatever_it_is() {
    let one = keys("a = б { $x }\nb = в { $y ->\n   *[other] { a }\n }\n");
    assert_eq!(one["b"], ["x", "y"].map(str::to_owned).into(), "what a reference takes counts too");
    let other = keys("a = b { $z }\nc = d\n");
    assert_eq!(differences(&one, &other).len(), 3, "{:?}", differences(&one, &other));
    let said = said_in(
        Path::new("x.rs"),
        "say!(language, \"a\", x = say!(f(1, \")\"), \"gone\"));\n say!(\n  y,\n  \"b\",\n  x = if a == b { 1 } else { 2 },\n);",
    );
    let told: Vec<String> = said.iter().filter_map(|said| judge(said, &one)).collect();
    assert_eq!(
        told,
        ["x.rs:1 says `gone`, which there is not", "x.rs:2 says `b` with {\"x\"}, which takes {\"x\", \"y\"}"]
    );
}

fn differences(one: &Keys, other: &Keys) -> Vec<String> {
    let all: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    all.into_iter()
        .filter(|key| one.get(*key) != other.get(*key))
        .map(|key| format!("`{key}`: {:?} and {:?}", one.get(key), other.get(key)))
        .collect()
}

fn judge(said: &Said, keys: &Keys) -> Option<String> {
    match keys.get(&said.key) {
        None => Some(format!("{} says `{}`, which there is not", said.place, said.key)),
        Some(takes) if *takes != said.arguments => {
            Some(format!("{} says `{}` with {:?}, which takes {takes:?}", said.place, said.key, said.arguments))
        }
        Some(_) => None,
    }
}

/// Whether another message is made of it.
fn referred(key: &str) -> bool {
    LANGUAGES.iter().any(|(_, text)| text.contains(&format!("{{ {key} }}")))
}

fn keys(text: &str) -> Keys {
    let resource =
        parser::parse(text).unwrap_or_else(|(_, errors)| panic!("a language file cannot be read: {errors:?}"));
    let messages: BTreeMap<&str, &Message<&str>> = resource
        .body
        .iter()
        .filter_map(|entry| match entry {
            Entry::Message(message) => Some((message.id.name, message)),
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => None,
            other => panic!("neither a message nor a comment: {other:?}"),
        })
        .collect();
    let written = resource.body.iter().filter(|entry| matches!(entry, Entry::Message(_))).count();
    assert_eq!(messages.len(), written, "a key stands there twice");
    messages
        .iter()
        .map(|(key, message)| {
            let mut arguments = BTreeSet::new();
            of_pattern(message.value.as_ref().expect("a message has words"), &messages, &mut arguments);
            ((*key).to_owned(), arguments)
        })
        .collect()
}

fn of_pattern(pattern: &Pattern<&str>, messages: &BTreeMap<&str, &Message<&str>>, arguments: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        match expression {
            Expression::Inline(inline) => of_inline(inline, messages, arguments),
            Expression::Select { selector, variants } => {
                of_inline(selector, messages, arguments);
                for variant in variants {
                    of_pattern(&variant.value, messages, arguments);
                }
            }
        }
    }
}

fn of_inline(
    inline: &InlineExpression<&str>,
    messages: &BTreeMap<&str, &Message<&str>>,
    arguments: &mut BTreeSet<String>,
) {
    match inline {
        InlineExpression::VariableReference { id } => {
            arguments.insert(id.name.to_owned());
        }
        InlineExpression::MessageReference { id, .. } => {
            let referred = messages.get(id.name).unwrap_or_else(|| panic!("`{}` is referred to and is not", id.name));
            of_pattern(referred.value.as_ref().expect("a message has words"), messages, arguments);
        }
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
        other => panic!("the files need no {other:?}"),
    }
}

/// The source files, without the one that defines the macro.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut sources, mut folders) = (Vec::new(), vec![root]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                sources.push((path, text));
            }
        }
    }
    sources
}

fn said_in(path: &Path, text: &str) -> Vec<Said> {
    let lines = |at: usize| text[..at].matches('\n').count() + 1;
    let in_comment = |at: usize| text[..at].rsplit('\n').next().is_some_and(|line| line.trim_start().starts_with("//"));
    text.match_indices("say!(")
        .filter(|(at, _)| !in_comment(*at))
        .filter_map(|(at, start)| {
            let parts = split_arguments(&text[at + start.len()..]);
            let key = parts.get(1)?.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned();
            let named = parts[2..].iter().filter_map(|part| part.split_once('='));
            let arguments = named.map(|(name, _)| name.trim().to_owned()).collect();
            Some(Said { place: format!("{}:{}", path.display(), lines(at)), key, arguments })
        })
        .collect()
}

/// The arguments of a call, up to its closing bracket.
fn split_arguments(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for letter in text.chars() {
        match letter {
            '"' if !escaped => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    if parts.last().is_some_and(|part| part.trim().is_empty()) {
        parts.pop();
    }
    parts
}

//! The order of the house: which module may know which, how long a file may be, and what no module is called.
//!
//! A test that finds something names every place at once. To move a module, move its name in [`ORDER`] and say in the
//! commit why. There is no list of exceptions, and test modules inside `src` obey like everything else.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[path = "architecture/paths.rs"]
mod paths;

use paths::{Used, declared_modules, used_modules};

/// Lowest first. A module imports only from lines above its own, never sideways on one line.
/// `src/main.rs` counts as the module `main`.
const ORDER: [&[&str]; 16] = [
    &["domain"],
    &["clock", "random"],
    &["telemetry", "shutdown"],
    &["errors"],
    &["config"],
    &["layers"],
    &["transport", "storage"],
    &["analysis", "markup", "persona", "locale"],
    &["telegram", "gemini"],
    &["inbox", "memory"],
    &["decision", "prompt", "commands"],
    &["edge", "worker", "outbox", "maintenance"],
    &["sandbox"],
    &["app"],
    &["cli"],
    &["main"],
];

/// A file that is longer has more than one subject.
const LINES_MAX: usize = 500;

/// Files that were too long when this rule was made, and how long they may still be. A file leaves this list by getting
/// short enough, and none enters it.
const TOO_LONG_STILL: [(&str, usize); 0] = [];

/// Words that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["utils", "util", "helpers", "helper", "common", "manager", "misc", "shared_utils"];

/// A source file.
struct Source {
    /// Relative to its folder, mostly `src/`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// Where it stands in the module tree, from the crate's root: `worker/turn.rs` is `[worker, turn]`.
    fn module(&self) -> Vec<String> {
        let parts = self.path.with_extension("");
        let mut module: Vec<String> = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        if module == ["lib"] { Vec::new() } else { module }
    }

    /// Its module below the root, or `main`.
    fn top(&self) -> Option<String> {
        self.module().into_iter().next()
    }
}

fn sources() -> Vec<Source> {
    let sources = sources_below("src");
    assert!(sources.len() > 100, "only {} source files were found: the scan is broken", sources.len());
    sources
}

/// The source files below a folder of the package.
fn sources_below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                sources.push(Source { path: path.strip_prefix(&root).expect("it is below").to_owned(), text });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

fn line_of(module: &str) -> Option<usize> {
    ORDER.iter().position(|line| line.contains(&module))
}

/// What is wrong with a use of `to` by `from`, if anything is.
fn judge(from: &str, to: &str) -> Option<String> {
    if from == to {
        return None;
    }
    match (line_of(from), line_of(to)) {
        (None, _) => Some(format!("`{from}` is not in the order of tests/architecture.rs")),
        (_, None) => Some(format!("`{to}` is not a module in the order of tests/architecture.rs")),
        (Some(below), Some(above)) if above > below => Some(format!("`{from}` looks up to `{to}`")),
        (Some(one), Some(other)) if one == other => Some(format!("`{from}` looks sideways at `{to}`")),
        _ => None,
    }
}

fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn modules_import_only_from_lines_above_their_own() {
    let mut found = Vec::new();
    for source in sources() {
        // lib.rs declares the modules and uses none.
        let from = source.top().unwrap_or_else(|| "lib".to_owned());
        for Used { module, line } in used_modules(&source.text, &source.module()) {
            found.extend(judge(&from, &module).map(|wrong| format!("src/{}:{line}: {wrong}", source.path.display())));
        }
    }
    assert_none(found);
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let files: BTreeSet<String> = sources().iter().filter_map(Source::top).collect();
    let lib = sources().into_iter().find(|source| source.path == Path::new("lib.rs")).expect("there is a lib.rs");
    let mut declared = declared_modules(&lib.text);
    declared.insert("main".to_owned());
    assert_eq!(files, declared, "what stands in src/ (left) is what lib.rs declares (right)");
    assert_none(
        files.iter().filter(|name| line_of(name).is_none()).map(|name| format!("{name} is unlisted")).collect(),
    );
    let names: Vec<&str> = ORDER.concat();
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "a module has one place");
}

#[test]
fn no_file_is_too_long() {
    let mut found = Vec::new();
    for source in sources() {
        let (path, lines) = (source.path.to_string_lossy().into_owned(), source.text.lines().count());
        let known = TOO_LONG_STILL.iter().find(|(name, _)| *name == path).map(|(_, max)| *max);
        if lines > known.unwrap_or(LINES_MAX) {
            found.push(format!("src/{path}: {lines} lines of at most {}", known.unwrap_or(LINES_MAX)));
        } else if known.is_some() && lines <= LINES_MAX {
            found.push(format!("src/{path}: short enough now; take it out of TOO_LONG_STILL"));
        }
    }
    for folder in ["tests", "benches", "fuzz/fuzz_targets"] {
        for Source { path, text } in sources_below(folder) {
            let lines = text.lines().count();
            if lines > LINES_MAX {
                found.push(format!("{folder}/{}: {lines} lines of at most {LINES_MAX}", path.display()));
            }
        }
    }
    assert_none(found);
}

#[test]
fn every_name_says_what_is_inside() {
    let empty = sources().into_iter().filter(|source| {
        let inline = declared_modules(&source.text);
        source.module().iter().chain(&inline).any(|name| EMPTY_NAMES.contains(&name.as_str()))
    });
    assert_none(empty.map(|source| format!("src/{}: the name says nothing", source.path.display())).collect());
}

/// Files below a `tests` folder (or `tests.rs`) are told by the names of their tests instead.
#[test]
fn every_module_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|source| {
        let is_test = source.module().iter().any(|part| part == "tests");
        !is_test && !source.text.starts_with("//! ")
    });
    assert_none(silent.map(|source| format!("src/{}: does not begin with //!", source.path.display())).collect());
}

#[test]
fn the_judge_knows_up_sideways_and_unlisted() {
    assert_eq!(judge("worker", "storage"), None);
    assert_eq!(judge("storage", "storage"), None);
    for (from, to) in [("gemini", "worker"), ("edge", "worker"), ("gemini", "telegram"), ("worker", "utils")] {
        assert!(judge(from, to).is_some(), "{from} -> {to}");
    }
}

#[test]
fn every_way_to_name_a_module_is_seen() {
    let seen = |text: &str, at: &[&str]| {
        let at: Vec<String> = at.iter().map(|part| (*part).to_owned()).collect();
        used_modules(text, &at).into_iter().map(|used| used.module).collect::<Vec<_>>()
    };
    let here = &["worker", "turn"];
    assert_eq!(seen("use crate::storage::Bell;", here), ["storage"]);
    assert_eq!(
        seen("use crate::{\n    clock::X,\n    layers::{a::{b, c}, d},\n    edge as e,\n};", here),
        ["clock", "layers", "edge"]
    );
    assert_eq!(seen("let x: crate::edge::Y = $crate::app::z::<crate::cli::T>();", here), ["edge", "app", "cli"]);
    assert_eq!(seen("use super::{Worker, super::edge::Poller, lines};", here), ["worker", "edge", "worker"]);
    assert_eq!(seen("use super::super::{app, cli::run};", here), ["app", "cli"]);
    assert_eq!(seen("mod tests { use super::*; use super::super::super::app; }", here), ["worker", "app"]);
    assert_eq!(seen("mod tests { use super::*; } use super::super::app;", here), ["worker", "app"]);
    assert_eq!(seen("use self::super::super::app;", here), ["app"]);
    assert_eq!(seen("gryag::cli::run()", &["main"]), ["cli"]);
    assert_eq!(seen("use r#crate::x; pub(crate) fn f(crate_: u8) {} use serde::crate_x;", here), [""; 0]);
    assert_eq!(seen("use crate::*; use crate as root;", here), ["*", "(the whole crate)"]);
    let not_code = "// crate::app\n/* crate::app /* nested */ crate::app */ //! [`crate::app`]\n\
                    let s = \"crate::app \\\" crate::app\"; let r = r#\"crate::app \" crate::app\"#; let c = '\"'; \
                    fn f<'a>(x: &'a str) { b'\"'; '\\''; b\"crate::app\" }";
    assert_eq!(seen(not_code, here), [""; 0]);
    assert_eq!(used_modules("\n\nuse crate::{\n a,\n b};", &["x".to_owned()]).last().map(|used| used.line), Some(5));
}

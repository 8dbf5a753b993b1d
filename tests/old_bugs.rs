//! `docs/old_bugs.md` names, for every bug of the bot that this one replaces, the tests that would meet it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// B1 to B16 of what was found in the old bot.
const BUGS: usize = 16;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below a folder.
fn sources(folder: PathBuf, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            sources(path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of all tests: functions under a test's attribute, and claims of the store's contract.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(root().join("src"), &mut files);
    sources(root().join("tests"), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).expect("a source file is UTF-8");
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let Some(at) = line.find("fn ").filter(|_| !line.starts_with("//")) else { continue };
            let name: String = line[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if std::mem::take(&mut is_test) || line.ends_with("(world: World) {") {
                names.insert(name);
            }
        }
    }
    assert!(names.len() > 500, "only {} tests were found: the scan is broken", names.len());
    names
}

/// By bug: the tests that its row names.
fn rows() -> BTreeMap<usize, Vec<String>> {
    let page = fs::read_to_string(root().join("docs/old_bugs.md")).expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| B")?.split_once(" | "));
    rows.map(|(number, rest)| {
        let number = number.parse().unwrap_or_else(|_| panic!("B{number} is no bug's number"));
        let (_, tests) = rest.rsplit_once(" | ").expect("three columns");
        (number, tests.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    })
    .collect()
}

#[test]
fn every_old_bug_has_its_tests_and_they_exist() {
    let (tests, rows) = (tests(), rows());
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), (1..=BUGS).collect::<Vec<_>>());
    let mut missing = Vec::new();
    for (bug, named) in rows {
        if !named.iter().any(|name| name.starts_with(&format!("b{bug}_"))) {
            missing.push(format!("B{bug} has no test of its own: b{bug}_…"));
        }
        missing
            .extend(named.iter().filter(|name| !tests.contains(*name)).map(|name| format!("B{bug}: no test {name}")));
    }
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}

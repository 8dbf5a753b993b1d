//! What the pages name is there: the tests that keep a promise, and the words in which the bot says what is wrong.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder whose name ends so.
fn files(folder: PathBuf, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            files(path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

/// The names of all tests: functions under a test's attribute, and claims of the store's contract.
fn tests() -> BTreeSet<String> {
    let mut sources = Vec::new();
    files(root().join("src"), "rs", &mut sources);
    files(root().join("tests"), "rs", &mut sources);
    let mut names = BTreeSet::new();
    for source in sources {
        let text = text(source);
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

/// The cells of the rows of a page's tables, without their heads.
fn rows(page: &str) -> Vec<Vec<String>> {
    let (mut rows, mut is_body) = (Vec::new(), false);
    for line in page.lines() {
        match line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) {
            Some(line) if is_body => rows.push(line.split(" | ").map(|cell| cell.trim().to_owned()).collect()),
            _ => is_body = line.starts_with("|---"),
        }
    }
    rows
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The tests, or files that hold some, which the third column names and which are not there.
fn missing(page: &str) -> Vec<String> {
    let tests = tests();
    let exists = |name: &str| if name.contains('/') { root().join(name).is_file() } else { tests.contains(name) };
    let rows = rows(&text(page));
    let named = rows.iter().flat_map(|row| quoted(&row[2]).map(move |name| (&row[0], name)));
    named.filter(|(_, name)| !exists(name)).map(|(row, name)| format!("{page}, {row}: there is no {name}")).collect()
}

#[test]
fn every_old_bug_has_its_tests_and_they_exist() {
    let rows = rows(&text("docs/old_bugs.md"));
    let numbers: Vec<_> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(numbers, (1..=16).map(|number| format!("B{number}")).collect::<Vec<_>>());
    for row in &rows {
        let own = format!("{}_", row[0].to_lowercase());
        assert!(quoted(&row[2]).any(|name| name.starts_with(&own)), "{} has no test of its own: {own}…", row[0]);
    }
    assert_eq!(missing("docs/old_bugs.md"), Vec::<String>::new());
}

#[test]
fn every_bad_input_has_its_message_and_its_tests_and_they_exist() {
    let rows = rows(&text("docs/bad_input.md"));
    assert!(rows.len() >= 8);
    assert!(rows.iter().all(|row| quoted(&row[1]).next().is_some() && quoted(&row[2]).next().is_some()));
    assert_eq!(missing("docs/bad_input.md"), Vec::<String>::new());
}

#[test]
fn every_check_of_reliability_has_its_tests_or_says_why_not() {
    let rows = rows(&text("docs/checks.md"));
    let numbers: Vec<_> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(numbers, (1..=47).map(|number| number.to_string()).collect::<Vec<_>>());
    let bare = rows.iter().filter(|row| quoted(&row[2]).next().is_none() && !row[3].contains("not "));
    assert_eq!(bare.count(), 0, "whatever has no test says why");
    assert_eq!(missing("docs/checks.md"), Vec::<String>::new());
}

#[test]
fn every_figure_of_its_company_has_its_tests_and_they_exist() {
    let rows = rows(&text("docs/company.md"));
    assert!(rows.len() >= 9);
    assert!(rows.iter().all(|row| row.len() == 4 && quoted(&row[2]).next().is_some()));
    assert_eq!(missing("docs/company.md"), Vec::<String>::new());
}

#[test]
fn every_table_has_its_bound_and_is_there() {
    let mut migrations = Vec::new();
    files(root().join("migrations"), "sql", &mut migrations);
    let tables: BTreeSet<String> = migrations
        .into_iter()
        .flat_map(|migration| text(migration).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| Some(line.strip_prefix("CREATE TABLE ")?.split(' ').next()?.to_owned()))
        .collect();
    let rows = rows(&text("docs/upkeep.md"));
    let bound = rows.iter().flat_map(|row| quoted(&row[0])).map(str::to_owned).collect();
    assert_eq!(tables, bound, "what the migrations make (left) is what docs/upkeep.md bounds (right)");
}

/// What the bot can say, in its code and in its locales, with each continued line joined.
fn spoken() -> String {
    let mut sources = Vec::new();
    files(root().join("src"), "rs", &mut sources);
    files(root().join("locales"), "ftl", &mut sources);
    sources.retain(|path| !path.iter().any(|part| part == "tests" || part == "tests.rs"));
    let mut joined = String::new();
    for source in sources {
        let text = text(source);
        let mut lines = text.lines();
        joined.extend(lines.next());
        for line in lines {
            if joined.ends_with('\\') {
                joined.pop();
                joined.push_str(line.trim_start());
            } else {
                joined.push('\n');
                joined.push_str(line);
            }
        }
    }
    joined
}

/// Of these messages, in which `…` stands for what differs, those that the bot does not say.
fn unspoken<'a>(messages: impl Iterator<Item = &'a str>, spoken: &str) -> Vec<&'a str> {
    let says = |message: &&str| message.split('…').map(str::trim).all(|part| spoken.contains(part));
    messages.filter(|message| !says(message)).collect()
}

#[test]
fn the_pages_explain_messages_in_the_bots_own_words() {
    let spoken = spoken();
    for (page, chapter, column) in [
        ("README.md", "## When something is wrong", 0),
        ("README.uk.md", "## Коли щось не так", 0),
        ("docs/bad_input.md", "# Bad input", 1),
    ] {
        let text = text(page);
        let (_, text) = text.split_once(chapter).unwrap_or_else(|| panic!("{page} has no {chapter}"));
        let text = text.split("\n## ").next().unwrap_or(text);
        let rows = rows(text);
        let messages: Vec<_> = rows.iter().flat_map(|row| quoted(&row[column])).collect();
        assert!(messages.len() >= 8, "{page}: {messages:?}");
        assert_eq!(unspoken(messages.into_iter(), &spoken), Vec::<&str>::new(), "{page}");
    }
    assert_eq!(unspoken(["the disk is … full", "the disk is full of … cats"].into_iter(), &spoken).len(), 1);
}

//! The documents say what the code does: the table of keys and the `.env.example` are made from the keys, and a file
//! that differs is written anew, so that mending it is one `git add`.

use std::{fs, path::PathBuf};

use gryag::config::{self, Config, ConfigError, Purpose, WhenUnset};

fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(in_repository(path)).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

/// Fails if the file is not `expected`, and leaves it as it should be.
fn assert_file_is(path: &str, expected: &str) {
    if read(path) != expected {
        fs::write(in_repository(path), expected).expect("the repository can be written");
        panic!("{path} did not follow the code; it has been written anew, commit it");
    }
}

/// The text with the part between two markers replaced.
fn with_part(text: &str, name: &str, part: &str) -> String {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let parts = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.unwrap_or_else(|| panic!("there is no {begin} … {end}"));
    format!("{before}{begin}\n{part}{end}{after}")
}

#[test]
fn the_configuration_page_lists_the_keys_and_the_old_ones() {
    let page = with_part(&read("docs/configuration.md"), "configuration", &config::table());
    assert_file_is("docs/configuration.md", &with_part(&page, "retired", &config::retired_table()));
}

#[test]
fn the_readme_lists_the_keys() {
    assert_file_is("README.md", &with_part(&read("README.md"), "configuration", &config::table()));
}

#[test]
fn the_env_example_lists_the_keys() {
    assert_file_is(".env.example", &config::env_example());
}

/// Reads `.env.example` as a tool would if its reader had taken the `# ` from the front of every key's line.
fn env_example() -> Vec<(String, String)> {
    let text = read(".env.example");
    let settings = text.lines().filter_map(|line| line.trim_start_matches("# ").split_once('='));
    let settings = settings.filter(|(name, _)| config::keys().any(|key| key.name == *name));
    settings.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

fn load(environment: Vec<(String, String)>) -> Result<Config, ConfigError> {
    Config::load(environment, None, Purpose::Offline)
}

#[test]
fn every_line_of_the_env_example_is_the_default() {
    let example = env_example();
    assert_eq!(example.len(), config::keys().count());
    let (written, default) = (load(example).expect("defaults are right"), load(Vec::new()).expect("nothing is needed"));
    for (written, default) in [
        (format!("{:?}", written.essential), format!("{:?}", default.essential)),
        (format!("{:?}", written.behavior), format!("{:?}", default.behavior)),
        (format!("{:?}", written.gemini), format!("{:?}", default.gemini)),
        (format!("{:?}", written.advanced), format!("{:?}", default.advanced)),
    ] {
        assert_eq!(written, default);
    }
}

#[test]
fn only_the_three_keys_must_be_set() {
    let required: Vec<&str> =
        config::keys().filter(|key| key.unset == WhenUnset::Required).map(|key| key.name).collect();
    assert_eq!(required, ["TELEGRAM_BOT_TOKEN", "GEMINI_API_KEY", "ADMIN_ID"]);
}

//! Names that are no keys: misspelt ones, and those of the bot that this one replaces.

use super::{
    keys,
    problem::Problem,
    retired,
    source::{ENVIRONMENT, Stranger},
};

/// A variable that begins with one of these is meant for us.
const PREFIXES: [&str; 3] = ["BOT_", "GEMINI_", "TELEGRAM_"];

/// An old key whose name other programs use too: in the environment it may be theirs, so it is no mistake there.
const SHARED: &str = "DEBUG";

/// Whether a variable of this name was meant for us.
pub(super) fn concerns_us(name: &str) -> bool {
    let upper = name.to_uppercase();
    PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
        || upper.starts_with("ADMIN_ID")
        || distance(&upper, "ADMIN_ID") <= 1
        || retired::find(name).is_some()
}

/// A note instead of a problem, for a name that may be another program's.
pub(super) fn note(stranger: &Stranger) -> Option<String> {
    let retired = retired::find(&stranger.name)?;
    let is_shared = stranger.name == SHARED && stranger.origin == ENVIRONMENT;
    is_shared.then(|| format!("{SHARED} (environment) has no effect: {}", retired.because))
}

/// What is wrong with the name, and what to do. `is_set` tells whether a key is set.
pub(super) fn problem(stranger: Stranger, is_set: impl Fn(&str) -> bool) -> Problem {
    let Stranger { name, origin } = stranger;
    if let Some(retired) = retired::find(&name) {
        let advice = retired.advice(retired.instead.is_some_and(is_set));
        return Problem::Retired { name, origin, advice };
    }
    let advice = match nearest(&name) {
        Some(key) if is_set(key) => format!("delete it, {key} is set too"),
        Some(key) => format!("did you mean {key}?"),
        None => "delete it; `gryag config` lists the keys".to_owned(),
    };
    let name = name.escape_debug().to_string();
    Problem::Unknown { name, origin, advice }
}

/// The key that was probably meant: few letters away, or with all of its words.
fn nearest(name: &str) -> Option<&'static str> {
    let upper = name.to_uppercase();
    let words: Vec<&str> = upper.split('_').filter(|word| !word.is_empty()).collect();
    let has_words = |key: &str| words.len() > 1 && words.iter().all(|word| key.split('_').any(|own| own == *word));
    let is_near = |key: &str, distance: usize| distance <= (upper.len().max(key.len()) / 3).min(4);
    keys()
        .map(|key| (key.name, distance(&upper, key.name)))
        .filter(|(key, distance)| is_near(key, *distance) || has_words(key))
        .min_by_key(|(_, distance)| *distance)
        .map(|(key, _)| key)
}

/// How many letters must be added, dropped or changed (Levenshtein). Names are cut, so that a huge one costs little.
fn distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 64;
    let right: Vec<char> = right.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, letter) in left.chars().take(LONGEST).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_changed_letters() {
        for (left, right, expected) in
            [("", "", 0), ("ABC", "", 3), ("", "ABC", 3), ("KITTEN", "SITTING", 3), ("A", "A", 0)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn a_misspelt_key_is_recognised() {
        for (name, meant) in [
            ("BOT_LEESE_SECONDS", Some("BOT_LEASE_SECONDS")),
            ("bot_data_dir", Some("BOT_DATA_DIR")),
            ("BOT_TOKEN", Some("TELEGRAM_BOT_TOKEN")),
            ("TELEGRAM_TOKEN", Some("TELEGRAM_BOT_TOKEN")),
            ("GEMINI_KEY", Some("GEMINI_API_KEY")),
            ("ADMIN_IDS", Some("ADMIN_ID")),
            ("BOT_SOMETHING_ELSE_ENTIRELY", None),
            ("BOT_", None),
        ] {
            assert_eq!(nearest(name), meant, "{name}");
        }
    }

    #[test]
    fn other_programs_variables_are_left_alone() {
        for name in ["PATH", "ADMIN_PW", "ADMIN_UI", "ADMINISTRATOR", "BACKUP_DIR", "ROBOT_NAME", "GOOGLE_API_KEY"] {
            assert!(!concerns_us(name), "{name}");
        }
        for name in ["ADMIN_IDS", "admin_id", "ADMINID", "USE_ASYNC_DB", "BACKUP_MAX_COUNT", "bot_x", "GEMINI_X"] {
            assert!(concerns_us(name), "{name}");
        }
    }
}

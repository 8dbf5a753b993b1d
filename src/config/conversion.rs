//! The `.env` of the bot that this one replaces, in this one's terms.

use super::{Config, Purpose, dotenv::parse_dotenv, key_named, models::lifecycle_notice, retired};

/// What became of an old file.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Converted {
    /// What still holds, under the names of today; of a key that was set twice, the last.
    pub kept: Vec<(String, String)>,
    /// What does not, and why: a line for each. Holds no secret.
    pub told: Vec<String>,
}

/// Converts an old file. Every setting in it is either kept or told; what is kept makes a configuration with nothing wrong
/// in it.
pub fn convert_old(text: &str) -> Converted {
    let (settings, strange) = parse_dotenv(text);
    let mut converted = Converted::default();
    converted.told.extend(strange.iter().map(|line| format!("line {line} is not KEY=value; left out")));
    for (name, value) in settings {
        if value.is_empty() {
            continue;
        }
        if name == "BOT_ADMIN_ID" {
            converted.keep("ADMIN_ID", &value);
        } else if key_named(&name).is_some() {
            converted.keep(&name, &value);
        } else if let Some(retired) = retired::find(&name) {
            converted.told.push(format!("{name}: {}", retired.advice(false)));
        } else {
            converted.told.push(format!("{name} is not a key; left out"));
        }
    }
    converted
}

impl Converted {
    fn keep(&mut self, name: &str, value: &str) {
        if let Some(why) = why_not(name, value) {
            self.told.push(format!("{why}; left out"));
            return;
        }
        self.kept.retain(|(kept, _)| kept != name);
        self.kept.push((name.to_owned(), value.to_owned()));
    }

    /// What is kept for a key.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.kept.iter().find(|(kept, _)| kept == name).map(|(_, value)| value.as_str())
    }
}

/// Why a value cannot be taken over.
fn why_not(name: &str, value: &str) -> Option<String> {
    let alone = [(name.to_owned(), value.to_owned())];
    if let Err(error) = Config::load(alone, None, Purpose::Offline) {
        return Some(error.to_string());
    }
    let is_model = matches!(name, "GEMINI_MODEL" | "GEMINI_FALLBACK_MODEL");
    let notice = lifecycle_notice(value).filter(|_| is_model)?;
    Some(format!("{name}: {value} {notice}; the default takes its place"))
}

#[cfg(test)]
mod tests {
    use super::{super::retired::tests::OLD, *};

    fn old_file() -> String {
        let lines: Vec<String> = OLD.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("# the old bot's\n{}\nBOT_ADMIN_ID=1000\n", lines.join("\n"))
    }

    #[test]
    fn every_line_of_an_old_file_is_kept_or_told() {
        let converted = convert_old(&old_file());
        for (name, _) in OLD {
            let is_kept = converted.value(name).is_some() || name == "BOT_ADMIN_ID";
            let is_told = converted.told.iter().any(|line| line.starts_with(name));
            assert!(is_kept != is_told, "{name}: kept {is_kept}, told {is_told}\n{}", converted.told.join("\n"));
        }
    }

    #[test]
    fn what_is_kept_is_a_whole_configuration() {
        let converted = convert_old(&old_file());
        let config = Config::load(converted.kept.clone(), None, Purpose::Serve).unwrap();
        assert_eq!(config.notices(), ["GEMINI_TEMPERATURE is not sent to gemini-3.8-flash, which ignores it"]);
        assert_eq!(config.gemini.model, "gemini-3.8-flash", "the old one ends");
        assert_eq!(config.behavior.spam_threshold, 8);
        assert_eq!(converted.value("BOT_MAX_CONTEXT_TOKENS"), None, "800 000 are more than it takes");
        assert!(converted.told.iter().any(|line| line.contains("BOT_MAX_CONTEXT_TOKENS") && line.contains("200000")));
    }

    #[test]
    fn a_key_that_was_set_twice_has_its_last_value_and_no_secret_is_told() {
        let converted = convert_old(
            "BOT_SPAM_THRESHOLD=6\nBOT_SPAM_THRESHOLD=8\nTELEGRAM_BOT_TOKEN=canary\nGEMINI_API_KEY=canary key\nBOT_X=canary\n",
        );
        assert_eq!(converted.kept, [("BOT_SPAM_THRESHOLD".to_owned(), "8".to_owned())]);
        assert_eq!(converted.told.len(), 3, "{:?}", converted.told);
        assert!(!converted.told.join("\n").contains("canary"));
    }
}

//! The texts that are set, where each came from, and what is wrong with them.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{
    address::{self, WebhookUrl},
    key::{Key, Rejected, Shape, WhenUnset},
    problem::Problem,
    shapes::BotToken,
};

/// Longer values are not shown in a problem: a token or a key that was pasted into the wrong line is longer.
const SHOWN_CHARS: usize = 24;

/// Harmless values for the keys that have no default: they stand in where no real ones are needed, and while the
/// other mistakes of a configuration are looked for.
const STAND_INS: &[(&str, &str)] = &[
    ("TELEGRAM_BOT_TOKEN", "1:stand-in"),
    ("GEMINI_API_KEY", "stand-in"),
    ("ADMIN_ID", "1"),
    ("TELEGRAM_WEBHOOK_SECRET", "stand-in"),
];

/// A key's text and where it came from.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) origin: String,
}

/// Every text that is set, and the problems so far.
pub(super) struct Settings {
    texts: BTreeMap<String, Text>,
    pub(super) problems: Vec<Problem>,
}

impl Settings {
    pub(super) fn new(texts: BTreeMap<String, Text>) -> Self {
        Self { texts, problems: Vec::new() }
    }

    /// What is set for a key, if anything.
    pub(super) fn get(&self, key: &str) -> Option<&Text> {
        self.texts.get(key)
    }

    /// Sets a key to its stand-in.
    pub(super) fn stand_in(&mut self, key: &str, origin: &str) {
        self.set(key, stand_in(key).to_owned(), origin);
    }

    fn set(&mut self, key: &str, text: String, origin: &str) {
        self.texts.insert(key.to_owned(), Text { text, origin: origin.to_owned() });
    }

    /// Makes the values that follow from others, where they are not set.
    pub(super) fn derive(&mut self) {
        if let Some(token) = self.get("TELEGRAM_BOT_TOKEN")
            && self.get("TELEGRAM_WEBHOOK_SECRET").is_none()
            && BotToken.parse(&token.text).is_ok()
        {
            let secret = derived_webhook_secret(&token.text);
            self.set("TELEGRAM_WEBHOOK_SECRET", secret, "derived from TELEGRAM_BOT_TOKEN");
        }
        if let Some(webhook) = self.get("TELEGRAM_WEBHOOK_URL")
            && self.get("BOT_PUBLIC_URL").is_none()
            && let Ok(webhook) = WebhookUrl.parse(&webhook.text)
            && let Some(public) = address::public_url(&webhook)
        {
            self.set("BOT_PUBLIC_URL", public, "derived from TELEGRAM_WEBHOOK_URL");
        }
    }

    /// A key's value. A missing or wrong one becomes a problem and reads as its default.
    pub(super) fn read<S: Shape>(&mut self, key: &'static Key, shape: &S) -> S::Value {
        let problem = match self.get(key.name) {
            Some(text) => match shape.parse(&text.text) {
                Ok(value) => return value,
                Err(rejected) => Some(wrong(key, text, rejected)),
            },
            None if key.unset == WhenUnset::Required => Some(Problem::Missing { key: key.name, takes: key.takes() }),
            None => None,
        };
        self.problems.extend(problem);
        let value = match key.unset {
            WhenUnset::Value(text) => shape.parse(text).ok(),
            WhenUnset::Required | WhenUnset::Derived(_) => shape.parse(stand_in(key.name)).ok(),
            WhenUnset::Nothing(_) => shape.unset(),
        };
        value.expect("a test reads the default and the stand-in of every key")
    }

    /// Whether something is wrong with a key already.
    pub(super) fn has_problem(&self, name: &str) -> bool {
        self.problems.iter().any(|problem| match problem {
            Problem::Missing { key, .. } | Problem::Wrong { key, .. } | Problem::Conflict { key, .. } => *key == name,
            _ => false,
        })
    }
}

fn stand_in(key: &str) -> &'static str {
    STAND_INS.iter().find(|(name, _)| *name == key).map_or("", |(_, text)| text)
}

fn wrong(key: &'static Key, text: &Text, rejected: Rejected) -> Problem {
    let is_quoted = text.text.starts_with(['"', '\'']);
    let may_show = !key.is_secret()
        && text.text.chars().count() <= SHOWN_CHARS
        && !text.text.contains(['@', '?'])
        && !text.text.chars().any(char::is_control);
    Problem::Wrong {
        key: key.name,
        origin: text.origin.clone(),
        value: may_show.then(|| text.text.clone()),
        takes: key.takes(),
        hint: if is_quoted { "without the quotes" } else { rejected.0 },
    }
}

/// Both replicas know the token, so both come to the same secret without one more key to set.
fn derived_webhook_secret(token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(b"gryag webhook secret");
    hex::encode(mac.finalize().into_bytes())
}

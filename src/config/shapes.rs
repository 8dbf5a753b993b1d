//! The kinds of value that keys take: numbers with a range, times, words, lists. Each says what it takes and parses
//! it; addresses are in `address.rs`.

use std::{fmt::Display, path::PathBuf, str::FromStr, time::Duration};

use secrecy::SecretString;

use super::key::{Rejected, Shape, Takes};
use crate::domain::UserId;

/// A whole number from `min` to `max` of `unit`s.
pub(super) struct Whole<T> {
    pub(super) min: T,
    pub(super) max: T,
    pub(super) unit: &'static str,
}

impl<T: Display> Takes for Whole<T> {
    fn takes(&self) -> String {
        format!("{} to {} {}", self.min, self.max, self.unit)
    }
}

impl<T: Display + FromStr + PartialOrd> Shape for Whole<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, Rejected> {
        let number = T::from_str(text).map_err(|_| Rejected("a whole number, in digits only"))?;
        if number < self.min || number > self.max { Err(Rejected::default()) } else { Ok(number) }
    }
}

/// A number with a decimal point, from `min` to `max` of `unit`s.
pub(super) struct Decimal {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) unit: &'static str,
}

impl Takes for Decimal {
    fn takes(&self) -> String {
        format!("{} to {} {}", self.min, self.max, self.unit)
    }
}

impl Shape for Decimal {
    type Value = f64;

    fn parse(&self, text: &str) -> Result<f64, Rejected> {
        let number = f64::from_str(text).map_err(|_| Rejected("a number such as 0.2, with a point"))?;
        // Also refuses NaN, which is in no range.
        if (self.min..=self.max).contains(&number) { Ok(number) } else { Err(Rejected::default()) }
    }
}

/// A time in whole units.
pub(super) struct Span {
    pub(super) unit: Unit,
    pub(super) min: u64,
    pub(super) max: u64,
}

/// The unit of a [`Span`], which also stands in its key's name.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl Takes for Span {
    fn takes(&self) -> String {
        let unit = match self.unit {
            Unit::Seconds => "seconds",
            Unit::Minutes => "minutes",
            Unit::Hours => "hours",
            Unit::Days => "days",
        };
        format!("{} to {} {unit}", self.min, self.max)
    }
}

impl Shape for Span {
    type Value = Duration;

    fn parse(&self, text: &str) -> Result<Duration, Rejected> {
        let seconds = match self.unit {
            Unit::Seconds => 1,
            Unit::Minutes => 60,
            Unit::Hours => 60 * 60,
            Unit::Days => 24 * 60 * 60,
        };
        let count = Whole { min: self.min, max: self.max, unit: "" }.parse(text)?;
        Ok(Duration::from_secs(count.saturating_mul(seconds)))
    }
}

/// Yes or no.
pub(super) struct Switch;

impl Takes for Switch {
    fn takes(&self) -> String {
        "`true` or `false`".to_owned()
    }
}

impl Shape for Switch {
    type Value = bool;

    fn parse(&self, text: &str) -> Result<bool, Rejected> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(Rejected::default()),
        }
    }
}

/// One of a few words.
pub(super) struct OneOf<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T> Takes for OneOf<T> {
    fn takes(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(word, _)| format!("`{word}`")).collect();
        match words.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

impl<T: Copy> Shape for OneOf<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, Rejected> {
        let found = self.0.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, value)| *value).ok_or(Rejected::default())
    }
}

/// A value that may be absent: a key that is not set, and a key that is set to nothing.
pub(super) struct Optional<S>(pub(super) S);

impl<S: Takes> Takes for Optional<S> {
    fn takes(&self) -> String {
        self.0.takes()
    }

    fn is_secret(&self) -> bool {
        self.0.is_secret()
    }

    fn takes_empty(&self) -> bool {
        true
    }
}

impl<S: Shape> Shape for Optional<S> {
    type Value = Option<S::Value>;

    fn parse(&self, text: &str) -> Result<Self::Value, Rejected> {
        if text.is_empty() { Ok(None) } else { self.0.parse(text).map(Some) }
    }

    fn unset(&self) -> Option<Self::Value> {
        Some(None)
    }
}

/// The bot's token as BotFather gives it. It becomes a part of a path, so its characters matter.
pub(super) struct BotToken;

impl Takes for BotToken {
    fn takes(&self) -> String {
        "the token from @BotFather: digits, a colon, then letters, digits, `-` and `_`".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Shape for BotToken {
    type Value = SecretString;

    fn parse(&self, text: &str) -> Result<SecretString, Rejected> {
        let (id, secret) = text.split_once(':').ok_or(Rejected::default())?;
        let is_token = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && is_secret_word(secret);
        if is_token { Ok(text.into()) } else { Err(Rejected::default()) }
    }
}

/// A key of the Gemini API. Its form changed in 2026 and may change again (gemini_api.md section 1), so only what a
/// header cannot carry is refused.
pub(super) struct ApiKey;

impl Takes for ApiKey {
    fn takes(&self) -> String {
        "the key from Google AI Studio: visible ASCII characters, no spaces".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Shape for ApiKey {
    type Value = SecretString;

    fn parse(&self, text: &str) -> Result<SecretString, Rejected> {
        if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(text.into()) } else { Err(Rejected::default()) }
    }
}

/// One or two webhook secrets; Telegram allows 1 to 256 characters of a small set (telegram_api.md section 2).
pub(super) struct WebhookSecrets;

impl Takes for WebhookSecrets {
    fn takes(&self) -> String {
        "1 to 256 letters, digits, `-` and `_`; two such, comma-separated, while rotating".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Shape for WebhookSecrets {
    type Value = Vec<SecretString>;

    fn parse(&self, text: &str) -> Result<Vec<SecretString>, Rejected> {
        let secrets: Vec<&str> = text.split(',').map(str::trim).collect();
        if secrets.len() > 2 {
            return Err(Rejected("the new one and the old one, no more"));
        }
        if secrets.iter().all(|secret| secret.len() <= 256 && is_secret_word(secret)) {
            Ok(secrets.into_iter().map(SecretString::from).collect())
        } else {
            Err(Rejected::default())
        }
    }
}

fn is_secret_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// People, by their Telegram ids.
pub(super) struct People;

impl Takes for People {
    fn takes(&self) -> String {
        "one Telegram user id, or several, comma-separated (@userinfobot tells yours)".to_owned()
    }
}

impl Shape for People {
    type Value = Vec<UserId>;

    fn parse(&self, text: &str) -> Result<Vec<UserId>, Rejected> {
        text.split(',').map(|id| person(id.trim())).collect()
    }
}

fn person(text: &str) -> Result<UserId, Rejected> {
    // Telegram's ids of people have at most 52 bits (telegram_api.md section 5).
    match i64::from_str(text) {
        Ok(id @ 1..=0xF_FFFF_FFFF_FFFF) => Ok(UserId(id)),
        Ok(..=-1) => Err(Rejected("a person's id is positive; this is the id of a group or channel")),
        Ok(_) => Err(Rejected::default()),
        Err(_) => Err(Rejected("a number, not an @username")),
    }
}

/// A directory; it is made when it is missing.
pub(super) struct Directory;

impl Takes for Directory {
    fn takes(&self) -> String {
        "a directory on a local file system".to_owned()
    }
}

impl Shape for Directory {
    type Value = PathBuf;

    fn parse(&self, text: &str) -> Result<PathBuf, Rejected> {
        if text.chars().any(char::is_control) { Err(Rejected::default()) } else { Ok(PathBuf::from(text)) }
    }
}

/// A program and its arguments, with spaces between them.
pub(super) struct Program;

impl Takes for Program {
    fn takes(&self) -> String {
        "a program and its arguments, separated by spaces".to_owned()
    }
}

impl Shape for Program {
    type Value = Vec<String>;

    fn parse(&self, text: &str) -> Result<Vec<String>, Rejected> {
        if text.contains(['"', '\'', '|', '>', ';', '$', '`']) {
            return Err(Rejected("no shell reads it: put it into a script, and name the script here"));
        }
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }

    fn unset(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }
}

/// A persona's name or file.
pub(super) struct PersonaName;

impl Takes for PersonaName {
    fn takes(&self) -> String {
        "`gryag`, `zuzia`, the `name` of a file `personas/name.toml` in `BOT_DATA_DIR`, or a path to a `.toml` file"
            .to_owned()
    }
}

impl Shape for PersonaName {
    type Value = String;

    fn parse(&self, text: &str) -> Result<String, Rejected> {
        if text.chars().any(char::is_control) { Err(Rejected::default()) } else { Ok(text.to_owned()) }
    }
}

/// A model's id. It becomes a part of a path.
pub(super) struct Model;

impl Takes for Model {
    fn takes(&self) -> String {
        "a model's id: lower-case letters, digits, `-`, `.` and `_`".to_owned()
    }
}

impl Shape for Model {
    type Value = String;

    fn parse(&self, text: &str) -> Result<String, Rejected> {
        if text.starts_with("models/") {
            return Err(Rejected("without `models/`"));
        }
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        // A leading dot would walk up the path.
        let is_model = !text.starts_with('.') && text.bytes().all(is_letter);
        if is_model { Ok(text.to_owned()) } else { Err(Rejected::default()) }
    }
}

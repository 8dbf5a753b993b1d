//! The program's own words, by language: the embedded files of `locales/` in Fluent's syntax. What the persona says
//! is not here but in its own file. Nothing here knows a chat; the language is handed in.
//!
//! ```text
//! let words = say!(language, "duration-hours", hours = 3);
//! ```
//!
//! `tests/locales.rs` reads the files and every `say!` of the code: a key or an argument that one has and another lacks
//! fails there.

mod alarm;
mod time;

use std::sync::LazyLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};

use crate::domain::Language;

pub use alarm::alarm;
pub use time::{date, duration, moment, stamp};

/// The words of a key in a language, with arguments by name. Never fails: a key that the language lacks is said in
/// Ukrainian, an unknown one as itself.
macro_rules! say {
    ($language:expr, $key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::locale::text($language, $key, &[$((stringify!($name), $crate::locale::Value::from($value))),*])
    };
}
pub(crate) use say;

/// An argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    /// Stands there as it is.
    Text(&'a str),
    /// May also choose between forms («1 година», «3 години»).
    Number(i64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

macro_rules! from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for Value<'_> {
            fn from(number: $number) -> Self {
                // Nothing that is counted for people comes near the limit.
                Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
    )*};
}
from_number!(i8, u8, i16, u16, i32, u32, i64, u64, usize);

type Bundle = FluentBundle<FluentResource>;

static UKRAINIAN: LazyLock<Bundle> =
    LazyLock::new(|| bundle(Language::Ukrainian, include_str!("../../locales/uk.ftl")));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::English, include_str!("../../locales/en.ftl")));

/// The words of a key. Use [`say!`], whose keys and arguments are tested, where the key is known.
pub fn text(language: Language, key: &str, arguments: &[(&str, Value<'_>)]) -> String {
    let words = match language {
        Language::Ukrainian => None,
        Language::English => words_of(&ENGLISH, key, arguments),
    };
    words.or_else(|| words_of(&UKRAINIAN, key, arguments)).unwrap_or_else(|| key.to_owned())
}

fn bundle(language: Language, source: &str) -> Bundle {
    // What the parser could not read is left out and found by the tests.
    let resource = match FluentResource::try_new(source.to_owned()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    let mut bundle = Bundle::new_concurrent(vec![language.code().parse().expect("a language's code is well-formed")]);
    // Marks around each argument would be invisible characters in what people copy and the model reads.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

fn words_of(bundle: &Bundle, key: &str, arguments: &[(&str, Value<'_>)]) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    let mut named = FluentArgs::with_capacity(arguments.len());
    for (name, value) in arguments {
        let value = match value {
            Value::Text(text) => FluentValue::from(*text),
            Value::Number(number) => FluentValue::from(*number),
        };
        named.set(*name, value);
    }
    // An argument that is missing stands there by its name; the tests find it before anybody sees it.
    Some(bundle.format_pattern(pattern, Some(&named), &mut Vec::new()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: [Language; 2] = [Language::Ukrainian, Language::English];

    #[test]
    fn ukrainian_counts_in_three_forms() {
        let hours = |hours: i64| say!(Language::Ukrainian, "duration-hours", hours = hours);
        for (count, words) in [
            (1, "1 годину"),
            (2, "2 години"),
            (4, "4 години"),
            (5, "5 годин"),
            (11, "11 годин"),
            (14, "14 годин"),
            (21, "21 годину"),
            (23, "23 години"),
            (100, "100 годин"),
            (112, "112 годин"),
            (0, "0 годин"),
        ] {
            assert_eq!(hours(count), words);
        }
        assert_eq!(say!(Language::English, "duration-hours", hours = 1), "1 hour");
        assert_eq!(say!(Language::English, "duration-hours", hours = 21), "21 hours");
    }

    #[test]
    fn what_is_missing_never_panics() {
        for language in LANGUAGES {
            assert_eq!(text(language, "no-such-key", &[]), "no-such-key");
            assert_eq!(text(language, "", &[("a", Value::Number(1))]), "");
            assert!(text(language, "prompt-reply", &[]).contains("$whom"), "it is said what is missing");
        }
    }

    #[test]
    fn an_argument_stands_there_as_it_is() {
        for language in LANGUAGES {
            let words = say!(language, "prompt-forwarded", source = "{ $x } \u{5d0} {\"");
            assert!(words.contains(" { $x } \u{5d0} {\")"), "{words}");
            assert!(!words.contains(['\u{2068}', '\u{2069}']));
        }
    }

    #[test]
    fn many_threads_may_speak_at_once() {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for count in 0..200_u32 {
                        let said = say!(Language::Ukrainian, "duration-minutes", minutes = count);
                        assert!(said.starts_with(&count.to_string()));
                    }
                });
            }
        });
    }
}

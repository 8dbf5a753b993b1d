//! What a key is: its name, its section, what it takes and what it does. Each key is written once, in a `section!`
//! block; the typed field, the parsing, the documents, `gryag config` and the check for unknown keys come from there.

use std::fmt;

/// The part of the configuration that a key belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Section {
    /// Who it is on Telegram and where it lives.
    Essential,
    /// How it behaves in a chat.
    Behavior,
    /// Which model answers, and how it is asked.
    Gemini,
    /// Limits and addresses that a small installation never touches.
    Advanced,
}

impl Section {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Essential, Self::Behavior, Self::Gemini, Self::Advanced];

    /// Its heading; a table of this name (in any letter case) may stand in `gryag.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Essential => "ESSENTIAL",
            Self::Behavior => "BEHAVIOR",
            Self::Gemini => "GEMINI",
            Self::Advanced => "ADVANCED",
        }
    }

    /// What its keys are about.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Essential => "who it is on Telegram and where it lives",
            Self::Behavior => "how it behaves in a chat",
            Self::Gemini => "which model answers, and how it is asked",
            Self::Advanced => "limits and addresses that a small installation never touches",
        }
    }
}

/// What holds when a key is not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenUnset {
    /// Nothing: the key must be set.
    Required,
    /// This value, as it would be written.
    Value(&'static str),
    /// A value made from another key; in words.
    Derived(&'static str),
    /// No value; in words, what that means.
    Nothing(&'static str),
}

/// One key.
#[derive(Clone, Copy)]
pub struct Key {
    /// Its name in the environment and in `gryag.toml`.
    pub name: &'static str,
    /// Where it is listed.
    pub section: Section,
    /// What holds without it.
    pub unset: WhenUnset,
    /// What it does, in a sentence or two, as it stands in the source.
    pub(super) about: &'static str,
    pub(super) shape: &'static (dyn Takes + Sync),
}

/// Its name; the rest is the same everywhere.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Key").field(&self.name).finish()
    }
}

impl Key {
    /// What it does, in a sentence or two.
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }

    /// What it takes: type, unit and range.
    pub fn takes(&self) -> String {
        self.shape.takes()
    }

    /// Whether its value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.shape.is_secret()
    }
}

/// How a key's values look, told to a person.
pub(super) trait Takes {
    /// Type, unit and range, to follow the word "takes".
    fn takes(&self) -> String;

    /// Whether its value must never be shown.
    fn is_secret(&self) -> bool {
        false
    }

    /// Whether an empty text is a value (usually "off") instead of "not set".
    fn takes_empty(&self) -> bool {
        false
    }
}

/// Why a text is no value: a hint beyond what [`Takes::takes`] says, or nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Rejected(pub(super) &'static str);

/// How the text of a key becomes a value.
pub(super) trait Shape: Takes {
    /// The value's type.
    type Value;

    /// The value behind a trimmed text.
    fn parse(&self, text: &str) -> Result<Self::Value, Rejected>;

    /// The value of a key that is not set and has no default.
    fn unset(&self) -> Option<Self::Value> {
        None
    }
}

/// Writes a section's struct, the list of its keys, and the function that reads it. A field's doc comment is also its
/// key's text in the documents, so it is written for the operator.
macro_rules! section {
    (
        $(#[doc = $doc:literal])+
        $section:ident as $name:ident {
            $(
                $(#[doc = $about:literal])+
                $field:ident: $type:ty = $key:literal, $unset:expr, $shape:expr;
            )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[doc = $about])+ pub $field: $type, )+
        }

        impl $name {
            /// The keys of this section, in the order in which they are shown.
            pub const KEYS: &'static [$crate::config::key::Key] = &[$(
                $crate::config::key::Key {
                    name: $key,
                    section: $crate::config::key::Section::$section,
                    unset: $unset,
                    about: concat!($($about),+),
                    shape: &$shape,
                }
            ),+];

            /// The section as it is set. A key that is missing or wrong becomes a problem and reads as its default.
            pub(in $crate::config) fn read(settings: &mut $crate::config::settings::Settings) -> Self {
                let mut keys = Self::KEYS.iter();
                Self { $($field: settings.read(keys.next().expect("one key a field"), &$shape)),+ }
            }
        }
    };
}

pub(super) use section;

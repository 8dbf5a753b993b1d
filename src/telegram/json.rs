//! Reading JSON that others wrote, without trusting a word of it.
//!
//! Telegram adds fields, kinds and values every month, and a derived struct refuses the whole update for one value
//! that it does not know. [`Object`] reads one level: keys, and values still raw. What is asked for and is not there, or is of
//! another type, is simply absent. Skipping a raw value takes no recursion, so depth costs nothing and cannot
//! overflow the stack; each nested level is read only by code that asks for it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// One JSON object: its keys in order, its values unread.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A string that borrows from its JSON unless it holds escapes.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

/// Why a text is not an [`Object`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotAnObject {
    /// It is no JSON at all.
    NotJson,
    /// It is JSON, but not an object.
    OtherValue,
}

impl<'a> Object<'a> {
    /// Reads one level of `json`.
    pub(super) fn read(json: &'a str) -> Result<Self, NotAnObject> {
        serde_json::from_str(json).map_err(|_| match serde_json::from_str::<IgnoredAny>(json) {
            Ok(_) => NotAnObject::OtherValue,
            Err(_) => NotAnObject::NotJson,
        })
    }

    /// Keys and raw values, in the order of the text.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (&**key, *value))
    }

    /// The raw value of `key`; `null` counts as absent. Of a repeated key the first counts.
    pub(super) fn raw(&self, key: &str) -> Option<&'a RawValue> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value).filter(|value| value.get() != "null")
    }

    /// Whether `key` has a value other than `null`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }

    /// The object under `key`.
    pub(super) fn object(&self, key: &str) -> Option<Object<'a>> {
        Object::read(self.raw(key)?.get()).ok()
    }

    /// The objects of the list under `key`; whatever else the list holds is left out.
    pub(super) fn objects(&self, key: &str) -> Vec<Object<'a>> {
        let Some(raw) = self.raw(key) else { return Vec::new() };
        let items: Vec<&'a RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        items.into_iter().filter_map(|item| Object::read(item.get()).ok()).collect()
    }

    /// The text under `key`.
    pub(super) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        serde_json::from_str::<Borrowed<'a>>(self.raw(key)?.get()).ok().map(|text| text.0)
    }

    /// The text under `key`, owned, unless it is empty.
    pub(super) fn words(&self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty()).map(Cow::into_owned)
    }

    /// The whole number under `key`.
    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        self.value(key)
    }

    /// Whether `key` is `true`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.raw(key).is_some_and(|raw| raw.get() == "true")
    }

    /// The value under `key` as any type that owns what it holds.
    pub(super) fn value<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.raw(key)?.get()).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // A message has about ten keys.
                let mut entries = Vec::with_capacity(12);
                while let Some((Borrowed(key), value)) = map.next_entry::<Borrowed<'de>, &'de RawValue>()? {
                    entries.push((key, value));
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(Entries).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_type_is_absent_and_the_rest_is_read() {
        let object = Object::read(r#"{"a":5,"b":"x","c":null,"d":[1,{"e":2}],"f":"\u0433\u0440"}"#).unwrap();
        assert_eq!(object.text("a"), None);
        assert_eq!(object.text("b").as_deref(), Some("x"));
        assert!(!object.has("c"));
        assert_eq!(object.objects("d").len(), 1);
        assert_eq!(object.text("f").as_deref(), Some("гр"));
        assert!(matches!(object.text("b"), Some(Cow::Borrowed(_))), "plain text is not copied");
    }

    #[test]
    fn deep_nesting_is_skipped_without_recursion() {
        let depth = 100_000;
        let json = format!(r#"{{"deep":{}{},"after":1}}"#, "[".repeat(depth), "]".repeat(depth));
        let object = Object::read(&json).unwrap();
        assert_eq!(object.integer("after"), Some(1));
        assert_eq!(object.value::<serde_json::Value>("deep"), None, "reading it would recurse: refused");
    }

    #[test]
    fn a_text_that_is_no_object_says_which() {
        assert_eq!(Object::read("[1]").unwrap_err(), NotAnObject::OtherValue);
        assert_eq!(Object::read("{").unwrap_err(), NotAnObject::NotJson);
        assert_eq!(Object::read("").unwrap_err(), NotAnObject::NotJson);
        assert_eq!(Object::read("{} {}").unwrap_err(), NotAnObject::NotJson);
    }
}

//! Entities: those that Telegram finds by itself in a text, and the check of those that a sender names.

use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Telegram keeps this many entities of a message and drops the others silently.
const KEPT: usize = 100;

/// An entity as a sender names it.
#[derive(Clone, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedEntity {
    #[serde(rename = "type")]
    kind: String,
    offset: i64,
    length: i64,
    url: Option<String>,
    user: Option<Value>,
    language: Option<String>,
    custom_emoji_id: Option<String>,
}

const KINDS: &[&str] = &[
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
    "text_link",
    "text_mention",
    "custom_emoji",
];

/// Refuses entities as Telegram does, and returns those that it keeps.
pub(super) fn check(text: &str, entities: &[NamedEntity]) -> Result<Vec<Value>, Refusal> {
    if entities.is_empty() {
        return Ok(Vec::new());
    }
    let boundaries = boundaries(text);
    let end = i64::try_from(boundaries.len()).unwrap_or(i64::MAX) - 1;
    let mut kept = Vec::new();
    for entity in entities {
        check_one(entity, &boundaries, end)?;
        if entity.length > 0 && kept.len() < KEPT {
            kept.push(as_json(entity));
        }
    }
    kept.sort_by_key(|entity| entity["offset"].as_i64());
    Ok(kept)
}

/// For each UTF-16 unit of the text, and its end: whether a character begins there.
fn boundaries(text: &str) -> Vec<bool> {
    let mut boundaries: Vec<bool> = Vec::with_capacity(text.len() + 1);
    for character in text.chars() {
        boundaries.push(true);
        if character.len_utf16() == 2 {
            boundaries.push(false);
        }
    }
    boundaries.push(true);
    boundaries
}

fn check_one(entity: &NamedEntity, boundaries: &[bool], end: i64) -> Result<(), Refusal> {
    if !KINDS.contains(&entity.kind.as_str()) {
        return Err(Refusal::bad_request("can't parse entities: unsupported entity type"));
    }
    if entity.offset < 0 || entity.offset > 1_000_000 {
        return Err(Refusal::bad_request("receive an entity with incorrect offset"));
    }
    if entity.length < 0 || entity.length > 1_000_000 {
        return Err(Refusal::bad_request("receive an entity with incorrect length"));
    }
    let (first, past) = (entity.offset, entity.offset + entity.length);
    if past > end {
        let why =
            format!("entity beginning at UTF-16 offset {first} ends after the end of the text at UTF-16 offset {end}");
        return Err(Refusal::bad_request(why));
    }
    let begins_a_character =
        |unit: i64| usize::try_from(unit).ok().and_then(|unit| boundaries.get(unit)) == Some(&true);
    if !begins_a_character(first) {
        return Err(Refusal::bad_request(format!(
            "entity begins in a middle of a UTF-16 symbol at byte offset {first}"
        )));
    }
    if !begins_a_character(past) {
        return Err(Refusal::bad_request(format!("entity ends in a middle of a UTF-16 symbol at byte offset {past}")));
    }
    if entity.kind == "text_link" && entity.url.as_deref().is_none_or(str::is_empty) {
        return Err(Refusal::bad_request("can't parse entities: field \"url\" must be of type String"));
    }
    Ok(())
}

fn as_json(entity: &NamedEntity) -> Value {
    let mut json = json!({"type": entity.kind, "offset": entity.offset, "length": entity.length});
    let texts = [("url", &entity.url), ("language", &entity.language), ("custom_emoji_id", &entity.custom_emoji_id)];
    for (key, value) in texts {
        if let Some(value) = value {
            json[key] = value.as_str().into();
        }
    }
    if let Some(user) = &entity.user {
        json["user"] = user.clone();
    }
    json
}

/// The entities that Telegram finds in a text by itself: commands, mentions, hashtags, addresses.
pub(super) fn detect(text: &str) -> Vec<Value> {
    if !text.contains(['/', '@', '#', ':', '.']) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut unit = 0;
    let mut before = ' ';
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let hit = if is_word(before) || before == '/' { None } else { entity_at(rest) };
        let taken = hit.map_or(character.len_utf8(), |(_, bytes)| bytes);
        let (head, tail) = rest.split_at(taken);
        let units = head.encode_utf16().count();
        if let Some((kind, _)) = hit {
            found.push(json!({"type": kind, "offset": unit, "length": units}));
        }
        unit += units;
        before = head.chars().next_back().unwrap_or(' ');
        rest = tail;
    }
    found
}

/// The entity that begins where `rest` begins, and its length in bytes.
fn entity_at(rest: &str) -> Option<(&'static str, usize)> {
    match rest.as_bytes().first()? {
        b'/' => command(rest).map(|bytes| ("bot_command", bytes)),
        b'@' => {
            let name = name_length(&rest[1..]);
            (3..=32).contains(&name).then_some(("mention", 1 + name))
        }
        b'#' => {
            let word: usize = rest[1..].chars().take_while(|letter| is_word(*letter)).map(char::len_utf8).sum();
            let letters = rest[1..=word].chars().any(|letter| !letter.is_ascii_digit());
            (word > 0 && letters).then_some(("hashtag", 1 + word))
        }
        _ => address(rest),
    }
}

fn command(rest: &str) -> Option<usize> {
    let name = name_length(&rest[1..]);
    if !(1..=64).contains(&name) {
        return None;
    }
    let after = &rest[1 + name..];
    let bot = after.strip_prefix('@').map_or(0, name_length);
    Some(if bot >= 3 { 2 + name + bot } else { 1 + name })
}

fn address(rest: &str) -> Option<(&'static str, usize)> {
    let word_end = rest.find(|letter: char| letter.is_whitespace()).unwrap_or(rest.len());
    let word = rest[..word_end].trim_end_matches(['.', ',', '!', '?', ')', ':', ';', '»']);
    let scheme = ["https://", "http://"].into_iter().find(|scheme| word.starts_with(scheme));
    if let Some(scheme) = scheme {
        return (word.len() > scheme.len()).then_some(("url", word.len()));
    }
    let (user, host) = word.split_once('@')?;
    let is_mail = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-+".contains(letter))
    };
    (is_mail(user) && is_mail(host) && host.contains('.')).then_some(("email", word.len()))
}

fn name_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let slice = |entity: &Value| {
            let offset = entity["offset"].as_u64().unwrap() as usize;
            let length = entity["length"].as_u64().unwrap() as usize;
            String::from_utf16(&units[offset..offset + length]).unwrap()
        };
        detect(text).iter().map(|entity| (entity["type"].as_str().unwrap().to_owned(), slice(entity))).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn commands_mentions_hashtags_and_addresses_are_found() {
        let text = "🦉 /help@gryag_bot, (@gryag_bot) #мем https://example.org/a?b. олег@x a@b.org 1/2 #12";
        let expected = [
            ("bot_command", "/help@gryag_bot"),
            ("mention", "@gryag_bot"),
            ("hashtag", "#мем"),
            ("url", "https://example.org/a?b"),
            ("email", "a@b.org"),
        ];
        assert_eq!(found(text), pairs(&expected));
    }

    fn named(offset: i64, length: i64) -> NamedEntity {
        serde_json::from_value(json!({"type": "bold", "offset": offset, "length": length})).unwrap()
    }

    #[test]
    fn an_entity_beyond_the_text_or_inside_a_surrogate_pair_is_refused() {
        let text = "a🦉b";
        assert!(check(text, &[named(0, 4)]).is_ok());
        assert!(check(text, &[named(1, 2)]).is_ok());
        for (offset, length) in [(0, 5), (2, 1), (0, 2), (-1, 2), (4, 1)] {
            assert!(check(text, &[named(offset, length)]).is_err(), "{offset} {length}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_found_passes_the_check(text in "[ a-zа-я/@#.:🦉]{0,40}") {
            let found: Vec<NamedEntity> =
                detect(&text).into_iter().map(|entity| serde_json::from_value(entity).unwrap()).collect();
            prop_assert!(check(&text, &found).is_ok());
        }
    }
}

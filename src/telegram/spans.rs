//! What Telegram found inside a text: mentions, commands, links, tags.
//!
//! Entity offsets are UTF-16 code units, not bytes and not characters: an emoji may take two. Offsets that lie outside
//! the text, or inside such a pair, are ignored.

use std::ops::Range;

use super::json::Object;
use crate::domain::UserId;

/// What a stretch of a text is, as far as it matters for what the text says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SpanKind {
    /// A URL, or words that carry one.
    Link,
    /// `#tag` or `$TAG`.
    Hashtag,
    /// `@name`, or a person's name that Telegram links to them.
    Mention,
    /// `/command`.
    Command,
    /// An address or a phone number.
    Contact,
    /// Code, inline or a block.
    Code,
    /// A block quotation: somebody else's words.
    Quotation,
}

/// A stretch of a text, in bytes, on character boundaries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextSpan {
    /// Where it stands in [`crate::domain::Message::text`].
    pub range: Range<usize>,
    /// What it is.
    pub kind: SpanKind,
}

/// Somebody whom a text mentions.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Mention {
    /// By @username, without the @, as written.
    Username(String),
    /// By id: people without a username are mentioned so.
    User(UserId),
}

/// A command at the beginning of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Its name without the slash, in lower case.
    pub name: String,
    /// The bot it is for (`/name@bot`), without the @; none if it says nobody.
    pub for_bot: Option<String>,
    /// What follows it, trimmed.
    pub args: String,
}

impl Command {
    /// Whether it is meant for the bot with this username; a command that names no bot is meant for all.
    pub fn is_for(&self, username: &str) -> bool {
        self.for_bot.as_ref().is_none_or(|bot| bot.eq_ignore_ascii_case(username))
    }
}

/// Everything read from a text's entities.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) spans: Vec<TextSpan>,
    pub(super) mentions: Vec<Mention>,
    pub(super) command: Option<Command>,
}

/// Byte offsets of a text by UTF-16 units.
struct Units {
    /// By unit: its character's first byte; none for the second unit of a pair. Ends with the text's length.
    bytes: Vec<Option<usize>>,
}

impl Units {
    fn of(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        for (byte, character) in text.char_indices() {
            bytes.push(Some(byte));
            bytes.extend((1..character.len_utf16()).map(|_| None));
        }
        bytes.push(Some(text.len()));
        Self { bytes }
    }

    fn byte(&self, unit: i64) -> Option<usize> {
        *self.bytes.get(usize::try_from(unit).ok()?)?
    }

    fn range(&self, offset: i64, length: i64) -> Option<Range<usize>> {
        let range = self.byte(offset)?..self.byte(offset.checked_add(length)?)?;
        (range.start < range.end).then_some(range)
    }
}

/// Reads the entities of `text`.
pub(super) fn read(text: &str, entities: &[Object<'_>]) -> Marks {
    let mut marks = Marks::default();
    if entities.is_empty() {
        return marks;
    }
    let units = Units::of(text);
    let mut mentions: Vec<(Range<usize>, Mention)> = Vec::new();
    for entity in entities {
        let (Some(offset), Some(length)) = (entity.integer("offset"), entity.integer("length")) else { continue };
        let Some(range) = units.range(offset, length) else { continue };
        let words = &text[range.clone()];
        let kind = match entity.text("type").as_deref().unwrap_or_default() {
            "url" | "text_link" => SpanKind::Link,
            "hashtag" | "cashtag" => SpanKind::Hashtag,
            "email" | "phone_number" => SpanKind::Contact,
            "code" | "pre" => SpanKind::Code,
            "blockquote" | "expandable_blockquote" => SpanKind::Quotation,
            "mention" => {
                let name = words.strip_prefix('@').map(|name| Mention::Username(name.to_owned()));
                mentions.extend(name.map(|name| (range.clone(), name)));
                SpanKind::Mention
            }
            "text_mention" => {
                let user = entity.object("user").and_then(|user| user.integer("id"));
                mentions.extend(user.map(|id| (range.clone(), Mention::User(UserId(id)))));
                SpanKind::Mention
            }
            "bot_command" => {
                if range.start == 0 && marks.command.is_none() {
                    marks.command = command(words, &text[range.end..]);
                }
                SpanKind::Command
            }
            // Bold, spoiler, custom emoji and whatever comes next say nothing about the words under them.
            _ => continue,
        };
        marks.spans.push(TextSpan { range, kind });
    }
    // Whom a quotation mentions was called by somebody else, and code is not said at all.
    let is_said = |range: &Range<usize>| {
        !marks.spans.iter().any(|span| {
            matches!(span.kind, SpanKind::Quotation | SpanKind::Code)
                && span.range.start <= range.start
                && range.end <= span.range.end
        })
    };
    mentions.retain(|(range, _)| is_said(range));
    marks.mentions = mentions.into_iter().map(|(_, mention)| mention).collect();
    marks
}

fn command(words: &str, rest: &str) -> Option<Command> {
    let words = words.strip_prefix('/')?;
    let (name, for_bot) = match words.split_once('@') {
        Some((name, bot)) => (name, Some(bot.to_owned()).filter(|bot| !bot.is_empty())),
        None => (words, None),
    };
    (!name.is_empty()).then(|| Command { name: name.to_lowercase(), for_bot, args: rest.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_json(text: &str, entities: &str) -> Marks {
        let json = format!(r#"{{"entities":{entities}}}"#);
        read(text, &Object::read(&json).unwrap().objects("entities"))
    }

    #[test]
    fn offsets_count_utf16_units_across_emoji_and_cyrillic() {
        let text = "😀 Олесю @hto_tam 👍🏽 #тег";
        let marks =
            read_json(text, r#"[{"type":"mention","offset":9,"length":8},{"type":"hashtag","offset":23,"length":4}]"#);
        let words: Vec<&str> = marks.spans.iter().map(|span| &text[span.range.clone()]).collect();
        assert_eq!(words, ["@hto_tam", "#тег"]);
        assert_eq!(marks.mentions, [Mention::Username("hto_tam".into())]);
    }

    #[test]
    fn an_offset_inside_a_surrogate_pair_or_outside_is_ignored() {
        for (offset, length) in
            [(1, 1), (0, 1), (0, 99), (99, 1), (-1, 2), (2, 0), (2, -1), (i64::MAX, i64::MAX), (i64::MIN, 1)]
        {
            let marks = read_json("😀 б", &format!(r#"[{{"type":"url","offset":{offset},"length":{length}}}]"#));
            assert!(marks.spans.is_empty(), "{offset}+{length}");
        }
    }

    #[test]
    fn a_command_has_name_bot_and_arguments() {
        let marks = read_json("/Stats@Some_Bot  за тиждень ", r#"[{"type":"bot_command","offset":0,"length":15}]"#);
        let command = marks.command.unwrap();
        assert_eq!(
            command,
            Command { name: "stats".into(), for_bot: Some("Some_Bot".into()), args: "за тиждень".into() }
        );
        assert!(command.is_for("some_bot"));
        assert!(!command.is_for("other_bot"));
    }

    #[test]
    fn a_command_in_the_middle_is_no_command() {
        let marks = read_json("див. /help", r#"[{"type":"bot_command","offset":5,"length":5}]"#);
        assert_eq!(marks.command, None);
        assert_eq!(marks.spans[0].kind, SpanKind::Command);
    }

    proptest! {
        #[test]
        fn any_entity_over_any_text_gives_only_valid_ranges(
            text in "\\PC{0,40}",
            entities in prop::collection::vec((-3_i64..90, -3_i64..90, "(url|mention|bot_command|text_mention|new)"), 0..8),
        ) {
            let list: Vec<String> = entities
                .iter()
                .map(|(offset, length, kind)| format!(r#"{{"type":"{kind}","offset":{offset},"length":{length}}}"#))
                .collect();
            let marks = read_json(&text, &format!("[{}]", list.join(",")));
            for span in marks.spans {
                prop_assert!(text.get(span.range).is_some_and(|words| !words.is_empty()));
            }
        }

        #[test]
        fn a_range_in_units_is_the_same_words_in_bytes(before in "\\PC{0,20}", words in "\\PC{1,20}", after in "\\PC{0,20}") {
            let units = |text: &str| i64::try_from(text.encode_utf16().count()).unwrap();
            let text = format!("{before}{words}{after}");
            let range = Units::of(&text).range(units(&before), units(&words)).unwrap();
            prop_assert_eq!(&text[range], words.as_str());
        }
    }
}

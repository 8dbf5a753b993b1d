//! The model's text as Telegram takes it: characters and entities in UTF-16 units, in parts that fit.

mod split;

use crate::domain::RichText;

/// The longest text of one message, in UTF-16 units (telegram_api.md section 8).
pub const PART_MAX: usize = 4096;

/// The parts of an answer; empty only for a blank text.
pub fn render(text: &str) -> Vec<RichText> {
    split::split(text, PART_MAX).into_iter().map(RichText::plain).collect()
}

/// A text that the model did not finish, up to its last whole sentence, if it has one.
pub fn end_at_sentence(text: &str) -> &str {
    let end = text
        .char_indices()
        .filter(|(at, letter)| {
            let after = text[at + letter.len_utf8()..].chars().next();
            matches!(letter, '.' | '!' | '?' | '…' | ')' | '»') && after.is_none_or(char::is_whitespace)
        })
        .map(|(at, letter)| at + letter.len_utf8())
        .next_back();
    end.map_or(text, |end| &text[..end])
}

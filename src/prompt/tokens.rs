//! How many tokens a text takes, roughly. The truth comes back as `usageMetadata` and is compared with this.

use crate::domain::PromptMedia;

/// Tokens a character: Cyrillic takes more than Latin.
const CYRILLIC: f64 = 0.4;
const OTHER: f64 = 0.3;
/// What a line costs beside its characters.
const LINE: u32 = 3;

/// A picture, at the resolution that Gemini takes by default.
const PICTURE: u32 = 1_120;
/// Tokens of a second of sound (gemini_api.md section 7).
const SOUND_SECOND: u32 = 32;
/// Telegram's voices are Opus of at least this many bytes a second.
const SOUND_BYTES: usize = 2_000;

/// What a picture or a voice takes beside its caption.
pub(super) fn media_tokens(media: &PromptMedia) -> u32 {
    if media.mime_type.starts_with("image/") {
        return PICTURE;
    }
    let seconds = u32::try_from(media.data.len().div_ceil(SOUND_BYTES)).unwrap_or(u32::MAX);
    seconds.saturating_mul(SOUND_SECOND)
}

/// An estimate that errs upwards.
pub fn estimate_tokens(text: &str) -> u32 {
    // By bytes, for this runs over all that the model is shown: every character has one byte that begins it, and those
    // of Cyrillic letters (U+0400 to U+053F) begin with one of five.
    let characters = text.as_bytes().iter().filter(|byte| *byte & 0xc0 != 0x80).count();
    let cyrillic = text.as_bytes().iter().filter(|byte| (0xd0..=0xd4).contains(*byte)).count();
    let other = characters - cyrillic;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a text's length is small and positive"
    )]
    let tokens = (cyrillic as f64 * CYRILLIC + other as f64 * OTHER).ceil() as u32;
    tokens + LINE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cyrillic_letter_costs_more_than_a_latin_one() {
        assert_eq!(estimate_tokens(""), LINE);
        assert_eq!(estimate_tokens(&"і".repeat(100)), LINE + 40);
        assert_eq!(estimate_tokens(&"i".repeat(100)), LINE + 30);
        assert_eq!(estimate_tokens(&"€😀".repeat(50)), LINE + 30);
    }

    proptest! {
        #[test]
        fn bytes_tell_what_characters_would(text in "\\PC*") {
            let cyrillic = text.chars().filter(|letter| ('\u{400}'..='\u{53f}').contains(letter)).count();
            let other = text.chars().count() - cyrillic;
            let expected = (cyrillic as f64 * CYRILLIC + other as f64 * OTHER).ceil();
            prop_assert_eq!(f64::from(estimate_tokens(&text) - LINE), expected);
        }
    }
}

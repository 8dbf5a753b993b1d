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
    let cyrillic = text.chars().filter(|letter| ('\u{400}'..='\u{52f}').contains(letter)).count();
    let other = text.chars().count() - cyrillic;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a text's length is small and positive"
    )]
    let tokens = (cyrillic as f64 * CYRILLIC + other as f64 * OTHER).ceil() as u32;
    tokens + LINE
}

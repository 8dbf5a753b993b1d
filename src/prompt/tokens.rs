//! How many tokens a text takes, roughly. The truth comes back as `usageMetadata` and is compared with this.

/// Tokens a character: Cyrillic takes more than Latin.
const CYRILLIC: f64 = 0.4;
const OTHER: f64 = 0.3;
/// What a line costs beside its characters.
const LINE: u32 = 3;

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

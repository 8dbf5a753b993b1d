//! The model's text as Telegram takes it: characters and entities in UTF-16 units, in parts that fit.
//!
//! A text goes down this way: `guard` hides what is no markup in a chat (`2*3`, `snake_case`, HTML), pulldown-cmark
//! reads the rest, `spoiler` finds `||…||` among its events, `compose` writes them down as a `layout`, `split` says
//! where the parts end, and `part` takes each with its share of the entities. Nothing here knows of chats or sending.

mod compose;
mod guard;
mod layout;
mod link;
mod part;
mod sentence;
mod split;
mod spoiler;
mod table;
#[cfg(test)]
mod tests;

use crate::domain::RichText;
use layout::Layout;
pub use sentence::end_at_sentence;

/// The longest text of one message, in UTF-16 units (telegram_api.md section 8).
pub const PART_MAX: usize = 4096;

/// The most entities of one message. Telegram is said to ignore those after the hundredth (deps.md).
pub const ENTITIES_MAX: usize = 100;

/// The parts of an answer; empty only for a blank text.
pub fn render(text: &str) -> Vec<RichText> {
    render_within(text, PART_MAX)
}

/// The parts of a text of the program's own, in which nothing is markup; empty only for a blank text.
pub fn plain(text: &str) -> Vec<RichText> {
    parts_of_plain(text, PART_MAX)
}

/// As [`render`], with parts of at most `max` UTF-16 units.
fn render_within(text: &str, max: usize) -> Vec<RichText> {
    let parts = parts(&compose::compose(text), max);
    if parts.is_empty() {
        // Nothing but markup, such as an empty fence: better shown as written than swallowed.
        return parts_of_plain(text, max);
    }
    parts
}

fn parts_of_plain(text: &str, max: usize) -> Vec<RichText> {
    parts(&Layout { text: guard::clean(text), spans: Vec::new() }, max)
}

fn parts(layout: &Layout, max: usize) -> Vec<RichText> {
    split::split(layout, max).into_iter().filter_map(|range| part::part(layout, range)).collect()
}

/// Whether a reader sees nothing of it: white space, and letters of no width, which Telegram takes for an empty text.
fn is_blank(text: &str) -> bool {
    text.chars().all(|letter| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(letter,
                '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{ffa0}')
    })
}

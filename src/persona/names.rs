//! Whether a text calls the bot by its name: the name as a word of its own, in any listed form and letter case.
//!
//! Never a part of another word, and never inside what is not said but named: links, tags, addresses. Telegram's own
//! entities are given as excluded ranges; what looks like one of these without being one is told by the characters around it.

use std::ops::Range;

use super::Persona;
use crate::domain::letter::{is_alphanumeric, lowercase};

/// So many of one letter are one that is drawn out; two may be a word's own.
const DRAWN_OUT: usize = 3;

/// Whether `text` holds one of the persona's names as a word outside the `excluded` byte ranges.
pub fn names_in(persona: &Persona, text: &str, excluded: &[Range<usize>]) -> bool {
    words(text).any(|word| {
        persona.names.contains(&normalised(&text[word.clone()]))
            && !is_an_address(text, &word)
            && !excluded.iter().any(|range| range.start < word.end && word.start < range.end)
    })
}

/// One form for all spellings of a word: lower case, no stress marks and invisible characters, one apostrophe, one
/// hyphen, and a drawn-out letter («Гряяяг») once.
pub(super) fn normalised(word: &str) -> String {
    let one = |letter: char| match letter {
        _ if is_apostrophe(letter) => '\'',
        _ if is_hyphen(letter) => '-',
        _ => letter,
    };
    let letters: Vec<char> = word.chars().filter(|letter| !is_mark(*letter)).map(one).map(lowercase).collect();
    letters
        .chunk_by(|left, right| left == right)
        .flat_map(|run| {
            let drawn_out = run.len() >= DRAWN_OUT && run[0].is_alphabetic();
            run.iter().copied().take(if drawn_out { 1 } else { run.len() })
        })
        .collect()
}

/// Whether `name` can be found by [`names_in`].
pub(super) fn is_one_word(name: &str) -> bool {
    words(name).next() == Some(0..name.len()) && name.chars().any(char::is_alphabetic)
}

/// The words of a text, in bytes.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(is_of_word)?;
        let mut end = start;
        while let Some(letter) = text[end..].chars().next() {
            let after = end + letter.len_utf8();
            if !is_of_word(letter) && !joins(letter, &text[start..end], &text[after..]) {
                break;
            }
            end = after;
        }
        from = end;
        Some(start..end)
    })
}

/// Whether `letter`, which is not of a word itself, makes one word of what stands before and after it.
fn joins(letter: char, before: &str, after: &str) -> bool {
    let (Some(left), Some(right)) = (before.chars().next_back(), after.chars().next()) else { return false };
    match letter {
        _ if is_apostrophe(letter) || is_hyphen(letter) => is_of_word(left) && is_alphanumeric(right),
        '@' => is_of_word(left) && is_alphanumeric(right),
        // A dot joins the parts of an address. A sentence that begins without a space does not look so in Cyrillic.
        '.' => left.is_ascii_alphanumeric() && after.chars().take(2).filter(char::is_ascii_alphabetic).count() == 2,
        _ => false,
    }
}

/// Whether the word is a tag, a command or a part of a path. Commands, paths and usernames are ASCII, so «@гряг» and
/// «Олег/Гряг» are meant for people to read.
fn is_an_address(text: &str, word: &Range<usize>) -> bool {
    let before = text[..word.start].chars().next_back();
    let mut after = text[word.end..].chars();
    let is_ascii = text[word.clone()].is_ascii();
    match before {
        Some('#' | '$') => true,
        Some('@' | '/') if is_ascii => true,
        _ => is_ascii && after.next() == Some('/') && after.next().is_some_and(|letter| letter.is_ascii_alphanumeric()),
    }
}

fn is_of_word(letter: char) -> bool {
    (is_alphanumeric(letter) || letter == '_' || is_mark(letter)) && !is_apostrophe(letter)
}

/// Marks over a letter (Ukrainian texts put stress marks) and characters that are not seen inside a word.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{301}' | '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// The modifier letter U+02BC is the Ukrainian apostrophe by the book; people type the others.
fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '′')
}

fn is_hyphen(letter: char) -> bool {
    matches!(letter, '-' | '‐' | '‑')
}

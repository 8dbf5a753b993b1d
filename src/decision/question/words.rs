//! The words of a question, and those that no question has that stands alone (`words.txt`).

use std::{collections::HashSet, sync::LazyLock};

use super::sections;
use crate::domain::letter::{is_alphanumeric, lowercase};

/// The lists of `words.txt`.
struct Lists {
    courtesies: HashSet<&'static str>,
    pointing: HashSet<&'static str>,
    pointing_stems: Vec<&'static str>,
    looking_back: HashSet<&'static str>,
    first_names: Vec<&'static str>,
    also_words: Vec<&'static str>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let sections = sections(include_str!("words.txt"));
    let words = |name: &str| sections.get(name).into_iter().flatten().flat_map(|line| line.split_whitespace());
    Lists {
        courtesies: words("courtesies").collect(),
        pointing: words("pointing").collect(),
        pointing_stems: words("pointing_stems").collect(),
        looking_back: words("looking_back").collect(),
        first_names: words("first_names").collect(),
        also_words: words("also_words").collect(),
    }
});

/// A word as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    /// In lower case, with one kind of apostrophe, without stress marks, and with «е» for «ё».
    pub(super) lower: String,
    /// It begins with a capital letter.
    pub(super) is_capital: bool,
    /// It stands in quotation marks.
    pub(super) is_quoted: bool,
}

const OPENING: [char; 4] = ['«', '“', '„', '"'];
const CLOSING: [char; 4] = ['»', '”', '“', '"'];
/// Signs that are words of their own: they make sums.
const SIGNS: [char; 8] = ['+', '*', '/', '=', '×', '÷', '^', '%'];

/// The words of a text, sums sign by sign.
pub(super) fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut current, mut is_quoted) = (String::new(), false);
    let push = |current: &mut String, words: &mut Vec<Word>, is_quoted: bool| {
        let word = current.trim_matches(['-', '\'']);
        if let Some(first) = word.chars().next() {
            // Russian writes «ё» or «е» as it likes.
            let lower = word.chars().map(lowercase).map(|letter| if letter == 'ё' { 'е' } else { letter }).collect();
            words.push(Word { lower, is_capital: first.is_uppercase(), is_quoted });
        }
        current.clear();
    };
    for letter in text.chars() {
        match letter {
            '\u{300}' | '\u{301}' => {}
            '’' | 'ʼ' | '`' | '´' | '′' | '‘' => current.push('\''),
            _ if is_alphanumeric(letter) || matches!(letter, '\'' | '-' | '_') => current.push(letter),
            _ => {
                push(&mut current, &mut words, is_quoted);
                if is_quoted && CLOSING.contains(&letter) {
                    is_quoted = false;
                } else if OPENING.contains(&letter) {
                    is_quoted = true;
                } else if SIGNS.contains(&letter) {
                    words.push(Word { lower: letter.to_string(), is_capital: false, is_quoted });
                }
            }
        }
    }
    push(&mut current, &mut words, is_quoted);
    words
}

/// Whether a text is one sentence with nothing in it that says more than its words: no second sentence, no link, tag or
/// mention, no emoji, no shouting.
pub(super) fn is_one_sentence(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['?', '.']);
    let plain = |letter: char| {
        letter.is_alphanumeric()
            || letter == ' '
            || SIGNS.contains(&letter)
            || OPENING.contains(&letter)
            || CLOSING.contains(&letter)
            || matches!(
                letter,
                ',' | ':' | '(' | ')' | '-' | '–' | '—' | '\'' | '’' | 'ʼ' | '`' | '\u{300}' | '\u{301}' | '.'
            )
    };
    // A point may stand inside a number only.
    let letters: Vec<char> = text.chars().collect();
    let is_inner = |index: usize| {
        let digit = |at: Option<&char>| at.is_some_and(char::is_ascii_digit);
        index > 0 && digit(letters.get(index - 1)) && digit(letters.get(index + 1))
    };
    letters.iter().enumerate().all(|(index, letter)| plain(*letter) && (*letter != '.' || is_inner(index)))
}

/// Takes away what is said before and after a question for politeness.
pub(super) fn strip_courtesies(words: &mut Vec<Word>) {
    while let Some(first) = words.first()
        && LISTS.courtesies.contains(first.lower.as_str())
    {
        words.remove(0);
    }
    while let Some(last) = words.last()
        && LISTS.courtesies.contains(last.lower.as_str())
    {
        words.pop();
    }
}

/// Whether a word points at somebody, at this place, at this moment or at what was said.
pub(super) fn points_at_somebody(word: &Word) -> bool {
    let lower = word.lower.as_str();
    LISTS.pointing.contains(lower)
        || LISTS.pointing_stems.iter().any(|stem| lower.starts_with(stem))
        || is_addressing_verb(lower)
}

/// «Знаєш», «думаєте»: somebody is spoken to.
fn is_addressing_verb(lower: &str) -> bool {
    ["єш", "їш", "єте", "аешь", "яешь", "ишь", "еешь"].iter().any(|ending| lower.ends_with(ending))
        || ["робиш", "любиш", "бачиш", "ходиш", "говориш", "сидиш", "спиш", "хочеш", "можеш", "будеш", "пишеш", "кажеш"]
            .contains(&lower)
}

/// Whether a word names somebody of the chat, or somebody at all by a first name.
pub(super) fn names_somebody(word: &Word, names: &[String]) -> bool {
    let lower = word.lower.as_str();
    names.iter().any(|name| is_form_of(lower, name))
        || LISTS.first_names.iter().any(|name| is_form_of(lower, name))
        || (word.is_capital && LISTS.also_words.iter().any(|name| is_form_of(lower, name)))
}

/// Whether `word` is `name` in some case form of Ukrainian or Russian.
fn is_form_of(word: &str, name: &str) -> bool {
    if word == name {
        return true;
    }
    let Some(last) = name.chars().next_back() else { return false };
    let stem = &name[..name.len() - last.len_utf8()];
    let (stem, endings): (&str, &[&str]) = match last {
        'а' => (stem, &["и", "і", "у", "ою", "о", "ы", "е", "ой", "ин", "ина"]),
        // Not «и»: «коли» is no form of «Коля» in Ukrainian.
        'я' => (stem, &["і", "ю", "ею", "є", "ї", "єю", "е", "ей"]),
        'о' => (stem, &["а", "у", "ові", "ом", "е", "і"]),
        'й' => (stem, &["я", "ю", "єм", "єві", "ї", "ем", "е"]),
        'ь' => (stem, &["я", "ю", "ем", "еві", "і", "е"]),
        'a'..='z' => (name, &["'s", "s"]),
        _ => (name, &["а", "у", "ові", "ом", "е", "і", "ем", "еві", "я", "ю"]),
    };
    word.strip_prefix(stem).is_some_and(|ending| endings.contains(&ending))
}

/// Whether a word of an answer comes back to what was said before.
pub(super) fn looks_back(word: &Word) -> bool {
    LISTS.looking_back.contains(word.lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_read() {
        let Lists { courtesies, pointing, pointing_stems, looking_back, first_names, also_words } = &*LISTS;
        let lengths = [
            courtesies.len(),
            pointing.len(),
            pointing_stems.len(),
            looking_back.len(),
            first_names.len(),
            also_words.len(),
        ];
        assert!(lengths.iter().all(|length| *length > 10), "{lengths:?}");
        let is_stem = |stem: &&&str| stem.chars().count() < 2;
        assert_eq!(pointing_stems.iter().filter(is_stem).count(), 0, "a stem of one letter points at everything");
    }

    #[test]
    fn names_are_known_in_their_forms_and_plain_words_are_not() {
        let named = |word: &str, name: &str| is_form_of(word, name);
        for (word, name) in [
            ("олю", "оля"),
            ("тарасові", "тарас"),
            ("сергієм", "сергій"),
            ("марією", "марія"),
            ("петре", "петро"),
            ("сашка", "сашко"),
            ("serge's", "serge"),
        ] {
            assert!(named(word, name), "{word}");
        }
        for (word, name) in [("коли", "коля"), ("сонце", "соня"), ("вітамін", "вітя"), ("оливка", "оля"), ("я", "яна")]
        {
            assert!(!named(word, name), "{word}");
        }
    }
}

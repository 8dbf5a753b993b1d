//! A text as words that can be compared: one form for all the ways in which people type the same word.
//!
//! Ukrainian, Russian and surzhyk spell one word in many ways («вмер», «вмєр», «умер»; «память», «пам'ять»), so letters
//! that stand for one another become one: і, ї, ы read as и; є, э, ё as е; ґ as г; apostrophes and stress marks vanish;
//! three or more of a letter are one. Word lists pass through the same mill, so they are written as people write.

use crate::domain::letter::{is_alphanumeric, lowercase};

/// Bytes of an average word and what divides it from the next, in Cyrillic.
const LETTERS: usize = 10;

/// A piece of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// A word, normalised. A `*` in it stands for any one letter, as in a word that hides itself.
    Word(String),
    /// One emoji, without its skin tone.
    Emoji(char),
    /// The end of a sentence or a line.
    End,
}

/// A text, cut up.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Words {
    pub(super) tokens: Vec<Token>,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let mut tokens = Vec::with_capacity(text.len() / LETTERS + 1);
        cut(text, |piece| {
            tokens.push(match piece {
                Piece::Word(word) => Token::Word(word.to_owned()),
                Piece::Emoji(emoji) => Token::Emoji(emoji),
                Piece::End => Token::End,
            });
        });
        Self { tokens }
    }

    /// The words alone, to keep.
    pub(super) fn into_words(self) -> Vec<String> {
        let word = |token| match token {
            Token::Word(word) => Some(word),
            Token::Emoji(_) | Token::End => None,
        };
        self.tokens.into_iter().filter_map(word).collect()
    }

    /// The words alone.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Word(word) => Some(word.as_str()),
            Token::Emoji(_) | Token::End => None,
        })
    }
}

/// Whether any word of a text, normalised, is wanted. Keeps none of them: this is asked of every text that comes in.
pub(super) fn has_word(text: &str, mut is_wanted: impl FnMut(&str) -> bool) -> bool {
    let mut found = false;
    cut(text, |piece| found |= matches!(piece, Piece::Word(word) if !found && is_wanted(word)));
    found
}

/// A [`Token`] on its way.
enum Piece<'a> {
    Word(&'a str),
    Emoji(char),
    End,
}

fn cut(text: &str, take: impl FnMut(Piece<'_>)) {
    let mut cutter = Cutter { take, word: String::new(), normalised: String::new(), may_end: false };
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        cutter.take(letter, letters.peek().copied());
    }
    cutter.end_word();
}

struct Cutter<F> {
    take: F,
    /// The word so far, as it was typed.
    word: String,
    /// Room for its one form.
    normalised: String,
    /// Something came since the last sentence.
    may_end: bool,
}

impl<F: FnMut(Piece<'_>)> Cutter<F> {
    fn take(&mut self, letter: char, next: Option<char>) {
        let continues = next.is_some_and(is_alphanumeric);
        if is_of_word(letter) {
            self.word.push(letter);
        } else if !self.word.is_empty() && continues && (is_hyphen(letter) || letter == '*') {
            self.word.push(if letter == '*' { '*' } else { '-' });
        } else if !self.word.is_empty() && is_apostrophe(letter) {
            // Dropped: «пам'ять» and «память» are one word.
        } else {
            self.end_word();
            match letter {
                '.' | '!' | '?' | '…' | '\n' if self.may_end => {
                    (self.take)(Piece::End);
                    self.may_end = false;
                }
                _ if is_emoji(letter) => {
                    (self.take)(Piece::Emoji(letter));
                    self.may_end = true;
                }
                _ => {}
            }
        }
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        self.normalised.clear();
        normalise(&self.word, &mut self.normalised);
        if !self.normalised.is_empty() {
            (self.take)(Piece::Word(&self.normalised));
            self.may_end = true;
        }
        self.word.clear();
    }
}

/// One form of a word; see the module.
pub(super) fn normalised(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    normalise(word, &mut out);
    out
}

fn normalise(word: &str, out: &mut String) {
    let is_cyrillic = word.chars().any(|letter| ('\u{400}'..='\u{52f}').contains(&letter));
    let (mut run, mut last) = (0, None);
    for letter in word.chars() {
        let letter = if is_cyrillic { cyrillic_twin(letter) } else { letter };
        let letter = lowercase(letter);
        // «й» and «ї» may come as a letter and a mark.
        match (letter, last) {
            ('\u{306}', Some('и')) => {
                out.pop();
                out.push('й');
                last = Some('й');
                continue;
            }
            ('\u{300}'..='\u{36f}', _) => continue,
            // Lists are written with apostrophes; texts have lost theirs.
            _ if is_apostrophe(letter) => continue,
            _ => {}
        }
        let letter = one_of_its_kind(letter);
        run = if last == Some(letter) { run + 1 } else { 1 };
        match run {
            1 | 2 => out.push(letter),
            // Three of a letter are a drawn-out one.
            3 => drop(out.pop()),
            _ => {}
        }
        last = out.chars().next_back();
    }
}

const fn one_of_its_kind(letter: char) -> char {
    match letter {
        'і' | 'ї' | 'ы' => 'и',
        'є' | 'э' | 'ё' => 'е',
        'ґ' => 'г',
        other => other,
    }
}

/// The Cyrillic letter for a Latin one that looks just like it, for words that mix both.
const fn cyrillic_twin(letter: char) -> char {
    match letter {
        'a' | 'A' => 'а',
        'B' => 'в',
        'c' | 'C' => 'с',
        'e' | 'E' => 'е',
        'H' => 'н',
        'i' | 'I' => 'і',
        'k' | 'K' => 'к',
        'm' | 'M' => 'м',
        'o' | 'O' => 'о',
        'p' | 'P' => 'р',
        'T' => 'т',
        'x' | 'X' => 'х',
        'y' | 'Y' => 'у',
        other => other,
    }
}

fn is_of_word(letter: char) -> bool {
    is_alphanumeric(letter) && !is_apostrophe(letter) || ('\u{300}'..='\u{36f}').contains(&letter)
}

const fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '′' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}')
}

const fn is_hyphen(letter: char) -> bool {
    matches!(letter, '-' | '‐' | '‑')
}

const fn is_emoji(letter: char) -> bool {
    // The blocks in which emoji stand; skin tones and variation selectors are left out.
    matches!(letter, '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f300}'..='\u{1faff}')
        && !matches!(letter, '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let token = |token: &Token| match token {
            Token::Word(word) => word.clone(),
            Token::Emoji(emoji) => emoji.to_string(),
            Token::End => "/".to_owned(),
        };
        Words::of(text).tokens.iter().map(token).collect()
    }

    #[test]
    fn the_ways_to_type_a_word_are_one() {
        for same in ["память", "пам'ять", "пам’ять", "ПАМʼЯТЬ", "па\u{301}мять", "пaмять", "паммммять"]
        {
            assert_eq!(normalised(same), normalised("память"), "{same}");
        }
        assert_eq!(normalised("вмєр"), normalised("вмер"));
        assert_eq!(normalised("и\u{306}"), normalised("й"));
        assert_eq!(normalised("и\u{306}"), "й");
        assert_eq!(normalised("і\u{308}жак"), normalised("їжак"));
        assert_eq!(normalised("hello"), "hello", "Latin words stay Latin");
        assert_eq!(normalised("Анна"), "анна", "two of a letter are two");
    }

    #[test]
    fn words_emoji_and_ends_are_told_apart() {
        assert_eq!(
            shown("Ну шо, 👍🏽 їдем?! по-моєму су*цид..."),
            ["ну", "шо", "👍", "идем", "/", "по-моему", "су*цид", "/"]
        );
        assert_eq!(shown(" … - ' * "), [""; 0]);
        assert_eq!(shown("🕯️🕯"), ["🕯", "🕯"]);
    }
}

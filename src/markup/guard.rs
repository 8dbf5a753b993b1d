//! What looks like Markdown but is none in a chat, hidden from the parser.
//!
//! The hidden characters stand as Unicode noncharacters while the text is parsed, and are put back where it is written
//! down. So nothing depends on where the parser finds code: hidden or not, a character comes out as it went in.

use std::borrow::Cow;

/// What can be hidden, each as the noncharacter of its place.
const HIDABLE: [char; 11] = ['*', '_', '~', '|', '<', '>', '&', '[', ']', '`', '\\'];

/// The first of the 32 noncharacters that Unicode keeps for such inner use.
const FIRST: u32 = 0xfdd0;

/// `\|`: a bar that is no mark of a spoiler; in code both characters stay.
const ESCAPED_BAR: char = '\u{fdef}';

fn is_hidden(letter: char) -> bool {
    ('\u{fdd0}'..='\u{fdef}').contains(&letter)
}

fn hidden(letter: char) -> char {
    let place = HIDABLE.iter().zip(FIRST..).find(|(hidable, _)| **hidable == letter);
    place.and_then(|(_, code)| char::from_u32(code)).unwrap_or(letter)
}

/// The text without control characters, its line ends as `\n`.
pub(super) fn clean(text: &str) -> String {
    let is_clean = |letter: char| (!letter.is_control() || letter == '\n') && !is_hidden(letter);
    if text.chars().all(is_clean) {
        return text.to_owned();
    }
    let kept = |letter: char| match letter {
        '\r' => Some('\n'),
        '\t' => Some('\t'),
        _ if is_hidden(letter) => Some(char::REPLACEMENT_CHARACTER),
        _ => is_clean(letter).then_some(letter),
    };
    text.replace("\r\n", "\n").chars().filter_map(kept).collect()
}

/// The text as the parser is to see it.
pub(super) fn guard(text: &str) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive('\n') {
        Line { letters: line.chars().collect(), at: 0, star: None, out: &mut out }.guard();
    }
    out
}

/// The text as it was written.
pub(super) fn reveal(text: &str) -> Cow<'_, str> {
    reveal_with(text, "|")
}

/// As [`reveal`], for code, in which a backslash is itself.
pub(super) fn reveal_code(text: &str) -> Cow<'_, str> {
    reveal_with(text, "\\|")
}

fn reveal_with<'a>(text: &'a str, bar: &str) -> Cow<'a, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            ESCAPED_BAR => out.push_str(bar),
            letter if is_hidden(letter) => out.extend(HIDABLE.get((u32::from(letter) - FIRST) as usize)),
            letter => out.push(letter),
        }
    }
    Cow::Owned(out)
}

/// One line on its way through.
struct Line<'a> {
    letters: Vec<char>,
    at: usize,
    /// The length of the run of stars that may have begun an emphasis on this line.
    star: Option<usize>,
    out: &'a mut String,
}

impl Line<'_> {
    fn guard(mut self) {
        while let Some(letter) = self.letter(self.at) {
            match letter {
                '\\' => self.backslash(),
                '*' => self.stars(),
                '_' => self.underscores(),
                '~' => self.tildes(),
                '<' => self.less(),
                '>' if self.is_face() => self.hide(1),
                '&' if self.is_html_entity() => self.hide(1),
                // A definition would vanish from the text, so there are none: `[1]: https://…` stays a line.
                ']' if self.letter(self.at + 1) == Some(':') => self.hide(1),
                'h' | 'H' if !self.before().is_some_and(char::is_alphanumeric) => self.address(),
                _ => self.keep(1),
            }
        }
    }

    fn letter(&self, at: usize) -> Option<char> {
        self.letters.get(at).copied()
    }

    fn before(&self) -> Option<char> {
        self.at.checked_sub(1).and_then(|at| self.letter(at))
    }

    fn rest(&self) -> &[char] {
        &self.letters[self.at..]
    }

    fn keep(&mut self, count: usize) {
        let end = self.letters.len().min(self.at + count);
        self.out.extend(&self.letters[self.at..end]);
        self.at = end;
    }

    fn hide(&mut self, count: usize) {
        let end = self.letters.len().min(self.at + count);
        self.out.extend(self.letters[self.at..end].iter().map(|letter| hidden(*letter)));
        self.at = end;
    }

    /// How often the letter here is repeated.
    fn run(&self) -> usize {
        let first = self.letter(self.at);
        self.rest().iter().take_while(|letter| Some(**letter) == first).count()
    }

    fn backslash(&mut self) {
        match self.letter(self.at + 1) {
            // ¯\_(ツ)_/¯ keeps its arm.
            _ if self.before() == Some('¯') => self.hide(1),
            Some('|') => {
                self.out.push(ESCAPED_BAR);
                self.at += 2;
            }
            Some(next) if next.is_ascii_punctuation() => self.keep(2),
            _ => self.keep(1),
        }
    }

    /// `2*3*4` and `a*b*c` are products, `*_*` is a face; `*слово*м` is a word in italics with an ending.
    fn stars(&mut self) {
        if self.rest().starts_with(&['*', '_', '*']) {
            return self.hide(3);
        }
        let length = self.run();
        let (before, after) = (self.before(), self.letter(self.at + length));
        let is = |letter: Option<char>, test: fn(char) -> bool| letter.is_some_and(test);
        let between = is(before, char::is_alphanumeric) && is(after, char::is_alphanumeric);
        let between_digits = is(before, char::is_numeric) && is(after, char::is_numeric);
        if between && (between_digits || self.star != Some(length)) {
            return self.hide(length);
        }
        let begins = !is(before, char::is_alphanumeric) && after.is_some_and(|letter| !letter.is_whitespace());
        self.star = begins.then_some(length);
        self.keep(length);
    }

    /// `@_name_`, `#_tag_` and `__init__.py` are names; the parser knows `snake_case` itself.
    fn underscores(&mut self) {
        let length = self.run();
        let after = self.at + length;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let starts_name = matches!(self.before(), Some('@' | '#' | '/'));
        let goes_on = matches!(self.letter(after), Some('.' | '/')) && self.letter(after + 1).is_some_and(is_name);
        if starts_name || goes_on { self.hide(length) } else { self.keep(length) }
    }

    /// Only `~~two~~` strike; `~5` is an approximation.
    fn tildes(&mut self) {
        let length = self.run();
        if length == 1 { self.hide(1) } else { self.keep(length) }
    }

    /// HTML is shown as written; `<https://…>` stays a link, and so does `[…](<…>)`.
    fn less(&mut self) {
        if self.is_autolink() || (self.before() == Some('(') && self.at > 1 && self.letter(self.at - 2) == Some(']')) {
            return self.keep(1);
        }
        let length = self.tag().unwrap_or(1);
        self.hide(length);
    }

    fn is_autolink(&self) -> bool {
        let is_web = starts_with(&self.rest()[1..], "http://") || starts_with(&self.rest()[1..], "https://");
        let end = self.rest()[1..].iter().find(|letter| letter.is_whitespace() || matches!(letter, '<' | '>'));
        is_web && end == Some(&'>')
    }

    /// The length of an HTML tag with attributes, or of a comment: what is in them is no Markdown.
    fn tag(&self) -> Option<usize> {
        let inside = &self.rest()[1..];
        let end = inside.iter().position(|letter| matches!(letter, '<' | '>'))?;
        let is_tag = inside[0].is_ascii_alphabetic() && inside[..end].contains(&'=');
        (inside[end] == '>' && (is_tag || inside[0] == '!')).then_some(end + 2)
    }

    /// `>_<` at the start of a line is a face, not a quote.
    fn is_face(&self) -> bool {
        let is_face = matches!(self.letter(self.at + 1), Some('_' | ':' | '.' | '=' | '<' | ';' | '('));
        is_face && self.letters[..self.at].iter().all(|letter| matches!(letter, ' ' | '>'))
    }

    /// `&amp;` and the like, shown as written.
    fn is_html_entity(&self) -> bool {
        let name: Vec<char> = self.rest()[1..].iter().copied().take(40).take_while(|letter| *letter != ';').collect();
        let is_name = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '#';
        !name.is_empty() && name.iter().all(is_name) && self.letter(self.at + 1 + name.len()) == Some(';')
    }

    /// Underscores, tildes and ampersands inside a bare address belong to it; those at its end may close an emphasis around it.
    fn address(&mut self) {
        if !starts_with(self.rest(), "http://") && !starts_with(self.rest(), "https://") {
            return self.keep(1);
        }
        let is_end = |letter: &char| letter.is_whitespace() || ")]<>\"*|`\\".contains(*letter);
        let length = self.rest().iter().position(is_end).unwrap_or(self.rest().len());
        let tail = self.rest()[..length].iter().rev().take_while(|letter| matches!(letter, '_' | '~')).count();
        let end = self.at + length - tail;
        while self.at < end {
            if matches!(self.letter(self.at), Some('_' | '~' | '&')) { self.hide(1) } else { self.keep(1) }
        }
    }
}

/// In any letter case; the pattern is in lower case.
fn starts_with(letters: &[char], pattern: &str) -> bool {
    let mut letters = letters.iter().map(char::to_ascii_lowercase);
    pattern.chars().all(|letter| letters.next() == Some(letter))
}

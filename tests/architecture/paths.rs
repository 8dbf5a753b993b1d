//! Which top-level modules a source text names. Not a parser of Rust: it knows tokens, paths and the braces of
//! `mod`, which is what import paths need.

use std::collections::BTreeSet;

/// A top-level module that a text names.
#[derive(Debug)]
pub(crate) struct Used {
    /// Its name, `*` for a glob of the crate's root.
    pub(crate) module: String,
    /// Where, from 1.
    pub(crate) line: usize,
}

/// A word or a single punctuation mark; `::` is one token.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Token {
    text: String,
    line: usize,
}

/// The modules below the crate's root that `text`, standing at `module`, names by `crate::`, by `gryag::` or by as many
/// `super::` as lead out of its own; in order.
pub(crate) fn used_modules(text: &str, module: &[String]) -> Vec<Used> {
    // In the library, `gryag` could only be a local name; in main.rs it is the library.
    let is_main = module == ["main"];
    let tokens = tokens(text);
    let mut reader = Reader { tokens: &tokens, at: 0, used: Vec::new() };
    let mut here = module.to_vec();
    // Depths of the braces that `mod name {` opened.
    let (mut depth, mut opened) = (0usize, Vec::new());
    while let Some(token) = reader.next() {
        match token {
            "mod" if reader.peek(1) == Some("{") => {
                here.push(reader.next().unwrap_or_default().to_owned());
                opened.push(depth);
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if opened.last() == Some(&depth) {
                    opened.pop();
                    here.pop();
                }
            }
            "crate" if reader.peek(0) == Some("as") => reader.found("(the whole crate)"),
            "crate" | "super" | "self" => reader.path_from(token, &here),
            "gryag" if is_main => reader.path_from("crate", &here),
            // The rest of a path that began with another crate's or a local name.
            "::" => {
                reader.next();
            }
            _ => {}
        }
    }
    reader.used
}

/// The modules that a text declares, with or without a body.
pub(crate) fn declared_modules(text: &str) -> BTreeSet<String> {
    let tokens = tokens(text);
    let declared = tokens.windows(3).filter(|three| three[0].text == "mod" && [";", "{"].contains(&&*three[2].text));
    declared.map(|three| three[1].text.clone()).collect()
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    used: Vec<Used>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(&token.text)
    }

    fn peek(&self, ahead: usize) -> Option<&'a str> {
        self.tokens.get(self.at + ahead).map(|token| &*token.text)
    }

    fn found(&mut self, module: &str) {
        let line = self.tokens[self.at.saturating_sub(1)].line;
        self.used.push(Used { module: module.to_owned(), line });
    }

    /// Reads on from `first`, which was just taken, as long as it is a path.
    fn path_from(&mut self, first: &str, here: &[String]) {
        let mut base = here.to_vec();
        match first {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            _ => {}
        }
        if self.peek(0) == Some("::") {
            self.next();
            self.tree(base, here);
        }
    }

    /// Reads what follows a `::`: a name, a group or a glob.
    fn tree(&mut self, mut base: Vec<String>, here: &[String]) {
        match self.peek(0) {
            Some("super") => {
                self.next();
                base.pop();
                if self.peek(0) == Some("::") {
                    self.next();
                    self.tree(base, here);
                }
            }
            Some("self") => {
                self.next();
                if self.peek(0) == Some("::") {
                    self.next();
                    self.tree(base, here);
                }
            }
            Some("{") => {
                self.next();
                self.group(&base, here);
            }
            // Turbofish: its arguments are paths of their own.
            Some("<") | None => {}
            Some(name) => {
                self.next();
                let top = base.first().map_or(name, String::as_str).to_owned();
                self.found(&top);
                self.rest();
            }
        }
    }

    /// Reads the parts of a group up to its closing brace.
    fn group(&mut self, base: &[String], here: &[String]) {
        while let Some(token) = self.peek(0) {
            match token {
                "}" => {
                    self.next();
                    return;
                }
                "," => {
                    self.next();
                }
                "as" => {
                    self.next();
                    self.next();
                }
                _ => {
                    let before = self.at;
                    self.tree(base.to_vec(), here);
                    // Whatever this is, it is no import; the scan goes on behind it.
                    self.at = self.at.max(before + 1);
                }
            }
        }
    }

    /// Passes over what follows the first name below the root: it stays in that module, whatever it is.
    fn rest(&mut self) {
        while self.peek(0) == Some("::") && self.peek(1) != Some("<") {
            self.next();
            if self.next() == Some("{") {
                let mut depth = 1;
                while depth > 0
                    && let Some(token) = self.next()
                {
                    depth = match token {
                        "{" => depth + 1,
                        "}" => depth - 1,
                        _ => depth,
                    };
                }
            }
        }
    }
}

/// The text's tokens without comments, strings and characters.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let end = end_of_token(&chars, at).max(at + 1);
        let word: String = chars[at..end.min(chars.len())].iter().collect();
        let is_word = word.starts_with(|first: char| first.is_alphanumeric() || first == '_');
        let is_literal = word.ends_with(['"', '\'', '#']) && word.len() > 1;
        let is_mark = word == "::" || (word.chars().count() == 1 && !word.trim().is_empty());
        if (is_word || is_mark) && !is_literal {
            tokens.push(Token { text: word.clone(), line });
        }
        line += word.matches('\n').count();
        at = end;
    }
    tokens
}

fn end_of_token(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|char| *char == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => at + block_comment(rest),
        ['"', ..] => at + string(rest),
        ['b' | 'c', '"', ..] => at + 1 + string(&rest[1..]),
        ['r', '"' | '#', ..] if raw_string(rest).is_some() => at + raw_string(rest).unwrap_or(1),
        ['b' | 'c', 'r', '"' | '#', ..] if raw_string(&rest[1..]).is_some() => {
            at + 1 + raw_string(&rest[1..]).unwrap_or(1)
        }
        ['r', '#', ..] => at + 2 + word(&rest[2..]),
        ['b', '\'', ..] => at + 1 + character(&rest[1..]),
        ['\'', ..] => at + character(rest),
        [':', ':', ..] => at + 2,
        _ => at + word(rest),
    }
}

fn word(chars: &[char]) -> usize {
    chars.iter().position(|char| !char.is_alphanumeric() && *char != '_').unwrap_or(chars.len())
}

fn block_comment(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < chars.len() {
        match &chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Length of `r"…"` or `r#"…"#`, if it is one.
fn raw_string(chars: &[char]) -> Option<usize> {
    let marks = chars[1..].iter().take_while(|char| **char == '#').count();
    if chars.get(1 + marks) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', marks)).collect();
    let body = &chars[marks + 2..];
    let length = body.windows(end.len()).position(|window| window == end)?;
    Some(marks + 2 + length + end.len())
}

/// Length of a character, or of a lifetime's mark.
fn character(chars: &[char]) -> usize {
    match chars {
        ['\'', '\\', ..] => {
            3 + chars[3.min(chars.len())..].iter().position(|char| *char == '\'').map_or(0, |at| at + 1)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

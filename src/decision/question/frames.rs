//! What questions look like that stand alone: how they begin and what may follow (`frames.txt`). Whatever does not fit one
//! of these shapes is a conversation.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{sections, words::Word};

type Words = Vec<&'static str>;

/// A shape of questions.
#[derive(Debug)]
struct Frame {
    /// At each place one of these words.
    opening: Vec<Words>,
    rest: Rest,
}

/// What follows the opening.
#[derive(Debug)]
enum Rest {
    /// So many words, whichever.
    Words(usize, usize),
    /// So many words, all in lower case.
    Common(usize, usize),
    /// So many words, one of them at least a proper name or in quotation marks.
    Proper(usize, usize),
    /// Words in quotation marks only.
    Quoted,
    /// A sum.
    Sum,
    /// So many words, all but small ones beginning with one of these.
    Of(usize, usize, Words),
    /// Words of which the last one is one of these, and others before it.
    Ending(Words),
    /// Two things with one of these words between.
    Two(Words),
}

/// What `frames.txt` says.
#[derive(Debug)]
struct Shapes {
    small: Words,
    sum: Words,
    vague: Words,
    /// Beginnings of a thing of nature and of what it is like.
    nature: Vec<(Words, Words)>,
    frames: Vec<Frame>,
}

static SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::read(include_str!("frames.txt")).expect("a test reads the frames"));

/// Whether a question has one of the shapes.
pub(super) fn fits(words: &[Word]) -> bool {
    SHAPES.frames.iter().any(|frame| frame.fits(words)) || SHAPES.is_of_nature(words)
}

impl Frame {
    fn fits(&self, words: &[Word]) -> bool {
        let Some((begun, rest)) = words.split_at_checked(self.opening.len()) else { return false };
        let begins = begun.iter().zip(&self.opening).all(|(word, any)| any.contains(&word.lower.as_str()));
        begins && !rest.is_empty() && self.rest.fits(rest)
    }
}

impl Rest {
    fn fits(&self, words: &[Word]) -> bool {
        let counts = |least: &usize, most: &usize| (*least..=*most).contains(&words.len());
        match self {
            Self::Words(least, most) => counts(least, most),
            Self::Common(least, most) => counts(least, most) && !words.iter().any(|word| word.is_capital),
            Self::Proper(least, most) => {
                counts(least, most) && words.iter().any(|word| word.is_capital || word.is_quoted)
            }
            Self::Quoted => words.iter().all(|word| word.is_quoted),
            Self::Sum => is_sum(words),
            Self::Of(least, most, stems) => {
                let is_small = |word: &Word| SHAPES.small.contains(&word.lower.as_str());
                let is_known = |word: &Word| begins(word, stems);
                let fit = words.iter().all(|word| is_small(word) || is_known(word)) && words.iter().any(is_known);
                counts(least, most) && fit
            }
            Self::Ending(last) => {
                words.len() > 1 && words.last().is_some_and(|word| last.contains(&word.lower.as_str()))
            }
            Self::Two(between) => {
                let inner = words.get(1..words.len() - 1).unwrap_or_default();
                let is_vague = |word: &Word| begins(word, &SHAPES.vague);
                words.len() <= TWO_THINGS_MAX
                    && !words.iter().any(is_vague)
                    && inner.iter().any(|word| between.contains(&word.lower.as_str()))
            }
        }
    }
}

/// Words of two things that are compared, with the word between them.
const TWO_THINGS_MAX: usize = 8;

fn begins(word: &Word, stems: &[&str]) -> bool {
    stems.iter().any(|stem| word.lower.starts_with(stem))
}

fn is_sum(words: &[Word]) -> bool {
    let has_digit = |word: &Word| word.lower.contains(|digit: char| digit.is_ascii_digit());
    let is_number =
        |word: &Word| word.lower.chars().all(|digit| digit.is_ascii_digit() || matches!(digit, '-' | 'x' | 'х'));
    let is_of_sum = |word: &Word| is_number(word) || SHAPES.sum.contains(&word.lower.as_str());
    words.iter().any(has_digit) && words.iter().all(is_of_sum)
}

impl Shapes {
    /// Why the sky is blue: what something of nature is like, always.
    fn is_of_nature(&self, words: &[Word]) -> bool {
        let [first, rest @ ..] = words else { return false };
        let skipped = |words: &[Word], any: &[&str]| {
            usize::from(words.first().is_some_and(|word| any.contains(&word.lower.as_str())))
        };
        let rest = &rest[skipped(rest, &["is", "are", "do", "does"])..];
        let rest = &rest[skipped(rest, &["the"])..];
        let [thing, traits @ ..] = rest else { return false };
        ["чому", "почему", "why"].contains(&first.lower.as_str())
            && (1..=2).contains(&traits.len())
            && self
                .nature
                .iter()
                .any(|(things, like)| begins(thing, things) && traits.iter().all(|word| begins(word, like)))
    }

    fn read(file: &'static str) -> Result<Self, &'static str> {
        let sections = sections(file);
        let mut lists: BTreeMap<&str, Words> = BTreeMap::new();
        for (name, lines) in sections.iter().filter(|(name, _)| !["nature", "frames"].contains(name)) {
            lists.insert(name, lines.iter().flat_map(|line| line.split_whitespace()).collect());
        }
        let list = |name: &'static str| lists.get(name).cloned().ok_or(name);
        let lines = |name: &'static str| sections.get(name).ok_or(name);
        Ok(Self {
            small: list("small")?,
            sum: list("sum")?,
            vague: list("vague")?,
            nature: lines("nature")?
                .iter()
                .map(|line| {
                    let (things, like) = line.split_once(" : ").ok_or(*line)?;
                    let words = |side: &'static str| side.split_whitespace().collect::<Words>();
                    Ok::<_, &'static str>((words(things), words(like)))
                })
                .collect::<Result<_, _>>()?,
            frames: lines("frames")?.iter().map(|line| frame(line, &lists).ok_or(*line)).collect::<Result<_, _>>()?,
        })
    }
}

fn frame(line: &'static str, lists: &BTreeMap<&str, Words>) -> Option<Frame> {
    let (opening, rest) = line.split_once(" : ")?;
    let listed = |word: &'static str| match word.strip_prefix('<').and_then(|word| word.strip_suffix('>')) {
        Some(name) => lists.get(name).cloned(),
        None => Some(word.split('|').collect()),
    };
    let opening = opening.split_whitespace().map(listed).collect::<Option<_>>()?;
    let mut rest = rest.split_whitespace();
    let kind = rest.next()?;
    let (mut numbers, mut words) = (Vec::new(), Words::new());
    for word in rest {
        match word.parse() {
            Ok(number) => numbers.push(number),
            Err(_) => words.extend(listed(word)?),
        }
    }
    let rest = match (kind, numbers.as_slice(), words.is_empty()) {
        ("words", [least, most], true) => Rest::Words(*least, *most),
        ("common", [least, most], true) => Rest::Common(*least, *most),
        ("proper", [least, most], true) => Rest::Proper(*least, *most),
        ("quoted", [], true) => Rest::Quoted,
        ("sum", [], true) => Rest::Sum,
        ("of", [least, most], false) => Rest::Of(*least, *most, words),
        ("ending", [], false) => Rest::Ending(words),
        ("two", [], false) => Rest::Two(words),
        _ => return None,
    };
    Some(Frame { opening, rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_are_read_and_a_wrong_one_is_named() {
        let shapes = Shapes::read(include_str!("frames.txt")).unwrap();
        assert!(shapes.frames.len() > 40 && shapes.nature.len() > 10);
        let lists = "[small]\na\n[sum]\n+\n[vague]\nb\n[nature]\nsky : blue\n[frames]\n";
        let file = |frame: &str| -> &'static str { Box::leak(format!("{lists}{frame}\n").into_boxed_str()) };
        assert!(Shapes::read(file("what is : words 1 2")).is_ok());
        for wrong in ["what is", "what is : words", "what is : of 1 2", "what : maybe 1 2", "<nothing> : sum"] {
            assert_eq!(Shapes::read(file(wrong)).unwrap_err(), wrong);
        }
        assert_eq!(Shapes::read("[small]\na\n").unwrap_err(), "sum");
    }
}

//! `||…||`, which Markdown lacks: found among the parser's events, so that code, links and tables stay what they are.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, Tag, TagEnd};

/// An event of the parser, or the edge of a spoiler.
pub(super) enum Piece<'a> {
    Event(Event<'a>, Range<usize>),
    SpoilerStart,
    SpoilerEnd,
}

const MARK: &str = "||";

/// The events with their spoilers. Both marks of one stand in the same paragraph and the same emphasis, else they are
/// text: so a spoiler never overlaps anything in part.
pub(super) fn resolve<'a>(events: impl Iterator<Item = (Event<'a>, Range<usize>)>) -> Vec<Piece<'a>> {
    let mut events = events.peekable();
    let mut resolver = Resolver { pieces: Vec::new(), openers: vec![None], is_code: false };
    while let Some((event, range)) = events.next() {
        match event {
            Event::Text(text) if text.contains(MARK) && !resolver.is_code => {
                let goes_on = matches!(events.peek(), Some((Event::Start(_) | Event::Code(_), _)));
                resolver.text(&text, &range, goes_on);
            }
            event => resolver.event(event, range),
        }
    }
    resolver.pieces
}

struct Resolver<'a> {
    pieces: Vec<Piece<'a>>,
    /// For each open element the place of a mark in it that waits for its other half.
    openers: Vec<Option<usize>>,
    /// A code block is being read.
    is_code: bool,
}

impl<'a> Resolver<'a> {
    fn event(&mut self, event: Event<'a>, range: Range<usize>) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => self.is_code = true,
            Event::End(TagEnd::CodeBlock) => self.is_code = false,
            Event::Start(_) => self.openers.push(None),
            Event::End(_) => drop(self.openers.pop()),
            _ => {}
        }
        self.pieces.push(Piece::Event(event, range));
    }

    /// `goes_on`: more of the same line follows this text.
    fn text(&mut self, text: &str, range: &Range<usize>, goes_on: bool) {
        let mut rest = 0;
        for (at, length) in runs(text).filter(|(_, length)| *length == MARK.len()) {
            self.push_text(&text[rest..at], range);
            rest = at + length;
            let before = text[..at].chars().next_back();
            let after = text[rest..].chars().next();
            let closes = before.map_or_else(|| self.follows_word(), |letter| !letter.is_whitespace());
            let opens = after.map_or(goes_on, |letter| !letter.is_whitespace());
            // `a||b||c` is somebody's condition.
            let between_words = before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
            self.mark(closes, opens && !between_words, range);
        }
        self.push_text(&text[rest..], range);
    }

    /// Whether emphasis, a link or code has just ended.
    fn follows_word(&self) -> bool {
        matches!(self.pieces.last(), Some(Piece::Event(Event::End(_) | Event::Code(_), _)))
    }

    fn mark(&mut self, closes: bool, opens: bool, range: &Range<usize>) {
        let place = self.pieces.len();
        let opener = self.openers.last_mut().expect("the document itself is never popped");
        match opener.take() {
            // Nothing between them: four bars, not a spoiler.
            Some(start) if closes && start + 1 < place => {
                self.pieces[start] = Piece::SpoilerStart;
                self.pieces.push(Piece::SpoilerEnd);
            }
            _ => {
                *opener = opens.then_some(place);
                self.push_text(MARK, range);
            }
        }
    }

    fn push_text(&mut self, text: &str, range: &Range<usize>) {
        if !text.is_empty() {
            self.pieces.push(Piece::Event(Event::Text(CowStr::from(text.to_owned())), range.clone()));
        }
    }
}

/// The runs of bars: where they begin, and their length.
fn runs(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find('|')?;
        let length = text[start..].bytes().take_while(|byte| *byte == b'|').count();
        at = start + length;
        Some((start, length))
    })
}

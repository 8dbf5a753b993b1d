//! Cutting a long text where a reader would.

use std::ops::Range;

use unicode_segmentation::GraphemeCursor;

use crate::domain::EntityKind;

use super::{layout::Layout, sentence};

/// The ranges of the parts: at most `max` UTF-16 units each, cut between paragraphs, else lines, else sentences, else
/// words, else characters. Only white space at the cuts is lost.
pub(super) fn split(layout: &Layout, max: usize) -> Vec<Range<usize>> {
    let cutter = Cutter { text: &layout.text, code: code_of(layout), max };
    let end = layout.text.trim_end().len();
    let mut parts = Vec::new();
    let mut start = cutter.skip_blank(0);
    while start < end {
        let cut = cutter.cut(start, end);
        parts.push(start..cut);
        start = cutter.skip_blank(cut);
    }
    parts
}

/// Where the code blocks are, in their order.
fn code_of(layout: &Layout) -> Vec<Range<usize>> {
    let is_code = |kind: &EntityKind| matches!(kind, EntityKind::Pre { .. });
    layout.spans.iter().filter(|span| is_code(&span.kind)).map(|span| span.range.clone()).collect()
}

/// The places for a cut, the best first, and from which fraction of a part on each is taken: a paragraph is worth a
/// short part, a word is not.
const PLACES: [(Place, usize); 5] =
    [(Place::Paragraph, 4), (Place::Line, 4), (Place::CodeLine, 2), (Place::Sentence, 2), (Place::Word, 2)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Paragraph,
    Line,
    CodeLine,
    Sentence,
    Word,
}

struct Cutter<'a> {
    text: &'a str,
    code: Vec<Range<usize>>,
    max: usize,
}

impl Cutter<'_> {
    /// Where the part that starts here ends.
    fn cut(&self, start: usize, end: usize) -> usize {
        let limit = self.limit(start, end);
        if limit == end {
            return end;
        }
        let last = self.last_places(start, limit);
        let at_least = |fraction: usize| {
            let early = start + (limit - start) / fraction;
            move |cut: &usize| *cut > early
        };
        let good = PLACES.iter().find_map(|(place, fraction)| last[*place as usize].filter(at_least(*fraction)));
        // Rather a short part than a torn word.
        let any = || PLACES.iter().find_map(|(place, _)| last[*place as usize]);
        good.or_else(any).unwrap_or_else(|| self.between_characters(start, limit))
    }

    /// The end of the longest text from here that fits.
    fn limit(&self, start: usize, end: usize) -> usize {
        let mut units = 0;
        let too_long = self.text[start..end].char_indices().find(|(_, letter)| {
            units += letter.len_utf16();
            units > self.max
        });
        too_long.map_or(end, |(at, _)| start + at)
    }

    /// The last place of each kind up to the limit, where the part would end.
    fn last_places(&self, start: usize, limit: usize) -> [Option<usize>; PLACES.len()] {
        let mut last = [None; PLACES.len()];
        let mut at = start;
        while let Some(found) = self.text[at..].find(char::is_whitespace) {
            let gap = at + found;
            if gap > limit {
                break;
            }
            let rest = self.text[gap..].trim_start();
            at = self.text.len() - rest.len();
            if gap > start {
                last[self.place(start, gap..at) as usize] = Some(gap);
            }
        }
        last
    }

    fn place(&self, start: usize, gap: Range<usize>) -> Place {
        let lines = self.text[gap.clone()].bytes().filter(|byte| *byte == b'\n').count();
        match (lines, self.code_at(gap.start)) {
            (1, Some(_)) => Place::CodeLine,
            (0, None) if sentence::ends(&self.text[start..gap.start]) => Place::Sentence,
            (0, _) => Place::Word,
            (1, None) | (_, Some(_)) => Place::Line,
            (_, None) => Place::Paragraph,
        }
    }

    /// The code block that this place is inside of.
    fn code_at(&self, at: usize) -> Option<&Range<usize>> {
        let next = self.code.partition_point(|code| code.end <= at);
        self.code.get(next).filter(|code| code.start < at)
    }

    /// The last place up to the limit that splits nothing that a reader sees as one character.
    fn between_characters(&self, start: usize, limit: usize) -> usize {
        let mut cursor = GraphemeCursor::new(limit, self.text.len(), true);
        let boundary = match cursor.is_boundary(self.text, 0) {
            Ok(true) => Some(limit),
            _ => cursor.prev_boundary(self.text, 0).ok().flatten(),
        };
        let first = self.text[start..].chars().next().map_or(1, char::len_utf8);
        // Some stacks of accents are longer than a part.
        boundary.filter(|at| *at > start).unwrap_or(limit).max(start + first)
    }

    /// Where the text goes on after a cut; in code with the indentation of its line.
    fn skip_blank(&self, at: usize) -> usize {
        let next = self.text.len() - self.text[at..].trim_start().len();
        let newline = self.text[at..next].rfind('\n').map(|newline| at + newline + 1);
        let line = newline.unwrap_or(if at == 0 { 0 } else { next });
        let code = self.code.partition_point(|code| code.end <= next);
        match self.code.get(code) {
            Some(code) if code.start <= next => line.max(code.start).min(next),
            _ => next,
        }
    }
}

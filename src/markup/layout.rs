//! The whole answer before it is cut: its text, what formats it, and the hand that writes both.

use std::ops::Range;

use crate::domain::EntityKind;

/// A text with its formatting. Spans lie inside each other or apart, never across; they may have white space at their
/// edges.
#[derive(Default, Debug)]
pub(super) struct Layout {
    pub(super) text: String,
    pub(super) spans: Vec<Span>,
}

/// A formatted stretch of a [`Layout`], in bytes.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) kind: EntityKind,
    pub(super) range: Range<usize>,
}

/// Writes a [`Layout`] from its beginning to its end.
#[derive(Default)]
pub(super) struct Writer {
    page: Layout,
    open: Vec<Open>,
    /// Line breaks due before the next word: 1 ends a line, 2 a paragraph.
    due: Option<usize>,
    /// What a new line begins with: the indentation of lists, the marks of inner quotes.
    pub(super) margin: String,
}

struct Open {
    /// Nothing where Telegram allows no entity: inside one of the same kind, or for a link that leads nowhere.
    kind: Option<EntityKind>,
    start: usize,
}

impl Writer {
    pub(super) fn write(&mut self, text: &str) {
        if !text.is_empty() {
            self.catch_up();
            self.page.text.push_str(text);
        }
    }

    /// Asks for at least so many line breaks before whatever is written next.
    pub(super) fn break_lines(&mut self, count: usize) {
        self.due = self.due.max(Some(count));
    }

    /// A line break inside a paragraph.
    pub(super) fn end_line(&mut self) {
        self.page.text.push('\n');
        self.page.text.push_str(&self.margin);
    }

    /// Replaces the end of the text by another of the same length.
    pub(super) fn amend(&mut self, end: &str, by: &str) -> bool {
        debug_assert_eq!(end.len(), by.len(), "spans would lie elsewhere");
        let ends_so = self.page.text.ends_with(end);
        if ends_so {
            self.page.text.truncate(self.page.text.len() - end.len());
            self.page.text.push_str(by);
        }
        ends_so
    }

    pub(super) fn open(&mut self, kind: Option<EntityKind>) {
        let kind = kind.filter(|kind| !self.is_inside(|open| open == kind));
        self.open.push(Open { kind, start: self.page.text.len() });
    }

    /// Ends what was opened last.
    pub(super) fn close(&mut self) {
        if let Some(Open { kind: Some(kind), start }) = self.open.pop() {
            self.page.spans.push(Span { kind, range: start..self.page.text.len() });
        }
    }

    /// Ends what was opened last as if it had not been.
    pub(super) fn forget(&mut self) {
        self.open.pop();
    }

    /// What has been written since the last opening.
    pub(super) fn since_open(&self) -> &str {
        self.open.last().map_or("", |open| &self.page.text[open.start..])
    }

    pub(super) fn is_inside(&self, test: impl Fn(&EntityKind) -> bool) -> bool {
        self.open.iter().filter_map(|open| open.kind.as_ref()).any(test)
    }

    /// Code, which Telegram lets neither contain a style nor lie in one: bold ends before it and goes on after it. In a
    /// link the link is worth more than the code.
    pub(super) fn write_code(&mut self, kind: EntityKind, code: &str) {
        if self.is_inside(|kind| matches!(kind, EntityKind::TextLink { .. })) {
            return self.write(code);
        }
        self.catch_up();
        let start = self.page.text.len();
        self.page.text.push_str(code);
        let end = self.page.text.len();
        for open in self.open.iter_mut().rev() {
            if let Some(style) = open.kind.as_ref().filter(|kind| !matches!(kind, EntityKind::Blockquote)) {
                self.page.spans.push(Span { kind: style.clone(), range: open.start..start });
                open.start = end;
            }
        }
        self.page.spans.push(Span { kind, range: start..end });
    }

    /// Another text with its spans. Styles that are open here must not be open there.
    pub(super) fn append(&mut self, other: Layout) {
        self.catch_up();
        let start = self.page.text.len();
        self.page.text.push_str(&other.text);
        let moved = |span: Span| Span { range: span.range.start + start..span.range.end + start, ..span };
        self.page.spans.extend(other.spans.into_iter().map(moved));
    }

    pub(super) fn finish(mut self) -> Layout {
        while !self.open.is_empty() {
            self.close();
        }
        self.page
    }

    /// Writes the line breaks that are due. What was opened before them begins after them, a quote before its margin.
    fn catch_up(&mut self) {
        let Some(count) = self.due.take() else { return };
        let before = self.page.text.len();
        if before > 0 {
            self.page.text.extend(std::iter::repeat_n('\n', count));
        }
        let line = self.page.text.len();
        self.page.text.push_str(&self.margin);
        for open in self.open.iter_mut().rev().take_while(|open| open.start == before) {
            let is_quote = open.kind == Some(EntityKind::Blockquote);
            open.start = if is_quote { line } else { self.page.text.len() };
        }
    }
}

//! The events of the Markdown parser, written down as they look in a chat.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use crate::domain::EntityKind;

use super::{
    guard::{guard, reveal, reveal_code},
    is_blank,
    layout::{Layout, Writer},
    link,
    spoiler::{self, Piece},
    table::Table,
};

/// Footnotes, mathematics, clever quotation marks and the rest stay as written.
const OPTIONS: Options = Options::ENABLE_STRIKETHROUGH.union(Options::ENABLE_TABLES).union(Options::ENABLE_TASKLISTS);

/// A rule across the page.
const RULE: &str = "———";

/// The indentation of an inner list: a tab would come out as one space.
const INDENT: &str = "    ";

/// So many levels are indented or marked; deeper ones would only leave no room.
const DEPTH_MAX: usize = 5;

/// The longest line indentation that is kept in a paragraph.
const OWN_INDENT_MAX: usize = 12;

/// The whole answer as text and spans.
pub(super) fn compose(text: &str) -> Layout {
    let source = guard(text);
    let events = TextMergeWithOffset::new(Parser::new_ext(&source, OPTIONS).into_offset_iter());
    let mut composer = Composer::new(&source);
    for piece in spoiler::resolve(events) {
        composer.piece(piece);
    }
    composer.page.finish()
}

struct Composer<'a> {
    source: &'a str,
    page: Writer,
    /// How many list items and quotes are open.
    items: usize,
    quotes: usize,
    /// Where the last block began, and whether an empty line stands before its line.
    last_block: (usize, bool),
    lists: Vec<Numbering>,
    /// A list item has begun; what comes next stands beside its mark.
    is_fresh: bool,
    /// A code block that is being read: its language and text.
    code: Option<(Option<String>, String)>,
    /// Where the links lead that are open, and the pictures.
    destinations: Vec<String>,
    table: Option<TableDraft>,
}

/// The numbers of a list: as written, but `1. 1. 1.` counts.
#[derive(Default)]
struct Numbering {
    written: String,
    repeats: u64,
}

/// A table that is being read.
struct TableDraft {
    table: Table,
    /// The page, while a cell is written.
    outer: Writer,
    /// Where the last cell ended in the source.
    cell_end: usize,
    /// Lines after the table, which Markdown takes for rows.
    after: Vec<Layout>,
}

impl<'a> Composer<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            page: Writer::default(),
            items: 0,
            quotes: 0,
            last_block: (0, false),
            lists: Vec::new(),
            is_fresh: false,
            code: None,
            destinations: Vec::new(),
            table: None,
        }
    }

    fn piece(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::SpoilerStart => self.page.open(Some(EntityKind::Spoiler)),
            Piece::SpoilerEnd => self.page.close(),
            Piece::Event(Event::Start(tag), range) => self.start(tag, range),
            Piece::Event(Event::End(tag), range) => self.end(tag, range),
            Piece::Event(event, range) => self.inline(event, range),
        }
    }

    fn inline(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&reveal_code(&text)),
                None => self.write(&reveal(&text)),
            },
            Event::Code(code) if self.table.is_some() => self.write_code(EntityKind::Code, &reveal(&code)),
            Event::Code(code) => self.write_code(EntityKind::Code, &reveal_code(&code)),
            Event::SoftBreak | Event::HardBreak => self.end_line(range),
            Event::Rule => {
                self.begin_block(range.start);
                self.write(RULE);
                self.page.break_lines(1);
            }
            Event::TaskListMarker(is_done) => {
                let mark = if is_done { "☑ " } else { "☐ " };
                if !self.page.amend("• ", mark) {
                    self.page.write(mark);
                }
            }
            Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.write(&reveal(&text)),
            Event::Start(_) | Event::End(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.begin_block(range.start),
            Tag::Heading { .. } => {
                self.begin_block(range.start);
                let is_bold = !self.is_underlined_by_rule(&range);
                self.page.open(is_bold.then_some(EntityKind::Bold));
            }
            Tag::BlockQuote(_) => self.start_quote(range.start),
            Tag::CodeBlock(kind) => {
                self.begin_block(range.start);
                self.code = Some(opened_code(&kind));
            }
            Tag::List(_) => self.lists.push(Numbering::default()),
            Tag::Item => self.start_item(range.start),
            Tag::Table(alignments) => {
                self.begin_block(range.start);
                self.table = Some(TableDraft::new(Table { alignments, rows: Vec::new() }));
            }
            Tag::TableHead | Tag::TableRow => self.with_table(|table, _| table.start_row(range.start)),
            Tag::TableCell => self.with_table(TableDraft::start_cell),
            Tag::Emphasis => self.page.open(Some(EntityKind::Italic)),
            Tag::Strong => self.page.open(Some(self.strong(range.start))),
            Tag::Strikethrough => self.page.open(Some(EntityKind::Strikethrough)),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.start_link(&reveal(&dest_url)),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Heading(_) => {
                self.page.close();
                self.page.break_lines(1);
                if self.is_underlined_by_rule(&range) {
                    self.write(RULE);
                    self.page.break_lines(1);
                }
            }
            TagEnd::BlockQuote(_) => self.end_quote(),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.page.break_lines(1);
            }
            TagEnd::Item => {
                self.is_fresh = false;
                self.items -= 1;
                self.set_margin();
            }
            TagEnd::Table => self.end_table(),
            TagEnd::TableHead | TagEnd::TableRow => {
                let source = self.source;
                self.with_table(|table, _| table.end_row(source, range));
            }
            TagEnd::TableCell => self.with_table(|table, page| table.end_cell(page, range.end)),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => self.page.close(),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    /// Markdown has two ways to write bold and none to underline; in Telegram's own markup `__…__` underlines.
    fn strong(&self, start: usize) -> EntityKind {
        let is_underlined = self.source.get(start..).is_some_and(|text| text.starts_with('_'));
        if is_underlined { EntityKind::Underline } else { EntityKind::Bold }
    }

    fn write(&mut self, text: &str) {
        self.is_fresh &= text.is_empty();
        self.page.write(text);
    }

    fn write_code(&mut self, kind: EntityKind, code: &str) {
        self.is_fresh = false;
        self.page.write_code(kind, code);
    }

    /// A block begins on a line of its own, after an empty one where the source has one.
    fn begin_block(&mut self, start: usize) {
        if std::mem::take(&mut self.is_fresh) {
            return;
        }
        // Only what is new is looked through: thousands of blocks may begin on one line.
        let (last, mut is_apart) = self.last_block;
        if let Some(line) = self.source.get(last..start).and_then(|between| between.rfind('\n')) {
            let previous = self.source[..last + line].rsplit('\n').next().unwrap_or_default();
            is_apart = previous.chars().all(|letter| letter.is_whitespace() || letter == '>');
        }
        self.last_block = (start.max(last), is_apart);
        self.page.break_lines(if is_apart { 2 } else { 1 });
    }

    /// A line break stays one: this is a chat. The indentation of the next line stays where no list gives it another.
    fn end_line(&mut self, range: Range<usize>) {
        self.page.end_line();
        if self.items + self.quotes == 0 {
            let next = self.source[range.start..].split_once('\n').map_or("", |(_, next)| next);
            let indent = next.chars().take_while(|letter| *letter == ' ').take(OWN_INDENT_MAX);
            self.page.write(&indent.collect::<String>());
        }
    }

    /// `text`, and `---` right under it: Markdown's heading, but a model means a rule.
    fn is_underlined_by_rule(&self, range: &Range<usize>) -> bool {
        let heading = &self.source[range.clone()];
        !heading.starts_with('#') && heading.trim_end().ends_with('-')
    }

    fn start_quote(&mut self, start: usize) {
        self.begin_block(start);
        self.page.open((self.quotes == 0).then_some(EntityKind::Blockquote));
        self.quotes += 1;
        self.set_margin();
    }

    fn end_quote(&mut self) {
        self.quotes -= 1;
        self.set_margin();
        self.page.close();
        self.page.break_lines(1);
    }

    fn start_item(&mut self, start: usize) {
        self.begin_block(start);
        let written: String = self.source[start..].chars().take_while(char::is_ascii_digit).collect();
        let delimiter = self.source[start + written.len()..].chars().next().unwrap_or('.');
        let mark = match self.lists.last_mut() {
            Some(list) if !written.is_empty() => format!("{}{delimiter} ", list.next(written)),
            _ => "• ".to_owned(),
        };
        self.page.write(&mark);
        self.items += 1;
        self.set_margin();
        self.is_fresh = true;
    }

    /// What a line begins with here. The outermost quote is an entity and needs no mark.
    fn set_margin(&mut self) {
        let marks = self.quotes.saturating_sub(1).min(DEPTH_MAX);
        self.page.margin = INDENT.repeat(self.items.min(DEPTH_MAX)) + &"> ".repeat(marks);
    }

    fn end_code(&mut self) {
        let Some((language, code)) = self.code.take() else { return };
        let code = code.trim_end().replace('\t', INDENT);
        let first = code.len() - code.trim_start().len();
        let code = &code[code[..first].rfind('\n').map_or(0, |at| at + 1)..];
        match language {
            // ```` ```слово ``` ````: the model meant a word, not a language.
            Some(language) if is_blank(code) => self.write_code(EntityKind::Pre { language: None }, &language),
            _ if is_blank(code) => {}
            language => {
                // Code is copied: no margin in front of it.
                let margin = std::mem::take(&mut self.page.margin);
                self.write_code(EntityKind::Pre { language }, code);
                self.page.margin = margin;
            }
        }
        self.page.break_lines(1);
    }

    fn start_link(&mut self, destination: &str) {
        let is_inside = self.page.is_inside(|kind| matches!(kind, EntityKind::TextLink { .. }));
        let url = link::web_address(destination).filter(|_| !is_inside);
        self.page.open(url.map(|url| EntityKind::TextLink { url }));
        self.destinations.push(destination.to_owned());
    }

    fn end_link(&mut self) {
        let destination = self.destinations.pop().unwrap_or_default();
        let label = self.page.since_open().to_owned();
        let is_outer = !self.destinations.iter().any(|outer| link::web_address(outer).is_some());
        if let Some(address) = link::web_address(&destination).filter(|address| is_blank(&label) || *address == label) {
            // A bare address: Telegram makes it a link itself.
            self.page.forget();
            if is_blank(&label) && is_outer {
                self.write(&address);
            }
            return;
        }
        self.page.close();
        if let Some(address) = link::mail_address(&destination).filter(|address| !label.contains(address)) {
            self.write(&format!(" ({address})"));
        }
    }

    fn with_table(&mut self, change: impl FnOnce(&mut TableDraft, &mut Writer)) {
        if let Some(table) = &mut self.table {
            change(table, &mut self.page);
        }
    }

    fn end_table(&mut self) {
        let Some(draft) = self.table.take() else { return };
        self.is_fresh = false;
        draft.table.write(&mut self.page);
        for line in draft.after {
            self.page.break_lines(1);
            self.page.append(line);
        }
        self.page.break_lines(1);
    }
}

impl Numbering {
    fn next(&mut self, written: String) -> String {
        if written != self.written {
            *self = Self { written, repeats: 0 };
            return self.written.clone();
        }
        self.repeats += 1;
        let number = self.written.parse().unwrap_or(0u64).saturating_add(self.repeats);
        number.to_string()
    }
}

impl TableDraft {
    fn new(table: Table) -> Self {
        Self { table, outer: Writer::default(), cell_end: 0, after: Vec::new() }
    }

    fn start_row(&mut self, start: usize) {
        self.table.rows.push(Vec::new());
        self.cell_end = start;
    }

    /// A cell is written on a page of its own.
    fn start_cell(&mut self, page: &mut Writer) {
        self.outer = std::mem::take(page);
    }

    fn end_cell(&mut self, page: &mut Writer, end: usize) {
        let cell = std::mem::replace(page, std::mem::take(&mut self.outer)).finish();
        if let Some(row) = self.table.rows.last_mut() {
            row.push(cell);
        }
        self.cell_end = end;
    }

    /// Markdown drops cells that have no header; here they stay with the last one. And it takes any line under a table
    /// for a row; here a row has a bar.
    fn end_row(&mut self, source: &str, range: Range<usize>) {
        let Some(mut row) = self.table.rows.pop() else { return };
        let left = source.get(self.cell_end..range.end).unwrap_or_default();
        let left = left.trim_matches(|letter: char| letter == '|' || letter.is_whitespace());
        if let Some(cell) = row.last_mut().filter(|_| !left.is_empty()) {
            cell.text.push_str(" | ");
            cell.text.push_str(&reveal(left));
        }
        let is_line = !self.table.rows.is_empty() && !source[range].contains('|');
        if is_line {
            self.after.extend(row.into_iter().next());
        } else {
            self.table.rows.push(row);
        }
    }
}

/// The language of a code block, and what else its first line says, which is better shown than lost.
fn opened_code(kind: &CodeBlockKind<'_>) -> (Option<String>, String) {
    let CodeBlockKind::Fenced(info) = kind else { return (None, String::new()) };
    let info = reveal_code(info.trim());
    let (first, rest) = info.split_once([' ', ',', '\t']).unwrap_or((&info, ""));
    let is_language = |letter: char| letter.is_ascii_alphanumeric() || "+#-_.".contains(letter);
    let line = |text: &str| if text.trim().is_empty() { String::new() } else { format!("{}\n", text.trim()) };
    if !first.is_empty() && first.len() <= 32 && first.chars().all(is_language) {
        (Some(first.to_owned()), line(rest))
    } else {
        (None, line(&info))
    }
}

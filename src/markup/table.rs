//! Tables, which Telegram lacks: columns of equal width where a phone can show them, else a line for each cell.

use pulldown_cmark::Alignment;
use unicode_segmentation::UnicodeSegmentation;

use crate::domain::EntityKind;

use super::layout::{Layout, Writer};

/// How many characters of code fit beside each other in a bubble on a small phone.
const WIDTH_MAX: usize = 34;

/// Between two columns.
const GAP: usize = 2;

/// A table as it was read, the header first.
#[derive(Default)]
pub(super) struct Table {
    pub(super) alignments: Vec<Alignment>,
    pub(super) rows: Vec<Vec<Layout>>,
}

impl Table {
    pub(super) fn write(self, writer: &mut Writer) {
        if self.rows.iter().all(|row| row.iter().all(|cell| cell.text.trim().is_empty())) {
            return;
        }
        match self.columns() {
            Some(widths) => writer.write_code(EntityKind::Pre { language: None }, &self.aligned(&widths)),
            None => self.write_lines(writer),
        }
    }

    /// The widths of the columns, if the table fits. A link would be lost in code.
    fn columns(&self) -> Option<Vec<usize>> {
        let count = self.rows.iter().map(Vec::len).max()?;
        let mut widths = vec![0; count];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = width_of(&cell.text).max(*width);
            }
        }
        let has_link = |cell: &Layout| cell.spans.iter().any(|span| matches!(span.kind, EntityKind::TextLink { .. }));
        let fits = widths.iter().sum::<usize>() + GAP * (count - 1) <= WIDTH_MAX;
        (fits && !self.rows.iter().flatten().any(has_link)).then_some(widths)
    }

    fn aligned(&self, widths: &[usize]) -> String {
        let mut lines: Vec<String> = self.rows.iter().map(|row| self.line(row, widths)).collect();
        lines.insert(1, "─".repeat(widths.iter().sum::<usize>() + GAP * (widths.len() - 1)));
        lines.join("\n")
    }

    fn line(&self, row: &[Layout], widths: &[usize]) -> String {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(at, (cell, width))| {
                let space = width - width_of(&cell.text);
                let left = match self.alignments.get(at) {
                    Some(Alignment::Right) => space,
                    Some(Alignment::Center) => space / 2,
                    _ => 0,
                };
                format!("{}{}{}", " ".repeat(left), cell.text, " ".repeat(space - left))
            })
            .collect();
        cells.join(&" ".repeat(GAP)).trim_end().to_owned()
    }

    /// `head: cell` on a line each, a paragraph for each row. Empty cells show in the first row only, so that every head
    /// shows once and a table of nothing stays small.
    fn write_lines(self, writer: &mut Writer) {
        let mut rows = self.rows.into_iter();
        let head = rows.next().unwrap_or_default();
        if rows.len() == 0 {
            let names: Vec<&str> = head.iter().map(|cell| cell.text.as_str()).collect();
            return writer.write(&names.join(" | "));
        }
        for (number, row) in rows.enumerate() {
            let named = row.into_iter().zip(&head).enumerate();
            for (at, (cell, head)) in named.filter(|(_, (cell, _))| number == 0 || !cell.text.is_empty()) {
                write_cell(writer, &head.text, cell, at == 0);
                writer.break_lines(1);
            }
            writer.break_lines(2);
        }
    }
}

fn write_cell(writer: &mut Writer, name: &str, cell: Layout, is_first: bool) {
    if !name.is_empty() {
        writer.write(&format!("{name}: "));
    }
    // The first cell says what its row is about.
    let is_subject = is_first && cell.spans.is_empty();
    match (name.is_empty(), cell.text.is_empty()) {
        (true, true) => {}
        (false, true) => writer.write("—"),
        _ if is_subject => {
            writer.open(Some(EntityKind::Bold));
            writer.append(cell);
            writer.close();
        }
        _ => writer.append(cell),
    }
}

/// How many columns a text takes in a font of fixed width; emoji and hieroglyphs take two.
fn width_of(text: &str) -> usize {
    let is_wide = |letter: char| {
        matches!(letter, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f000}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
    };
    text.graphemes(true).map(|grapheme| if grapheme.starts_with(is_wide) { 2 } else { 1 }).sum()
}

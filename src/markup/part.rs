//! One part of the answer, with its share of the entities in Telegram's units.

use std::{cmp::Reverse, ops::Range};

use crate::domain::{Entity, EntityKind, RichText};

use super::{
    ENTITIES_MAX, is_blank,
    layout::{Layout, Span},
};

/// The text in this range; nothing if it is blank.
pub(super) fn part(layout: &Layout, range: Range<usize>) -> Option<RichText> {
    let text = &layout.text[range.clone()];
    if is_blank(text) {
        return None;
    }
    // Spans are noted where they end, so that of two around the same text the outer one comes later.
    let mut spans: Vec<Span> = layout.spans.iter().rev().filter_map(|span| share(span, &range, text)).collect();
    include_indented_code(&mut spans);
    // The outer before the inner: a client that stops reading at some entity stops at a whole one.
    spans.sort_by_key(|span| (span.range.start, Reverse(span.range.end)));
    spans.truncate(ENTITIES_MAX);
    Some(RichText { text: text.to_owned(), entities: in_units(text, spans) })
}

/// What of a span lies in the range, counted from its start, without white space at its edges.
fn share(span: &Span, range: &Range<usize>, text: &str) -> Option<Span> {
    let start = span.range.start.max(range.start);
    let end = span.range.end.min(range.end);
    let inside = layout_slice(text, start.checked_sub(range.start)?, end.checked_sub(range.start)?)?;
    if is_blank(inside) {
        return None;
    }
    let trimmed = inside.trim_end();
    let mut skipped = trimmed.len() - trimmed.trim_start().len();
    if matches!(span.kind, EntityKind::Pre { .. }) {
        // The indentation of its first line is part of the code.
        skipped = trimmed[..skipped].rfind('\n').map_or(0, |at| at + 1);
    }
    let start = start - range.start;
    Some(Span { kind: span.kind.clone(), range: start + skipped..start + trimmed.len() })
}

fn layout_slice(text: &str, start: usize, end: usize) -> Option<&str> {
    if start < end { text.get(start..end) } else { None }
}

/// Where a quote begins with indented code, it begins where the code does: entities must not overlap in part.
fn include_indented_code(spans: &mut [Span]) {
    let is_code = |span: &&Span| matches!(span.kind, EntityKind::Pre { .. });
    let mut code: Vec<Range<usize>> = spans.iter().filter(is_code).map(|span| span.range.clone()).collect();
    code.sort_by_key(|code| code.start);
    for quote in spans.iter_mut().filter(|span| span.kind == EntityKind::Blockquote) {
        let first = code.partition_point(|code| code.end <= quote.range.start);
        if let Some(code) = code.get(first) {
            quote.range.start = quote.range.start.min(code.start);
        }
    }
}

/// Bytes to UTF-16 units. The spans come by their start, so that the text is counted through once.
fn in_units(text: &str, spans: Vec<Span>) -> Vec<Entity> {
    let mut counted = 0;
    let mut offset = 0;
    spans
        .into_iter()
        .map(|Span { kind, range }| {
            offset += units(&text[counted..range.start]);
            counted = range.start;
            Entity { kind, offset, length: units(&text[range]) }
        })
        .collect()
}

/// The length of a part in UTF-16 units.
fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).expect("a part has at most 4096 units")
}

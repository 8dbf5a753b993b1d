//! What every rendered part must be, and the tables of what it is.

mod examples;
mod lengths;
mod properties;
mod sentences;

use crate::domain::{EntityKind, RichText};

use super::{ENTITIES_MAX, is_blank};

/// A part as one line of text: each entity as `<kind>…</kind>`, so that an example can be read.
fn show(part: &RichText) -> String {
    let units: Vec<u16> = part.text.encode_utf16().collect();
    let mut out = String::new();
    let text = |range: std::ops::Range<usize>| String::from_utf16(&units[range]).expect("no entity splits a character");
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    for entity in &part.entities {
        let start = entity.offset as usize;
        while let Some((end, name)) = open.pop_if(|(end, _)| *end <= start) {
            out += &format!("{}</{name}>", text(at..end));
            at = end;
        }
        let (name, detail) = name_of(&entity.kind);
        out += &format!("{}<{name}{detail}>", text(at..start));
        at = start;
        open.push((start + entity.length as usize, name.to_owned()));
    }
    while let Some((end, name)) = open.pop() {
        out += &format!("{}</{name}>", text(at..end));
        at = end;
    }
    out + &text(at..units.len())
}

fn name_of(kind: &EntityKind) -> (&'static str, String) {
    let name = match kind {
        EntityKind::Bold => "b",
        EntityKind::Italic => "i",
        EntityKind::Underline => "u",
        EntityKind::Strikethrough => "s",
        EntityKind::Spoiler => "spoiler",
        EntityKind::Code => "code",
        EntityKind::Blockquote => "quote",
        EntityKind::Pre { language } => {
            return ("pre", language.as_ref().map(|language| format!(" {language}")).unwrap_or_default());
        }
        EntityKind::TextLink { url } => return ("a", format!(" {url}")),
    };
    (name, String::new())
}

/// Everything that Telegram asks of a message; says what is wrong.
fn check(part: &RichText, max: usize) -> Result<(), String> {
    let units: Vec<u16> = part.text.encode_utf16().collect();
    if units.len() > max {
        return Err(format!("{} units", units.len()));
    }
    if is_blank(&part.text) {
        return Err("blank".to_owned());
    }
    if part.entities.len() > ENTITIES_MAX {
        return Err(format!("{} entities", part.entities.len()));
    }
    let mut outer: Vec<(usize, &EntityKind)> = Vec::new();
    for entity in &part.entities {
        let start = entity.offset as usize;
        let end = start + entity.length as usize;
        let inside = units.get(start..end).ok_or("outside the text")?;
        let inside = String::from_utf16(inside).map_err(|_| "inside a surrogate pair")?;
        check_edges(&entity.kind, &inside)?;
        while outer.pop_if(|(end, _)| *end <= start).is_some() {}
        if outer.iter().any(|(outer_end, _)| end > *outer_end) {
            return Err(format!("{:?} overlaps in part", entity.kind));
        }
        if let Some((_, kind)) = outer.iter().find(|(_, kind)| !may_contain(kind, &entity.kind)) {
            return Err(format!("{kind:?} contains {:?}", entity.kind));
        }
        outer.push((end, &entity.kind));
    }
    Ok(())
}

fn check_edges(kind: &EntityKind, inside: &str) -> Result<(), String> {
    let is_code = matches!(kind, EntityKind::Pre { .. });
    // A quote may begin with code, and code with its indentation.
    let is_indented = is_code || *kind == EntityKind::Blockquote;
    let begins_well = if is_indented { !inside.starts_with('\n') } else { inside.trim_start() == inside };
    let ends_well = inside.trim_end() == inside;
    if is_blank(inside) || !begins_well || !ends_well {
        return Err(format!("{kind:?} around {inside:?}"));
    }
    Ok(())
}

/// Telegram's rules: code contains nothing and lies in nothing but a quote; nothing lies in its own kind.
fn may_contain(outer: &EntityKind, inner: &EntityKind) -> bool {
    let is_code = |kind: &EntityKind| matches!(kind, EntityKind::Pre { .. } | EntityKind::Code);
    let is_link = |kind: &EntityKind| matches!(kind, EntityKind::TextLink { .. });
    let is_same = std::mem::discriminant(outer) == std::mem::discriminant(inner);
    let is_quote = *outer == EntityKind::Blockquote;
    let is_alone = is_code(inner) && !is_quote || is_link(outer) && *inner == EntityKind::Blockquote;
    !(is_code(outer) || is_same || is_alone)
}

//! Formatting and buttons as they stand in a row: JSON, so that no column depends on what Telegram formats next year.

use serde::{Deserialize, Serialize};

use crate::domain::{Button, Buttons, Entity, EntityKind};

/// An entity as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredEntity<'a> {
    kind: &'a str,
    offset: u32,
    length: u32,
    /// A link's address or a code block's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

pub(super) fn stored_entities(entities: &[Entity]) -> String {
    let stored: Vec<StoredEntity<'_>> = entities
        .iter()
        .map(|entity| {
            let (kind, detail) = match &entity.kind {
                EntityKind::Bold => ("bold", None),
                EntityKind::Italic => ("italic", None),
                EntityKind::Underline => ("underline", None),
                EntityKind::Strikethrough => ("strikethrough", None),
                EntityKind::Spoiler => ("spoiler", None),
                EntityKind::Code => ("code", None),
                EntityKind::Pre { language } => ("pre", language.clone()),
                EntityKind::TextLink { url } => ("text_link", Some(url.clone())),
                EntityKind::Blockquote => ("blockquote", None),
            };
            StoredEntity { kind, offset: entity.offset, length: entity.length, detail }
        })
        .collect();
    serde_json::json!(stored).to_string()
}

pub(super) fn read_entities(stored: &str) -> Vec<Entity> {
    let stored: Vec<StoredEntity<'_>> = serde_json::from_str(stored).unwrap_or_default();
    stored
        .into_iter()
        .filter_map(|entity| {
            let kind = match entity.kind {
                "bold" => EntityKind::Bold,
                "italic" => EntityKind::Italic,
                "underline" => EntityKind::Underline,
                "strikethrough" => EntityKind::Strikethrough,
                "spoiler" => EntityKind::Spoiler,
                "code" => EntityKind::Code,
                "pre" => EntityKind::Pre { language: entity.detail },
                "text_link" => EntityKind::TextLink { url: entity.detail? },
                "blockquote" => EntityKind::Blockquote,
                _ => return None,
            };
            Some(Entity { kind, offset: entity.offset, length: entity.length })
        })
        .collect()
}

/// Rows of pairs: what a button shows, what comes back when it is pressed.
pub(super) fn stored_buttons(buttons: &Buttons) -> String {
    let rows = buttons.iter().map(|row| row.iter().map(|button| (&button.text, &button.data)).collect::<Vec<_>>());
    serde_json::json!(rows.collect::<Vec<_>>()).to_string()
}

pub(super) fn read_buttons(stored: &str) -> Buttons {
    let rows: Vec<Vec<(String, String)>> = serde_json::from_str(stored).unwrap_or_default();
    rows.into_iter().map(|row| row.into_iter().map(|(text, data)| Button { text, data }).collect()).collect()
}

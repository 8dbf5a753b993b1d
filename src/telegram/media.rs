//! What a message carries beside its text.

use super::json::Object;
use crate::domain::{Media, MediaKind};

/// Media whose object names one file: kind, Telegram's key, the MIME type that the kind implies, the field that may
/// stand in a label. An animation comes with a `document` for old programs, so it stands before it.
const FILES: [(MediaKind, &str, Option<&str>, &str); 7] = [
    (MediaKind::Animation, "animation", Some("video/mp4"), "file_name"),
    (MediaKind::Sticker, "sticker", None, "emoji"),
    (MediaKind::Voice, "voice", Some("audio/ogg"), ""),
    (MediaKind::VideoNote, "video_note", Some("video/mp4"), ""),
    (MediaKind::Video, "video", Some("video/mp4"), "file_name"),
    (MediaKind::Audio, "audio", Some("audio/mpeg"), "title"),
    (MediaKind::Document, "document", None, "file_name"),
];

/// Media without a file: kind, Telegram's key, the field that may stand in a label. A venue comes with a `location`,
/// so it stands before it. A contact has no label: a third person's name is nobody's label.
const BARE: [(MediaKind, &str, &str); 14] = [
    (MediaKind::Poll, "poll", "question"),
    (MediaKind::Location, "venue", "title"),
    (MediaKind::Location, "location", ""),
    (MediaKind::Contact, "contact", ""),
    (MediaKind::Dice, "dice", "emoji"),
    (MediaKind::Story, "story", ""),
    (MediaKind::Other, "checklist", "title"),
    (MediaKind::Other, "game", "title"),
    (MediaKind::Other, "invoice", "title"),
    (MediaKind::Other, "live_photo", ""),
    (MediaKind::Other, "paid_media", ""),
    (MediaKind::Other, "rich_message", ""),
    (MediaKind::Other, "giveaway", ""),
    (MediaKind::Other, "widget", ""),
];

/// The media of `message`, if it carries any.
pub(super) fn of_message(message: &Object<'_>) -> Option<Media> {
    photo(message).or_else(|| file(message)).or_else(|| bare(message))
}

/// A photo comes in several sizes, said to ascend; the one with most pixels is taken.
fn photo(message: &Object<'_>) -> Option<Media> {
    let sizes = message.objects("photo");
    let pixels = |size: &Object<'_>| {
        size.integer("width").unwrap_or(0).max(0).saturating_mul(size.integer("height").unwrap_or(0).max(0))
    };
    let largest = sizes.iter().max_by_key(|size| pixels(size))?;
    Some(Media { mime_type: Some("image/jpeg".to_owned()), ..with_file(MediaKind::Photo, largest) })
}

fn file(message: &Object<'_>) -> Option<Media> {
    FILES.iter().find_map(|(kind, key, mime, label)| {
        let object = message.object(key)?;
        let mime = object.words("mime_type").or_else(|| match kind {
            MediaKind::Sticker => Some(sticker_mime(&object).to_owned()),
            _ => mime.map(str::to_owned),
        });
        Some(Media { mime_type: mime, label: object.words(label), ..with_file(*kind, &object) })
    })
}

/// A still sticker is WebP, a video one WebM, an animated one gzipped Lottie.
fn sticker_mime(sticker: &Object<'_>) -> &'static str {
    if sticker.flag("is_animated") {
        "application/x-tgsticker"
    } else if sticker.flag("is_video") {
        "video/webm"
    } else {
        "image/webp"
    }
}

fn bare(message: &Object<'_>) -> Option<Media> {
    let (kind, key, label) = BARE.iter().find(|(_, key, _)| message.has(key))?;
    let label = message.object(key).and_then(|object| object.words(label));
    // What has no kind of its own is labelled by Telegram's word for it.
    let label = label.or_else(|| (*kind == MediaKind::Other).then(|| (*key).to_owned()));
    Some(Media { label, ..with_file(*kind, &Object::default()) })
}

fn with_file(kind: MediaKind, object: &Object<'_>) -> Media {
    Media {
        kind,
        file_id: object.words("file_id"),
        file_unique_id: object.words("file_unique_id"),
        size_bytes: object.value("file_size"),
        mime_type: None,
        label: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(json: &str) -> Media {
        of_message(&Object::read(json).unwrap()).unwrap()
    }

    #[test]
    fn the_largest_photo_is_taken_whatever_the_order() {
        let media = media(
            r#"{"photo":[{"file_id":"big","width":900,"height":900,"file_size":7},{"file_id":"small","width":90,"height":90}]}"#,
        );
        assert_eq!((media.file_id.as_deref(), media.size_bytes), (Some("big"), Some(7)));
    }

    #[test]
    fn an_animation_is_not_taken_for_its_document() {
        assert_eq!(media(r#"{"document":{"file_id":"d"},"animation":{"file_id":"a"}}"#).kind, MediaKind::Animation);
    }

    #[test]
    fn a_venue_is_a_place_with_a_name() {
        let media = media(r#"{"location":{"latitude":1.5},"venue":{"title":"Кав’ярня"}}"#);
        assert_eq!((media.kind, media.label.as_deref()), (MediaKind::Location, Some("Кав’ярня")));
    }

    #[test]
    fn a_sticker_is_labelled_by_its_emoji_and_knows_its_format() {
        let media = media(r#"{"sticker":{"file_id":"s","file_unique_id":"u","emoji":"🤬","is_video":true}}"#);
        assert_eq!((media.label.as_deref(), media.mime_type.as_deref()), (Some("🤬"), Some("video/webm")));
    }

    #[test]
    fn a_file_with_fields_of_other_types_is_still_a_file() {
        let media = media(r#"{"voice":{"file_id":7,"file_size":-1,"mime_type":null}}"#);
        assert_eq!((media.kind, media.file_id, media.size_bytes), (MediaKind::Voice, None, None));
    }
}

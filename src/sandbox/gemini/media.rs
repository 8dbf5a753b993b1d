//! What Gemini refuses about media that stand in a request (gemini_api.md section 7).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{refusal::Refusal, request::Blob};

/// MIME types that are taken, and how such files begin where that is told here.
const TAKEN: &[(&str, &[&[u8]])] = &[
    ("image/jpeg", &[b"\xff\xd8\xff"]),
    ("image/png", &[b"\x89PNG\r\n\x1a\n"]),
    ("image/webp", &[b"RIFF"]),
    ("image/heic", &[]),
    ("image/heif", &[]),
    ("audio/ogg", &[b"OggS"]),
    ("audio/mp3", &[b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"]),
    ("audio/wav", &[b"RIFF"]),
    ("audio/aiff", &[b"FORM"]),
    ("audio/aac", &[]),
    ("audio/flac", &[b"fLaC"]),
    ("video/mp4", &[]),
    ("video/webm", &[]),
    ("application/pdf", &[b"%PDF"]),
];
/// The safe size of a whole request behind proxies.
const BYTES_MAX: usize = 20 * 1024 * 1024;

/// The file's bytes.
pub(super) fn decoded(blob: &Blob<'_>) -> Option<Vec<u8>> {
    STANDARD.decode(blob.data.0.as_bytes()).ok()
}

/// Refuses what cannot be looked at or listened to.
pub(super) fn check(blob: &Blob<'_>, path: &str) -> Result<(), Refusal> {
    let Some(bytes) = decoded(blob) else {
        return Err(Refusal::invalid(format!(
            "Invalid value at '{path}.inline_data.data' (TYPE_BYTES), Base64 decoding failed"
        )));
    };
    let Some((_, beginnings)) = TAKEN.iter().find(|(mime, _)| *mime == blob.mime_type) else {
        return Err(Refusal::invalid(format!("Unsupported MIME type: {}", blob.mime_type)));
    };
    if bytes.is_empty() || (!beginnings.is_empty() && !beginnings.iter().any(|begin| bytes.starts_with(begin))) {
        return Err(Refusal::invalid("Unable to process input image. Please retry or report."));
    }
    if bytes.len() > BYTES_MAX {
        return Err(Refusal::invalid("Request payload size exceeds the limit: 20971520 bytes."));
    }
    Ok(())
}

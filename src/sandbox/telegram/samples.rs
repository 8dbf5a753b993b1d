//! The smallest files of their kinds: enough for whoever looks at the first bytes.

use bytes::Bytes;

/// A picture's beginning and end.
pub fn jpeg() -> Bytes {
    Bytes::from_static(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9")
}

/// A still sticker.
pub fn webp() -> Bytes {
    Bytes::from_static(
        b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00",
    )
}

/// A voice message: the first page of an Ogg stream.
pub fn ogg() -> Bytes {
    Bytes::from_static(
        b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x13OpusHead",
    )
}

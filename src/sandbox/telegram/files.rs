//! Files that people send: what a message tells of them.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{compose::Compose, state::State};

/// A file as it is attached to a message.
#[derive(Clone, Debug)]
pub(super) struct File {
    kind: FileKind,
    content: Bytes,
    /// The size that Telegram tells, if not the true one.
    told_bytes: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FileKind {
    Photo,
    Voice,
    Sticker,
    AnimatedSticker,
    VideoSticker,
    Video,
    VideoNote,
    Animation,
    Audio,
    Document,
}

impl File {
    /// The message's field that carries it.
    pub(super) const fn key(&self) -> &'static str {
        match self.kind {
            FileKind::Photo => "photo",
            FileKind::Voice => "voice",
            FileKind::Sticker | FileKind::AnimatedSticker | FileKind::VideoSticker => "sticker",
            FileKind::Video => "video",
            FileKind::VideoNote => "video_note",
            FileKind::Animation => "animation",
            FileKind::Audio => "audio",
            FileKind::Document => "document",
        }
    }
}

impl Compose {
    fn with_file(mut self, kind: FileKind, content: Bytes) -> Self {
        self.file = Some(File { kind, content, told_bytes: None });
        self
    }

    /// With a picture.
    pub fn photo(self, jpeg: Bytes) -> Self {
        self.with_file(FileKind::Photo, jpeg)
    }

    /// With a voice message.
    pub fn voice(self, ogg: Bytes) -> Self {
        self.with_file(FileKind::Voice, ogg)
    }

    /// With a static sticker.
    pub fn sticker(self, webp: Bytes) -> Self {
        self.with_file(FileKind::Sticker, webp)
    }

    /// With a sticker that moves: gzipped Lottie.
    pub fn animated_sticker(self, tgs: Bytes) -> Self {
        self.with_file(FileKind::AnimatedSticker, tgs)
    }

    /// With a sticker that is a video.
    pub fn video_sticker(self, webm: Bytes) -> Self {
        self.with_file(FileKind::VideoSticker, webm)
    }

    /// With a video.
    pub fn video(self, mp4: Bytes) -> Self {
        self.with_file(FileKind::Video, mp4)
    }

    /// With a round video.
    pub fn video_note(self, mp4: Bytes) -> Self {
        self.with_file(FileKind::VideoNote, mp4)
    }

    /// With a video without sound.
    pub fn animation(self, mp4: Bytes) -> Self {
        self.with_file(FileKind::Animation, mp4)
    }

    /// With a piece of music.
    pub fn audio(self, mp3: Bytes) -> Self {
        self.with_file(FileKind::Audio, mp3)
    }

    /// With a document.
    pub fn document(self, content: Bytes) -> Self {
        self.with_file(FileKind::Document, content)
    }

    /// The file says that it has so many bytes, whatever it has.
    pub fn file_size(mut self, bytes: u64) -> Self {
        if let Some(file) = &mut self.file {
            file.told_bytes = Some(bytes);
        }
        self
    }
}

/// The Bot API's description of a file that was just sent.
pub(super) fn describe(state: &mut State, file: File) -> Value {
    let size = file.told_bytes.unwrap_or(file.content.len() as u64);
    let (extension, fields) = match file.kind {
        FileKind::Photo => ("jpg", json!({"width": 1280, "height": 960})),
        FileKind::Voice => ("oga", json!({"duration": 3, "mime_type": "audio/ogg"})),
        FileKind::Sticker => ("webp", sticker(false, false)),
        FileKind::AnimatedSticker => ("tgs", sticker(true, false)),
        FileKind::VideoSticker => ("webm", sticker(false, true)),
        FileKind::Video => ("mp4", moving(json!({"file_name": "video.mp4", "mime_type": "video/mp4"}))),
        FileKind::Animation => ("mp4", moving(json!({"file_name": "cat.mp4", "mime_type": "video/mp4"}))),
        FileKind::VideoNote => ("mp4", json!({"duration": 5, "length": 384})),
        FileKind::Audio => ("mp3", json!({"duration": 180, "mime_type": "audio/mpeg", "title": "Пісня"})),
        FileKind::Document => ("bin", json!({"file_name": "file.bin", "mime_type": "application/octet-stream"})),
    };
    let whole = described(state, extension, file.content.clone(), size, fields);
    if file.kind != FileKind::Photo {
        return whole;
    }
    // Sizes ascend; the last is the picture itself.
    let small = described(state, extension, file.content, size.min(1500), json!({"width": 90, "height": 67}));
    json!([small, whole])
}

fn described(state: &mut State, extension: &str, content: Bytes, size: u64, mut fields: Value) -> Value {
    let (id, unique_id) = state.add_file(extension, content, size);
    fields["file_id"] = id.into();
    fields["file_unique_id"] = unique_id.into();
    fields["file_size"] = size.into();
    fields
}

fn sticker(is_animated: bool, is_video: bool) -> Value {
    json!({"type": "regular", "width": 512, "height": 512, "is_animated": is_animated, "is_video": is_video,
        "emoji": "😀", "set_name": "sandbox"})
}

fn moving(mut fields: Value) -> Value {
    fields["duration"] = 5.into();
    fields["width"] = 640.into();
    fields["height"] = 360.into();
    fields
}

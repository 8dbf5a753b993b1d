//! Pictures and voices that the bot is spoken to about: fetched after the acknowledgement and shown to the model. What
//! cannot be fetched in time stays the placeholder that stands for it anyway; it never costs the answer.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::lines::Line;
use crate::{
    domain::{Media, MediaKind, Message, MessageId},
    errors::{Class, Classify as _, ErrorHandler},
    memory::{Gathered, Memory},
    prompt::Seen,
    storage::StorageError,
    telegram::{Telegram, TelegramError},
    telemetry::{Metrics, metric},
};

/// The largest file that is shown: base64 and all, it must fit into one request and into a small machine's memory.
const FILE_MAX_BYTES: usize = 5 * 1024 * 1024;
/// The most files of one turn: the first few pictures of an album tell what it is about.
const FILES_MAX: usize = 4;
/// What all turns of a process may hold at once; a turn that finds no room in time goes without.
const ROOM_BYTES: usize = 16 * 1024 * 1024;
/// All files of a turn are fetched within this time, or a third of what the turn has left if that is less.
const FETCH_LIMIT: Duration = Duration::from_secs(6);
/// What a file takes of the room where nobody tells its size.
const SIZE_UNTOLD: usize = 1024 * 1024;

/// Fetches files. Cheap to clone.
#[derive(Clone)]
pub(super) struct Fetcher {
    telegram: Telegram,
    errors: ErrorHandler,
    metrics: Metrics,
    /// One permit a byte.
    room: Arc<Semaphore>,
}

/// What the model is shown; it takes up room until it is dropped.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) seen: Vec<Seen>,
    /// Held, not read.
    room: Vec<OwnedSemaphorePermit>,
}

/// A message whose media the model is to be shown.
struct Wanted {
    message: Message,
    kind: MediaKind,
    file_id: String,
    size_bytes: Option<usize>,
}

/// Why something stays a placeholder.
enum Unseen {
    TooLarge,
    Late,
    /// Its bytes are none of the kinds that Gemini takes.
    Strange,
    Refused(TelegramError),
}

impl Fetcher {
    pub(super) fn new(telegram: Telegram, errors: ErrorHandler, metrics: Metrics) -> Self {
        Self { telegram, errors, metrics, room: Arc::new(Semaphore::new(ROOM_BYTES)) }
    }

    /// What the answered lines carry, and what those carry that they reply to.
    pub(super) async fn fetch(
        &self,
        lines: &[Line],
        answer: &[usize],
        gathered: &Gathered,
        memory: &Memory,
        deadline: Instant,
    ) -> Result<Shown, StorageError> {
        let wanted = wanted(lines, answer, gathered, memory).await?;
        if wanted.is_empty() {
            return Ok(Shown::default());
        }
        let now = Instant::now();
        let until = now + FETCH_LIMIT.min(deadline.saturating_duration_since(now) / 3);
        let fetched = join_all(wanted.iter().map(|wanted| self.fetch_one(wanted, until))).await;
        let mut shown = Shown::default();
        for (wanted, fetched) in wanted.into_iter().zip(fetched) {
            let outcome = match &fetched {
                Ok(_) => "shown",
                Err(Unseen::TooLarge) => "too_large",
                Err(Unseen::Late) => "late",
                Err(Unseen::Strange) => "strange",
                Err(Unseen::Refused(TelegramError::BadFile { .. })) => "gone",
                Err(Unseen::Refused(error)) => {
                    self.errors.handle("media", error);
                    "failed"
                }
            };
            self.metrics.increment(&metric::MEDIA, &[("kind", wanted.kind.as_str()), ("outcome", outcome)]);
            if let Ok((data, mime_type, room)) = fetched {
                shown.seen.push(Seen { author: wanted.message.author, kind: wanted.kind, mime_type, data });
                shown.room.push(room);
            }
        }
        Ok(shown)
    }

    async fn fetch_one(
        &self,
        wanted: &Wanted,
        until: Instant,
    ) -> Result<(Bytes, &'static str, OwnedSemaphorePermit), Unseen> {
        if wanted.size_bytes.is_some_and(|size| size > FILE_MAX_BYTES) {
            return Err(Unseen::TooLarge);
        }
        let fetching = async {
            let file = again_once(|| self.telegram.get_file(&wanted.file_id)).await?;
            let told = file.size_bytes.and_then(|size| usize::try_from(size).ok()).or(wanted.size_bytes);
            if told.is_some_and(|size| size > FILE_MAX_BYTES) {
                return Err(Unseen::TooLarge);
            }
            // Of a file of unknown size, no more is read than there is room for.
            let size = told.unwrap_or(SIZE_UNTOLD).max(1);
            let permits = u32::try_from(size).unwrap_or(u32::MAX);
            let room = Arc::clone(&self.room).acquire_many_owned(permits).await.map_err(|_| Unseen::Late)?;
            let data = again_once(|| self.telegram.download(&file.file_path, size)).await?;
            match mime_type(&data) {
                Some(mime_type) => Ok((data, mime_type, room)),
                None => Err(Unseen::Strange),
            }
        };
        timeout_at(until, fetching).await.unwrap_or(Err(Unseen::Late))
    }
}

impl From<TelegramError> for Unseen {
    fn from(error: TelegramError) -> Self {
        match error {
            TelegramError::FileTooLarge { .. } => Self::TooLarge,
            error => Self::Refused(error),
        }
    }
}

/// Fetching changes nothing at Telegram, so what broke on the way is simply tried again.
async fn again_once<T, F: Future<Output = Result<T, TelegramError>>>(call: impl Fn() -> F) -> Result<T, TelegramError> {
    match call().await {
        Err(error) if error.class() == (Class::Transient { retry_after: None }) => call().await,
        result => result,
    }
}

/// The newest message's first; in the order of the chat at the end.
async fn wanted(
    lines: &[Line],
    answer: &[usize],
    gathered: &Gathered,
    memory: &Memory,
) -> Result<Vec<Wanted>, StorageError> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut known: HashSet<MessageId> = HashSet::new();
    let mut add = |message: Message| {
        if wanted.len() < FILES_MAX && known.insert(message.id) {
            wanted.extend(of(message));
        }
    };
    for index in answer.iter().rev() {
        let message = lines[*index].message();
        let in_its_album = |line: &&Line| message.album.is_some() && line.message().album == message.album;
        add(message.clone());
        lines.iter().filter(in_its_album).for_each(|line| add(line.message().clone()));
        let replied = message.reply_to.as_ref().map(|reply| reply.message_id);
        let known_messages = gathered.replied_to.iter().chain(gathered.window.iter().map(AsRef::as_ref));
        if let Some(replied) = known_messages.into_iter().find(|known| Some(known.id) == replied) {
            add(replied.clone());
            memory.sent_together(replied).await?.into_iter().for_each(&mut add);
        }
    }
    wanted.sort_by_key(|wanted| wanted.message.id);
    Ok(wanted)
}

/// Photos, still stickers and voices; everything else is a placeholder.
fn of(message: Message) -> Option<Wanted> {
    let Media { kind, file_id, size_bytes, mime_type, .. } = message.media.clone()?;
    let is_shown = match kind {
        MediaKind::Photo | MediaKind::Voice => true,
        MediaKind::Sticker => mime_type.as_deref() == Some("image/webp"),
        _ => false,
    };
    let size_bytes = size_bytes.and_then(|size| usize::try_from(size).ok());
    Some(Wanted { message, kind, file_id: file_id.filter(|_| is_shown)?, size_bytes })
}

/// What the bytes are, of the kinds that Gemini takes (gemini_api.md section 7). It refuses a whole request for one
/// file that is not what it says, so Telegram's word is not taken for it.
fn mime_type(data: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 7] = [
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mp3"),
        (b"\xff\xfb", "audio/mp3"),
        (b"\xff\xf3", "audio/mp3"),
        (b"\xff\xf2", "audio/mp3"),
    ];
    if data.starts_with(b"RIFF") && data.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    KINDS.iter().find(|(begin, _)| data.starts_with(begin)).map(|(_, mime_type)| *mime_type)
}

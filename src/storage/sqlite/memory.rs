//! Messages.

use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, Row, params};

use super::{
    SqliteStore, chats, execute, migrated,
    outbox::read_why,
    query_all, query_one, windows,
    writer::{Priority, Rings},
};
use crate::{
    domain::{
        Author, AuthorKind, Chat, ChatId, ChatKind, Forwarded, Media, MediaKind, Message, MessageId, Quote, ReplyTo,
        Timestamp, TopicId, UserId, Why,
    },
    storage::{MemoryStore, Opening, StorageError, WindowRequest},
};

/// The columns that [`message`] reads, in its order, and the message's number in its topic. What somebody wrote who has
/// opted out since, or forwarded or quoted words of theirs, is not shown to anybody.
macro_rules! select_message {
    ($which:literal, $order:literal) => {
        concat!(
            "SELECT message_id, topic_id, author_kind, author_id, author_name, author_username, text, media_kind, ",
            "media_label, media_file_id, media_unique_id, media_size, media_mime, album, reply_to, ",
            "CASE WHEN replied.opted_out_at IS NULL THEN quote END, ",
            "forwarded_from, sent_at, edited_at, reply_author, forwarded_author, seq FROM messages ",
            "LEFT JOIN people AS author ON author.user_id = author_id ",
            "LEFT JOIN people AS origin ON origin.user_id = forwarded_author ",
            "LEFT JOIN people AS replied ON replied.user_id = reply_author WHERE ",
            $which,
            " AND author.opted_out_at IS NULL AND origin.opted_out_at IS NULL ",
            $order
        )
    };
}

pub(super) const WINDOW_SQL: &str = select_message!("chat_id = ?1 AND topic_id = ?2 AND seq > ?3", "ORDER BY seq");
const LATEST_SQL: &str = select_message!("chat_id = ?1", "ORDER BY message_id DESC LIMIT ?2");
pub(super) const MESSAGE_SQL: &str = select_message!("chat_id = ?1 AND message_id = ?2", "");
/// What a person wrote anywhere; the chat stands behind the columns of [`message`].
pub(super) const WRITTEN_BY_SQL: &str = "SELECT message_id, topic_id, author_kind, author_id, author_name, author_username, text, media_kind, media_label, \
     media_file_id, media_unique_id, media_size, media_mime, album, reply_to, quote, forwarded_from, sent_at, edited_at, \
     reply_author, forwarded_author, chat_id FROM messages WHERE author_id = ?1 ORDER BY sent_at DESC LIMIT ?2";
/// An album has at most so many pictures, and their ids are neighbours.
const ALBUM_MAX: i64 = 10;
pub(super) const AROUND_SQL: &str =
    select_message!("chat_id = ?1 AND message_id BETWEEN ?2 AND ?3 AND album = ?4", "ORDER BY message_id");
pub(super) const NEWEST_SQL: &str =
    "SELECT seq FROM messages WHERE chat_id = ?1 AND topic_id = ?2 AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1";
pub(super) const ALBUM_SQL: &str =
    "SELECT message_id FROM messages WHERE chat_id = ?1 AND album = ?2 AND seq IS NOT NULL LIMIT 1";

#[async_trait]
impl MemoryStore for SqliteStore {
    async fn window(&self, request: WindowRequest) -> Result<Vec<Arc<Message>>, StorageError> {
        let known = self.windows.get(request);
        let kept = known.clone();
        let read = move |connection: &Connection| windows::read(connection, request, kept.as_deref());
        let read = self.read("gathering a window", read).await?;
        Ok(self.windows.keep(request, known.as_deref(), read))
    }

    async fn opening(&self, people: Vec<UserId>, request: WindowRequest) -> Result<Opening, StorageError> {
        let known = self.windows.get(request);
        let kept = known.clone();
        let read = move |connection: &Connection| {
            let standing = chats::standing(connection, request.chat, &people)?;
            Ok((standing, windows::read(connection, request, kept.as_deref())?))
        };
        let (standing, read) = self.read("opening a turn", read).await?;
        Ok(Opening { standing, window: self.windows.keep(request, known.as_deref(), read) })
    }

    async fn latest(&self, chat: ChatId, limit: u32) -> Result<Vec<Message>, StorageError> {
        self.read("reading a chat", move |connection| {
            let mut messages =
                query_all(connection, "reading a chat", LATEST_SQL, params![chat.0, limit], |row| message(chat, row))?;
            messages.reverse();
            Ok(messages)
        })
        .await
    }

    async fn message(&self, chat: ChatId, id: MessageId) -> Result<Option<Message>, StorageError> {
        self.read("fetching a message", move |connection| {
            query_one(connection, "fetching a message", MESSAGE_SQL, params![chat.0, id.0], |row| message(chat, row))
        })
        .await
    }

    async fn why(&self, chat: ChatId, id: MessageId) -> Result<Option<Why>, StorageError> {
        self.read("asking why something was said", move |connection| {
            let sql = "SELECT why FROM messages WHERE chat_id = ?1 AND message_id = ?2";
            let stored = query_one(connection, "asking why something was said", sql, params![chat.0, id.0], |row| {
                row.get::<_, Option<String>>(0)
            })?;
            Ok(stored.flatten().and_then(|stored| read_why(&stored)))
        })
        .await
    }

    async fn album_around(&self, chat: ChatId, album: &str, id: MessageId) -> Result<Vec<Message>, StorageError> {
        let album = album.to_owned();
        self.read("gathering an album", move |connection| {
            let around = params![chat.0, id.0 - ALBUM_MAX, id.0 + ALBUM_MAX, album];
            query_all(connection, "gathering an album", AROUND_SQL, around, |row| message(chat, row))
        })
        .await
    }

    async fn follow_migrations(&self, rows_max: usize) -> Result<u64, StorageError> {
        let found = self.read("looking for messages of an old group", migrated::left_behind).await?;
        let Some((from, to)) = found else { return Ok(0) };
        self.write("moving messages to a group's new id", Priority::Other, Rings::default(), move |tx| {
            migrated::move_messages(tx, from, to, rows_max).map(|moved| moved as u64)
        })
        .await
    }

    async fn album_is_known(&self, chat: ChatId, album: &str) -> Result<bool, StorageError> {
        let album = album.to_owned();
        self.read("looking for an album", move |connection| Ok(album_head(connection, chat, &album)?.is_some())).await
    }
}

pub(super) fn newest_seq(connection: &Connection, chat: ChatId, topic: i64) -> Result<i64, StorageError> {
    Ok(query_one(connection, "counting a topic", NEWEST_SQL, params![chat.0, topic], |row| row.get(0))?.unwrap_or(0))
}

fn album_head(connection: &Connection, chat: ChatId, album: &str) -> Result<Option<i64>, StorageError> {
    query_one(connection, "looking for an album", ALBUM_SQL, params![chat.0, album], |row| row.get(0))
}

/// Remembers messages; an edited or repeated one replaces what was remembered.
pub(super) fn remember_all(tx: &Connection, messages: &[Message]) -> Result<(), StorageError> {
    let mut chat = None;
    for message in messages {
        if chat.replace(&message.chat) != Some(&message.chat) {
            remember_chat(tx, &message.chat)?;
        }
        remember(tx, message, None)?;
    }
    Ok(())
}

/// Remembers what the bot has said, and why.
pub(super) fn remember_own(tx: &Connection, message: &Message, why: Option<&str>) -> Result<(), StorageError> {
    remember_chat(tx, &message.chat)?;
    remember(tx, message, why)
}

fn remember(tx: &Connection, message: &Message, why: Option<&str>) -> Result<(), StorageError> {
    let Some(message) = permitted(tx, message)? else { return Ok(()) };
    let message = &*message;
    if message.edited_at.is_some() && replace(tx, message)? {
        return Ok(());
    }
    let topic = message.topic.map_or(0, |topic| topic.0);
    let head = match &message.album {
        Some(album) => album_head(tx, message.chat.id, album)?,
        None => None,
    };
    let seq = match head {
        Some(head) => {
            // An album is one message: its later pictures only add to the first one's count and caption.
            execute(
                tx,
                "adding to an album",
                "UPDATE messages SET album_size = album_size + 1, text = CASE WHEN text = '' THEN ?3 ELSE text END \
                 WHERE chat_id = ?1 AND message_id = ?2",
                params![message.chat.id.0, head, message.text],
            )?;
            None
        }
        None => Some(newest_seq(tx, message.chat.id, topic)? + 1),
    };
    if insert(tx, message, (topic, seq), why)? { Ok(()) } else { replace(tx, message).map(drop) }
}

/// The message as far as it may be remembered. Here, at the last moment: whoever opted out or had something forgotten
/// did so while the turn was under way, or the update was on its way, or an edit brings it back.
fn permitted<'a>(tx: &Connection, message: &'a Message) -> Result<Option<Cow<'a, Message>>, StorageError> {
    let forwarded = message.forwarded_from.as_ref().and_then(|from| from.author);
    let quoted = message.quote.as_ref().and_then(|quote| quote.author);
    let found = query_one(
        tx,
        "asking whether a message may be remembered",
        "SELECT EXISTS (SELECT 1 FROM people WHERE user_id = ?1 AND (opted_out_at IS NOT NULL OR forgotten_at >= ?4)) \
         OR EXISTS (SELECT 1 FROM people WHERE user_id = ?2 AND (opted_out_at IS NOT NULL OR forgotten_at >= ?4)) \
         OR EXISTS (SELECT 1 FROM deletions WHERE chat_id = ?5 AND message_id = ?6), \
         EXISTS (SELECT 1 FROM people WHERE user_id = ?3 AND (opted_out_at IS NOT NULL OR forgotten_at >= ?4)) \
         OR EXISTS (SELECT 1 FROM deletions WHERE chat_id = ?5 AND message_id = ?7)",
        params![
            message.author.id.0,
            forwarded.map(|author| author.0),
            quoted.map(|author| author.0),
            message.sent_at.0,
            message.chat.id.0,
            message.id.0,
            message.reply_to.as_ref().map(|reply| reply.message_id.0),
        ],
        |row| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?)),
    )?;
    Ok(match found {
        Some((true, _)) => None,
        Some((false, true)) => Some(Cow::Owned(Message { quote: None, ..message.clone() })),
        _ => Some(Cow::Borrowed(message)),
    })
}

/// Whether this message is remembered.
pub(super) fn is_known(tx: &Connection, chat: ChatId, id: MessageId) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM messages WHERE chat_id = ?1 AND message_id = ?2";
    Ok(query_one(tx, "looking for a message", sql, params![chat.0, id.0], |_| Ok(()))?.is_some())
}

/// False if there is nothing to replace.
fn replace(tx: &Connection, message: &Message) -> Result<bool, StorageError> {
    let media = message.media.as_ref();
    let changed = execute(
        tx,
        "remembering an edit",
        "UPDATE messages SET text = ?3, media_kind = ?4, media_label = ?5, media_file_id = ?6, media_unique_id = ?7, \
         media_size = ?8, media_mime = ?9, edited_at = COALESCE(?10, edited_at) WHERE chat_id = ?1 AND message_id = ?2",
        params![
            message.chat.id.0,
            message.id.0,
            message.text,
            media.map(|media| media.kind.as_str()),
            media.and_then(|media| media.label.as_deref()),
            media.and_then(|media| media.file_id.as_deref()),
            media.and_then(|media| media.file_unique_id.as_deref()),
            media.and_then(|media| media.size_bytes.and_then(|size| i64::try_from(size).ok())),
            media.and_then(|media| media.mime_type.as_deref()),
            message.edited_at.map(|at| at.0),
        ],
    )?;
    Ok(changed > 0)
}

/// False if it is remembered already.
fn insert(
    tx: &Connection,
    message: &Message,
    (topic, seq): (i64, Option<i64>),
    why: Option<&str>,
) -> Result<bool, StorageError> {
    let replied = message.reply_to.as_ref().and_then(|reply| reply.author.as_ref());
    let reply_author = message.quote.as_ref().and_then(|quote| quote.author).or(replied.map(|author| author.id));
    let media = message.media.as_ref();
    let added = execute(
        tx,
        "remembering a message",
        "INSERT INTO messages (chat_id, message_id, topic_id, seq, author_kind, author_id, author_name, \
         author_username, text, media_kind, media_label, media_file_id, media_unique_id, media_size, media_mime, album, \
         reply_to, quote, forwarded_from, sent_at, edited_at, reply_author, forwarded_author, why) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
         COALESCE(?22, (SELECT author_id FROM messages WHERE chat_id = ?1 AND message_id = ?17)), ?23, ?24) \
         ON CONFLICT (chat_id, message_id) DO NOTHING",
        params![
            message.chat.id.0,
            message.id.0,
            topic,
            seq,
            message.author.kind.as_str(),
            message.author.id.0,
            message.author.name,
            message.author.username,
            message.text,
            media.map(|media| media.kind.as_str()),
            media.and_then(|media| media.label.as_deref()),
            media.and_then(|media| media.file_id.as_deref()),
            media.and_then(|media| media.file_unique_id.as_deref()),
            media.and_then(|media| media.size_bytes.and_then(|size| i64::try_from(size).ok())),
            media.and_then(|media| media.mime_type.as_deref()),
            message.album,
            message.reply_to.as_ref().map(|reply| reply.message_id.0),
            message.quote.as_ref().map(|quote| quote.text.as_str()),
            message.forwarded_from.as_ref().map(|from| from.name.as_str()),
            message.sent_at.0,
            message.edited_at.map(|at| at.0),
            reply_author.map(|author| author.0),
            message.forwarded_from.as_ref().and_then(|from| from.author).map(|author| author.0),
            why,
        ],
    )?;
    Ok(added > 0)
}

/// A chat that writes is alive, whatever Telegram said of it before.
fn remember_chat(tx: &Connection, chat: &Chat) -> Result<(), StorageError> {
    execute(
        tx,
        "remembering a chat",
        "INSERT INTO chats (chat_id, kind, title) VALUES (?1, ?2, ?3) ON CONFLICT (chat_id) DO UPDATE \
         SET kind = excluded.kind, title = COALESCE(excluded.title, title), dead_at = NULL, dead_reason = NULL \
         WHERE dead_at IS NOT NULL OR kind <> excluded.kind \
         OR (excluded.title IS NOT NULL AND title IS NOT excluded.title)",
        params![chat.id.0, chat.kind.as_str(), chat.title],
    )?;
    Ok(())
}

/// The kind of chat that an id implies, where only the id is known.
pub(super) fn kind_of(word: &str) -> ChatKind {
    match word {
        "private" => ChatKind::Private,
        "channel" => ChatKind::Channel,
        _ => ChatKind::Group,
    }
}

/// A row of [`WRITTEN_BY_SQL`].
pub(super) fn message_with_chat(row: &Row<'_>) -> rusqlite::Result<Message> {
    message(ChatId(row.get(21)?), row)
}

pub(super) fn message(chat: ChatId, row: &Row<'_>) -> rusqlite::Result<Message> {
    let topic: i64 = row.get(1)?;
    let media = match row.get_ref(7)?.as_str_or_null()? {
        Some(kind) => Some(Media {
            kind: MediaKind::from_stored(kind),
            label: row.get(8)?,
            file_id: row.get(9)?,
            file_unique_id: row.get(10)?,
            size_bytes: row.get::<_, Option<i64>>(11)?.and_then(|size| u64::try_from(size).ok()),
            mime_type: row.get(12)?,
        }),
        None => None,
    };
    let kind = if chat.0 > 0 { ChatKind::Private } else { ChatKind::Group };
    let (quoted, forwarded) = (row.get::<_, Option<i64>>(19)?.map(UserId), row.get::<_, Option<i64>>(20)?.map(UserId));
    Ok(Message {
        chat: Chat { id: chat, kind, title: None },
        topic: (topic != 0).then_some(TopicId(topic)),
        id: MessageId(row.get(0)?),
        author: Author {
            kind: AuthorKind::from_stored(row.get_ref(2)?.as_str()?),
            id: UserId(row.get(3)?),
            name: row.get(4)?,
            username: row.get(5)?,
        },
        text: row.get(6)?,
        media,
        album: row.get(13)?,
        reply_to: row.get::<_, Option<i64>>(14)?.map(|id| ReplyTo {
            message_id: MessageId(id),
            author: None,
            text: None,
            media: None,
        }),
        quote: row.get::<_, Option<String>>(15)?.map(|text| Quote { text, author: quoted }),
        forwarded_from: row.get::<_, Option<String>>(16)?.map(|name| Forwarded { name, author: forwarded }),
        sent_at: Timestamp(row.get(17)?),
        edited_at: row.get::<_, Option<i64>>(18)?.map(Timestamp),
    })
}

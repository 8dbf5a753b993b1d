//! Gathers what a turn needs of the past. It asks for one chat and one topic, always; nothing of another can enter.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{ChatId, Message, TopicId, UserId},
    storage::{MemoryStore, Opening, StorageError, WindowRequest},
};

/// The window's start moves by this share of its limit.
const BLOCKS: u32 = 10;

/// What was gathered for one turn.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Gathered {
    /// The chat's (topic's) newest messages, those of the turn included, oldest first.
    pub window: Vec<Arc<Message>>,
    /// Messages that the turn replies to and that are older than the window.
    pub replied_to: Vec<Message>,
}

/// The memory. Cheap to clone.
#[derive(Clone)]
pub struct Memory {
    store: Arc<dyn MemoryStore>,
    limit: u32,
}

impl Memory {
    /// Gathers at most `limit` messages a turn (`BOT_CONTEXT_LIMIT`).
    pub fn new(store: Arc<dyn MemoryStore>, limit: u32) -> Self {
        Self { store, limit: limit.max(1) }
    }

    /// Whether a window brings at least so many messages, where there are so many.
    pub const fn gathers(&self, messages: u32) -> bool {
        self.limit.saturating_sub(self.limit / BLOCKS) > messages
    }

    /// What a turn of so many messages begins with.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn open(
        &self,
        (chat, topic): (ChatId, Option<TopicId>),
        people: Vec<UserId>,
        messages: usize,
    ) -> Result<Opening, StorageError> {
        self.store.opening(people, self.request(chat, topic, messages)).await
    }

    /// The past of a chat's topic.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn gather(&self, chat: ChatId, topic: Option<TopicId>) -> Result<Gathered, StorageError> {
        let window = self.store.window(self.request(chat, topic, 0)).await?;
        Ok(Gathered { window, replied_to: Vec::new() })
    }

    fn request(&self, chat: ChatId, topic: Option<TopicId>, messages: usize) -> WindowRequest {
        let limit = self.limit.saturating_sub(u32::try_from(messages).unwrap_or(u32::MAX)).max(1);
        WindowRequest { chat, topic, limit, block: (self.limit / BLOCKS).max(1) }
    }

    /// A window together with the messages of the turn, and what they reply to.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn gather_with(
        &self,
        mut window: Vec<Arc<Message>>,
        (chat, topic): (ChatId, Option<TopicId>),
        turn: &[&Message],
    ) -> Result<Gathered, StorageError> {
        for message in turn {
            match window.binary_search_by_key(&message.id, |known| known.id) {
                Ok(at) => window[at] = Arc::new((*message).clone()),
                Err(at) => window.insert(at, Arc::new((*message).clone())),
            }
        }
        let mut replied_to = BTreeMap::new();
        for reply in turn.iter().filter_map(|message| message.reply_to.as_ref()) {
            let is_in_window = window.binary_search_by_key(&reply.message_id, |known| known.id).is_ok();
            if is_in_window || replied_to.contains_key(&reply.message_id) {
                continue;
            }
            // Telegram may name a message of another topic; what was said there stays there.
            let known = self.store.message(chat, reply.message_id).await?.filter(|message| message.topic == topic);
            if let Some(message) = known.or_else(|| as_sent_along(reply, turn)) {
                replied_to.insert(reply.message_id, message);
            }
        }
        Ok(Gathered { window, replied_to: replied_to.into_values().collect() })
    }

    /// The pictures that were sent together with `message`, itself among them; only itself if it is in no album.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn sent_together(&self, message: &Message) -> Result<Vec<Message>, StorageError> {
        let together = match &message.album {
            Some(album) => self.store.album_around(message.chat.id, album, message.id).await?,
            None => Vec::new(),
        };
        Ok(if together.is_empty() { vec![message.clone()] } else { together })
    }

    /// The last messages of a chat's topic, the newest last, without what they reply to.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn recent(
        &self,
        chat: ChatId,
        topic: Option<TopicId>,
        limit: u32,
    ) -> Result<Vec<Arc<Message>>, StorageError> {
        self.store.window(WindowRequest { chat, topic, limit, block: 1 }).await
    }

    /// Whether a picture of this album is already remembered: then the album was dealt with.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn album_is_known(&self, chat: ChatId, album: &str) -> Result<bool, StorageError> {
        self.store.album_is_known(chat, album).await
    }
}

/// The replied-to message as Telegram sent it along, for those that were written before the bot came.
fn as_sent_along(reply: &crate::domain::ReplyTo, turn: &[&Message]) -> Option<Message> {
    let beside = turn.first()?;
    Some(Message {
        chat: beside.chat.clone(),
        topic: beside.topic,
        id: reply.message_id,
        author: reply.author.clone()?,
        text: reply.text.clone().unwrap_or_default(),
        media: reply.media.clone(),
        reply_to: None,
        quote: None,
        forwarded_from: None,
        album: None,
        sent_at: beside.sent_at,
        edited_at: None,
    })
}

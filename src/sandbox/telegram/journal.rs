//! What the bot did, as oracles read it.

use bytes::Bytes;
use serde_json::Value;

use super::{FakeTelegram, MessageRef};
use crate::domain::{ChatId, MessageId, Timestamp, TopicId};

/// What became of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallOutcome {
    /// Accepted, and the bot was told so.
    Accepted,
    /// It took effect, but the response was lost.
    AcceptedUnseen,
    /// Refused with this error.
    Refused {
        /// HTTP status.
        code: u16,
        /// Telegram's words.
        description: String,
    },
    /// A planned fault came in its place.
    Failed,
}

/// One call of the Bot API.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it came in.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its body.
    pub body: Bytes,
    /// What became of it.
    pub outcome: CallOutcome,
}

impl Call {
    /// Its body as JSON; null if it is none.
    pub fn parameters(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// One message that the bot sent and Telegram took.
#[derive(Clone, PartialEq, Debug)]
pub struct Sent {
    /// When.
    pub at: Timestamp,
    /// Which message it became.
    pub message: MessageRef,
    /// In which topic.
    pub topic: Option<TopicId>,
    /// Its text, as sent (edits do not change it).
    pub text: String,
    /// Its entities, as sent.
    pub entities: Vec<Value>,
    /// What it answers.
    pub reply_to: Option<MessageId>,
    /// The bot never saw the response: to it, the outcome is unknown.
    pub unseen: bool,
}

impl FakeTelegram {
    /// Every message that the bot sent, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.lock().sent.iter().cloned().collect()
    }

    /// Every message that the bot sent to `chat`, oldest first.
    pub fn sent_to(&self, chat: ChatId) -> Vec<Sent> {
        self.lock().sent.iter().filter(|sent| sent.message.chat == chat).cloned().collect()
    }

    /// Every message with which the bot replied to `message`.
    pub fn answers_to(&self, message: MessageRef) -> Vec<Sent> {
        let answers = |sent: &&Sent| sent.message.chat == message.chat && sent.reply_to == Some(message.id);
        self.lock().sent.iter().filter(answers).cloned().collect()
    }

    /// Every call of `method`, whatever became of it, oldest first.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.lock().calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// Every call, oldest first.
    pub fn all_calls(&self) -> Vec<Call> {
        self.lock().calls.iter().cloned().collect()
    }

    /// Forgets the calls and sends so far; the chats keep their messages.
    pub fn clear_journal(&self) {
        let mut state = self.lock();
        state.calls.clear();
        state.sent.clear();
    }

    /// The chat as its members see it: a line a message, `name: text`. Media stands in brackets.
    pub fn transcript(&self, chat: ChatId) -> String {
        let state = self.lock();
        let Some(chat) = state.chats.get(&chat.0) else { return String::new() };
        let lines: Vec<String> = chat.messages.values().filter_map(|message| line(&message.json)).collect();
        lines.join("\n")
    }
}

fn line(message: &Value) -> Option<String> {
    let name = message["from"]["first_name"].as_str()?;
    let text = message["text"].as_str().or_else(|| message["caption"].as_str());
    let media = super::compose::MEDIA_KEYS.iter().find(|kind| message.get(**kind).is_some());
    match (media, text) {
        (Some(media), Some(text)) => Some(format!("{name}: [{media}] {text}")),
        (Some(media), None) => Some(format!("{name}: [{media}]")),
        (None, Some(text)) => Some(format!("{name}: {text}")),
        (None, None) => None,
    }
}

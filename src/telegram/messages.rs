//! What the bot does in a chat: it writes, edits, reacts, types, answers button presses.

use frankenstein::{
    methods::{AnswerCallbackQueryParams, SendChatActionParams, SetMessageReactionParams},
    types::{ChatAction, ReactionType, ReactionTypeEmoji},
};

use super::{Telegram, TelegramError, bodies, client::done, json::Object};
use crate::domain::{Buttons, ChatId, MessageId, RichText, Timestamp, TopicId};

/// A text to send.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingText<'a> {
    /// Where to.
    pub chat: ChatId,
    /// The topic; none for General.
    pub topic: Option<TopicId>,
    /// The message it answers; the send survives that message's deletion.
    pub reply_to: Option<MessageId>,
    /// The text: 1 to 4096 UTF-16 units.
    pub text: &'a RichText,
    /// Buttons under it; may be empty.
    pub buttons: &'a Buttons,
    /// Without a sound.
    pub silent: bool,
    /// Without a preview of its links.
    pub no_preview: bool,
}

/// Another text for a message that the bot sent.
#[derive(Clone, Copy, Debug)]
pub struct EditedText<'a> {
    /// Where it stands.
    pub chat: ChatId,
    /// Which one.
    pub message: MessageId,
    /// The text: 1 to 4096 UTF-16 units.
    pub text: &'a RichText,
    /// Buttons under it; empty takes away those that are there.
    pub buttons: &'a Buttons,
    /// Without a preview of its links.
    pub no_preview: bool,
}

/// A message that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Its id in its chat.
    pub message_id: MessageId,
    /// When, by Telegram's clock; none if Telegram did not say.
    pub date: Option<Timestamp>,
}

impl Telegram {
    /// Sends a text, once.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]. After [`TelegramError::Ambiguous`] the message may have been delivered.
    pub async fn send_message(&self, message: &OutgoingText<'_>) -> Result<Sent, TelegramError> {
        self.call("sendMessage", &bodies::send_message(message), |answer| sent(&answer.object("result")?)).await
    }

    /// Puts a text and buttons in place of those of a message that the bot sent. May be repeated.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; [`TelegramError::NotModified`] if it reads so already, or is gone.
    pub async fn edit_message_text(&self, edit: &EditedText<'_>) -> Result<(), TelegramError> {
        self.call("editMessageText", &bodies::edit_message_text(edit), done).await
    }

    /// Sets the bot's reaction to a message; an empty `emoji` takes it away. May be repeated.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; [`TelegramError::ReactionRefused`] for an emoji that Telegram or the chat does not allow.
    pub async fn set_message_reaction(
        &self,
        chat: ChatId,
        message: MessageId,
        emoji: &str,
    ) -> Result<(), TelegramError> {
        let reaction =
            (!emoji.is_empty()).then(|| ReactionType::Emoji(ReactionTypeEmoji::builder().emoji(emoji).build()));
        let body = SetMessageReactionParams::builder()
            .chat_id(chat.0)
            .message_id(bodies::id(Some(message.0)).unwrap_or_default())
            .reaction(reaction.into_iter().collect::<Vec<_>>())
            .build();
        self.call("setMessageReaction", &body, done).await
    }

    /// Shows "typing…" for five seconds, or until a message arrives.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; nothing is lost if it is ignored.
    pub async fn send_typing(&self, chat: ChatId, topic: Option<TopicId>) -> Result<(), TelegramError> {
        let body = SendChatActionParams::builder()
            .chat_id(chat.0)
            .maybe_message_thread_id(bodies::id(topic.map(|topic| topic.0)))
            .action(ChatAction::Typing)
            .build();
        self.call("sendChatAction", &body, done).await
    }

    /// Ends the waiting sign on a pressed button, with a short text (at most 200 characters) if given.
    ///
    /// # Errors
    ///
    /// [`TelegramError`].
    pub async fn answer_callback_query(&self, id: &str, text: Option<&str>) -> Result<(), TelegramError> {
        let body = AnswerCallbackQueryParams::builder().callback_query_id(id).maybe_text(text).build();
        self.call("answerCallbackQuery", &body, done).await
    }
}

/// A message as Telegram tells it to who has sent it.
pub(super) fn sent(message: &Object<'_>) -> Option<Sent> {
    Some(Sent {
        message_id: MessageId(message.integer("message_id")?),
        date: message.integer("date").map(Timestamp::from_seconds),
    })
}

//! What people do in the world, each time until everything has come to rest.

use gryag::{
    domain::{ChatId, UserId},
    sandbox::telegram::{MessageRef, samples},
};

use super::TestBot;

impl TestBot {
    /// Answers a message.
    pub(crate) async fn reply(&self, to: MessageRef, person: UserId, text: &str) -> MessageRef {
        let message = self.world().reply(to, person, text);
        self.settle().await;
        message
    }

    /// Sends a picture with a caption; an empty one is none.
    pub(crate) async fn send_photo(&self, chat: ChatId, person: UserId, caption: &str) -> MessageRef {
        let message = self.world().photo(chat, person, caption);
        self.settle().await;
        message
    }

    /// Sends a voice message.
    pub(crate) async fn send_voice(&self, chat: ChatId, person: UserId, caption: &str) -> MessageRef {
        let message = self.world().compose(chat, person).voice(samples::ogg()).text(caption).send();
        self.settle().await;
        message
    }

    /// Sends a still sticker as an answer to a message.
    pub(crate) async fn reply_with_sticker(&self, to: MessageRef, person: UserId) -> MessageRef {
        let message = self.world().compose(to.chat, person).sticker(samples::webp()).reply_to(to).send();
        self.settle().await;
        message
    }

    /// Presses a button of the bot's message; returns what the bot answered to the press (empty if without words), or
    /// none if it did not answer.
    ///
    /// # Panics
    ///
    /// If the message has no such button.
    pub(crate) async fn press(&self, message: MessageRef, person: UserId, data: &str) -> Option<String> {
        let id = self.world().press(message, person, data);
        let id = id.unwrap_or_else(|| panic!("no button {data:?} under {:?}", self.buttons(message)));
        self.settle().await;
        let answers = self.world().calls("answerCallbackQuery");
        let answer = answers.iter().map(|call| call.parameters()).find(|call| call["callback_query_id"] == id)?;
        Some(answer["text"].as_str().unwrap_or_default().to_owned())
    }

    /// The buttons under a message: what they show and what they say to the bot.
    pub(crate) fn buttons(&self, message: MessageRef) -> Vec<(String, String)> {
        let view = self.world().message(message).expect("the message");
        let rows = view.json["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
        let buttons = rows.iter().flat_map(|row| row.as_array().cloned().unwrap_or_default());
        let word = |button: &serde_json::Value, key: &str| button[key].as_str().unwrap_or_default().to_owned();
        buttons.map(|button| (word(&button, "text"), word(&button, "callback_data"))).collect()
    }

    /// Reacts to a message; an empty emoji takes the reaction away.
    pub(crate) async fn react(&self, message: MessageRef, person: UserId, emoji: &str) {
        self.world().react(message, person, emoji);
        self.settle().await;
    }

    /// The reactions that a message bears, the bot's too.
    pub(crate) fn reactions(&self, message: MessageRef) -> Vec<String> {
        let view = self.world().message(message).expect("the message");
        view.reactions.into_iter().flat_map(|(_, emoji)| emoji).collect()
    }
}

//! Whom the bot serves, and what people can tell it.

mod access;
mod basics;
mod data;
mod orders;
mod settings;

use std::fs;

use gryag::{
    domain::{ChatId, UserId},
    sandbox::telegram::MessageRef,
    storage::{MemoryStore as _, WindowRequest},
};

use crate::harness::{Setup, TestBot};

/// A bot with somebody who runs it and has opened its chat.
pub(super) struct Hosted {
    pub(super) bot: TestBot,
    pub(super) owner: UserId,
    /// The owner's private chat.
    pub(super) office: ChatId,
}

pub(super) async fn hosted(access: &'static str) -> Hosted {
    hosted_by(Setup::new().set("BOT_ACCESS", access)).await
}

pub(super) async fn hosted_by(setup: Setup) -> Hosted {
    let owner = setup.world.person("Господар");
    let office = setup.world.private(owner);
    let bot = setup.set("ADMIN_ID", owner.0.to_string()).unpaced().start().await;
    Hosted { bot, owner, office }
}

impl Hosted {
    /// A group into which its creator, the first of these, brings the bot now.
    pub(super) async fn joined(&self, title: &str, members: &[UserId]) -> ChatId {
        let world = self.bot.world();
        let chat = world.supergroup(title, members);
        world.kick_bot(chat);
        self.bot.settle().await;
        world.clear_journal();
        world.add_bot(chat);
        self.bot.settle().await;
        chat
    }

    pub(super) fn person(&self, name: &str) -> UserId {
        self.bot.world().person(name)
    }

    /// What the bot has said in a chat.
    pub(super) fn said(&self, chat: ChatId) -> Vec<String> {
        self.bot.world().sent_to(chat).into_iter().map(|sent| sent.text).collect()
    }

    /// What the bot has last said in a chat.
    pub(super) fn last(&self, chat: ChatId) -> MessageRef {
        self.bot.world().sent_to(chat).last().expect("the bot said something").message
    }

    /// How a message of the bot's reads now.
    pub(super) fn reads(&self, message: MessageRef) -> String {
        self.bot.world().message(message).expect("the message").json["text"].as_str().unwrap_or_default().to_owned()
    }

    /// The buttons under a message: what they show and what they say.
    pub(super) fn buttons(&self, message: MessageRef) -> Vec<(String, String)> {
        let json = self.bot.world().message(message).expect("the message").json;
        let rows = json["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
        let buttons = rows.iter().flat_map(|row| row.as_array().cloned().unwrap_or_default());
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        buttons.map(|button| (text(&button["text"]), text(&button["callback_data"]))).collect()
    }

    /// Presses the button that shows this; returns what the person is shown.
    pub(super) async fn press(&self, message: MessageRef, person: UserId, shows: &str) -> String {
        let buttons = self.buttons(message);
        let button = buttons.iter().find(|(text, _)| text.contains(shows));
        let data = &button.unwrap_or_else(|| panic!("no button shows {shows}: {buttons:?}")).1;
        let answered = self.bot.world().calls("answerCallbackQuery").len();
        self.bot.world().press(message, person, data).expect("the button is there");
        self.bot.settle().await;
        let call = self
            .bot
            .wait("the press is answered", || async { self.bot.world().calls("answerCallbackQuery").len() > answered });
        call.await;
        let calls = self.bot.world().calls("answerCallbackQuery");
        calls.last().expect("an answer").parameters()["text"].as_str().unwrap_or_default().to_owned()
    }

    /// What is remembered of a chat.
    pub(super) async fn remembered(&self, chat: ChatId) -> Vec<String> {
        let request = WindowRequest { chat, topic: None, limit: 500, block: 1 };
        let window = self.bot.app.store.window(request).await.expect("a window");
        window.into_iter().map(|message| message.text.clone()).collect()
    }

    /// Whether these words stand anywhere in the database or beside it.
    pub(super) fn is_in_the_files(&self, words: &str) -> bool {
        let files = fs::read_dir(self.bot.setup.data.path()).expect("the directory");
        let mut files = files.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
        files.any(|path| {
            let bytes = fs::read(path).expect("a file");
            bytes.windows(words.len()).any(|window| window == words.as_bytes())
        })
    }

    /// Whether the model was ever shown these words.
    pub(super) fn was_shown(&self, words: &str) -> bool {
        self.bot.gemini().requests().iter().any(|request| request.json().to_string().contains(words))
    }
}

//! What people can tell the bot, and whom it serves: commands, presses of its buttons, its own comings and goings.
//!
//! A command gets who said what where ([`Said`]) and answers with a [`Reply`], which its turn commits. What it changes it
//! changes in the store before that, by methods that may be repeated: a turn that is run again comes to the same end.
//! Nothing here asks a model, so nothing here waits for one.

mod access;
mod admin;
mod basics;
mod button;
mod data;
mod export;
mod forget;
mod list;
mod members;
mod settings;
mod spot;
mod usage;
mod why;

use std::{sync::Arc, time::Duration};

use moka::future::Cache;

use self::{button::Press, members::Members, spot::Spot};
use crate::{
    clock::SharedClock,
    config::Access,
    domain::{Budgets, Chat, ChatKind, Language, Timestamp, UpdateKey, UserId},
    errors::ErrorHandler,
    locale::say,
    persona::{Persona, Personas},
    storage::{NewOutgoing, SaidOnce, Standing, StorageError, Store},
    telegram::{Callback, Command, IncomingMessage, Me, Telegram},
};

pub use self::{
    access::Gate,
    admin::{LOGIN_PATH, login_link},
    forget::is_forget_this,
    list::{Audience, Shown, shown_commands},
};

/// Nobody is sent their data twice within this time.
const EXPORT_PAUSE: Duration = Duration::from_secs(180);
const EXPORTS_MAX: u64 = 1_000;

/// What commands work with.
#[derive(Clone)]
pub struct CommandParts {
    /// Everything that is kept.
    pub store: Arc<dyn Store>,
    /// Who is an admin of a chat; ends the waiting sign of pressed buttons; leaves chats.
    pub telegram: Telegram,
    /// Who may speak.
    pub personas: Personas,
    /// The bot's own account.
    pub me: Arc<Me>,
    /// Stored time.
    pub clock: SharedClock,
    /// Where errors end.
    pub errors: ErrorHandler,
}

/// Settings of the commands.
#[derive(Clone, Debug)]
pub struct CommandOptions {
    /// `ADMIN_ID`: who gives orders and decides whom the bot serves.
    pub admins: Vec<UserId>,
    /// `BOT_ACCESS`.
    pub access: Access,
    /// The language of what is said to admins (`BOT_LANGUAGE`).
    pub language: Language,
    /// How long messages are remembered (`BOT_RETENTION_DAYS`).
    pub retention: Duration,
    /// An unsent notice is dropped after this long (`BOT_MAX_MESSAGE_AGE_MINUTES`).
    pub age_max: Duration,
    /// It may speak unasked (`BOT_AUTONOMOUS_MODE`).
    pub is_autonomous: bool,
    /// Where the dashboard is reached (`BOT_PUBLIC_URL`).
    pub public_url: Option<String>,
    /// What may be spent in a day.
    pub budgets: Budgets,
}

/// What people can tell the bot. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    parts: Arc<CommandParts>,
    options: Arc<CommandOptions>,
    members: Members,
    /// Who was sent their data a moment ago, and in which update they asked.
    exports: Cache<UserId, UpdateKey>,
}

/// Where something was said to the bot, and how things stand there.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// How the chat and its people stand.
    pub standing: &'a Standing,
    /// As whom the bot speaks there.
    pub persona: &'a Persona,
    /// In which language.
    pub language: Language,
    /// The update in which it was said.
    pub key: UpdateKey,
    /// Follows it through the logs.
    pub request_id: &'a crate::domain::RequestId,
}

/// A message that may be a command.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    /// The message.
    pub incoming: &'a IncomingMessage,
    /// It is said to the bot.
    pub is_addressed: bool,
    /// It was said too long ago to be answered: only what protects people is still done.
    pub is_stale: bool,
    /// Where.
    pub around: Around<'a>,
}

/// What a command, a press or a coming leaves for its turn to commit.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// What is said, here or elsewhere.
    pub says: Vec<NewOutgoing>,
    /// What is said only once.
    pub once: Vec<SaidOnce>,
    /// What who pressed a button is shown at once.
    pub toast: Option<String>,
    /// The message itself is not to be remembered: it repeats what was forgotten.
    pub forgets_itself: bool,
}

impl Reply {
    fn says(notice: NewOutgoing) -> Self {
        Self { says: vec![notice], ..Self::default() }
    }

    fn toast(words: String) -> Self {
        Self { toast: Some(words), ..Self::default() }
    }
}

impl Commands {
    /// Ready to be asked.
    pub fn new(parts: CommandParts, options: CommandOptions) -> Self {
        let members = Members::new(parts.telegram.clone(), parts.errors.clone());
        let exports = Cache::builder().max_capacity(EXPORTS_MAX).time_to_live(EXPORT_PAUSE).build();
        Self { parts: Arc::new(parts), options: Arc::new(options), members, exports }
    }

    /// Does what a message asks for; nothing if it asks for nothing that the bot does, or asks another bot.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn answer(&self, said: Said<'_>) -> Result<Reply, StorageError> {
        let message = &said.incoming.message;
        // A forwarded command is somebody else's words, and so is one that an inline bot wrote or another bot says.
        let is_own_words = message.forwarded_from.is_none()
            && said.incoming.via_bot.is_none()
            && !said.incoming.is_automatic_forward
            && !matches!(message.author.kind, crate::domain::AuthorKind::Bot | crate::domain::AuthorKind::Own);
        if !is_own_words {
            return Ok(Reply::default());
        }
        if let Some(command) = said.incoming.command.as_ref() {
            return if command.is_for(&self.parts.me.username) {
                self.run(&said, command).await
            } else {
                Ok(Reply::default())
            };
        }
        if is_forget_this(&message.text) { self.forget_this(&said).await } else { Ok(Reply::default()) }
    }

    async fn run(&self, said: &Said<'_>, command: &Command) -> Result<Reply, StorageError> {
        let name = command.name.as_str();
        if said.is_stale && !list::PROTECTIVE.contains(&name) {
            return Ok(Reply::default());
        }
        match name {
            "start" => self.start(said, command).await,
            "help" => self.help(said, command).await,
            "privacy" => Ok(self.privacy(said)),
            "why" => self.why(said).await,
            "usage" => self.usage(said).await,
            "settings" => self.settings(said).await,
            "forget_me" => self.forget_me(said).await,
            "optout" => self.opt_out(said).await,
            "optin" => self.opt_in(said).await,
            "export_me" => self.export_me(said).await,
            _ if list::is_admins(name) => self.order(said, command).await,
            // In a group it may be for any bot.
            _ if self.chat(said).kind == ChatKind::Private => self.help(said, command).await,
            _ => Ok(Reply::default()),
        }
    }

    /// Somebody pressed a button.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn press(&self, callback: &Callback, around: Around<'_>) -> Result<Reply, StorageError> {
        let press = callback.data.as_deref().and_then(Press::read);
        let (Some(press), Some(chat)) = (press, callback.chat.as_ref()) else { return Ok(Reply::default()) };
        let pressed = button::Pressed { callback, chat, around };
        match press {
            Press::Access { chat, allow } => self.decide_access(&pressed, chat, allow).await,
            Press::Forget { person, sure } => self.forget_pressed(&pressed, person, sure).await,
            Press::Set(change) => self.set_pressed(&pressed, change).await,
            Press::Dead { key, retry } => self.dead_pressed(&pressed, key, retry).await,
        }
    }

    /// Ends the waiting sign of a pressed button. A courtesy: it waits a moment only, and its failures change nothing.
    pub async fn end_press(&self, callback: &Callback, toast: Option<&str>) {
        let shown = self.parts.telegram.answer_callback_query(&callback.id, toast);
        if let Ok(Err(error)) = tokio::time::timeout(members::PATIENCE, shown).await {
            tracing::debug!(outcome = error.short(), "a press was not answered");
        }
    }

    fn chat<'a>(&self, said: &'a Said<'_>) -> &'a Chat {
        &said.incoming.message.chat
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Whether somebody is named in `ADMIN_ID`.
    fn is_owner(&self, person: UserId) -> bool {
        self.options.admins.contains(&person)
    }

    /// Where to answer a message.
    fn spot<'a>(&self, said: &Said<'a>) -> Spot<'a> {
        let message = &said.incoming.message;
        Spot {
            chat: &message.chat,
            topic: message.topic,
            reply_to: Some(message.id),
            request_id: said.around.request_id,
            expires_at: self.now() + self.options.age_max,
        }
    }

    fn reply(&self, said: &Said<'_>, words: &str) -> Reply {
        Reply::says(self.spot(said).notice(words))
    }

    /// To who acts as a person only: an anonymous admin or a channel cannot be known again.
    fn reply_not_a_person(&self, said: &Said<'_>) -> Reply {
        self.reply(said, &say!(said.around.language, "data-not-a-person"))
    }
}

//! Orders of who is named in `ADMIN_ID`. Whatever chat an order comes from, its answer goes to the private chat.

mod dashboard;
mod dead;
mod report;

pub use self::dashboard::{LOGIN_PATH, login_link};
use super::{Commands, Reply, Said, access::shown_author, spot::Spot};
use crate::{
    domain::{AuthorKind, ChatAccess, ChatId, ChatKind, UserId},
    locale::say,
    storage::StorageError,
    telegram::Command,
};

/// Whom or what an order is about.
enum Target {
    Person(UserId, String),
    Chat(ChatId),
}

impl Commands {
    /// An order. From anybody else it is nothing in a group, and an unknown command in private.
    pub(super) async fn order(&self, said: &Said<'_>, command: &Command) -> Result<Reply, StorageError> {
        let author = &said.incoming.message.author;
        if !self.obeys(author) {
            let is_private = self.chat(said).kind == ChatKind::Private;
            return if is_private { self.help(said, command).await } else { Ok(Reply::default()) };
        }
        match command.name.as_str() {
            "status" => self.status(said).await,
            "errors" => self.errors(said).await,
            "dead" => self.dead(said).await,
            "dashboard" => self.dashboard(said).await,
            "ban" => self.ban(said, command).await,
            "unban" => self.unban(said, command).await,
            "allow" => self.allow(said, command).await,
            "leave" => self.leave(said, command).await,
            _ => Ok(self.reload(said).await),
        }
    }

    /// To who gave the order, in private.
    fn report(&self, said: &Said<'_>, words: &str) -> Reply {
        Reply::says(self.private_spot(said).to_person(said.incoming.message.author.id, words))
    }

    fn private_spot<'a>(&self, said: &Said<'a>) -> Spot<'a> {
        Spot { reply_to: None, topic: None, ..self.spot(said) }
    }

    /// An id behind the command, else whom the command's message replies to.
    fn target(&self, said: &Said<'_>, command: &Command) -> Option<Target> {
        if let Some(word) = command.args.split_whitespace().next() {
            let id: i64 = word.parse().ok()?;
            return Some(if id > 0 { Target::Person(UserId(id), id.to_string()) } else { Target::Chat(ChatId(id)) });
        }
        let replied = said.incoming.message.reply_to.as_ref()?.author.as_ref()?;
        (replied.kind == AuthorKind::Person).then(|| Target::Person(replied.id, shown_author(replied)))
    }

    async fn ban(&self, said: &Said<'_>, command: &Command) -> Result<Reply, StorageError> {
        let language = self.options.language;
        let words = match self.target(said, command) {
            Some(Target::Person(person, _)) if self.is_owner(person) => say!(language, "ban-owner"),
            Some(Target::Person(person, name)) => {
                let changed = self.parts.store.ban(person, self.now()).await?;
                if changed {
                    say!(language, "ban-done", who = &name)
                } else {
                    say!(language, "ban-already", who = &name)
                }
            }
            Some(Target::Chat(chat)) => {
                self.set_access(chat, ChatAccess::Banned, said.around).await?;
                say!(language, "ban-done", who = &chat.to_string())
            }
            None => say!(language, "ban-whom"),
        };
        Ok(self.report(said, &words))
    }

    async fn unban(&self, said: &Said<'_>, command: &Command) -> Result<Reply, StorageError> {
        let language = self.options.language;
        let words = match self.target(said, command) {
            Some(Target::Person(person, name)) => {
                let changed = self.parts.store.unban(person).await?;
                if changed {
                    say!(language, "unban-done", who = &name)
                } else {
                    say!(language, "unban-not", who = &name)
                }
            }
            Some(Target::Chat(chat)) => {
                let access = self.parts.store.known_chat(chat).await?.map(|known| known.access);
                if access == Some(ChatAccess::Banned) {
                    self.set_access(chat, ChatAccess::New, said.around).await?;
                    say!(language, "unban-done", who = &chat.to_string())
                } else {
                    say!(language, "unban-not", who = &chat.to_string())
                }
            }
            None => say!(language, "ban-whom"),
        };
        Ok(self.report(said, &words))
    }

    /// A chat by its id, else the one in which the order is given.
    fn chat_of_order(&self, said: &Said<'_>, command: &Command) -> Option<ChatId> {
        match command.args.split_whitespace().next() {
            Some(word) => word.parse().ok().map(ChatId),
            None => Some(self.chat(said).id),
        }
    }

    async fn allow(&self, said: &Said<'_>, command: &Command) -> Result<Reply, StorageError> {
        let language = self.options.language;
        let Some(chat) = self.chat_of_order(said, command) else {
            return Ok(self.report(said, &say!(language, "order-which-chat")));
        };
        let mut reply = self.set_access(chat, ChatAccess::Allowed, said.around).await?;
        reply.says.extend(self.report(said, &say!(language, "allow-done", id = &chat.to_string())).says);
        Ok(reply)
    }

    /// Leaving is told by Telegram as my_chat_member, which starts the thirty days.
    async fn leave(&self, said: &Said<'_>, command: &Command) -> Result<Reply, StorageError> {
        let language = self.options.language;
        let Some(chat) = self.chat_of_order(said, command).filter(|chat| chat.0 < 0) else {
            return Ok(self.report(said, &say!(language, "order-which-chat")));
        };
        let id = chat.to_string();
        let left = tokio::time::timeout(super::members::PATIENCE, self.parts.telegram.leave_chat(chat)).await;
        let words = match left {
            Ok(Ok(())) => {
                self.note_left(chat).await?;
                say!(language, "leave-done", id = &id)
            }
            Ok(Err(error)) => say!(language, "leave-failed", id = &id, problem = &error.to_string()),
            Err(_) => say!(language, "leave-failed", id = &id, problem = "timeout"),
        };
        Ok(self.report(said, &words))
    }

    async fn note_left(&self, id: ChatId) -> Result<(), StorageError> {
        let chat = crate::domain::Chat { id, kind: ChatKind::Group, title: None };
        self.parts.store.set_bot_standing(chat, crate::storage::BotStanding::Gone, self.now()).await
    }

    /// In the process that took the order; the other one sees the changed files within seconds by itself.
    async fn reload(&self, said: &Said<'_>) -> Reply {
        let (language, personas) = (self.options.language, self.parts.personas.clone());
        let looked = tokio::task::spawn_blocking(move || personas.reload()).await.unwrap_or_default();
        let mut lines = vec![say!(language, "reload-done", changed = looked.changed.len())];
        for broken in &looked.broken {
            let problem = broken.source.to_string();
            lines.push(say!(language, "reload-broken", name = &broken.key, problem = &problem));
        }
        self.report(said, &lines.join("\n"))
    }
}

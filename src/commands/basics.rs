//! Who the bot is, what it can do, and what it does with what people write.

use super::{Commands, Reply, Said, list, list::Audience};
use crate::{
    domain::ChatKind,
    locale::{self, say},
    persona::Saying,
    storage::StorageError,
    telegram::Command,
};

impl Commands {
    /// In a group a bare /start may be meant for any bot.
    pub(super) async fn start(&self, said: &Said<'_>, command: &Command) -> Result<Reply, StorageError> {
        if self.chat(said).kind != ChatKind::Private && command.for_bot.is_none() {
            return Ok(Reply::default());
        }
        let language = said.around.language;
        let words = [
            said.around.persona.line(Saying::Greeting, language, 0.0).to_owned(),
            list::as_text(self.audience(said), language),
            say!(language, "start-privacy"),
        ];
        Ok(self.reply(said, &words.join("\n\n")))
    }

    pub(super) async fn help(&self, said: &Said<'_>, command: &Command) -> Result<Reply, StorageError> {
        let language = said.around.language;
        let is_known = command.name == "help";
        let head = if is_known { say!(language, "help-head") } else { say!(language, "help-unknown") };
        let list = list::as_text(self.audience(said), language);
        Ok(self.reply(said, &format!("{head}\n\n{list}")))
    }

    /// Orders are listed where they are given.
    fn audience(&self, said: &Said<'_>) -> Audience {
        match self.chat(said).kind {
            ChatKind::Private if self.obeys(&said.incoming.message.author) => Audience::Owner,
            ChatKind::Private => Audience::Private,
            _ => Audience::Group,
        }
    }

    pub(super) fn privacy(&self, said: &Said<'_>) -> Reply {
        let days = self.options.retention.as_secs() / 86_400;
        let language = said.around.language;
        let mut words = say!(language, "privacy", days = days);
        if let Some(at) = said.around.standing.chat.opened_at {
            let told = say!(language, "privacy-opened", date = &locale::date(language, at));
            words = format!("{words}\n\n{told}");
        }
        self.reply(said, &words)
    }
}

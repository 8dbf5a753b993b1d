//! What people can have left out.

use super::{Around, Commands, Reply, Said};
use crate::{
    domain::{AuthorKind, ChatId, MessageId, UserId},
    locale::say,
    persona::Saying,
    storage::{NewOutgoing, StorageError},
    telegram::IncomingMessage,
};

impl Commands {
    pub(super) async fn opt_out(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let author = &said.incoming.message.author;
        if author.kind != AuthorKind::Person {
            return Ok(self.reply_not_a_person(said));
        }
        self.parts.store.opt_out(author.id, self.now()).await?;
        Ok(self.reply(said, &say!(said.around.language, "optout-done")))
    }

    pub(super) async fn opt_in(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let author = &said.incoming.message.author;
        if author.kind != AuthorKind::Person {
            return Ok(self.reply_not_a_person(said));
        }
        let changed = self.parts.store.opt_in(author.id).await?;
        let language = said.around.language;
        let words = if changed { say!(language, "optin-done") } else { say!(language, "optin-already") };
        Ok(self.reply(said, &words))
    }
}

impl Commands {
    /// Which of these messages are forgotten at somebody's wish.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn forgotten(
        &self,
        chat: ChatId,
        messages: Vec<(MessageId, Option<UserId>)>,
    ) -> Result<Vec<MessageId>, StorageError> {
        self.parts.store.forgotten(chat, messages).await
    }

    /// Why nobody answers somebody who has opted out.
    pub fn tell_opted_out(&self, incoming: &IncomingMessage, around: Around<'_>) -> NewOutgoing {
        let said = Said { incoming, is_addressed: true, is_stale: false, around };
        self.spot(&said).notice(around.persona.line(Saying::OptedOut, around.language, 0.0))
    }
}

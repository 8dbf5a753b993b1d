//! Updates that could not be handled: shown, tried again, dropped.

use super::super::{
    Commands, Reply, Said,
    button::{Press, Pressed},
};
use super::report::NO_BUTTONS;
use crate::{
    domain::{Buttons, UpdateKey},
    locale::{self, say},
    storage::{NewOutgoing, StorageError},
};

/// Letters shown at once: each has a row of buttons.
const SHOWN_MAX: usize = 5;

impl Commands {
    pub(super) async fn dead(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let (words, buttons) = self.dead_letters().await?;
        let report = self.private_spot(said).to_person(said.incoming.message.author.id, &words);
        Ok(Reply::says(NewOutgoing { buttons, ..report }))
    }

    async fn dead_letters(&self) -> Result<(String, Buttons), StorageError> {
        let (language, store) = (self.options.language, &self.parts.store);
        let letters = store.dead_letters(SHOWN_MAX).await?;
        if letters.is_empty() {
            return Ok((say!(language, "dead-none"), NO_BUTTONS));
        }
        let dead = store.inbox_depth().await?.dead;
        let mut lines = vec![say!(language, "dead-head", count = dead)];
        let mut buttons = Buttons::new();
        for (index, letter) in letters.iter().enumerate() {
            let number = index + 1;
            let ago = locale::duration(language, self.now().since(letter.died_at));
            let (kind, chat) = (letter.kind.as_str(), letter.chat.to_string());
            let problem = letter.problem.as_str();
            lines.push(say!(
                language,
                "dead-line",
                number = number,
                kind = kind,
                chat = &chat,
                ago = &ago,
                tries = letter.attempts,
                problem = problem,
            ));
            let key = letter.key;
            // What has lost its body cannot be tried again.
            let retry = (letter.body_bytes > 0)
                .then(|| Press::Dead { key, retry: true }.button(say!(language, "dead-retry", number = number)));
            let drop = Press::Dead { key, retry: false }.button(say!(language, "dead-drop", number = number));
            buttons.push(retry.flatten().into_iter().chain(drop).collect());
        }
        Ok((lines.join("\n"), buttons))
    }

    pub(in super::super) async fn dead_pressed(
        &self,
        pressed: &Pressed<'_>,
        key: UpdateKey,
        retry: bool,
    ) -> Result<Reply, StorageError> {
        let language = self.options.language;
        if !self.obeys(&pressed.callback.from) {
            return Ok(Reply::toast(say!(pressed.around.language, "button-not-yours")));
        }
        let store = &self.parts.store;
        let is_done =
            if retry { store.retry_dead(key, self.now()).await? } else { store.drop_dead(key, self.now()).await? };
        let toast = match (is_done, retry) {
            (true, true) => say!(language, "dead-retried"),
            (true, false) => say!(language, "dead-dropped"),
            (false, _) => say!(language, "dead-gone"),
        };
        let mut reply = Reply::toast(toast);
        if let Some(message) = pressed.callback.message_id {
            let (words, buttons) = self.dead_letters().await?;
            reply.says.push(self.spot_in(pressed.chat, pressed.around).edit(message, &words, buttons));
        }
        Ok(reply)
    }
}

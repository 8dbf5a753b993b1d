//! How the bot is doing, for who runs it.

use super::super::{Commands, Reply, Said, access::shown_name, button::Press};
use crate::{
    domain::{Buttons, ChatAccess},
    locale::{self, say},
    storage::{KeptError, KnownChat, NewOutgoing, StorageError, StoreHealth},
};

/// Chats listed, and errors shown.
const CHATS_MAX: u32 = 8;
const ERRORS_MAX: usize = 10;
/// Chats counted.
const COUNT_MAX: u32 = 10_000;

impl Commands {
    pub(super) async fn status(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let (language, store, now) = (self.options.language, &self.parts.store, self.now());
        let mut lines = vec![say!(language, "status-head", version = env!("CARGO_PKG_VERSION"))];
        for beat in store.heartbeats().await? {
            let up = locale::duration(language, now.since(beat.started_at));
            let ago = now.since(beat.at).as_secs();
            lines.push(say!(language, "status-replica", name = &beat.owner, up = &up, ago = ago));
        }
        let (inbox, outbox) = (store.inbox_depth().await?, store.outbox_depth().await?);
        let unsent: u64 = outbox.by_state.iter().map(|(_, rows)| rows).sum();
        lines.push(say!(language, "status-queues", waiting = inbox.waiting, unsent = unsent, dead = inbox.dead));
        if store.health() != StoreHealth::Good {
            lines.push(say!(language, "status-store-bad"));
        }
        for state in store.alarms().await?.iter().filter(|state| state.fires) {
            let since = locale::moment(language, state.since.unwrap_or(state.turned_at));
            let what = locale::alarm(language, state);
            lines.push(say!(language, "status-alarm", what = &what, since = &since));
        }
        let allowed = store.chats(vec![ChatAccess::Allowed], COUNT_MAX).await?.len();
        let waiting = store.chats(vec![ChatAccess::Asked], CHATS_MAX).await?;
        lines.push(say!(language, "status-chats", allowed = allowed, waiting = waiting.len()));
        lines.push(say!(language, "status-errors", errors = store.kept_errors().await?.len()));
        let buttons = waiting.iter().filter_map(|known| self.let_in(known)).map(|button| vec![button]).collect();
        let report = self.private_spot(said).to_person(said.incoming.message.author.id, &lines.join("\n"));
        Ok(Reply::says(NewOutgoing { buttons, ..report }))
    }

    fn let_in(&self, known: &KnownChat) -> Option<crate::domain::Button> {
        let name = known.chat.title.as_deref().map_or_else(|| known.chat.id.to_string(), shown_name);
        let text = say!(self.options.language, "status-let-in", chat = &name);
        Press::Access { chat: known.chat.id, allow: true }.button(text)
    }

    pub(super) async fn errors(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let language = self.options.language;
        let errors = self.parts.store.kept_errors().await?;
        if errors.is_empty() {
            return Ok(self.report(said, &say!(language, "errors-none")));
        }
        let now = self.now();
        let mut lines = vec![say!(language, "errors-head")];
        for KeptError { last_at, count, place, class, message, .. } in errors.iter().take(ERRORS_MAX) {
            let ago = locale::duration(language, now.since(*last_at));
            lines.push(say!(
                language,
                "errors-line",
                ago = &ago,
                count = *count,
                place = place,
                class = class,
                message = message
            ));
        }
        Ok(self.report(said, &lines.join("\n")))
    }
}

/// Nothing under a message.
pub(super) const NO_BUTTONS: Buttons = Buttons::new();

//! Stop words: obeyed in the express lane, so that they take effect however long a model thinks.

use std::time::Duration;

use super::{
    lines::{Line, Place},
    turn::Turn,
};
use crate::{
    decision::stop_words::{Granted, MEMBER_TIMES, Wish, grant, is_beyond_a_member, wish},
    domain::{AuthorKind, ChatKind, OutgoingKind, RichText},
    locale::{self, say},
    persona::Saying,
    storage::{NewOutgoing, NewSilence, StorageError, TalkNotes},
};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Telegram is asked for the admins only where it matters, and not for longer than this: who does not turn out to be an
/// admin in time gets what a member gets.
const ADMINS_LIMIT: Duration = Duration::from_millis(700);

impl Turn<'_> {
    /// Obeys a stop word, if the line is one: notes the silence, and says what is to be said to who spoke to the bot.
    pub(super) async fn hush(
        &self,
        line: &Line,
        place: &Place,
        notes: &mut TalkNotes,
    ) -> Result<Option<NewOutgoing>, StorageError> {
        let Some(wish) = self.wish(line) else { return Ok(None) };
        let (parts, message) = (&self.worker.parts, line.message());
        let (now, author) = (parts.clock.now(), &message.author);
        let times = parts.people.silences(message.chat.id, author.id, now - DAY).await?;
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        let is_admin = is_beyond_a_member(wish, times) && self.is_admin(line).await;
        let granted = grant(wish, is_admin, times);
        if message.chat.kind == ChatKind::Group {
            notes.silence = match granted {
                Granted::Silence(time) => {
                    Some(NewSilence { by: author.id, until: now + time, is_counted: !is_admin && times < MEMBER_TIMES })
                }
                Granted::Talk => Some(NewSilence { by: author.id, until: now, is_counted: false }),
                Granted::Nothing => None,
            };
        }
        // Who hushed everybody is obeyed without a word.
        Ok(line.trigger.map(|_| {
            let words = vec![RichText::plain(self.words_for(wish, granted, place))];
            NewOutgoing { addressed: vec![line.received_at], ..self.outgoing(OutgoingKind::Notice, words, &[line]) }
        }))
    }

    fn wish(&self, line: &Line) -> Option<Wish> {
        let message = line.message();
        let is_persons = !matches!(message.author.kind, AuthorKind::Own | AuthorKind::Bot);
        let is_said = is_persons && !line.is_edit && line.command().is_none() && message.forwarded_from.is_none();
        // «Помовч» in reply to somebody is meant for them.
        let to_us = line.trigger.is_some();
        if !is_said || (!to_us && message.reply_to.is_some()) {
            return None;
        }
        wish(&message.text, |word| self.worker.parts.personas.is_name(word), to_us)
    }

    fn words_for(&self, wish: Wish, granted: Granted, place: &Place) -> String {
        let (language, draw) = (place.language, self.worker.parts.random.fraction());
        let persona = &place.persona;
        match (granted, wish) {
            (Granted::Silence(time), _) => persona.silenced(language, &locale::duration(language, time), draw),
            (Granted::Talk, _) => persona.line(Saying::SilenceLifted, language, draw).to_owned(),
            (Granted::Nothing, Wish::Silence(_)) => persona.line(Saying::SilenceRefused, language, draw).to_owned(),
            (Granted::Nothing, Wish::Talk) => say!(language, "silence-lifted-by-admins"),
        }
    }

    /// Whether the author is an admin: of the bot, or of the chat as far as Telegram tells in time.
    async fn is_admin(&self, line: &Line) -> bool {
        let (message, worker) = (line.message(), self.worker);
        let author = &message.author;
        if author.kind == AuthorKind::AnonymousAdmin
            || worker.options.admins.contains(&author.id)
            || message.chat.kind == ChatKind::Private
        {
            return true;
        }
        let admins = worker.parts.telegram.get_chat_administrators(message.chat.id);
        match tokio::time::timeout(ADMINS_LIMIT, admins).await {
            Ok(Ok(admins)) => admins.contains(&author.id),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the admins of a chat are not known");
                false
            }
            Err(_) => false,
        }
    }
}

//! Being forgotten: a person with all that they wrote, in two steps, or a single message.

use super::{
    Commands, Reply, Said,
    button::{Press, Pressed},
};
use crate::{
    domain::{Author, AuthorKind, Buttons, Message, ReplyTo, UserId, letter},
    locale::say,
    storage::{ForgetStep, Forgotten, StorageError},
};

/// How somebody tells the bot to forget the message that they reply to; with its name before or after, or without.
const FORGET_THIS: [&str; 10] = [
    "забудь це",
    "забудь це повідомлення",
    "забудь цю картинку",
    "забудь це фото",
    "забудь це голосове",
    "забудь про це повідомлення",
    "забудь это",
    "забудь это сообщение",
    "forget this",
    "forget this message",
];

/// Whether a text says «забудь це» and no more than that, besides calling somebody.
pub fn is_forget_this(text: &str) -> bool {
    if text.len() > 120 {
        return false;
    }
    // Asked of every text that comes in, and hardly any has such a word.
    if !["забудь", "forget"].iter().any(|word| letter::contains_lowercase(text, word)) {
        return false;
    }
    let lower: String = text.chars().map(letter::lowercase).collect();
    let words: Vec<&str> = lower.split(|sign| !letter::is_alphanumeric(sign) && sign != '_' && sign != '@').collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty() && !word.starts_with('@')).collect();
    // «Не забудь це» is the opposite.
    if words.iter().any(|word| ["не", "don", "dont", "never"].contains(word)) {
        return false;
    }
    let is_called = |rest: &[&str]| FORGET_THIS.contains(&rest.join(" ").as_str());
    let ends = [words.get(1..), words.get(..words.len().saturating_sub(1))];
    is_called(&words) || ends.into_iter().flatten().any(is_called)
}

impl Commands {
    /// The first time it asks, the second time it does.
    pub(super) async fn forget_me(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let author = &said.incoming.message.author;
        if author.kind != AuthorKind::Person {
            return Ok(self.reply_not_a_person(said));
        }
        let language = said.around.language;
        match self.parts.store.ask_to_forget(author.id, said.around.key, self.now()).await? {
            ForgetStep::Asked => {
                let button = |sure, text: String| Press::Forget { person: author.id, sure }.button(text);
                let row =
                    [button(true, say!(language, "forget-me-yes")), button(false, say!(language, "forget-me-no"))];
                let buttons: Buttons = vec![row.into_iter().flatten().collect()];
                let notice = self.spot(said).notice_with(&say!(language, "forget-me-ask"), buttons);
                Ok(Reply::says(notice))
            }
            ForgetStep::Confirmed => {
                let forgotten = self.parts.store.forget_person(author.id, Some(said.around.key), self.now()).await?;
                let words = receipt(said.around.language, &forgotten);
                Ok(Reply { forgets_itself: true, ..self.reply(said, &words) })
            }
        }
    }

    pub(super) async fn forget_pressed(
        &self,
        pressed: &Pressed<'_>,
        person: UserId,
        sure: bool,
    ) -> Result<Reply, StorageError> {
        let language = pressed.around.language;
        if pressed.callback.from.id != person {
            return Ok(Reply::toast(say!(language, "button-not-yours")));
        }
        let words = if sure {
            // A press holds no words, but the name of who pressed.
            let forgotten = self.parts.store.forget_person(person, Some(pressed.around.key), self.now()).await?;
            receipt(language, &forgotten)
        } else {
            say!(language, "forget-me-kept")
        };
        let mut reply = Reply::default();
        if let Some(message) = pressed.callback.message_id {
            let spot = self.spot_in(pressed.chat, pressed.around);
            reply.says.push(spot.edit(message, &words, Buttons::new()));
        }
        Ok(reply)
    }

    /// «Забудь це» in reply to a message. Its author may say so, and an admin of the chat; of the bot's own lines also
    /// who they were said to. From anybody else it is talk between people, unless it is said to the bot.
    pub(super) async fn forget_this(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let message = &said.incoming.message;
        let Some(replied) = &message.reply_to else {
            let words = say!(said.around.language, "forget-this-what");
            return Ok(if said.is_addressed { self.reply(said, &words) } else { Reply::default() });
        };
        if !self.may_forget(message, replied).await? {
            let words = say!(said.around.language, "forget-this-refused");
            return Ok(if said.is_addressed { self.reply(said, &words) } else { Reply::default() });
        }
        self.parts.store.forget_message(message.chat.id, replied.message_id, self.now()).await?;
        Ok(Reply { forgets_itself: true, ..self.reply(said, &say!(said.around.language, "forget-this-done")) })
    }

    async fn may_forget(&self, message: &Message, replied: &ReplyTo) -> Result<bool, StorageError> {
        let who = &message.author;
        let known = self.parts.store.message(message.chat.id, replied.message_id).await?;
        let author = known.as_ref().map(|known| &known.author).or(replied.author.as_ref());
        if who.kind == AuthorKind::Person && author.is_some_and(|author| author.id == who.id) {
            return Ok(true);
        }
        if author.is_some_and(|author| author.kind == AuthorKind::Own) {
            let answered = known.and_then(|known| known.reply_to).map(|reply| reply.message_id);
            if let Some(answered) = answered
                && let Some(question) = self.parts.store.message(message.chat.id, answered).await?
                && is_same_person(&question.author, who)
            {
                return Ok(true);
            }
        }
        Ok(self.members.is_admin(&message.chat, who).await == Some(true))
    }
}

fn is_same_person(one: &Author, other: &Author) -> bool {
    one.kind == AuthorKind::Person && other.kind == AuthorKind::Person && one.id == other.id
}

fn receipt(language: crate::domain::Language, forgotten: &Forgotten) -> String {
    say!(language, "forget-me-done", messages = forgotten.messages, traces = forgotten.traces)
}

#[cfg(test)]
mod tests {
    use super::is_forget_this;

    #[test]
    fn forget_this_is_heard_with_and_without_a_name() {
        for text in
            ["забудь це", "Забудь це!", "Гряг, забудь це.", "забудь це, Гряже", "@gryag_bot забудь це", "Forget this"]
        {
            assert!(is_forget_this(text), "{text}");
        }
        for text in ["", "забудь", "не забудь це купити", "забудь це все, ходімо", "це", "забудь про це, друже мій"]
        {
            assert!(!is_forget_this(text), "{text}");
        }
        assert!(!is_forget_this("не забудь це"), "«не» is no name");
    }
}

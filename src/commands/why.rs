//! Why the bot said something or reacted to it: what triggered it, and to admins what it took. Never the prompt.

use super::{Commands, Reply, Said, usage::dollars};
use crate::{
    domain::{AuthorKind, Language, Why},
    locale::say,
    storage::StorageError,
};

impl Commands {
    pub(super) async fn why(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let (language, message) = (said.around.language, &said.incoming.message);
        let Some(replied) = message.reply_to.as_ref() else {
            return Ok(self.reply(said, &say!(language, "why-what")));
        };
        let Some(why) = self.parts.store.why(message.chat.id, replied.message_id).await? else {
            let is_own = replied.author.as_ref().is_none_or(|author| author.kind == AuthorKind::Own);
            let words = if is_own { say!(language, "why-unknown") } else { say!(language, "why-what") };
            return Ok(self.reply(said, &words));
        };
        let mut words = sentence(language, &why);
        if self.members.is_admin(&message.chat, &message.author).await == Some(true) {
            words.push_str("\n\n");
            words.push_str(&details(language, &why));
        }
        Ok(self.reply(said, &words))
    }
}

fn sentence(language: Language, why: &Why) -> String {
    match why.trigger.as_str() {
        "private" => say!(language, "why-private"),
        "mention" => say!(language, "why-mention"),
        "reply" => say!(language, "why-reply"),
        "name" => say!(language, "why-name"),
        "open_question" => say!(language, "why-open-question"),
        "own_topic" => say!(language, "why-own-topic"),
        "shared_joy" => say!(language, "why-shared-joy"),
        "greeting" => say!(language, "why-greeting"),
        "boredom" => say!(language, "why-boredom"),
        "random" => say!(language, "why-random"),
        "spontaneous" => say!(language, "why-spontaneous"),
        "reaction" => say!(language, "why-reaction"),
        _ if why.score.is_some() => say!(language, "why-moment"),
        _ => say!(language, "why-unknown"),
    }
}

fn details(language: Language, why: &Why) -> String {
    let mut lines = vec![say!(language, "why-trigger", trigger = &why.trigger)];
    if let Some(score) = why.score {
        lines.push(say!(language, "why-score", score = &format!("{score:.2}")));
    }
    match &why.model {
        Some(model) => {
            let usage = why.usage;
            lines.push(say!(language, "why-model", model = model));
            let (prompt, thoughts) = (usage.prompt, usage.thoughts);
            lines.push(say!(language, "why-tokens", prompt = prompt, thoughts = thoughts, answer = usage.answer));
            lines.push(match why.cost_nano_usd {
                Some(nano) => say!(language, "why-cost", usd = &dollars(nano)),
                None => say!(language, "why-cost-unknown"),
            });
        }
        None if why.is_cached => {}
        None => lines.push(say!(language, "why-no-model")),
    }
    if why.is_cached {
        lines.push(say!(language, "why-cached"));
    }
    lines.join("\n")
}

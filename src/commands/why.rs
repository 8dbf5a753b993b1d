//! Why the bot said something: what triggered it, and to admins what it took. Never the prompt.

use super::{Commands, Reply, Said};
use crate::{
    domain::{AuthorKind, Language, Why},
    locale::say,
    storage::StorageError,
};

impl Commands {
    pub(super) async fn why(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let (language, message) = (said.around.language, &said.incoming.message);
        let replied = message.reply_to.as_ref();
        let is_own = |author: &crate::domain::Author| author.kind == AuthorKind::Own;
        let Some(replied) = replied.filter(|reply| reply.author.as_ref().is_none_or(is_own)) else {
            return Ok(self.reply(said, &say!(language, "why-what")));
        };
        let Some(why) = self.parts.store.why(message.chat.id, replied.message_id).await? else {
            return Ok(self.reply(said, &say!(language, "why-unknown")));
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
        "spontaneous" => say!(language, "why-spontaneous"),
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

/// Billionths of a dollar as dollars, to a hundredth of a cent.
fn dollars(nano: i64) -> String {
    let ten_thousandths = (nano + 50_000).div_euclid(100_000);
    format!("{}.{:04}", ten_thousandths.div_euclid(10_000), ten_thousandths.rem_euclid(10_000))
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn costs_are_told_to_a_hundredth_of_a_cent() {
        assert_eq!(dollars(0), "0.0000");
        assert_eq!(dollars(149_999), "0.0001");
        assert_eq!(dollars(150_000), "0.0002");
        assert_eq!(dollars(1_234_567_890), "1.2346");
    }
}

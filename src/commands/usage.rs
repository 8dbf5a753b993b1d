//! What a person's answers cost: in a group only how much of their own limit is used, the figures in private.

use super::{Commands, Reply, Said};
use crate::{
    clock::kyiv_day,
    domain::{AuthorKind, ChatKind, Day, Language, Tally},
    locale::say,
    storage::{Spender, StorageError},
};

/// The figures are told for today and for so many days together.
const DAYS: i64 = 7;

impl Commands {
    pub(super) async fn usage(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let (language, author) = (said.around.language, &said.incoming.message.author);
        if author.kind != AuthorKind::Person {
            return Ok(self.reply_not_a_person(said));
        }
        let (store, budgets, chat) = (&self.parts.store, &self.options.budgets, self.chat(said));
        let today = kyiv_day(self.now());
        let spent = store.spent(today, chat.id, vec![author.id]).await?;
        let Some(own) = spent.people.first() else { return Ok(Reply::default()) };
        let is_owner = self.is_owner(author.id);
        let percent = budgets.used_percent(own, is_owner);
        if chat.kind != ChatKind::Private {
            let words = match percent {
                Some(percent) => say!(language, "usage-percent", percent = percent),
                None => say!(language, "usage-no-limit"),
            };
            return Ok(self.reply(said, &format!("{words} {}", say!(language, "usage-figures-where"))));
        }
        let from = Day(today.0 - DAYS + 1);
        let week = store.spending(Spender::Person(author.id), from).await?;
        let week = week.iter().fold(Tally::default(), |sum, (_, tally)| sum.plus(tally));
        let limit = budgets.own_limit(own.is_vouched, is_owner);
        let mut lines = vec![
            say!(language, "usage-today", spent = &figures(language, &own.tally)),
            within(language, limit, percent),
            say!(language, "usage-week", days = DAYS, spent = &figures(language, &week)),
        ];
        if is_owner {
            lines.push(say!(language, "usage-bot", spent = &figures(language, &spent.bot)));
            lines.push(within(language, budgets.bot, budgets.bot_used_percent(&spent.bot)));
        }
        Ok(self.reply(said, &lines.join("\n")))
    }
}

/// What was spent; where the price of some tokens is not known, how many.
fn figures(language: Language, tally: &Tally) -> String {
    let usd = dollars(tally.nano_usd);
    if tally.unpriced_tokens == 0 {
        return say!(language, "usage-figures", usd = &usd, calls = tally.calls);
    }
    let tokens = tally.unpriced_tokens;
    say!(language, "usage-figures-unpriced", usd = &usd, calls = tally.calls, tokens = tokens)
}

fn within(language: Language, limit: Option<i64>, percent: Option<u8>) -> String {
    match limit.zip(percent) {
        Some((limit, percent)) => say!(language, "usage-limit", usd = &dollars(limit), percent = percent),
        None => say!(language, "usage-no-limit"),
    }
}

/// Billionths of a dollar as dollars, to a hundredth of a cent.
pub(super) fn dollars(nano: i64) -> String {
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

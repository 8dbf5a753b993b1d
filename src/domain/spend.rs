//! What calls of a model cost. Money is whole billionths of a US dollar ("nano-dollars"): a token costs some tens to
//! some thousands of them, so sums are exact.

use super::UserId;

/// Nano-dollars in a dollar.
pub const NANO_USD: i64 = 1_000_000_000;

/// What a call, or several, cost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cost {
    /// In nano-dollars; none if the price is not known. Never zero for that reason.
    pub nano_usd: Option<i64>,
    /// What budgets count, in nano-dollars: the same, or the tokens at the dearest known price.
    pub counted_nano_usd: i64,
}

impl Cost {
    /// Nothing was bought.
    pub const NOTHING: Self = Self { nano_usd: Some(0), counted_nano_usd: 0 };

    /// Both together; not known if either is not.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let both = self.nano_usd.zip(other.nano_usd);
        Self {
            nano_usd: both.map(|(one, two)| one.saturating_add(two)),
            counted_nano_usd: self.counted_nano_usd.saturating_add(other.counted_nano_usd),
        }
    }
}

/// A day's spending of the whole bot, of a chat or of a person.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Calls of a model, failed ones included.
    pub calls: u64,
    /// What those whose price is known cost.
    pub nano_usd: i64,
    /// What budgets count: [`Cost::counted_nano_usd`] of all.
    pub counted_nano_usd: i64,
    /// Of that, for what nobody asked.
    pub unasked_nano_usd: i64,
    /// Tokens of the calls whose price is not known.
    pub unpriced_tokens: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: &Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            nano_usd: self.nano_usd.saturating_add(other.nano_usd),
            counted_nano_usd: self.counted_nano_usd.saturating_add(other.counted_nano_usd),
            unasked_nano_usd: self.unasked_nano_usd.saturating_add(other.unasked_nano_usd),
            unpriced_tokens: self.unpriced_tokens.saturating_add(other.unpriced_tokens),
        }
    }
}

/// A day's spending, as far as it matters to one turn.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Spent {
    /// Of the whole bot.
    pub bot: Tally,
    /// Of the chat.
    pub chat: Tally,
    /// Of the people that were asked about, in that order.
    pub people: Vec<PersonSpent>,
}

/// A day's spending of a person, in all chats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PersonSpent {
    /// Who.
    pub user: UserId,
    /// How much.
    pub tally: Tally,
    /// An allowed chat or the admin vouches for them; else they are a guest.
    pub is_vouched: bool,
}

/// What may be spent in a day, in nano-dollars; none is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Budgets {
    /// By the whole bot (`BOT_BUDGET_USD_PER_DAY`).
    pub bot: Option<i64>,
    /// For a chat (`BOT_BUDGET_USD_PER_CHAT`).
    pub chat: Option<i64>,
    /// For a person (`BOT_BUDGET_USD_PER_USER`).
    pub person: Option<i64>,
    /// For a person whom nobody vouches for (`BOT_BUDGET_USD_PER_GUEST`).
    pub guest: Option<i64>,
}

impl Budgets {
    /// From dollars, of which 0 switches a budget off.
    pub fn from_usd(bot: f64, chat: f64, person: f64, guest: f64) -> Self {
        Self { bot: nano_usd(bot), chat: nano_usd(chat), person: nano_usd(person), guest: nano_usd(guest) }
    }

    /// Whether there is no limit at all.
    pub fn are_off(&self) -> bool {
        *self == Self::default()
    }

    /// How much of their own budget a person has used, in percent, at most 100; none if they have no limit.
    pub fn used_percent(&self, person: &PersonSpent, is_admin: bool) -> Option<u8> {
        percent(self.own_limit(person.is_vouched, is_admin)?, &person.tally)
    }

    /// How much of the bot's budget is used, in percent, at most 100; none without one.
    pub fn bot_used_percent(&self, tally: &Tally) -> Option<u8> {
        percent(self.bot?, tally)
    }

    /// How much of the bot's budget is used: 1 is all of it; 0 without one.
    pub fn bot_used(&self, tally: &Tally) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        self.bot.map_or(0.0, |limit| tally.counted_nano_usd as f64 / limit as f64)
    }

    /// How much of a chat's budget is used, in percent, at most 100; none without one.
    pub fn chat_used_percent(&self, tally: &Tally) -> Option<u8> {
        percent(self.chat?, tally)
    }

    /// A person's own limit.
    pub const fn own_limit(&self, is_vouched: bool, is_admin: bool) -> Option<i64> {
        match (is_admin, is_vouched) {
            (true, _) => None,
            (false, true) => self.person,
            (false, false) => self.guest,
        }
    }
}

fn nano_usd(usd: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the configuration bounds it by ten thousand dollars"
    )]
    let nano = (usd * NANO_USD as f64).round() as i64;
    (nano > 0).then_some(nano)
}

fn percent(limit: i64, tally: &Tally) -> Option<u8> {
    let used = i128::from(tally.counted_nano_usd.max(0)) * 100 / i128::from(limit.max(1));
    u8::try_from(used.min(100)).ok()
}

#[cfg(test)]
mod tests {
    use super::{Budgets, Cost, NANO_USD, PersonSpent, Tally, UserId};

    #[test]
    fn a_sum_with_an_unknown_part_is_unknown_but_still_counted() {
        let known = Cost { nano_usd: Some(5), counted_nano_usd: 5 };
        let unknown = Cost { nano_usd: None, counted_nano_usd: 7 };
        assert_eq!(known.plus(known), Cost { nano_usd: Some(10), counted_nano_usd: 10 });
        assert_eq!(known.plus(unknown), Cost { nano_usd: None, counted_nano_usd: 12 });
        assert_eq!(Cost::NOTHING.plus(known), known);
    }

    #[test]
    fn dollars_become_whole_nano_dollars_and_zero_switches_off() {
        const CENT: i64 = NANO_USD / 100;
        let budgets = Budgets::from_usd(1.0, 0.30, 0.10, 0.02);
        let expected =
            Budgets { bot: Some(100 * CENT), chat: Some(30 * CENT), person: Some(10 * CENT), guest: Some(2 * CENT) };
        assert_eq!(budgets, expected);
        assert_eq!(Budgets::from_usd(0.0, 0.0, 0.0, 0.0), Budgets::default());
    }

    #[test]
    fn what_is_used_is_told_in_percent_of_ones_own_limit() {
        let budgets = Budgets::from_usd(0.0, 0.0, 0.10, 0.02);
        let spent = |counted_nano_usd, is_vouched| PersonSpent {
            user: UserId(5),
            tally: Tally { counted_nano_usd, ..Tally::default() },
            is_vouched,
        };
        assert_eq!(budgets.used_percent(&spent(20_000_000, true), false), Some(20));
        assert_eq!(budgets.used_percent(&spent(20_000_000, false), false), Some(100));
        assert_eq!(budgets.used_percent(&spent(90_000_000, false), false), Some(100));
        assert_eq!(budgets.used_percent(&spent(20_000_000, true), true), None);
    }
}

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

#[cfg(test)]
mod tests {
    use super::Cost;

    #[test]
    fn a_sum_with_an_unknown_part_is_unknown_but_still_counted() {
        let known = Cost { nano_usd: Some(5), counted_nano_usd: 5 };
        let unknown = Cost { nano_usd: None, counted_nano_usd: 7 };
        assert_eq!(known.plus(known), Cost { nano_usd: Some(10), counted_nano_usd: 10 });
        assert_eq!(known.plus(unknown), Cost { nano_usd: None, counted_nano_usd: 12 });
        assert_eq!(Cost::NOTHING.plus(known), known);
    }
}

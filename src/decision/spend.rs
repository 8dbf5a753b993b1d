//! What may still be spent today: the budgets of the whole bot, of a chat and of a person against what the store has
//! counted. Pure.
//!
//! On the way to a limit the cheaper model answers, at the limit none does. What nobody asked for may use a fifth of
//! what those who asked leave.

use crate::domain::{Budgets, PersonSpent, Spent, Tally};

/// From this share of a budget on the cheaper model answers.
const CHEAPER_FROM_PERCENT: i64 = 80;
/// What nobody asked for gets this part of what remains.
const UNASKED_PART: i64 = 5;

/// Whose budget it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purse {
    /// The whole bot's.
    Bot,
    /// The chat's.
    Chat,
    /// The person's own.
    Person,
}

/// What a call may cost now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allowance {
    /// The usual model may be asked.
    Usual,
    /// Only the cheaper one.
    Cheaper,
    /// None: this budget is spent. Of several, the one that concerns the most people.
    Spent(Purse),
}

impl Allowance {
    /// The label's value in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Cheaper => "cheaper",
            Self::Spent(_) => "spent",
        }
    }
}

impl Budgets {
    /// What a person who addressed the bot may have. An admin has no limit of their own.
    pub fn for_person(&self, spent: &Spent, person: &PersonSpent, is_admin: bool) -> Allowance {
        let own = self.own_limit(person.is_vouched, is_admin);
        strictest([
            (Purse::Bot, self.bot, spent.bot.counted_nano_usd),
            (Purse::Chat, self.chat, spent.chat.counted_nano_usd),
            (Purse::Person, own, person.tally.counted_nano_usd),
        ])
    }

    /// What may be had for a word that nobody asked for, which is about to cost `next` nano-dollars.
    pub fn for_unasked(&self, spent: &Spent, next: i64) -> Allowance {
        let purses = [(Purse::Bot, self.bot, &spent.bot), (Purse::Chat, self.chat, &spent.chat)];
        for (purse, limit, tally) in purses {
            let used = tally.unasked_nano_usd.saturating_add(next);
            if limit.is_some_and(|limit| used > unasked_share(limit, tally)) {
                return Allowance::Spent(purse);
            }
        }
        strictest(purses.map(|(purse, limit, tally)| (purse, limit, tally.counted_nano_usd)))
    }
}

/// Whether a quota of requests has one to spare for what nobody asked for, after so many that were asked for and so many
/// that were not.
pub fn has_spare_request(quota: u32, asked: u64, unasked: u64) -> bool {
    let part = UNASKED_PART.unsigned_abs();
    unasked.saturating_add(1).saturating_mul(part) <= u64::from(quota).saturating_sub(asked)
}

/// A fifth of what those who asked have left of a limit.
fn unasked_share(limit: i64, tally: &Tally) -> i64 {
    let asked = tally.counted_nano_usd.saturating_sub(tally.unasked_nano_usd);
    limit.saturating_sub(asked).max(0) / UNASKED_PART
}

fn strictest(purses: impl IntoIterator<Item = (Purse, Option<i64>, i64)>) -> Allowance {
    let mut allowance = Allowance::Usual;
    for (purse, limit, used) in purses {
        let Some(limit) = limit else { continue };
        if used >= limit {
            return Allowance::Spent(purse);
        }
        if i128::from(used) * 100 >= i128::from(limit) * i128::from(CHEAPER_FROM_PERCENT) {
            allowance = Allowance::Cheaper;
        }
    }
    allowance
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{NANO_USD, UserId};

    /// A cent.
    const CENT: i64 = NANO_USD / 100;

    fn budgets() -> Budgets {
        Budgets::from_usd(1.0, 0.30, 0.10, 0.02)
    }

    fn tally(counted: i64) -> Tally {
        Tally { counted_nano_usd: counted, ..Tally::default() }
    }

    fn spent(bot: i64, chat: i64) -> Spent {
        Spent { bot: tally(bot), chat: tally(chat), people: Vec::new() }
    }

    fn person(counted: i64) -> PersonSpent {
        PersonSpent { user: UserId(5), tally: tally(counted), is_vouched: true }
    }

    #[test]
    fn the_usual_model_then_the_cheaper_one_then_none() {
        let may = |counted| budgets().for_person(&spent(counted, counted), &person(counted), false);
        assert_eq!(may(0), Allowance::Usual);
        assert_eq!(may(8 * CENT - 1), Allowance::Usual);
        assert_eq!(may(8 * CENT), Allowance::Cheaper);
        assert_eq!(may(10 * CENT - 1), Allowance::Cheaper);
        assert_eq!(may(10 * CENT), Allowance::Spent(Purse::Person));
    }

    #[test]
    fn every_purse_counts_and_the_widest_that_is_empty_is_named() {
        let may = |bot, chat, own| budgets().for_person(&spent(bot * CENT, chat * CENT), &person(own * CENT), false);
        assert_eq!(may(80, 0, 0), Allowance::Cheaper);
        assert_eq!(may(24, 24, 0), Allowance::Cheaper);
        assert_eq!(may(30, 30, 0), Allowance::Spent(Purse::Chat));
        assert_eq!(may(100, 30, 10), Allowance::Spent(Purse::Bot));
    }

    #[test]
    fn a_guest_has_less_and_an_admin_no_limit_of_their_own() {
        let guest = PersonSpent { is_vouched: false, ..person(2 * CENT) };
        assert_eq!(budgets().for_person(&spent(0, 0), &guest, false), Allowance::Spent(Purse::Person));
        assert_eq!(budgets().for_person(&spent(0, 0), &person(2 * CENT), false), Allowance::Usual);
        assert_eq!(budgets().for_person(&spent(0, 0), &person(50 * CENT), true), Allowance::Usual);
        assert_eq!(budgets().for_person(&spent(100 * CENT, 0), &person(0), true), Allowance::Spent(Purse::Bot));
    }

    #[test]
    fn the_less_the_asked_leave_the_less_the_unasked_get() {
        let may = |asked: i64, unasked: i64, next: i64| {
            let tally = Tally { counted_nano_usd: asked + unasked, unasked_nano_usd: unasked, ..Tally::default() };
            budgets().for_unasked(&Spent { bot: tally, chat: tally, people: Vec::new() }, next)
        };
        assert_eq!(may(0, 5 * CENT, CENT), Allowance::Usual);
        assert_eq!(may(0, 5 * CENT, CENT + 1), Allowance::Spent(Purse::Chat));
        assert_eq!(may(20 * CENT, CENT, CENT), Allowance::Usual);
        assert_eq!(may(20 * CENT, CENT, CENT + 1), Allowance::Spent(Purse::Chat));
        assert_eq!(may(25 * CENT, 0, CENT), Allowance::Cheaper);
        assert_eq!(may(30 * CENT, 0, 1), Allowance::Spent(Purse::Chat));
    }

    #[test]
    fn of_a_quota_of_twenty_requests_the_unasked_get_four_at_most() {
        let spare = |asked, unasked| has_spare_request(20, asked, unasked);
        assert!(spare(0, 0) && spare(0, 3) && !spare(0, 4));
        assert!(spare(15, 0) && !spare(16, 0) && !spare(10, 2));
        assert!(!spare(u64::MAX, u64::MAX));
    }

    fn some_limit() -> impl Strategy<Value = Option<i64>> {
        proptest::option::of(1..NANO_USD)
    }

    proptest! {
        /// Whatever comes in whatever order: no purse is overdrawn by more than the call that empties it, and what
        /// nobody asked for never gets beyond its fifth.
        #[test]
        fn no_sequence_of_calls_overdraws_a_purse(
            bot in some_limit(),
            own in some_limit(),
            chat in some_limit(),
            calls in proptest::collection::vec((any::<bool>(), 1..NANO_USD / 20), 1..200),
        ) {
            let budgets = Budgets { bot, chat, person: own, guest: own };
            let (mut spent, mut person) = (spent(0, 0), person(0));
            for (is_unasked, cost) in calls {
                let may = if is_unasked {
                    budgets.for_unasked(&spent, cost)
                } else {
                    budgets.for_person(&spent, &person, false)
                };
                if matches!(may, Allowance::Spent(_)) {
                    continue;
                }
                for (tally, limit) in [(&mut spent.bot, bot), (&mut spent.chat, chat)] {
                    prop_assert!(limit.is_none_or(|limit| tally.counted_nano_usd < limit));
                    tally.counted_nano_usd += cost;
                    if is_unasked {
                        tally.unasked_nano_usd += cost;
                        prop_assert!(limit.is_none_or(|limit| tally.unasked_nano_usd <= unasked_share(limit, tally)));
                    }
                }
                if !is_unasked {
                    prop_assert!(own.is_none_or(|limit| person.tally.counted_nano_usd < limit));
                    person.tally.counted_nano_usd += cost;
                }
            }
        }

        /// Spending more never allows more.
        #[test]
        fn an_allowance_only_shrinks(limit in some_limit(), one in 0..NANO_USD, more in 0..NANO_USD) {
            let budgets = Budgets { bot: limit, chat: limit, person: limit, guest: limit };
            let rank = |counted| match budgets.for_person(&spent(counted, counted), &person(counted), false) {
                Allowance::Usual => 0,
                Allowance::Cheaper => 1,
                Allowance::Spent(_) => 2,
            };
            prop_assert!(rank(one) <= rank(one + more));
        }
    }
}

//! Which emoji the bot puts under a message: by the kind of moment, from the list that Telegram allows bots.

use super::gate::Moment;
use crate::analysis::Reading;

const LAUGHTER: &[&str] = &["🤣", "😁", "🔥"];
const REJOICING: &[&str] = &["🎉", "🏆", "👏", "🤩"];
const WARMTH: &[&str] = &["❤", "🤗", "👍"];
const CURIOSITY: &[&str] = &["🤔", "👀"];
const OWN_TOPIC: &[&str] = &["👾", "🤓", "👀"];
const SYMPATHY: &[&str] = &["🥱", "🫡"];
const NOD: &[&str] = &["👍", "👌", "👀"];

/// An emoji for the newest message, for a draw in `[0, 1)`; none where people talk with each other: a third hand under
/// their words would be in the way.
pub fn reaction(moment: Moment, reading: &Reading, draw: f64) -> Option<&'static str> {
    let choices = match moment {
        Moment::BetweenPeople => return None,
        _ if reading.rejoices => REJOICING,
        _ if reading.laughs => LAUGHTER,
        _ if reading.thanks => WARMTH,
        Moment::SharedJoy => LAUGHTER,
        Moment::Greeting => WARMTH,
        Moment::OwnTopic => OWN_TOPIC,
        Moment::Boredom => SYMPATHY,
        Moment::OpenQuestion => CURIOSITY,
        Moment::Plain => NOD,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few choices, and a cast from a float saturates"
    )]
    let index = (draw * choices.len() as f64) as usize;
    choices.get(index.min(choices.len() - 1)).copied()
}

/// An emoji for what somebody said to the bot, besides the words: only where feeling is in it.
pub fn reaction_to_words(reading: &Reading, draw: f64) -> Option<&'static str> {
    (reading.rejoices || reading.laughs || reading.thanks).then(|| reaction(Moment::Plain, reading, draw)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{analysis::read, telegram::ALLOWED_REACTIONS};

    /// B11: a quarter of the original's emoji were none that Telegram lets a bot set.
    #[test]
    fn every_emoji_is_one_that_telegram_allows() {
        let all = [LAUGHTER, REJOICING, WARMTH, CURIOSITY, OWN_TOPIC, SYMPATHY, NOD];
        for emoji in all.into_iter().flatten() {
            assert!(ALLOWED_REACTIONS.contains(emoji), "{emoji}");
        }
    }

    #[test]
    fn the_emoji_fits_the_moment() {
        let to = |moment, text: &str| reaction(moment, &read(text), 0.0);
        assert_eq!(to(Moment::SharedJoy, "ахахаха"), Some("🤣"));
        assert_eq!(to(Moment::SharedJoy, "вітаю!!!"), Some("🎉"));
        assert_eq!(to(Moment::OpenQuestion, "хто знає?"), Some("🤔"));
        assert_eq!(to(Moment::BetweenPeople, "ахахаха"), None);
        assert_eq!(reaction_to_words(&read("дякую, Гряже"), 0.0), Some("❤"));
        assert_eq!(reaction_to_words(&read("Гряг, котра година?"), 0.0), None);
        for draw in [0.0, 0.999, 1.0, f64::NAN] {
            assert!(reaction(Moment::Plain, &read("хліб"), draw).is_some());
        }
    }
}

//! How what was said unasked was taken, and what follows for the talk budget.
//!
//! Nobody reacting is a small sign that the bot was not needed; a 👎 or a rude reply is a big one; a laugh, thanks or a 👍
//! makes up for several of the former. With time everything is forgiven, so that a chat that changed its mind, or its
//! people, is tried again.

use std::time::Duration;

use crate::{
    analysis::Reading,
    domain::{Timestamp, Unasked},
};

/// What remains of a budget where everybody dislikes the bot.
const FLOOR: f64 = 0.1;
/// One that was liked.
const LIKED: f64 = 1.5;
/// One that met with silence.
const UNNOTICED: f64 = 0.9;
/// One that was disliked.
const DISLIKED: f64 = 0.5;
/// Half of a bad standing is forgiven in this time.
const FORGIVING: Duration = Duration::from_secs(3 * 24 * 3600);
/// Until then people may still answer: it counts for nothing yet.
const PENDING: Duration = Duration::from_secs(10 * 60);
/// So many of the last lines are weighed.
const LINES_MAX: usize = 16;

/// What a good or bad sign adds to a line's reception. A sign outweighs any number of weaker ones of its kind.
pub const SIGN: i64 = 1;

/// The share of the talk budget that people leave to the bot, from 0.1 to 1.
pub fn goodwill(said: &[Unasked], now: Timestamp) -> f64 {
    let lines: Vec<&Unasked> = said.iter().filter(|one| one.kind.is_words() && one.kind.quarters() > 0).collect();
    let mut will = 1.0_f64;
    let mut last: Option<Timestamp> = None;
    for line in &lines[lines.len().saturating_sub(LINES_MAX)..] {
        will = forgiven(will, last, line.at);
        last = Some(line.at);
        let change = match line.reception {
            1.. => LIKED,
            0 if now.since(line.at) < PENDING => 1.0,
            0 => UNNOTICED,
            _ => DISLIKED,
        };
        will = (will * change).clamp(FLOOR, 1.0);
    }
    forgiven(will, last, now)
}

fn forgiven(will: f64, since: Option<Timestamp>, now: Timestamp) -> f64 {
    let Some(since) = since else { return will };
    let halves = now.since(since).as_secs_f64() / FORGIVING.as_secs_f64();
    1.0 - (1.0 - will) * 0.5_f64.powf(halves)
}

/// What a reply to one of its own lines says of that line.
pub fn of_reply(reading: &Reading) -> i64 {
    if reading.dislikes || reading.hostility != crate::analysis::Hostility::None {
        -SIGN
    } else {
        // Whoever goes on talking to it does not mind it; a laugh or thanks are no more than that.
        SIGN
    }
}

/// What a reaction says of the message under which it stands.
pub fn of_reaction(emoji: &str) -> i64 {
    const GOOD: &[&str] = &[
        "👍",
        "❤",
        "🔥",
        "🥰",
        "👏",
        "😁",
        "🎉",
        "🤩",
        "🙏",
        "👌",
        "😍",
        "❤‍🔥",
        "💯",
        "🤣",
        "⚡",
        "🏆",
        "🍾",
        "💋",
        "😇",
        "🤗",
        "🫡",
        "😂",
        "🆒",
        "💘",
        "😘",
        "🦄",
        "😎",
        "🤝",
        "🕊",
        "🐳",
    ];
    const BAD: &[&str] =
        &["👎", "🤡", "💩", "🤮", "🥱", "🖕", "😡", "🤬", "😐", "🥴", "💔", "😴", "🙈", "🤨", "😒", "🤦"];
    let bare = emoji.trim_end_matches('\u{fe0f}');
    if GOOD.contains(&bare) {
        SIGN
    } else if BAD.contains(&bare) {
        -SIGN
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UnaskedKind;

    const HOUR: Duration = Duration::from_secs(3600);

    fn lines(receptions: &[i64]) -> (Vec<Unasked>, Timestamp) {
        let mut at = Timestamp(1_790_000_000_000);
        let mut said = Vec::new();
        for reception in receptions {
            at = at + HOUR;
            said.push(Unasked { at, kind: UnaskedKind::Line, reception: *reception });
        }
        (said, at + HOUR)
    }

    fn after(receptions: &[i64]) -> f64 {
        let (said, now) = lines(receptions);
        goodwill(&said, now)
    }

    #[test]
    fn dislike_shrinks_fast_silence_slowly_and_liking_mends() {
        assert!((after(&[]) - 1.0).abs() < 1e-9);
        assert!((after(&[1, 1, 1]) - 1.0).abs() < 1e-9);
        let (disliked, ignored) = (after(&[-1, -1, -1]), after(&[0, 0, 0]));
        assert!(disliked < 0.25 && ignored > 0.6 && ignored < 0.9, "{disliked} {ignored}");
        assert!(after(&[-1; 12]) < 0.13);
        assert!(after(&[0; 16]) < 0.35, "{}", after(&[0; 16]));
        assert!(after(&[-1, -1, -1, 1, 1, 1]) > 2.0 * disliked, "it recovers when people like it");
        assert!(after(&[0, 1, 0, 1, 0, 1, 0]) > 0.85, "a friendly chat does not react to everything");
    }

    #[test]
    fn with_time_it_is_tried_again() {
        let (said, now) = lines(&[-1; 8]);
        assert!(goodwill(&said, now + 24 * 14 * HOUR) > 0.9);
    }

    #[test]
    fn a_line_of_a_moment_ago_counts_for_nothing_yet() {
        let (said, now) = lines(&[0]);
        let at = now - HOUR + Duration::from_secs(60);
        assert!((goodwill(&said, at) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn reactions_and_replies_are_understood() {
        assert_eq!((of_reaction("👍"), of_reaction("🤡"), of_reaction("❤️"), of_reaction("🗿")), (1, -1, 1, 0));
        for (reply, sign) in
            [("ахаха точно", 1), ("дякую!", 1), ("а чому?", 1), ("тебе не питали", -1), ("кринж", -1), ("заткнись", -1)]
        {
            assert_eq!(of_reply(&crate::analysis::read(reply)), sign, "{reply}");
        }
    }
}

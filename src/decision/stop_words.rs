//! «Помовч», «замовкни на годину», «Гряг, цить»: who wants silence gets it, at once and without a model. And «говори», which
//! ends it.
//!
//! With the bot's name, in private or in a reply to it, a few more words may follow («Гряг, помовч, люди працюють»); bare words
//! count only if the message holds nothing else, since people hush each other too.

use std::time::Duration;

use crate::analysis::{comparable_words, has_comparable_word};

const HOUR: Duration = Duration::from_secs(3600);
/// How long any member may have silence, and how often in a day.
const MEMBER_MAX: Duration = HOUR;
/// Times a day that any member may ask for silence.
pub const MEMBER_TIMES: usize = 2;
/// How long an admin may have it.
const ADMIN_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long silence lasts if nobody says how long.
const DEFAULT: Duration = HOUR;
/// After the stop word at most so many words that are no time, or it is talk and not a wish.
const FURTHER_WORDS: usize = 4;
/// A longer text is no stop word, in bytes.
const BYTES_MAX: usize = 240;

/// What somebody wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Silence, for as long as they say.
    Silence(Option<Duration>),
    /// That the bot may talk again.
    Talk,
}

/// What they get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Granted {
    /// Silence for so long.
    Silence(Duration),
    /// The silence is lifted.
    Talk,
    /// Nothing: a member asked too often today, or wants to lift what only an admin may lift.
    Nothing,
}

// Normalised as `analysis` does it, so і is и and є is е.
const SILENCE: &[&str] = &[
    "помовч",
    "помовчи",
    "помовчиш",
    "замовкни",
    "замовкай",
    "замовч",
    "замовчи",
    "цить",
    "цитьте",
    "заткнись",
    "заткнися",
    "стулись",
    "помолчи",
    "замолчи",
    "замолкни",
    "заглохни",
    "вгамуйся",
    "вимкнись",
    "мовчанка",
    "shut",
    "hush",
    "silence",
    "mute",
];
/// Said to people more often than to bots: only to its face.
const SILENCE_TO_ITS_FACE: &[&str] = &[
    "мовчи",
    "мовчать",
    "тихо",
    "тихше",
    "тихише",
    "молчи",
    "тише",
    "тиша",
    "тишу",
    "quiet",
    "угомонись",
    "досить",
    "годи",
    "хватит",
];
const TALK: &[&str] =
    &["говори", "розмовляй", "говорити", "говорить", "балакай", "балакати", "оживай", "speak", "talk", "unmute"];
const MAY: &[&str] = &["можеш", "можешь", "можна", "можно", "знову", "опять", "дозволяю", "you", "can", "may", "now"];
const FILLERS: &[&str] = &[
    "ну",
    "та",
    "а",
    "вже",
    "уже",
    "бот",
    "боте",
    "пожалуйста",
    "плиз",
    "плз",
    "будь",
    "ласка",
    "ласкавий",
    "ласкава",
    "трохи",
    "тепер",
    "зараз",
    "please",
    "up",
    "be",
    "так",
    "ей",
    "слухай",
    "друже",
    "би",
    "просто",
    "давай",
    "все",
];
/// Words of time that say nothing by themselves.
const JOINTS: &[&str] =
    &["на", "до", "ще", "еще", "хоча", "хоч", "хоть", "б", "for", "an", "a", "пару", "кильк", "the", "of"];

/// What a text wants, if it is a wish at all. `is_name` knows the bot's names; `to_us`: it is said to the bot beyond doubt
/// (private, a reply, a mention). A name in the text makes it so too.
pub fn wish(text: &str, is_name: impl Fn(&str) -> bool, to_us: bool) -> Option<Wish> {
    if text.len() > BYTES_MAX || text.contains('?') {
        return None;
    }
    let is_known = |word: &str| [SILENCE, SILENCE_TO_ITS_FACE, TALK].iter().any(|list| list.contains(&word));
    if !has_comparable_word(text, is_known) {
        return None;
    }
    let (mut to_us, mut words) = (to_us, comparable_words(text));
    words.retain(|word| {
        let is_name = is_name(word);
        to_us |= is_name;
        !is_name && !FILLERS.contains(&word.as_str())
    });
    let (first, rest) = words.split_first()?;
    let silence = SILENCE.contains(&first.as_str()) || (to_us && SILENCE_TO_ITS_FACE.contains(&first.as_str()));
    if silence {
        let (time, further) = time(rest);
        let allowed = if to_us { FURTHER_WORDS } else { 0 };
        return (further <= allowed).then_some(Wish::Silence(time));
    }
    let talk = words.iter().position(|word| TALK.contains(&word.as_str()))?;
    let only_that = words.iter().enumerate().all(|(at, word)| at == talk || MAY.contains(&word.as_str()));
    only_that.then_some(Wish::Talk)
}

/// Whether a text may be a wish, as far as the text alone tells: it must not wait behind a turn. Whatever [`wish`] takes for
/// one is urgent.
pub fn is_urgent(text: &str, is_name: impl Fn(&str) -> bool) -> bool {
    wish(text, is_name, true).is_some()
}

/// Whether this is more than any member may have, so that it matters who asks.
pub fn is_beyond_a_member(wish: Wish, times_today: usize) -> bool {
    match wish {
        Wish::Silence(time) => times_today >= MEMBER_TIMES || time.is_some_and(|time| time > MEMBER_MAX),
        Wish::Talk => true,
    }
}

/// What somebody gets. `times_today`: how often they had silence in the last day.
pub fn grant(wish: Wish, is_admin: bool, times_today: usize) -> Granted {
    match wish {
        Wish::Silence(time) if is_admin => Granted::Silence(time.unwrap_or(DEFAULT).min(ADMIN_MAX)),
        Wish::Silence(time) if times_today < MEMBER_TIMES => Granted::Silence(time.unwrap_or(DEFAULT).min(MEMBER_MAX)),
        Wish::Talk if is_admin => Granted::Talk,
        Wish::Silence(_) | Wish::Talk => Granted::Nothing,
    }
}

/// The time that words name, and how many words are no time.
fn time(words: &[String]) -> (Option<Duration>, usize) {
    let mut total = None;
    let (mut count, mut half, mut further) = (None, false, 0);
    for word in words {
        let word = word.as_str();
        if let Some(unit) = unit(word) {
            let one = if std::mem::take(&mut half) { unit / 2 } else { unit };
            let time = one.saturating_mul(count.take().unwrap_or(1));
            total = Some(total.map_or(time, |total: Duration| total.saturating_add(time)));
        } else if let Some(number) = number(word) {
            count = Some(number);
        } else if matches!(word, "пив" | "половину" | "полови" | "half") {
            half = true;
        } else if !JOINTS.contains(&word) {
            further += 1;
        }
    }
    (total, further)
}

fn unit(word: &str) -> Option<Duration> {
    let seconds = match word {
        "пивгодини" | "пивгодинки" | "полчаса" | "полчасика" => 1800,
        "годину" | "години" | "годин" | "година" | "годинку" | "годинки" | "час" | "часа" | "часов" | "часик"
        | "hour" | "hours" => 3600,
        "хв" | "мин" | "min" | "minute" | "minutes" => 60,
        "день" | "дня" | "дни" | "днив" | "добу" | "сутки" | "доби" | "дней" | "day" | "days" | "деньочок" => {
            24 * 3600
        }
        "тиждень" | "тижня" | "неделю" | "week" | "назавжди" | "навсегда" | "forever" => {
            7 * 24 * 3600
        }
        "ранку" | "утра" | "morning" => 10 * 3600,
        "вечора" | "вечера" | "evening" => 6 * 3600,
        "завтра" | "tomorrow" => 12 * 3600,
        _ if word.starts_with("хвилин") || word.starts_with("минут") => 60,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

fn number(word: &str) -> Option<u32> {
    const WORDS: &[(&str, u32)] = &[
        ("одну", 1),
        ("один", 1),
        ("две", 2),
        ("дви", 2),
        ("два", 2),
        ("пару", 2),
        ("три", 3),
        ("килька", 3),
        ("чотири", 4),
        ("четыре", 4),
        ("пять", 5),
        ("шисть", 6),
        ("десять", 10),
        ("пятнадцять", 15),
        ("пятнадцать", 15),
        ("двадцять", 20),
        ("двадцать", 20),
        ("тридцять", 30),
        ("тридцать", 30),
        ("сорок", 40),
        ("two", 2),
        ("three", 3),
        ("five", 5),
        ("ten", 10),
    ];
    word.parse().ok().or_else(|| WORDS.iter().find(|(known, _)| *known == word).map(|(_, number)| *number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn is_name(word: &str) -> bool {
        crate::persona::names_in(&crate::persona::Persona::built_in(), word, &[])
    }

    fn bare(text: &str) -> Option<Wish> {
        wish(text, is_name, false)
    }

    fn to_us(text: &str) -> Option<Wish> {
        wish(text, is_name, true)
    }

    #[test]
    fn stop_words_are_understood_with_their_times() {
        for (text, time) in [
            ("помовч", None),
            ("ПОМОВЧ!!!", None),
            ("Замовкни на годину", Some(HOUR)),
            ("Гряг, цить", None),
            ("гряг помовч, люди працюють", None),
            ("Гряже, помовч на пів години", Some(30 * MINUTE)),
            ("помовчи полчаса", Some(30 * MINUTE)),
            ("замовкни на 20 хвилин", Some(20 * MINUTE)),
            ("цить на хвилинку", Some(MINUTE)),
            ("Гряг, мовчи до ранку", Some(10 * HOUR)),
            ("замолчи на два часа", Some(2 * HOUR)),
            ("Гряг, будь ласка, помовч трохи", None),
            ("gryag, shut up for an hour", Some(HOUR)),
            ("Гряг, тихо", None),
            ("заткнись, гряг, ти дістав", None),
            ("Гряг помовч 1 годину 30 хвилин", Some(HOUR + 30 * MINUTE)),
            ("замовкни на тиждень", Some(7 * DAY)),
        ] {
            assert_eq!(bare(text), Some(Wish::Silence(time)), "{text}");
        }
        assert_eq!(to_us("тихо!"), Some(Wish::Silence(None)));
        assert_eq!(to_us("та помовч ти вже нарешті"), Some(Wish::Silence(None)));
    }

    #[test]
    fn what_people_say_to_each_other_is_no_stop_word() {
        for text in [
            "тихо",
            "мовчи, Тарасе",
            "помовч, Тарасе, дай сказати",
            "Гряг, чого мовчиш?",
            "Гряг, не мовчи",
            "не замовкай",
            "він як замовкне на годину, то й думай",
            "Гряг, скажи Тарасу, щоб замовк",
            "хто там сказав помовч",
            "Гряг, розкажи, як правильно мовчати на співбесіді",
            "говори зі мною, Тарасе",
            "",
            "😀",
        ] {
            assert_eq!(bare(text), None, "{text}");
        }
    }

    #[test]
    fn talk_is_given_back_in_plain_words() {
        for text in [
            "говори",
            "Гряг, говори",
            "можеш говорити",
            "Гряг, можешь говорить",
            "Гряже, вже можна говорити",
            "gryag you can talk now",
        ] {
            assert_eq!(bare(text), Some(Wish::Talk), "{text}");
        }
    }

    #[test]
    fn members_get_an_hour_twice_a_day_and_admins_what_they_want() {
        let week = Wish::Silence(Some(7 * DAY));
        assert_eq!(grant(week, false, 0), Granted::Silence(HOUR));
        assert_eq!(grant(Wish::Silence(None), false, 1), Granted::Silence(HOUR));
        assert_eq!(grant(Wish::Silence(Some(MINUTE)), false, 2), Granted::Nothing);
        assert_eq!(grant(Wish::Talk, false, 0), Granted::Nothing);
        assert_eq!(grant(week, true, 9), Granted::Silence(7 * DAY));
        assert_eq!(grant(Wish::Silence(Some(30 * DAY)), true, 9), Granted::Silence(7 * DAY));
        assert_eq!(grant(Wish::Talk, true, 9), Granted::Talk);
    }
}

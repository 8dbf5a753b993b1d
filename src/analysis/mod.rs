//! What a text says, as far as the decision whether to speak needs it: what is grave, who is hostile, what a message does
//! in a conversation. Pure: small lists of patterns in Ukrainian, Russian, surzhyk and English, no model and no IO.
//!
//! [`read`] is the interface: a [`Reading`] of one text. A learned analyser may give the same reading one day. Nothing here
//! knows a chat, a time or the bot's name.

mod grave;
mod grave_words;
mod hit;
mod hostility;
mod looks_grave;
mod pattern;
mod talk;
mod words;

pub use grave::Grave;
pub use hostility::Hostility;

use std::{ops::Range, sync::LazyLock};

use self::{pattern::Patterns, talk::Does, words::Words};

/// A text longer than this is read only so far: what a message is about shows at its beginning.
const LETTERS_MAX: usize = 2000;

/// What a pattern of words means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sign {
    /// Grave, whatever stands around it.
    Grave(Grave),
    /// Grave, unless something eases it.
    SeemsGrave(Grave),
    /// Only sounds grave: the words under it do not count.
    LooksGrave,
    /// What seems grave beside it is not meant in earnest.
    Eases,
    Hostile(Hostility),
    /// What seems hostile beside it is not.
    Friendly,
    Does(Does),
    /// Names a place that was hit, or where somebody serves.
    NamesPlace,
}

/// A sign and the tokens under it.
type Found = (Range<usize>, Sign);

/// Every list of this module, in one look.
static SIGNS: LazyLock<Patterns<Sign>> =
    LazyLock::new(|| Patterns::new([grave::SIGNS, hostility::SIGNS, talk::SIGNS, hit::SIGNS].into_iter().flatten()));

/// What one text says.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent sign; together they are the reading")]
pub struct Reading {
    /// What is grave in it.
    pub grave: Option<Grave>,
    /// How hostile it is.
    pub hostility: Hostility,
    /// It asks something.
    pub asks: bool,
    /// It asks or calls everybody, nobody in particular.
    pub asks_all: bool,
    /// It greets everybody.
    pub greets_all: bool,
    /// It laughs.
    pub laughs: bool,
    /// It rejoices or congratulates.
    pub rejoices: bool,
    /// It is about bots and their kind.
    pub talks_of_bots: bool,
    /// It wants to be entertained.
    pub wants_fun: bool,
    /// It speaks to one person («ти», «скинь»).
    pub says_you: bool,
    /// It begins as an answer to what was just said.
    pub follows_up: bool,
    /// It thanks.
    pub thanks: bool,
    /// It agrees or praises.
    pub agrees: bool,
    /// It disagrees.
    pub disagrees: bool,
    /// Said to the bot, it means that the bot was not wanted.
    pub dislikes: bool,
    /// It asks or tells where something was hit or where somebody serves.
    pub names_a_place: bool,
    /// How many words it has.
    pub length: usize,
}

/// Reads one text.
pub fn read(text: &str) -> Reading {
    let text = match text.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => &text[..end],
        None => text,
    };
    let words = Words::of(text);
    let signs = SIGNS.find(&words);
    let does = talk::does(text, &words, &signs);
    let has = |what: Does| does.contains(&what);
    let laughs = has(Does::Laughs);
    Reading {
        grave: grave::grave_in(&signs, laughs),
        hostility: hostility::hostility_in(&signs, laughs),
        asks: text.contains('?') || has(Does::Asks) || has(Does::AsksAll),
        asks_all: has(Does::AsksAll),
        greets_all: has(Does::GreetsAll),
        laughs,
        rejoices: has(Does::Rejoices),
        talks_of_bots: has(Does::TalksOfBots),
        wants_fun: has(Does::WantsFun),
        says_you: has(Does::SaysYou),
        follows_up: has(Does::FollowsUp),
        thanks: has(Does::Thanks),
        agrees: has(Does::Agrees),
        disagrees: has(Does::Disagrees),
        dislikes: has(Does::DislikesBot),
        names_a_place: signs.iter().any(|(_, sign)| *sign == Sign::NamesPlace),
        length: talk::length(&words),
    }
}

/// The words of a text as they can be compared: lower case, one form for each. For whoever looks for names.
pub fn comparable_words(text: &str) -> Vec<String> {
    Words::of(text).into_words()
}

/// Whether one of these words, as [`comparable_words`] gives them, is wanted.
pub fn has_comparable_word(text: &str, is_wanted: impl FnMut(&str) -> bool) -> bool {
    words::has_word(text, is_wanted)
}

/// Whether a word, as [`comparable_words`] gives it, is a common first name in any case form.
pub fn is_first_name(word: &str) -> bool {
    pattern::is_in_class("@name", word)
}

#[cfg(test)]
mod tests;

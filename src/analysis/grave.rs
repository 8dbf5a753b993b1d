//! Moments in which a joke would hurt: death, injury, mourning, strikes and alerts, illness, self-harm.
//!
//! Lists of patterns in Ukrainian, Russian, surzhyk and English (`grave_words`). Most are never said lightly; soft ones are, so
//! they count only where nothing in the message eases them (laughter, a game, a film). What merely sounds grave («вбив би
//! за каву», «помираю зі сміху») is in `looks_grave`: such words are taken out first. In doubt the bot keeps quiet: a
//! false alarm costs some jokes, a missed one hurts somebody.

use std::ops::Range;

use super::{
    Found, Sign,
    grave_words::{
        ATTACK, ATTACK_SOFT, DEATH, DEATH_SOFT, ILLNESS, ILLNESS_SOFT, INJURY, MOURNING, MOURNING_SOFT, SELF_HARM,
    },
    looks_grave::{EASING, LOOK_ALIKES},
};

/// What makes a moment grave.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Grave {
    /// Somebody does not want to live.
    SelfHarm,
    /// Somebody died.
    Death,
    /// Somebody is mourned.
    Mourning,
    /// A strike or an air-raid alert.
    Attack,
    /// Somebody is hurt.
    Injury,
    /// Somebody is ill.
    Illness,
    /// People quarrel in earnest.
    Quarrel,
}

impl Grave {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfHarm => "self_harm",
            Self::Death => "death",
            Self::Mourning => "mourning",
            Self::Attack => "attack",
            Self::Injury => "injury",
            Self::Illness => "illness",
            Self::Quarrel => "quarrel",
        }
    }
}

/// The lists with what they mean.
pub(super) const SIGNS: &[(Sign, &[&str])] = &[
    (Sign::Grave(Grave::SelfHarm), SELF_HARM),
    (Sign::Grave(Grave::Death), DEATH),
    (Sign::Grave(Grave::Mourning), MOURNING),
    (Sign::Grave(Grave::Attack), ATTACK),
    (Sign::Grave(Grave::Injury), INJURY),
    (Sign::Grave(Grave::Illness), ILLNESS),
    (Sign::SeemsGrave(Grave::Death), DEATH_SOFT),
    (Sign::SeemsGrave(Grave::Mourning), MOURNING_SOFT),
    (Sign::SeemsGrave(Grave::Attack), ATTACK_SOFT),
    (Sign::SeemsGrave(Grave::Illness), ILLNESS_SOFT),
    (Sign::LooksGrave, LOOK_ALIKES),
    (Sign::Eases, EASING),
];

/// The gravest thing among the signs.
pub(super) fn grave_in(signs: &[Found], laughs: bool) -> Option<Grave> {
    let is_eased = laughs || signs.iter().any(|(_, sign)| *sign == Sign::Eases);
    let is_innocent = |range: &Range<usize>| {
        signs
            .iter()
            .any(|(alike, sign)| *sign == Sign::LooksGrave && alike.start < range.end && range.start < alike.end)
    };
    let grave = signs.iter().filter_map(|(range, sign)| match sign {
        Sign::Grave(grave) => Some((range, *grave)),
        Sign::SeemsGrave(grave) if !is_eased => Some((range, *grave)),
        _ => None,
    });
    grave.filter(|(range, _)| !is_innocent(range)).map(|(_, grave)| grave).min()
}

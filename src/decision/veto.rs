//! The hard veto: where people mourn, hide from rockets, are hurt or quarrel, nothing is said unasked for hours. It is
//! judged before any score, and it holds for everything unasked: lines, reactions, spontaneous lines.

use std::{collections::HashSet, time::Duration};

use super::recent::{Heard, Recent};
use crate::{
    analysis::{Grave, Hostility},
    domain::{AuthorKind, Timestamp, UserId},
};

/// A quarrel shows within so many messages,
const QUARREL_LINES: usize = 10;
/// and within this time.
const QUARREL_TIME: Duration = Duration::from_secs(20 * 60);
/// So many sharp messages, by two people or more, are a quarrel; an open insult is one alone.
const QUARREL_SHARP: usize = 2;

/// What is grave in the newest `fresh` messages, or between people in the last ones.
pub fn grave_now(recent: &Recent<'_>, fresh: usize) -> Option<(Grave, Timestamp)> {
    let lines = &recent.lines;
    let new = &lines[lines.len().saturating_sub(fresh)..];
    let said = new
        .iter()
        .filter(|line| line.message.author.kind != AuthorKind::Own)
        .filter_map(|line| line.reading.grave.map(|grave| (grave, line.at())))
        .min();
    said.or_else(|| {
        let newest = new.iter().rfind(|line| line.reading.hostility != Hostility::None)?;
        quarrels(recent).then_some((Grave::Quarrel, newest.at()))
    })
}

/// Whether people quarrel in the last messages. Being rude to the bot is no quarrel.
pub fn quarrels(recent: &Recent<'_>) -> bool {
    let Some(newest) = recent.newest() else { return false };
    let last = recent.lines.iter().rev().take(QUARREL_LINES);
    let hostile: Vec<&Heard<'_>> = last
        .filter(|line| line.is_persons() && !line.is_for_us && newest.at().since(line.at()) <= QUARREL_TIME)
        .filter(|line| line.reading.hostility != Hostility::None)
        .collect();
    let open = hostile.iter().any(|line| line.reading.hostility == Hostility::Open);
    let people: HashSet<UserId> = hostile.iter().map(|line| line.author()).collect();
    open || (hostile.len() >= QUARREL_SHARP && people.len() >= 2)
}

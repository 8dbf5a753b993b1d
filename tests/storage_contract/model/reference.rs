//! What inbox and outbox are meant to do, in plain collections.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gryag::{
    domain::Timestamp,
    storage::{Ended, FinishedTurn, Verdict},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    Done,
    Dead,
}

#[derive(Debug)]
struct Row {
    key: i64,
    attempts: u32,
    not_before: i64,
    state: State,
    answers: u32,
}

#[derive(Debug)]
struct Live {
    owner: String,
    token: i64,
    until: i64,
    keys: Vec<i64>,
}

#[derive(Debug, Default)]
struct Lane {
    rows: Vec<Row>,
    live: Option<Live>,
    /// The last token whose turn has ended.
    ended: Option<i64>,
    /// The answer that the lane waits for.
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    text: String,
    parts: usize,
    part: usize,
    attempts: u32,
    not_before: i64,
    sending: Option<(String, i64)>,
    unknown: bool,
}

/// A claim as the model tells it: the lane, its token, and its rows with their attempts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Taken {
    pub(super) lane: i64,
    pub(super) token: i64,
    pub(super) rows: Vec<(i64, u32)>,
}

/// A part's text and which try it is.
pub(super) type Part = (String, u32);

/// What may begin, and how many answers end because their sender died.
#[derive(Debug, Default)]
pub(super) struct Begins {
    pub(super) due: BTreeSet<Part>,
    pub(super) ended: usize,
}

/// The model. A lane's number stands for its chat too.
#[derive(Debug, Default)]
pub(super) struct Reference {
    lanes: BTreeMap<i64, Lane>,
    /// Ends that were recorded: by whom, of which part, with which word, and what they ended.
    recorded: BTreeMap<(String, Part), (&'static str, Option<&'static str>)>,
}

impl Reference {
    pub(super) fn admit(&mut self, lane: i64, key: i64) -> bool {
        let rows = &mut self.lanes.entry(lane).or_default().rows;
        let new = rows.iter().all(|row| row.key != key);
        if new {
            rows.push(Row { key, attempts: 0, not_before: 0, state: State::Waiting, answers: 0 });
        }
        new
    }

    /// What a claim must bring. Tokens are the store's own choice, as long as they grow.
    pub(super) fn claim(
        &mut self,
        owner: &str,
        now: Timestamp,
        lease: Duration,
        rows_max: usize,
        taken: &[Taken],
    ) -> Vec<Taken> {
        let mut claims = Vec::new();
        for (number, lane) in &mut self.lanes {
            if lane.answer.is_some() || lane.live.as_ref().is_some_and(|live| live.until > now.0) {
                continue;
            }
            let eligible = |row: &&mut Row| row.state == State::Waiting && row.not_before <= now.0;
            let mut rows: Vec<_> = lane.rows.iter_mut().filter(eligible).take(rows_max).collect();
            let run = match rows.first() {
                None => continue,
                Some(first) if first.attempts > 0 => 1,
                Some(_) => rows.iter().take_while(|row| row.attempts == 0).count(),
            };
            rows.truncate(run);
            let seen = taken.iter().find(|taken| taken.lane == *number).map_or(0, |taken| taken.token);
            let grown = lane.live.as_ref().is_none_or(|live| live.token < seen);
            let token = if grown { seen } else { -1 };
            rows.iter_mut().for_each(|row| row.attempts += 1);
            let rows: Vec<_> = rows.iter().map(|row| (row.key, row.attempts)).collect();
            lane.live = Some(Live {
                owner: owner.to_owned(),
                token,
                until: (now + lease).0,
                keys: rows.iter().map(|(key, _)| *key).collect(),
            });
            claims.push(Taken { lane: *number, token, rows });
        }
        claims
    }

    /// Whether this may finish; if so, it has, now or before.
    pub(super) fn finish(&mut self, lane: i64, token: i64, turn: &FinishedTurn, now: Timestamp) -> bool {
        let lane = self.lanes.get_mut(&lane).expect("a claimed lane is known");
        let Some(live) = lane.live.take_if(|live| live.token == token) else { return lane.ended == Some(token) };
        lane.ended = Some(token);
        for row in lane.rows.iter_mut().filter(|row| live.keys.contains(&row.key)) {
            match turn.verdicts.iter().find(|(key, _)| key.0 == row.key) {
                Some((_, Verdict::RetryAt(at))) => row.not_before = at.0,
                Some((_, Verdict::Dead { .. })) => row.state = State::Dead,
                None => {
                    row.state = State::Done;
                    row.answers += u32::from(turn.says.is_some());
                }
            }
        }
        if let Some(says) = &turn.says {
            let text = says.parts[0].text.trim_end_matches(" 0").to_owned();
            lane.answer = Some(Answer {
                text,
                parts: says.parts.len(),
                part: 0,
                attempts: 0,
                not_before: now.0,
                sending: None,
                unknown: false,
            });
        }
        true
    }

    pub(super) fn renew(&mut self, lane: i64, token: i64, until: Timestamp) -> bool {
        let live = self.lanes.get_mut(&lane).and_then(|lane| lane.live.as_mut());
        match live.filter(|live| live.token == token) {
            Some(live) => {
                live.until = until.0;
                true
            }
            None => false,
        }
    }

    pub(super) fn release(&mut self, owner: &str) -> u64 {
        let mut released = 0;
        for lane in self.lanes.values_mut() {
            let Some(live) = lane.live.take_if(|live| live.owner == owner) else { continue };
            lane.rows.iter_mut().filter(|row| live.keys.contains(&row.key)).for_each(|row| row.attempts -= 1);
            released += 1;
        }
        released
    }

    pub(super) fn begin(&mut self, owner: &str, now: Timestamp, call_limit: Duration) -> Begins {
        let mut begins = Begins::default();
        for lane in self.lanes.values_mut() {
            let lost =
                |answer: &Answer| answer.sending.as_ref().is_some_and(|(_, since)| *since <= (now - call_limit).0);
            if lane.answer.as_ref().is_some_and(lost) && end_part(&mut lane.answer, true, now).is_some() {
                begins.ended += 1;
            }
            let Some(answer) = &mut lane.answer else { continue };
            if answer.sending.is_none() && answer.not_before <= now.0 {
                answer.sending = Some((owner.to_owned(), now.0));
                answer.attempts += 1;
                begins.due.insert((format!("{} {}", answer.text, answer.part), answer.attempts));
            }
        }
        begins
    }

    /// Nothing if the sender is fenced; else the state of the answer if it has ended. The same end again says the same.
    pub(super) fn end_send(
        &mut self,
        owner: &str,
        part: &Part,
        ended: &Ended,
        now: Timestamp,
    ) -> Option<Option<&'static str>> {
        let word = match ended {
            Ended::Sent(_) => "sent",
            Ended::Unknown { .. } => "unknown",
            Ended::Refused { .. } => "refused",
            _ => "goes on",
        };
        let key = (owner.to_owned(), part.clone());
        if let Some((before, state)) = self.recorded.get(&key) {
            return (*before == word).then_some(*state);
        }
        let state = self.end_running(owner, part, ended, now)?;
        if word != "goes on" {
            self.recorded.insert(key, (word, state));
        }
        Some(state)
    }

    fn end_running(&mut self, owner: &str, part: &Part, ended: &Ended, now: Timestamp) -> Option<Option<&'static str>> {
        let answer = self.lanes.values_mut().map(|lane| &mut lane.answer).find(|answer| {
            answer.as_ref().is_some_and(|answer| {
                format!("{} {}", answer.text, answer.part) == part.0
                    && answer.attempts == part.1
                    && answer.sending.as_ref().is_some_and(|(sender, _)| sender == owner)
            })
        })?;
        Some(match ended {
            Ended::Sent(_) => end_part(answer, false, now),
            Ended::Unknown { .. } => end_part(answer, true, now),
            Ended::Refused { .. } => {
                *answer = None;
                Some("refused")
            }
            Ended::RetryAt { at, .. } => {
                let answer = answer.as_mut().expect("found above");
                answer.sending = None;
                answer.not_before = at.0;
                None
            }
            Ended::Done | Ended::Migrated { .. } => {
                unreachable!("the model only says, in groups that stay where they are")
            }
        })
    }

    pub(super) fn is_settled(&self) -> bool {
        self.lanes.values().all(|lane| {
            lane.answer.is_none() && lane.live.is_none() && lane.rows.iter().all(|row| row.state != State::Waiting)
        })
    }

    pub(super) fn answers_by_update(&self) -> Vec<(i64, u32)> {
        self.lanes.values().flat_map(|lane| lane.rows.iter().map(|row| (row.key, row.answers))).collect()
    }

    pub(super) fn dead(&self) -> Vec<i64> {
        let dead = |row: &&Row| row.state == State::Dead;
        self.lanes.values().flat_map(|lane| lane.rows.iter().filter(dead).map(|row| row.key)).collect()
    }
}

/// A part has ended without a refusal: the next one is ready, or the answer has ended.
fn end_part(slot: &mut Option<Answer>, unknown: bool, now: Timestamp) -> Option<&'static str> {
    let answer = slot.as_mut().expect("only an answer's part ends");
    answer.unknown |= unknown;
    answer.part += 1;
    answer.attempts = 0;
    answer.sending = None;
    answer.not_before = now.0;
    if answer.part < answer.parts {
        return None;
    }
    let state = if answer.unknown { "unknown" } else { "sent" };
    *slot = None;
    Some(state)
}

//! The gate: what kind of moment it is and how opportune a word of the bot would be, before any model is asked. Local and
//! free; it keeps all but a few messages away from the model.
//!
//! A moment's score is the sum of the weights of its signs. All of them stand in [`weight`], with the reason for each.

use std::{collections::HashSet, time::Duration};

use super::recent::{Heard, Recent};
use crate::domain::UserId;

/// From this score on a moment is opportune.
pub const THRESHOLD: f64 = 0.5;

/// What each sign of a moment weighs. Set by hand on `tests/fixtures/labelled/gate_*.txt`.
pub mod weight {
    /// Somebody asks something.
    pub const ASKS: f64 = 0.3;
    /// Everybody is asked or called («хтось знає», «народ», «порадьте»).
    pub const ASKS_ALL: f64 = 0.3;
    /// It comes after a lull: nobody is in the middle of something.
    pub const AFTER_LULL: f64 = 0.2;
    /// It is about bots and their kind: its own topic.
    pub const OWN_TOPIC: f64 = 0.4;
    /// Somebody wants to be entertained.
    pub const WANTS_FUN: f64 = 0.4;
    /// Everybody is greeted.
    pub const GREETS_ALL: f64 = 0.5;
    /// Two or more laugh or rejoice together.
    pub const SHARED_JOY: f64 = 0.6;
    /// It is meant for one person: a reply, a mention, a name.
    pub const FOR_SOMEBODY: f64 = -0.8;
    /// It says «ти» or bids one person do something.
    pub const SAYS_YOU: f64 = -0.4;
    /// Two people talk with each other.
    pub const DIALOGUE: f64 = -0.35;
    /// It begins as an answer to what another has just said.
    pub const FOLLOWS_UP: f64 = -0.3;
    /// A question in the middle of a talk is asked of who spoke last.
    pub const IN_A_TALK: f64 = -0.25;
}

/// A silence of this length ends a talk.
const LULL: Duration = Duration::from_secs(10 * 60);
/// What was said within this time is still being talked about.
const TALK: Duration = Duration::from_secs(5 * 60);
/// Joy is shared within so many messages.
const JOY_LINES: usize = 5;
/// A dialogue shows in so many messages.
const DIALOGUE_LINES: usize = 5;
/// Messages of one person within this time are one thought.
const THOUGHT: Duration = Duration::from_secs(3 * 60);

/// What kind of moment it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Moment {
    /// A question to everybody that nobody has answered.
    OpenQuestion,
    /// Bots and their kind.
    OwnTopic,
    /// People laugh or rejoice together.
    SharedJoy,
    /// Everybody is greeted.
    Greeting,
    /// Somebody is bored.
    Boredom,
    /// People talk to each other.
    BetweenPeople,
    /// Nothing of note.
    Plain,
}

impl Moment {
    /// The word for `/why`, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenQuestion => "open_question",
            Self::OwnTopic => "own_topic",
            Self::SharedJoy => "shared_joy",
            Self::Greeting => "greeting",
            Self::Boredom => "boredom",
            Self::BetweenPeople => "between_people",
            Self::Plain => "plain",
        }
    }
}

/// What the gate makes of a moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gauge {
    /// Its kind.
    pub moment: Moment,
    /// How opportune it is; see [`THRESHOLD`].
    pub score: f64,
}

impl Gauge {
    /// Whether a word would be welcome.
    pub fn is_opportune(&self) -> bool {
        self.score >= THRESHOLD
    }
}

/// Gauges the moment of the newest message.
pub fn gauge(recent: &Recent<'_>) -> Gauge {
    let plain = Gauge { moment: Moment::Plain, score: 0.0 };
    let Some(newest) = recent.newest().filter(|newest| newest.is_persons()) else { return plain };
    let (thought, before) = split_thought(&recent.lines, newest);
    let any = |sign: fn(&Heard<'_>) -> bool| thought.iter().any(sign);
    let lull = before.last().is_none_or(|last| thought_begins(thought).since(last.at()) >= LULL);
    let in_a_talk = before.last().is_some_and(|last| thought_begins(thought).since(last.at()) < TALK);
    let joy = shares_joy(recent, newest);
    let asks = any(|line| line.reading.asks);
    let asks_all = any(|line| line.reading.asks_all);
    let greets = any(|line| line.reading.greets_all);
    let for_somebody = thought.iter().any(recent.for_somebody());
    let says_you = any(|line| line.reading.says_you) && !asks_all;
    let dialogue = is_dialogue(recent);
    let signs = [
        (asks, weight::ASKS),
        (asks_all, weight::ASKS_ALL),
        (lull && !for_somebody, weight::AFTER_LULL),
        (any(|line| line.reading.talks_of_bots), weight::OWN_TOPIC),
        (any(|line| line.reading.wants_fun), weight::WANTS_FUN),
        (greets && !in_a_talk, weight::GREETS_ALL),
        (joy, weight::SHARED_JOY),
        (for_somebody, weight::FOR_SOMEBODY),
        (says_you, weight::SAYS_YOU),
        (dialogue, weight::DIALOGUE),
        (in_a_talk && newest.reading.follows_up && !joy, weight::FOLLOWS_UP),
        (in_a_talk && asks, weight::IN_A_TALK),
    ];
    let score: f64 = signs.iter().filter(|(holds, _)| *holds).map(|(_, weight)| weight).sum();
    let moment = if for_somebody || (dialogue && score < THRESHOLD) {
        Moment::BetweenPeople
    } else if joy {
        Moment::SharedJoy
    } else if any(|line| line.reading.wants_fun) {
        Moment::Boredom
    } else if any(|line| line.reading.talks_of_bots) {
        Moment::OwnTopic
    } else if asks || asks_all {
        Moment::OpenQuestion
    } else if greets {
        Moment::Greeting
    } else {
        Moment::Plain
    };
    Gauge { moment, score }
}

/// The newest messages of the same person that are one thought, and what stands before them.
fn split_thought<'a, 'b>(lines: &'b [Heard<'a>], newest: &Heard<'a>) -> (&'b [Heard<'a>], &'b [Heard<'a>]) {
    let own = |line: &&Heard<'_>| line.author() == newest.author() && newest.at().since(line.at()) <= THOUGHT;
    let length = lines.iter().rev().take_while(own).count();
    let (before, thought) = lines.split_at(lines.len() - length.max(1));
    (thought, before)
}

fn thought_begins(thought: &[Heard<'_>]) -> crate::domain::Timestamp {
    thought[0].at()
}

/// Whether the newest message laughs or rejoices with somebody else's.
fn shares_joy(recent: &Recent<'_>, newest: &Heard<'_>) -> bool {
    let is_joy = |line: &&Heard<'_>| line.is_persons() && (line.reading.laughs || line.reading.rejoices);
    let last = recent.lines.iter().rev().take(JOY_LINES).filter(|line| newest.at().since(line.at()) <= TALK);
    let joyful: HashSet<UserId> = last.filter(is_joy).map(|line| line.author()).collect();
    is_joy(&newest) && joyful.len() >= 2
}

/// Whether the last messages go to and fro between the same two people.
fn is_dialogue(recent: &Recent<'_>) -> bool {
    let Some(newest) = recent.newest() else { return false };
    let last: Vec<UserId> = recent
        .lines
        .iter()
        .rev()
        .take_while(|line| newest.at().since(line.at()) <= LULL)
        .take(DIALOGUE_LINES)
        .map(|line| line.author())
        .collect();
    let people: HashSet<&UserId> = last.iter().collect();
    let turns = last.windows(2).filter(|pair| pair[0] != pair[1]).count();
    people.len() == 2 && turns >= 2
}

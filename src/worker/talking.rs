//! What a turn notes of the talk in its chat: who talked, who floods, what is grave, how the bot's words were taken.

use std::sync::Arc;

use super::{
    lines::{Happened, Line, Lines, Place},
    turn::Turn,
};
use crate::{
    analysis::{Hostility, read},
    decision::{
        By, Candidate, Decision, Trigger,
        flood::floods,
        recent::{Recent, reading_of},
        reception::{of_reaction, of_reply},
        veto::grave_now,
    },
    domain::{AddressedOutcome, AuthorKind, ChatKind, Message, RichText, Timestamp},
    locale::say,
    memory::Gathered,
    storage::{Reception, StorageError, TalkNotes},
    telegram,
};

/// Messages that are read to see who floods, beside those that may be written in a minute.
const FLOOD_MARGIN: u32 = 20;
/// A flood is seen within so many messages, whatever may be written in a minute.
const FLOOD_READ_MAX: u32 = 200;
/// Messages that are read to see whether people quarrel.
const QUARREL_READ: u32 = 10;

impl Turn<'_> {
    /// The turn's lines as the decision sees them, and whether a person has spoken since the bot's last words.
    pub(super) async fn candidates(
        &self,
        read: &Lines,
        past: &Gathered,
    ) -> Result<(Vec<Candidate>, bool), StorageError> {
        let mut candidates: Vec<Candidate> = read.lines.iter().map(Line::candidate).collect();
        if candidates.iter().all(|candidate| candidate.trigger.is_none()) {
            return Ok((candidates, true));
        }
        let (lane, threshold) = (self.claim.lane, self.worker.options.talk.spam_threshold);
        let limit = threshold.saturating_add(FLOOD_MARGIN).min(FLOOD_READ_MAX);
        let mut longer = Vec::new();
        if !self.worker.parts.memory.gathers(limit) {
            longer = self.worker.parts.memory.recent(lane.chat, lane.topic, limit).await?;
            longer.extend(read.lines.iter().filter(|line| !line.is_edit).map(|line| Arc::new(line.message().clone())));
        }
        let window = if longer.is_empty() { &past.window } else { &longer };
        for (line, candidate) in read.lines.iter().zip(&mut candidates) {
            candidate.floods = candidate.by != By::Us && floods(line.message(), window, threshold);
        }
        let is_of_the_turn = |id| read.lines.iter().any(|line| line.message().id == id);
        let before: Vec<&Message> =
            window.iter().map(AsRef::as_ref).filter(|message| !is_of_the_turn(message.id)).collect();
        Ok((candidates, has_a_person_spoken(&before)))
    }

    /// What is noted of the turn's talk. `remembered` are its messages as they will be remembered.
    pub(super) async fn talk_notes(&self, lines: &Lines, remembered: &[Message]) -> Result<TalkNotes, StorageError> {
        let people: Vec<&Line> = lines.lines.iter().filter(|line| is_talk_of_a_person(line)).collect();
        let addressed: Vec<&&Line> = people.iter().filter(|line| line.trigger.is_some()).collect();
        let count = |lines: usize| u32::try_from(lines).unwrap_or(u32::MAX);
        let grave = self.grave(remembered).await?;
        Ok(TalkNotes {
            people: count(people.len()),
            addressed: count(addressed.len()),
            heard_at: people.iter().map(|line| line.message().sent_at).max(),
            spoken_to_at: addressed.iter().map(|line| line.message().sent_at).max(),
            grave_until: grave.map(|at| at + self.worker.options.talk.veto),
            receptions: addressed.iter().filter_map(|line| reception_of(line)).chain(reactions(lines)).collect(),
            ..TalkNotes::of(self.claim.lane.chat)
        })
    }

    /// When the last grave thing was said, if one was.
    async fn grave(&self, remembered: &[Message]) -> Result<Option<Timestamp>, StorageError> {
        let fresh = Recent::whole(remembered);
        let is_sharp = |line: &crate::decision::recent::Heard<'_>| line.reading.hostility != Hostility::None;
        if let Some((grave, at)) = grave_now(&fresh, remembered.len()) {
            tracing::debug!(kind = grave.as_str(), "something grave is talked about");
            return Ok(Some(at));
        }
        if !fresh.lines.iter().any(is_sharp) {
            return Ok(None);
        }
        // One sharp word is no quarrel; with what was said before it may be one.
        let lane = self.claim.lane;
        let mut window = self.worker.parts.memory.recent(lane.chat, lane.topic, QUARREL_READ).await?;
        window.extend(remembered.iter().cloned().map(Arc::new));
        Ok(grave_now(&Recent::of(&window), remembered.len()).map(|(_, at)| at))
    }

    /// Counts what addressed the bot and is not answered.
    pub(super) fn count_unanswered(&self, decision: &Decision) {
        self.count(decision.stale.len(), AddressedOutcome::Stale);
        self.count(decision.ignored.len(), AddressedOutcome::Ignored);
    }

    /// What is said instead of an answer that names where something was hit or where somebody serves: somebody may aim by
    /// it.
    pub(super) fn instead_of_places(
        &self,
        parts: &[RichText],
        to: &[&Line],
        place: &Place,
        is_grave: bool,
    ) -> Option<RichText> {
        let is_asked = is_grave || to.iter().any(|line| read(&line.message().text).names_a_place);
        let tells = is_asked && parts.iter().any(|part| read(&part.text).names_a_place);
        tells.then(|| RichText::plain(say!(place.language, "places-are-not-told")))
    }

    /// Something grave is talked about, or was within the last hours.
    pub(super) fn is_grave(&self, place: &Place, notes: &TalkNotes) -> bool {
        let now = self.worker.parts.clock.now();
        [notes.grave_until, place.standing.chat.grave_until].into_iter().flatten().any(|until| until > now)
    }
}

/// How many of these lines are people's.
pub(super) fn of_people(lines: &[&Line]) -> usize {
    lines.iter().filter(|line| line.is_persons()).count()
}

/// Whether a person has written since the bot's own last words.
fn has_a_person_spoken(window: &[&Message]) -> bool {
    let after = window.iter().rposition(|message| message.author.kind == AuthorKind::Own).map_or(0, |own| own + 1);
    let is_persons = |message: &&Message| !matches!(message.author.kind, AuthorKind::Bot | AuthorKind::Own);
    window.is_empty() || after == 0 || window[after..].iter().any(is_persons)
}

fn is_talk_of_a_person(line: &Line) -> bool {
    let message = line.message();
    !line.is_edit
        && line.incoming.service.is_none()
        && line.command().is_none()
        && line.is_persons()
        && message.chat.kind == ChatKind::Group
}

/// What a reply to the bot says of the line that it answers.
fn reception_of(line: &Line) -> Option<Reception> {
    let message = line.message();
    let reply = message.reply_to.as_ref().filter(|_| line.trigger == Some(Trigger::Reply))?;
    Some(Reception { message: reply.message_id, sign: of_reply(&reading_of(message)) })
}

/// What reactions say of the messages under which they stand; those that are taken back say the opposite.
fn reactions(read: &Lines) -> impl Iterator<Item = Reception> {
    let reacted = read.events.iter().filter_map(|event| match &event.happened {
        Happened::Reacted(reaction) => Some(reaction),
        Happened::Pressed(_) | Happened::Joined(_) => None,
    });
    let is_persons = |reaction: &&telegram::Reaction| {
        reaction.from.as_ref().is_none_or(|from| !matches!(from.kind, AuthorKind::Own | AuthorKind::Bot))
    };
    reacted.filter(is_persons).filter_map(|reaction| {
        let signs = |emoji: &[String]| emoji.iter().map(|emoji| of_reaction(emoji)).sum::<i64>();
        let sign = signs(&reaction.new) - signs(&reaction.old);
        (sign != 0).then_some(Reception { message: reaction.message_id, sign })
    })
}

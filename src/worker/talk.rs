//! A conversation: decide, gather, assemble, ask the model, answer.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    lines::{Line, Lines, Place},
    spend::{Asked, Means, ledger, why},
    talking::of_people,
    turn::{Turn, TurnError, leaves},
    typing::while_typing,
};
use crate::{
    decision::{Decision, decide},
    domain::{AddressedOutcome, Answer, Message, MessageId, OutgoingKind, RichText, TokenUsage},
    gemini::GeminiError,
    markup,
    memory::Gathered,
    persona::Persona,
    prompt::{Occasion, Scene, assemble, is_blank, strip_label},
    storage::{FinishedTurn, KeptAnswer, ModelCall, NewOutgoing},
    telemetry::metric,
};

/// What the model made of a prompt.
struct Thought {
    answer: Result<Answer, GeminiError>,
    calls: Vec<ModelCall>,
}

/// What is said, and on what ground.
struct Spoken {
    answer: Answer,
    parts: Vec<RichText>,
}

/// What an answer is made in view of.
struct Talk<'a> {
    read: &'a Lines,
    place: &'a Place,
    past: Gathered,
    is_grave: bool,
}

impl Turn<'_> {
    pub(super) async fn run_talk(
        &self,
        read: Lines,
        place: &Place,
        window: Vec<Arc<Message>>,
    ) -> Result<&'static str, TurnError> {
        let is_spoken_to = read.lines.iter().any(|line| line.trigger.is_some());
        let past = if is_spoken_to { self.past(window, &read.lines).await? } else { Gathered::default() };
        let (candidates, person_since) = self.candidates(&read, &past).await?;
        let decision = decide(&candidates, person_since, self.worker.parts.clock.now(), self.worker.options.age_max);
        let mut turn = leaves(&read);
        let mut notes = self.talk_notes(&read, &turn.remembered).await?;
        let is_grave = self.is_grave(place, &notes);
        if decision.answer.is_empty() {
            turn.talk = Some(notes);
            self.finish(turn).await?;
            self.count_unanswered(&decision);
            let overheard = self.overhear(&read, place, is_grave);
            overheard.into_iter().for_each(|overheard| self.worker.consider(overheard));
            return Ok("silent");
        }
        if let Some(last) = decision.answer.last() {
            self.react_besides(&read.lines[*last], place, &mut notes).await?;
        }
        turn.talk = Some(notes);
        self.converse(turn, &decision, Talk { read: &read, place, past, is_grave }).await
    }

    /// Answers from what was kept, else by the model as far as the budgets allow.
    async fn converse(
        &self,
        mut turn: FinishedTurn,
        decision: &Decision,
        talk: Talk<'_>,
    ) -> Result<&'static str, TurnError> {
        let (lines, place) = (&talk.read.lines, talk.place);
        let question = if talk.is_grave { None } else { self.question(talk.read, &decision.answer, place, &talk.past) };
        if let Some(spoken) =
            self.kept(question.as_ref()).await?.and_then(|kept| spoken(said_before(kept), &place.persona).ok())
        {
            turn.says = Some(self.says(spoken, lines, &decision.answer, &[], true));
            self.finish(turn).await?;
            self.note_own_share(Duration::ZERO);
            self.count_unanswered(decision);
            return Ok("answered");
        }
        let means = self.means(lines, &decision.answer).await?;
        turn.limit_lines = self.limit_lines(place, lines, &means.refused);
        let outcome = if means.answer.is_empty() {
            "over_budget"
        } else {
            self.answer(&mut turn, question, &means, &talk).await?
        };
        let waited = turn.calls.iter().map(|call| call.took).sum();
        self.finish(turn).await?;
        if outcome == "answered" {
            self.note_own_share(waited);
        }
        self.count_unanswered(decision);
        let people = |which: &[usize]| of_people(&which.iter().map(|index| &lines[*index]).collect::<Vec<_>>());
        self.count(people(&means.refused), AddressedOutcome::OverBudget);
        if outcome == "failed" {
            self.count(people(&means.answer), AddressedOutcome::Failed);
        }
        Ok(outcome)
    }

    /// What an answer took beside the model's calls.
    fn note_own_share(&self, waited: Duration) {
        let own = self.started.elapsed().saturating_sub(waited);
        self.worker.parts.metrics.record(&metric::TURN_OWN_DURATION, &[], own);
    }

    /// Puts the model's answer into the turn, or a failure line.
    async fn answer(
        &self,
        turn: &mut FinishedTurn,
        question: Option<Asked>,
        means: &Means,
        talk: &Talk<'_>,
    ) -> Result<&'static str, TurnError> {
        let (lines, place) = (&talk.read.lines, talk.place);
        let thought = self.think(means, talk).await?;
        turn.calls = thought.calls;
        let to: Vec<&Line> = means.answer.iter().map(|index| &lines[*index]).collect();
        match thought.answer.and_then(|answer| spoken(answer, &place.persona)) {
            Ok(spoken) => {
                let spoken = match self.instead_of_places(&spoken.parts, &to, place, talk.is_grave) {
                    // What was not said is not kept to be said to somebody else.
                    Some(instead) => Spoken { parts: vec![instead], ..spoken },
                    None => {
                        turn.keeps =
                            question.and_then(|asked| self.keeps(&asked, &spoken.answer, talk.read, &talk.past));
                        spoken
                    }
                };
                turn.says = Some(self.says(spoken, lines, &means.answer, &turn.calls, false));
                Ok("answered")
            }
            Err(error) => {
                self.worker.parts.errors.handle("gemini", &error);
                turn.failure_line = Some(self.failure_line(place, &to));
                Ok("failed")
            }
        }
    }

    fn says(&self, spoken: Spoken, lines: &[Line], to: &[usize], calls: &[ModelCall], is_cached: bool) -> NewOutgoing {
        let to: Vec<&Line> = to.iter().map(|index| &lines[*index]).collect();
        let last = to.last().expect("somebody is answered");
        let why = why(last, &spoken.answer.model, calls, is_cached);
        NewOutgoing { why: Some(why), ..self.outgoing(OutgoingKind::Answer, spoken.parts, &to) }
    }

    async fn past(&self, window: Vec<Arc<Message>>, lines: &[Line]) -> Result<Gathered, TurnError> {
        let lane = self.claim.lane;
        let messages: Vec<_> = lines.iter().map(Line::message).collect();
        Ok(self.worker.parts.memory.gather_with(window, (lane.chat, lane.topic), &messages).await?)
    }

    async fn think(&self, means: &Means, talk: &Talk<'_>) -> Result<Thought, TurnError> {
        let (parts, options) = (&self.worker.parts, &self.worker.options);
        let deadline = Instant::now() + options.turn_deadline;
        let (lane, lines) = (self.claim.lane, &talk.read.lines);
        let answer: Vec<MessageId> = means.answer.iter().map(|index| lines[*index].message().id).collect();
        let asking = async {
            let fetcher = &self.worker.fetcher;
            // Bound to a name: what it fetched takes up room until the model has answered.
            let shown = fetcher.fetch(lines, &means.answer, &talk.past, &parts.memory, deadline).await?;
            let prompt = assemble(Scene {
                persona: &talk.place.persona,
                gathered: &talk.past,
                seen: &shown.seen,
                answer: &answer,
                occasion: Occasion::Addressed,
                grave: talk.is_grave,
                now: parts.clock.now(),
                language: talk.place.language,
                tokens_max: options.context_tokens_max,
            });
            Ok::<_, TurnError>(self.worker.ask(&prompt, deadline, means.choice, talk.place).await)
        };
        let outcome = while_typing(&parts.telegram, lane.chat, lane.topic, asking).await?;
        let payer = means.answer.last().map(|index| lines[*index].message().author.id);
        Ok(Thought { answer: outcome.result, calls: ledger(outcome.calls, lane.chat, "answer", payer) })
    }
}

/// An answer that was kept, as if the model had just given it.
fn said_before(kept: KeptAnswer) -> Answer {
    Answer { text: kept.text, model: kept.model, usage: TokenUsage::default(), cut: false }
}

fn spoken(answer: Answer, persona: &Persona) -> Result<Spoken, GeminiError> {
    let parts = words(&answer, persona)?;
    Ok(Spoken { answer, parts })
}

/// The model's answer as it is said. One of nothing but invisible characters is none: Telegram would refuse it.
pub(super) fn words(answer: &Answer, persona: &Persona) -> Result<Vec<RichText>, GeminiError> {
    let text = strip_label(&answer.text, persona);
    let text = if answer.cut { markup::end_at_sentence(text) } else { text };
    let parts = if is_blank(text) { Vec::new() } else { markup::render(text) };
    if parts.is_empty() {
        return Err(GeminiError::Empty { reason: "nothing visible".to_owned(), usage: answer.usage });
    }
    Ok(parts)
}

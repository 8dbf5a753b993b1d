//! A conversation: decide, gather, assemble, ask the model, answer.

use tokio::time::Instant;

use super::{
    lines::{Line, Lines, Place},
    spend::{Asked, Means, why},
    turn::{Turn, TurnError, leaves},
    typing::while_typing,
};
use crate::{
    decision::decide,
    domain::{AddressedOutcome, Answer, MessageId, OutgoingKind, RichText, TokenUsage},
    gemini::GeminiError,
    markup,
    memory::Gathered,
    persona::Persona,
    prompt::{Occasion, Scene, assemble, is_blank, strip_label},
    storage::{FinishedTurn, KeptAnswer, ModelCall, NewOutgoing},
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

impl Turn<'_> {
    pub(super) async fn run_talk(&self, read: Lines, place: &Place) -> Result<&'static str, TurnError> {
        let candidates: Vec<_> = read.lines.iter().map(Line::candidate).collect();
        let decision = decide(&candidates, self.worker.parts.clock.now(), self.worker.options.age_max);
        let mut turn = leaves(&read);
        if decision.answer.is_empty() {
            self.finish(turn).await?;
            self.count(&decision.stale, AddressedOutcome::Stale);
            return Ok("silent");
        }
        let past = self.past(&read.lines).await?;
        let question = self.question(&read, &decision.answer, place, &past);
        if let Some(spoken) =
            self.kept(question.as_ref()).await?.and_then(|kept| spoken(said_before(kept), &place.persona).ok())
        {
            turn.says = Some(self.says(spoken, &read.lines, &decision.answer, &[], true));
            self.finish(turn).await?;
            self.count(&decision.stale, AddressedOutcome::Stale);
            return Ok("answered");
        }
        let means = self.means(&read.lines, &decision.answer).await?;
        turn.limit_lines = self.limit_lines(place, &read.lines, &means.refused);
        let outcome = if means.answer.is_empty() {
            self.finish(turn).await?;
            "over_budget"
        } else {
            let thought = self.think(&read.lines, &means, place, &past).await?;
            turn.calls = thought.calls;
            self.answer(
                turn,
                thought.answer.and_then(|answer| spoken(answer, &place.persona)),
                question,
                &read,
                &means,
                place,
                &past,
            )
            .await?
        };
        self.count(&decision.stale, AddressedOutcome::Stale);
        self.count(&means.refused, AddressedOutcome::OverBudget);
        if outcome == "failed" {
            self.count(&means.answer, AddressedOutcome::Failed);
        }
        Ok(outcome)
    }

    /// Ends the turn with the model's answer, or with a failure line.
    #[expect(clippy::too_many_arguments, reason = "all that a turn has come to know ends here")]
    async fn answer(
        &self,
        mut turn: FinishedTurn,
        spoken: Result<Spoken, GeminiError>,
        question: Option<Asked>,
        read: &Lines,
        means: &Means,
        place: &Place,
        past: &Gathered,
    ) -> Result<&'static str, TurnError> {
        let outcome = match spoken {
            Ok(spoken) => {
                turn.keeps = question.and_then(|asked| self.keeps(&asked, &spoken.answer, read, past));
                turn.says = Some(self.says(spoken, &read.lines, &means.answer, &turn.calls, false));
                "answered"
            }
            Err(error) => {
                self.worker.parts.errors.handle("gemini", &error);
                let to: Vec<&Line> = means.answer.iter().map(|index| &read.lines[*index]).collect();
                turn.failure_line = Some(self.failure_line(place, &to));
                "failed"
            }
        };
        self.finish(turn).await?;
        Ok(outcome)
    }

    fn says(&self, spoken: Spoken, lines: &[Line], to: &[usize], calls: &[ModelCall], is_cached: bool) -> NewOutgoing {
        let to: Vec<&Line> = to.iter().map(|index| &lines[*index]).collect();
        let last = to.last().expect("somebody is answered");
        let why = why(last, &spoken.answer.model, calls, is_cached);
        NewOutgoing { why: Some(why), ..self.outgoing(OutgoingKind::Answer, spoken.parts, &to) }
    }

    async fn past(&self, lines: &[Line]) -> Result<Gathered, TurnError> {
        let lane = self.claim.lane;
        let messages: Vec<_> = lines.iter().map(Line::message).collect();
        Ok(self.worker.parts.memory.gather(lane.chat, lane.topic, &messages).await?)
    }

    async fn think(&self, lines: &[Line], means: &Means, place: &Place, past: &Gathered) -> Result<Thought, TurnError> {
        let (parts, options) = (&self.worker.parts, &self.worker.options);
        let deadline = Instant::now() + options.turn_deadline;
        let lane = self.claim.lane;
        let answer: Vec<MessageId> = means.answer.iter().map(|index| lines[*index].message().id).collect();
        let now = parts.clock.now();
        let asking = async {
            let fetcher = &self.worker.fetcher;
            // Bound to a name: what it fetched takes up room until the model has answered.
            let shown = fetcher.fetch(lines, &means.answer, past, &parts.memory, deadline).await?;
            let prompt = assemble(Scene {
                persona: &place.persona,
                gathered: past,
                seen: &shown.seen,
                answer: &answer,
                occasion: Occasion::Addressed,
                grave: place.standing.chat.grave_until.is_some_and(|until| until > now),
                now,
                language: place.language,
                tokens_max: options.context_tokens_max,
            });
            Ok::<_, TurnError>(parts.gemini.answer(&prompt, deadline, means.choice).await)
        };
        let outcome = while_typing(&parts.telegram, lane.chat, lane.topic, asking).await?;
        let payer = means.answer.last().map(|index| lines[*index].message().author.id);
        Ok(Thought { answer: outcome.result, calls: self.ledger(outcome.calls, "answer", payer) })
    }
}

/// An answer that was kept, as if the model had just given it.
fn said_before(kept: KeptAnswer) -> Answer {
    Answer { text: kept.text, model: kept.model, usage: TokenUsage::default(), cut: false }
}

/// The model's answer as it is said. One of nothing but invisible characters is none: Telegram would refuse it.
fn spoken(answer: Answer, persona: &Persona) -> Result<Spoken, GeminiError> {
    let text = strip_label(&answer.text, persona);
    let text = if answer.cut { markup::end_at_sentence(text) } else { text };
    let parts = if is_blank(text) { Vec::new() } else { markup::render(text) };
    if parts.is_empty() {
        return Err(GeminiError::Empty { reason: "nothing visible".to_owned(), usage: answer.usage });
    }
    Ok(Spoken { answer, parts })
}

//! A conversation: decide, gather, assemble, ask the model, answer.

use tokio::time::Instant;

use super::{
    lines::{Line, Lines, Place},
    turn::{Turn, TurnError, leaves},
    typing::while_typing,
};
use crate::{
    decision::{Decision, decide},
    domain::{AddressedOutcome, Answer, MessageId, OutgoingKind, RichText},
    gemini::{Choice, GeminiError},
    markup,
    persona::Persona,
    prompt::{Occasion, Scene, assemble, is_blank, strip_label},
    storage::ModelCall,
};

/// What the model made of a prompt.
struct Thought {
    answer: Result<Answer, GeminiError>,
    calls: Vec<ModelCall>,
}

impl Turn<'_> {
    pub(super) async fn run_talk(&self, read: Lines, place: &Place) -> Result<&'static str, TurnError> {
        let candidates: Vec<_> = read.lines.iter().map(Line::candidate).collect();
        let decision = decide(&candidates, true, self.worker.parts.clock.now(), self.worker.options.age_max);
        let mut turn = leaves(&read);
        if decision.answer.is_empty() {
            self.finish(turn).await?;
            self.count(&decision.stale, AddressedOutcome::Stale);
            return Ok("silent");
        }
        let thought = self.think(&read.lines, &decision, place).await?;
        turn.calls = thought.calls;
        let to_answer: Vec<&Line> = decision.answer.iter().map(|index| &read.lines[*index]).collect();
        match thought.answer.and_then(|answer| spoken(&answer, &place.persona)) {
            Ok(parts) => {
                turn.says = Some(self.outgoing(OutgoingKind::Answer, parts, &to_answer));
                self.finish(turn).await?;
                self.count(&decision.stale, AddressedOutcome::Stale);
                Ok("answered")
            }
            Err(error) => {
                self.worker.parts.errors.handle("gemini", &error);
                turn.failure_line = Some(self.failure_line(place, &to_answer));
                self.finish(turn).await?;
                self.count(&decision.stale, AddressedOutcome::Stale);
                self.count(&decision.answer, AddressedOutcome::Failed);
                Ok("failed")
            }
        }
    }

    async fn think(&self, lines: &[Line], decision: &Decision, place: &Place) -> Result<Thought, TurnError> {
        let (parts, options) = (&self.worker.parts, &self.worker.options);
        let deadline = Instant::now() + options.turn_deadline;
        let lane = self.claim.lane;
        let messages: Vec<_> = lines.iter().map(Line::message).collect();
        let gathered = parts.memory.gather(lane.chat, lane.topic, &messages).await?;
        let answer: Vec<MessageId> = decision.answer.iter().map(|index| messages[*index].id).collect();
        let now = parts.clock.now();
        let asking = async {
            let fetcher = &self.worker.fetcher;
            // Bound to a name: what it fetched takes up room until the model has answered.
            let shown = fetcher.fetch(lines, &decision.answer, &gathered, &parts.memory, deadline).await?;
            let prompt = assemble(Scene {
                persona: &place.persona,
                gathered: &gathered,
                seen: &shown.seen,
                answer: &answer,
                occasion: Occasion::Addressed,
                grave: place.standing.chat.grave_until.is_some_and(|until| until > now),
                now,
                language: place.language,
                tokens_max: options.context_tokens_max,
            });
            Ok::<_, TurnError>(parts.gemini.answer(&prompt, deadline, Choice::USUAL).await)
        };
        let outcome = while_typing(&parts.telegram, lane.chat, lane.topic, asking).await?;
        let calls = outcome
            .calls
            .into_iter()
            .map(|call| ModelCall {
                at: call.at,
                chat: lane.chat,
                user: decision.answer.last().map(|index| messages[*index].author.id),
                purpose: "answer",
                model: call.model,
                outcome: call.outcome,
                took: call.took,
                usage: call.usage,
                cost: call.cost,
                is_unasked: false,
            })
            .collect();
        Ok(Thought { answer: outcome.result, calls })
    }
}

/// The model's answer as it is said. One of nothing but invisible characters is none: Telegram would refuse it.
fn spoken(answer: &Answer, persona: &Persona) -> Result<Vec<RichText>, GeminiError> {
    let text = strip_label(&answer.text, persona);
    let text = if answer.cut { markup::end_at_sentence(text) } else { text };
    let parts = if is_blank(text) { Vec::new() } else { markup::render(text) };
    if parts.is_empty() {
        return Err(GeminiError::Empty { reason: "nothing visible".to_owned(), usage: answer.usage });
    }
    Ok(parts)
}

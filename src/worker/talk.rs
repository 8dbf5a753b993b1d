//! A conversation: decide, gather, assemble, ask the model, answer.

use tokio::time::Instant;

use super::{
    lines::{Line, Lines, Place},
    talking::of_people,
    turn::{Turn, TurnError, leaves},
    typing::while_typing,
};
use crate::{
    decision::{Decision, decide},
    domain::{AddressedOutcome, Answer, ChatId, MessageId, OutgoingKind, RichText, UserId},
    gemini::{CallRecord, Choice, GeminiError},
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
        let (candidates, person_since) = self.candidates(&read).await?;
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
        let thought = self.think(&read.lines, &decision, place, is_grave).await?;
        turn.calls = thought.calls;
        let to_answer: Vec<&Line> = decision.answer.iter().map(|index| &read.lines[*index]).collect();
        if let Some(last) = to_answer.last() {
            self.react_besides(last, place, &mut notes).await?;
        }
        turn.talk = Some(notes);
        match thought.answer.and_then(|answer| spoken(&answer, &place.persona)) {
            Ok(parts) => {
                let parts = self.without_places(parts, &to_answer, place, is_grave);
                turn.says = Some(self.outgoing(OutgoingKind::Answer, parts, &to_answer));
                self.finish(turn).await?;
                self.count_unanswered(&decision);
                Ok("answered")
            }
            Err(error) => {
                self.worker.parts.errors.handle("gemini", &error);
                turn.failure_line = Some(self.failure_line(place, &to_answer));
                self.finish(turn).await?;
                self.count_unanswered(&decision);
                self.count(of_people(&to_answer), AddressedOutcome::Failed);
                Ok("failed")
            }
        }
    }

    async fn think(
        &self,
        lines: &[Line],
        decision: &Decision,
        place: &Place,
        is_grave: bool,
    ) -> Result<Thought, TurnError> {
        let (parts, options) = (&self.worker.parts, &self.worker.options);
        let deadline = Instant::now() + options.turn_deadline;
        let lane = self.claim.lane;
        let messages: Vec<_> = lines.iter().map(Line::message).collect();
        let gathered = parts.memory.gather(lane.chat, lane.topic, &messages).await?;
        let answer: Vec<MessageId> = decision.answer.iter().map(|index| messages[*index].id).collect();
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
                grave: is_grave,
                now: parts.clock.now(),
                language: place.language,
                tokens_max: options.context_tokens_max,
            });
            Ok::<_, TurnError>(parts.gemini.answer(&prompt, deadline, Choice::USUAL).await)
        };
        let outcome = while_typing(&parts.telegram, lane.chat, lane.topic, asking).await?;
        let user = decision.answer.last().map(|index| messages[*index].author.id);
        let calls = calls_of(outcome.calls, lane.chat, user, "answer", false);
        Ok(Thought { answer: outcome.result, calls })
    }
}

/// Calls of the model as the ledger keeps them.
pub(super) fn calls_of(
    calls: Vec<CallRecord>,
    chat: ChatId,
    user: Option<UserId>,
    purpose: &'static str,
    is_unasked: bool,
) -> Vec<ModelCall> {
    let kept = |call: CallRecord| ModelCall {
        at: call.at,
        chat,
        user,
        purpose,
        model: call.model,
        outcome: call.outcome,
        took: call.took,
        usage: call.usage,
        cost: call.cost,
        is_unasked,
    };
    calls.into_iter().map(kept).collect()
}

/// The model's answer as it is said. One of nothing but invisible characters is none: Telegram would refuse it.
pub(super) fn spoken(answer: &Answer, persona: &Persona) -> Result<Vec<RichText>, GeminiError> {
    let text = strip_label(&answer.text, persona);
    let text = if answer.cut { markup::end_at_sentence(text) } else { text };
    let parts = if is_blank(text) { Vec::new() } else { markup::render(text) };
    if parts.is_empty() {
        return Err(GeminiError::Empty { reason: "nothing visible".to_owned(), usage: answer.usage });
    }
    Ok(parts)
}

//! An answer that is whole: one that the model's token limit has cut is asked for to its end.

use tokio::time::Instant;

use super::{Worker, lines::Place};
use crate::{
    domain::Prompt,
    gemini::{Choice, Outcome},
    prompt::{go_on, joined},
};

/// How often the model is asked to go on: with the default limit it has then written a story of some ten thousand words,
/// and whatever has no end there is ended at a sentence.
const FURTHER_MAX: usize = 4;

impl Worker {
    /// Asks the model, and asks it to go on while its answer is cut. Ends by `deadline`; all calls are in the outcome.
    pub(super) async fn ask(&self, prompt: &Prompt, deadline: Instant, choice: Choice, place: &Place) -> Outcome {
        let mut outcome = self.parts.gemini.answer(prompt, deadline, choice).await;
        for _ in 0..FURTHER_MAX {
            let Ok(answer) = &mut outcome.result else { break };
            if !answer.cut {
                break;
            }
            let further =
                self.parts.gemini.answer(&go_on(prompt, &answer.text, place.language), deadline, choice).await;
            outcome.calls.extend(further.calls);
            match further.result {
                Ok(further) => {
                    answer.text = joined(&answer.text, &further.text, &place.persona);
                    answer.cut = further.cut;
                }
                Err(error) => {
                    // What there is ends at a sentence.
                    self.parts.errors.handle("gemini", &error);
                    break;
                }
            }
        }
        outcome
    }
}

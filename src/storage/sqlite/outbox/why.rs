//! Why something was said, as it stands in a row.

use serde::{Deserialize, Serialize};

use crate::domain::{TokenUsage, Why};

/// Short names, for every answer has one. What is missing in an older row reads as nothing.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredWhy {
    trigger: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Prompt, of these cached, thoughts, answer.
    tokens: [u32; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    nano_usd: Option<i64>,
    cached: bool,
}

pub(super) fn stored_why(why: &Why) -> String {
    let stored = StoredWhy {
        trigger: why.trigger.clone(),
        // JSON has no word for what is no number.
        score: why.score.filter(|score| score.is_finite()),
        model: why.model.clone(),
        tokens: [why.usage.prompt, why.usage.cached, why.usage.thoughts, why.usage.answer],
        nano_usd: why.cost_nano_usd,
        cached: why.is_cached,
    };
    serde_json::json!(stored).to_string()
}

/// None for what cannot be read: then nothing is known.
pub(in super::super) fn read_why(stored: &str) -> Option<Why> {
    let stored: StoredWhy = serde_json::from_str(stored).ok()?;
    let [prompt, cached, thoughts, answer] = stored.tokens;
    Some(Why {
        trigger: stored.trigger,
        score: stored.score,
        model: stored.model,
        usage: TokenUsage { prompt, cached, thoughts, answer },
        cost_nano_usd: stored.nano_usd,
        is_cached: stored.cached,
    })
}

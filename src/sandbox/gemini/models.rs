//! The models that the stand-in knows (gemini_api.md section 6), and what each refuses.

use serde_json::{Value, json};

/// A model and its rules.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) id: &'static str,
    /// Thinking levels that it takes; none: it takes a budget instead.
    pub(super) levels: &'static [&'static str],
    pub(super) takes_budget: bool,
    /// Whether the last turn may be the model's own.
    pub(super) may_end_with_model: bool,
    pub(super) is_embedding: bool,
}

/// Input limit of all chat models here.
pub(super) const INPUT_TOKENS_MAX: u64 = 1_048_576;
/// Output limit of all chat models here.
pub(super) const OUTPUT_TOKENS_MAX: i64 = 65_536;

const MINIMAL_TO_HIGH: &[&str] = &["MINIMAL", "LOW", "MEDIUM", "HIGH"];
const LOW_TO_HIGH: &[&str] = &["LOW", "MEDIUM", "HIGH"];

const fn chat(id: &'static str, levels: &'static [&'static str]) -> Model {
    Model { id, levels, takes_budget: true, may_end_with_model: true, is_embedding: false }
}

const fn strict(model: Model) -> Model {
    Model { may_end_with_model: false, ..model }
}

const MODELS: &[Model] = &[
    strict(chat("gemini-3.8-flash", LOW_TO_HIGH)),
    strict(chat("gemini-3.7-flash", MINIMAL_TO_HIGH)),
    strict(chat("gemini-3.6-flash", MINIMAL_TO_HIGH)),
    chat("gemini-3.5-flash", MINIMAL_TO_HIGH),
    chat("gemini-3.5-flash-lite", MINIMAL_TO_HIGH),
    chat("gemini-3.1-flash-lite", MINIMAL_TO_HIGH),
    chat("gemini-3.1-pro-preview", &["LOW", "HIGH"]),
    strict(chat("gemini-4-hydrogen", &["LOW", "MEDIUM", "HIGH", "XHIGH"])),
    strict(Model { takes_budget: false, ..chat("gemini-4-argon", LOW_TO_HIGH) }),
    chat("gemini-2.5-pro", &[]),
    chat("gemini-2.5-flash", &[]),
    chat("gemini-2.5-flash-lite", &[]),
    Model { is_embedding: true, ..chat("gemini-embedding-2", &[]) },
    Model { is_embedding: true, ..chat("gemini-embedding-001", &[]) },
];

pub(super) fn find(id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.id == id)
}

pub(super) fn all() -> impl Iterator<Item = &'static Model> {
    MODELS.iter()
}

impl Model {
    /// As `GET /models/{m}` shows it.
    pub(super) fn as_json(&self) -> Value {
        let methods: &[&str] =
            if self.is_embedding { &["embedContent", "countTokens"] } else { &["generateContent", "countTokens"] };
        json!({"name": format!("models/{}", self.id), "version": "001", "displayName": self.id,
            "inputTokenLimit": INPUT_TOKENS_MAX, "outputTokenLimit": OUTPUT_TOKENS_MAX,
            "supportedGenerationMethods": methods, "thinking": !self.is_embedding})
    }
}

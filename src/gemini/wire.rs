//! `generateContent` on the wire (gemini_api.md sections 2 and 3). Strict in what is sent, for upstream refuses unknown
//! fields; tolerant in what is read, for it adds some every month.

use std::borrow::Cow;

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{
    error::GeminiError,
    names::{StopNames, enum_name},
    stack::Reply,
};
use crate::{
    config::models::Thinking,
    domain::{Prompt, Role, TokenUsage},
};

/// How one model is asked.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) max_output_tokens: u32,
    pub(super) temperature: Option<f64>,
    pub(super) thinking: Thinking,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'prompt> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Instruction<'prompt>>,
    contents: Vec<Content<'prompt>>,
    generation_config: GenerationConfig,
    safety_settings: [SafetySetting; 4],
}

#[derive(Serialize)]
struct Instruction<'prompt> {
    parts: [Text<'prompt>; 1],
}

#[derive(Serialize)]
struct Text<'prompt> {
    text: &'prompt str,
}

#[derive(Serialize)]
struct Content<'prompt> {
    role: &'static str,
    parts: Vec<SentPart<'prompt>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum SentPart<'prompt> {
    Text {
        text: Cow<'prompt, str>,
    },
    #[serde(rename_all = "camelCase")]
    Media {
        inline_data: Blob<'prompt>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'prompt> {
    mime_type: &'static str,
    #[serde(serialize_with = "base64")]
    data: &'prompt [u8],
}

/// Written straight into the body: a picture need not stand in memory a third time.
fn base64<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Base64Display::new(data, &STANDARD))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    max_output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<ThinkingConfig>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum ThinkingConfig {
    ThinkingLevel(String),
    ThinkingBudget(u32),
}

#[derive(Serialize)]
struct SafetySetting {
    category: &'static str,
    threshold: &'static str,
}

/// Upstream's own default is off. A chat among friends is coarse, and a blocked joke is a broken companion; but what is
/// almost certainly harm shall not be said in its name either.
const fn only_high(category: &'static str) -> SafetySetting {
    SafetySetting { category, threshold: "BLOCK_ONLY_HIGH" }
}

/// The request's body.
pub(super) fn request(prompt: &Prompt, settings: &Settings) -> Result<Bytes, GeminiError> {
    let request = Request {
        system_instruction: Some(prompt.system.as_str())
            .filter(|system| !system.is_empty())
            .map(|text| Instruction { parts: [Text { text }] }),
        contents: contents(prompt)?,
        generation_config: GenerationConfig {
            max_output_tokens: settings.max_output_tokens,
            temperature: settings.temperature,
            thinking_config: match settings.thinking {
                Thinking::Level(level) => Some(ThinkingConfig::ThinkingLevel(level.as_str().to_uppercase())),
                Thinking::Budget(tokens) => Some(ThinkingConfig::ThinkingBudget(tokens)),
                Thinking::None => None,
            },
        },
        safety_settings: [
            only_high("HARM_CATEGORY_HARASSMENT"),
            only_high("HARM_CATEGORY_HATE_SPEECH"),
            only_high("HARM_CATEGORY_SEXUALLY_EXPLICIT"),
            only_high("HARM_CATEGORY_DANGEROUS_CONTENT"),
        ],
    };
    let body =
        serde_json::to_vec(&request).map_err(|_| GeminiError::Prompt { reason: "it cannot be written as JSON" })?;
    Ok(body.into())
}

/// The turns with equal neighbours merged and empty ones left out; media after the last, each behind its caption.
fn contents(prompt: &Prompt) -> Result<Vec<Content<'_>>, GeminiError> {
    let mut contents: Vec<Content<'_>> = Vec::new();
    for turn in prompt.turns.iter().filter(|turn| !turn.text.is_empty()) {
        let role = role_name(turn.role);
        match contents.last_mut() {
            Some(Content { role: last, parts }) if *last == role => {
                if let Some(SentPart::Text { text }) = parts.last_mut() {
                    let text = text.to_mut();
                    text.push('\n');
                    text.push_str(&turn.text);
                }
            }
            _ => contents.push(Content { role, parts: vec![SentPart::Text { text: turn.text.as_str().into() }] }),
        }
    }
    // Upstream answers 400 to both (section 5).
    match contents.last_mut() {
        None => Err(GeminiError::Prompt { reason: "it has no turns" }),
        Some(last) if last.role != role_name(Role::User) => {
            Err(GeminiError::Prompt { reason: "its last turn is the model's" })
        }
        Some(last) => {
            for media in &prompt.media {
                last.parts.push(SentPart::Text { text: media.caption.as_str().into() });
                let inline_data = Blob { mime_type: media.mime_type, data: &media.data };
                last.parts.push(SentPart::Media { inline_data });
            }
            Ok(contents)
        }
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Model => "model",
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<UsageMetadata>,
    /// An error under a good status.
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<ReadContent>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct ReadContent {
    parts: Option<Vec<Part>>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    thought: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct UsageMetadata {
    #[serde(deserialize_with = "count")]
    prompt_token_count: u32,
    #[serde(deserialize_with = "count")]
    cached_content_token_count: u32,
    #[serde(deserialize_with = "count")]
    thoughts_token_count: u32,
    #[serde(deserialize_with = "count")]
    candidates_token_count: u32,
}

/// Protobuf's JSON writes 64-bit integers as strings; what is neither counts as zero.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.parse::<u64>().ok(),
        _ => None,
    };
    Ok(number.map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX)))
}

/// What a body under a good status turned out to be.
pub(super) enum Reading {
    /// The model's answer, or why there is none.
    Answer(Result<Reply, GeminiError>),
    /// An error object.
    Refusal,
}

/// Reads the body of a good response and counts by name why the model stopped.
pub(super) fn read(body: &[u8], names: &StopNames) -> Reading {
    let garbage = Err(GeminiError::Garbage { body_bytes: body.len() });
    // serde reads an array as a struct, field by field.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Reading::Answer(garbage);
    }
    match serde_json::from_slice::<Response>(body) {
        Err(_) => Reading::Answer(garbage),
        Ok(response) if response.error.is_some() => Reading::Refusal,
        Ok(response) => Reading::Answer(answer(response, names)),
    }
}

fn answer(response: Response, names: &StopNames) -> Result<Reply, GeminiError> {
    let usage = usage(response.usage_metadata.unwrap_or_default());
    if let Some(reason) = response.prompt_feedback.and_then(|feedback| feedback.block_reason) {
        names.count(enum_name(&reason));
        return Err(GeminiError::Blocked { reason: enum_name(&reason).to_owned(), usage });
    }
    let Some(candidate) = response.candidates.and_then(|candidates| candidates.into_iter().next()) else {
        return Err(GeminiError::Empty { reason: "no candidate".to_owned(), usage });
    };
    let reason = candidate.finish_reason.as_deref().map(enum_name);
    if let Some(reason) = reason {
        names.count(reason);
    }
    let text = visible_text(candidate.content);
    match reason {
        Some(reason) if withheld(reason) => Err(GeminiError::Empty { reason: reason.to_owned(), usage }),
        Some("MAX_TOKENS" | "CONTINUATION") if text.is_empty() => Err(GeminiError::SpentOnThinking { usage }),
        Some("MAX_TOKENS" | "CONTINUATION") => Ok(Reply { text, cut: true, usage }),
        reason if text.is_empty() => {
            Err(GeminiError::Empty { reason: reason.unwrap_or("no finish reason").to_owned(), usage })
        }
        // Any other reason with text is an answer: the list of reasons is open.
        _ => Ok(Reply { text, cut: false, usage }),
    }
}

/// Whether upstream stopped the model because of what it was saying: then what it said so far is not shown either.
fn withheld(reason: &str) -> bool {
    matches!(reason, "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "MODEL_ARMOR")
}

fn visible_text(content: Option<ReadContent>) -> String {
    let parts = content.and_then(|content| content.parts).unwrap_or_default();
    let visible = parts.into_iter().filter(|part| part.thought != Some(true));
    let text: String = visible.filter_map(|part| part.text).collect();
    text.trim().to_owned()
}

fn usage(counted: UsageMetadata) -> TokenUsage {
    TokenUsage {
        prompt: counted.prompt_token_count,
        cached: counted.cached_content_token_count,
        thoughts: counted.thoughts_token_count,
        answer: counted.candidates_token_count,
    }
}

#[derive(Deserialize)]
struct Models {
    models: Option<Vec<Model>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    name: String,
    supported_generation_methods: Option<Vec<String>>,
}

/// Reads the list of models: bare names of those that can talk.
pub(super) fn read_models(body: &[u8]) -> Result<Vec<String>, GeminiError> {
    let models: Models = serde_json::from_slice(body).map_err(|_| GeminiError::Garbage { body_bytes: body.len() })?;
    let talks = |model: &Model| {
        let methods = model.supported_generation_methods.as_ref();
        methods.is_none_or(|methods| methods.iter().any(|method| method == "generateContent"))
    };
    let models = models.models.unwrap_or_default().into_iter().filter(talks);
    Ok(models.map(|model| model.name.strip_prefix("models/").unwrap_or(&model.name).to_owned()).collect())
}

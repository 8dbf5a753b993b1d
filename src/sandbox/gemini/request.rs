//! A `generateContent` request, read as strictly as Google reads it: a field that the API does not have is refused.

use std::borrow::Cow;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{media, refusal::Refusal};
use crate::domain::Role;

/// A string of the request, borrowed where it has no escapes.
#[derive(Deserialize, Debug)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Request<'a> {
    #[serde(borrow, default)]
    pub(super) contents: Vec<Content<'a>>,
    #[serde(borrow, alias = "system_instruction")]
    pub(super) system_instruction: Option<Content<'a>>,
    #[serde(alias = "generation_config")]
    pub(super) generation_config: Option<GenerationConfig>,
    #[serde(default, alias = "safety_settings")]
    pub(super) safety_settings: Vec<SafetySetting>,
    #[serde(default)]
    pub(super) tools: Vec<Value>,
    #[serde(rename = "toolConfig", alias = "tool_config")]
    _tool_config: Option<IgnoredAny>,
    #[serde(alias = "cached_content")]
    pub(super) cached_content: Option<String>,
    #[serde(rename = "labels")]
    _labels: Option<IgnoredAny>,
    #[serde(rename = "serviceTier", alias = "service_tier")]
    _service_tier: Option<IgnoredAny>,
    #[serde(rename = "store")]
    _store: Option<bool>,
    #[serde(rename = "continuationToken", alias = "continuation_token")]
    _continuation_token: Option<IgnoredAny>,
    #[serde(rename = "model")]
    _model: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Content<'a> {
    pub(super) role: Option<String>,
    #[serde(borrow, default)]
    pub(super) parts: Vec<Part<'a>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow, alias = "inline_data")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(alias = "file_data")]
    pub(super) file_data: Option<IgnoredAny>,
    #[serde(alias = "function_call")]
    pub(super) function_call: Option<Value>,
    #[serde(alias = "function_response")]
    pub(super) function_response: Option<Value>,
    #[serde(alias = "executable_code")]
    pub(super) executable_code: Option<IgnoredAny>,
    #[serde(alias = "code_execution_result")]
    pub(super) code_execution_result: Option<IgnoredAny>,
    #[serde(alias = "tool_call")]
    pub(super) tool_call: Option<IgnoredAny>,
    #[serde(alias = "tool_response")]
    pub(super) tool_response: Option<IgnoredAny>,
    #[serde(rename = "thought")]
    _thought: Option<bool>,
    #[serde(alias = "thought_signature")]
    pub(super) thought_signature: Option<String>,
    #[serde(rename = "videoMetadata", alias = "video_metadata")]
    _video_metadata: Option<IgnoredAny>,
    #[serde(rename = "mediaResolution", alias = "media_resolution")]
    _media_resolution: Option<IgnoredAny>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Blob<'a> {
    #[serde(alias = "mime_type")]
    pub(super) mime_type: String,
    #[serde(borrow)]
    pub(super) data: Text<'a>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GenerationConfig {
    #[serde(alias = "max_output_tokens")]
    pub(super) max_output_tokens: Option<i64>,
    #[serde(default, alias = "stop_sequences")]
    pub(super) stop_sequences: Vec<String>,
    #[serde(alias = "candidate_count")]
    pub(super) candidate_count: Option<i64>,
    pub(super) temperature: Option<f64>,
    #[serde(rename = "topP", alias = "top_p")]
    _top_p: Option<f64>,
    #[serde(rename = "topK", alias = "top_k")]
    _top_k: Option<f64>,
    #[serde(rename = "seed")]
    _seed: Option<i64>,
    #[serde(rename = "presencePenalty", alias = "presence_penalty")]
    _presence_penalty: Option<f64>,
    #[serde(rename = "frequencyPenalty", alias = "frequency_penalty")]
    _frequency_penalty: Option<f64>,
    #[serde(alias = "response_mime_type")]
    pub(super) response_mime_type: Option<String>,
    #[serde(alias = "response_schema")]
    pub(super) response_schema: Option<IgnoredAny>,
    #[serde(alias = "response_json_schema")]
    pub(super) response_json_schema: Option<IgnoredAny>,
    #[serde(rename = "responseModalities", alias = "response_modalities")]
    _response_modalities: Option<IgnoredAny>,
    #[serde(rename = "speechConfig", alias = "speech_config")]
    _speech_config: Option<IgnoredAny>,
    #[serde(rename = "mediaResolution", alias = "media_resolution")]
    _media_resolution: Option<IgnoredAny>,
    #[serde(alias = "thinking_config")]
    pub(super) thinking_config: Option<ThinkingConfig>,
    #[serde(rename = "responseLogprobs", alias = "response_logprobs")]
    _response_logprobs: Option<bool>,
    #[serde(rename = "logprobs")]
    _logprobs: Option<i64>,
    #[serde(rename = "imageConfig", alias = "image_config")]
    _image_config: Option<IgnoredAny>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ThinkingConfig {
    #[serde(rename = "includeThoughts", alias = "include_thoughts")]
    _include_thoughts: Option<bool>,
    #[serde(alias = "thinking_budget")]
    pub(super) thinking_budget: Option<i64>,
    #[serde(alias = "thinking_level")]
    pub(super) thinking_level: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct SafetySetting {
    pub(super) category: String,
    pub(super) threshold: String,
}

impl<'a> Request<'a> {
    /// Reads a body, in Google's words where it cannot be read.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| {
            let words = error.to_string();
            let unknown = words.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
            match unknown {
                Some(name) => Refusal::unknown_field(name),
                None => Refusal::invalid(format!("Invalid JSON payload received. {words}")),
            }
        })
    }
}

impl Content<'_> {
    /// The text of all parts, joined by line ends.
    pub(super) fn text(&self) -> String {
        let texts: Vec<&str> = self.parts.iter().filter_map(|part| part.text.as_ref()).map(|text| &*text.0).collect();
        texts.join("\n")
    }
}

/// What a voice sees of a request.
#[derive(Debug)]
pub struct RequestView<'a> {
    pub(super) model: &'a str,
    pub(super) request: &'a Request<'a>,
}

impl RequestView<'_> {
    /// The model that is asked.
    pub fn model(&self) -> &str {
        self.model
    }

    /// The system instruction's text; empty if there is none.
    pub fn system(&self) -> String {
        self.request.system_instruction.as_ref().map(Content::text).unwrap_or_default()
    }

    /// The turns, oldest first.
    pub fn turns(&self) -> Vec<(Role, String)> {
        let turn = |content: &Content<'_>| (role(content), content.text());
        self.request.contents.iter().map(turn).collect()
    }

    /// The text of the last turn that is not the model's.
    pub fn last_user_text(&self) -> String {
        let last = self.request.contents.iter().rev().find(|content| role(content) == Role::User);
        last.map(Content::text).unwrap_or_default()
    }

    /// How many turns there are.
    pub fn len(&self) -> usize {
        self.request.contents.len()
    }

    /// Whether there are no turns; such a request is refused before a voice sees it.
    pub fn is_empty(&self) -> bool {
        self.request.contents.is_empty()
    }

    /// MIME types of the media that the request carries.
    pub fn media(&self) -> Vec<String> {
        self.files().into_iter().map(|(mime, _)| mime).collect()
    }

    /// The media that the request carries: MIME types and bytes.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let parts = self.request.contents.iter().flat_map(|content| &content.parts);
        let file = |blob: &Blob<'_>| (blob.mime_type.clone(), media::decoded(blob).unwrap_or_default());
        parts.filter_map(|part| part.inline_data.as_ref()).map(file).collect()
    }
}

fn role(content: &Content<'_>) -> Role {
    if content.role.as_deref() == Some("model") { Role::Model } else { Role::User }
}

//! What the stand-in answers, and the response that carries it.

use serde_json::{Value, json};

use super::request::Request;

/// One part of a reply.
#[derive(Clone, PartialEq, Debug)]
pub enum ReplyPart {
    /// Visible text.
    Text(String),
    /// A summary of the thinking (`thought: true`), which nobody should see in the chat.
    Thought(String),
    /// A call of one of the request's functions.
    Call {
        /// The function's name.
        name: String,
        /// Its arguments.
        args: Value,
    },
}

/// What the stand-in answers with status 200.
#[derive(Clone, PartialEq, Debug)]
pub struct Reply {
    parts: Vec<ReplyPart>,
    finish_reason: String,
    block_reason: Option<String>,
    has_candidate: bool,
    thought_tokens: u64,
}

impl Reply {
    /// Plain text.
    pub fn say(text: impl Into<String>) -> Self {
        Self {
            parts: vec![ReplyPart::Text(text.into())],
            finish_reason: String::from("STOP"),
            block_reason: None,
            has_candidate: true,
            thought_tokens: 0,
        }
    }

    /// Parts as given; text may be split over several.
    pub fn of_parts(parts: Vec<ReplyPart>) -> Self {
        Self { parts, ..Self::say("") }
    }

    /// Text that the token limit cut.
    pub fn cut(text: impl Into<String>) -> Self {
        Self::say(text).finished("MAX_TOKENS")
    }

    /// The token limit was spent on thinking: a candidate without content.
    pub fn spent_on_thinking() -> Self {
        Self { thought_tokens: 512, ..Self::of_parts(Vec::new()).finished("MAX_TOKENS") }
    }

    /// The answer was stopped without text: `SAFETY`, `RECITATION`, `PROHIBITED_CONTENT`, ...
    pub fn stopped(reason: &str) -> Self {
        Self::of_parts(Vec::new()).finished(reason)
    }

    /// The prompt was refused: `promptFeedback.blockReason` and no candidates.
    pub fn blocked(reason: &str) -> Self {
        Self { block_reason: Some(reason.to_owned()), ..Self::no_candidates() }
    }

    /// No candidates and no reason.
    pub fn no_candidates() -> Self {
        Self { has_candidate: false, ..Self::of_parts(Vec::new()) }
    }

    /// A candidate that finished well and says nothing.
    pub fn empty() -> Self {
        Self::of_parts(Vec::new())
    }

    /// With this finish reason.
    pub fn finished(mut self, reason: &str) -> Self {
        self.finish_reason = reason.to_owned();
        self
    }

    /// With a summary of the thinking before it.
    pub fn with_thought(mut self, text: &str) -> Self {
        self.thought_tokens = tokens(text);
        self.parts.insert(0, ReplyPart::Thought(text.to_owned()));
        self
    }

    /// Cuts the text where `maxOutputTokens` ends; thinking counts in.
    fn limited(mut self, most: Option<i64>) -> Self {
        let Some(most) = most.and_then(|most| u64::try_from(most).ok()) else { return self };
        let mut left = most.saturating_sub(self.thought_tokens);
        for part in &mut self.parts {
            let ReplyPart::Text(text) = part else { continue };
            let cost = tokens(text);
            if cost > left {
                let kept = usize::try_from(left).unwrap_or(usize::MAX).saturating_mul(CHARS_PER_TOKEN);
                *text = text.chars().take(kept).collect();
                self.finish_reason = String::from("MAX_TOKENS");
            }
            left = left.saturating_sub(cost);
        }
        self.parts.retain(|part| !matches!(part, ReplyPart::Text(text) if text.is_empty()));
        self
    }
}

/// Characters of one token; Ukrainian text has about so many.
const CHARS_PER_TOKEN: usize = 3;

/// Tokens of a text, roughly: a third of its characters.
pub(super) fn tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(CHARS_PER_TOKEN) as u64
}

/// Tokens of a picture or another inline file.
const MEDIA_TOKENS: u64 = 258;

/// Tokens of the whole request.
pub(super) fn prompt_tokens(request: &Request<'_>) -> u64 {
    let contents = request.contents.iter().chain(&request.system_instruction);
    let parts = contents.flat_map(|content| &content.parts);
    parts.map(|part| part.text.as_ref().map_or(MEDIA_TOKENS, |text| tokens(&text.0))).sum()
}

/// The body of a 200.
pub(super) fn body(reply: Reply, request: &Request<'_>, prompt: u64, model: &str, number: u64) -> Value {
    let reply = reply.limited(request.generation_config.as_ref().and_then(|config| config.max_output_tokens));
    let answer: u64 = reply.parts.iter().map(part_tokens).sum();
    let mut usage = json!({"promptTokenCount": prompt, "totalTokenCount": prompt + answer + reply.thought_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]});
    if answer > 0 {
        usage["candidatesTokenCount"] = answer.into();
    }
    if reply.thought_tokens > 0 {
        usage["thoughtsTokenCount"] = reply.thought_tokens.into();
    }
    let mut body = json!({"usageMetadata": usage, "modelVersion": model, "responseId": format!("sandbox-{number}")});
    if let Some(reason) = &reply.block_reason {
        body["promptFeedback"] = json!({"blockReason": reason});
    }
    if reply.has_candidate {
        body["candidates"] = json!([candidate(reply)]);
    }
    body
}

fn part_tokens(part: &ReplyPart) -> u64 {
    match part {
        ReplyPart::Text(text) => tokens(text),
        ReplyPart::Thought(_) => 0,
        ReplyPart::Call { args, .. } => tokens(&args.to_string()),
    }
}

fn candidate(reply: Reply) -> Value {
    let mut candidate = json!({"finishReason": reply.finish_reason, "index": 0});
    if !reply.parts.is_empty() {
        let parts: Vec<Value> = reply.parts.into_iter().map(part_json).collect();
        candidate["content"] = json!({"role": "model", "parts": parts});
    }
    candidate
}

fn part_json(part: ReplyPart) -> Value {
    match part {
        ReplyPart::Text(text) => json!({"text": text}),
        ReplyPart::Thought(text) => json!({"text": text, "thought": true}),
        ReplyPart::Call { name, args } => {
            json!({"functionCall": {"name": name, "args": args}, "thoughtSignature": "c2FuZGJveA=="})
        }
    }
}

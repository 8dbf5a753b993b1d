//! What a model is asked and what it answers, independent of any model's wire format.

use std::fmt;

use bytes::Bytes;

/// Who speaks in a turn of a prompt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Everybody but the bot.
    User,
    /// The bot.
    Model,
}

/// Consecutive lines of one role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PromptTurn {
    /// Who speaks.
    pub role: Role,
    /// The lines.
    pub text: String,
}

/// A picture or a voice that the model is shown after the last turn.
#[derive(Clone, PartialEq, Eq)]
pub struct PromptMedia {
    /// What it is and whose, in the words of the prompt.
    pub caption: String,
    /// What the bytes are.
    pub mime_type: &'static str,
    /// The file.
    pub data: Bytes,
}

impl fmt::Debug for PromptMedia {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PromptMedia")
            .field("mime_type", &self.mime_type)
            .field("bytes", &self.data.len())
            .finish()
    }
}

/// A whole request to the model. The last turn is always the user's (gemini_api.md section 5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prompt {
    /// Persona and rules: the stable prefix that the upstream caches.
    pub system: String,
    /// The conversation, oldest first.
    pub turns: Vec<PromptTurn>,
    /// Shown with the last turn.
    pub media: Vec<PromptMedia>,
}

/// Tokens of one call, as the upstream counted them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct TokenUsage {
    /// Tokens of the whole prompt, cached ones included.
    pub prompt: u32,
    /// Of these, tokens served from the prefix cache.
    pub cached: u32,
    /// Tokens spent on thinking.
    pub thoughts: u32,
    /// Tokens of the visible answer.
    pub answer: u32,
}

/// The model's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Visible text, never empty.
    pub text: String,
    /// Which model gave it.
    pub model: String,
    /// What it cost.
    pub usage: TokenUsage,
    /// The upstream stopped at its token limit: the text may end in mid-sentence.
    pub cut: bool,
}

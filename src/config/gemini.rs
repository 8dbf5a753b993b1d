//! Which model answers, and how it is asked.

use std::time::Duration;

use super::{
    address::BaseUrl,
    key::{WhenUnset, section},
    models::{self, Thinking, ThinkingLevel},
    shapes::{Decimal, Model, OneOf, Optional, Span, Unit, Whole},
};

section! {
    /// Which model answers, and how it is asked.
    Gemini as Gemini {
        /// The model that answers.
        model: String = "GEMINI_MODEL", WhenUnset::Value("gemini-3.8-flash"), Model;

        /// The model that answers when the first one is overloaded, retired or over its quota; empty: none.
        fallback_model: Option<String> = "GEMINI_FALLBACK_MODEL", WhenUnset::Value("gemini-3.5-flash-lite"),
            Optional(Model);

        /// The longest answer. Tokens that the model thinks with count in, so a small figure cuts answers short.
        max_output_tokens: u32 = "GEMINI_MAX_OUTPUT_TOKENS", WhenUnset::Value("2048"),
            Whole { min: 256, max: 65_536, unit: "tokens" };

        /// How freely it words its answers. Models from 3.6 on ignore it, so it is not sent to them.
        temperature: Option<f64> = "GEMINI_TEMPERATURE", WhenUnset::Nothing("the model's own"),
            Optional(Decimal { min: 0.0, max: 2.0, unit: "(0: always the likeliest word)" });

        /// How hard the model thinks before it answers; which levels there are depends on the model.
        thinking_level: Option<ThinkingLevel> = "GEMINI_THINKING_LEVEL",
            WhenUnset::Nothing("the lowest that the model takes"),
            Optional(OneOf(&[
                ("minimal", ThinkingLevel::Minimal),
                ("low", ThinkingLevel::Low),
                ("medium", ThinkingLevel::Medium),
                ("high", ThinkingLevel::High),
                ("xhigh", ThinkingLevel::XHigh),
            ]));

        /// The longest that one call may take; at most `BOT_TURN_DEADLINE_SECONDS`.
        timeout: Duration = "GEMINI_TIMEOUT_SECONDS", WhenUnset::Value("20"),
            Span { unit: Unit::Seconds, min: 1, max: 300 };

        /// The rate of calls that all replicas keep to together.
        rate_limit_rpm: u32 = "GEMINI_RATE_LIMIT_RPM", WhenUnset::Value("0"),
            Whole { min: 0, max: 100_000, unit: "calls a minute (0: no limit)" };

        /// How many calls one replica makes at the same time.
        max_concurrent: usize = "GEMINI_MAX_CONCURRENT", WhenUnset::Value("128"),
            Whole { min: 1, max: 10_000, unit: "calls" };

        /// Where the Gemini API is, for a proxy or a stand-in; `/v1beta/models/…` is appended.
        base_url: String = "GEMINI_BASE_URL", WhenUnset::Value("https://generativelanguage.googleapis.com"), BaseUrl;
    }
}

impl Gemini {
    /// The temperature to send to `model`: none where it would be ignored or refused.
    pub fn temperature_for(&self, model: &str) -> Option<f64> {
        self.temperature.filter(|_| models::takes_temperature(model))
    }

    /// What to ask `model` for: the level that is set, if it takes it, else the least.
    pub fn thinking_for(&self, model: &str) -> Thinking {
        match self.thinking_level {
            Some(level) if models::thinking_levels(model).is_none_or(|levels| levels.contains(&level)) => {
                Thinking::Level(level)
            }
            _ => models::lowest_thinking(model),
        }
    }

    /// The models in use, the first one first.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.model.as_str()).chain(self.fallback_model.as_deref())
    }
}

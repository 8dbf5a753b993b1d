//! The client: two models, and when the second one is asked.

use std::{cmp::Reverse, fmt, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt as _;

use super::{
    error::GeminiError,
    judge,
    ledger::{CallRecord, Ledger},
    names::StopNames,
    options::{GeminiOptions, OptionsError, model_name},
    rest::Rest,
    stack::{self, Ask, Materials, Stack, Upstream},
    wire::{self, Settings},
};
use crate::{
    clock::SharedClock,
    config::models::{lowest_thinking, takes_temperature},
    domain::{Answer, Prompt},
    errors::{Class, Classify as _},
    layers::breaker::BreakerHandle,
    random::SharedRandom,
    telemetry::Metrics,
    transport::Transport,
};

/// What a question came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// The answer, or why there is none.
    pub result: Result<Answer, GeminiError>,
    /// Every HTTP call that was made for it, in order, failed ones included.
    pub calls: Vec<CallRecord>,
}

/// Asks Gemini. Shared between turns; neither `Clone` nor cheap, so keep it in an `Arc`.
pub struct Gemini {
    first: Model,
    fallback: Option<Model>,
    upstream: Upstream,
    call_timeout: Duration,
}

impl fmt::Debug for Gemini {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fallback = self.fallback.as_ref().map(|model| &model.name);
        formatter.debug_struct("Gemini").field("model", &self.first.name).field("fallback", &fallback).finish()
    }
}

impl Gemini {
    /// A client. `clock` tells when the day's quota is renewed; `random` draws the delays between attempts.
    ///
    /// # Errors
    ///
    /// If a setting is unusable; each error names the setting.
    pub fn new(
        options: &GeminiOptions,
        transport: Transport,
        clock: SharedClock,
        random: SharedRandom,
        metrics: Metrics,
    ) -> Result<Self, OptionsError> {
        options.check_numbers()?;
        let names = Arc::new(StopNames::new(metrics.clone()));
        let (root, key) = (options.root()?, options.key_header()?);
        let upstream = Upstream { transport, root, key, clock: Arc::clone(&clock), names };
        let materials = Materials {
            upstream: upstream.clone(),
            call_timeout: options.call_timeout,
            max_concurrent: options.max_concurrent,
            rate: options.rate.clone(),
            random,
            metrics,
        };
        let model = |name: String, thinking| {
            let settings = Settings {
                max_output_tokens: options.max_output_tokens,
                temperature: options.temperature.filter(|_| takes_temperature(&name)),
                thinking,
            };
            let (stack, breaker) = stack::build(&name, &materials);
            Model { name, settings, stack, breaker, rest: Rest::new(Arc::clone(&clock)) }
        };
        let first = model_name(&options.model)?;
        let fallback = options.fallback_model.as_deref().map(model_name).transpose()?.filter(|name| *name != first);
        let thinking = options.thinking.unwrap_or_else(|| lowest_thinking(&first));
        Ok(Self {
            first: model(first, thinking),
            fallback: fallback.map(|name| {
                let thinking = lowest_thinking(&name);
                model(name, thinking)
            }),
            upstream,
            call_timeout: options.call_timeout,
        })
    }

    /// Asks the first model and, if that one cannot answer and another may, the fallback. Ends by `deadline`.
    pub async fn answer(&self, prompt: &Prompt, deadline: Instant) -> Outcome {
        let ledger = Ledger::default();
        let result = match &self.fallback {
            None => self.first.ask_patiently(prompt, deadline, &ledger).await,
            Some(fallback) => self.ask_both(fallback, prompt, deadline, &ledger).await,
        };
        Outcome { result, calls: ledger.take() }
    }

    async fn ask_both(
        &self,
        fallback: &Model,
        prompt: &Prompt,
        deadline: Instant,
        ledger: &Ledger,
    ) -> Result<Answer, GeminiError> {
        let first_deadline = if fallback.is_available() { self.leave_room(deadline) } else { deadline };
        let error = match self.first.ask(prompt, first_deadline, ledger).await {
            Err(error) if judge::another_model_may_help(&error) => error,
            result => return result,
        };
        tracing::info!(
            from = self.first.name,
            to = fallback.name,
            because = error.short(),
            "asking the fallback model"
        );
        fallback.ask_patiently(prompt, deadline, ledger).await.map_err(|second| more_hopeful(error, second))
    }

    /// Waits and retries of the first model may not eat the fallback's time: one call of it, at most a third.
    fn leave_room(&self, deadline: Instant) -> Instant {
        let left = deadline.saturating_duration_since(Instant::now());
        deadline - self.call_timeout.min(left / 3)
    }

    /// Names of the models that this key may ask.
    ///
    /// # Errors
    ///
    /// As a single call; nothing is retried.
    pub async fn models(&self) -> Result<Vec<String>, GeminiError> {
        let after = self.call_timeout;
        timeout(after, self.upstream.models()).await.unwrap_or(Err(GeminiError::Timeout { after }))
    }

    /// The breakers of its models, for health pages.
    pub fn breakers(&self) -> Vec<BreakerHandle> {
        std::iter::once(&self.first).chain(&self.fallback).map(|model| model.breaker.clone()).collect()
    }
}

/// Of two failures the one that says when to come back, the sooner the better; the first model's if they are even.
fn more_hopeful(first: GeminiError, second: GeminiError) -> GeminiError {
    let hope = |error: &GeminiError| match error.class() {
        Class::Transient { retry_after } => Some(Reverse(retry_after.unwrap_or_default())),
        Class::Permanent | Class::Bug => None,
    };
    if hope(&second) > hope(&first) { second } else { first }
}

/// One model with its stack and what is remembered about it.
struct Model {
    name: String,
    settings: Settings,
    stack: Stack,
    breaker: BreakerHandle,
    rest: Rest,
}

impl Model {
    fn is_available(&self) -> bool {
        self.rest.refusal().is_none() && self.breaker.refusal().is_none()
    }

    /// Asks when no other model is left to ask: waits out a rest that ends before the deadline.
    async fn ask_patiently(&self, prompt: &Prompt, deadline: Instant, ledger: &Ledger) -> Result<Answer, GeminiError> {
        if let Some(GeminiError::QuotaPerMinute { retry_after: Some(rest), .. }) = self.rest.refusal()
            && Instant::now().checked_add(rest).is_some_and(|end| end < deadline)
        {
            sleep(rest).await;
        }
        self.ask(prompt, deadline, ledger).await
    }

    async fn ask(&self, prompt: &Prompt, deadline: Instant, ledger: &Ledger) -> Result<Answer, GeminiError> {
        if let Some(error) = self.rest.refusal() {
            return Err(error);
        }
        let body = wire::request(prompt, &self.settings)?;
        let reply = self.stack.clone().oneshot(Ask { body, deadline, ledger: ledger.clone() }).await;
        let reply = reply.inspect_err(|error| self.rest.learn(error))?;
        Ok(Answer { text: reply.text, model: self.name.clone(), usage: reply.usage, cut: reply.cut })
    }
}

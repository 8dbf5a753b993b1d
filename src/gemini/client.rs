//! The client: two models, and when the second one is asked.

use std::{cmp::Reverse, fmt, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt as _;

use super::{
    choice::Choice,
    error::GeminiError,
    judge,
    ledger::{CallRecord, Ledger},
    names::StopNames,
    options::{GeminiOptions, OptionsError, model_name},
    rest::{Rest, last_midnight_pacific},
    stack::{self, Ask, Materials, Stack, Upstream},
    wire::{self, Settings},
};
use crate::{
    clock::{SharedClock, kyiv_day},
    config::{
        models::{lowest_thinking, takes_temperature},
        prices,
    },
    domain::{Answer, Prompt, Timestamp, TokenUsage},
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

/// Which of two models is the cheaper one is judged by a question of this size: the window of a lively chat and a
/// sentence or two.
const TYPICAL: TokenUsage = TokenUsage { prompt: 4_000, cached: 0, thoughts: 100, answer: 100 };

/// How many times the room an answer gets when thinking has left none of it for words.
const MORE_ROOM: u32 = 4;
/// The most that any model may be allowed to write (gemini_api.md section 2).
const OUTPUT_TOKENS_MAX: u32 = 65_536;

/// How many requests a model grants in a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayQuota {
    /// The model.
    pub model: String,
    /// Its requests a day, of all replicas together.
    pub requests: u32,
    /// When this day began, in California.
    pub since: Timestamp,
}

/// Asks Gemini. Shared between turns; neither `Clone` nor cheap, so keep it in an `Arc`.
pub struct Gemini {
    first: Model,
    fallback: Option<Model>,
    upstream: Upstream,
    clock: SharedClock,
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
            clock,
            call_timeout: options.call_timeout,
        })
    }

    /// Asks the first model (or the one that `choice` says) and, if that one cannot answer and another may, the other.
    /// Ends by `deadline`.
    pub async fn answer(&self, prompt: &Prompt, deadline: Instant, choice: Choice) -> Outcome {
        let ledger = Ledger::default();
        let question = Question { prompt, deadline, ledger: &ledger, is_unasked: choice.is_unasked };
        let result = match self.ask_in_order(&question, choice).await {
            // What it refuses may be a picture: then the words alone are answered.
            Err(error) if !prompt.media.is_empty() && judge::media_may_be_at_fault(&error) => {
                tracing::info!(because = error.short(), "asking again without the media");
                let bare = Prompt { media: Vec::new(), ..prompt.clone() };
                self.ask_in_order(&Question { prompt: &bare, ..question }, choice).await
            }
            result => result,
        };
        Outcome { result, calls: ledger.take() }
    }

    async fn ask_in_order(&self, question: &Question<'_>, choice: Choice) -> Result<Answer, GeminiError> {
        match (self.order(choice), choice.is_unasked) {
            ((first, _), true) => match self.spent_quota() {
                Some(error) => Err(error),
                None => first.ask(question).await,
            },
            ((first, None), false) => first.ask_patiently(question).await,
            ((first, Some(fallback)), false) => self.ask_both(first, fallback, question).await,
        }
    }

    /// The requests a day of the model that `choice` asks first, once upstream has refused one for that reason.
    pub fn day_quota(&self, choice: Choice) -> Option<DayQuota> {
        let model = self.order(choice).0;
        let requests = model.rest.requests_a_day()?;
        Some(DayQuota { model: model.name.clone(), requests, since: last_midnight_pacific(self.clock.now()) })
    }

    /// What a typical question costs where `choice` sends it, in nano-dollars as budgets count them.
    pub fn typical_cost(&self, choice: Choice) -> i64 {
        self.order(choice).0.typical_cost(&self.clock)
    }

    /// Which model is asked first, and which one then.
    fn order(&self, choice: Choice) -> (&Model, Option<&Model>) {
        match &self.fallback {
            Some(fallback)
                if choice.is_cheaper && fallback.typical_cost(&self.clock) < self.first.typical_cost(&self.clock) =>
            {
                (fallback, Some(&self.first))
            }
            fallback => (&self.first, fallback.as_ref()),
        }
    }

    /// The quota that one of the models has spent.
    fn spent_quota(&self) -> Option<GeminiError> {
        let models = std::iter::once(&self.first).chain(&self.fallback);
        models
            .filter_map(|model| model.rest.refusal())
            .find(|error| matches!(error, GeminiError::QuotaPerDay { .. } | GeminiError::QuotaPerMinute { .. }))
    }

    async fn ask_both(&self, first: &Model, fallback: &Model, question: &Question<'_>) -> Result<Answer, GeminiError> {
        let deadline = question.deadline;
        let first_deadline = if fallback.is_available() { self.leave_room(deadline) } else { deadline };
        let error = match first.ask(&Question { deadline: first_deadline, ..*question }).await {
            Err(error) if judge::another_model_may_help(&error) => error,
            result => return result,
        };
        tracing::info!(from = first.name, to = fallback.name, because = error.short(), "asking the fallback model");
        fallback.ask_patiently(question).await.map_err(|second| more_hopeful(error, second))
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

    /// Its models, the first one first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.first).chain(&self.fallback).map(|model| model.name.as_str())
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

/// What is asked, by when, and where its calls are noted.
struct Question<'a> {
    prompt: &'a Prompt,
    deadline: Instant,
    ledger: &'a Ledger,
    is_unasked: bool,
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
    fn typical_cost(&self, clock: &SharedClock) -> i64 {
        prices::built_in().cost(&self.name, kyiv_day(clock.now()), TYPICAL).counted_nano_usd
    }

    fn is_available(&self) -> bool {
        self.rest.refusal().is_none() && self.breaker.refusal().is_none()
    }

    /// Asks when no other model is left to ask: waits out a rest that ends before the deadline.
    async fn ask_patiently(&self, question: &Question<'_>) -> Result<Answer, GeminiError> {
        if let Some(GeminiError::QuotaPerMinute { retry_after: Some(rest), .. }) = self.rest.refusal()
            && Instant::now().checked_add(rest).is_some_and(|end| end < question.deadline)
        {
            sleep(rest).await;
        }
        self.ask(question).await
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Answer, GeminiError> {
        match self.ask_with(question, &self.settings).await {
            // It had not begun to speak: with more room it does. What nobody waits for is not bought twice.
            Err(GeminiError::SpentOnThinking { .. }) if !question.is_unasked => {
                let room = self.settings.max_output_tokens.saturating_mul(MORE_ROOM).min(OUTPUT_TOKENS_MAX);
                self.ask_with(question, &Settings { max_output_tokens: room, ..self.settings }).await
            }
            result => result,
        }
    }

    async fn ask_with(&self, question: &Question<'_>, settings: &Settings) -> Result<Answer, GeminiError> {
        if let Some(error) = self.rest.refusal() {
            return Err(error);
        }
        let body = wire::request(question.prompt, settings)?;
        let Question { deadline, is_unasked, .. } = *question;
        let reply =
            self.stack.clone().oneshot(Ask { body, deadline, ledger: question.ledger.clone(), is_unasked }).await;
        let reply = reply.inspect_err(|error| self.rest.learn(error))?;
        Ok(Answer { text: reply.text, model: self.name.clone(), usage: reply.usage, cut: reply.cut })
    }
}

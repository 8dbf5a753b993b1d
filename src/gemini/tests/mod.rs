//! The client against an axum router that stands in for upstream: real paths, real bodies, paused time, no sockets.

mod answers;
mod failures;
mod fallback;
mod limits;
mod requests;

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response as AxumResponse},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::{ServiceExt as _, service_fn, util::BoxCloneSyncService};

use super::*;
use crate::{
    clock::{SharedClock, TokioClock},
    domain::{Answer, Prompt, PromptMedia, PromptTurn, Role, Timestamp},
    random::Seeded,
    telemetry::Metrics,
    transport::{Transport, TransportError},
};

const KEY: &str = "AQ.canary-key-1d7f";
const FIRST: &str = "gemini-3.8-flash";
const FALLBACK: &str = "gemini-3.5-flash-lite";
/// 02:00 in California: the day's quota is renewed 22 hours later.
const START: &str = "2026-11-23T10:00:00Z";
const TURN: Duration = Duration::from_secs(60);
const CALL: Duration = Duration::from_secs(12);

/// What the stand-in does with a request.
#[derive(Clone)]
enum Act {
    Respond { status: u16, headers: Vec<(&'static str, String)>, body: String },
    After(Duration, Box<Act>),
    Hang,
    Cut,
    Refuse,
}

impl Act {
    fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, &body.to_string())
    }

    fn raw(status: u16, body: &str) -> Self {
        Self::Respond { status, headers: Vec::new(), body: body.to_owned() }
    }

    fn header(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Respond { status, mut headers, body } => {
                headers.push((name, value.to_owned()));
                Self::Respond { status, headers, body }
            }
            other => other,
        }
    }

    fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }

    fn says(text: &str) -> Self {
        Self::json(
            200,
            &json!({
                "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}],
                "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 2, "thoughtsTokenCount": 23, "totalTokenCount": 33},
                "modelVersion": FIRST, "responseId": "abc"
            }),
        )
    }

    /// A plain error as Google writes it.
    fn spent_on_thinking() -> Self {
        let usage = json!({"promptTokenCount": 9, "thoughtsTokenCount": 1024});
        Self::json(200, &json!({"candidates": [{"finishReason": "MAX_TOKENS"}], "usageMetadata": usage}))
    }

    fn error(code: u16, status: &str, message: &str) -> Self {
        Self::json(code, &json!({"error": {"code": code, "status": status, "message": message}}))
    }

    fn overloaded() -> Self {
        Self::error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
    }

    /// A 429 of section 4.
    fn quota(quota_id: &str, value: &str, retry_delay: &str) -> Self {
        let details = json!([
            {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
                {"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                 "quotaId": quota_id, "quotaDimensions": {"location": "global", "model": FIRST}, "quotaValue": value}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry_delay}
        ]);
        Self::json(
            429,
            &json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details,
                "message": format!("You exceeded your current quota. Please retry in {retry_delay}.")}}),
        )
    }

    fn per_minute(retry_delay: &str) -> Self {
        Self::quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "5", retry_delay)
    }

    fn per_day() -> Self {
        Self::quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20", "57.238747106s")
    }
}

/// A request as the stand-in saw it.
#[derive(Clone)]
struct Seen {
    model: String,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    at: Duration,
}

/// The stand-in: a script per model; its last act is repeated.
struct Upstream {
    start: Instant,
    scripts: Mutex<BTreeMap<String, VecDeque<Act>>>,
    seen: Mutex<Vec<Seen>>,
}

impl Upstream {
    fn next_act(&self, model: &str) -> Act {
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        let script = scripts.get_mut(model).unwrap_or_else(|| panic!("{model} is not expected to be asked"));
        if script.len() > 1 { script.pop_front() } else { script.front().cloned() }.expect("a script has an act")
    }
}

async fn generate(
    State(upstream): State<Arc<Upstream>>,
    Path(call): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> AxumResponse {
    let model = call.strip_suffix(":generateContent").expect("only generateContent is called").to_owned();
    let at = upstream.start.elapsed();
    upstream.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
        model: model.clone(),
        uri,
        headers,
        body,
        at,
    });
    let mut act = upstream.next_act(&model);
    while let Act::After(delay, then) = act {
        tokio::time::sleep(delay).await;
        act = *then;
    }
    match act {
        Act::Respond { status, headers, body } => {
            let mut response = (StatusCode::from_u16(status).expect("a status"), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().expect("a header"));
            }
            response
        }
        Act::Hang => pending().await,
        // The two transport failures travel to the transport below as markers.
        Act::Cut => StatusCode::from_u16(998).expect("a marker").into_response(),
        Act::Refuse => StatusCode::from_u16(999).expect("a marker").into_response(),
        Act::After(..) => unreachable!("unpacked above"),
    }
}

async fn list_models(headers: HeaderMap) -> AxumResponse {
    assert_eq!(headers["x-goog-api-key"], KEY);
    let models = json!({"models": [
        {"name": format!("models/{FIRST}"), "supportedGenerationMethods": ["generateContent", "countTokens"], "thinking": true},
        {"name": "models/gemini-embedding-2", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/gemma-4-31b-it"}
    ]});
    models.to_string().into_response()
}

fn transport(router: Router) -> Transport {
    BoxCloneSyncService::new(service_fn(move |request: Request<Bytes>| {
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::from)).await.expect("a router does not fail");
            let (parts, body) = response.into_parts();
            let detail = "connection closed before message completed".to_owned();
            match parts.status.as_u16() {
                998 => return Err(TransportError::Ambiguous { detail }),
                999 => return Err(TransportError::NotSent { detail }),
                _ => {}
            }
            let body = body.collect().await.expect("a whole body").to_bytes();
            Ok(Response::from_parts(parts, body))
        }
    }))
}

/// A client and the upstream that it talks to.
struct World {
    gemini: Gemini,
    upstream: Arc<Upstream>,
    metrics: Metrics,
}

fn options() -> GeminiOptions {
    GeminiOptions {
        base_url: "https://gemini.test".to_owned(),
        api_key: SecretString::from(KEY),
        model: FIRST.to_owned(),
        fallback_model: None,
        max_output_tokens: 1_024,
        temperature: Some(0.9),
        thinking: None,
        call_timeout: CALL,
        max_concurrent: 64,
        rate: None,
    }
}

impl World {
    /// One model.
    fn new(script: impl IntoIterator<Item = Act>) -> Self {
        Self::with(options(), [(FIRST, script.into_iter().collect())])
    }

    /// Two models.
    fn pair(first: impl IntoIterator<Item = Act>, fallback: impl IntoIterator<Item = Act>) -> Self {
        let options = GeminiOptions { fallback_model: Some(FALLBACK.to_owned()), ..options() };
        Self::with(options, [(FIRST, first.into_iter().collect()), (FALLBACK, fallback.into_iter().collect())])
    }

    fn with<const N: usize>(options: GeminiOptions, scripts: [(&str, VecDeque<Act>); N]) -> Self {
        let scripts = scripts.into_iter().map(|(model, script)| (model.to_owned(), script)).collect();
        let upstream =
            Arc::new(Upstream { start: Instant::now(), scripts: Mutex::new(scripts), seen: Mutex::default() });
        let models = "/v1beta/models/{call}";
        let router = Router::new()
            .route(models, post(generate))
            .route("/v1beta/models", get(list_models))
            .route(&format!("/behind/a/proxy{models}"), post(generate))
            .with_state(Arc::clone(&upstream));
        let start: jiff::Timestamp = START.parse().expect("a time");
        let clock: SharedClock = Arc::new(TokioClock::starting_at(Timestamp(start.as_millisecond())));
        let metrics = Metrics::new();
        let gemini = Gemini::new(&options, transport(router), clock, Arc::new(Seeded::new(7)), metrics.clone())
            .expect("options");
        Self { gemini, upstream, metrics }
    }

    async fn ask(&self) -> Outcome {
        self.ask_within(TURN).await
    }

    async fn ask_within(&self, deadline: Duration) -> Outcome {
        let started = Instant::now();
        let outcome = self.gemini.answer(&prompt(), started + deadline, Choice::USUAL).await;
        assert!(started.elapsed() <= deadline, "the deadline is kept: {:?}", started.elapsed());
        outcome
    }

    async fn answer(&self) -> Answer {
        self.ask().await.result.expect("an answer")
    }

    async fn error(&self) -> GeminiError {
        self.ask().await.result.expect_err("no answer")
    }

    fn seen(&self) -> Vec<Seen> {
        self.upstream.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which models were asked, and when.
    fn asked(&self) -> Vec<(String, Duration)> {
        self.seen().into_iter().map(|seen| (seen.model, seen.at)).collect()
    }

    fn asked_times(&self, model: &str) -> usize {
        self.seen().iter().filter(|seen| seen.model == model).count()
    }

    /// Lines of a metric, without buckets.
    fn metric(&self, name: &str) -> Vec<String> {
        let page = self.metrics.render();
        let lines = page.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

fn turn(role: Role, text: &str) -> PromptTurn {
    PromptTurn { role, text: text.to_owned() }
}

fn prompt() -> Prompt {
    Prompt { system: "canary-persona".to_owned(), turns: vec![turn(Role::User, "canary-question")], media: Vec::new() }
}

fn outcomes(outcome: &Outcome) -> Vec<&'static str> {
    outcome.calls.iter().map(|call| call.outcome).collect()
}

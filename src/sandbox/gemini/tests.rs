//! The stand-in's refusals and faults.

use std::sync::Arc;

use http::Request;
use serde_json::json;

use super::*;
use crate::{
    clock::TokioClock,
    random::Seeded,
    transport::{self, TransportError},
};

fn gemini() -> FakeGemini {
    let clock = Arc::new(TokioClock::starting_at(Timestamp(1_790_000_000_000)));
    FakeGemini::new(GeminiOptions::new(clock, Arc::new(Seeded::new(1))))
}

async fn post(gemini: &FakeGemini, model: &str, body: &Value) -> (u16, Value) {
    post_with(gemini, &format!("/v1beta/models/{model}:generateContent"), Some(API_KEY), body).await
}

async fn post_with(gemini: &FakeGemini, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = Request::post(format!("http://gemini{path}"));
    if let Some(key) = key {
        request = request.header("x-goog-api-key", key);
    }
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let response = transport::call(&gemini.transport(), request).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

fn asking(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

fn with(field: &str, value: Value) -> Value {
    let mut body = asking("привіт");
    body[field] = value;
    body
}

const FLASH: &str = "gemini-3.8-flash";

#[tokio::test(start_paused = true)]
async fn a_good_request_is_answered_with_its_usage() {
    let gemini = gemini();
    gemini.will_say("вітаю");
    let request = json!({"system_instruction": {"parts": [{"text": "ти Гряг"}]},
        "contents": [{"role": "user", "parts": [{"text": "привіт"}]}],
        "generationConfig": {"maxOutputTokens": 800, "thinkingConfig": {"thinkingLevel": "low"}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]});
    let (status, body) = post(&gemini, FLASH, &request).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["candidates"][0]["content"]["parts"][0]["text"], "вітаю");
    assert_eq!(body["candidates"][0]["finishReason"], "STOP");
    assert_eq!(body["usageMetadata"]["promptTokenCount"], 5);
    assert_eq!(body["usageMetadata"]["candidatesTokenCount"], 2);
    assert_eq!(gemini.requests().len(), 1);
    assert_eq!(gemini.requests()[0].json(), request);
}

#[tokio::test(start_paused = true)]
async fn what_gemini_refuses_is_refused_in_its_words() {
    let gemini = gemini();
    let model_last =
        json!({"contents": [{"role": "user", "parts": [{"text": "а"}]}, {"role": "model", "parts": [{"text": "б"}]}]});
    let thinking = |config: Value| with("generationConfig", json!({"thinkingConfig": config}));
    let cases = [
        (with("temprature", json!(1)), "Unknown name \"temprature\""),
        (with("generationConfig", json!({"maxTokens": 1})), "Unknown name \"maxTokens\""),
        (model_last, "Requests ending with a model turn are not supported."),
        (json!({"contents": []}), "contents is not specified"),
        (json!({"contents": [{"role": "user", "parts": []}]}), "parts must not be empty"),
        (json!({"contents": [{"role": "user", "parts": [{}]}]}), "must have one initialized field"),
        (json!({"contents": [{"role": "bot", "parts": [{"text": "а"}]}]}), "valid role"),
        (thinking(json!({"thinkingLevel": "minimal"})), "MINIMAL is not supported"),
        (thinking(json!({"thinkingLevel": "low", "thinkingBudget": 0})), "only one of thinking budget"),
        (thinking(json!({"thinkingLevel": "huge"})), "Invalid value"),
        (with("safetySettings", json!([{"category": "HARM_CATEGORY_X", "threshold": "OFF"}])), "Invalid value"),
        (with("generationConfig", json!({"maxOutputTokens": 0})), "max_output_tokens"),
        (with("generationConfig", json!({"responseJsonSchema": {}})), "mime type"),
    ];
    for (request, words) in cases {
        let (status, body) = post(&gemini, FLASH, &request).await;
        assert_eq!(status, 400, "{request} -> {body}");
        assert_eq!(body["error"]["status"], "INVALID_ARGUMENT");
        assert!(body["error"]["message"].as_str().unwrap().contains(words), "{request} -> {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_level_that_one_model_refuses_another_takes() {
    let gemini = gemini();
    let minimal = with("generationConfig", json!({"thinkingConfig": {"thinkingLevel": "MINIMAL"}}));
    assert_eq!(post(&gemini, "gemini-3.5-flash-lite", &minimal).await.0, 200);
    let budget = with("generationConfig", json!({"thinkingConfig": {"thinkingBudget": 0}}));
    assert_eq!(post(&gemini, "gemini-2.5-flash-lite", &budget).await.0, 200);
    assert_eq!(post(&gemini, "gemini-4-argon", &budget).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn keys_and_models_are_checked() {
    let gemini = gemini();
    let path = "/v1beta/models/gemini-3.8-flash:generateContent";
    for key in [None, Some("AIza-wrong")] {
        let (status, body) = post_with(&gemini, path, key, &asking("а")).await;
        assert_eq!((status, &body["error"]["details"][0]["reason"]), (400, &json!("API_KEY_INVALID")));
    }
    let twice = format!("{path}?key={API_KEY}");
    let (status, body) = post_with(&gemini, &twice, Some(API_KEY), &asking("а")).await;
    assert_eq!(status, 400);
    assert!(body["error"]["message"].as_str().unwrap().starts_with("Multiple authentication credentials received"));
    assert_eq!(post(&gemini, "gemini-2.0-flash", &asking("а")).await.0, 404);
    gemini.retire(FLASH);
    assert_eq!(post(&gemini, FLASH, &asking("а")).await.0, 404);
    assert_eq!(
        post_with(&gemini, "/proxy/v1beta/models/gemini-3.5-flash:generateContent", Some(API_KEY), &asking("а"))
            .await
            .0,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn quotas_are_told_apart_by_their_bodies() {
    let gemini = gemini();
    gemini.fail_next(GeminiFault::PerMinuteQuota { retry_delay: Duration::from_millis(7500) });
    gemini.fail_next(GeminiFault::PerDayQuota);
    let (status, minute) = post(&gemini, FLASH, &asking("а")).await;
    assert_eq!(status, 429);
    assert_eq!(minute["error"]["details"][2]["retryDelay"], "7.5s");
    assert!(minute["error"]["details"][1]["violations"][0]["quotaId"].as_str().unwrap().contains("PerMinute"));
    let (_, day) = post(&gemini, FLASH, &asking("а")).await;
    assert!(day["error"]["details"][1]["violations"][0]["quotaId"].as_str().unwrap().contains("PerDay"));
    assert_eq!(post(&gemini, FLASH, &asking("а")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_ambiguous_and_a_refused_connection_is_not_sent() {
    let gemini = gemini();
    gemini.fail_next_of(FLASH, GeminiFault::Cut);
    gemini.fail_next_of(FLASH, GeminiFault::Refused);
    let call = || {
        let request = Request::post("http://gemini/v1beta/models/gemini-3.8-flash:generateContent")
            .header("x-goog-api-key", API_KEY)
            .body(Bytes::from(asking("а").to_string()))
            .unwrap();
        let transport = gemini.transport();
        async move { transport::call(&transport, request).await }
    };
    assert!(matches!(call().await, Err(TransportError::Ambiguous { .. })));
    assert!(matches!(call().await, Err(TransportError::NotSent { .. })));
    assert_eq!(call().await.unwrap().status().as_u16(), 200);
    assert_eq!(gemini.requests().iter().map(|request| request.status).collect::<Vec<_>>(), [0, 0, 200]);
}

#[tokio::test(start_paused = true)]
async fn answers_without_text_have_geminis_shapes() {
    let gemini = gemini();
    for reply in [Reply::blocked("PROHIBITED_CONTENT"), Reply::stopped("SAFETY"), Reply::spent_on_thinking()] {
        gemini.will_reply(reply);
    }
    gemini.will_reply(Reply::say("так").with_thought("думаю"));
    let (_, blocked) = post(&gemini, FLASH, &asking("а")).await;
    assert_eq!(blocked["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    assert!(blocked.get("candidates").is_none());
    let (_, stopped) = post(&gemini, FLASH, &asking("а")).await;
    assert_eq!(stopped["candidates"], json!([{"finishReason": "SAFETY", "index": 0}]));
    let (_, spent) = post(&gemini, FLASH, &asking("а")).await;
    assert_eq!(spent["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(spent["usageMetadata"]["thoughtsTokenCount"], 512);
    let (_, thought) = post(&gemini, FLASH, &asking("а")).await;
    assert_eq!(thought["candidates"][0]["content"]["parts"][0]["thought"], true);
}

#[tokio::test(start_paused = true)]
async fn the_output_limit_cuts_the_answer() {
    let gemini = gemini();
    gemini.will_say("дуже довга відповідь");
    let (_, body) = post(&gemini, FLASH, &with("generationConfig", json!({"maxOutputTokens": 2}))).await;
    assert_eq!(body["candidates"][0]["content"]["parts"][0]["text"], "дуже д");
    assert_eq!(body["candidates"][0]["finishReason"], "MAX_TOKENS");
}

#[tokio::test(start_paused = true)]
async fn the_voice_sees_the_request_and_answers_after_the_latency() {
    let gemini = gemini();
    gemini.set_latency(Duration::from_secs(1));
    gemini.answer_with(|request| Reply::say(format!("{} {}", request.model(), request.last_user_text())));
    let before = tokio::time::Instant::now();
    let (_, body) = post(&gemini, FLASH, &asking("а")).await;
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    assert_eq!(body["candidates"][0]["content"]["parts"][0]["text"], "gemini-3.8-flash а");
}

#[tokio::test(start_paused = true)]
async fn media_is_taken_if_it_is_what_it_says_and_of_a_kind_that_is_taken() {
    let gemini = gemini();
    let ask = |mime: &str, data: &str| {
        json!({"contents": [{"role": "user", "parts": [{"text": "що тут?"},
            {"inlineData": {"mimeType": mime, "data": data}}]}]})
    };
    let (jpeg, ogg) = ("/9j/4AAQ", "T2dnUwAC");
    for (mime, data, status) in [
        ("image/jpeg", jpeg, 200),
        ("audio/ogg", ogg, 200),
        ("audio/ogg", jpeg, 400),
        ("image/gif", jpeg, 400),
        ("application/x-tgsticker", "H4sI", 400),
        ("image/jpeg", "/9j/4AA", 400),
        ("image/jpeg", "не base64", 400),
        ("image/jpeg", "", 400),
        ("", jpeg, 400),
    ] {
        let (answered, body) = post(&gemini, FLASH, &ask(mime, data)).await;
        assert_eq!(answered, status, "{mime} {data}: {body}");
    }
    let files = gemini.requests()[0].files();
    assert_eq!(files, [("image/jpeg".to_owned(), b"\xff\xd8\xff\xe0\0\x10".to_vec())]);
}

//! Good statuses: answers, and the traps of gemini_api.md section 3.

use super::*;
use crate::domain::{Cost, TokenUsage};

/// The answer behind a 200 with this candidate; nothing is tried again forever, so errors come through too.
async fn read(body: Value) -> Result<Answer, GeminiError> {
    World::new([Act::json(200, &body)]).ask().await.result
}

async fn read_candidate(candidate: Value) -> Result<Answer, GeminiError> {
    read(json!({"candidates": [candidate]})).await
}

fn empty(reason: &str) -> GeminiError {
    GeminiError::Empty { reason: reason.to_owned(), usage: TokenUsage::default() }
}

#[tokio::test(start_paused = true)]
async fn an_answer_says_who_gave_it_and_what_it_cost() {
    let world = World::new([Act::says("  гав \n").after(Duration::from_secs(1))]);
    let outcome = world.ask().await;
    let usage = TokenUsage { prompt: 8, cached: 0, thoughts: 23, answer: 2 };
    let answer = Answer { text: "гав".to_owned(), model: FIRST.to_owned(), usage, cut: false };
    let took = Duration::from_secs(1);
    let start: jiff::Timestamp = START.parse().expect("a time");
    let at = Timestamp(start.as_millisecond());
    let nano_usd = 8 * 750 + 25 * 3_750;
    let cost = Cost { nano_usd: Some(nano_usd), counted_nano_usd: nano_usd };
    let call = CallRecord { at, model: FIRST.to_owned(), usage, cost, took, outcome: "answered" };
    assert_eq!(outcome, Outcome { result: Ok(answer), calls: vec![call] });
    assert_eq!(
        world.metric("gryag_gemini_tokens_total"),
        [
            r#"gryag_gemini_tokens_total{model="gemini-3.8-flash",kind="answer"} 2"#,
            r#"gryag_gemini_tokens_total{model="gemini-3.8-flash",kind="cached"} 0"#,
            r#"gryag_gemini_tokens_total{model="gemini-3.8-flash",kind="prompt"} 8"#,
            r#"gryag_gemini_tokens_total{model="gemini-3.8-flash",kind="thoughts"} 23"#,
        ],
    );
    assert_eq!(
        world.metric("gryag_gemini_request_duration_seconds_count"),
        [r#"gryag_gemini_request_duration_seconds_count{model="gemini-3.8-flash",outcome="answered"} 1"#],
    );
    assert_eq!(world.metric("gryag_gemini_finish_total"), [r#"gryag_gemini_finish_total{reason="STOP"} 1"#]);
}

#[tokio::test(start_paused = true)]
async fn parts_are_joined_and_thoughts_are_not_shown() {
    let parts = json!([
        {"text": "canary-thought", "thought": true},
        {"text": "При"},
        {"thoughtSignature": "Eo=="},
        {"text": "віт", "thought": false, "thoughtSignature": "Eo=="},
        {"inlineData": {"mimeType": "image/png", "data": ""}}
    ]);
    let answer = read_candidate(json!({"content": {"parts": parts}, "finishReason": "STOP"})).await;
    assert_eq!(answer.expect("an answer").text, "Привіт");
}

#[tokio::test(start_paused = true)]
async fn counts_may_come_as_strings_or_not_at_all() {
    let body = json!({
        "candidates": [{"content": {"parts": [{"text": "гав"}]}}],
        "usageMetadata": {"promptTokenCount": "4100", "cachedContentTokenCount": "4096", "candidatesTokenCount": 1e300,
                          "thoughtsTokenCount": null, "somethingNew": {"a": []}}
    });
    let usage = read(body).await.expect("an answer").usage;
    assert_eq!(usage, TokenUsage { prompt: 4_100, cached: 4_096, thoughts: 0, answer: 0 });
}

#[tokio::test(start_paused = true)]
async fn an_answer_at_the_token_limit_is_marked_as_cut() {
    for reason in ["MAX_TOKENS", "CONTINUATION"] {
        let candidate = json!({"content": {"parts": [{"text": "жили собі"}]}, "finishReason": reason});
        let world = World::new([Act::json(200, &json!({"candidates": [candidate]}))]);
        let outcome = world.ask().await;
        assert_eq!(outcomes(&outcome), ["cut"]);
        assert!(outcome.result.expect("an answer").cut);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_spent_on_thinking_is_told_apart_and_paid() {
    let usage_metadata = json!({"promptTokenCount": 9, "thoughtsTokenCount": 1024});
    let usage = TokenUsage { prompt: 9, thoughts: 1_024, ..TokenUsage::default() };
    for candidate in [
        json!({"finishReason": "MAX_TOKENS"}),
        json!({"content": {}, "finishReason": "MAX_TOKENS"}),
        json!({"content": {"role": "model", "parts": []}, "finishReason": "MAX_TOKENS"}),
        json!({"content": {"parts": [{"text": "hm", "thought": true}]}, "finishReason": "MAX_TOKENS"}),
    ] {
        let world = World::new([Act::json(200, &json!({"candidates": [candidate], "usageMetadata": usage_metadata}))]);
        let outcome = world.ask().await;
        assert_eq!(outcome.result, Err(GeminiError::SpentOnThinking { usage }));
        assert_eq!(outcomes(&outcome), ["spent_on_thinking"; 2]);
        assert!(outcome.calls.iter().all(|call| call.usage == usage));
    }
}

#[tokio::test(start_paused = true)]
async fn who_spent_the_limit_on_thinking_is_given_more_room_once() {
    let world = World::new([Act::spent_on_thinking(), Act::says("гав")]);
    assert_eq!(world.answer().await.text, "гав");
    let limits: Vec<Value> = world
        .seen()
        .iter()
        .map(|seen| {
            serde_json::from_slice::<Value>(&seen.body).expect("JSON")["generationConfig"]["maxOutputTokens"].clone()
        })
        .collect();
    assert_eq!(limits, [1_024, 4_096]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_for_is_not_given_more_room() {
    let world = World::pair([Act::spent_on_thinking()], [Act::says("гав")]);
    let outcome = world.gemini.answer(&prompt(), Instant::now() + TURN, Choice::USUAL.unasked()).await;
    assert_eq!(outcomes(&outcome), ["spent_on_thinking"]);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_prompt_is_final_and_says_why_by_name() {
    for reason in
        ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK", "NEW"]
    {
        let body = json!({"promptFeedback": {"blockReason": reason, "blockReasonMessage": "canary-question"},
                          "usageMetadata": {"promptTokenCount": 8}});
        let world = World::new([Act::json(200, &body)]);
        let outcome = world.ask().await;
        let usage = TokenUsage { prompt: 8, ..TokenUsage::default() };
        assert_eq!(outcome.result, Err(GeminiError::Blocked { reason: reason.to_owned(), usage }));
        assert_eq!(outcomes(&outcome), ["blocked"]);
        assert_eq!(
            world.metric("gryag_gemini_finish_total"),
            [format!("gryag_gemini_finish_total{{reason=\"{reason}\"}} 1")],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_model_was_stopped_from_saying_is_not_shown() {
    for reason in ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"] {
        let cut_off = json!({"content": {"parts": [{"text": "перше, що"}]}, "finishReason": reason});
        assert_eq!(read_candidate(cut_off).await, Err(empty(reason)));
        assert_eq!(read_candidate(json!({"finishReason": reason, "index": 0})).await, Err(empty(reason)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_finish_reason_with_text_is_an_answer_and_counted_by_name() {
    let candidate = json!({"content": {"parts": [{"text": "гав"}]}, "finishReason": "BRAND_NEW_REASON"});
    let world = World::new([Act::json(200, &json!({"candidates": [candidate]}))]);
    assert_eq!(world.answer().await.text, "гав");
    assert_eq!(
        world.metric("gryag_gemini_finish_total"),
        [r#"gryag_gemini_finish_total{reason="BRAND_NEW_REASON"} 1"#],
    );
}

#[tokio::test(start_paused = true)]
async fn the_names_of_reasons_are_bounded_in_number_and_form() {
    let say = |reason: &str| {
        let candidate = json!({"content": {"parts": [{"text": "гав"}]}, "finishReason": reason});
        Act::json(200, &json!({"candidates": [candidate]}))
    };
    let odd = ["canary question", "Гав", "", "a\"} 1"].map(str::to_owned);
    let reasons: Vec<String> = odd.into_iter().chain((0..100).map(|number| format!("REASON_{number}"))).collect();
    let world = World::new(reasons.iter().map(|reason| say(reason)));
    for _ in &reasons {
        world.answer().await;
    }
    let lines = world.metric("gryag_gemini_finish_total");
    assert_eq!(lines.len(), 32, "{lines:?}");
    // `other` is one of the 32; the four odd ones and the 69 last ones share it.
    assert!(lines.contains(&r#"gryag_gemini_finish_total{reason="other"} 73"#.to_owned()), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_asked_for_once_more() {
    for body in [
        json!({}),
        json!({"candidates": []}),
        json!({"candidates": [{}]}),
        json!({"candidates": [{"content": {"parts": [{"text": " \n"}]}, "finishReason": "STOP"}]}),
        json!({"candidates": [{"content": {"parts": [{"text": "hm", "thought": true}]}, "finishReason": "STOP"}]}),
    ] {
        let world = World::new([Act::json(200, &body)]);
        let outcome = world.ask().await;
        assert!(matches!(outcome.result, Err(GeminiError::Empty { .. })), "{body}");
        assert_eq!(outcomes(&outcome), ["empty", "empty"]);

        let world = World::new([Act::json(200, &body), Act::says("гав")]);
        assert_eq!(outcomes(&world.ask().await), ["empty", "answered"]);
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_is_garbage_whatever_its_shape() {
    let deep = "[".repeat(100_000);
    for body in ["", "null", "[]", "гав", "<html>502</html>", "{\"candidates\":", "{\"candidates\": 5}", &deep] {
        let outcome = World::new([Act::raw(200, body)]).ask().await;
        assert_eq!(outcome.result, Err(GeminiError::Garbage { body_bytes: body.len() }), "{body:.40}");
        assert_eq!(outcomes(&outcome), ["garbage", "garbage"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_litellm_answers_is_read_too() {
    let body = json!({
        "text": "Hi", "responseId": "x", "modelVersion": "gemini-test",
        "candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "finishReason": null,
                        "safetyRatings": [], "index": 0}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30}
    });
    assert_eq!(read(body).await.expect("an answer").text, "Hi");
}

//! Each error of gemini_api.md section 4, with bodies as they really come, and what the network does.

use super::*;
use crate::{
    errors::{Class, Classify as _},
    layers::breaker::BreakerState,
};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Asks a model that always does this: the error, and how often it was asked.
async fn always(act: Act) -> (GeminiError, usize) {
    let world = World::new([act]);
    let outcome = world.ask().await;
    let error = outcome.result.expect_err("no answer");
    assert_eq!(outcome.calls.len(), world.seen().len(), "every call is in the ledger");
    assert!(outcome.calls.iter().all(|call| call.outcome == error.short()));
    (error, outcome.calls.len())
}

#[tokio::test(start_paused = true)]
async fn a_quota_per_minute_is_waited_for_exactly_as_long_as_it_says() {
    let world = World::new([Act::per_minute("7.238s"), Act::says("гав")]);
    assert_eq!(outcomes(&world.ask().await), ["quota_minute", "answered"]);
    assert_eq!(world.asked(), [(FIRST.to_owned(), ms(0)), (FIRST.to_owned(), ms(7_238))]);
    assert_eq!(world.metric("gryag_retries_total"), [r#"gryag_retries_total{target="gemini/gemini-3.8-flash"} 1"#]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_outlasts_the_turn_is_given_up_at_once() {
    let world = World::new([Act::per_minute("60.5s")]);
    let started = Instant::now();
    let error = world.error().await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    let retry_after = Some(ms(60_500));
    assert_eq!(error, GeminiError::QuotaPerMinute { model: FIRST.to_owned(), retry_after });
    assert_eq!(error.class(), Class::Transient { retry_after });
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_unknown_kind_waits_for_what_the_message_or_the_header_says() {
    let message = "You exceeded your current quota. Please retry in 7.2s.";
    for limited in [
        Act::error(429, "RESOURCE_EXHAUSTED", message),
        Act::json(429, &json!([{"error": {"code": 429, "message": message}}])),
        Act::raw(429, "<html>slow down</html>").header("retry-after", "7"),
    ] {
        let world = World::new([limited, Act::says("гав")]);
        world.answer().await;
        let waited = world.asked()[1].1;
        assert!(waited == ms(7_000) || waited == ms(7_200), "{waited:?}");
    }
    let (error, asked) = always(Act::raw(429, "")).await;
    assert_eq!(error, GeminiError::QuotaPerMinute { model: FIRST.to_owned(), retry_after: None });
    assert_eq!(asked, 3);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_means_that_the_tier_does_not_have_the_model() {
    let zero = "Quota exceeded for metric: free_tier_requests, limit: 0, model: x\nPlease retry in 5.2s.";
    for act in [
        Act::quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "0", "5s"),
        Act::error(429, "RESOURCE_EXHAUSTED", zero),
    ] {
        assert_eq!(always(act).await, (GeminiError::NotInTier { model: FIRST.to_owned() }, 1));
    }
    let twenty = "Quota exceeded for metric: free_tier_requests, limit: 0.5, limit: 20";
    assert!(matches!(always(Act::error(429, "", twenty)).await.0, GeminiError::QuotaPerMinute { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_quota_per_day_is_remembered_until_midnight_in_california() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let world = World::new([Act::per_day(), Act::says("гав")]);
    let spent = |retry_after| GeminiError::QuotaPerDay { model: FIRST.to_owned(), retry_after, limit: Some(20) };
    assert_eq!(world.error().await, spent(22 * HOUR));

    tokio::time::advance(21 * HOUR).await;
    assert_eq!(world.ask().await, Outcome { result: Err(spent(HOUR)), calls: vec![] });
    assert_eq!(world.seen().len(), 1, "it is not asked again before that");

    tokio::time::advance(HOUR).await;
    assert_eq!(world.answer().await.text, "гав");
}

#[tokio::test(start_paused = true)]
async fn faults_of_theirs_are_tried_again_as_often_as_their_kind_deserves() {
    for (status, word, attempts) in [
        (408, "", 3),
        (499, "CANCELLED", 1),
        (500, "INTERNAL", 3),
        (502, "", 3),
        (504, "DEADLINE_EXCEEDED", 2),
        (529, "", 3),
    ] {
        let answer = always(Act::error(status, word, "An internal error has occurred.")).await;
        assert_eq!(answer, (GeminiError::Internal { status }, attempts));
    }
    let html = Act::raw(502, "<html><title>502 Bad Gateway</title></html>");
    assert_eq!(always(html).await, (GeminiError::Internal { status: 502 }, 3));
    let overloaded = GeminiError::Overloaded { model: FIRST.to_owned(), retry_after: None };
    assert_eq!(always(Act::overloaded()).await, (overloaded, 3));
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_model_that_recovers_answers() {
    let busy = Act::overloaded().header("retry-after", "4");
    let world = World::new([busy, Act::overloaded(), Act::says("гав")]);
    assert_eq!(outcomes(&world.ask().await), ["overloaded", "overloaded", "answered"]);
    assert_eq!(world.asked()[1].1, ms(4_000), "Retry-After is obeyed");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_key_is_told_apart_and_final() {
    let info = |status: u16, word: &str, reason: &str| {
        Act::json(
            status,
            &json!({"error": {"code": status, "status": word, "message": "API key not usable.", "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                 "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}}]}}),
        )
    };
    let permission = |status, reason| GeminiError::Permission { status, reason };
    for (act, error) in [
        (info(400, "INVALID_ARGUMENT", "API_KEY_INVALID"), GeminiError::BadKey { status: 400 }),
        (
            Act::error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            GeminiError::BadKey { status: 400 },
        ),
        (
            Act::error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
            GeminiError::BadKey { status: 401 },
        ),
        (
            info(403, "PERMISSION_DENIED", "SERVICE_DISABLED"),
            permission(403, "the Gemini API is not enabled in the key's project"),
        ),
        (
            Act::error(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
            permission(403, "the key was reported as leaked; make a new one"),
        ),
        (Act::raw(403, ""), permission(403, "the key may not do this")),
        (
            Act::error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
            permission(400, "the region of this server is not served; use a paid key or another region"),
        ),
        (
            Act::error(400, "FAILED_PRECONDITION", "Please enable billing on project 1."),
            permission(400, "the region or the billing account does not allow it"),
        ),
    ] {
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(always(act).await, (error, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_request_says_what_is_wrong_in_our_words() {
    let unknown_word = "without a known status";
    for (act, status, word, reason) in [
        (
            Act::error(400, "INVALID_ARGUMENT", "Requests ending with a model turn are not supported."),
            400,
            "INVALID_ARGUMENT",
            "the last turn is the model's",
        ),
        (
            Act::error(
                400,
                "INVALID_ARGUMENT",
                "Invalid JSON payload received. Unknown name \"canary-question\" at 'x'",
            ),
            400,
            "INVALID_ARGUMENT",
            "it has a field that upstream does not know",
        ),
        (
            Act::error(400, "INVALID_ARGUMENT", "Thinking level MINIMAL is not supported for this model."),
            400,
            "INVALID_ARGUMENT",
            "the model does not take this kind or level of thinking",
        ),
        (
            Act::error(400, "INVALID_ARGUMENT", "The input token count (1100000) exceeds the maximum of 1048576."),
            400,
            "INVALID_ARGUMENT",
            "the prompt has too many tokens for the model",
        ),
        // LiteLLM: the code is a string and there is no status.
        (
            Act::json(
                400,
                &json!({"error": {"message": "canary-question", "type": null, "param": null, "code": "400"}}),
            ),
            400,
            unknown_word,
            "no known reason",
        ),
        (Act::json(400, &json!({"error": "canary-question"})), 400, unknown_word, "no known reason"),
        (Act::raw(413, "<html>canary-question</html>"), 413, unknown_word, "no known reason"),
        (Act::raw(302, ""), 302, unknown_word, "no known reason"),
    ] {
        assert_eq!(always(act).await, (GeminiError::BadRequest { status, word, reason }, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_gone_is_not_asked_again_for_a_minute() {
    let message = "models/gemini-3.8-flash is not found for API version v1beta";
    let world = World::new([Act::error(404, "NOT_FOUND", message), Act::says("гав")]);
    assert_eq!(world.error().await, GeminiError::Gone { model: FIRST.to_owned() });
    assert_eq!(world.error().await, GeminiError::Gone { model: FIRST.to_owned() });
    assert_eq!(world.seen().len(), 1);
    tokio::time::advance(Duration::from_secs(60)).await;
    world.answer().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_under_a_good_status_is_an_error() {
    for (error, expected) in [
        (json!({"code": "400", "message": "no"}), "bad_request"),
        (json!({"code": 503, "status": "UNAVAILABLE"}), "overloaded"),
        (json!({"code": 0, "status": "RESOURCE_EXHAUSTED"}), "quota_minute"),
        (json!({}), "internal"),
        (json!("no"), "internal"),
    ] {
        let (error, _) = always(Act::json(200, &json!({ "error": error }))).await;
        assert_eq!(error.short(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn absurd_wishes_to_wait_are_no_trouble() {
    for delay in ["-3s", "NaNs", "infs", "1e400s", "57", "", "s", "9".repeat(400).as_str()] {
        let (error, _) = always(Act::per_minute(delay)).await;
        assert_eq!(error, GeminiError::QuotaPerMinute { model: FIRST.to_owned(), retry_after: None }, "{delay}");
    }
    let (error, asked) = always(Act::per_minute("99999999999s")).await;
    let retry_after = Some(Duration::from_secs(86_400));
    assert_eq!((error, asked), (GeminiError::QuotaPerMinute { model: FIRST.to_owned(), retry_after }, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_ends_at_its_own_deadline_and_is_tried_once_more() {
    let world = World::new([Act::Hang]);
    let outcome = world.ask().await;
    assert_eq!(outcome.result, Err(GeminiError::Timeout { after: CALL }));
    assert_eq!(outcomes(&outcome), ["timeout", "timeout"]);
    assert!(outcome.calls.iter().all(|call| call.took == CALL));

    let world = World::new([Act::Hang, Act::says("гав")]);
    assert_eq!(outcomes(&world.ask().await), ["timeout", "answered"]);
}

#[tokio::test(start_paused = true)]
async fn no_call_outlives_the_turn() {
    let world = World::new([Act::Hang]);
    let (started, turn) = (Instant::now(), Duration::from_secs(5));
    let outcome = world.ask_within(turn).await;
    assert_eq!(outcome.result, Err(GeminiError::Timeout { after: turn }));
    assert_eq!(started.elapsed(), turn);
    assert_eq!(outcomes(&outcome), ["timeout"], "the ledger has the call that was cut");
    let late = world.ask_within(Duration::ZERO).await;
    assert_eq!(late, Outcome { result: Err(GeminiError::Timeout { after: Duration::ZERO }), calls: vec![] });
}

#[tokio::test(start_paused = true)]
async fn broken_and_refused_connections_are_tried_again() {
    for act in [Act::Cut, Act::Refuse] {
        let (error, asked) = always(act.clone()).await;
        assert!(matches!(error, GeminiError::Transport(_)));
        assert_eq!((asked, error.class()), (3, Class::Transient { retry_after: None }));
        assert_eq!(World::new([act, Act::says("гав")]).answer().await.text, "гав");
    }
}

#[tokio::test(start_paused = true)]
async fn neither_the_key_nor_the_prompt_is_ever_in_an_error() {
    // Upstream quotes everything that it was sent, in every place where it can.
    let quote = format!("{KEY} canary-question canary-persona");
    let everywhere = |code: u16, status: &str| {
        let details = json!([
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": quote, "domain": quote, "metadata": {"k": quote}},
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quote, "quotaValue": quote}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": quote}
        ]);
        Act::json(code, &json!({"error": {"code": code, "status": status, "message": quote, "details": details}}))
    };
    let codes = [302, 400, 401, 403, 404, 408, 413, 418, 429, 499, 500, 502, 503, 504];
    let mut acts: Vec<Act> = codes.iter().map(|code| everywhere(*code, &quote)).collect();
    acts.extend(codes.iter().map(|code| Act::raw(*code, &quote)));
    acts.extend([
        everywhere(400, "INVALID_ARGUMENT"),
        everywhere(400, "FAILED_PRECONDITION"),
        everywhere(200, "UNKNOWN"),
        Act::raw(200, &quote),
        Act::Hang,
        Act::Cut,
        Act::json(200, &json!({"promptFeedback": {"blockReason": quote, "blockReasonMessage": quote}})),
        Act::json(200, &json!({"candidates": [{"finishReason": quote, "finishMessage": quote}]})),
        Act::json(200, &json!({"candidates": [{"finishReason": "SAFETY", "content": {"parts": [{"text": quote}]}}]})),
    ]);
    for act in acts {
        let world = World::new([act]);
        let outcome = world.ask().await;
        let error = outcome.result.as_ref().expect_err("no answer");
        let source = std::error::Error::source(error).map(ToString::to_string);
        let said = format!("{error} {error:?} {source:?} {outcome:?} {:?} {}", world.gemini, world.metrics.render());
        assert!(!said.contains("canary"), "{said}");
    }
    assert!(!format!("{:?}", options()).contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn a_dead_model_is_left_alone_and_probed_and_comes_back() {
    let mut script = vec![Act::error(500, "INTERNAL", ""); 10];
    script.push(Act::says("гав"));
    let world = World::new(script);
    let breaker = world.gemini.breakers().remove(0);
    while breaker.state() == BreakerState::Closed {
        world.error().await;
    }
    assert_eq!(world.seen().len(), 10, "the tenth failure opens it");
    let opened = Instant::now();
    let outcome = world.ask().await;
    assert!(matches!(outcome.result, Err(GeminiError::BreakerOpen(_))));
    assert_eq!((outcome.calls.len(), opened.elapsed()), (0, Duration::ZERO));

    tokio::time::advance(Duration::from_secs(20)).await;
    for _ in 0..3 {
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        world.answer().await;
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(world.metric("gryag_breaker_state"), [r#"gryag_breaker_state{target="gemini/gemini-3.8-flash"} 0"#],);
}

#[tokio::test(start_paused = true)]
async fn quotas_and_blocked_prompts_do_not_open_the_breaker() {
    let blocked = Act::json(200, &json!({"promptFeedback": {"blockReason": "SAFETY"}}));
    for act in [Act::raw(429, ""), blocked, Act::error(400, "INVALID_ARGUMENT", "")] {
        let world = World::new([act]);
        for _ in 0..30 {
            let _ = world.ask_within(Duration::from_millis(100)).await;
        }
        assert!(world.seen().len() >= 30);
        assert_eq!(world.gemini.breakers()[0].state(), BreakerState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_calls_open_the_breaker_but_turns_that_were_short_of_time_do_not() {
    let world = World::new([Act::Hang]);
    for _ in 0..30 {
        let _ = world.ask_within(Duration::from_millis(500)).await;
    }
    assert_eq!(world.gemini.breakers()[0].state(), BreakerState::Closed);

    let world = World::new([Act::Hang]);
    futures_util::future::join_all((0..10).map(|_| world.ask_within(CALL))).await;
    assert_eq!(world.gemini.breakers()[0].state(), BreakerState::Open);
}

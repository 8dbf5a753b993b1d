//! When the second model is asked.

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

async fn who_answers(first: Act) -> (String, Vec<&'static str>) {
    let world = World::pair([first], [Act::says("гав")]);
    let outcome = world.ask().await;
    let outcomes = outcomes(&outcome);
    (outcome.result.expect("an answer").model, outcomes)
}

#[tokio::test(start_paused = true)]
async fn the_fallback_answers_for_a_model_that_cannot() {
    for (first, calls) in [
        (Act::overloaded(), vec!["overloaded", "overloaded", "overloaded", "answered"]),
        (Act::error(500, "INTERNAL", ""), vec!["internal", "internal", "internal", "answered"]),
        (Act::Hang, vec!["timeout", "timeout", "answered"]),
        (Act::error(404, "NOT_FOUND", ""), vec!["gone", "answered"]),
        (Act::per_day(), vec!["quota_day", "answered"]),
        (Act::per_minute("57.2s"), vec!["quota_minute", "answered"]),
        (Act::quota("GenerateRequestsPerDay", "0", "5s"), vec!["not_in_tier", "answered"]),
        (Act::spent_on_thinking(), vec!["spent_on_thinking", "spent_on_thinking", "answered"]),
    ] {
        assert_eq!(who_answers(first).await, (FALLBACK.to_owned(), calls));
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_passes_in_time_is_waited_for() {
    let world = World::pair([Act::per_minute("7s"), Act::says("гав")], [Act::says("дзяв")]);
    assert_eq!(world.answer().await.model, FIRST);
}

#[tokio::test(start_paused = true)]
async fn the_fallback_is_not_asked_what_it_cannot_help() {
    for act in [
        Act::error(401, "UNAUTHENTICATED", ""),
        Act::error(403, "PERMISSION_DENIED", ""),
        Act::error(400, "INVALID_ARGUMENT", ""),
        Act::json(200, &json!({"promptFeedback": {"blockReason": "SAFETY"}})),
        Act::json(200, &json!({"candidates": []})),
        Act::Refuse,
    ] {
        let world = World::pair([act], [Act::says("гав")]);
        world.error().await;
        assert_eq!(world.asked_times(FALLBACK), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_spent_day_is_not_asked_about_again_until_it_ends() {
    let world = World::pair([Act::per_day(), Act::says("гав")], [Act::says("дзяв")]);
    for _ in 0..21 {
        assert_eq!(world.answer().await.model, FALLBACK);
        tokio::time::advance(HOUR).await;
    }
    assert_eq!(world.asked_times(FIRST), 1);
    tokio::time::advance(HOUR).await;
    assert_eq!(world.answer().await.model, FIRST);
}

#[tokio::test(start_paused = true)]
async fn while_the_breaker_is_open_the_fallback_answers_at_once() {
    let world = World::pair([Act::overloaded()], [Act::says("гав")]);
    for _ in 0..4 {
        world.answer().await;
    }
    let (started, asked) = (Instant::now(), world.asked_times(FIRST));
    assert_eq!(world.answer().await.model, FALLBACK);
    assert_eq!((started.elapsed(), world.asked_times(FIRST)), (Duration::ZERO, asked));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_first_model_leaves_the_fallback_its_time() {
    for turn in [3, 10, 20, 30, 60, 90].map(Duration::from_secs) {
        let slow = Act::says("гав").after(turn / 4);
        let world = World::pair([Act::Hang], [if turn / 4 < CALL { slow } else { Act::says("гав") }]);
        let outcome = world.ask_within(turn).await;
        assert_eq!(outcome.result.expect("an answer").model, FALLBACK, "{turn:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_the_error_is_the_one_that_leaves_more_hope() {
    let gone = || Act::error(404, "NOT_FOUND", "");
    for (first, fallback, error) in [
        (Act::overloaded(), gone(), "overloaded"),
        (gone(), Act::overloaded(), "overloaded"),
        (gone(), gone(), "gone"),
        (Act::per_day(), Act::overloaded(), "overloaded"),
        (Act::per_day(), Act::per_day(), "quota_day"),
        (Act::overloaded(), Act::per_day(), "overloaded"),
    ] {
        let world = World::pair([first], [fallback]);
        assert_eq!(world.error().await.short(), error);
    }
}

#[tokio::test(start_paused = true)]
async fn each_model_is_sent_what_it_takes() {
    let world = World::pair([Act::per_day()], [Act::says("гав")]);
    world.answer().await;
    let config = |seen: &Seen| serde_json::from_slice::<Value>(&seen.body).expect("JSON")["generationConfig"].clone();
    let seen = world.seen();
    assert_eq!(config(&seen[0]), json!({"maxOutputTokens": 1024, "thinkingConfig": {"thinkingLevel": "LOW"}}));
    assert_eq!(
        config(&seen[1]),
        json!({"maxOutputTokens": 1024, "temperature": 0.9, "thinkingConfig": {"thinkingLevel": "MINIMAL"}}),
    );
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_the_same_model_is_none() {
    let options = GeminiOptions { fallback_model: Some(format!("models/{FIRST}")), ..options() };
    let world = World::with(options, [(FIRST, [Act::error(404, "NOT_FOUND", "")].into())]);
    world.error().await;
    assert_eq!((world.seen().len(), world.gemini.breakers().len()), (1, 1));
}

async fn asked_with(world: &World, choice: Choice) -> Outcome {
    world.gemini.answer(&prompt(), Instant::now() + TURN, choice).await
}

#[tokio::test(start_paused = true)]
async fn the_cheaper_model_is_asked_first_when_it_is_chosen_and_the_other_one_helps_out() {
    let world = World::pair(
        [Act::says("дороге")],
        [Act::overloaded(), Act::overloaded(), Act::overloaded(), Act::says("дешеве")],
    );
    let outcome = asked_with(&world, Choice::CHEAPER).await;
    assert_eq!(outcome.result.expect("an answer").model, FIRST);
    assert_eq!(
        outcome.calls.iter().map(|call| call.model.as_str()).collect::<Vec<_>>(),
        [FALLBACK, FALLBACK, FALLBACK, FIRST]
    );
    assert_eq!(asked_with(&world, Choice::CHEAPER).await.result.expect("an answer").model, FALLBACK);
    assert_eq!(asked_with(&world, Choice::USUAL).await.result.expect("an answer").model, FIRST);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_costs_more_is_not_the_cheaper_model() {
    let options = GeminiOptions { model: FALLBACK.to_owned(), fallback_model: Some(FIRST.to_owned()), ..options() };
    let world = World::with(options, [(FALLBACK, [Act::says("дешеве")].into()), (FIRST, [Act::says("дороге")].into())]);
    assert_eq!(asked_with(&world, Choice::CHEAPER).await.result.expect("an answer").model, FALLBACK);
    assert_eq!(world.gemini.typical_cost(Choice::CHEAPER), 4_000 * 300 + 200 * 2_500);
}

#[tokio::test(start_paused = true)]
async fn without_a_fallback_the_only_model_is_also_the_cheaper_one() {
    let world = World::new([Act::says("гав")]);
    assert_eq!(asked_with(&world, Choice::CHEAPER).await.result.expect("an answer").model, FIRST);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_for_asks_one_model_and_none_while_a_quota_is_spent() {
    let unasked = Choice::USUAL.unasked();
    let world = World::pair([Act::error(404, "NOT_FOUND", "")], [Act::says("гав")]);
    assert_eq!(asked_with(&world, unasked).await.result.expect_err("no fallback").short(), "gone");
    for spent in [Act::per_day(), Act::per_minute("57.2s")] {
        let world = World::pair([spent], [Act::says("гав")]);
        assert_eq!(world.answer().await.model, FALLBACK, "who asks is answered");
        for choice in [unasked, Choice::CHEAPER.unasked()] {
            assert!(asked_with(&world, choice).await.result.is_err());
        }
        assert_eq!(world.asked_times(FALLBACK), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_is_noted_with_its_time_and_its_price() {
    let world = World::pair([Act::error(404, "NOT_FOUND", "")], [Act::says("гав")]);
    let calls = asked_with(&world, Choice::USUAL).await.calls;
    // 8 tokens of prompt, 23 of thoughts, 2 of the answer, at $0.30 and $2.50 a million.
    let costs: Vec<_> = calls.iter().map(|call| call.cost.nano_usd).collect();
    assert_eq!(costs, [Some(0), Some(8 * 300 + 25 * 2_500)]);
    let start: jiff::Timestamp = START.parse().expect("a time");
    assert!(calls.iter().all(|call| call.at.0 >= start.as_millisecond()));
    let cost = world.metric("gryag_gemini_cost_nano_usd_total");
    assert!(cost.contains(&format!("gryag_gemini_cost_nano_usd_total{{model=\"{FALLBACK}\"}} 64900")), "{cost:?}");
}

#[tokio::test(start_paused = true)]
async fn the_tokens_of_a_model_without_a_price_are_counted_as_such() {
    let options = GeminiOptions { model: "gemini-test".to_owned(), ..options() };
    let world = World::with(options, [("gemini-test", [Act::says("гав")].into())]);
    let calls = world.ask().await.calls;
    assert_eq!(calls[0].cost.nano_usd, None);
    assert_eq!(
        world.metric("gryag_gemini_unpriced_tokens_total"),
        ["gryag_gemini_unpriced_tokens_total{model=\"gemini-test\"} 33"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_requests_a_day_are_known_once_they_ran_out_and_stay_known() {
    let world = World::pair([Act::per_day(), Act::says("гав")], [Act::says("дзяв")]);
    assert_eq!(world.gemini.day_quota(Choice::USUAL), None);
    world.answer().await;
    tokio::time::advance(HOUR * 30).await;
    let quota = world.gemini.day_quota(Choice::USUAL).expect("it was told");
    let midnight: jiff::Timestamp = "2026-11-24T08:00:00Z".parse().expect("a time");
    assert_eq!((quota.model.as_str(), quota.requests), (FIRST, 20));
    assert_eq!(quota.since, Timestamp(midnight.as_millisecond()));
    assert_eq!(world.gemini.day_quota(Choice::CHEAPER), None, "of the other model nothing is known");
}

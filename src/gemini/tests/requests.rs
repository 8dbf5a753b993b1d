//! What goes out.

//! What goes out.

use super::*;
use crate::config::models::{Thinking, ThinkingLevel};

async fn body_of(options: GeminiOptions, prompt: &Prompt) -> String {
    let model = options.model.clone();
    let world = World::with(options, [(model.trim_start_matches("models/"), [Act::says("гав")].into())]);
    world.gemini.answer(prompt, Instant::now() + TURN, Choice::USUAL).await.result.expect("an answer");
    let body = world.seen().remove(0).body;
    String::from_utf8(body.to_vec()).expect("UTF-8")
}

fn conversation() -> Prompt {
    Prompt {
        system: "Ти Гряг.".to_owned(),
        turns: vec![
            turn(Role::User, "Оля: привіт"),
            turn(Role::User, "Іван: \"агов\"\nі ще"),
            turn(Role::Model, ""),
            turn(Role::Model, "Здоров."),
            turn(Role::User, "Оля: як ти?"),
        ],
        media: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_is_what_the_api_takes() {
    let body = body_of(options(), &conversation()).await;
    // The bytes themselves, with line breaks for the reader. What changes least comes first: equal prefixes are cached.
    insta::assert_snapshot!(body.replace("},", "},\n").replace("[{", "[\n{"), @r#"
    {"systemInstruction":{"parts":[
    {"text":"Ти Гряг."}]},
    "contents":[
    {"role":"user","parts":[
    {"text":"Оля: привіт\nІван: \"агов\"\nі ще"}]},
    {"role":"model","parts":[
    {"text":"Здоров."}]},
    {"role":"user","parts":[
    {"text":"Оля: як ти?"}]}],"generationConfig":{"maxOutputTokens":1024,"thinkingConfig":{"thinkingLevel":"LOW"}},
    "safetySettings":[
    {"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_ONLY_HIGH"},
    {"category":"HARM_CATEGORY_HATE_SPEECH","threshold":"BLOCK_ONLY_HIGH"},
    {"category":"HARM_CATEGORY_SEXUALLY_EXPLICIT","threshold":"BLOCK_ONLY_HIGH"},
    {"category":"HARM_CATEGORY_DANGEROUS_CONTENT","threshold":"BLOCK_ONLY_HIGH"}]}
    "#);
}

#[tokio::test(start_paused = true)]
async fn media_stand_behind_the_last_turn_each_after_its_caption() {
    let media = |caption: &str, mime_type, data: &'static [u8]| PromptMedia {
        caption: caption.to_owned(),
        mime_type,
        data: Bytes::from_static(data),
    };
    let media =
        vec![media("(ось фото)", "image/jpeg", b"\xff\xd8\xff\xe0"), media("(ось голос)", "audio/ogg", b"OggS")];
    let body: Value =
        serde_json::from_str(&body_of(options(), &Prompt { media, ..conversation() }).await).expect("JSON");
    assert_eq!(body["contents"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        body["contents"][2]["parts"],
        json!([
            {"text": "Оля: як ти?"},
            {"text": "(ось фото)"},
            {"inlineData": {"mimeType": "image/jpeg", "data": "/9j/4A=="}},
            {"text": "(ось голос)"},
            {"inlineData": {"mimeType": "audio/ogg", "data": "T2dnUw=="}},
        ])
    );
}

#[tokio::test(start_paused = true)]
async fn an_older_model_gets_its_temperature_and_its_own_kind_of_thinking() {
    let options = GeminiOptions { model: "models/gemini-2.5-flash".to_owned(), ..options() };
    let body: Value = serde_json::from_str(&body_of(options, &conversation()).await).expect("JSON");
    assert_eq!(
        body["generationConfig"],
        json!({"maxOutputTokens": 1024, "temperature": 0.9, "thinkingConfig": {"thinkingBudget": 0}}),
    );
}

#[tokio::test(start_paused = true)]
async fn thinking_can_be_chosen_and_an_unknown_model_is_sent_none() {
    let chosen = GeminiOptions { thinking: Some(Thinking::Level(ThinkingLevel::High)), ..options() };
    let body: Value = serde_json::from_str(&body_of(chosen, &conversation()).await).expect("JSON");
    assert_eq!(body["generationConfig"]["thinkingConfig"], json!({"thinkingLevel": "HIGH"}));
    let unknown = GeminiOptions { model: "gemma-4-31b-it".to_owned(), temperature: None, ..options() };
    let body: Value = serde_json::from_str(&body_of(unknown, &conversation()).await).expect("JSON");
    assert_eq!(body["generationConfig"], json!({"maxOutputTokens": 1024}));
}

#[tokio::test(start_paused = true)]
async fn the_key_travels_in_its_header_only_and_the_base_may_have_a_path() {
    for (base, address) in [
        ("https://gemini.test", "https://gemini.test/v1beta/models/gemini-3.8-flash:generateContent"),
        (
            "http://localhost:4000/behind/a/proxy/",
            "http://localhost:4000/behind/a/proxy/v1beta/models/gemini-3.8-flash:generateContent",
        ),
    ] {
        let options = GeminiOptions { base_url: base.to_owned(), ..options() };
        let world = World::with(options, [(FIRST, [Act::says("гав")].into())]);
        world.answer().await;
        let seen = world.seen().remove(0);
        assert_eq!(seen.uri.to_string(), address);
        assert_eq!(seen.headers["x-goog-api-key"], KEY);
        assert!(seen.headers["x-goog-api-key"].is_sensitive());
        assert_eq!(seen.headers["content-type"], "application/json");
        assert_eq!(seen.headers.len(), 2, "no other credentials: {:?}", seen.headers.keys());
    }
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_upstream_would_refuse_is_not_sent() {
    let world = World::new([Act::says("гав")]);
    let prompt = |turns| Prompt { system: String::new(), turns, media: Vec::new() };
    for (turns, reason) in [
        (vec![], "it has no turns"),
        (vec![turn(Role::User, "")], "it has no turns"),
        (vec![turn(Role::User, "a"), turn(Role::Model, "b")], "its last turn is the model's"),
    ] {
        let outcome = world.gemini.answer(&prompt(turns), Instant::now() + TURN, Choice::USUAL).await;
        assert_eq!(outcome, Outcome { result: Err(GeminiError::Prompt { reason }), calls: vec![] });
    }
    assert!(world.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unusable_options_are_named() {
    let refused = |options: GeminiOptions| {
        let clock = Arc::new(TokioClock::starting_at(Timestamp(0)));
        let gemini = Gemini::new(&options, transport(Router::new()), clock, Arc::new(Seeded::new(1)), Metrics::new());
        gemini.map(|_| ()).expect_err("refused")
    };
    for base in ["", "gemini.test", "ftp://gemini.test", "https://gemini.test?key=1", "https://"] {
        assert_eq!(refused(GeminiOptions { base_url: base.to_owned(), ..options() }), OptionsError::BaseUrl, "{base}");
    }
    for key in ["", "  ", "a\nb"] {
        assert_eq!(refused(GeminiOptions { api_key: SecretString::from(key), ..options() }), OptionsError::ApiKey);
    }
    for model in ["", "a/b", "a:b", "a?b", "ґ"] {
        assert_eq!(refused(GeminiOptions { model: model.to_owned(), ..options() }), OptionsError::Model);
    }
    assert_eq!(refused(GeminiOptions { temperature: Some(2.1), ..options() }), OptionsError::Temperature);
    assert_eq!(refused(GeminiOptions { temperature: Some(f64::NAN), ..options() }), OptionsError::Temperature);
    assert_eq!(refused(GeminiOptions { max_concurrent: 0, ..options() }), OptionsError::Zero);
}

#[tokio::test(start_paused = true)]
async fn the_list_of_models_has_those_that_can_talk() {
    let world = World::new([]);
    assert_eq!(world.gemini.models().await, Ok(vec![FIRST.to_owned(), "gemma-4-31b-it".to_owned()]));
}

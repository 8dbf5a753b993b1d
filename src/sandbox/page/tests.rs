//! The page's API and its door.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{
    clock::TokioClock,
    domain::Timestamp,
    random::Seeded,
    sandbox::telegram::{FakeTelegram, TOKEN, TelegramOptions},
    transport,
};

fn stage() -> Stage {
    let clock = Arc::new(TokioClock::starting_at(Timestamp(1_790_000_000_000)));
    Stage::set(&FakeTelegram::new(TelegramOptions::new(clock, Arc::new(Seeded::new(1)))))
}

fn options() -> PageOptions {
    PageOptions {
        voice: VoiceLabel::Offline,
        token: None,
        is_loopback: true,
        fates: None,
        until: CancellationToken::new(),
    }
}

async fn get(router: &Router, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    send(router, Request::get(path), headers, Body::empty()).await
}

async fn send(
    router: &Router,
    request: http::request::Builder,
    headers: &[(&str, &str)],
    body: Body,
) -> Response<Body> {
    let mut request = request.body(body).unwrap();
    request.headers_mut().insert("host", "127.0.0.1:8090".parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    router.clone().oneshot(request).await.unwrap()
}

async fn post(router: &Router, path: &str, body: &Value) -> (StatusCode, Value) {
    let json = [("content-type", "application/json")];
    let response = send(router, Request::post(path), &json, Body::from(body.to_string())).await;
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_visitor_sees_the_scene_and_writes_as_somebody() {
    let stage = stage();
    let router = router(stage.clone(), options());
    let world = json_of(get(&router, "/sandbox/api/world", &[]).await).await;
    assert_eq!(world["voice"]["kind"], "offline");
    assert_eq!(world["people"][2]["name"], "Марко");
    assert_eq!(world["rooms"][0]["title"], "Друзі");
    let say = json!({"chat": stage.group.0, "topic": null, "person": stage.people[2].0, "text": "Гряг, привіт", "reply_to": null});
    assert_eq!(post(&router, "/sandbox/api/say", &say).await.0, StatusCode::OK);
    let messages = json_of(get(&router, &format!("/sandbox/api/messages?chat={}", stage.group.0), &[]).await).await;
    assert_eq!((&messages[0]["name"], &messages[0]["text"]), (&json!("Марко"), &json!("Гряг, привіт")));
    assert_eq!(messages[0]["status"], json!({"state": "waiting", "failed_attempts": 0, "why": null}));
    assert_eq!(stage.telegram.take_updates().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_people_cannot_do_is_refused() {
    let stage = stage();
    let router = router(stage.clone(), options());
    let say = |chat: i64, text: &str| json!({"chat": chat, "topic": null, "person": stage.people[0].0, "text": text, "reply_to": null});
    let group = stage.group.0;
    assert_eq!(post(&router, "/sandbox/api/say", &say(group, " ")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(&router, "/sandbox/api/say", &say(group, &"а".repeat(4097))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(&router, "/sandbox/api/say", &say(-1, "а")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(&router, "/sandbox/api/say", &say(stage.people[1].0, "а")).await.0, StatusCode::FORBIDDEN);
    let press = json!({"chat": group, "message": 1, "person": stage.people[0].0, "what": "x"});
    assert_eq!(post(&router, "/sandbox/api/press", &press).await.0, StatusCode::NOT_FOUND);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let response = send(&router, Request::post("/sandbox/api/say"), &form, Body::from("chat=1")).await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(start_paused = true)]
async fn other_sites_and_other_host_names_are_refused() {
    let router = router(stage(), options());
    let status = async |path: &str, headers: &[(&str, &str)]| get(&router, path, headers).await.status();
    assert_eq!(status("/sandbox", &[("sec-fetch-site", "cross-site")]).await, StatusCode::OK);
    assert_eq!(status("/sandbox", &[("host", "evil.example:8090")]).await, StatusCode::FORBIDDEN);
    assert_eq!(status("/sandbox", &[("host", "[::1]:8090")]).await, StatusCode::OK);
    assert_eq!(status("/sandbox/api/world", &[("sec-fetch-site", "cross-site")]).await, StatusCode::FORBIDDEN);
    assert_eq!(status("/sandbox/api/world", &[("origin", "http://evil.example")]).await, StatusCode::FORBIDDEN);
    assert_eq!(status("/sandbox/api/world", &[("origin", "http://127.0.0.1:8090")]).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn with_a_token_only_its_holder_enters_and_keeps_a_strict_cookie() {
    let token = Some(SecretString::from("t0ken"));
    let router = router(stage(), PageOptions { token, is_loopback: false, ..options() });
    let status = async |path: &str, headers: &[(&str, &str)]| get(&router, path, headers).await.status();
    assert_eq!(status("/sandbox", &[]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status("/sandbox?token=t0kem", &[]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status("/sandbox/api/world", &[("cookie", "gryag_sandbox=t0ke")]).await, StatusCode::UNAUTHORIZED);
    let entered = get(&router, "/sandbox?token=t0ken", &[]).await;
    assert_eq!(entered.status(), StatusCode::SEE_OTHER);
    let cookie = entered.headers()["set-cookie"].to_str().unwrap();
    assert_eq!(cookie, "gryag_sandbox=t0ken; Path=/sandbox; HttpOnly; SameSite=Strict");
    assert_eq!(status("/sandbox/api/world", &[("cookie", "a=b; gryag_sandbox=t0ken")]).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_page_is_whole_and_asks_nobody_else() {
    let router = router(stage(), options());
    for path in ["/sandbox", "/sandbox/page.css", "/sandbox/page.js", "/sandbox/lively.js"] {
        let response = get(&router, path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = std::str::from_utf8(&body).unwrap();
        for foreign in ["http://", "https://", "style=\"", "onclick"] {
            assert!(!text.contains(foreign), "{path} has {foreign}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_follow_the_world_and_end_with_it() {
    let (stage, options) = (stage(), options());
    let until = options.until.clone();
    let router = router(stage.clone(), options);
    let mut body = get(&router, "/sandbox/events", &[]).await.into_body();
    stage.telegram.say(stage.group, stage.people[0], "привіт");
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let event = std::str::from_utf8(&frame).unwrap();
    assert!(event.starts_with("event: message\n") && event.contains("привіт"), "{event}");
    until.cancel();
    assert!(body.frame().await.is_none());
}

struct Silence;

#[async_trait::async_trait]
impl Fates for Silence {
    async fn fate(&self, _: ChatId, _: MessageId) -> Option<Fate> {
        Some(Fate { words: String::from("вирішив промовчати"), score: Some(0.25) })
    }

    async fn talk_budget(&self, _: ChatId) -> Option<TalkBudget> {
        Some(TalkBudget { hour: 1.0, hour_max: 3.0, day: 2.25, day_max: 15.0, why_not: None })
    }
}

#[tokio::test(start_paused = true)]
async fn the_bots_own_word_on_a_message_is_passed_on_once_it_has_it() {
    let stage = stage();
    let router = router(stage.clone(), PageOptions { fates: Some(Arc::new(Silence)), ..options() });
    let said = stage.telegram.say(stage.group, stage.people[0], "привіт");
    let path = format!("/sandbox/api/fates?chat={}", stage.group.0);
    assert_eq!(json_of(get(&router, &path, &[]).await).await, json!({}));
    let confirm = Request::post(format!("http://telegram/bot{TOKEN}/getUpdates"));
    let confirm = confirm.body(json!({"offset": i64::MAX}).to_string().into()).unwrap();
    transport::call(&stage.telegram.transport(), confirm).await.unwrap();
    let told = json_of(get(&router, &path, &[]).await).await;
    assert_eq!(told, json!({said.id.0.to_string(): {"words": "вирішив промовчати", "score": 0.25}}));
    let budget = json_of(get(&router, &format!("/sandbox/api/budget?chat={}", stage.group.0), &[]).await).await;
    assert_eq!((&budget["hour"], &budget["day_max"]), (&json!(1.0), &json!(15.0)));
}

#[tokio::test(start_paused = true)]
async fn a_picture_and_a_voice_are_sent_and_shown_and_nothing_else() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let stage = stage();
    let router = router(stage.clone(), options());
    let sent = |kind: &str, data: &[u8]| {
        json!({"chat": stage.group.0, "topic": null, "person": stage.people[0].0, "kind": kind,
            "data": STANDARD.encode(data), "caption": "дивись", "reply_to": null})
    };
    let (jpeg, ogg) = (crate::sandbox::telegram::samples::jpeg(), crate::sandbox::telegram::samples::ogg());
    for (kind, content, mime) in [("photo", &jpeg, "image/jpeg"), ("voice", &ogg, "audio/ogg")] {
        let (status, told) = post(&router, "/sandbox/api/send", &sent(kind, content)).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let path = format!("/sandbox/api/file?chat={}&message={}", stage.group.0, told["id"]);
        let shown = get(&router, &path, &[]).await;
        assert_eq!(shown.headers()["content-type"], mime);
        assert_eq!(shown.into_body().collect().await.unwrap().to_bytes(), content);
    }
    for (kind, content) in [("photo", &b"<svg onload=alert(1)>"[..]), ("voice", &jpeg[..]), ("document", &jpeg[..])] {
        assert_eq!(post(&router, "/sandbox/api/send", &sent(kind, content)).await.0, StatusCode::BAD_REQUEST);
    }
    let strange = json!({"chat": stage.group.0, "topic": null, "person": stage.people[0].0, "kind": "photo",
        "data": "не base64", "caption": "", "reply_to": null});
    assert_eq!(post(&router, "/sandbox/api/send", &strange).await.0, StatusCode::BAD_REQUEST);
}

use super::client::{Exchange, telegram};
use crate::telegram::{ALLOWED_UPDATES, MAX_CONNECTIONS, Registration, ensure_webhook};

const URL: &str = "https://bot.example.org/telegram/webhook";

fn info(url: &str, kinds: &[&str], connections: u32) -> (u16, String) {
    let result = serde_json::json!({"url": url, "has_custom_certificate": false, "pending_update_count": 3,
        "allowed_updates": kinds, "max_connections": connections});
    (200, serde_json::json!({"ok": true, "result": result}).to_string())
}

async fn ensured(before: (u16, String), fingerprint_changed: bool) -> (Registration, Vec<Exchange>) {
    let (telegram, seen) = telegram([before, (200, r#"{"ok":true,"result":true}"#.to_owned())]);
    let registration = ensure_webhook(&telegram, URL, &"s3cret".into(), fingerprint_changed).await.unwrap();
    (registration, seen.take())
}

#[tokio::test]
async fn a_webhook_that_is_right_is_left_alone_whatever_the_order_of_its_kinds() {
    let reversed: Vec<&str> = ALLOWED_UPDATES.iter().rev().copied().collect();
    let (registration, seen) = ensured(info(URL, &reversed, MAX_CONNECTIONS), false).await;
    assert_eq!(registration, Registration::AlreadyRight);
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn any_difference_registers_with_all_settings() {
    let older = &ALLOWED_UPDATES[1..];
    let newer: Vec<&str> = ALLOWED_UPDATES.iter().copied().chain(["hologram"]).collect();
    for (before, changed, why) in [
        (info("", ALLOWED_UPDATES, MAX_CONNECTIONS), false, "there was none"),
        (info("https://old.example.org/", ALLOWED_UPDATES, MAX_CONNECTIONS), false, "another address"),
        (info(URL, older, MAX_CONNECTIONS), false, "other kinds of update"),
        (info(URL, &newer, MAX_CONNECTIONS), false, "other kinds of update"),
        (info(URL, ALLOWED_UPDATES, 1), false, "another number of connections"),
        (info(URL, ALLOWED_UPDATES, MAX_CONNECTIONS), true, "another secret"),
    ] {
        let (registration, seen) = ensured(before, changed).await;
        assert_eq!(registration, Registration::Registered { why });
        let body = &seen[1].body;
        assert_eq!(body["url"], URL);
        assert_eq!(body["secret_token"], "s3cret");
        assert_eq!(body["allowed_updates"], serde_json::json!(ALLOWED_UPDATES));
        assert_eq!(body["max_connections"], MAX_CONNECTIONS);
        assert_eq!(body.get("drop_pending_updates"), None, "what waits at Telegram is never dropped");
    }
}

//! Instant stand-ins for Telegram and Gemini: no checks, no memory, as little work as an answer takes. (The strict ones
//! are `gryag::sandbox`; here only the bot is to be measured.)

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing,
};
use tokio::sync::mpsc;

/// A message that the bot sent.
pub(crate) struct Said {
    pub(crate) chat: i64,
    pub(crate) reply_to: u64,
    pub(crate) at: Instant,
}

#[derive(Clone)]
struct Ends {
    said: mpsc::UnboundedSender<Said>,
    next_id: Arc<AtomicU64>,
}

/// Starts them; what the bot says comes out of the channel.
pub(crate) async fn start() -> (SocketAddr, mpsc::UnboundedReceiver<Said>) {
    let (said, heard) = mpsc::unbounded_channel();
    let ends = Ends { said, next_id: Arc::new(AtomicU64::new(1_000_000)) };
    let router = Router::new()
        .route("/v1beta/models/{call}", routing::post(generate))
        .route("/{token}/{method}", routing::post(method).get(method))
        .with_state(ends);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, heard)
}

const ANSWER: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Буде дощ, але ви все одно підете."}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":900,"candidatesTokenCount":12,"totalTokenCount":912}}"#;
const ME: &str = r#"{"ok":true,"result":{"id":42,"is_bot":true,"first_name":"Гряг","username":"gryag_bot","can_read_all_group_messages":true}}"#;

async fn generate() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], ANSWER)
}

async fn method(
    State(ends): State<Ends>,
    Path((_token, method)): Path<(String, String)>,
    body: Bytes,
) -> impl IntoResponse {
    let answer = match method.as_str() {
        "getMe" => ME.to_owned(),
        "getWebhookInfo" => r#"{"ok":true,"result":{"url":"https://bench.example/telegram/webhook"}}"#.to_owned(),
        "sendMessage" => {
            let body = std::str::from_utf8(&body).unwrap_or_default();
            let chat = number_after(body, "\"chat_id\":");
            let _ = ends.said.send(Said {
                chat,
                reply_to: u64::try_from(number_after(body, "{\"message_id\":")).unwrap_or(0),
                at: Instant::now(),
            });
            let id = ends.next_id.fetch_add(1, Ordering::Relaxed);
            format!(
                "{{\"ok\":true,\"result\":{{\"message_id\":{id},\"date\":1795000000,\"chat\":{{\"id\":{chat},\"type\":\"supergroup\"}}}}}}"
            )
        }
        _ => r#"{"ok":true,"result":true}"#.to_owned(),
    };
    ([(CONTENT_TYPE, "application/json")], answer)
}

fn number_after(text: &str, mark: &str) -> i64 {
    let Some((_, rest)) = text.split_once(mark) else { return 0 };
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(rest.len());
    rest[..end].parse().unwrap_or(0)
}

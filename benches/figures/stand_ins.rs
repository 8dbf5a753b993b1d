//! Instant stand-ins for Telegram and Gemini: no checks, no memory, as little work as an answer takes. (The strict ones
//! are `gryag::sandbox`; here only the bot is to be measured.)

use std::{net::SocketAddr, time::Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// A message that the bot sent.
pub(crate) struct Said {
    pub(crate) chat: i64,
    /// The number of the message that it answers, as [`crate::load::message`] has it.
    pub(crate) reply_to: u64,
    pub(crate) at: Instant,
}

#[derive(Clone)]
struct Ends {
    said: mpsc::UnboundedSender<Said>,
}

/// Starts them; what the bot says comes out of the channel.
pub(crate) async fn start() -> (SocketAddr, mpsc::UnboundedReceiver<Said>) {
    let (said, heard) = mpsc::unbounded_channel();
    let ends = Ends { said };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let ends = ends.clone();
            tokio::spawn(async move { serve(stream, &ends).await });
        }
    });
    (address, heard)
}

/// One connection, until the bot closes it.
async fn serve(mut stream: TcpStream, ends: &Ends) {
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        let Some(body_at) = read_request(&mut stream, &mut buffer).await else { return };
        let head = std::str::from_utf8(&buffer[..body_at]).unwrap_or_default();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let answer = if path.starts_with("/v1beta/") {
            ANSWER.to_owned()
        } else {
            ends.answer(path.rsplit('/').next().unwrap_or_default(), &buffer[body_at..])
        };
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        let response = format!("{head} {}\r\n\r\n{answer}", answer.len());
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
        buffer.clear();
    }
}

/// Reads one request; returns where its body begins.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<usize> {
    let mut end = None;
    loop {
        if end.is_none()
            && let Some(head_end) = buffer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&buffer[..head_end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            end = Some((head_end + 4, length.unwrap_or(0)));
        }
        match end {
            Some((body_at, length)) if buffer.len() >= body_at + length => return Some(body_at),
            _ if stream.read_buf(buffer).await.ok()? == 0 => return None,
            _ => {}
        }
    }
}

const ANSWER: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Буде дощ, але ви все одно підете."}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":900,"candidatesTokenCount":12,"totalTokenCount":912}}"#;
const ME: &str = r#"{"ok":true,"result":{"id":42,"is_bot":true,"first_name":"Гряг","username":"gryag_bot","can_read_all_group_messages":true}}"#;

impl Ends {
    fn answer(&self, method: &str, body: &[u8]) -> String {
        match method {
            "getMe" => ME.to_owned(),
            "getWebhookInfo" => r#"{"ok":true,"result":{"url":"https://bench.example/telegram/webhook"}}"#.to_owned(),
            "sendMessage" => {
                let body = std::str::from_utf8(body).unwrap_or_default();
                let chat = number_after(body, "\"chat_id\":");
                let answered = u64::try_from(number_after(body, "{\"message_id\":")).unwrap_or(0);
                let _ = self.said.send(Said { chat, reply_to: answered / 2, at: Instant::now() });
                // Ids grow within a chat; the load leaves every second one free.
                let id = answered + 1;
                format!(
                    "{{\"ok\":true,\"result\":{{\"message_id\":{id},\"date\":1795000000,\"chat\":{{\"id\":{chat},\"type\":\"supergroup\"}}}}}}"
                )
            }
            _ => r#"{"ok":true,"result":true}"#.to_owned(),
        }
    }
}

fn number_after(text: &str, mark: &str) -> i64 {
    let Some((_, rest)) = text.split_once(mark) else { return 0 };
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(rest.len());
    rest[..end].parse().unwrap_or(0)
}

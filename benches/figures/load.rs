//! A client that costs little: one connection, requests written as bytes, answers read up to their length.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Posts an update; returns the status.
    pub(crate) async fn post(&mut self, body: &str) -> std::io::Result<u16> {
        let request = format!(
            "POST /telegram/webhook HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n\
             X-Telegram-Bot-Api-Secret-Token: {}\r\nContent-Length: {}\r\n\r\n{body}",
            crate::bot::SECRET,
            body.len()
        );
        self.exchange(request.as_bytes()).await.map(|(status, _)| status)
    }

    async fn exchange(&mut self, request: &[u8]) -> std::io::Result<(u16, String)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let Some(head_end) = find(&self.buffer, b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..head_end]).to_ascii_lowercase();
            let length: usize =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
            while self.buffer.len() < head_end + 4 + length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
            let body = String::from_utf8_lossy(&self.buffer[head_end + 4..]).into_owned();
            return Ok((status, body));
        }
    }
}

/// Fetches a path over a fresh connection; nothing if nobody answers.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut connection = Connection::open(address).await.ok()?;
    connection.exchange(format!("GET {path} HTTP/1.1\r\nHost: bot\r\n\r\n").as_bytes()).await.ok()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Telegram's ids: they grow over all chats.
static UPDATES: AtomicU64 = AtomicU64::new(1);

/// The chat's message of that number, which addresses the bot (or does not), about as large as real ones. Its id is twice
/// the number: the next id is the answer's.
pub(crate) fn message(chat: u64, number: u64, addressed: bool) -> String {
    let update_id = UPDATES.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let text = if addressed {
        "Гряг, що скажеш про погоду на вихідні?"
    } else {
        "та я вчора бачив, що буде дощ, але хто його знає"
    };
    format!(
        "{{\"update_id\":{update_id},\"message\":{{\"message_id\":{message_id},\"from\":{{\"id\":{user},\"is_bot\":false,\
         \"first_name\":\"Оля\",\"last_name\":\"Тестова\",\"username\":\"olia_test_{user}\",\"language_code\":\"uk\"}},\
         \"chat\":{{\"id\":-100{chat},\"title\":\"Друзі й котики\",\"type\":\"supergroup\"}},\"date\":{now},\
         \"text\":\"{text}\"}}}}",
        message_id = 2 * number,
        user = 1000 + number % 15,
    )
}

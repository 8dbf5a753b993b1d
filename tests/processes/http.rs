//! A plain HTTP client, byte by byte, so that a test can also misbehave.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::bot::SECRET;

/// Longer than any deadline of the bot's edge.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The sum of the series of a metric whose labels contain all of `labels`.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let of_series = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let wanted = series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label));
            if wanted { value.parse::<f64>().ok() } else { None }
        };
        // An empty sum is -0.0.
        self.body.lines().filter_map(of_series).sum::<f64>() + 0.0
    }
}

/// A kept-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Posts an update as Telegram would.
    pub(crate) async fn post(&mut self, body: &str) -> io::Result<Answer> {
        self.send(format!("{}{body}", post_head(SECRET, body.len())).as_bytes()).await?;
        self.answer().await
    }

    /// Reads one answer.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        tokio::time::timeout(PATIENCE, self.read_answer())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn read_answer(&mut self) -> io::Result<Answer> {
        self.buffer.clear();
        let head_end = loop {
            match self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None => self.read_more().await?,
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut answer = Answer { status, head, body: String::new() };
        let length: usize = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.buffer.len() < head_end + 4 + length {
            self.read_more().await?;
        }
        answer.body = String::from_utf8_lossy(&self.buffer[head_end + 4..]).into_owned();
        Ok(answer)
    }

    async fn read_more(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Reads until the other side has closed; returns all that came, also before a look that was given up.
    pub(crate) async fn until_closed(&mut self) -> String {
        while self.read_more().await.is_ok() {}
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

/// The head of a delivery.
pub(crate) fn post_head(secret: &str, length: usize) -> String {
    format!(
        "POST /telegram/webhook HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n\
         X-Telegram-Bot-Api-Secret-Token: {secret}\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// Fetches a path; nothing if nobody answers within seconds.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    let fetch = async {
        let mut connection = Connection::open(address).await.ok()?;
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: bot\r\n\r\n").as_bytes()).await.ok()?;
        connection.answer().await.ok()
    };
    tokio::time::timeout(Duration::from_secs(5), fetch).await.ok().flatten()
}

/// Posts one update over a fresh connection.
pub(crate) async fn post(address: SocketAddr, body: &str) -> io::Result<Answer> {
    Connection::open(address).await?.post(body).await
}

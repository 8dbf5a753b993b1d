//! The bot in a process of its own.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) const SECRET: &str = "bench-secret-0123456789";

pub(crate) struct Bot {
    child: Child,
    pub(crate) address: std::net::SocketAddr,
    data: Option<tempfile::TempDir>,
}

/// Where data lies: beside the target directory, on the disk that is to be measured, never on a tmpfs.
pub(crate) fn data_dir() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a directory for the data")
}

impl Bot {
    pub(crate) async fn start(stand_ins: std::net::SocketAddr, settings: &[(&str, &str)]) -> Self {
        Self::start_in(data_dir(), stand_ins, settings).await.0
    }

    /// Also tells how long it took until `/readyz` said 200.
    pub(crate) async fn start_in(
        data: tempfile::TempDir,
        stand_ins: std::net::SocketAddr,
        settings: &[(&str, &str)],
    ) -> (Self, Duration) {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let started = Instant::now();
        let child = command(data.path(), port, stand_ins, settings).spawn().expect("the bot starts");
        let mut bot = Self { child, address: port, data: Some(data) };
        loop {
            assert!(bot.child.try_wait().expect("the bot's state").is_none(), "the bot ended at once");
            if crate::load::get(port, "/readyz").await.is_some_and(|(status, _)| status == 200) {
                return (bot, started.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// User and system time so far.
    pub(crate) fn cpu(&self) -> Duration {
        cpu(self.id())
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in MB.
    pub(crate) fn memory_mb(&self) -> f64 {
        self.field("status", "VmRSS:") / 1024.0
    }

    /// Bytes sent to the disk so far.
    pub(crate) fn written_bytes(&self) -> f64 {
        self.field("io", "write_bytes:")
    }

    fn field(&self, file: &str, name: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("the bot's figures");
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or(f64::NAN)
    }

    /// What it keeps, for reading.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        let place = self.data.as_ref().expect("the bot has its data").path();
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(place.join("gryag.db"), flags).expect("the database")
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status();
        assert!(sent.expect("`kill` is there").success(), "the bot takes signals");
    }

    /// Kills the bot and hands back its data.
    pub(crate) fn stop(mut self) -> tempfile::TempDir {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.data.take().expect("the data is taken once")
    }
}

/// User and system time of a process so far.
pub(crate) fn cpu(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process's stat");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

pub(crate) fn command(
    data: &Path,
    address: std::net::SocketAddr,
    stand_ins: std::net::SocketAddr,
    settings: &[(&str, &str)],
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gryag"));
    command
        .arg("serve")
        .env_clear()
        .env("TELEGRAM_BOT_TOKEN", "42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .env("GEMINI_API_KEY", "bench")
        .env("ADMIN_ID", "1")
        .env("TELEGRAM_API_URL", format!("http://{stand_ins}"))
        .env("GEMINI_BASE_URL", format!("http://{stand_ins}"))
        .env("TELEGRAM_WEBHOOK_SECRET", SECRET)
        .env("BOT_DATA_DIR", data)
        // As the Dockerfile and the systemd unit have it.
        .env("MALLOC_ARENA_MAX", "2")
        .env("BOT_HTTP_ADDR", address.to_string())
        .env("BOT_ACCESS", "open")
        .env("BOT_BUDGET_USD_PER_DAY", "0")
        .env("BOT_SPAM_THRESHOLD", "0")
        .env("BOT_BUDGET_USD_PER_CHAT", "0")
        .env("BOT_BUDGET_USD_PER_USER", "0")
        .env("BOT_BUDGET_USD_PER_GUEST", "0")
        .env("BOT_DRAIN_SECONDS", "0")
        .env("TELEGRAM_RATE_GLOBAL_PER_SECOND", "0")
        .env("TELEGRAM_RATE_CHAT_PER_SECOND", "0")
        .env("TELEGRAM_RATE_GROUP_PER_MINUTE", "0")
        .env("RUST_LOG", std::env::var("BENCH_LOG").unwrap_or_else(|_| "warn".to_owned()))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if std::env::var_os("BENCH_LOG").is_none() {
        command.stderr(Stdio::null());
    }
    command.envs(settings.iter().copied());
    command
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

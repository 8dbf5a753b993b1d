//! The bot in a process of its own, which never outlives its test.

use std::{
    fs::File,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use gryag::sandbox::{gemini, telegram};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{eventually, http, world::World};

/// What the stand-in for Telegram sends along.
pub(crate) const SECRET: &str = "processes-secret-0123456789";
/// A start in a debug build, on a busy machine.
const START: Duration = Duration::from_secs(20);

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("GRYAG_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_gryag")), PathBuf::from)
}

/// A directory on the disk where the build lies, never on a tmpfs: commits must cost what they cost.
pub(crate) fn directory() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory"))
}

/// A port that nobody listens on, below the range from which the system takes ports for outgoing connections: no other
/// test can snatch it between this look and the bot's. It is asked by a connection: a listener of ours, just to try, would
/// live on for a moment in a child that another test is starting, which has all files until it becomes another program.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 400).expect("below 400") * 50;
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], first + NEXT.fetch_add(1, Ordering::Relaxed)));
        if TcpStream::connect(address).is_err() {
            return address;
        }
    }
}

/// How a replica is run. Cloned, it is another replica on the same data.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) data: PathBuf,
    settings: Vec<(String, String)>,
    /// What the binary is started through, if anything.
    through: Vec<String>,
    _keeps: Arc<TempDir>,
}

impl Setup {
    /// In a directory of its own, with the stand-ins of `world`.
    pub(crate) fn new(world: &World) -> Self {
        let directory = directory();
        Self { data: directory.path().to_owned(), settings: base(world), through: Vec::new(), _keeps: directory }
    }

    /// In another data directory.
    pub(crate) fn on(mut self, data: &Path) -> Self {
        self.data = data.to_owned();
        self
    }

    pub(crate) fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.retain(|(set, _)| set != key);
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn unset(mut self, key: &str) -> Self {
        self.settings.retain(|(set, _)| set != key);
        self
    }

    /// Started through another program, which replaces itself by the binary.
    pub(crate) fn through(mut self, command: &[&str]) -> Self {
        self.through = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The command line with these settings and nothing else of our environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.through.iter().map(PathBuf::from).chain([binary()]);
        let mut command = Command::new(words.next().expect("the binary at least"));
        command
            .args(words)
            .args(arguments)
            .env_clear()
            .env("BOT_DATA_DIR", &self.data)
            .current_dir(env!("CARGO_TARGET_TMPDIR"));
        command.envs(self.settings.iter().map(|(key, value)| (key, value))).stdin(Stdio::null());
        command
    }

    /// Runs a subcommand to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Runs a subcommand to its end and returns its output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "gryag {arguments:?}: {}\n{out}{err}", output.status);
        out.into_owned()
    }

    /// Starts a replica and waits until it is ready.
    pub(crate) async fn start(&self) -> Bot {
        let bot = self.spawn();
        bot.ready().await;
        bot
    }

    /// Starts a replica.
    pub(crate) fn spawn(&self) -> Bot {
        let mut bot = Bot { setup: self.clone(), address: free_address(), child: None, log: log_file() };
        bot.restart();
        bot
    }
}

fn base(world: &World) -> Vec<(String, String)> {
    let settings = [
        ("TELEGRAM_BOT_TOKEN", telegram::TOKEN.to_owned()),
        ("GEMINI_API_KEY", gemini::API_KEY.to_owned()),
        ("ADMIN_ID", "1".to_owned()),
        ("TELEGRAM_API_URL", format!("http://{}", world.telegram_address)),
        ("GEMINI_BASE_URL", format!("http://{}", world.gemini_address)),
        ("GEMINI_RATE_LIMIT_RPM", "0".to_owned()),
        ("TELEGRAM_WEBHOOK_URL", "http://bot.test".to_owned()),
        ("TELEGRAM_WEBHOOK_SECRET", SECRET.to_owned()),
        ("BOT_ACCESS", "open".to_owned()),
        ("BOT_BUDGET_USD_PER_DAY", "0".to_owned()),
        ("BOT_SPAM_THRESHOLD", "0".to_owned()),
        ("BOT_BUDGET_USD_PER_CHAT", "0".to_owned()),
        ("BOT_BUDGET_USD_PER_USER", "0".to_owned()),
        ("BOT_BUDGET_USD_PER_GUEST", "0".to_owned()),
        ("BOT_LEASE_SECONDS", "2".to_owned()),
        ("BOT_DRAIN_SECONDS", "0".to_owned()),
        // A developer's full disk is not what these tests are about.
        ("BOT_MIN_FREE_DISK_MB", "0".to_owned()),
        ("TELEGRAM_RATE_GLOBAL_PER_SECOND", "0".to_owned()),
        ("TELEGRAM_RATE_CHAT_PER_SECOND", "0".to_owned()),
        ("TELEGRAM_RATE_GROUP_PER_MINUTE", "0".to_owned()),
        ("RUST_LOG", "info".to_owned()),
    ];
    settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn log_file() -> tempfile::NamedTempFile {
    tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a file for the log")
}

/// A replica. Dropped, it is killed.
pub(crate) struct Bot {
    setup: Setup,
    pub(crate) address: SocketAddr,
    child: Option<Child>,
    log: tempfile::NamedTempFile,
}

impl Bot {
    /// Starts the process (again), on the same address.
    pub(crate) fn restart(&mut self) {
        let address = self.address.to_string();
        let log = File::options().append(true).open(self.log.path()).expect("the log");
        let mut command = self.setup.command(&["serve"]);
        command.env("BOT_HTTP_ADDR", address).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("the bot starts"));
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("the bot was started"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the bot lives");
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) async fn ready(&self) {
        eventually("the bot is ready", START, async || self.readiness().await == Some(200)).await;
    }

    /// The status of `/readyz`.
    pub(crate) async fn readiness(&self) -> Option<u16> {
        http::get(self.address, "/readyz").await.map(|answer| answer.status)
    }

    /// A metric's value, summed over the series whose labels contain all of `labels`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        http::get(self.address, "/metrics").await.map_or(f64::NAN, |page| page.metric(name, labels))
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn exit(&mut self, within: Duration) -> ExitStatus {
        let child = self.child.as_mut().expect("the bot was started");
        let started = std::time::Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("the bot's state") {
                self.child = None;
                return status;
            }
            assert!(started.elapsed() < within, "the bot has not ended within {within:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks it to stop, and expects it to end well.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.exit(Duration::from_secs(35)).await;
        assert_eq!(status.code(), Some(0), "a clean stop");
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("--- the last lines of the bot on {}:", self.address);
            last.into_iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

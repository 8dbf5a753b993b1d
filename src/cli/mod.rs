//! The subcommands. The one module that prints.

mod backups;
mod dashboard;
mod dead;
mod doctor;
mod fates;
mod init;
mod sandbox;
mod serve;
mod tools;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use crate::{
    app::AppError,
    config::{Config, ConfigError, Purpose},
    maintenance::BackupError,
    storage::StorageError,
    telegram::TelegramError,
};

/// Exit code for wrong usage and wrong configuration (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;
const FAILURE: u8 = 1;
/// How long the last threads may take to end.
const LAST_THREADS: Duration = Duration::from_millis(200);

/// Гряг: a companion for Telegram group chats.
#[derive(Parser, Debug)]
#[command(name = "gryag", version, about, long_about = None)]
struct Cli {
    /// Settings beside the environment, TOML or, if its name ends so, `.env`; `gryag.toml` in the working directory by
    /// default.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the bot (the default).
    Serve,
    /// Try it without Telegram: a chat page in the browser, or one message in the terminal.
    Sandbox(sandbox::SandboxArgs),
    /// Set the bot up: asks the three keys and the public address, tries each, writes `.env`.
    ///
    /// Then it runs the bot until your first message is answered, and says how to run it for good. Ctrl-C ends it at any
    /// time. What it asks may also come from a pipe, a line each.
    Init(init::InitArgs),
    /// Look at everything that the bot needs, and say how to mend what is wrong.
    ///
    /// Settings, directory, disk, database, port, clock, token, privacy mode, webhook, public address, Gemini's key and
    /// models. Ends with 1 if anything is wrong. The bot may run meanwhile; nothing is changed.
    Doctor(doctor::DoctorArgs),
    /// Show what is configured and where it comes from, secrets hidden.
    ///
    /// Reads the environment and gryag.toml as `serve` would, and prints each key with its value and whether that is the
    /// default. Ends with 64 and says all that is wrong if the bot could not start with it. Needs no running bot.
    Config,
    /// Ask a running bot whether it is ready; for container health checks.
    ///
    /// Asks the bot at BOT_HTTP_ADDR for /readyz and ends with 0 if it is ready. No other setting is needed.
    Health,
    /// See, set or delete the webhook that Telegram knows.
    ///
    /// `serve` registers TELEGRAM_WEBHOOK_URL by itself; this is for looking at what Telegram knows, and for moving a bot
    /// to another machine. Needs TELEGRAM_BOT_TOKEN, no running bot.
    Webhook {
        #[command(subcommand)]
        action: tools::WebhookAction,
    },
    /// Updates that could not be handled: see them, try them again, or let them go.
    ///
    /// What Telegram sent, but nobody could read, or what failed five times, waits here and holds up nobody. The bodies,
    /// which hold people's words, are emptied after 30 days. Works on BOT_DATA_DIR, whether the bot runs or not.
    Dead {
        #[command(subcommand)]
        action: dead::DeadAction,
    },
    /// How many messages wait in the outbox, were sent, and so on.
    ///
    /// Counts by state: queued (an earlier part goes first), ready, sending, sent, refused by Telegram, expired (too old
    /// when they could be sent), unknown (a crash hid what became of them). Works on BOT_DATA_DIR, whether the bot runs or
    /// not.
    Outbox {
        /// Print one JSON object: counts by state.
        #[arg(long)]
        json: bool,
    },
    /// Make a backup now.
    ///
    /// Copies the database into `backups` of BOT_DATA_DIR, checks the whole copy, compresses it, removes backups that it
    /// replaces, and runs BOT_BACKUP_COMMAND with it. Prints the file. The bot may run meanwhile; it makes one itself each
    /// hour. Settings and tokens are not in it: keep `.env` elsewhere.
    Backup,
    /// Replace the database by a backup. Stop the bot first.
    ///
    /// Checks the file, brings it up to date, and puts it in place of the database, which is kept beside it under another
    /// name. What waited for its turn or its send expires: nothing old is said. What people had asked to be forgotten since
    /// then is forgotten again, from `backups/deletions.jsonl`. Says how many messages are missing.
    Restore {
        /// The backup: a file of `backups` in BOT_DATA_DIR, or a copy of one.
        file: PathBuf,
        /// Replace the database that is there.
        #[arg(long)]
        force: bool,
    },
    /// Print a link that opens the dashboard once, for when Telegram is down.
    ///
    /// The link works for ten minutes, on BOT_PUBLIC_URL, or, without one, on this machine. Works on BOT_DATA_DIR, whether
    /// the bot runs or not; the page needs the running bot.
    DashboardLink,
    /// Check the whole database for damage.
    ///
    /// Reads every page of the database in BOT_DATA_DIR; says what is damaged and ends with 1 if anything is. The bot may
    /// run meanwhile.
    Check,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("the configuration is wrong:\n{0}")]
    Config(#[from] ConfigError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Telegram(#[from] TelegramError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Usage(_) => ExitCode::from(USAGE),
            Self::App(
                AppError::ForeignData { .. }
                | AppError::Gemini(_)
                | AppError::Persona(_)
                | AppError::Telegram(TelegramError::Unauthorized { .. }),
            )
            | Self::Telegram(TelegramError::Unauthorized { .. }) => ExitCode::from(USAGE),
            _ => ExitCode::from(FAILURE),
        }
    }
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&CliError::Output(error)),
    };
    let outcome = runtime.block_on(execute(cli));
    // A thread may wait for a lock or a disk: it must not hold up the end.
    runtime.shutdown_timeout(LAST_THREADS);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a failed command")]
fn report(error: &CliError) -> ExitCode {
    eprintln!("gryag: {error}");
    error.exit_code()
}

async fn execute(cli: Cli) -> Result<(), CliError> {
    let load = |purpose| Config::from_process(cli.config.as_deref(), purpose);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::serve(&load(Purpose::Serve)?).await,
        Command::Sandbox(args) => sandbox::sandbox(load(Purpose::Sandbox)?, args).await,
        Command::Init(args) => init::init(cli.config.as_deref(), args).await,
        Command::Doctor(args) => doctor::doctor(cli.config.as_deref(), args).await,
        Command::Config => tools::print_config(cli.config.as_deref()),
        Command::Health => tools::health(&load(Purpose::Offline)?).await,
        Command::Webhook { action } => tools::webhook(&load(Purpose::Serve)?, action).await,
        Command::Dead { action } => dead::dead(&load(Purpose::Offline)?, action).await,
        Command::Outbox { json } => tools::outbox(&load(Purpose::Offline)?, json).await,
        Command::Backup => backups::backup(&load(Purpose::Offline)?).await,
        Command::Restore { file, force } => backups::restore(&load(Purpose::Offline)?, file, force).await,
        Command::DashboardLink => dashboard::link(&load(Purpose::Offline)?).await,
        Command::Check => tools::check(&load(Purpose::Offline)?).await,
    }
}

/// Prints a line for a person or a script.
fn say(line: impl std::fmt::Display) -> Result<(), CliError> {
    use std::io::Write as _;
    match writeln!(std::io::stdout(), "{line}") {
        // `gryag … | head` is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

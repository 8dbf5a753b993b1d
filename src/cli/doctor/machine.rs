//! What the bot needs of this machine: its directory, disk, database and port.

use std::{io::Write as _, path::Path, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use secrecy::ExposeSecret as _;

use super::{super::tools::own_address, Finding};
use crate::{
    app::{AppError, OWNER},
    config::Config,
    domain::Timestamp,
    storage::{
        StorageError,
        sqlite::{GENERATION, Inspection, check_place, inspect},
    },
    transport::{Transport, call},
};

const MEGABYTE: u64 = 1024 * 1024;
/// Backups are made every hour.
const BACKUP_OLD: Duration = Duration::from_secs(3 * 3600);

/// What the database says about itself, or why it says nothing.
pub(super) struct Store(Result<Option<Inspection>, StorageError>);

impl Store {
    pub(super) async fn look(config: &Config) -> Self {
        Self(inspect(&config.essential.data_dir).await)
    }

    /// A small fact of the database.
    pub(super) fn fact(&self, name: &str) -> Option<&str> {
        self.0.as_ref().ok()?.as_ref()?.facts.get(name).map(String::as_str)
    }
}

pub(super) fn data_directory(config: &Config) -> Finding {
    const CHECK: &str = "data directory";
    let directory = &config.essential.data_dir;
    let shown = directory.display();
    if !directory.exists() {
        let remedy = format!("mount the volume that holds it; if the bot has never run, `mkdir -p {shown}`");
        return Finding::trouble(CHECK, format!("BOT_DATA_DIR ({shown}) does not exist"), remedy);
    }
    if let Err(error) = check_place(directory) {
        return store_trouble(CHECK, &error);
    }
    match write_there(directory) {
        Ok(()) => Finding::good(CHECK, format!("{shown}, on a local disk, can be written")),
        Err(error) => {
            let remedy = "let the user that the bot runs as own it, on a disk that is mounted for writing";
            Finding::trouble(CHECK, format!("BOT_DATA_DIR ({shown}) cannot be written: {error}"), remedy)
        }
    }
}

/// Writes a file that has no name and leaves nothing behind.
fn write_there(directory: &Path) -> std::io::Result<()> {
    let mut file = tempfile::tempfile_in(directory)?;
    file.write_all(b"gryag doctor")?;
    file.sync_all()
}

pub(super) fn disk(config: &Config, store: &Store) -> Finding {
    const CHECK: &str = "disk";
    let disk = match rustix::fs::statvfs(&config.essential.data_dir) {
        Ok(disk) => disk,
        Err(error) => return Finding::unknown(CHECK, format!("the free space cannot be asked: {error}")),
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / MEGABYTE;
    let database = store.0.as_ref().ok().and_then(Option::as_ref).map_or(0, |store| store.bytes) / MEGABYTE;
    // A backup is a whole copy before it is compressed.
    let needed = config.advanced.min_free_disk_mb + 2 * database;
    if free < needed {
        let words = format!("{free} MB are free; updates and the next backup need {needed} MB");
        return Finding::trouble(CHECK, words, "free some space below BOT_DATA_DIR");
    }
    Finding::good(CHECK, format!("{free} MB are free"))
}

pub(super) fn database(config: &Config, store: &Store) -> Finding {
    const CHECK: &str = "database";
    let found = match &store.0 {
        Ok(Some(found)) => found,
        Ok(None) => return Finding::good(CHECK, "none yet; the first start makes it"),
        Err(error) => return store_trouble(CHECK, error),
    };
    let token = config.essential.bot_token.expose_secret();
    let ours = token.split(':').next().unwrap_or_default();
    if let Some(stored) = store.fact(OWNER).filter(|stored| *stored != ours) {
        let error = AppError::ForeignData { stored: stored.to_owned(), ours: ours.to_owned() };
        return Finding::trouble(CHECK, error.to_string(), "");
    }
    let later = if found.generation < GENERATION { ", which the next start brings up to date" } else { "" };
    let (generation, size) = (found.generation, found.bytes.div_ceil(MEGABYTE));
    Finding::good(CHECK, format!("whole, schema generation {generation}{later}, {size} MB"))
}

/// When one was last made, and whether it went well.
pub(super) fn backup(store: &Store, now: Timestamp) -> Finding {
    const CHECK: &str = "backup";
    let at = |fact| store.fact(fact).and_then(|at| at.parse().ok()).map(Timestamp);
    let (made, failed, left) = (at("backup_ok_at"), at("backup_failed_at"), at("backup_command_failed_at"));
    let newest = made.map_or_else(
        || "there is none".to_owned(),
        |made| format!("the newest is {} min old", now.since(made).as_secs() / 60),
    );
    if failed > made {
        let remedy = "`gryag backup` makes one now, and says what is wrong";
        return Finding::trouble(CHECK, format!("the last one failed; {newest}"), remedy);
    }
    if left.is_some() && left >= made {
        let remedy = "run the command by hand with that file: its password or address may have changed";
        return Finding::trouble(CHECK, format!("BOT_BACKUP_COMMAND did not take the last one; {newest}"), remedy);
    }
    match made {
        None => Finding::unknown(CHECK, "none was made yet; the running bot makes one each hour"),
        Some(made) if now.since(made) > BACKUP_OLD => {
            let remedy = "is the bot running? It makes one each hour; `gryag backup` makes one now";
            Finding::trouble(CHECK, newest, remedy)
        }
        Some(_) => Finding::good(CHECK, newest),
    }
}

fn store_trouble(check: &'static str, error: &StorageError) -> Finding {
    match error {
        StorageError::Unusable { problem, remedy } => Finding::trouble(check, problem, *remedy),
        error => Finding::trouble(check, error.to_string(), ""),
    }
}

/// The port is the bot's already, or free for it.
pub(super) async fn port(config: &Config, transport: &Transport) -> Finding {
    const CHECK: &str = "port";
    let address = own_address(config);
    let ask = async |path: &str| {
        let request = Request::get(format!("http://{address}{path}")).body(Bytes::new()).ok()?;
        call(transport, request).await.ok()
    };
    let lives = ask("/livez").await.filter(|answer| answer.status() == StatusCode::OK && answer.body() == "live\n");
    if lives.is_some() {
        let ready = ask("/readyz").await;
        return match ready.as_ref().map(|answer| (answer.status(), String::from_utf8_lossy(answer.body()))) {
            Some((StatusCode::OK, words)) => Finding::good(CHECK, format!("the bot on {address} is {}", words.trim())),
            Some((_, words)) => {
                let words = format!("the bot on {address} is not ready: {}", words.trim());
                Finding::trouble(CHECK, words, "look into its log")
            }
            None => Finding::trouble(CHECK, format!("the bot on {address} does not answer"), "look into its log"),
        };
    }
    match std::net::TcpListener::bind(config.advanced.http_addr) {
        Ok(_) => Finding::good(CHECK, format!("{} is free; no bot runs there now", config.advanced.http_addr)),
        Err(error) => {
            let words = format!("BOT_HTTP_ADDR ({}) cannot be listened on: {error}", config.advanced.http_addr);
            Finding::trouble(CHECK, words, "end the other program (`ss -ltnp` names it), or set another BOT_HTTP_ADDR")
        }
    }
}

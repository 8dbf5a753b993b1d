//! `gryag restore`: a backup becomes the database. It is unpacked, checked and brought up to date beside the live file,
//! and takes its place only when it is complete; the old file is kept.
//!
//! Nothing that was under way when the backup was made may happen again, for it has long happened: it expires. And what
//! was forgotten since is forgotten again, from the ledger beside the backups.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use deadpool_sqlite::rusqlite::{Connection, OpenFlags, params};
use flate2::read::GzDecoder;

use super::{
    super::{FILE_NAME, codes::storage_error, execute, open, query_one, queue, shared::set_fact},
    BACKUP_AT, Sweep, directory_of, disk, ledger, names, private, sync_directory,
};
use crate::{
    domain::Timestamp,
    storage::{
        StorageError,
        sqlite::open::{APPLICATION_ID, GENERATION, unusable},
    },
};

/// What `gryag restore` is asked for.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// `BOT_DATA_DIR`.
    pub data_dir: PathBuf,
    /// A file that a backup left there or elsewhere; unpacked or not.
    pub file: PathBuf,
    /// Replace the database that is there; it is kept under another name.
    pub force: bool,
    /// The present moment.
    pub now: Timestamp,
}

/// What a restore did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// When the backup was made.
    pub backup_at: Timestamp,
    /// Where the old database is, if there was one.
    pub kept: Option<PathBuf>,
    /// Updates that waited for their turn when the backup was made.
    pub expired_updates: u64,
    /// Messages that waited for their send then.
    pub expired_sends: u64,
    /// Deletions that were made again.
    pub deletions: u64,
    /// Lines of the ledger that could not be read.
    pub unreadable_deletions: u64,
    /// Messages that the old database remembers and the restored one does not; none if the old one cannot be read.
    pub missing: Option<u64>,
}

/// Makes a backup the database. For a blocking thread.
///
/// # Errors
///
/// [`StorageError::Unusable`], with what to do, if the bot runs, if a database is there already, or if the file is not
/// what it should be. The live database is as it was then.
pub fn restore(options: &RestoreOptions) -> Result<Restored, StorageError> {
    let failed = |error| disk("restoring a backup", &error);
    fs::create_dir_all(&options.data_dir).map_err(failed)?;
    let _alone = open::lock_whole(&options.data_dir)?;
    let live = options.data_dir.join(FILE_NAME);
    if live.exists() && !options.force {
        return Err(unusable(
            format!("there is a database in {} already", options.data_dir.display()),
            "say --force to replace it: it is kept beside the new one, under another name",
        ));
    }
    let directory = directory_of(&live);
    let copy = live.with_extension("restored");
    let _swept = Sweep(&copy);
    unpack(&options.file, &copy).map_err(|error| unreadable(&options.file, &error))?;
    let backup_at = check(&options.file, &copy)?;
    open::migrate_copy(&copy)?;
    let mut restored = Restored {
        backup_at,
        kept: None,
        expired_updates: 0,
        expired_sends: 0,
        deletions: 0,
        unreadable_deletions: 0,
        missing: None,
    };
    if live.exists() {
        settle_old(&live, &directory);
    }
    change(&copy, &live, &directory, options.now, &mut restored)?;
    File::open(&copy).and_then(|copy| copy.sync_all()).map_err(failed)?;
    restored.kept = put_in_place(&live, &copy, options.now).map_err(failed)?;
    Ok(restored)
}

/// The unpacked file, whether it was packed or not.
fn unpack(file: &Path, to: &Path) -> io::Result<()> {
    let mut begins = [0; 2];
    let length = File::open(file)?.read(&mut begins)?;
    let source = BufReader::new(File::open(file)?);
    let mut target = BufWriter::new(private(to, false)?);
    if begins[..length] == [0x1f, 0x8b] {
        io::copy(&mut GzDecoder::new(source), &mut target)?;
    } else {
        io::copy(&mut { source }, &mut target)?;
    }
    target.flush()
}

fn unreadable(file: &Path, error: &io::Error) -> StorageError {
    let name = file.display();
    match error.kind() {
        io::ErrorKind::NotFound => unusable(
            format!("there is no file {name}"),
            "name one of those in `backups` of BOT_DATA_DIR, or one that BOT_BACKUP_COMMAND has taken elsewhere",
        ),
        io::ErrorKind::StorageFull => StorageError::DiskFull,
        io::ErrorKind::UnexpectedEof => {
            unusable(format!("{name} is cut off"), "copy it anew from where it came from, or take the backup before it")
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => unusable(
            format!("{name} is damaged: {error}"),
            "copy it anew from where it came from, or take the backup before it",
        ),
        _ => disk("reading the backup", error),
    }
}

/// Refuses what is not a whole backup of ours that this binary knows; returns when it was made.
fn check(file: &Path, copy: &Path) -> Result<Timestamp, StorageError> {
    let (doing, name) = ("checking the backup", file.display());
    let mut header = [0; 16];
    let length = File::open(copy).and_then(|mut copy| copy.read(&mut header)).map_err(|error| disk(doing, &error))?;
    if length < header.len() || &header != b"SQLite format 3\0" {
        return Err(unusable(
            format!("{name} is no backup: there is no database in it"),
            "name a file that is called gryag-<moment>.db.gz",
        ));
    }
    let damaged = |detail: String| {
        unusable(
            format!("the database in {name} is damaged ({detail})"),
            "copy it anew from where it came from, or take the backup before it",
        )
    };
    let failed = |error: rusqlite::Error| match storage_error(doing, &error) {
        StorageError::Corrupt { detail } => damaged(detail),
        other => other,
    };
    let copy = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let application: i64 = copy.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    if application != APPLICATION_ID {
        return Err(unusable(
            format!("{name} is a database of another program"),
            "name a file that is called gryag-<moment>.db.gz",
        ));
    }
    let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if verdict != "ok" {
        return Err(damaged(verdict));
    }
    let generation: i64 =
        copy.query_row("SELECT generation FROM schema_generation", [], |row| row.get(0)).map_err(failed)?;
    if generation > GENERATION {
        return Err(unusable(
            format!("{name} has schema generation {generation}, this binary knows {GENERATION}"),
            "restore it with the version that made it, or a newer one",
        ));
    }
    let sql = "SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?1";
    let at = query_one(&copy, doing, sql, params![BACKUP_AT], |row| row.get(0).map(Timestamp))?;
    at.ok_or_else(|| {
        unusable(
            format!("{name} is a database of this bot, but no backup of it: when it was made is not known"),
            "name a file that is called gryag-<moment>.db.gz",
        )
    })
}

/// Everything that makes the copy fit to live, in one transaction.
fn change(
    copy: &Path,
    old: &Path,
    directory: &Path,
    now: Timestamp,
    restored: &mut Restored,
) -> Result<(), StorageError> {
    let doing = "preparing the restored database";
    let failed = |error: rusqlite::Error| storage_error(doing, &error);
    let copy = open::connect_copy(copy)?;
    copy.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    (restored.expired_updates, restored.expired_sends) = expire(&copy, now)?;
    let replayed = ledger::replay(&copy, directory, restored.backup_at)?;
    (restored.deletions, restored.unreadable_deletions) = (replayed.deletions, replayed.unreadable);
    execute(&copy, doing, "DELETE FROM facts WHERE name = ?1", params![BACKUP_AT])?;
    set_fact(&copy, "restored_at", &now.0.to_string())?;
    copy.execute_batch("COMMIT").map_err(failed)?;
    restored.missing = if old.exists() { missing(&copy, old) } else { None };
    // One file without a log is what takes the old one's place.
    copy.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;").map_err(failed)
}

/// Nothing that waited is done any more; returns how many updates and sends.
fn expire(tx: &Connection, now: Timestamp) -> Result<(u64, u64), StorageError> {
    let doing = "expiring what was under way";
    queue::join_every(tx)?;
    let at = params![now.0];
    let sql = "UPDATE inbox SET state = 3, body = NULL, ended_at = ?1, problem = 'restored' WHERE state = 0";
    let updates = execute(tx, doing, sql, at)?;
    let sql = "UPDATE outbox SET state = 'expired', ended_at = ?1, problem = 'restored' \
               WHERE state IN ('queued', 'ready', 'sending')";
    let sends = execute(tx, doing, sql, at)?;
    for sql in [
        "DELETE FROM queue",
        "UPDATE lanes SET due_at = NULL, claimed = 0, owner = NULL, unsent = 0",
        "DELETE FROM leases",
        "DELETE FROM heartbeats",
    ] {
        execute(tx, doing, sql, [])?;
    }
    Ok((updates as u64, sends as u64))
}

/// Messages that the old database has and the new one has not. A damaged one cannot tell.
fn missing(copy: &Connection, old: &Path) -> Option<u64> {
    copy.execute("ATTACH ?1 AS old", params![old.to_string_lossy()]).ok()?;
    let sql = "SELECT COUNT(*) FROM old.messages AS was WHERE NOT EXISTS (SELECT 1 FROM main.messages \
               WHERE chat_id = was.chat_id AND message_id = was.message_id)";
    let count = copy.query_row(sql, [], |row| row.get::<_, i64>(0)).ok();
    copy.execute("DETACH old", []).ok()?;
    count.and_then(|count| u64::try_from(count).ok())
}

/// Moves the old database's log into it, and its last deletions into the ledger. It may be what made a restore
/// necessary: then it stays as it is, and the log goes with it.
fn settle_old(old: &Path, directory: &Path) {
    let Ok(old) = Connection::open(old) else { return };
    let _ = old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let _ = ledger::append_new(&old, directory);
}

/// The old files get other names, the new one theirs; returns what the old database is called now. At no moment is there
/// no database where one was: a start would begin a new one.
fn put_in_place(live: &Path, copy: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let mut kept = None;
    if live.exists() {
        let old = live.with_file_name(format!("{FILE_NAME}.before-restore-{}", names::moment(now)));
        for part in ["-wal", "-shm"] {
            let log = beside(live, part);
            if log.exists() {
                fs::rename(&log, beside(&old, part))?;
            }
        }
        fs::hard_link(live, &old).or_else(|_| fs::rename(live, &old))?;
        kept = Some(old);
    }
    fs::rename(copy, live)?;
    sync_directory(live.parent().unwrap_or(Path::new(".")))?;
    Ok(kept)
}

fn beside(file: &Path, part: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(part);
    PathBuf::from(name)
}

//! Backups: a copy that SQLite makes in one read, checked whole, compressed, and only then given its name.
//!
//! `VACUUM INTO` runs on a connection of its own, for writers go on meanwhile; SQLite's stepping backup starts again
//! at each of their commits and never ends. What is cut off at any point leaves at most `.partial` files, which the next
//! backup removes; a copy that is not whole never gets a name, so it cannot replace one that is.

mod ledger;
mod names;
mod restore;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use deadpool_sqlite::rusqlite::{Connection, OpenFlags, params};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::names::Name;
use super::{
    FreeDisk,
    codes::storage_error,
    connect::{Access, configure, stop_at},
    open::{APPLICATION_ID, unusable},
    shared::set_fact,
};
use crate::{domain::Timestamp, storage::StorageError};

pub(super) use self::ledger::{WRITTEN, append_new};
pub use self::restore::{RestoreOptions, Restored, restore};

/// Where backups lie, inside `BOT_DATA_DIR`.
const DIRECTORY: &str = "backups";
/// What is not finished ends so.
const PARTIAL: &str = "partial";
/// The fact, in a backup, that tells when it was begun.
const BACKUP_AT: &str = "backup_at";
/// A copy of a large database takes its time.
const LIMIT: Duration = Duration::from_secs(900);
/// Bytes that are compressed between two looks whether to stop.
const CHUNK: usize = 256 * 1024;
/// Room that a backup leaves to the bot, in bytes.
const SPARE: u64 = 32 * 1024 * 1024;

/// How a backup is made.
pub(super) struct Backup<'a> {
    /// The live database.
    pub(super) source: &'a Path,
    pub(super) now: Timestamp,
    /// The generation to which a migration will bring it, if this one is made before it.
    pub(super) before: Option<i64>,
    pub(super) free_disk: &'a FreeDisk,
    pub(super) stop: CancellationToken,
}

/// The directory of the backups of this database.
pub(super) fn directory_of(database: &Path) -> PathBuf {
    database.with_file_name(DIRECTORY)
}

impl Backup<'_> {
    /// Makes it; returns its file. Those that it replaces are removed.
    pub(super) fn make(&self) -> Result<PathBuf, StorageError> {
        let directory = directory_of(self.source);
        let failed = |error| disk("making a backup", &error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        let _alone = self.lock(&directory)?;
        let name = Name::new(self.now, self.before);
        let [copy, packed] = ["db", "gz"].map(|kind| directory.join(format!("{}.{kind}.{PARTIAL}", name.file())));
        let _swept = [Sweep(&copy), Sweep(&packed)];
        self.check_room(&directory)?;
        let bytes = self.copy(&copy)?;
        check_whole(&copy)?;
        self.pack(&copy, &packed).map_err(failed)?;
        check_packed(&packed, bytes)?;
        let finished = directory.join(name.file());
        fs::rename(&packed, &finished).and_then(|()| sync_directory(&directory)).map_err(failed)?;
        rotate(&directory).map_err(failed)?;
        Ok(finished)
    }

    /// One backup at a time, in whatever process; what a dead one has left is removed.
    fn lock(&self, directory: &Path) -> Result<File, StorageError> {
        let failed = |error| disk("locking the backups", &error);
        let lock = private(&directory.join("backup.lock"), true).map_err(failed)?;
        if self.before.is_some() {
            // A migration needs its backup; the other one ends soon.
            lock.lock().map_err(failed)?;
        } else if lock.try_lock().is_err() {
            return Err(unusable("another backup is being made".to_owned(), "wait until it is finished"));
        }
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == PARTIAL) {
                fs::remove_file(path).map_err(failed)?;
            }
        }
        Ok(lock)
    }

    /// A backup must not be what fills the disk.
    fn check_room(&self, directory: &Path) -> Result<(), StorageError> {
        let failed = |error| disk("measuring the disk", &error);
        let size = fs::metadata(self.source).map_err(failed)?.len();
        let free = (self.free_disk)(directory).map_err(failed)?;
        // The copy, and at worst as much for what it is packed into.
        let needed = size.saturating_mul(2).saturating_add(SPARE);
        if free >= needed {
            return Ok(());
        }
        let megabytes = |bytes: u64| bytes / (1024 * 1024);
        Err(unusable(
            format!("a backup needs {} MB of free disk, and there are {}", megabytes(needed), megabytes(free)),
            "free some space under BOT_DATA_DIR, or move old files of its `backups` elsewhere",
        ))
    }

    /// Copies the database; returns the copy's length.
    fn copy(&self, to: &Path) -> Result<u64, StorageError> {
        let doing = "copying the database";
        let failed = |error: rusqlite::Error| storage_error(doing, &error);
        // `VACUUM INTO` takes an empty file; this one is for nobody else's eyes.
        private(to, false).map_err(|error| disk(doing, &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let live = Connection::open_with_flags(self.source, flags).map_err(failed)?;
        configure(&live, Access::Write).map_err(failed)?;
        stop_at(&live, Instant::now() + LIMIT, self.stop.clone());
        // The copy is not synced: what is kept is what it is packed into, and so much at once would hold up the commits of
        // whoever writes meanwhile.
        live.pragma_update(None, "synchronous", "OFF").map_err(failed)?;
        let copied = live.execute("VACUUM INTO ?1", params![to.to_string_lossy()]);
        // Whoever closes the database last moves the log into the file, and that is synced whatever became of the copy.
        live.pragma_update(None, "synchronous", "FULL").and(copied.map(drop)).map_err(failed)?;
        drop(live);
        // From here on nobody else knows the file, and it is synced at the end.
        let copy = Connection::open(to).map_err(failed)?;
        copy.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;").map_err(failed)?;
        set_fact(&copy, BACKUP_AT, &self.now.0.to_string())?;
        drop(copy);
        fs::metadata(to).map(|file| file.len()).map_err(|error| disk(doing, &error))
    }

    fn pack(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = BufReader::with_capacity(CHUNK, File::open(from)?);
        let mut packer = GzEncoder::new(BufWriter::with_capacity(CHUNK, private(to, false)?), Compression::fast());
        let mut chunk = vec![0; CHUNK];
        loop {
            if self.stop.is_cancelled() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "the process stops"));
            }
            match source.read(&mut chunk)? {
                0 => break,
                length => packer.write_all(&chunk[..length])?,
            }
        }
        packer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

/// Removes what is left of an unfinished file, however the work on it ended.
struct Sweep<'a>(&'a Path);

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        // A finished one has another name by now.
        let _ = fs::remove_file(self.0);
    }
}

/// Reads every page of a copy.
fn check_whole(copy: &Path) -> Result<(), StorageError> {
    let doing = "checking a copy";
    let failed = |error: rusqlite::Error| storage_error(doing, &error);
    let copy = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let application: i64 = copy.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    match (application, verdict.as_str()) {
        (APPLICATION_ID, "ok") => Ok(()),
        (APPLICATION_ID, _) => Err(StorageError::Corrupt { detail: verdict }),
        _ => Err(StorageError::Corrupt { detail: format!("its application id is {application}") }),
    }
}

/// The packed file gives the copy back: gzip carries a checksum.
fn check_packed(packed: &Path, bytes: u64) -> Result<(), StorageError> {
    let doing = "checking a backup";
    let unpacked = File::open(packed)
        .and_then(|file| io::copy(&mut GzDecoder::new(BufReader::new(file)), &mut io::sink()))
        .map_err(|error| disk(doing, &error))?;
    if unpacked == bytes {
        return Ok(());
    }
    Err(StorageError::Disk { doing, detail: format!("{unpacked} bytes of {bytes} are in it") })
}

fn rotate(directory: &Path) -> io::Result<()> {
    let mut backups = Vec::new();
    for entry in fs::read_dir(directory)? {
        backups.extend(entry?.file_name().to_str().and_then(Name::parse));
    }
    for name in names::replaced(&backups) {
        fs::remove_file(directory.join(name.file()))?;
    }
    Ok(())
}

/// A file that only the bot's user may read: it holds what people have written.
fn private(path: &Path, append: bool) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).append(append).truncate(!append).mode(0o600).open(path)
}

/// Makes the names in it durable.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn disk(doing: &'static str, error: &io::Error) -> StorageError {
    if error.kind() == io::ErrorKind::StorageFull {
        return StorageError::DiskFull;
    }
    StorageError::Disk { doing, detail: error.to_string() }
}

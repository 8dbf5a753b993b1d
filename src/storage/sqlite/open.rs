//! What is checked before the store is used, and the migrations.

use std::{
    fs::{self, File, TryLockError},
    io::Read as _,
    path::{Path, PathBuf},
};

use deadpool_sqlite::rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use tokio_util::sync::CancellationToken;

use super::{
    FILE_NAME, FreeDisk, SqliteOptions,
    backup::Backup,
    codes::storage_error,
    connect::{Access, configure},
};
use crate::{domain::Timestamp, storage::StorageError};

/// The schema that this binary knows.
pub const GENERATION: i64 = 5;
/// SQLite below 3.51.3 corrupts a write-ahead log that two processes write (sqlite.org/wal.html, "WAL-reset bug").
pub const MIN_SQLITE: i32 = 3_051_003;
/// 'GRYG', as in the first migration.
pub(super) const APPLICATION_ID: i64 = 0x4752_5947;
/// File systems on which SQLite's locks or shared memory do not work between processes.
const NETWORK_FILE_SYSTEMS: [&str; 9] =
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "fuse.sshfs", "fuse.glusterfs"];

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Checks the place and the file, and brings the schema up to date. Returns the database's path, and the lock that
/// whoever has it open holds.
pub(super) async fn prepare(options: &SqliteOptions) -> Result<(PathBuf, File), StorageError> {
    let (data_dir, free_disk, now) = (options.data_dir.clone(), options.free_disk.clone(), options.clock.now());
    tokio::task::spawn_blocking(move || prepare_blocking(&data_dir, &free_disk, now))
        .await
        .map_err(|error| StorageError::Backend { doing: "opening the store", detail: error.to_string() })?
}

fn prepare_blocking(data_dir: &Path, free_disk: &FreeDisk, now: Timestamp) -> Result<(PathBuf, File), StorageError> {
    check_sqlite(rusqlite::version_number())?;
    fs::create_dir_all(data_dir).map_err(|error| {
        unusable(
            format!("cannot create the data directory {}: {error}", data_dir.display()),
            "set BOT_DATA_DIR to a directory that the bot may write",
        )
    })?;
    check_place(data_dir)?;
    let path = data_dir.join(FILE_NAME);
    let shared = lock_shared(data_dir)?;
    check_header(&path)?;
    // The lock makes exactly one of two processes migrate; it ends with the process, however that ends.
    let lock_path = data_dir.join("migrate.lock");
    let lock = File::create(&lock_path).and_then(|lock| lock.lock().map(|()| lock)).map_err(|error| {
        unusable(
            format!("cannot write {}: {error}", lock_path.display()),
            "make BOT_DATA_DIR writable for the bot's user (same user for both replicas)",
        )
    })?;
    migrate(&path, |before| {
        let stop = CancellationToken::new();
        Backup { source: &path, now, before: Some(before), free_disk, stop }.make().map(drop)
    })?;
    drop(lock);
    Ok((path, shared))
}

/// Brings the schema of a copy up to date that nobody else knows of.
pub(super) fn migrate_copy(path: &Path) -> Result<(), StorageError> {
    migrate(path, |_| Ok(()))
}

/// A writing connection to such a copy.
pub(super) fn connect_copy(path: &Path) -> Result<Connection, StorageError> {
    let failed = |error: rusqlite::Error| storage_error("opening a copy", &error);
    let connection = Connection::open(path).map_err(failed)?;
    configure(&connection, Access::Write).map_err(failed)?;
    Ok(connection)
}

/// Held by each process that has the database open, as long as it has. The system lets go of it when the process ends,
/// however it ends.
fn lock_shared(data_dir: &Path) -> Result<File, StorageError> {
    let lock = lock_file(data_dir)?;
    match lock.try_lock_shared() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(unusable(
            "a backup is being restored in BOT_DATA_DIR".to_owned(),
            "start again when `gryag restore` has ended",
        )),
        Err(TryLockError::Error(error)) => Err(cannot_lock(data_dir, &error)),
    }
}

/// The lock of who wants the database for itself alone.
pub(super) fn lock_whole(data_dir: &Path) -> Result<File, StorageError> {
    let lock = lock_file(data_dir)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(unusable(
            format!("the database in {} is in use", data_dir.display()),
            "stop both replicas and every other `gryag` on it first",
        )),
        Err(TryLockError::Error(error)) => Err(cannot_lock(data_dir, &error)),
    }
}

fn lock_file(data_dir: &Path) -> Result<File, StorageError> {
    File::create(data_dir.join("store.lock")).map_err(|error| cannot_lock(data_dir, &error))
}

fn cannot_lock(data_dir: &Path, error: &std::io::Error) -> StorageError {
    unusable(
        format!("cannot lock the store in {}: {error}", data_dir.display()),
        "make BOT_DATA_DIR writable for the bot's user (same user for both replicas)",
    )
}

pub(super) fn unusable(problem: String, remedy: &'static str) -> StorageError {
    StorageError::Unusable { problem, remedy }
}

fn check_sqlite(version: i32) -> Result<(), StorageError> {
    if version < MIN_SQLITE {
        return Err(unusable(
            format!("this build carries SQLite {version}, which corrupts a database that two processes write"),
            "build with the bundled SQLite of rusqlite 0.40 or newer (3.51.3 at least)",
        ));
    }
    Ok(())
}

/// Refuses a directory on a network file system, where the system tells what is mounted.
///
/// # Errors
///
/// [`StorageError::Unusable`] if it lies on one.
pub fn check_place(data_dir: &Path) -> Result<(), StorageError> {
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else { return Ok(()) };
    let place = fs::canonicalize(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    check_file_system(&mounts, &place)
}

/// Refuses network file systems. `mounts` is the text of `/proc/self/mountinfo`.
///
/// # Errors
///
/// [`StorageError::Unusable`] if `place` lies on one.
pub fn check_file_system(mounts: &str, place: &Path) -> Result<(), StorageError> {
    let kind = mounts
        .lines()
        .filter_map(|line| {
            // "36 35 98:0 /root /mount/point options … - type source options"
            let (before, after) = line.split_once(" - ")?;
            let point = Path::new(before.split(' ').nth(4)?);
            place.starts_with(point).then(|| (point.as_os_str().len(), after.split(' ').next().unwrap_or("")))
        })
        // Of two mounts on one point the later hides the earlier.
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind);
    match kind {
        Some(kind) if NETWORK_FILE_SYSTEMS.contains(&kind) => Err(unusable(
            format!("BOT_DATA_DIR ({}) lies on {kind}, where SQLite's locks fail and data is lost", place.display()),
            "use a local disk or a local Docker volume; for several hosts use PostgreSQL",
        )),
        _ => Ok(()),
    }
}

pub(super) fn check_header(path: &Path) -> Result<(), StorageError> {
    let mut header = [0u8; 16];
    let read = match File::open(path) {
        Ok(mut file) => file.read(&mut header).map_err(|error| StorageError::Disk {
            doing: "reading the database's header",
            detail: error.to_string(),
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(unusable(
                format!("cannot read {}: {error}", path.display()),
                "let the bot's user read and write it",
            ));
        }
    };
    if read == 0 || &header == b"SQLite format 3\0" {
        return Ok(());
    }
    Err(StorageError::Corrupt { detail: format!("{} does not begin like an SQLite database", path.display()) })
}

/// `save` makes a backup before a migration to the generation that it is told.
fn migrate(path: &Path, save: impl FnOnce(i64) -> Result<(), StorageError>) -> Result<(), StorageError> {
    let doing = "preparing the database";
    let failed = |error: rusqlite::Error| storage_error(doing, &error);
    let mut connection = Connection::open(path).map_err(failed)?;
    // Only a file without tables takes auto_vacuum, and only before it becomes a WAL database.
    let tables: i64 =
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    check_identity(&connection, tables == 0)?;
    if tables == 0 {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(failed)?;
        // Before the first table: who is killed during the first start still finds a file of ours.
        connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        return Err(unusable(
            format!("SQLite cannot keep a write-ahead log beside {}", path.display()),
            "put BOT_DATA_DIR on a local disk",
        ));
    }
    configure(&connection, Access::Write).map_err(failed)?;
    if check_generation(&connection)?.is_some_and(|generation| generation < GENERATION) {
        save(GENERATION)?;
    }
    embedded::migrations::runner()
        // A migration and the note that it was made are one transaction: a crash between them must not stop every
        // later start.
        .set_grouped(true)
        // A rolled-back binary meets migrations that it does not have; `check_generation` judges whether it may run.
        .set_abort_missing(false)
        .run(&mut connection)
        .map_err(|error| {
            let detail = error.to_string();
            match error.source_sqlite() {
                Some(sqlite) => storage_error(doing, sqlite),
                None => {
                    unusable(format!("the migrations failed: {detail}"), "restore the backup made before this version")
                }
            }
        })?;
    Ok(())
}

/// Refuses foreign files.
pub(super) fn check_identity(connection: &Connection, is_empty: bool) -> Result<(), StorageError> {
    let application: i64 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|error| storage_error("checking the schema", &error))?;
    if application == APPLICATION_ID || (is_empty && application == 0) {
        return Ok(());
    }
    Err(unusable(
        "the database in BOT_DATA_DIR belongs to another program".to_owned(),
        "point BOT_DATA_DIR to an empty directory",
    ))
}

/// Refuses schemas that this binary may not write; returns the schema's generation, if it has one yet.
pub(super) fn check_generation(connection: &Connection) -> Result<Option<i64>, StorageError> {
    let failed = |error: rusqlite::Error| storage_error("checking the schema", &error);
    // Absent before the first migration.
    if !connection.table_exists(None, "schema_generation").map_err(failed)? {
        return Ok(None);
    }
    let known: Option<(i64, i64)> = connection
        .query_row("SELECT generation, oldest_writer FROM schema_generation", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(failed)?;
    match known {
        Some((generation, oldest_writer)) if oldest_writer > GENERATION => Err(unusable(
            format!(
                "the database has schema generation {generation}, which only binaries of generation {oldest_writer} or \
                 newer may write; this one is of generation {GENERATION}"
            ),
            "start the newer version again, or restore the backup that was made before it",
        )),
        known => Ok(known.map(|(generation, _)| generation)),
    }
}

/// The SQLite error inside a migration error.
trait SourceSqlite {
    fn source_sqlite(&self) -> Option<&rusqlite::Error>;
}

impl SourceSqlite for refinery::Error {
    fn source_sqlite(&self) -> Option<&rusqlite::Error> {
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            if let Some(sqlite) = cause.downcast_ref() {
                return Some(sqlite);
            }
            source = cause.source();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                          30 22 0:40 / /mnt/share rw - nfs4 host:/x rw\n\
                          31 22 0:41 / /srv/gryag rw - virtiofs tag rw\n";

    #[test]
    fn a_network_file_system_is_refused_and_a_local_one_taken() {
        check_file_system(MOUNTS, Path::new("/var/lib/gryag")).expect("ext4 is local");
        for place in ["/mnt/share/gryag", "/srv/gryag"] {
            let error = check_file_system(MOUNTS, Path::new(place)).expect_err("a network file system");
            assert!(error.to_string().contains("local disk"), "{error}");
        }
        check_file_system(MOUNTS, Path::new("/mnt/shared")).expect("a name that merely begins alike is another place");
    }

    #[test]
    fn an_sqlite_with_the_wal_reset_bug_is_refused() {
        check_sqlite(MIN_SQLITE - 1).expect_err("3.51.2 corrupts");
        check_sqlite(rusqlite::version_number()).expect("the bundled one is newer");
    }
}

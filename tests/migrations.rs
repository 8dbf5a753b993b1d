//! Which files the store takes, which it refuses and how it says so, and how it brings them up to date.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use gryag::{
    clock::{SystemClock, TokioClock},
    domain::{ChatId, MessageId, Timestamp},
    shutdown::Shutdown,
    storage::{
        ClaimRequest, InboxStore as _, MemoryStore as _, OutboxStore as _, SendLimits, SharedStore as _, StorageError,
        sqlite::{FILE_NAME, GENERATION, SqliteOptions, SqliteStore},
    },
    telemetry::Metrics,
};
use refinery::{Migration, Runner};
use rusqlite::Connection;
use tempfile::TempDir;

async fn open(place: &Path) -> Result<SqliteStore, StorageError> {
    SqliteStore::open(SqliteOptions::new(place, Arc::new(SystemClock), Metrics::new()), &Shutdown::new()).await
}

/// A store that was opened, used for nothing, and closed.
async fn used_place() -> TempDir {
    let place = TempDir::new().unwrap();
    open(place.path()).await.unwrap().close().await;
    place
}

fn file(place: &TempDir) -> PathBuf {
    place.path().join(FILE_NAME)
}

fn change(place: &TempDir, sql: &str) {
    Connection::open(file(place)).unwrap().execute_batch(sql).unwrap();
}

/// Version, name without the ending, SQL.
fn migrations() -> Vec<(u32, String, String)> {
    let mut all: Vec<_> = fs::read_dir("migrations/sqlite")
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let version = name[1..].split("__").next().unwrap().parse().unwrap();
            (version, name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// A database at that version with the sample data of every version up to it.
fn sample_at(version: u32) -> TempDir {
    let place = TempDir::new().unwrap();
    let mut connection = Connection::open(file(&place)).unwrap();
    for (number, name, sql) in migrations().into_iter().filter(|(number, ..)| *number <= version) {
        let migration = Migration::unapplied(&name, &sql).unwrap();
        Runner::new(&[migration]).set_abort_missing(false).run(&mut connection).unwrap();
        let sample = format!("tests/fixtures/schema/V{number}.sql");
        let sample = fs::read_to_string(&sample).unwrap_or_else(|error| panic!("{sample}: {error}"));
        connection.execute_batch(&sample).unwrap();
    }
    place
}

#[tokio::test(start_paused = true)]
async fn every_version_with_data_is_brought_up_to_date_and_goes_on_working() {
    for (version, ..) in migrations() {
        let place = sample_at(version);
        let clock = TokioClock::starting_at(Timestamp(1_790_000_100_000));
        let options = SqliteOptions::new(place.path(), Arc::new(clock), Metrics::new());
        let store = SqliteStore::open(options, &Shutdown::new()).await.unwrap();
        store.check().await.unwrap();
        let lease = Duration::from_secs(20);
        let request =
            ClaimRequest { owner: "new".to_owned(), lease, talk_max: 9, express_max: 9, rows_max: 50, suspects_max: 9 };
        assert_eq!(store.claim(request).await.unwrap().claims.len(), 2, "what waited, and what a dead claim held");
        let limits = SendLimits { global_per_second: 30, chat_per_second: 1, group_per_minute: 20 };
        assert_eq!(store.begin_sends("new", 9, limits, Duration::from_secs(60)).await.unwrap().due.len(), 1);
        assert_eq!(store.message(ChatId(-10), MessageId(1)).await.unwrap().unwrap().text, "привіт");
        assert_eq!(store.dead_letters(9).await.unwrap().len(), 1);
        store.close().await;
    }
}

#[test]
fn the_sample_data_fills_every_table() {
    let newest = migrations().last().unwrap().0;
    assert_eq!(i64::from(newest), GENERATION, "a migration raises the generation that the code knows");
    let place = sample_at(newest);
    let connection = Connection::open(file(&place)).unwrap();
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").unwrap();
    for table in tables.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        let table = table.unwrap();
        let sql = format!("SELECT COUNT(*) FROM \"{table}\"");
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert!(rows > 0, "{table} is empty");
    }
    let broken = connection.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
    assert!(!broken, "the sample data points nowhere");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_file_is_ours_and_vacuums_by_and_by() {
    let place = used_place().await;
    let connection = Connection::open(file(&place)).unwrap();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("application_id"), i64::from(u32::from_be_bytes(*b"GRYG")));
    assert_eq!(pragma("auto_vacuum"), 2, "incremental");
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_open_a_fresh_directory_at_once_one_migrates() {
    let place = TempDir::new().unwrap();
    let stores = join_all((0..8).map(|_| open(place.path()))).await;
    for store in &stores {
        assert_eq!(store.as_ref().unwrap().fact("probe").await.unwrap().as_deref(), Some("2"));
    }
    let connection = Connection::open(file(&place)).unwrap();
    let applied: usize = connection
        .query_row("SELECT COUNT(*) FROM refinery_schema_history", [], |row| row.get::<_, i64>(0))
        .map(|rows| usize::try_from(rows).unwrap())
        .unwrap();
    assert_eq!(applied, migrations().len());
}

#[tokio::test(start_paused = true)]
async fn who_was_killed_during_the_first_start_starts_again() {
    let ours = format!("PRAGMA application_id = {};", u32::from_be_bytes(*b"GRYG"));
    let history = "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), \
                   applied_on VARCHAR(255), checksum VARCHAR(255));";
    for left in ["", "PRAGMA auto_vacuum = 2; PRAGMA journal_mode = WAL;", &ours, &format!("{ours}{history}")] {
        let place = TempDir::new().unwrap();
        change(&place, left);
        open(place.path()).await.unwrap_or_else(|error| panic!("after {left:?}: {error}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_and_the_note_of_it_are_one_transaction() {
    let place = TempDir::new().unwrap();
    // The note cannot be written, as if the process were killed just before it.
    let ours = format!("PRAGMA application_id = {};", u32::from_be_bytes(*b"GRYG"));
    let history = "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY CHECK (version < 0), \
                   name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));";
    change(&place, &format!("{ours}{history}"));
    open(place.path()).await.unwrap_err();
    let connection = Connection::open(file(&place)).unwrap();
    assert!(!connection.table_exists(None, "inbox").unwrap(), "nothing of the migration is left");
    connection.execute_batch("DROP TABLE refinery_schema_history").unwrap();
    open(place.path()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_edited_migration_is_refused() {
    let place = used_place().await;
    change(&place, "UPDATE refinery_schema_history SET checksum = '12345'");
    let error = open(place.path()).await.unwrap_err();
    assert!(matches!(error, StorageError::Unusable { .. }), "{error}");
    assert!(error.to_string().contains("V1__spine"), "{error}");
}

/// What a newer binary's migration leaves, and who may still write after it.
fn migrate_ahead(place: &TempDir, generation: i64, oldest_writer: i64) {
    change(
        place,
        &format!(
            "ALTER TABLE messages ADD COLUMN mood TEXT; CREATE TABLE moods (x INTEGER PRIMARY KEY); \
             INSERT INTO refinery_schema_history VALUES ({}, 'moods', '2026-12-01T00:00:00Z', '12345'); \
             UPDATE schema_generation SET generation = {generation}, oldest_writer = {oldest_writer}",
            GENERATION + 1
        ),
    );
}

#[tokio::test(start_paused = true)]
async fn a_database_one_generation_ahead_is_taken() {
    let place = used_place().await;
    migrate_ahead(&place, GENERATION + 1, 1);
    let store = open(place.path()).await.unwrap();
    store.set_fact("bot", "1".to_owned()).await.unwrap();
    store.check().await.unwrap();
    assert_eq!(store.fact("bot").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_we_may_no_longer_write_is_refused() {
    let place = used_place().await;
    migrate_ahead(&place, GENERATION + 2, GENERATION + 1);
    let error = open(place.path()).await.unwrap_err();
    assert!(matches!(error, StorageError::Unusable { .. }), "{error}");
    let words = error.to_string();
    assert!((GENERATION..=GENERATION + 2).all(|named| words.contains(&format!("generation {named}"))), "{words}");
    assert!(words.contains("start the newer version again"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn a_file_of_another_program_is_refused_and_left_alone() {
    for foreign in [
        "CREATE TABLE notes (x);",
        "PRAGMA application_id = 42; CREATE TABLE notes (x);",
        "PRAGMA application_id = 42;",
    ] {
        let place = TempDir::new().unwrap();
        change(&place, foreign);
        let before = fs::read(file(&place)).unwrap();
        let error = open(place.path()).await.unwrap_err();
        assert!(error.to_string().contains("another program"), "{foreign}: {error}");
        assert_eq!(fs::read(file(&place)).unwrap(), before, "{foreign}: not a byte is changed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_file_is_a_fresh_start() {
    let place = TempDir::new().unwrap();
    fs::write(file(&place), b"").unwrap();
    open(place.path()).await.unwrap().check().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_no_database_is_called_damaged() {
    let place = used_place().await;
    let mut bytes = fs::read(file(&place)).unwrap();
    bytes[..100].fill(0);
    for garbage in [&b"not a database at all, but long enough for a header"[..], b"short", &bytes] {
        let place = TempDir::new().unwrap();
        fs::write(file(&place), garbage).unwrap();
        let error = open(place.path()).await.unwrap_err();
        assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("gryag restore"), "it says what to do: {error}");
        assert_eq!(fs::read(file(&place)).unwrap(), garbage, "not a byte is changed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_page_is_found_when_it_is_opened_or_checked() {
    let place = used_place().await;
    let whole = fs::read(file(&place)).unwrap();
    let page_bytes = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    let pages = whole.len() / page_bytes;
    assert!(pages > 20, "{pages} pages");
    for page in (0..pages).step_by(7) {
        let mut damaged = whole.clone();
        // The first page keeps its file header, and loses its tree.
        let start = page * page_bytes + if page == 0 { 100 } else { 0 };
        damaged[start..(page + 1) * page_bytes].iter_mut().for_each(|byte| *byte = !*byte);
        let place = TempDir::new().unwrap();
        fs::write(file(&place), &damaged).unwrap();
        let found = match open(place.path()).await {
            Ok(store) => store.check().await,
            Err(error) => Err(error),
        };
        assert!(matches!(found, Err(StorageError::Corrupt { .. })), "page {page}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_file_is_found_when_it_is_opened_or_checked() {
    let place = used_place().await;
    let whole = fs::read(file(&place)).unwrap();
    for keep in [100, 4_096, whole.len() / 2, whole.len() - 4_096] {
        let place = TempDir::new().unwrap();
        fs::write(file(&place), &whole[..keep]).unwrap();
        let found = match open(place.path()).await {
            Ok(store) => store.check().await,
            Err(error) => Err(error),
        };
        assert!(matches!(found, Err(StorageError::Corrupt { .. })), "{keep} bytes: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_cannot_be_written_is_refused_with_what_to_do() {
    // Nobody can make a file here, not even root.
    for place in ["/proc/gryag", "/proc/self"] {
        let error = open(Path::new(place)).await.unwrap_err();
        assert!(matches!(error, StorageError::Unusable { .. }), "{place}: {error}");
        assert!(error.to_string().contains("BOT_DATA_DIR"), "{place}: {error}");
    }
    let place = TempDir::new().unwrap();
    fs::write(place.path().join("file"), b"").unwrap();
    let error = open(&place.path().join("file")).await.unwrap_err();
    assert!(matches!(error, StorageError::Unusable { .. }), "{error}");
    fs::create_dir(file(&place)).unwrap();
    let error = open(place.path()).await.unwrap_err();
    assert!(matches!(error, StorageError::Unusable { .. } | StorageError::Disk { .. }), "{error}");
}

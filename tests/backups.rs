//! Backups and restores of the store: what is in them, what is kept, and what each wrong file is told.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use gryag::{
    clock::TokioClock,
    domain::{
        Author, AuthorKind, Chat, ChatId, ChatKind, Lane, LaneKind, Message, MessageId, OutgoingKind, RequestId,
        RichText, Timestamp, UpdateKey, UserId,
    },
    shutdown::Shutdown,
    storage::{
        ChatStore as _, Claim, ClaimRequest, FinishedTurn, InboxStore as _, MemoryStore as _, NewOutgoing, NewUpdate,
        OutboxStore as _, PeopleStore as _, SendLimits, StorageError, UpkeepStore as _,
        sqlite::{self, FILE_NAME, RestoreOptions, Restored, SqliteOptions, SqliteStore},
    },
    telemetry::Metrics,
};
use rusqlite::Connection;
use tempfile::TempDir;

const START: Timestamp = Timestamp(1_790_000_000_000);
const LATER: Timestamp = Timestamp(START.0 + 3_600_000);
const GROUP: ChatId = ChatId(-10);

fn options(place: &Path) -> SqliteOptions {
    SqliteOptions::new(place, Arc::new(TokioClock::starting_at(START)), Metrics::new())
}

async fn open(place: &TempDir) -> SqliteStore {
    SqliteStore::open(options(place.path()), &Shutdown::new()).await.unwrap()
}

fn restore_to(place: &TempDir, file: &Path, force: bool) -> Result<Restored, StorageError> {
    sqlite::restore(&RestoreOptions { data_dir: place.path().to_owned(), file: file.to_owned(), force, now: LATER })
}

fn message(chat: ChatId, id: i64, by: i64, at: Timestamp) -> Message {
    Message {
        chat: Chat { id: chat, kind: ChatKind::Group, title: None },
        topic: None,
        id: MessageId(id),
        author: Author { kind: AuthorKind::Person, id: UserId(by), name: "Оля".to_owned(), username: None },
        text: format!("слово {id}"),
        media: None,
        reply_to: None,
        quote: None,
        forwarded_from: None,
        album: None,
        sent_at: at,
        edited_at: None,
    }
}

async fn admit(store: &SqliteStore, key: i64, chat: ChatId) {
    let update = NewUpdate {
        key: UpdateKey(key),
        lane: Lane { chat, topic: None, kind: LaneKind::Talk },
        kind: "message",
        body: Bytes::from_static(b"{}"),
        received_at: START,
        request_id: RequestId("request".to_owned()),
        unusable: None,
    };
    store.admit(update).await.unwrap();
}

async fn claims(store: &SqliteStore) -> Vec<Claim> {
    let lease = Duration::from_secs(20);
    let request =
        ClaimRequest { owner: "a".to_owned(), lease, talk_max: 9, express_max: 9, rows_max: 50, suspects_max: 9 };
    store.claim(request).await.unwrap().claims
}

/// An update of each of these messages, whose turn remembers it and says something if it is told to.
async fn talk(store: &SqliteStore, messages: Vec<Message>, says: bool) {
    let chat = messages[0].chat.clone();
    admit(store, messages[0].id.0, chat.id).await;
    let claim = claims(store).await.remove(0);
    let ends = START + Duration::from_secs(86_400);
    let words = vec![RichText::plain("так-так")];
    let says = says.then(|| NewOutgoing::new(OutgoingKind::Answer, chat, words, ends, RequestId("request".to_owned())));
    let turn = FinishedTurn { remembered: messages, says, ..FinishedTurn::default() };
    store.finish(claim.claim, turn, START).await.unwrap();
}

fn file(place: &TempDir) -> PathBuf {
    place.path().join(FILE_NAME)
}

fn backups(place: &TempDir) -> Vec<String> {
    let names = fs::read_dir(place.path().join("backups")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "backup.lock");
    names.sort();
    names
}

/// Every row of every table as text, but for the small facts.
fn rows(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('facts', 'leases', 'heartbeats') \
               ORDER BY name";
    let mut tables = connection.prepare(sql).unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() > 15, "{tables:?}");
    let mut rows = Vec::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = statement.column_count();
        let of_table = statement.query_map([], |row| {
            let values: Vec<_> = (0..columns).map(|column| format!("{:?}", row.get_ref_unwrap(column))).collect();
            Ok(format!("{table} {}", values.join(" ")))
        });
        rows.extend(of_table.unwrap().map(Result::unwrap));
    }
    rows
}

#[tokio::test(start_paused = true)]
async fn a_backup_holds_every_row_and_the_store_goes_on() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    talk(&store, (1..500).map(|id| message(GROUP, id, 5, START)).collect(), false).await;
    let backup = store.back_up(START).await.unwrap();
    let then = rows(&file(&place));
    talk(&store, vec![message(GROUP, 1_000, 5, START)], false).await;
    store.close().await;
    let elsewhere = TempDir::new().unwrap();
    let restored = restore_to(&elsewhere, &backup, false).unwrap();
    assert_eq!((restored.backup_at, restored.kept, restored.missing), (START, None, None));
    assert_eq!(rows(&file(&elsewhere)), then);
    open(&elsewhere).await.message(GROUP, MessageId(499)).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_that_waited_when_the_backup_was_made_is_done_after_its_restore() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    talk(&store, vec![message(GROUP, 1, 5, START)], true).await;
    admit(&store, 2, ChatId(-20)).await;
    assert_eq!(claims(&store).await.len(), 1, "this turn is cut off");
    admit(&store, 3, ChatId(-30)).await;
    let backup = store.back_up(START).await.unwrap();
    store.close().await;
    let restored = restore_to(&place, &backup, true).unwrap();
    assert_eq!((restored.expired_updates, restored.expired_sends), (2, 1));
    let store = open(&place).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(claims(&store).await.is_empty());
    let limits = SendLimits { global_per_second: 30, chat_per_second: 1, group_per_minute: 20 };
    assert!(store.begin_sends("a", 9, limits, Duration::from_secs(60)).await.unwrap().due.is_empty());
    assert_eq!(store.outbox_counts().await.unwrap(), [("expired".to_owned(), 1)]);
    assert_eq!(store.inbox_depth().await.unwrap().waiting, 0);
    admit(&store, 4, GROUP).await;
    assert_eq!(claims(&store).await.len(), 1, "the lane whose answer expired goes on");
}

#[tokio::test(start_paused = true)]
async fn what_was_forgotten_after_the_backup_is_forgotten_after_its_restore() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    let (theirs, others) = (5, 6);
    store.forget_person(UserId(7), None, Timestamp(START.0 - 1_000)).await.unwrap();
    talk(&store, vec![message(GROUP, 1, 7, START), message(GROUP, 2, theirs, START)], false).await;
    talk(&store, vec![message(GROUP, 3, others, START), message(GROUP, 4, others, START)], false).await;
    talk(&store, vec![message(ChatId(-20), 5, others, START)], false).await;
    let backup = store.back_up(START + Duration::from_secs(1)).await.unwrap();
    talk(&store, vec![message(GROUP, 6, others, LATER), message(GROUP, 7, others, LATER)], false).await;
    store.forget_person(UserId(theirs), None, LATER).await.unwrap();
    store.forget_message(GROUP, MessageId(3), LATER).await.unwrap();
    assert!(store.delete_chat(ChatId(-20), LATER).await.is_ok());
    while !store.delete_chat(ChatId(-20), LATER).await.unwrap() {}
    store.wipe_traces().await.unwrap();
    store.close().await;

    let restored = restore_to(&place, &backup, true).unwrap();
    assert_eq!((restored.deletions, restored.unreadable_deletions, restored.missing), (3, 0, Some(2)));
    let store = open(&place).await;
    let mut known = Vec::new();
    for (chat, id) in [(GROUP, 1), (GROUP, 2), (GROUP, 3), (GROUP, 4), (ChatId(-20), 5)] {
        if store.message(chat, MessageId(id)).await.unwrap().is_some() {
            known.push(id);
        }
    }
    assert_eq!(known, [1, 4], "what was written after an earlier forgetting stays");
    let deleted = store.deletions(LATER).await.unwrap();
    assert_eq!(deleted.len(), 3, "they stand in the table again, for the next backup");
    let kept = restored.kept.unwrap();
    assert_eq!(Connection::open(kept).unwrap().query_row("SELECT COUNT(*) FROM messages", [], |row| row.get(0)), Ok(4));
}

#[tokio::test(start_paused = true)]
async fn deletions_that_a_crash_kept_from_the_ledger_are_found_in_the_old_database() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    talk(&store, vec![message(GROUP, 1, 5, START)], false).await;
    let backup = store.back_up(START).await.unwrap();
    store.close().await;
    let sql = format!("INSERT INTO deletions (at, user_id) VALUES ({}, 5)", LATER.0);
    Connection::open(file(&place)).unwrap().execute_batch(&sql).unwrap();
    assert_eq!(restore_to(&place, &backup, true).unwrap().deletions, 1);
    assert_eq!(open(&place).await.message(GROUP, MessageId(1)).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_line_of_the_ledger_that_a_crash_has_cut_spoils_no_other() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    talk(&store, vec![message(GROUP, 1, 5, START)], false).await;
    let backup = store.back_up(START).await.unwrap();
    let ledger = place.path().join("backups/deletions.jsonl");
    store.forget_person(UserId(6), None, LATER).await.unwrap();
    fs::OpenOptions::new().append(true).open(&ledger).unwrap().write_all(b"{\"at\":17900").unwrap();
    store.forget_person(UserId(5), None, LATER).await.unwrap();
    store.close().await;
    fs::remove_file(file(&place)).unwrap();
    let restored = restore_to(&place, &backup, false).unwrap();
    assert_eq!((restored.deletions, restored.unreadable_deletions), (2, 1));
    assert_eq!(open(&place).await.message(GROUP, MessageId(1)).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_ledger_is_written_anew() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    let ledger = place.path().join("backups/deletions.jsonl");
    store.forget_person(UserId(5), None, START).await.unwrap();
    assert_eq!(fs::read_to_string(&ledger).unwrap(), format!("{{\"at\":{},\"user_id\":5}}\n", START.0));
    fs::remove_file(&ledger).unwrap();
    store.forget_message(GROUP, MessageId(1), LATER).await.unwrap();
    let lines = fs::read_to_string(&ledger).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.ends_with("\"chat_id\":-10,\"message_id\":1}\n"), "{lines}");
}

fn packed(place: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = place.path().join(name);
    let mut packer = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap();
    path
}

fn database(place: &TempDir, name: &str, sql: &str) -> PathBuf {
    let path = place.path().join(name);
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

/// The database inside a backup, changed.
fn changed(place: &TempDir, backup: &Path, name: &str, sql: &str) -> PathBuf {
    let path = place.path().join(name);
    std::io::copy(&mut GzDecoder::new(File::open(backup).unwrap()), &mut File::create(&path).unwrap()).unwrap();
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

#[tokio::test(start_paused = true)]
async fn each_wrong_file_is_told_in_its_own_words_and_changes_nothing() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    talk(&store, (1..300).map(|id| message(GROUP, id, 5, START)).collect(), false).await;
    let backup = store.back_up(START).await.unwrap();
    store.close().await;
    let whole = fs::read(&backup).unwrap();
    let strange = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = strange.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] = !flipped[middle];
    let mut torn = fs::read(changed(&strange, &backup, "torn", "")).unwrap();
    let half = torn.len() / 2 / 4096 * 4096;
    torn[half..half + 4096].fill(7);
    let newer = "UPDATE schema_generation SET generation = 99";
    let cases = [
        (strange.path().join("none.db.gz"), "there is no file"),
        (write("cut.db.gz", &whole[..whole.len() / 2]), "is cut off"),
        (write("flipped.db.gz", &flipped), "is damaged"),
        (packed(&strange, "torn.db.gz", &torn), "is damaged"),
        (write("notes.txt", b"not a backup at all"), "there is no database in it"),
        (packed(&strange, "notes.gz", b"not a backup at all"), "there is no database in it"),
        (write("empty", b""), "there is no database in it"),
        (database(&strange, "others.db", "CREATE TABLE notes (x)"), "another program"),
        (changed(&strange, &backup, "newer.db", newer), "has schema generation 99"),
        (changed(&strange, &backup, "live.db", "DELETE FROM facts WHERE name = 'backup_at'"), "but no backup of it"),
    ];
    let before = rows(&file(&place));
    for (file, expected) in &cases {
        let error = restore_to(&place, file, true).unwrap_err();
        assert!(error.to_string().contains(expected), "{}: {error}", file.display());
        assert!(error.to_string().contains("; "), "it says what to do: {error}");
    }
    assert_eq!(rows(&file(&place)), before);
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("restore")), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_database_is_replaced_only_when_told_so_and_by_nobody_while_it_is_open() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    let backup = store.back_up(START).await.unwrap();
    let error = restore_to(&place, &backup, true).unwrap_err();
    assert!(error.to_string().contains("is in use") && error.to_string().contains("stop both replicas"), "{error}");
    store.close().await;
    let error = restore_to(&place, &backup, false).unwrap_err();
    assert!(error.to_string().contains("--force"), "{error}");
    restore_to(&place, &backup, true).unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_opens_a_database_that_is_being_restored() {
    let place = TempDir::new().unwrap();
    open(&place).await.close().await;
    let restoring = File::open(place.path().join("store.lock")).unwrap();
    restoring.lock().unwrap();
    let error = SqliteStore::open(options(place.path()), &Shutdown::new()).await.unwrap_err();
    assert!(error.to_string().contains("is being restored"), "{error}");
    drop(restoring);
    open(&place).await;
}

#[tokio::test(start_paused = true)]
async fn a_damaged_database_and_its_log_are_kept_as_they_are() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    let backup = store.back_up(START).await.unwrap();
    store.close().await;
    fs::write(file(&place), b"SQLite format 3\0 and nothing more").unwrap();
    fs::write(place.path().join("gryag.db-wal"), b"a log").unwrap();
    let restored = restore_to(&place, &backup, true).unwrap();
    assert_eq!(restored.missing, None, "nobody can tell");
    let kept = restored.kept.unwrap();
    assert_eq!(fs::read(&kept).unwrap(), b"SQLite format 3\0 and nothing more");
    open(&place).await.back_up(LATER).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_is_not_whole_replaces_none_that_is() {
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    talk(&store, (1..2_000).map(|id| message(GROUP, id, 5, START)).collect(), false).await;
    store.back_up(START).await.unwrap();
    let good = backups(&place);
    store.close().await;
    // The page at which the messages begin is lost.
    let whole = fs::read(file(&place)).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'messages'";
    let page: i64 = Connection::open(file(&place)).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    let page = usize::try_from(page).unwrap();
    let mut torn = whole.clone();
    torn[(page - 1) * 4096..page * 4096].fill(0);
    fs::write(file(&place), &torn).unwrap();
    let store = open(&place).await;
    store.back_up(START + Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(backups(&place), good);
    store.close().await;

    fs::write(file(&place), &whole).unwrap();
    let full = SqliteOptions { free_disk: Arc::new(|_| Ok(1_000_000)), ..options(place.path()) };
    let store = SqliteStore::open(full, &Shutdown::new()).await.unwrap();
    let error = store.back_up(START + Duration::from_secs(60)).await.unwrap_err();
    assert!(error.to_string().contains("MB of free disk"), "{error}");
    assert_eq!(backups(&place), good);
    store.close().await;

    // What a killed process has left goes with the next one; a good one of the same hour is replaced.
    fs::write(place.path().join("backups/gryag-20260921T141320Z.db.gz.db.partial"), b"half").unwrap();
    open(&place).await.back_up(START + Duration::from_secs(60)).await.unwrap();
    assert_eq!(backups(&place), ["gryag-20260921T141420Z.db.gz"]);
}

/// A database of the generation before, with its sample data.
fn old_place() -> TempDir {
    let place = TempDir::new().unwrap();
    let mut connection = Connection::open(file(&place)).unwrap();
    let sql = fs::read_to_string("migrations/sqlite/V1__spine.sql").unwrap();
    let migration = refinery::Migration::unapplied("V1__spine", &sql).unwrap();
    refinery::Runner::new(&[migration]).run(&mut connection).unwrap();
    connection.execute_batch(&fs::read_to_string("tests/fixtures/schema/V1.sql").unwrap()).unwrap();
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_find_an_old_database_one_makes_a_backup_and_migrates() {
    let place = old_place();
    let stores = futures_util::future::join_all((0..4).map(|_| open(&place))).await;
    let made = backups(&place);
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(made[0].ends_with(&format!("-before-v{}.db.gz", sqlite::GENERATION)), "{made:?}");
    for store in &stores {
        store.close().await;
    }
    // Without room for it nothing is migrated.
    let poor = old_place();
    let full = SqliteOptions { free_disk: Arc::new(|_| Ok(0)), ..options(poor.path()) };
    SqliteStore::open(full, &Shutdown::new()).await.unwrap_err();
    let sql = "SELECT generation FROM schema_generation";
    assert_eq!(Connection::open(file(&poor)).unwrap().query_row(sql, [], |row| row.get(0)), Ok(1));
    // An old backup becomes a database of today, in which nothing old is said.
    let elsewhere = TempDir::new().unwrap();
    let backup = place.path().join("backups").join(&made[0]);
    let restored = restore_to(&elsewhere, &backup, false).unwrap();
    assert_eq!((restored.expired_updates, restored.expired_sends), (2, 2));
    assert_eq!(open(&elsewhere).await.message(GROUP, MessageId(1)).await.unwrap().unwrap().text, "привіт");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_start_makes_no_backup() {
    let place = TempDir::new().unwrap();
    open(&place).await.close().await;
    open(&place).await.close().await;
    assert!(!place.path().join("backups").exists());
}

#[tokio::test(start_paused = true)]
async fn who_else_is_on_the_machine_cannot_read_a_backup() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = TempDir::new().unwrap();
    let store = open(&place).await;
    let backup = store.back_up(START).await.unwrap();
    store.forget_person(UserId(5), None, START).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&backup), mode(&place.path().join("backups"))), (0o600, 0o700));
    assert_eq!(mode(&place.path().join("backups/deletions.jsonl")), 0o600);
}

//! The store under faults: a slow disk, a full one, a failing one, a damaged file, a second process.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    cell::RefCell,
    collections::HashSet,
    fs,
    io::{self, Seek as _, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use gryag::{
    clock::{Clock, SystemClock},
    domain::{
        Author, AuthorKind, Chat, ChatId, ChatKind, Lane, LaneKind, Message, MessageId, OutgoingKind, RequestId,
        RichText, Timestamp, UpdateKey, UserId,
    },
    shutdown::Shutdown,
    storage::{
        Admission, Claim, ClaimRequest, FinishedTurn, InboxStore as _, MemoryStore as _, NewOutgoing, NewUpdate,
        OutboxStore as _, SharedStore as _, StorageError, StoreHealth,
        sqlite::{FILE_NAME, SqliteOptions, SqliteStore},
    },
    telemetry::Metrics,
};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

fn options(place: &Path) -> SqliteOptions {
    SqliteOptions::new(place, Arc::new(SystemClock), Metrics::new())
}

async fn open(options: SqliteOptions) -> SqliteStore {
    SqliteStore::open(options, &Shutdown::new()).await.unwrap()
}

fn update(key: i64, chat: i64) -> NewUpdate {
    NewUpdate {
        key: UpdateKey(key),
        lane: Lane { chat: ChatId(chat), topic: None, kind: LaneKind::Talk },
        kind: "message",
        body: Bytes::from_static(b"{}"),
        received_at: SystemClock.now(),
        request_id: RequestId("request".to_owned()),
        unusable: None,
    }
}

fn request(owner: &str) -> ClaimRequest {
    let lease = Duration::from_secs(20);
    ClaimRequest { owner: owner.to_owned(), lease, talk_max: 10, express_max: 0, rows_max: 50, suspects_max: 9 }
}

fn group() -> Chat {
    Chat { id: ChatId(-10), kind: ChatKind::Group, title: None }
}

fn message(id: i64, text: &str) -> Message {
    Message {
        chat: group(),
        topic: None,
        id: MessageId(id),
        author: Author { kind: AuthorKind::Person, id: UserId(5), name: "Оля".to_owned(), username: None },
        text: text.to_owned(),
        media: None,
        reply_to: None,
        quote: None,
        forwarded_from: None,
        album: None,
        sent_at: Timestamp(0),
        edited_at: None,
    }
}

fn answered() -> FinishedTurn {
    let (expires_at, request_id) = (SystemClock.now() + Duration::from_secs(600), RequestId("request".to_owned()));
    let parts = vec![RichText::plain("привіт")];
    let says = NewOutgoing::new(OutgoingKind::Answer, group(), parts, expires_at, request_id);
    FinishedTurn { remembered: vec![message(1, "привіт")], says: Some(says), ..FinishedTurn::default() }
}

async fn claim_one(store: &SqliteStore, owner: &str) -> Claim {
    store.claim(request(owner)).await.unwrap().claims.pop().expect("a lane is due")
}

/// Makes commits fail while it is set.
fn failing_commits(options: &mut SqliteOptions) -> Arc<AtomicBool> {
    let fails = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&fails);
    options.commit_fault = Some(Arc::new(move || {
        if asked.load(Ordering::Relaxed) {
            return Err(StorageError::Disk { doing: "COMMIT", detail: "injected".to_owned() });
        }
        Ok(())
    }));
    fails
}

/// Blocks this thread.
#[expect(clippy::disallowed_methods, reason = "a slow disk and the control beat block their own threads")]
fn block(time: Duration) {
    std::thread::sleep(time);
}

/// The longest gap of a beat on a thread of its own: what the machine itself does to everybody.
fn machine_beat(stop: Arc<AtomicBool>) -> std::thread::JoinHandle<Duration> {
    std::thread::spawn(move || {
        let mut longest = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            let beat = Instant::now();
            block(Duration::from_millis(1));
            longest = longest.max(beat.elapsed());
        }
        longest
    })
}

/// The longest gap of a beat on the runtime.
async fn runtime_beat(stop: Arc<AtomicBool>) -> Duration {
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let beat = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        longest = longest.max(beat.elapsed());
    }
    longest
}

/// A thousand writes at once; the longest gaps of the runtime's beat and of the machine's.
async fn gaps_of_a_thousand_writes(store: &SqliteStore, first_key: i64) -> (Duration, Duration) {
    let (tasks, stop) = (Shutdown::new(), Arc::new(AtomicBool::new(false)));
    let machine = machine_beat(Arc::clone(&stop));
    let runtime = tasks.spawn(runtime_beat(Arc::clone(&stop)));
    let writes = (first_key..first_key + 1_000).map(|key| {
        let store = store.clone();
        tasks.spawn(async move { store.admit(update(key, -key % 50)).await })
    });
    let admissions = join_all(writes).await;
    stop.store(true, Ordering::Relaxed);
    assert!(admissions.into_iter().all(|admission| admission.unwrap() == Ok(Admission::New)));
    (runtime.await.unwrap(), machine.join().unwrap())
}

/// Real time, for it is about the runtime's threads. It has one: with two, one could be blocked and nobody would see.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn b12_the_store_slowed_to_200_ms_a_commit_and_1000_writes_leave_no_gap_over_20_ms_in_a_heartbeat() {
    let place = TempDir::new().unwrap();
    let commits = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&commits);
    let mut options = options(place.path());
    options.call_limit = Duration::from_secs(60);
    options.commit_fault = Some(Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        block(Duration::from_millis(200));
        Ok(())
    }));
    let store = open(options).await;
    // What the store does to the runtime it does every time; what a loaded machine does, only sometimes.
    let mut seen = Vec::new();
    for round in 0..6 {
        commits.store(0, Ordering::Relaxed);
        let (runtime, machine) = gaps_of_a_thousand_writes(&store, round * 1_000).await;
        let commits = commits.load(Ordering::Relaxed);
        assert!((4..30).contains(&commits), "1000 writes took {commits} commits");
        seen.push((runtime, machine));
        if runtime <= Duration::from_millis(20) + machine {
            return;
        }
    }
    panic!("gaps in the runtime and in the machine: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_finish_whose_commit_fails_leaves_nothing_and_can_be_repeated() {
    let place = TempDir::new().unwrap();
    let mut options = options(place.path());
    let fails = failing_commits(&mut options);
    let store = open(options).await;
    store.admit(update(1, -10)).await.unwrap();
    let claim = claim_one(&store, "a").await;
    fails.store(true, Ordering::Relaxed);
    store.finish(claim.claim, answered(), SystemClock.now()).await.unwrap_err();
    assert_eq!(store.message(ChatId(-10), MessageId(1)).await.unwrap(), None);
    assert!(store.outbox_counts().await.unwrap().is_empty());
    assert_eq!(store.inbox_depth().await.unwrap().waiting, 1);
    assert_eq!(store.health(), StoreHealth::Unwritable);
    fails.store(false, Ordering::Relaxed);
    store.finish(claim.claim, answered(), SystemClock.now()).await.unwrap();
    assert_eq!(store.inbox_depth().await.unwrap().waiting, 0);
    assert_eq!(store.outbox_counts().await.unwrap(), [("ready".to_owned(), 1)]);
    assert_eq!(store.health(), StoreHealth::Good);
}

#[tokio::test]
async fn a_finish_whose_commit_was_not_heard_of_is_found_recorded() {
    let place = TempDir::new().unwrap();
    let slow = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&slow);
    let limit = Duration::from_secs(3);
    let fault = move || {
        if asked.swap(false, Ordering::Relaxed) {
            block(limit * 3 / 2);
        }
        Ok(())
    };
    let options = SqliteOptions { call_limit: limit, commit_fault: Some(Arc::new(fault)), ..options(place.path()) };
    let store = open(options).await;
    store.admit(update(1, -10)).await.unwrap();
    let claim = claim_one(&store, "a").await;
    slow.store(true, Ordering::Relaxed);
    let unheard = store.finish(claim.claim, answered(), SystemClock.now()).await;
    assert!(matches!(unheard, Err(StorageError::Deadline { .. })), "{unheard:?}");
    let again = loop {
        match store.finish(claim.claim, answered(), SystemClock.now()).await {
            Err(StorageError::Deadline { .. }) => {}
            ended => break ended.unwrap(),
        }
    };
    assert!(again.was_recorded);
    assert_eq!(store.outbox_counts().await.unwrap(), [("ready".to_owned(), 1)]);
    assert_eq!(store.inbox_depth().await.unwrap().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_raw_body_is_gone_from_the_disk_when_its_turn_has_ended() {
    const CANARY: &[u8] = b"a canary of some length, for it must not be found by chance";
    let place = TempDir::new().unwrap();
    let on_disk = || {
        // The log goes when the last connection is closed, which may be just now.
        let read = |entry: io::Result<fs::DirEntry>| fs::read(entry.unwrap().path()).unwrap_or_default();
        fs::read_dir(place.path())
            .unwrap()
            .map(read)
            .any(|file| file.windows(CANARY.len()).any(|window| window == CANARY))
    };
    let store = open(options(place.path())).await;
    store.admit(NewUpdate { body: Bytes::from_static(CANARY), ..update(1, -10) }).await.unwrap();
    assert!(on_disk(), "while it waits");
    let claim = claim_one(&store, "a").await;
    store.finish(claim.claim, FinishedTurn::default(), SystemClock.now()).await.unwrap();
    store.close().await;
    assert!(!on_disk(), "neither in the file nor in its log");
    let store = open(options(place.path())).await;
    assert_eq!(store.admit(update(1, -10)).await, Ok(Admission::Duplicate), "its key is kept");
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_commit_failed_is_new_when_it_comes_again() {
    let place = TempDir::new().unwrap();
    let mut options = options(place.path());
    let fails = failing_commits(&mut options);
    let store = open(options).await;
    fails.store(true, Ordering::Relaxed);
    let refused = join_all((0..20).map(|key| store.admit(update(key, -10)))).await;
    assert!(refused.iter().all(Result::is_err), "nobody hears 200");
    fails.store(false, Ordering::Relaxed);
    let again = join_all((0..20).map(|key| store.admit(update(key, -10)))).await;
    assert!(again.iter().all(|admission| *admission == Ok(Admission::New)));
}

#[tokio::test(start_paused = true)]
async fn a_nearly_full_disk_refuses_updates_and_finishes_what_it_has() {
    let place = TempDir::new().unwrap();
    let free = Arc::new(AtomicU64::new(1_000_000));
    let told = Arc::clone(&free);
    let mut options = options(place.path());
    let metrics = options.metrics.clone();
    options.free_disk_min_bytes = 1_000_000;
    options.free_disk = Arc::new(move |_| Ok(told.load(Ordering::Relaxed)));
    let store = open(options).await;
    store.admit(update(1, -10)).await.unwrap();
    let claim = claim_one(&store, "a").await;

    free.store(999_999, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(store.admit(update(2, -10)).await, Err(StorageError::DiskFull));
    assert_eq!(store.health(), StoreHealth::Unwritable);
    assert!(metrics.render().contains("gryag_store_writable 0"));
    store.finish(claim.claim, answered(), SystemClock.now()).await.unwrap();
    assert!(store.message(ChatId(-10), MessageId(1)).await.unwrap().is_some(), "reads go on");

    free.store(1_000_000, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(store.admit(update(2, -10)).await, Ok(Admission::New));
    assert_eq!(store.health(), StoreHealth::Good);
    assert!(metrics.render().contains("gryag_store_writable 1"));
}

#[tokio::test(start_paused = true)]
async fn the_free_space_is_that_of_the_data_directory() {
    let place = TempDir::new().unwrap();
    let free = (options(place.path()).free_disk)(place.path()).unwrap();
    assert!(free > 1_000_000, "{free} bytes");
    (options(place.path()).free_disk)(&place.path().join("absent")).unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn an_inbox_that_is_full_refuses_until_it_is_worked_off() {
    let place = TempDir::new().unwrap();
    let mut options = options(place.path());
    options.inbox_max = 5;
    let store = open(options).await;
    for key in 0..5 {
        store.admit(update(key, -10)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(store.admit(update(9, -10)).await, Err(StorageError::InboxFull { waiting: 5 }));
    let claim = claim_one(&store, "a").await;
    store.finish(claim.claim, FinishedTurn::default(), SystemClock.now()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(store.admit(update(9, -10)).await, Ok(Admission::New));
}

thread_local! {
    /// Everything that was logged on this thread: that of one test, for its runtime has no other.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ThreadLog;

impl ThreadLog {
    /// For all tests of this process: a subscriber of one thread would miss what another thread met first.
    fn begin() {
        let _ = tracing_subscriber::fmt().with_writer(|| Self).try_init();
    }

    fn text() -> String {
        LOG.with_borrow(|log| String::from_utf8(log.clone()).unwrap())
    }
}

impl io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A store with a thousand messages, of which nothing is in any connection's cache, and whose file is damaged in
/// everything but its first pages.
async fn damaged_store(metrics: &Metrics) -> (TempDir, SqliteStore) {
    let place = TempDir::new().unwrap();
    let store = open(options(place.path())).await;
    store.admit(update(1, -10)).await.unwrap();
    let claim = claim_one(&store, "a").await;
    let remembered = (0..1_000).map(|id| message(id, &"слово ".repeat(40))).collect();
    let turn = FinishedTurn { remembered, ..FinishedTurn::default() };
    store.finish(claim.claim, turn, SystemClock.now()).await.unwrap();
    store.close().await;

    let store = open(SqliteOptions { metrics: metrics.clone(), ..options(place.path()) }).await;
    store.checkpoint().await.unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(place.path().join(FILE_NAME)).unwrap();
    let length = file.metadata().unwrap().len();
    let kept = 80 * 4_096;
    assert!(length > 2 * kept, "{length} bytes");
    file.seek(io::SeekFrom::Start(kept)).unwrap();
    file.write_all(&vec![0xA5; usize::try_from(length - kept).unwrap()]).unwrap();
    // Closing it would take SQLite's locks on the file along; in another process nobody would.
    std::mem::forget(file);
    (place, store)
}

#[tokio::test(start_paused = true)]
async fn damage_found_by_a_read_stops_writing_and_says_what_to_do() {
    ThreadLog::begin();
    let metrics = Metrics::new();
    let (_place, store) = damaged_store(&metrics).await;
    assert_eq!(store.health(), StoreHealth::Good, "nobody has noticed");
    assert_eq!(store.admit(update(2, -10)).await, Ok(Admission::New));

    let found = join_all((0..1_000).map(|id| store.message(ChatId(-10), MessageId(id)))).await;
    assert!(found.iter().any(|found| matches!(found, Err(StorageError::Corrupt { .. }))));
    assert_eq!(store.health(), StoreHealth::Corrupt);
    assert!(matches!(store.admit(update(3, -10)).await, Err(StorageError::Corrupt { .. })), "503, not 200");
    assert!(matches!(store.set_fact("bot", String::new()).await, Err(StorageError::Corrupt { .. })));
    let log = ThreadLog::text();
    assert_eq!(log.matches("gryag restore").count(), 1, "said once: {log}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(metrics.render().contains("gryag_store_writable 0"));
    store.close().await;
}

#[tokio::test(start_paused = true)]
async fn damage_found_by_a_check_stops_writing() {
    let (_place, store) = damaged_store(&Metrics::new()).await;
    assert!(matches!(store.check().await, Err(StorageError::Corrupt { .. })));
    assert_eq!(store.health(), StoreHealth::Corrupt);
    assert!(matches!(store.admit(update(3, -10)).await, Err(StorageError::Corrupt { .. })));
}

#[tokio::test(start_paused = true)]
async fn damage_found_by_a_write_stops_writing() {
    let (_place, store) = damaged_store(&Metrics::new()).await;
    let claim = claim_one_after(&store, 2).await;
    let remembered = (0..1_000).map(|id| message(id, "новий текст")).collect();
    let turn = FinishedTurn { remembered, ..FinishedTurn::default() };
    let ended = store.finish(claim.claim, turn, SystemClock.now()).await;
    assert!(matches!(ended, Err(StorageError::Corrupt { .. })), "{ended:?}");
    assert_eq!(store.health(), StoreHealth::Corrupt);
}

async fn claim_one_after(store: &SqliteStore, key: i64) -> Claim {
    store.admit(update(key, -10)).await.unwrap();
    claim_one(store, "a").await
}

/// Takes lanes until all of `rows` updates are done; returns those that this one did.
async fn work_off(store: &SqliteStore, owner: &str, done: &AtomicU64, rows: u64) -> Vec<i64> {
    let mut mine = Vec::new();
    while done.load(Ordering::Relaxed) < rows {
        for claim in store.claim(request(owner)).await.unwrap().claims {
            let keys: Vec<i64> = claim.updates.iter().map(|update| update.key.0).collect();
            store.finish(claim.claim, FinishedTurn::default(), SystemClock.now()).await.unwrap();
            done.fetch_add(keys.len() as u64, Ordering::Relaxed);
            mine.extend(keys);
        }
    }
    mine
}

/// Real time: two writers wait for each other's locks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_share_the_work_and_lose_nothing() {
    const ROWS: i64 = 600;
    let place = TempDir::new().unwrap();
    let stores = [open(options(place.path())).await, open(options(place.path())).await];
    // Every update is delivered to both.
    let admit = async |store: &SqliteStore| {
        let admissions = join_all((0..ROWS).map(|key| store.admit(update(key, -key % 20)))).await;
        admissions.into_iter().filter(|admission| *admission.as_ref().unwrap() == Admission::New).count()
    };
    let done = AtomicU64::new(0);
    let (one, two, mine, theirs) = tokio::join!(
        admit(&stores[0]),
        admit(&stores[1]),
        work_off(&stores[0], "one", &done, ROWS.unsigned_abs()),
        work_off(&stores[1], "two", &done, ROWS.unsigned_abs()),
    );
    assert_eq!(one + two, ROWS.unsigned_abs() as usize, "each update was new once");
    let all: Vec<i64> = mine.iter().chain(&theirs).copied().collect();
    assert_eq!(all.len(), ROWS.unsigned_abs() as usize, "and handled once");
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), ROWS.unsigned_abs() as usize);
    assert_eq!(stores[0].inbox_depth().await.unwrap().waiting, 0);
    stores[1].check().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_other_stores_commit_rings_the_bell_within_100_ms() {
    let place = TempDir::new().unwrap();
    let (one, two) = (open(options(place.path())).await, open(options(place.path())).await);
    let bell = two.bell();
    let quiet = async || {
        let ring = async {
            tokio::select! { () = bell.inbox() => {}, () = bell.outbox() => {} }
        };
        timeout(Duration::from_secs(2), ring).await.is_err()
    };
    while !quiet().await {}
    assert!(quiet().await, "an idle neighbour is not heard");
    for key in 0..20 {
        one.admit(update(key, -10)).await.unwrap();
        // What it means is not known, so both are rung: one after the other, from the writer's thread.
        timeout(Duration::from_millis(101), async { tokio::join!(bell.inbox(), bell.outbox()) })
            .await
            .unwrap_or_else(|_| panic!("update {key} was not heard"));
        tokio::time::sleep(Duration::from_millis(u64::try_from(key * 7).unwrap())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_admitted_is_there_for_the_other_and_after_a_crash() {
    let place = TempDir::new().unwrap();
    let one = open(options(place.path())).await;
    let two = open(options(place.path())).await;
    one.admit(update(1, -10)).await.unwrap();
    assert_eq!(two.admit(update(1, -10)).await, Ok(Admission::Duplicate));
    let claim = claim_one(&two, "two").await;
    assert!(one.claim(request("one")).await.unwrap().claims.is_empty(), "the lane is taken");
    drop((one, two));
    let three = open(options(place.path())).await;
    assert_eq!(three.inbox_depth().await.unwrap().waiting, 1);
    three.finish(claim.claim, answered(), SystemClock.now()).await.unwrap();
    assert_eq!(three.outbox_counts().await.unwrap(), [("ready".to_owned(), 1)]);
}

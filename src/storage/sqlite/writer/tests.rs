//! Group commit, and what breaks it.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize},
};

use deadpool_sqlite::rusqlite::Connection;
use futures_util::{FutureExt as _, future::join_all};
use tempfile::TempDir;

use super::{
    super::{SqliteStore, shared::set_fact},
    task::{BATCH, PRESS, WATCH},
    *,
};
use crate::{
    clock::SystemClock,
    storage::{
        SharedStore as _,
        sqlite::{codes::storage_error, connect::interrupt_at},
    },
    telemetry::Metrics,
};

mod press;
mod synced;
mod taking;

use self::taking::taking;

/// A store whose commits are counted and can be made to fail.
struct World {
    store: SqliteStore,
    commits: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
    metrics: Metrics,
    place: TempDir,
}

async fn world() -> World {
    world_with(|_| {}).await
}

async fn world_with(change: impl FnOnce(&mut SqliteOptions)) -> World {
    let place = TempDir::new().unwrap();
    let (commits, fails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let metrics = Metrics::new();
    let mut options = SqliteOptions::new(place.path(), Arc::new(SystemClock), metrics.clone());
    let (counted, failing) = (Arc::clone(&commits), Arc::clone(&fails));
    options.commit_fault = Some(Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        if failing.load(Ordering::Relaxed) {
            return Err(StorageError::Disk { doing: "COMMIT", detail: "injected".to_owned() });
        }
        Ok(())
    }));
    change(&mut options);
    let store = SqliteStore::open(options, &Shutdown::new()).await.unwrap();
    commits.store(0, Ordering::Relaxed);
    World { store, commits, fails, metrics, place }
}

impl World {
    /// Stores a fact, then ends as it is told.
    async fn piece(&self, name: &'static str, end: Result<(), StorageError>) -> Result<(), StorageError> {
        self.work(Priority::Other, move |tx| set_fact(tx, name, "stored").and(end)).await
    }

    async fn work<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.store.write("testing", priority, Rings::BOTH, work).await
    }

    async fn stored(&self, name: &'static str) -> bool {
        self.store.fact(name).await.unwrap().is_some()
    }
}

/// Stores a fact with others, without a savepoint of its own, then ends as it is told.
async fn together(world: &World, name: &'static str, end: Result<(), StorageError>) -> Result<(), StorageError> {
    let work = move |tx: &Connection| set_fact(tx, name, "stored").and(end.clone());
    world.store.write_repeatable("testing", Priority::Admission, Rings::INBOX, work).await
}

fn mistake() -> StorageError {
    StorageError::Backend { doing: "testing", detail: "a mistake".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn writes_that_wait_together_share_a_commit() {
    let world = world().await;
    let writes = join_all(
        (0..200).map(|number| world.work(Priority::Other, move |tx| set_fact(tx, &format!("fact {number}"), "x"))),
    )
    .await;
    assert!(writes.iter().all(Result::is_ok));
    let commits = world.commits.load(Ordering::Relaxed);
    assert!(commits <= 2, "200 writes took {commits} commits");
}

#[tokio::test(start_paused = true)]
async fn a_failing_piece_rolls_back_alone() {
    let world = world().await;
    let (before, failing, after) = tokio::join!(
        world.piece("before", Ok(())),
        world.piece("failing", Err(mistake())),
        world.piece("after", Ok(()))
    );
    assert_eq!((before, failing, after), (Ok(()), Err(mistake()), Ok(())));
    assert_eq!(world.commits.load(Ordering::Relaxed), 1, "they shared a commit");
    assert!(world.stored("before").await && world.stored("after").await && !world.stored("failing").await);
    assert_eq!(world.store.health(), StoreHealth::Good, "one mistake is not the disk's");
}

#[tokio::test(start_paused = true)]
async fn a_failing_piece_of_those_without_savepoints_rolls_back_alone() {
    let world = world().await;
    let (before, failing, after, other) = tokio::join!(
        together(&world, "before", Ok(())),
        together(&world, "failing", Err(mistake())),
        together(&world, "after", Ok(())),
        world.piece("other", Ok(()))
    );
    assert_eq!((before, failing, after, other), (Ok(()), Err(mistake()), Ok(()), Ok(())));
    assert_eq!(world.commits.load(Ordering::Relaxed), 1, "they shared a commit");
    for name in ["before", "after", "other"] {
        assert!(world.stored(name).await, "{name}");
    }
    assert!(!world.stored("failing").await);
}

#[tokio::test(start_paused = true)]
async fn a_panic_among_those_without_savepoints_hurts_nobody_else() {
    let world = world().await;
    let panicking = world.store.write_repeatable("testing", Priority::Admission, Rings::INBOX, |tx| {
        set_fact(tx, "panicking", "x")?;
        assert!(tx.is_autocommit(), "on purpose");
        Ok(())
    });
    let (before, panicked) = tokio::join!(together(&world, "before", Ok(())), panicking);
    assert_eq!(before, Ok(()));
    assert!(matches!(panicked, Err(StorageError::Backend { .. })), "{panicked:?}");
    assert!(world.stored("before").await && !world.stored("panicking").await);
}

#[tokio::test(start_paused = true)]
async fn a_failing_commit_fails_all_of_its_waiters_and_stores_nothing() {
    let world = world().await;
    let bell = world.store.bell();
    world.fails.store(true, Ordering::Relaxed);
    // Whoever was called to come along was called before the commit.
    let piece = |name| {
        let bell = bell.clone();
        world.work(Priority::Other, move |tx| {
            while bell.inbox().now_or_never().is_some() {}
            set_fact(tx, name, "stored")
        })
    };
    let (one, two) = tokio::join!(piece("one"), piece("two"));
    assert!(matches!((one, two), (Err(StorageError::Disk { .. }), Err(StorageError::Disk { .. }))));
    assert!(!world.stored("one").await && !world.stored("two").await);
    assert_eq!(world.store.health(), StoreHealth::Unwritable);
    assert!(world.metrics.render().contains("gryag_store_writable 0"));
    assert!(bell.inbox().now_or_never().is_none(), "nobody is called for work that is not there");

    world.fails.store(false, Ordering::Relaxed);
    world.piece("one", Ok(())).await.unwrap();
    assert!(world.stored("one").await);
    assert_eq!(world.store.health(), StoreHealth::Good, "it recovers by itself");
    assert!(world.metrics.render().contains("gryag_store_writable 1"));
    assert!(bell.inbox().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_panicking_piece_hurts_nobody_else() {
    let world = world().await;
    let panicking = world.work(Priority::Other, |tx| -> Result<(), StorageError> {
        set_fact(tx, "panicking", "x")?;
        panic!("on purpose");
    });
    let (before, panicked, after) =
        tokio::join!(world.piece("before", Ok(())), panicking, world.piece("after", Ok(())));
    assert_eq!((before, after), (Ok(()), Ok(())));
    assert!(matches!(panicked, Err(StorageError::Backend { .. })), "{panicked:?}");
    assert!(world.stored("before").await && world.stored("after").await && !world.stored("panicking").await);
    world.piece("later", Ok(())).await.unwrap();
}

/// Runs three pieces in one batch; the second one breaks the transaction.
async fn broken_by<T: Send + 'static>(
    world: &World,
    breaks: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
) -> StorageError {
    let (before, broken, after) =
        tokio::join!(world.piece("before", Ok(())), world.work(Priority::Other, breaks), world.piece("after", Ok(())));
    let error = broken.err().unwrap();
    assert_eq!((&before, &after), (&Err(error.clone()), &Err(error.clone())), "all hear what broke their batch");
    assert!(!world.stored("before").await, "it was rolled back");
    assert!(!world.stored("after").await, "nothing is committed behind the batch's back");
    error
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_sqlite_rolled_back_takes_its_whole_batch_along() {
    let world = world().await;
    let rolled_back = |tx: &Connection| -> Result<(), StorageError> {
        tx.execute_batch("ROLLBACK").unwrap();
        Err(StorageError::DiskFull)
    };
    assert_eq!(broken_by(&world, rolled_back).await, StorageError::DiskFull);
    assert_eq!(world.store.health(), StoreHealth::Unwritable);
    world.piece("later", Ok(())).await.unwrap();
    assert_eq!(world.store.health(), StoreHealth::Good);
}

const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";

#[tokio::test(start_paused = true)]
async fn an_interrupted_write_takes_its_whole_batch_along() {
    let world = world().await;
    let too_long = |tx: &Connection| {
        interrupt_at(tx, Some(Instant::now()));
        tx.execute_batch(&format!("{ENDLESS} INSERT INTO facts SELECT i, i FROM n"))
            .map_err(|error| storage_error("testing", &error))
    };
    let error = broken_by(&world, too_long).await;
    assert!(matches!(error, StorageError::Deadline { .. }), "{error:?}");
    world.piece("later", Ok(())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn damage_found_by_a_write_stops_all_writing() {
    let world = world().await;
    let damage = || StorageError::Corrupt { detail: "a page".to_owned() };
    let error = broken_by(&world, move |_| -> Result<(), StorageError> { Err(damage()) }).await;
    assert_eq!(error, damage());
    assert_eq!(world.store.health(), StoreHealth::Corrupt);
    assert!(world.metrics.render().contains("gryag_store_writable 0"));
    let commits = world.commits.load(Ordering::Relaxed);
    assert!(matches!(world.piece("later", Ok(())).await, Err(StorageError::Corrupt { .. })));
    assert_eq!(world.commits.load(Ordering::Relaxed), commits);
    assert!(!world.stored("later").await, "reads go on");
}

#[tokio::test(start_paused = true)]
async fn what_already_waits_when_damage_is_found_is_refused() {
    let world = world().await;
    let damage = world.piece("damage", Err(StorageError::Corrupt { detail: "a page".to_owned() }));
    let waiting = join_all((0..BATCH).map(|_| world.piece("waiting", Ok(()))));
    let (_, waiting) = tokio::join!(damage, waiting);
    assert!(waiting.iter().all(|outcome| matches!(outcome, Err(StorageError::Corrupt { .. }))));
    assert!(!world.stored("waiting").await);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_leaves_room_for_admissions() {
    let world = world().await;
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let busy = world.work(Priority::Other, move |_| {
        let _ = begun.send(());
        may_go_on.recv().map_err(|_| mistake())
    });
    let rest = async {
        has_begun.await.unwrap();
        let mut others = std::pin::pin!(join_all((0..QUEUE + 10).map(|_| world.piece("other", Ok(())))));
        assert!(others.as_mut().now_or_never().is_none(), "they wait");
        let admission = world.work(Priority::Admission, |tx| set_fact(tx, "admission", "x"));
        tokio::join!(others, admission, async { go_on.send(()).unwrap() })
    };
    let (busy, (others, admission, ())) = tokio::join!(busy, rest);
    busy.unwrap();
    let refused = others.iter().filter(|outcome| **outcome == Err(StorageError::QueueFull { waiting: QUEUE }));
    assert_eq!(refused.count(), 10);
    assert_eq!(others.iter().filter(|outcome| outcome.is_ok()).count(), QUEUE);
    admission.unwrap();
}

#[tokio::test(start_paused = true)]
async fn admissions_go_first() {
    let world = world().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let work = |priority| {
        let order = Arc::clone(&order);
        world.work(priority, move |_| {
            order.lock().unwrap().push(priority);
            Ok(())
        })
    };
    let writes = join_all([Priority::Other, Priority::Admission, Priority::Other, Priority::Admission].map(work)).await;
    assert!(writes.iter().all(Result::is_ok));
    let order = order.lock().unwrap();
    assert_eq!(*order, [Priority::Admission, Priority::Admission, Priority::Other, Priority::Other]);
}

#[tokio::test]
async fn long_work_leaves_the_rest_to_the_next_batch_but_never_admissions() {
    let world = world().await;
    let long = |tx: &Connection| {
        let until = Instant::now() + Duration::from_millis(15);
        while Instant::now() < until {}
        set_fact(tx, "long", "stored")
    };
    let (one, admitted, two, found) = tokio::join!(
        world.work(Priority::Other, long),
        together(&world, "admitted", Ok(())),
        world.work(Priority::Other, long),
        taking(&world, "long"),
    );
    assert!(one.is_ok() && admitted.is_ok() && two.is_ok() && found);
    // More where the machine paused and a long piece was left over once more.
    assert!(world.commits.load(Ordering::Relaxed) >= 3, "each long piece, and then what takes up what they left");
}

#[tokio::test(start_paused = true)]
async fn work_whose_caller_gave_up_is_not_begun() {
    let world = world().await;
    let mut given_up = Box::pin(world.piece("given up", Ok(())));
    assert!(given_up.as_mut().now_or_never().is_none(), "it waits in the queue");
    drop(given_up);
    world.piece("other", Ok(())).await.unwrap();
    assert!(!world.stored("given up").await);
}

#[tokio::test(start_paused = true)]
async fn close_commits_what_waits_and_empties_the_log() {
    let world = world().await;
    let (waiting, ()) = tokio::join!(world.piece("waiting", Ok(())), world.store.close());
    waiting.unwrap();
    assert_eq!(world.piece("late", Ok(())).await, Err(StorageError::Closed));
    assert_eq!(world.store.health(), StoreHealth::WriterDead);
    let log = world.place.path().join("gryag.db-wal");
    assert_eq!(std::fs::metadata(&log).map_or(0, |log| log.len()), 0, "all of it is in the file");
    let connection = Connection::open(world.place.path().join("gryag.db")).unwrap();
    let stored: i64 = connection
        .query_row("SELECT COUNT(*) FROM facts WHERE name IN ('waiting', 'late')", [], |row| row.get(0))
        .unwrap();
    assert_eq!(stored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_may_not_grow_refuses_that_work_and_recovers() {
    let world = world().await;
    let limit = |pages: i64| {
        world.work(Priority::Other, move |tx| {
            tx.pragma_update(None, "max_page_count", pages).unwrap();
            Ok(())
        })
    };
    let large = |name: &'static str| world.work(Priority::Other, move |tx| set_fact(tx, name, &"x".repeat(200_000)));
    let pages: i64 = world
        .work(Priority::Other, |tx| Ok(tx.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap()))
        .await
        .unwrap();
    limit(pages + 4).await.unwrap();
    assert_eq!(large("large").await, Err(StorageError::DiskFull));
    assert_eq!(world.store.health(), StoreHealth::Unwritable);
    assert!(!world.stored("large").await, "reads go on");
    let (small, large_again) = tokio::join!(world.piece("small", Ok(())), large("large"));
    assert_eq!(large_again, Err(StorageError::DiskFull));
    if small.is_ok() {
        assert!(world.stored("small").await);
    }
    limit(1_000_000).await.unwrap();
    large("large").await.unwrap();
    assert_eq!(world.store.health(), StoreHealth::Good);
    world.store.check().await.unwrap();
}

/// Real time: the deadline of a query is judged while it runs.
#[tokio::test]
async fn queries_that_take_too_long_are_interrupted_and_the_pool_recovers() {
    let world = world().await;
    let started = Instant::now();
    let endless = || {
        world.store.read_within("counting without end", Duration::from_millis(100), |connection| {
            connection
                .query_row(&format!("{ENDLESS} SELECT COUNT(*) FROM n"), [], |row| row.get::<_, i64>(0))
                .map_err(|error| storage_error("counting without end", &error))
        })
    };
    let abandoned = join_all((0..20).map(|_| endless())).await;
    for outcome in abandoned {
        assert_eq!(outcome, Err(StorageError::Deadline { doing: "counting without end", limit_ms: 100 }));
    }
    assert!(!world.stored("nothing").await, "the next read is served");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(world.store.health(), StoreHealth::Good, "a slow query is no damage");
}

/// Real time: the load must not let the clock stand still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_writer_still_notices_that_the_disk_is_full() {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let told = Arc::clone(&free);
    let world = world_with(|options| options.free_disk = Arc::new(move |_| Ok(told.load(Ordering::Relaxed)))).await;
    let started = Instant::now();
    let busy = join_all((0..3 * BATCH).map(async |_| {
        while world.store.health() == StoreHealth::Good && started.elapsed() < Duration::from_secs(20) {
            world.work(Priority::Other, |_| Ok(())).await.unwrap();
            free.store(0, Ordering::Relaxed);
        }
    }));
    busy.await;
    assert_eq!(world.store.health(), StoreHealth::Unwritable);
}

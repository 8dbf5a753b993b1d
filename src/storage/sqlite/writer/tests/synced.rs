//! Which commits are synced, and what is done when a sync has failed.

use std::time::SystemTime;

use super::*;
use crate::{domain::Timestamp, storage::Heartbeat};

/// `synchronous`, and the log's pages from which on the commit moves it into the file.
type Level = (i64, i64);

const NORMAL: Level = (1, 0);
const FULL: Level = (2, 4000);

/// How the commit that a piece is in is done.
async fn level(world: &World, priority: Priority) -> Level {
    let read = |tx: &Connection| {
        let number = |name| tx.pragma_query_value(None, name, |row| row.get(0));
        Ok((number("synchronous")?, number("wal_autocheckpoint")?))
    };
    world.work(priority, move |tx| read(tx).map_err(|error| storage_error("testing", &error))).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_a_commit_of_nothing_but_fleeting_work_is_not_synced() {
    let world = world().await;
    world.piece("first", Ok(())).await.unwrap();
    assert_eq!(level(&world, Priority::Fleeting).await, NORMAL);
    let others = [Priority::Admission, Priority::Other, Priority::Taking(Rings::INBOX)];
    for other in others {
        assert_eq!(level(&world, other).await, FULL, "{other:?}");
        let commits = world.commits.load(Ordering::Relaxed);
        let levels = tokio::join!(level(&world, Priority::Fleeting), level(&world, other));
        assert_eq!((levels, world.commits.load(Ordering::Relaxed)), ((FULL, FULL), commits + 1), "with {other:?}");
        assert_eq!(level(&world, Priority::Fleeting).await, NORMAL, "after {other:?}");
    }
    let levels = tokio::join!(level(&world, Priority::Fleeting), level(&world, Priority::Fleeting));
    assert_eq!(levels, (NORMAL, NORMAL));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_is_fleeting_and_a_lease_is_not() {
    let world = world().await;
    world.piece("first", Ok(())).await.unwrap();
    let now = Timestamp(1_000);
    let heartbeat = Heartbeat { owner: "one".to_owned(), at: now, started_at: now, facts: "{}".to_owned() };
    let (beside, beaten) = tokio::join!(level(&world, Priority::Fleeting), world.store.beat(heartbeat));
    assert_eq!((beside, beaten), (NORMAL, Ok(())));
    let lease = world.store.lease("testing", "one", Duration::from_secs(60));
    let (beside, leased) = tokio::join!(level(&world, Priority::Fleeting), lease);
    assert_eq!((beside, leased), (FULL, Ok(true)));
    assert_eq!(world.commits.load(Ordering::Relaxed), 3);
}

/// The log's bytes, whose time of change is then forgotten.
fn log(world: &World) -> Vec<u8> {
    let path = world.place.path().join("gryag.db-wal");
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    std::fs::read(path).unwrap()
}

fn is_log_rewritten(world: &World) -> bool {
    let log = std::fs::metadata(world.place.path().join("gryag.db-wal")).unwrap();
    log.modified().unwrap() != SystemTime::UNIX_EPOCH
}

#[tokio::test(start_paused = true)]
async fn after_a_commit_that_failed_the_log_is_written_once_more_and_everything_is_synced() {
    let world = world().await;
    for name in ["one", "two", "three"] {
        world.piece(name, Ok(())).await.unwrap();
    }
    world.fails.store(true, Ordering::Relaxed);
    let before = log(&world);
    world.piece("failed", Ok(())).await.unwrap_err();
    assert!(!is_log_rewritten(&world));
    // It fails before anything of its own reaches the log.
    world.piece("failed again", Ok(())).await.unwrap_err();
    assert!(is_log_rewritten(&world));
    assert!(log(&world) == before, "with the same bytes");

    world.fails.store(false, Ordering::Relaxed);
    assert_eq!(level(&world, Priority::Fleeting).await, FULL, "its success says that the disk is well");
    assert_eq!(level(&world, Priority::Fleeting).await, NORMAL);
    for name in ["one", "two", "three"] {
        assert!(world.stored(name).await, "{name}");
    }
    world.store.check().await.unwrap();
}

/// An earlier process may have seen a failure, and Linux tells only once of it.
#[tokio::test(start_paused = true)]
async fn the_first_commit_of_a_process_writes_the_log_once_more() {
    let old = world().await;
    old.piece("old", Ok(())).await.unwrap();
    let mut options = SqliteOptions::new(old.place.path(), Arc::new(SystemClock), Metrics::new());
    // So that nothing of its own reaches the log.
    options.commit_fault = Some(Arc::new(|| Err(StorageError::DiskFull)));
    let before = log(&old);
    // The start checks that it can write.
    assert_eq!(SqliteStore::open(options, &Shutdown::new()).await.err(), Some(StorageError::DiskFull));
    assert!(is_log_rewritten(&old));
    assert!(log(&old) == before, "with the same bytes");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_cannot_be_written_once_more_refuses_everything_and_keeps_nobody_waiting() {
    let world = world().await;
    world.piece("before", Ok(())).await.unwrap();
    world.fails.store(true, Ordering::Relaxed);
    world.piece("failed", Ok(())).await.unwrap_err();
    world.fails.store(false, Ordering::Relaxed);
    let (path, aside) = (world.place.path().join("gryag.db-wal"), world.place.path().join("aside"));
    std::fs::rename(&path, &aside).unwrap();
    let commits = world.commits.load(Ordering::Relaxed);
    let refused = world.piece("refused", Ok(())).await;
    assert!(matches!(refused, Err(StorageError::Disk { .. })), "{refused:?}");
    assert_eq!((world.store.health(), world.commits.load(Ordering::Relaxed)), (StoreHealth::Unwritable, commits));
    std::fs::rename(&aside, &path).unwrap();
    world.piece("after", Ok(())).await.unwrap();
    assert!(world.stored("after").await && !world.stored("refused").await && !world.stored("failed").await);
    assert_eq!(world.store.health(), StoreHealth::Good);
}

/// Real time: the lock is waited for on a thread of its own.
#[tokio::test]
async fn work_that_could_not_begin_hears_why() {
    let world = world().await;
    let other = Connection::open(world.place.path().join("gryag.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let kept_out = world.piece("kept out", Ok(())).await;
    assert!(matches!(kept_out, Err(StorageError::Locked { .. })), "{kept_out:?}");
    other.execute_batch("ROLLBACK").unwrap();
    world.piece("after", Ok(())).await.unwrap();
    assert!(world.stored("after").await && !world.stored("kept out").await);
}

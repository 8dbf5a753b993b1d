//! Which commits are synced, and what is done when a sync has failed.

use super::*;
use crate::{domain::Timestamp, storage::Heartbeat};

const NORMAL: i64 = 1;
const FULL: i64 = 2;

/// The `synchronous` level of the commit that a piece is in.
async fn level(world: &World, priority: Priority) -> i64 {
    let read = |tx: &Connection| tx.pragma_query_value(None, "synchronous", |row| row.get(0));
    world.work(priority, move |tx| read(tx).map_err(|error| storage_error("testing", &error))).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_a_commit_of_nothing_but_fleeting_work_is_not_synced() {
    let world = world().await;
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
    let now = Timestamp(1_000);
    let heartbeat = Heartbeat { owner: "one".to_owned(), at: now, started_at: now, facts: "{}".to_owned() };
    let (beside, beaten) = tokio::join!(level(&world, Priority::Fleeting), world.store.beat(heartbeat));
    assert_eq!((beside, beaten), (NORMAL, Ok(())));
    let lease = world.store.lease("testing", "one", Duration::from_secs(60));
    let (beside, leased) = tokio::join!(level(&world, Priority::Fleeting), lease);
    assert_eq!((beside, leased), (FULL, Ok(true)));
    assert_eq!(world.commits.load(Ordering::Relaxed), 2);
}

/// Bytes of the log.
fn log_length(world: &World) -> u64 {
    std::fs::metadata(world.place.path().join("gryag.db-wal")).unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn after_a_commit_that_failed_the_log_begins_anew_and_everything_is_synced() {
    let world = world().await;
    for name in ["one", "two", "three"] {
        world.piece(name, Ok(())).await.unwrap();
    }
    let before = log_length(&world);
    world.fails.store(true, Ordering::Relaxed);
    world.piece("failed", Ok(())).await.unwrap_err();
    world.work(Priority::Fleeting, |_| Ok(())).await.unwrap_err();
    world.fails.store(false, Ordering::Relaxed);

    assert_eq!(level(&world, Priority::Fleeting).await, FULL, "its success says that the disk is well");
    world.piece("after", Ok(())).await.unwrap();
    assert!(log_length(&world) < before, "{} bytes after {before}", log_length(&world));
    for name in ["one", "two", "three", "after"] {
        assert!(world.stored(name).await, "{name}");
    }
    assert_eq!(level(&world, Priority::Fleeting).await, NORMAL);
}

#[tokio::test(start_paused = true)]
async fn while_the_log_cannot_begin_anew_after_a_failure_nothing_is_committed() {
    let world = world().await;
    world.piece("before", Ok(())).await.unwrap();
    let reader = Connection::open(world.place.path().join("gryag.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM facts").unwrap();
    world.piece("read on", Ok(())).await.unwrap();
    world.fails.store(true, Ordering::Relaxed);
    world.piece("failed", Ok(())).await.unwrap_err();
    world.fails.store(false, Ordering::Relaxed);

    let refused = world.piece("refused", Ok(())).await;
    assert!(matches!(refused, Err(StorageError::Locked { .. })), "{refused:?}");
    assert_eq!(world.store.health(), StoreHealth::Unwritable);
    reader.execute_batch("COMMIT").unwrap();
    world.piece("after", Ok(())).await.unwrap();
    assert!(world.stored("after").await && !world.stored("refused").await && !world.stored("failed").await);
    assert_eq!(world.store.health(), StoreHealth::Good);
}

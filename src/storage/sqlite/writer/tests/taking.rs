//! Who takes up work that others leave, and when they are called.

use super::*;

/// A piece that takes up what others have left: tells whether it finds a fact.
pub(super) async fn taking(world: &World, name: &'static str) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM facts WHERE name = ?1)";
    let find = move |tx: &Connection| {
        tx.query_row(sql, [name], |row| row.get(0)).map_err(|error| storage_error("testing", &error))
    };
    world.store.write_repeatable("testing", Priority::Taking(Rings::INBOX), Rings::default(), find).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_up_work_finds_what_its_own_batch_leaves() {
    let world = world().await;
    let (found_admitted, _, found_alone, _) = tokio::join!(
        taking(&world, "admitted"),
        together(&world, "admitted", Ok(())),
        taking(&world, "alone"),
        world.piece("alone", Ok(())),
    );
    assert!(found_admitted && found_alone, "although they were asked for first");
    assert_eq!(world.commits.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_rung_for_takes_up_the_work_in_the_commit_that_leaves_it() {
    let world = world().await;
    let bell = world.store.bell();
    while bell.inbox().now_or_never().is_some() {}
    let worker = async {
        bell.inbox().await;
        taking(&world, "admitted").await
    };
    let (found, admitted) = tokio::join!(worker, together(&world, "admitted", Ok(())));
    admitted.unwrap();
    assert!(found);
    assert_eq!(world.commits.load(Ordering::Relaxed), 1);
    assert!(bell.inbox().now_or_never().is_none(), "nobody is rung for a second time");
}

#[tokio::test(start_paused = true)]
async fn work_that_nobody_took_up_is_rung_for_after_its_commit() {
    let world = world().await;
    let bell = world.store.bell();
    let heard = bell.clone();
    let piece = world.work(Priority::Other, move |tx| {
        while heard.inbox().now_or_never().is_some() {}
        set_fact(tx, "left", "stored")
    });
    piece.await.unwrap();
    assert!(bell.inbox().now_or_never().is_some());
}

//! What becomes of the rows of a failed turn.

use std::time::Duration;

use gryag::{
    domain::UpdateKey,
    storage::{FinishedTurn, Verdict},
};

use crate::world::{World, keys, retry_all};

pub(crate) async fn a_retried_row_comes_alone(world: World) {
    world.admit(1, -10).await;
    let claim = world.claim("a").await;
    world.finish(&claim, retry_all(&claim, world.now())).await;
    world.admit(2, -10).await;
    world.admit(3, -10).await;
    let alone = world.claim("a").await;
    assert_eq!((keys(&alone), alone.updates[0].attempt), (vec![1], 2));
    world.done(&alone).await;
    assert_eq!(keys(&world.claim("a").await), [2, 3], "fresh rows are merged again");
}

pub(crate) async fn rows_of_a_failed_turn_come_one_by_one_in_order(world: World) {
    for key in 1..=4 {
        world.admit(key, -10).await;
    }
    let claim = world.claim("a").await;
    assert_eq!(keys(&claim), [1, 2, 3, 4]);
    world.finish(&claim, retry_all(&claim, world.now())).await;
    for key in 1..=4 {
        let claim = world.claim("a").await;
        assert_eq!(keys(&claim), [key]);
        world.done(&claim).await;
    }
}

pub(crate) async fn a_row_in_backoff_does_not_stop_later_ones(world: World) {
    world.admit(1, -10).await;
    let claim = world.claim("a").await;
    let at = world.now() + Duration::from_secs(30);
    world.finish(&claim, retry_all(&claim, at)).await;
    assert!(world.claims("a").await.is_empty());
    world.admit(2, -10).await;
    let later = world.claim("a").await;
    assert_eq!(keys(&later), [2]);
    world.done(&later).await;
    world.clock.set(at);
    assert_eq!(keys(&world.claim("a").await), [1]);
}

pub(crate) async fn a_row_in_backoff_is_not_of_the_turn_that_goes_on_around_it(world: World) {
    world.admit(1, -10).await;
    world.admit(2, -10).await;
    let claim = world.claim("a").await;
    let at = world.now() + Duration::from_secs(30);
    let verdicts =
        vec![(UpdateKey(1), Verdict::Dead { problem: "poison".to_owned() }), (UpdateKey(2), Verdict::RetryAt(at))];
    world.finish(&claim, FinishedTurn { verdicts, ..FinishedTurn::default() }).await;
    world.admit(3, -10).await;
    assert!(world.store.retry_dead(UpdateKey(1), world.now()).await.unwrap());
    let around = world.claim("a").await;
    assert_eq!(keys(&around), [1, 3]);
    world.done(&around).await;
    world.clock.set(at);
    let again = world.claim("a").await;
    assert_eq!((keys(&again), again.updates[0].attempt), (vec![2], 2));
}

pub(crate) async fn a_dead_row_leaves_the_others_of_its_turn_alone(world: World) {
    for key in 1..=3 {
        world.admit(key, -10).await;
    }
    let claim = world.claim("a").await;
    let verdicts = vec![
        (UpdateKey(1), Verdict::RetryAt(world.now())),
        (UpdateKey(2), Verdict::Dead { problem: "poison".to_owned() }),
    ];
    world.finish(&claim, FinishedTurn { verdicts, ..FinishedTurn::default() }).await;
    let dead = world.store.dead_letters(9).await.unwrap();
    assert_eq!((dead.len(), dead[0].key, dead[0].problem.as_str()), (1, UpdateKey(2), "poison"));
    assert!(dead[0].body_bytes > 0, "its body is kept for who looks into it");
    let again = world.claim("a").await;
    assert_eq!((keys(&again), again.updates[0].attempt), (vec![1], 2));
    world.done(&again).await;
    assert!(world.claims("a").await.is_empty(), "the third is done");
}

pub(crate) async fn a_verdict_on_another_claims_row_changes_nothing(world: World) {
    world.admit(1, -10).await;
    world.admit(2, -20).await;
    let claims = world.claims("a").await;
    let verdicts = vec![(claims[1].updates[0].key, Verdict::Dead { problem: "not mine".to_owned() })];
    world.finish(&claims[0], FinishedTurn { verdicts, ..FinishedTurn::default() }).await;
    assert!(world.store.dead_letters(9).await.unwrap().is_empty());
    world.done(&claims[1]).await;
}

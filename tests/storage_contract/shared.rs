//! Leases, facts, heartbeats, errors, rates, health.

use std::time::Duration;

use gryag::{
    domain::Timestamp,
    errors::ErrorRecord,
    storage::{Heartbeat, Slot, StoreHealth},
};

use crate::world::World;

const HOLD: Duration = Duration::from_secs(30);

pub(crate) async fn a_lease_has_one_holder_until_it_ends(world: World) {
    assert!(world.store.lease("poll", "a", HOLD).await.unwrap());
    assert!(!world.store.lease("poll", "b", HOLD).await.unwrap());
    assert!(world.store.lease("webhook", "b", HOLD).await.unwrap(), "another lease");
    world.advance(HOLD / 2);
    assert!(world.store.lease("poll", "a", HOLD).await.unwrap(), "its holder prolongs it");
    world.advance(HOLD - Duration::from_millis(1));
    assert!(!world.store.lease("poll", "b", HOLD).await.unwrap());
    world.advance(Duration::from_millis(1));
    assert!(world.store.lease("poll", "b", HOLD).await.unwrap());
    assert!(!world.store.lease("poll", "a", HOLD).await.unwrap(), "it was lost");
}

pub(crate) async fn a_clock_that_stepped_back_does_not_keep_a_dead_holders_lease(world: World) {
    let true_time = world.now();
    world.seconds(2 * 86_400);
    assert!(world.store.lease("poll", "a", HOLD).await.unwrap());
    world.clock.set(true_time);
    assert!(world.store.lease("poll", "b", HOLD).await.unwrap());
    assert!(!world.store.lease("poll", "a", HOLD).await.unwrap());
}

pub(crate) async fn a_lease_can_be_ended_early_by_its_holder_only(world: World) {
    assert!(world.store.lease("poll", "a", HOLD).await.unwrap());
    world.store.end_lease("poll", "b").await.unwrap();
    assert!(!world.store.lease("poll", "b", HOLD).await.unwrap());
    world.store.end_lease("poll", "a").await.unwrap();
    assert!(world.store.lease("poll", "b", HOLD).await.unwrap());
}

pub(crate) async fn a_fact_is_kept_and_replaced(world: World) {
    assert_eq!(world.store.fact("bot").await.unwrap(), None);
    world.store.set_fact("bot", "1".to_owned()).await.unwrap();
    world.store.set_fact("webhook", "2".to_owned()).await.unwrap();
    world.store.set_fact("bot", "3".to_owned()).await.unwrap();
    assert_eq!(world.store.fact("bot").await.unwrap().as_deref(), Some("3"));
    assert_eq!(world.store.fact("webhook").await.unwrap().as_deref(), Some("2"));
}

pub(crate) async fn a_heartbeat_replaces_its_own_and_forgets_those_of_yesterday(world: World) {
    let begun = world.now();
    let beat = async |owner: &str| {
        let facts = format!("{{\"at\":{}}}", world.now().0);
        let heartbeat = Heartbeat { owner: owner.to_owned(), at: world.now(), started_at: begun, facts };
        world.store.beat(heartbeat.clone()).await.unwrap();
        heartbeat
    };
    beat("a").await;
    let b = beat("b").await;
    world.seconds(10);
    let a = beat("a").await;
    assert_eq!(world.store.heartbeats().await.unwrap(), [a, b]);
    world.seconds(86_400);
    let a = beat("a").await;
    assert_eq!(world.store.heartbeats().await.unwrap(), [a]);
}

pub(crate) async fn the_newest_hundred_errors_are_kept(world: World) {
    let error = |number: i64| ErrorRecord {
        at: Timestamp(number),
        place: "turn",
        class: "bug",
        message: format!("error {number}"),
    };
    world.store.keep_errors((0..3).map(error).collect()).await.unwrap();
    assert_eq!(world.store.kept_errors().await.unwrap().len(), 3);
    world.store.keep_errors((3..250).map(error).collect()).await.unwrap();
    let kept = world.store.kept_errors().await.unwrap();
    assert_eq!(kept.len(), 100);
    let told = |index: usize| (kept[index].last_at, kept[index].message.clone());
    let expected = |number: i64| (Timestamp(number), format!("error {number}"));
    assert_eq!((told(0), told(99)), (expected(249), expected(150)), "newest first");
    world.store.keep_errors(Vec::new()).await.unwrap();
}

pub(crate) async fn an_error_that_comes_again_is_one_entry(world: World) {
    let error = |at: i64, place: &'static str, class: &'static str, message: &str| ErrorRecord {
        at: Timestamp(at),
        place,
        class,
        message: message.to_owned(),
    };
    let first = vec![
        error(10, "turn", "bug", "it broke"),
        error(11, "send", "bug", "it broke"),
        error(12, "turn", "transient", "it broke"),
        error(13, "turn", "bug", "it broke otherwise"),
    ];
    world.store.keep_errors(first).await.unwrap();
    world
        .store
        .keep_errors(vec![error(20, "turn", "bug", "it broke"), error(21, "turn", "bug", "it broke")])
        .await
        .unwrap();
    let kept = world.store.kept_errors().await.unwrap();
    let told: Vec<_> = kept.iter().map(|it| (it.first_at.0, it.last_at.0, it.count, &*it.place, &*it.class)).collect();
    let expected = [
        (10, 21, 3, "turn", "bug"),
        (13, 13, 1, "turn", "bug"),
        (12, 12, 1, "turn", "transient"),
        (11, 11, 1, "send", "bug"),
    ];
    assert_eq!(told, expected);
    // What comes again is not pushed out by what came since.
    let others = (30..200).map(|at| error(at, "turn", "bug", &format!("other {at}"))).collect();
    world.store.keep_errors(others).await.unwrap();
    world.store.keep_errors(vec![error(201, "turn", "bug", "other 199")]).await.unwrap();
    let kept = world.store.kept_errors().await.unwrap();
    assert_eq!((kept.len(), kept[0].count, kept[99].last_at.0), (100, 2, 100));
}

pub(crate) async fn a_healthy_store_checks_and_checkpoints(world: World) {
    world.admit(1, -10).await;
    assert_eq!(world.store.health(), StoreHealth::Good);
    world.store.check().await.unwrap();
    world.store.checkpoint().await.unwrap();
    world.claim("a").await;
}

pub(crate) async fn a_rate_admits_a_burst_and_then_makes_wait(world: World) {
    let take = async || world.store.take_slot("gemini", 50).await.unwrap();
    for _ in 0..5 {
        assert_eq!(take().await, Slot::Granted);
    }
    let Slot::Wait(wait) = take().await else { panic!("a tenth of the minute's calls have gone at once") };
    world.advance(wait - Duration::from_millis(1));
    assert_eq!(take().await, Slot::Wait(Duration::from_millis(1)), "to the millisecond");
    world.advance(Duration::from_millis(1));
    assert_eq!(take().await, Slot::Granted);
    assert!(matches!(take().await, Slot::Wait(_)));
    world.seconds(3_600);
    assert_eq!(take().await, Slot::Granted);
    world.clock.set(Timestamp(world.now().0 - 1_800_000));
    assert_eq!(take().await, Slot::Granted, "a clock that stepped back does not stop everything");
}

pub(crate) async fn rates_of_different_names_do_not_share_slots(world: World) {
    assert_eq!(world.store.take_slot("one", 1).await.unwrap(), Slot::Granted);
    assert!(matches!(world.store.take_slot("one", 1).await.unwrap(), Slot::Wait(_)));
    assert_eq!(world.store.take_slot("two", 1).await.unwrap(), Slot::Granted);
}

//! Claims: order, leases, fences, release.

use std::time::Duration;

use gryag::{
    domain::{Lane, Timestamp, TopicId},
    storage::{ClaimRequest, FinishedTurn, StorageError},
};

use crate::world::{LEASE, World, express, keys, request, retry_all, says, talk};

pub(crate) async fn rows_come_in_the_order_of_arrival(world: World) {
    for key in [5, 1, 9, 3] {
        world.admit(key, -10).await;
    }
    let claim = world.claim("a").await;
    assert_eq!(keys(&claim), [5, 1, 9, 3], "ids may jump back");
    let first = &claim.updates[0];
    assert_eq!((first.attempt, first.received_at, first.kind.as_str()), (1, world.now(), "message"));
    assert_eq!((&first.body[..], first.request_id.0.as_str()), (&b"body 5"[..], "request 5"));
    assert_eq!(claim.lane, talk(-10));
}

pub(crate) async fn the_lane_that_waits_longest_is_claimed_first(world: World) {
    for (key, chat) in [(1, -30), (2, -10), (3, -20)] {
        world.admit(key, chat).await;
        world.seconds(1);
    }
    let mut order = Vec::new();
    loop {
        let claims = world.store.claim(ClaimRequest { talk_max: 2, ..request("a") }).await.unwrap().claims;
        if claims.is_empty() {
            break;
        }
        order.push(claims.iter().map(|claim| claim.lane.chat.0).collect::<Vec<_>>());
    }
    assert_eq!(order, [vec![-30, -10], vec![-20]]);
}

pub(crate) async fn a_lane_has_one_live_claim(world: World) {
    world.admit(1, -10).await;
    let claim = world.claim("a").await;
    world.admit(2, -10).await;
    assert!(world.claims("b").await.is_empty(), "not by another");
    assert!(world.claims("a").await.is_empty(), "nor by the same");
    world.done(&claim).await;
    assert_eq!(keys(&world.claim("b").await), [2], "what came meanwhile is the next turn");
}

pub(crate) async fn fifty_waiting_rows_are_one_turn(world: World) {
    for key in 0..60 {
        world.admit(key, -10).await;
    }
    let claim = world.claim("a").await;
    assert_eq!(keys(&claim), (0..50).collect::<Vec<_>>());
    world.done(&claim).await;
    assert_eq!(keys(&world.claim("a").await), (50..60).collect::<Vec<_>>());
}

pub(crate) async fn attempts_are_counted_at_the_claim(world: World) {
    world.admit(1, -10).await;
    for attempt in 1..=6 {
        let claim = world.claim("a").await;
        assert_eq!(claim.updates[0].attempt, attempt, "a crash counts");
        world.advance(LEASE);
    }
}

pub(crate) async fn an_expired_lease_is_taken_over_and_its_owner_fenced(world: World) {
    world.admit(1, -10).await;
    let old = world.claim("a").await;
    world.advance(LEASE - Duration::from_millis(1));
    assert!(world.claims("b").await.is_empty(), "the lease still runs");
    world.advance(Duration::from_millis(1));
    let new = world.claim("b").await;
    assert_eq!(new.claim.lane_id, old.claim.lane_id);
    assert!(new.claim.token > old.claim.token);

    let fenced = StorageError::Fenced { lane: old.claim.lane_id };
    let late = FinishedTurn { says: Some(says(-10, "late", 1, world.now())), ..FinishedTurn::default() };
    assert_eq!(world.store.finish(old.claim, late, world.now()).await, Err(fenced.clone()));
    assert_eq!(world.store.finish(old.claim, retry_all(&old, world.now()), world.now()).await, Err(fenced.clone()));
    let lost = world.store.renew(vec![old.claim, new.claim], LEASE).await.unwrap();
    assert_eq!(lost, [old.claim], "the new claim is renewed, the old one is lost");
    world.nothing_to_send().await;

    world.done(&new).await;
    assert!(world.finish(&new, FinishedTurn::default()).await.was_recorded, "only once");
    assert_eq!(world.store.finish(old.claim, FinishedTurn::default(), world.now()).await, Err(fenced), "as ever");
    assert_eq!(world.store.renew(vec![new.claim], LEASE).await.unwrap(), [new.claim], "it has ended");
}

pub(crate) async fn a_renewed_claim_outlives_its_first_lease(world: World) {
    world.admit(1, -10).await;
    let claim = world.claim("a").await;
    for _ in 0..10 {
        world.advance(LEASE / 3);
        assert!(world.store.renew(vec![claim.claim], LEASE).await.unwrap().is_empty());
        assert!(world.claims("b").await.is_empty());
    }
    world.done(&claim).await;
}

pub(crate) async fn release_gives_back_the_attempts_of_this_owner_only(world: World) {
    for key in 1..=3 {
        world.admit(key, -key * 10).await;
    }
    let one = world.store.claim(ClaimRequest { talk_max: 1, ..request("b") }).await.unwrap().claims;
    assert_eq!(world.claims("a").await.len(), 2);
    assert_eq!(world.store.release("a").await.unwrap(), 2);
    assert_eq!(world.store.release("a").await.unwrap(), 0);
    let again = world.claims("c").await;
    assert_eq!(again.len(), 2, "at once, not after the lease");
    assert!(again.iter().all(|claim| claim.updates[0].attempt == 1), "as if they had not been tried");
    world.done(&one[0]).await;
}

pub(crate) async fn topics_and_chats_are_lanes_of_their_own(world: World) {
    let lanes = [None, Some(TopicId(4)), Some(TopicId(5))].map(|topic| Lane { topic, ..talk(-10) });
    for (key, lane) in (1..).zip(lanes.into_iter().chain([talk(-11)])) {
        world.admit_to(key, lane).await;
    }
    let claims = world.claims("a").await;
    assert_eq!(claims.len(), 4);
    for (claim, lane) in claims.iter().zip(lanes) {
        assert_eq!(claim.lane, lane);
    }
}

pub(crate) async fn an_express_lane_does_not_wait_for_a_running_turn(world: World) {
    world.admit(1, -10).await;
    let turn = world.claim("a").await;
    world.admit_to(2, express(-10)).await;
    assert!(world.claims("a").await.is_empty(), "a talk claim does not take commands");
    let claims =
        world.store.claim(ClaimRequest { talk_max: 0, express_max: 100, ..request("a") }).await.unwrap().claims;
    assert_eq!((claims.len(), keys(&claims[0]), claims[0].lane), (1, vec![2], express(-10)));
    world.done(&claims[0]).await;
    world.done(&turn).await;
}

pub(crate) async fn the_next_due_time_is_that_of_the_next_claim(world: World) {
    assert_eq!(world.store.next_due().await.unwrap(), None);
    world.admit(1, -10).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(world.now()));
    let claim = world.claim("a").await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(world.now() + LEASE), "when the lease ends");
    let at = world.now() + Duration::from_secs(4);
    world.finish(&claim, retry_all(&claim, at)).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(at), "when the backoff ends");
    world.admit_to(2, express(-10)).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(world.now()), "a command at once");
    world.clock.set(at);
    assert_eq!(keys(&world.claim("a").await), [1]);
}

pub(crate) async fn a_clock_that_stepped_back_does_not_strand_a_lane(world: World) {
    let true_time = world.now();
    world.clock.set(Timestamp(true_time.0 + 2 * 86_400_000));
    world.admit(1, -10).await;
    let _lost_in_a_crash = world.claim("a").await;
    world.admit(2, -20).await;
    world.admit(3, -30).await;
    let claim = world.store.claim(ClaimRequest { talk_max: 1, ..request("a") }).await.unwrap().claims.remove(0);
    world.finish(&claim, retry_all(&claim, world.now() + Duration::from_secs(4))).await;
    world.clock.set(true_time);
    world.advance(2 * LEASE);
    let mut found: Vec<i64> = world.claims("b").await.iter().flat_map(keys).collect();
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3]);
}

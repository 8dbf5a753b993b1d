//! Admission, depth and dead letters.

use std::collections::HashSet;

use futures_util::future::join_all;
use gryag::{
    domain::{Timestamp, UpdateKey},
    storage::{Admission, ClaimRequest, FinishedTurn, NewUpdate, Verdict},
};

use crate::world::{World, express, keys, request, talk, update};

pub(crate) async fn a_redelivered_update_is_a_duplicate_forever(world: World) {
    assert_eq!(world.admit(1, -10).await, Admission::New);
    assert_eq!(world.admit(1, -10).await, Admission::Duplicate, "while it waits");
    let claim = world.claim("a").await;
    assert_eq!(world.admit(1, -10).await, Admission::Duplicate, "while it is handled");
    world.done(&claim).await;
    world.seconds(7 * 86_400);
    assert_eq!(world.admit(1, -10).await, Admission::Duplicate, "a week after");
    assert_eq!(world.admit(1, -11).await, Admission::Duplicate, "whatever chat it names");
    assert!(world.claims("a").await.is_empty());
}

pub(crate) async fn of_a_hundred_deliveries_at_once_one_is_new(world: World) {
    let admissions = join_all((0..100).map(|_| world.admit(1, -10))).await;
    assert_eq!(admissions.iter().filter(|admission| **admission == Admission::New).count(), 1);
    assert_eq!(keys(&world.claim("a").await), [1]);
}

fn unusable(key: i64, now: Timestamp) -> NewUpdate {
    NewUpdate { unusable: Some("no JSON"), ..update(key, talk(0), now) }
}

pub(crate) async fn an_unusable_update_goes_to_the_dead_letters_at_once(world: World) {
    assert_eq!(world.store.admit(unusable(1, world.now())).await.unwrap(), Admission::New);
    assert_eq!(world.store.admit(unusable(1, world.now())).await.unwrap(), Admission::Duplicate);
    assert_eq!(world.store.next_due().await.unwrap(), None, "nobody is to claim it");
    assert!(world.claims("a").await.is_empty());
    let (letter, body) = world.store.dead_letter(UpdateKey(1)).await.unwrap().unwrap();
    assert_eq!(letter.problem, "no JSON");
    assert_eq!((letter.attempts, letter.received_at, letter.died_at), (0, world.now(), world.now()));
    assert_eq!((&body[..], letter.body_bytes), (&b"body 1"[..], 6));
}

pub(crate) async fn the_depth_counts_what_waits_and_what_is_dead(world: World) {
    let begun = world.now();
    assert_eq!(world.store.inbox_depth().await.unwrap(), gryag::storage::InboxDepth::default());
    world.admit(1, -10).await;
    world.seconds(5);
    world.admit(2, -10).await;
    world.admit(3, -11).await;
    world.store.admit(unusable(4, world.now())).await.unwrap();
    world.admit_to(5, express(-10)).await;
    let depth = world.store.inbox_depth().await.unwrap();
    assert_eq!((depth.waiting, depth.dead, depth.oldest), (4, 1, Some(begun)));
    for claim in world.claims("a").await {
        world.done(&claim).await;
    }
    let depth = world.store.inbox_depth().await.unwrap();
    assert_eq!((depth.waiting, depth.dead, depth.oldest), (1, 1, Some(world.now())), "the command");
    let commands = world.store.claim(ClaimRequest { express_max: 1, ..request("a") }).await.unwrap().claims;
    world.done(&commands[0]).await;
    let depth = world.store.inbox_depth().await.unwrap();
    assert_eq!((depth.waiting, depth.dead, depth.oldest), (0, 1, None));
}

/// Kills this update in its turn.
async fn kill(world: &World, key: i64) {
    world.admit(key, -10).await;
    let claim = world.claim("a").await;
    let verdicts = vec![(UpdateKey(key), Verdict::Dead { problem: "poison".to_owned() })];
    world.finish(&claim, FinishedTurn { verdicts, ..FinishedTurn::default() }).await;
}

pub(crate) async fn a_dead_letter_can_be_shown_retried_and_dropped(world: World) {
    for key in 1..=3 {
        kill(&world, key).await;
        world.seconds(1);
    }
    let list = world.store.dead_letters(2).await.unwrap();
    assert_eq!(list.iter().map(|letter| letter.key.0).collect::<Vec<_>>(), [3, 2], "newest first");
    assert_eq!((list[0].problem.as_str(), list[0].attempts, list[0].chat.0), ("poison", 1, -10));

    assert!(world.store.retry_dead(UpdateKey(1), world.now()).await.unwrap());
    assert!(!world.store.retry_dead(UpdateKey(1), world.now()).await.unwrap(), "it is dead no more");
    let claim = world.claim("a").await;
    assert_eq!((keys(&claim), claim.updates[0].attempt), (vec![1], 1), "with fresh attempts");
    assert_eq!(&claim.updates[0].body[..], b"body 1");
    world.done(&claim).await;

    assert!(world.store.drop_dead(UpdateKey(2), world.now()).await.unwrap());
    assert!(!world.store.drop_dead(UpdateKey(2), world.now()).await.unwrap());
    assert!(!world.store.retry_dead(UpdateKey(2), world.now()).await.unwrap(), "it is gone");
    assert_eq!(world.admit(2, -10).await, Admission::Duplicate, "but its key is known");
    let left: HashSet<i64> = world.store.dead_letters(9).await.unwrap().iter().map(|letter| letter.key.0).collect();
    assert_eq!(left, HashSet::from([3]));
    assert!(world.store.dead_letter(UpdateKey(99)).await.unwrap().is_none());
}

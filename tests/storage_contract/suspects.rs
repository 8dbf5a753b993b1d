//! Rows that were in hand whenever a process died: one of them may be the reason.

use std::{collections::BTreeMap, time::Duration};

use gryag::{
    domain::UpdateKey,
    storage::{Claim, ClaimRequest, FinishedTurn, Verdict},
    worker::ATTEMPTS_MAX,
};

use crate::world::{LEASE, World, express, keys, request, retry_all};

async fn claim(world: &World, owner: &str, suspects_max: usize) -> Vec<Claim> {
    let asks = ClaimRequest { suspects_max, express_max: 100, ..request(owner) };
    world.store.claim(asks).await.unwrap().claims
}

/// The keys of all claims, in order.
fn all_keys(claims: &[Claim]) -> Vec<i64> {
    let mut all: Vec<i64> = claims.iter().flat_map(keys).collect();
    all.sort_unstable();
    all
}

pub(crate) async fn a_row_that_was_lost_twice_runs_beside_no_other_such_row(world: World) {
    for key in 1..=3 {
        world.admit(key, -10 * key).await;
    }
    world.admit_to(4, express(-10)).await;
    for owner in ["a", "b"] {
        assert_eq!(claim(&world, owner, 1).await.len(), 4, "lost once is no sign: a kill loses all that is in hand");
        world.advance(LEASE);
    }
    world.admit(5, -50).await;
    let claims = claim(&world, "c", 1).await;
    let (suspects, others): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| claim.is_suspect);
    assert_eq!((suspects.len(), all_keys(&others)), (1, vec![5]), "the others do not wait");
    world.seconds(1);
    assert_eq!(claim(&world, "c", 0).await.len(), 0, "while it runs");
    world.done(&suspects[0]).await;

    let mut seen = all_keys(&suspects);
    for _ in 0..3 {
        world.seconds(1);
        let [suspect] = &claim(&world, "c", 1).await[..] else { panic!("one suspect at a time") };
        assert!(suspect.is_suspect && suspect.updates[0].attempt == 3);
        seen.extend(keys(suspect));
        world.done(suspect).await;
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4]);
}

pub(crate) async fn a_row_that_failed_and_was_not_lost_is_no_suspect(world: World) {
    for key in 1..=3 {
        world.admit(key, -10 * key).await;
    }
    for _ in 0..3 {
        let claims = claim(&world, "a", 0).await;
        assert_eq!(claims.len(), 3);
        for claim in claims {
            assert!(!claim.is_suspect);
            world.finish(&claim, retry_all(&claim, world.now())).await;
        }
    }
}

/// Each life of the process claims what it may and meets the poisonous update before anything else has ended: whatever
/// is in hand is lost with it.
pub(crate) async fn an_update_that_ends_its_process_dies_alone(world: World) {
    const POISON: i64 = 7;
    for key in 1..=30 {
        world.admit(key, -10 * key).await;
    }
    let mut attempts: BTreeMap<i64, u32> = BTreeMap::new();
    let mut lives = 0i64;
    'lives: loop {
        lives += 1;
        assert!(lives < 20, "it never dies: {attempts:?}");
        world.admit(100 + lives, -1_000 - lives).await;
        loop {
            let claims = claim(&world, &format!("life {lives}"), 1).await;
            let tried = claims.iter().flat_map(|claim| &claim.updates).map(|update| (update.key.0, update.attempt));
            attempts.extend(tried);
            if let Some(poisoned) = claims.iter().find(|claim| keys(claim).contains(&POISON)) {
                if poisoned.updates[0].attempt <= ATTEMPTS_MAX {
                    world.advance(LEASE);
                    continue 'lives;
                }
                let dead = vec![(UpdateKey(POISON), Verdict::Dead { problem: "poison".to_owned() })];
                world.finish(poisoned, FinishedTurn { verdicts: dead, ..FinishedTurn::default() }).await;
            }
            for claim in claims.iter().filter(|claim| !keys(claim).contains(&POISON)) {
                world.done(claim).await;
            }
            if world.store.inbox_depth().await.unwrap().waiting == 0 {
                break 'lives;
            }
            world.advance(Duration::from_millis(250));
        }
    }
    assert_eq!(world.store.inbox_depth().await.unwrap().dead, 1);
    assert_eq!(attempts.remove(&POISON), Some(ATTEMPTS_MAX + 1));
    assert!(attempts.values().all(|attempts| *attempts <= 3), "the others come to their end: {attempts:?}");
    assert_eq!(attempts.len(), 29 + usize::try_from(lives).unwrap());
}

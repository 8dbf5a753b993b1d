//! Many admissions at once: what waits for them, and for how long.

use bytes::Bytes;

use super::{super::PRESSED_LOOKS, *};
use crate::{
    domain::{ChatId, Lane, LaneKind, RequestId, Timestamp, UpdateKey},
    storage::{Admission, Claim, ClaimRequest, InboxStore as _, NewUpdate},
};

/// Makes so many admissions that they press, until the look that notices it.
async fn press(world: &World) {
    // Between two looks, that nothing depends on which of two timers comes first.
    tokio::time::sleep(WATCH * 3 / 2).await;
    press_on(world).await;
}

/// From one look to the next.
async fn press_on(world: &World) {
    let admissions = join_all((0..PRESS).map(|_| together(world, "admission", Ok(()))));
    assert!(admissions.await.iter().all(Result::is_ok));
    tokio::time::sleep(WATCH).await;
}

#[tokio::test(start_paused = true)]
async fn while_admissions_press_other_work_waits_for_the_next_look() {
    let world = world().await;
    press(&world).await;
    let started = Instant::now();
    together(&world, "admission", Ok(())).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO, "an admission waits for nothing");
    world.piece("other", Ok(())).await.unwrap();
    assert!((WATCH / 4..WATCH).contains(&started.elapsed()), "{:?}", started.elapsed());
    let started = Instant::now();
    world.piece("later", Ok(())).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO, "the press is over");
}

#[tokio::test(start_paused = true)]
async fn a_press_gives_way_when_half_of_the_places_are_taken() {
    let world = world_with(|options| options.inbox_max = PRESS as u64).await;
    press(&world).await;
    let started = Instant::now();
    world.piece("other", Ok(())).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn what_was_left_over_is_not_lost_while_admissions_press() {
    let world = world().await;
    let pressing = async {
        loop {
            join_all((0..PRESS).map(|_| together(&world, "admission", Ok(())))).await;
        }
    };
    let long = |tx: &Connection| {
        let until = Instant::now() + Duration::from_millis(15);
        while Instant::now() < until {}
        set_fact(tx, "long", "stored")
    };
    let both = async {
        while !world.store.writer.is_pressed() {
            tokio::task::yield_now().await;
        }
        tokio::join!(world.work(Priority::Other, long), world.work(Priority::Other, long))
    };
    tokio::select! {
        () = pressing => {}
        (one, two) = both => assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}"),
    }
}

/// An update, in a lane of its own.
async fn admit(world: &World, key: i64, kind: LaneKind) {
    let update = NewUpdate {
        key: UpdateKey(key),
        lane: Lane { chat: ChatId(-key), topic: None, kind },
        kind: "message",
        body: Bytes::from_static(b"{}"),
        received_at: Timestamp(0),
        request_id: RequestId("request".to_owned()),
        unusable: None,
    };
    assert_eq!(world.store.admit(update).await, Ok(Admission::New));
}

fn request() -> ClaimRequest {
    ClaimRequest {
        owner: "worker".to_owned(),
        lease: Duration::from_secs(60),
        talk_max: 9,
        express_max: 9,
        rows_max: 50,
        suspects_max: 9,
    }
}

#[tokio::test(start_paused = true)]
async fn while_admissions_press_conversation_goes_on_at_every_fifth_look() {
    let world = world().await;
    for key in 1..=10 {
        admit(&world, key, LaneKind::Talk).await;
    }
    press(&world).await;
    let mut taken = Vec::new();
    for _ in 0..2 * PRESSED_LOOKS {
        let (claimed, ()) = tokio::join!(world.store.claim(request()), press_on(&world));
        let claimed = claimed.unwrap();
        assert!(claimed.next_due.is_some(), "the rest is due all the same");
        taken.push(claimed.claims.len());
    }
    assert_eq!(taken.iter().sum::<usize>(), 2, "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn while_admissions_press_a_command_behind_a_crowd_is_claimed_at_the_next_look_and_once() {
    let world = world().await;
    press(&world).await;
    for key in 1..=2000 {
        admit(&world, key, LaneKind::Talk).await;
    }
    admit(&world, 3000, LaneKind::Express).await;
    let (mut looks, mut claims) = (0, Vec::new());
    while !claims.iter().any(|claim: &Claim| claim.lane.kind == LaneKind::Express) {
        let (claimed, ()) = tokio::join!(world.store.claim(request()), press_on(&world));
        claims.extend(claimed.unwrap().claims);
        looks += 1;
    }
    assert_eq!(looks, 1);
    // The press is over: all that came joins, and of it is nothing that was claimed before.
    tokio::time::sleep(WATCH * 3).await;
    loop {
        let more = world.store.claim(request()).await.unwrap().claims;
        if more.is_empty() {
            break;
        }
        claims.extend(more);
    }
    let mut keys: Vec<i64> = claims.iter().flat_map(|claim| &claim.updates).map(|update| update.key.0).collect();
    keys.sort_unstable();
    assert_eq!(keys, (1..=2000).chain([3000]).collect::<Vec<_>>());
}

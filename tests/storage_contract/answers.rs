//! A lane and its unsent answer; what becomes of the messages that an answer answers.

use std::time::Duration;

use gryag::{
    domain::{AddressedOutcome, Timestamp},
    storage::{ClaimRequest, Ended, FinishedTurn, NewOutgoing},
};

use crate::world::{World, express, keys, request, says};

/// An answer waits for its send, and so does the next update of its lane.
async fn answered_lane(world: &World, parts: usize) {
    world.answer(1, says(-10, "a", parts, world.now())).await;
    world.admit(2, -10).await;
    assert!(world.claims("a").await.is_empty(), "the lane waits for its answer");
    assert_eq!(world.store.next_due().await.unwrap(), None, "and nobody need look");
    world.admit(3, -20).await;
    world.done(&world.claim("a").await).await;
}

async fn lane_goes_on(world: &World) {
    assert_eq!(keys(&world.claim("a").await), [2]);
}

pub(crate) async fn a_lane_waits_until_its_answer_is_sent(world: World) {
    answered_lane(&world, 1).await;
    let send = world.begin_one().await;
    assert!(world.claims("a").await.is_empty(), "not while it is on its way");
    world.sent(&send, 5).await;
    lane_goes_on(&world).await;
}

pub(crate) async fn a_lane_waits_until_its_answer_is_refused(world: World) {
    answered_lane(&world, 2).await;
    let send = world.begin_one().await;
    world.end(&send, Ended::Refused { problem: "no".to_owned(), chat_is_dead: false }).await;
    lane_goes_on(&world).await;
}

pub(crate) async fn a_lane_waits_until_its_answer_is_unknown(world: World) {
    answered_lane(&world, 1).await;
    let send = world.begin_one().await;
    world.end(&send, Ended::Unknown { problem: "cut".to_owned() }).await;
    lane_goes_on(&world).await;
}

pub(crate) async fn a_lane_waits_until_its_answer_expires(world: World) {
    answered_lane(&world, 2).await;
    world.seconds(599);
    assert!(world.claims("a").await.is_empty());
    world.seconds(1);
    assert_eq!(world.nothing_to_send().await.ended.len(), 1);
    lane_goes_on(&world).await;
}

pub(crate) async fn a_lane_waits_for_the_last_part(world: World) {
    answered_lane(&world, 3).await;
    for part in 0..3 {
        assert!(world.claims("a").await.is_empty(), "part {part} is not sent");
        let send = world.begin_one().await;
        world.sent(&send, 5 + part).await;
    }
    lane_goes_on(&world).await;
}

pub(crate) async fn an_unsent_notice_does_not_block_its_express_lane(world: World) {
    let claim = async || {
        world.store.claim(ClaimRequest { talk_max: 0, express_max: 100, ..request("a") }).await.unwrap().claims
    };
    for key in 1..=3 {
        world.admit_to(key, express(-10)).await;
        let claims = claim().await;
        assert_eq!(claims.len(), 1, "command {key} waits for nothing");
        let says = Some(says(-10, "notice", 1, world.now()));
        world.finish(&claims[0], FinishedTurn { says, ..FinishedTurn::default() }).await;
    }
    world.admit(4, -10).await;
    assert_eq!(keys(&world.claim("a").await), [4], "nor does the talk lane wait for notices");
}

fn addressed(parts: usize, at: &[Timestamp], now: Timestamp) -> NewOutgoing {
    NewOutgoing { addressed: at.to_vec(), ..says(-10, "a", parts, now) }
}

pub(crate) async fn addressed_messages_are_answered_within_thirty_seconds_or_late(world: World) {
    let asked = world.now();
    let asked_later = asked + Duration::from_millis(1);
    world.seconds(10);
    world.answer(1, addressed(2, &[asked, asked_later], world.now())).await;
    let first = world.begin_one().await;
    assert_eq!(world.sent(&first, 1).await, None);
    let last = world.begin_one().await;
    world.clock.set(asked_later + Duration::from_secs(30));
    let ended = world.sent(&last, 2).await.unwrap();
    assert_eq!((ended.id, ended.state), (last.id, "sent"));
    assert_eq!(ended.addressed, [AddressedOutcome::Late, AddressedOutcome::Answered], "to the millisecond");
}

pub(crate) async fn addressed_messages_share_the_fate_of_the_worst_part(world: World) {
    let at = [world.now(); 3];
    world.answer(1, addressed(2, &at, world.now())).await;
    let first = world.begin_one().await;
    world.end(&first, Ended::Unknown { problem: "cut".to_owned() }).await;
    let second = world.begin_one().await;
    let ended = world.end(&second, Ended::Refused { problem: "no".to_owned(), chat_is_dead: false }).await.unwrap();
    assert_eq!(ended.addressed, [AddressedOutcome::Refused; 3]);

    world.answer(2, addressed(1, &at, world.now())).await;
    let send = world.begin_one().await;
    let ended = world.end(&send, Ended::Unknown { problem: "cut".to_owned() }).await.unwrap();
    assert_eq!(ended.addressed, [AddressedOutcome::Unknown; 3]);

    world.answer(3, addressed(2, &at, world.now())).await;
    let send = world.begin_one().await;
    let ended = world.end(&send, Ended::Refused { problem: "no".to_owned(), chat_is_dead: false }).await.unwrap();
    assert_eq!(ended.addressed, [AddressedOutcome::Refused; 3], "those of a part that was never tried");

    world.answer(4, addressed(2, &at, world.now())).await;
    world.seconds(600);
    let ended = world.nothing_to_send().await.ended;
    assert_eq!((ended.len(), &ended[0].addressed[..]), (1, &[AddressedOutcome::Expired; 3][..]));
}

//! Alarms: how they stand, and who may tell them.

use std::time::Duration;

use gryag::{
    domain::{Alarm, AlarmState, OutgoingKind, Timestamp},
    storage::{ALARMS_LEASE, AlarmSends, Ended, NewOutgoing},
};

use crate::world::{CALL_LIMIT, START, UNLIMITED, World, says};

const LEASE: Duration = Duration::from_secs(90);

fn state(alarm: Alarm) -> AlarmState {
    AlarmState {
        alarm,
        holds: true,
        turned_at: START,
        fires: true,
        since: Some(START),
        began_at: Some(Timestamp(START.0 + 1)),
        told: Some((true, Timestamp(START.0 + 2))),
        times_told: 3,
        number: -4,
    }
}

fn alarm(world: &World) -> NewOutgoing {
    NewOutgoing { kind: OutgoingKind::Alarm, ..says(5, "alarm", 1, world.now()) }
}

pub(crate) async fn alarms_are_kept_whole_with_what_is_said_of_them(world: World) {
    assert_eq!(world.store.alarms().await.unwrap(), []);
    assert!(world.store.lease(ALARMS_LEASE, "a", LEASE).await.unwrap());
    let untold =
        AlarmState { holds: false, fires: false, since: None, began_at: None, told: None, ..state(Alarm::Bug) };
    let both = vec![untold, state(Alarm::QueueOld)];
    assert!(world.store.keep_alarms("a", both, vec![alarm(&world)], world.now()).await.unwrap());
    assert_eq!(world.store.alarms().await.unwrap(), [state(Alarm::QueueOld), untold], "the gravest first");
    let over = AlarmState { fires: false, told: Some((false, world.now())), ..state(Alarm::QueueOld) };
    assert!(world.store.keep_alarms("a", vec![over], Vec::new(), world.now()).await.unwrap());
    assert_eq!(world.store.alarms().await.unwrap(), [over, untold]);
    let send = world.begin_one().await;
    assert_eq!((send.kind, send.text.text.as_str()), (OutgoingKind::Alarm, "alarm 0"));
    world.sent(&send, 1).await;
    assert_eq!(world.window(5, None, 9).await, [], "it is no conversation");
}

pub(crate) async fn who_does_not_hold_the_lease_tells_nothing(world: World) {
    let keep = async |owner: &str| {
        let says = vec![alarm(&world)];
        world.store.keep_alarms(owner, vec![state(Alarm::Bug)], says, world.now()).await.unwrap()
    };
    assert!(!keep("a").await, "it was never taken");
    assert!(world.store.lease(ALARMS_LEASE, "a", LEASE).await.unwrap());
    assert!(!keep("b").await);
    world.advance(LEASE);
    assert!(!keep("a").await, "it is over");
    assert_eq!(world.store.alarms().await.unwrap(), []);
    world.nothing_to_send().await;
    assert!(world.store.lease(ALARMS_LEASE, "b", LEASE).await.unwrap());
    assert!(keep("b").await);
}

pub(crate) async fn an_alarm_whose_sender_died_is_ready_again(world: World) {
    world.store.say(alarm(&world), world.now()).await.unwrap();
    world
        .store
        .say(NewOutgoing { kind: OutgoingKind::Notice, ..says(6, "a", 1, world.now()) }, world.now())
        .await
        .unwrap();
    let first = world.begin(9, UNLIMITED).await.due;
    assert_eq!(first.len(), 2);
    world.advance(CALL_LIMIT);
    let again = world.begin(9, UNLIMITED).await;
    assert_eq!(again.given_up, 1, "the notice");
    let [send] = &again.due[..] else { panic!("the alarm") };
    assert_eq!((send.kind, send.attempt), (OutgoingKind::Alarm, 2));
}

pub(crate) async fn doubtful_sends_and_unsent_alarms_are_counted(world: World) {
    let counted = async |since| world.store.alarm_sends(since).await.unwrap();
    assert_eq!(counted(START).await, AlarmSends::default());
    world.seconds(10);
    world.store.say(says(6, "a", 1, world.now()), world.now()).await.unwrap();
    let send = world.begin_one().await;
    world.end(&send, Ended::Unknown { problem: "cut".to_owned() }).await;
    world.store.say(alarm(&world), world.now()).await.unwrap();
    assert_eq!(counted(START).await, AlarmSends { doubtful: 1, unsent: 1 });
    let send = world.begin_one().await;
    assert_eq!(counted(world.now()).await, AlarmSends { doubtful: 0, unsent: 1 }, "it is on its way");
    world.sent(&send, 2).await;
    assert_eq!(counted(START).await, AlarmSends { doubtful: 1, unsent: 0 });
}

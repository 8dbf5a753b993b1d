//! Telegram's limits and the model's: no window of the true length may hold more than they allow.

use std::{collections::BTreeMap, time::Duration};

use gryag::{
    domain::Timestamp,
    storage::{Ended, Outgoing, SendLimits, Slot},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use crate::world::{World, says};

/// An answer that a turn leaves.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    after_ms: i64,
    chat: i64,
    parts: usize,
}

/// A send that began.
#[derive(Clone, Copy, Debug)]
struct Begun {
    at: i64,
    chat: i64,
    answer: usize,
    part: usize,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    // The fourth chat is a private one.
    let arrival = (0i64..2_500, 0usize..4, 1usize..4).prop_map(|(after_ms, chat, parts)| Arrival {
        after_ms: if after_ms < 1_000 { 0 } else { after_ms - 1_000 },
        chat: [-10, -20, -30, 40][chat],
        parts,
    });
    vec(arrival, 1..30)
}

fn limits() -> impl Strategy<Value = SendLimits> {
    (0u32..6, 0u32..4, 0u32..8).prop_map(|(global_per_second, chat_per_second, group_per_minute)| SendLimits {
        global_per_second,
        chat_per_second,
        group_per_minute,
    })
}

/// The property over a backend.
pub(crate) fn no_window_exceeds_a_limit<F: Future<Output = World>>(open: impl Fn() -> F) {
    let runtime = paused();
    let _inside = runtime.enter(); // the store is dropped here
    let world = runtime.block_on(open());
    let mut runner = TestRunner::new(ProptestConfig { cases: 60, ..ProptestConfig::default() });
    let cases = (arrivals(), limits(), 1usize..12);
    let result = runner.run(&cases, |(arrivals, limits, max)| {
        world.seconds(86_400); // no send of an earlier case counts
        let begun = runtime.block_on(send_all(&world, &arrivals, limits, max));
        let parts: usize = arrivals.iter().map(|arrival| arrival.parts).sum();
        prop_assert_eq!(begun.len(), parts, "all of it is sent, once");
        check_windows(&begun, limits)?;
        check_order(&begun)
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Two senders share the store; time jumps from event to event.
async fn send_all(world: &World, arrivals: &[Arrival], limits: SendLimits, max: usize) -> Vec<Begun> {
    let mut due = world.now().0;
    let mut waiting = arrivals
        .iter()
        .enumerate()
        .map(|(answer, arrival)| {
            due += arrival.after_ms;
            (due, answer, *arrival)
        })
        .peekable();
    let mut begun = Vec::new();
    for round in 0..20_000 {
        while let Some((_, answer, arrival)) = waiting.next_if(|(due, ..)| *due <= world.now().0) {
            let mut outgoing = says(arrival.chat, &format!("{answer}"), arrival.parts, world.now());
            outgoing.expires_at = world.now() + Duration::from_secs(86_400);
            world.store.say(outgoing, world.now()).await.unwrap();
        }
        let owner = if round % 2 == 0 { "one" } else { "two" };
        let sends = world.store.begin_sends(owner, max, limits, Duration::from_secs(60)).await.unwrap();
        assert!(sends.due.len() <= max, "no more than asked for");
        assert!(sends.ended.is_empty(), "nothing is dropped");
        for send in &sends.due {
            let (answer, part) = send.text.text.split_once(' ').unwrap();
            begun.push(Begun {
                at: world.now().0,
                chat: send.chat.id.0,
                answer: answer.parse().unwrap(),
                part: part.parse().unwrap(),
            });
        }
        let made_any = !sends.due.is_empty();
        for send in sends.due {
            end(world, owner, &send).await;
        }
        let next = [waiting.peek().map(|(due, ..)| *due), sends.next_at.map(|at| at.0)].into_iter().flatten().min();
        match next {
            // A next part may have become ready by the end of the one before.
            _ if made_any => {}
            Some(at) if at <= world.now().0 => {}
            Some(at) => world.clock.set(Timestamp(at)),
            None => return begun,
        }
    }
    panic!("it never comes to an end: {} begun", begun.len());
}

async fn end(world: &World, owner: &str, send: &Outgoing) {
    // Unknown ends count against the limits as sent ones do, and need no message.
    let ended = Ended::Unknown { problem: "cut".to_owned() };
    world.store.end_send(owner, send.id, send.attempt, ended, world.now()).await.unwrap();
}

fn check_windows(begun: &[Begun], limits: SendLimits) -> Result<(), TestCaseError> {
    for (index, send) in begun.iter().enumerate() {
        let before = |window: i64| begun[..index].iter().filter(move |other| other.at > send.at - window);
        let (in_second, in_minute) = (before(1_000), before(60_000));
        let everywhere = in_second.clone().count();
        let other_answers = in_second.filter(|other| other.chat == send.chat && other.answer != send.answer).count();
        let in_group = in_minute.filter(|other| other.chat == send.chat).count();
        let fits = |limit: u32, earlier: usize| limit == 0 || earlier < limit as usize;
        prop_assert!(fits(limits.global_per_second, everywhere), "{} a second: {:?}", everywhere + 1, send);
        prop_assert!(fits(limits.chat_per_second, other_answers), "{} in one chat: {:?}", other_answers + 1, send);
        if send.chat < 0 {
            prop_assert!(fits(limits.group_per_minute, in_group), "{} in one group: {:?}", in_group + 1, send);
        }
    }
    Ok(())
}

fn check_order(begun: &[Begun]) -> Result<(), TestCaseError> {
    let mut chats = BTreeMap::<i64, Vec<(usize, usize)>>::new();
    for send in begun {
        chats.entry(send.chat).or_default().push((send.answer, send.part));
    }
    for (chat, order) in chats {
        prop_assert!(order.is_sorted(), "chat {}: {:?}", chat, order);
    }
    Ok(())
}

/// The property over a backend.
pub(crate) fn a_shared_rate_never_grants_more<F: Future<Output = World>>(open: impl Fn() -> F) {
    let runtime = paused();
    let _inside = runtime.enter(); // the store is dropped here
    let world = runtime.block_on(open());
    let mut runner = TestRunner::new(ProptestConfig { cases: 40, ..ProptestConfig::default() });
    // A pause of zero is an impatient asker that comes exactly when it was told to.
    let result = runner.run(&(1u32..80, vec(0u64..20_000, 10..150)), |(per_minute, pauses)| {
        world.seconds(86_400);
        let granted = runtime.block_on(async {
            let mut granted = Vec::new();
            for pause in &pauses {
                match world.store.take_slot("gemini", per_minute).await.unwrap() {
                    Slot::Granted => granted.push(world.now().0),
                    Slot::Wait(wait) if *pause % 3 == 0 => world.advance(wait),
                    Slot::Wait(_) => world.advance(Duration::from_millis(*pause)),
                }
                if *pause % 5 == 0 {
                    world.advance(Duration::from_millis(*pause));
                }
            }
            granted
        });
        prop_assert!(!granted.is_empty());
        for (index, at) in granted.iter().enumerate() {
            let in_minute = granted[..=index].iter().filter(|earlier| **earlier > at - 60_000).count();
            prop_assert!(in_minute <= per_minute as usize, "{} in a minute of {}", in_minute, per_minute);
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

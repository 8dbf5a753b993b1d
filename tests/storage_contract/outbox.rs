//! The outbox: order, ends, dead chats, lost senders.

use std::time::Duration;

use gryag::{
    domain::{AddressedOutcome, ChatId, Entity, EntityKind, MessageId, OutgoingKind, RichText, Timestamp, TopicId},
    storage::{Ended, FinishedTurn, NewOutgoing, OutboxDepth, Outgoing, SendLimits, StorageError},
};

use crate::{
    actions::why,
    world::{CALL_LIMIT, UNLIMITED, World, message, own_message, says},
};

fn retry_at(at: Timestamp) -> Ended {
    Ended::RetryAt { at, blocks_chat: false, without_reply: false, problem: "not sent".to_owned() }
}

fn refused(chat_is_dead: bool) -> Ended {
    Ended::Refused { problem: "refused".to_owned(), chat_is_dead }
}

fn unknown() -> Ended {
    Ended::Unknown { problem: "cut".to_owned() }
}

fn text(send: &Outgoing) -> &str {
    &send.text.text
}

async fn say(world: &World, chat: i64, text: &str, parts: usize) {
    world.store.say(says(chat, text, parts, world.now()), world.now()).await.unwrap();
}

/// The states of all rows, in the order of their names.
async fn states(world: &World) -> Vec<(String, u64)> {
    world.store.outbox_counts().await.unwrap()
}

fn counted(states: &[(&str, u64)]) -> Vec<(String, u64)> {
    states.iter().map(|(state, rows)| ((*state).to_owned(), *rows)).collect()
}

pub(crate) async fn parts_go_in_order_one_after_the_other(world: World) {
    say(&world, -10, "a", 3).await;
    for part in 0..3 {
        let send = world.begin_one().await;
        assert_eq!((text(&send), send.attempt), (format!("a {part}").as_str(), 1));
        world.nothing_to_send().await;
        let ended = world.sent(&send, part).await;
        assert_eq!(ended.is_some(), part == 2, "the answer ends with its last part");
    }
    world.nothing_to_send().await;
}

pub(crate) async fn a_retried_part_goes_again_and_the_next_waits_for_it(world: World) {
    say(&world, -10, "a", 3).await;
    let first = world.begin_one().await;
    world.sent(&first, 1).await;
    let second = world.begin_one().await;
    let at = world.now() + Duration::from_secs(3);
    assert_eq!(world.end(&second, retry_at(at)).await, None);
    assert_eq!(world.nothing_to_send().await.next_at, Some(at));
    world.clock.set(at);
    let again = world.begin_one().await;
    assert_eq!((text(&again), again.id, again.attempt), ("a 1", second.id, 2));
    world.sent(&again, 2).await;
    assert_eq!(text(&world.begin_one().await), "a 2");
}

pub(crate) async fn a_blocked_chat_waits_and_the_others_do_not(world: World) {
    say(&world, -10, "a", 1).await;
    let send = world.begin_one().await;
    let at = world.now() + Duration::from_secs(7);
    let wait = Ended::RetryAt { at, blocks_chat: true, without_reply: false, problem: "429".to_owned() };
    world.end(&send, wait).await;
    say(&world, -10, "b", 1).await;
    say(&world, -20, "c", 1).await;
    let sends = world.begin(10, UNLIMITED).await;
    assert_eq!(sends.due.iter().map(text).collect::<Vec<_>>(), ["c 0"]);
    assert_eq!(sends.next_at, Some(at));
    world.clock.set(Timestamp(at.0 - 1));
    world.nothing_to_send().await;
    world.clock.set(at);
    assert_eq!(text(&world.begin_one().await), "a 0");
}

pub(crate) async fn a_send_without_its_reply_goes_to_the_chat_itself(world: World) {
    let mut outgoing = says(-10, "a", 1, world.now());
    outgoing.target.topic = Some(TopicId(4));
    world.store.say(outgoing, world.now()).await.unwrap();
    let send = world.begin_one().await;
    assert_eq!((send.target.topic, send.target.message_id), (Some(TopicId(4)), Some(MessageId(7))));
    let at = world.now();
    world.end(&send, Ended::RetryAt { at, blocks_chat: false, without_reply: true, problem: "gone".to_owned() }).await;
    let send = world.begin_one().await;
    assert_eq!((send.target.topic, send.target.message_id), (None, None));
}

pub(crate) async fn a_migrated_group_gets_its_messages_at_the_new_id(world: World) {
    say(&world, -10, "a", 2).await;
    say(&world, -10, "b", 1).await;
    let first = world.begin(1, UNLIMITED).await.due.remove(0);
    world.end(&first, Ended::Migrated { to: ChatId(-1_000) }).await;
    say(&world, -10, "c", 1).await;
    let mut arrived = Vec::new();
    while let Some(send) = world.begin(1, UNLIMITED).await.due.pop() {
        assert_eq!(send.chat.id, ChatId(-1_000), "{}", text(&send));
        assert_eq!(send.target.message_id, None, "a supergroup counts its messages anew");
        arrived.push(text(&send).to_owned());
        world.sent(&send, 1 + arrived.len() as i64).await;
    }
    assert_eq!(arrived, ["a 0", "a 1", "b 0", "c 0"]);
}

pub(crate) async fn a_send_that_meets_a_known_migration_arrives(world: World) {
    say(&world, -10, "a", 1).await;
    let send = world.begin_one().await;
    world.admit(1, -10).await;
    let claim = world.claim("a").await;
    let migrated = Some((ChatId(-10), ChatId(-1_000)));
    world.finish(&claim, FinishedTurn { migrated, ..FinishedTurn::default() }).await;
    world.end(&send, Ended::Migrated { to: ChatId(-1_000) }).await;
    let send = world.begin_one().await;
    assert_eq!(send.chat.id, ChatId(-1_000));
    world.sent(&send, 1).await;
    say(&world, -1_000, "b", 1).await;
    let send = world.begin_one().await;
    assert_eq!(send.target.message_id, Some(MessageId(7)), "replies in the new group work as ever");
    world.end(&send, refused(true)).await;
    say(&world, -1_000, "c", 1).await;
    assert_eq!(world.nothing_to_send().await.ended.len(), 1, "it can die as any chat can");
}

pub(crate) async fn a_chat_gets_one_message_at_a_time(world: World) {
    say(&world, -10, "a", 2).await;
    say(&world, -10, "b", 1).await;
    say(&world, -20, "c", 1).await;
    let sends = world.begin(10, UNLIMITED).await;
    assert_eq!(sends.due.iter().map(text).collect::<Vec<_>>(), ["a 0", "c 0"]);
    world.clock.set(sends.next_at.unwrap());
    world.sent(&sends.due[0], 1).await;
    let rest = world.begin_one().await;
    assert_eq!(text(&rest), "a 1", "the parts of an answer stay together");
    world.clock.set(world.nothing_to_send_yet().await);
    world.sent(&rest, 2).await;
    assert_eq!(text(&world.begin_one().await), "b 0");
}

pub(crate) async fn a_chat_whose_sender_died_is_looked_at_less_and_less_often(world: World) {
    say(&world, -10, "a", 1).await;
    world.begin_one().await;
    let left = world.now();
    say(&world, -10, "b", 1).await;
    let mut looks = 0;
    while world.now().since(left) < CALL_LIMIT {
        world.clock.set(world.nothing_to_send_yet().await);
        looks += 1;
    }
    assert!(looks < 100, "{looks} times in a minute");
    assert_eq!(text(&world.begin_one().await), "b 0");
}

pub(crate) async fn an_end_that_is_recorded_twice_does_not_end_the_next_call(world: World) {
    say(&world, -10, "a", 1).await;
    let first = world.begin_one().await;
    world.end(&first, retry_at(world.now())).await;
    let second = world.begin_one().await;
    let again = world.store.end_send("sender", first.id, first.attempt, retry_at(world.now()), world.now()).await;
    assert!(matches!(again, Err(StorageError::Fenced { .. })), "{again:?}");
    world.nothing_to_send().await;
    assert!(world.sent(&second, 1).await.is_some());
}

pub(crate) async fn an_unknown_part_does_not_stop_the_next(world: World) {
    say(&world, -10, "a", 2).await;
    let first = world.begin_one().await;
    assert_eq!(world.end(&first, unknown()).await, None);
    let second = world.begin_one().await;
    assert_eq!(text(&second), "a 1");
    let ended = world.sent(&second, 2).await.unwrap();
    assert_eq!(ended.state, "unknown", "whether all of it arrived is not known");
}

pub(crate) async fn a_refused_part_takes_the_rest_along(world: World) {
    say(&world, -10, "a", 3).await;
    let first = world.begin_one().await;
    world.sent(&first, 1).await;
    let second = world.begin_one().await;
    let ended = world.end(&second, refused(false)).await.unwrap();
    assert_eq!((ended.state, ended.kind), ("refused", OutgoingKind::Answer));
    assert_eq!(states(&world).await, counted(&[("refused", 2), ("sent", 1)]));
    world.nothing_to_send().await;
    say(&world, -10, "b", 1).await;
    assert_eq!(text(&world.begin_one().await), "b 0", "the chat itself lives");
}

pub(crate) async fn a_dead_chat_refuses_what_waits_until_it_writes_again(world: World) {
    say(&world, -10, "a", 1).await;
    say(&world, -10, "b", 2).await;
    say(&world, -20, "c", 1).await;
    let first = world.begin(1, UNLIMITED).await.due.remove(0);
    world.end(&first, refused(true)).await;
    let sends = world.begin(10, UNLIMITED).await;
    assert_eq!(sends.due.iter().map(text).collect::<Vec<_>>(), ["c 0"]);
    assert_eq!(sends.ended.iter().map(|ended| ended.state).collect::<Vec<_>>(), ["refused"], "one answer");
    world.remember(vec![message(-10, 50, "ми повернулися")]).await;
    say(&world, -10, "d", 1).await;
    assert_eq!(text(&world.begin_one().await), "d 0");
}

pub(crate) async fn an_answer_that_waited_too_long_expires(world: World) {
    say(&world, -10, "a", 2).await;
    let expires = world.now() + Duration::from_secs(600);
    let first = world.begin_one().await;
    world.clock.set(Timestamp(expires.0 - 1));
    world.sent(&first, 1).await;
    world.clock.set(expires);
    let sends = world.nothing_to_send().await;
    assert_eq!(sends.ended.iter().map(|ended| ended.state).collect::<Vec<_>>(), ["expired"]);
    assert_eq!(states(&world).await, counted(&[("expired", 1), ("sent", 1)]));
    assert_eq!(sends.next_at, None);
}

pub(crate) async fn an_answer_that_must_wait_past_its_end_expires_on_time(world: World) {
    world.answer(1, says(-10, "a", 1, world.now())).await;
    let expires = world.now() + Duration::from_secs(600);
    let send = world.begin_one().await;
    let at = world.now() + Duration::from_secs(7_200);
    world.end(&send, Ended::RetryAt { at, blocks_chat: true, without_reply: false, problem: "429".to_owned() }).await;
    say(&world, -10, "b", 1).await;
    assert_eq!(world.nothing_to_send().await.next_at, Some(expires));
    world.clock.set(expires);
    assert_eq!(world.nothing_to_send().await.ended.len(), 2);
    world.admit(2, -10).await;
    world.claim("a").await;
}

pub(crate) async fn a_clock_that_stepped_back_does_not_strand_a_send(world: World) {
    let true_time = world.now();
    world.seconds(2 * 86_400);
    say(&world, -10, "a", 1).await;
    say(&world, -20, "b", 1).await;
    let lost = world.begin(1, UNLIMITED).await.due.remove(0);
    world.clock.set(true_time);
    let send = world.begin_one().await;
    assert_eq!((text(&lost), text(&send)), ("a 0", "b 0"));
    assert_eq!(states(&world).await, counted(&[("sending", 1), ("unknown", 1)]));
}

pub(crate) async fn a_send_whose_sender_died_is_unknown_and_not_made_again(world: World) {
    say(&world, -10, "a", 2).await;
    let first = world.begin_one().await;
    world.advance(CALL_LIMIT - Duration::from_millis(1));
    world.nothing_to_send().await;
    world.advance(Duration::from_millis(1));
    let second = world.begin_one().await;
    assert_eq!(text(&second), "a 1", "its next part goes on");
    world.sent(&second, 2).await;
    assert_eq!(states(&world).await, counted(&[("sent", 1), ("unknown", 1)]));
    let late = world.store.end_send("sender", first.id, first.attempt, unknown(), world.now()).await;
    assert!(matches!(late, Err(StorageError::Fenced { .. })), "{late:?}");
}

pub(crate) async fn an_ended_send_is_fenced(world: World) {
    say(&world, -10, "a", 1).await;
    let send = world.begin_one().await;
    world.sent(&send, 1).await;
    for ended in [unknown(), refused(true), retry_at(world.now()), Ended::Migrated { to: ChatId(-1_000) }] {
        let again = world.store.end_send("sender", send.id, send.attempt, ended, world.now()).await;
        assert!(matches!(again, Err(StorageError::Fenced { .. })), "{again:?}");
    }
    world.nothing_to_send().await;
    assert_eq!(states(&world).await, counted(&[("sent", 1)]));
}

pub(crate) async fn an_end_that_is_recorded_again_says_the_same_and_changes_nothing(world: World) {
    let at = world.now();
    let addressed = NewOutgoing { addressed: vec![at], ..says(-10, "a", 2, at) };
    world.store.say(addressed, at).await.unwrap();
    let first = world.begin_one().await;
    assert_eq!((world.sent(&first, 1).await, world.sent(&first, 1).await), (None, None));
    let second = world.begin_one().await;
    let ended = world.sent(&second, 2).await;
    assert_eq!(ended.as_ref().map(|ended| &ended.addressed[..]), Some(&[AddressedOutcome::Answered][..]));
    assert_eq!(world.sent(&second, 2).await, ended, "for the first was not heard");
    say(&world, -20, "b", 1).await;
    let refused_one = world.begin_one().await;
    let ended = world.end(&refused_one, refused(true)).await;
    assert!(ended.is_some());
    assert_eq!(world.end(&refused_one, refused(true)).await, ended);
    assert_eq!(states(&world).await, counted(&[("refused", 1), ("sent", 2)]));
}

pub(crate) async fn a_message_that_was_given_up_and_arrived_is_remembered(world: World) {
    let at = world.now();
    let addressed = NewOutgoing { addressed: vec![at], why: Some(why()), ..says(-10, "a", 1, at) };
    world.store.say(addressed, at).await.unwrap();
    let send = world.begin_one().await;
    let message = own_message(&send, 5, at);
    let late = async |owner: &str, attempt: u32| {
        world.store.end_send_late(owner, send.id, attempt, message.clone(), world.now()).await.unwrap()
    };
    assert!(!late("sender", send.attempt).await, "it is on its way, not given up");
    world.advance(CALL_LIMIT);
    let ended = world.nothing_to_send().await;
    assert_eq!((ended.given_up, &ended.ended[0].addressed[..]), (1, &[AddressedOutcome::Unknown][..]));
    assert!(!late("another", send.attempt).await);
    assert!(!late("sender", send.attempt + 1).await);
    assert_eq!(states(&world).await, counted(&[("unknown", 1)]));
    assert!(world.window(-10, None, 9).await.is_empty());

    assert!(late("sender", send.attempt).await);
    assert!(late("sender", send.attempt).await, "asked again, it says the same");
    assert_eq!(states(&world).await, counted(&[("sent", 1)]));
    assert_eq!(world.window(-10, None, 9).await, std::slice::from_ref(&message));
    assert_eq!(world.store.why(message.chat.id, message.id).await.unwrap(), Some(why()));
    world.nothing_to_send().await;
}

pub(crate) async fn another_owners_send_cannot_be_ended(world: World) {
    say(&world, -10, "a", 1).await;
    let send = world.begin_one().await;
    let stolen = world.store.end_send("another", send.id, send.attempt, retry_at(world.now()), world.now()).await;
    assert!(matches!(stolen, Err(StorageError::Fenced { .. })), "{stolen:?}");
    assert!(world.sent(&send, 1).await.is_some());
}

pub(crate) async fn what_is_sent_is_remembered(world: World) {
    world.remember(vec![message(-10, 1, "питання")]).await;
    say(&world, -10, "answer", 2).await;
    for id in [2, 4] {
        let send = world.begin_one().await;
        world.sent(&send, id).await;
    }
    world.remember(vec![message(-10, 3, "між частинами")]).await;
    let texts: Vec<String> = world.window(-10, None, 10).await.into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["питання", "answer 0", "між частинами", "answer 1"]);
}

pub(crate) async fn begin_takes_no_more_than_it_is_asked_for(world: World) {
    for chat in 1..=5 {
        say(&world, -chat, &format!("{chat}"), 1).await;
    }
    let first = world.begin(2, UNLIMITED).await;
    assert_eq!(first.due.iter().map(text).collect::<Vec<_>>(), ["1 0", "2 0"], "the oldest");
    assert_eq!(first.next_at, Some(world.now()), "more may go at once");
    let rest = world.begin(10, UNLIMITED).await;
    assert_eq!(rest.due.iter().map(text).collect::<Vec<_>>(), ["3 0", "4 0", "5 0"]);
    assert_eq!(rest.next_at, None);
}

pub(crate) async fn a_delayed_answer_is_not_overtaken_in_its_chat(world: World) {
    let limits = SendLimits { chat_per_second: 1, ..UNLIMITED };
    say(&world, -10, "a", 1).await;
    let send = world.begin(10, limits).await.due.remove(0);
    world.sent(&send, 1).await;
    say(&world, -10, "b", 1).await;
    let next = world.begin(10, limits).await.next_at.unwrap();
    world.clock.set(Timestamp(next.0 - 1));
    say(&world, -10, "c", 1).await;
    world.clock.set(next);
    let mut due = Vec::new();
    for _ in 0..3 {
        due.extend(world.begin(10, limits).await.due);
    }
    assert_eq!(due.iter().map(text).collect::<Vec<_>>(), ["b 0"], "it waits the longest");
}

pub(crate) async fn entities_and_flags_come_back_whole(world: World) {
    let kinds = [
        EntityKind::Bold,
        EntityKind::Italic,
        EntityKind::Underline,
        EntityKind::Strikethrough,
        EntityKind::Spoiler,
        EntityKind::Code,
        EntityKind::Pre { language: None },
        EntityKind::Pre { language: Some("rust".to_owned()) },
        EntityKind::TextLink { url: "https://example.org/?a=1&b=\"2\"".to_owned() },
        EntityKind::Blockquote,
    ];
    let entities = kinds.into_iter().zip(0..).map(|(kind, offset)| Entity { kind, offset, length: 3 }).collect();
    let rich = RichText { text: "text with 'quotes' 🙂".to_owned(), entities };
    let outgoing = NewOutgoing {
        kind: OutgoingKind::Notice,
        parts: vec![rich.clone()],
        silent: true,
        ..says(10, "x", 1, world.now())
    };
    world.store.say(outgoing.clone(), world.now()).await.unwrap();
    let send = world.begin_one().await;
    assert_eq!((send.text, send.silent, send.kind), (rich, true, OutgoingKind::Notice));
    assert_eq!((send.chat, send.target), (outgoing.chat, outgoing.target));
}

pub(crate) async fn the_depth_and_the_counts_name_every_state(world: World) {
    assert_eq!(world.store.outbox_depth().await.unwrap(), OutboxDepth::default());
    let begun = world.now();
    say(&world, -10, "a", 3).await;
    world.seconds(1);
    say(&world, -20, "b", 1).await;
    world.begin(1, UNLIMITED).await;
    let depth = world.store.outbox_depth().await.unwrap();
    let mut by_state = depth.by_state;
    by_state.sort();
    assert_eq!(by_state, counted(&[("queued", 2), ("ready", 1), ("sending", 1)]));
    assert_eq!(depth.oldest, Some(begun));
    assert_eq!(states(&world).await, counted(&[("queued", 2), ("ready", 1), ("sending", 1)]));
}

//! A group that became a supergroup: what was known of it is known of it under its new id.

use gryag::{
    clock::kyiv_day,
    domain::{ChatId, Message, MessageId, OutgoingKind, ReplyTo},
    storage::{FinishedTurn, NewOutgoing},
};

use crate::{
    spend::call,
    world::{World, message, says},
};

const OLD: i64 = -10;
const NEW: i64 = -1_000;

/// Telegram tells in one of the two groups that this happened.
async fn migrate(world: &World, key: i64) {
    world.admit(key, OLD).await;
    let claim = world.claim("a").await;
    let turn = FinishedTurn { migrated: Some((ChatId(OLD), ChatId(NEW))), ..FinishedTurn::default() };
    world.finish(&claim, turn).await;
}

fn texts(window: &[Message]) -> Vec<&str> {
    window.iter().map(|message| message.text.as_str()).collect()
}

fn album(id: i64, text: &str) -> Message {
    Message { album: Some("a".to_owned()), ..message(OLD, id, text) }
}

pub(crate) async fn a_groups_memory_follows_it_to_its_new_id(world: World) {
    let answers = ReplyTo { message_id: MessageId(2), author: None, text: None, media: None };
    let reply = Message { reply_to: Some(answers), ..message(OLD, 5, "five") };
    let old = vec![message(OLD, 1, "one"), message(OLD, 2, "two"), album(3, "three"), album(4, ""), reply];
    world.remember(old).await;
    world.remember(vec![message(NEW, 1, "six")]).await;
    for key in [1, 2] {
        // Both groups are told, and every send that finds out tells it too.
        migrate(&world, key).await;
        assert!(world.window(OLD, None, 9).await.is_empty());
        let window = world.window(NEW, None, 9).await;
        assert_eq!(texts(&window), ["one", "two", "three", "five", "six"], "round {key}");
        assert!(window.iter().all(|message| message.chat.id == ChatId(NEW)));
        let answered = window[3].reply_to.as_ref().expect("a reply").message_id;
        let answered = world.store.message(ChatId(NEW), answered).await.unwrap();
        assert_eq!(answered.map(|message| message.text).as_deref(), Some("two"));
    }
    assert!(world.store.album_is_known(ChatId(NEW), "a").await.unwrap());
    world.remember(vec![message(NEW, 2, "seven")]).await;
    assert_eq!(texts(&world.window(NEW, None, 3).await), ["five", "six", "seven"]);
    assert_eq!(texts(&world.window_by(NEW, None, 4, 2).await), ["three", "five", "six", "seven"], "by blocks as ever");
    assert_eq!(world.store.message(ChatId(NEW), MessageId(1)).await.unwrap().unwrap().text, "six", "its own id");
}

pub(crate) async fn a_long_memory_follows_in_steps_the_newest_first(world: World) {
    let texts_of = |range: std::ops::RangeInclusive<i64>| range.map(|id| format!("{id}")).collect::<Vec<_>>();
    world.remember((1..=1_500).map(|id| message(OLD, id, &format!("{id}"))).collect()).await;
    migrate(&world, 1).await;
    assert_eq!(texts(&world.window(NEW, None, 2_000).await), texts_of(501..=1_500));
    world.remember(vec![message(NEW, 1, "1501")]).await;
    assert_eq!(world.store.follow_migrations(400).await.unwrap(), 400);
    assert_eq!(world.store.follow_migrations(400).await.unwrap(), 100);
    assert_eq!(world.store.follow_migrations(400).await.unwrap(), 0);
    assert_eq!(texts(&world.window(NEW, None, 2_000).await), texts_of(1..=1_501));
}

pub(crate) async fn what_a_group_spent_and_was_told_follows_it(world: World) {
    world.admit(1, OLD).await;
    let claim = world.claim("a").await;
    let line = NewOutgoing { kind: OutgoingKind::FailureLine, ..says(OLD, "ой", 1, world.now()) };
    let turn = FinishedTurn {
        calls: vec![call(world.now(), OLD, Some(5))],
        failure_line: Some(line.clone()),
        ..FinishedTurn::default()
    };
    assert!(world.finish(&claim, turn).await.failure_line_said);
    let send = world.begin_one().await;
    world.sent(&send, 9).await;
    let day = kyiv_day(world.now());
    let spent = world.store.spent(day, ChatId(OLD), Vec::new()).await.unwrap().chat;
    migrate(&world, 2).await;
    migrate(&world, 3).await;
    assert_eq!(world.store.spent(day, ChatId(NEW), Vec::new()).await.unwrap().chat, spent);

    world.admit(4, NEW).await;
    let claim = world.claim("a").await;
    let line = NewOutgoing { chat: says(NEW, "ой", 1, world.now()).chat, ..line };
    let end = world.finish(&claim, FinishedTurn { failure_line: Some(line), ..FinishedTurn::default() }).await;
    assert!(!end.failure_line_said, "the same people have just heard one");
}

//! What people may have left out, shown and forgotten.

use std::time::Duration;

use gryag::{
    domain::{Author, AuthorKind, ChatId, Forwarded, Message, MessageId, Quote, ReplyTo, Timestamp, UpdateKey, UserId},
    storage::{Deletion, FinishedTurn, ForgetStep, Verdict},
};

use crate::world::{START, World, message, says, talk, update};

const OLYA: UserId = UserId(5);
const TARAS: UserId = UserId(6);

fn by(person: UserId, message: Message) -> Message {
    let name = if person == OLYA { "Оля" } else { "Тарас" };
    let author = Author { kind: AuthorKind::Person, id: person, name: name.to_owned(), username: None };
    Message { author, ..message }
}

/// Taras replies to a message of Olya's and quotes it.
fn quoting(chat: i64, id: i64, replied: i64, quote: &str) -> Message {
    Message {
        reply_to: Some(ReplyTo { message_id: MessageId(replied), author: None, text: None, media: None }),
        quote: Some(Quote { text: quote.to_owned(), author: Some(OLYA) }),
        ..by(TARAS, message(chat, id, "згоден"))
    }
}

fn forwarding(chat: i64, id: i64, text: &str) -> Message {
    let forwarded_from = Some(Forwarded { name: "Оля".to_owned(), author: Some(OLYA) });
    Message { forwarded_from, ..by(TARAS, message(chat, id, text)) }
}

fn own(chat: i64, id: i64, replied: i64, text: &str) -> Message {
    let author = Author { kind: AuthorKind::Own, id: UserId(1), name: "Гряг".to_owned(), username: None };
    let reply_to = Some(ReplyTo { message_id: MessageId(replied), author: None, text: None, media: None });
    Message { author, reply_to, ..message(chat, id, text) }
}

async fn texts(world: &World, chat: i64) -> Vec<String> {
    let quoted = |message: Message| match message.quote {
        Some(quote) => format!("«{}» {}", quote.text, message.text),
        None => message.text,
    };
    world.window(chat, None, 100).await.into_iter().map(quoted).collect()
}

pub(crate) async fn who_opted_out_is_neither_remembered_nor_shown(world: World) {
    world.remember(vec![by(OLYA, message(-10, 1, "таємниця")), by(TARAS, message(-10, 2, "відкрите"))]).await;
    world.remember(vec![quoting(-10, 3, 1, "таєм"), forwarding(-10, 4, "таємниця")]).await;
    assert!(world.store.opt_out(OLYA, world.now()).await.unwrap());
    assert!(!world.store.opt_out(OLYA, world.now()).await.unwrap(), "told once");
    assert_eq!(texts(&world, -10).await, ["відкрите", "згоден"], "what was remembered is hidden");
    assert!(world.store.message(ChatId(-10), MessageId(1)).await.unwrap().is_none());
    world.remember(vec![by(OLYA, message(-10, 5, "ще таємниця")), quoting(-10, 6, 5, "ще")]).await;
    world.remember(vec![forwarding(-10, 7, "ще таємниця")]).await;
    assert!(world.store.opt_in(OLYA).await.unwrap());
    assert!(!world.store.opt_in(OLYA).await.unwrap());
    let after = ["таємниця", "відкрите", "«таєм» згоден", "таємниця", "згоден"];
    assert_eq!(texts(&world, -10).await, after, "what came meanwhile was never stored");
    world.remember(vec![by(OLYA, message(-10, 8, "знову тут"))]).await;
    assert_eq!(texts(&world, -10).await.last().unwrap(), "знову тут");
}

pub(crate) async fn a_ban_is_set_and_lifted_once(world: World) {
    assert!(world.store.ban(OLYA, START).await.unwrap());
    assert!(!world.store.ban(OLYA, world.now()).await.unwrap());
    assert_eq!(world.store.person(OLYA).await.unwrap().banned_at, Some(START));
    assert_eq!(world.store.standing(ChatId(-10), vec![OLYA, TARAS]).await.unwrap().banned, [OLYA]);
    assert!(world.store.unban(OLYA).await.unwrap());
    assert!(!world.store.unban(OLYA).await.unwrap());
    assert_eq!(world.store.person(OLYA).await.unwrap().banned_at, None);
}

pub(crate) async fn being_forgotten_takes_two_updates_within_ten_minutes(world: World) {
    let ask = async |key| world.store.ask_to_forget(OLYA, UpdateKey(key), world.now()).await.unwrap();
    assert_eq!(ask(1).await, ForgetStep::Asked);
    assert_eq!(ask(1).await, ForgetStep::Asked, "the same update again is not a second step");
    world.seconds(601);
    assert_eq!(ask(2).await, ForgetStep::Asked, "too late");
    world.seconds(599);
    assert_eq!(ask(3).await, ForgetStep::Confirmed);
    world.store.forget_person(OLYA, Some(UpdateKey(3)), world.now()).await.unwrap();
    assert_eq!(ask(4).await, ForgetStep::Asked, "the next time begins anew");
    assert_eq!(world.store.ask_to_forget(TARAS, UpdateKey(5), world.now()).await.unwrap(), ForgetStep::Asked);
}

pub(crate) async fn a_forgotten_person_leaves_no_word_and_the_others_stay(world: World) {
    world.remember(vec![by(OLYA, message(-10, 1, "таємниця")), by(TARAS, message(-10, 2, "відкрите"))]).await;
    world.remember(vec![quoting(-10, 3, 1, "таєм"), forwarding(-10, 4, "таємниця"), own(-10, 5, 1, "таємниця?")]).await;
    world.remember(vec![own(-10, 6, 2, "справді відкрите"), by(OLYA, message(-11, 1, "і тут"))]).await;
    world.remember(vec![by(OLYA, message(5, 1, "наодинці")), own(5, 2, 99, "наодинці?")]).await;
    let forgotten = world.store.forget_person(OLYA, None, world.now()).await.unwrap();
    assert_eq!((forgotten.messages, forgotten.traces), (4, 3));
    assert_eq!(texts(&world, -10).await, ["відкрите", "згоден", "справді відкрите"]);
    assert!(texts(&world, -11).await.is_empty());
    assert!(texts(&world, 5).await.is_empty());
    let again = world.store.forget_person(OLYA, None, world.now()).await.unwrap();
    assert_eq!((again.messages, again.traces), (0, 0), "a repetition is harmless");
    let record = world.store.person(OLYA).await.unwrap();
    assert_eq!(record.forgotten_at, Some(world.now()));
}

pub(crate) async fn a_person_of_many_messages_is_forgotten_whole(world: World) {
    for start in [0, 1_000, 2_000] {
        world.remember((1..=1_000).map(|id| by(OLYA, message(-10, start + id, "слово"))).collect()).await;
    }
    world.remember(vec![by(TARAS, message(-10, 9_000, "а я ні"))]).await;
    assert_eq!(world.store.forget_person(OLYA, None, world.now()).await.unwrap().messages, 3_000);
    assert_eq!(texts(&world, -10).await, ["а я ні"]);
}

pub(crate) async fn what_was_on_its_way_is_not_remembered_after_the_forgetting(world: World) {
    let before = Message { sent_at: world.now(), ..by(OLYA, message(-10, 1, "ще в дорозі")) };
    world.seconds(1);
    world.store.forget_person(OLYA, None, world.now()).await.unwrap();
    let edited_at = Some(world.now() + Duration::from_secs(5));
    world.remember(vec![before.clone(), Message { edited_at, ..before }]).await;
    assert!(texts(&world, -10).await.is_empty());
    let after = Message { sent_at: world.now() + Duration::from_secs(1), ..by(OLYA, message(-10, 2, "нове")) };
    world.remember(vec![after]).await;
    assert_eq!(texts(&world, -10).await, ["нове"], "forgetting is no opting out");
}

/// A body as Telegram sends it.
fn body(key: i64, from: UserId, words: &str) -> String {
    format!(
        r#"{{"update_id":{key},"message":{{"message_id":{key},"chat":{{"id":-10}},"from":{{"id":{}}},"text":"{words}"}}}}"#,
        from.0
    )
}

pub(crate) async fn a_forgotten_persons_raw_updates_are_emptied(world: World) {
    let admit = async |key, from, words| {
        let body = body(key, from, words).into();
        world.store.admit(gryag::storage::NewUpdate { body, ..update(key, talk(-10), world.now()) }).await.unwrap();
    };
    admit(1, OLYA, "мертве").await;
    let claim = world.claim("worker").await;
    let dead = (UpdateKey(1), Verdict::Dead { problem: "poison".to_owned() });
    world.finish(&claim, FinishedTurn { verdicts: vec![dead], ..FinishedTurn::default() }).await;
    admit(2, OLYA, "чекає").await;
    admit(3, TARAS, "теж чекає").await;
    admit(4, OLYA, "/forget_me").await;
    let forgotten = world.store.forget_person(OLYA, Some(UpdateKey(4)), world.now()).await.unwrap();
    assert_eq!(forgotten.updates, 2);
    let (letter, body) = world.store.dead_letter(UpdateKey(1)).await.unwrap().unwrap();
    assert_eq!((letter.body_bytes, body.len()), (0, 0));
    assert!(!world.store.retry_dead(UpdateKey(1), world.now()).await.unwrap());
    let claim = world.claim("worker").await;
    assert_eq!(crate::world::keys(&claim), [3, 4], "her own is gone, but for the one that asks for it");
}

pub(crate) async fn an_unsent_answer_to_a_forgotten_person_is_not_sent(world: World) {
    world.remember(vec![by(OLYA, message(-10, 7, "таємниця"))]).await;
    world.answer(1, says(-10, "таємниця?", 2, world.now())).await;
    world.admit(2, -10).await;
    assert!(world.claims("worker").await.is_empty(), "its lane waits for it");
    world.store.forget_person(OLYA, None, world.now()).await.unwrap();
    world.nothing_to_send().await;
    world.claim("worker").await;
}

pub(crate) async fn what_answers_a_forgotten_message_is_not_remembered(world: World) {
    world.remember(vec![by(OLYA, message(-10, 7, "таємниця"))]).await;
    world.answer(1, says(-10, "таємниця?", 1, world.now())).await;
    let send = world.begin_one().await;
    world.store.forget_message(ChatId(-10), MessageId(7), world.now()).await.unwrap();
    world.end(&send, gryag::storage::Ended::Sent(Box::new(own(-10, 8, 7, "таємниця?")))).await;
    assert!(texts(&world, -10).await.is_empty());
}

pub(crate) async fn a_forgotten_message_stays_forgotten(world: World) {
    world.remember(vec![by(OLYA, message(-10, 1, "таємниця")), by(OLYA, message(-10, 2, "інше"))]).await;
    world.remember(vec![quoting(-10, 3, 1, "таєм"), quoting(-10, 4, 2, "інше"), own(-10, 5, 1, "таємниця?")]).await;
    assert!(world.store.forget_message(ChatId(-10), MessageId(1), world.now()).await.unwrap());
    assert!(!world.store.forget_message(ChatId(-10), MessageId(1), world.now()).await.unwrap());
    let edited_at = Some(world.now());
    world.remember(vec![Message { edited_at, ..by(OLYA, message(-10, 1, "таємниця, виправлена")) }]).await;
    world.remember(vec![by(OLYA, message(-10, 1, "таємниця"))]).await;
    assert_eq!(texts(&world, -10).await, ["інше", "згоден", "«інше» згоден"]);
    assert!(world.store.forget_message(ChatId(-10), MessageId(77), world.now()).await.is_ok_and(|known| !known));
    world.remember(vec![by(OLYA, message(-10, 77, "була ще в дорозі")), by(OLYA, message(-11, 1, "не те"))]).await;
    assert_eq!(texts(&world, -10).await.len(), 3);
    assert_eq!(texts(&world, -11).await, ["не те"], "an id is one chat's own");
}

pub(crate) async fn a_forgotten_picture_takes_its_album_along(world: World) {
    let picture = |id, text| Message { album: Some("album".to_owned()), ..by(OLYA, message(-10, id, text)) };
    world
        .remember(vec![picture(1, ""), picture(2, "підпис"), picture(3, ""), by(TARAS, message(-10, 4, "гарно"))])
        .await;
    world.store.forget_message(ChatId(-10), MessageId(3), world.now()).await.unwrap();
    assert_eq!(texts(&world, -10).await, ["гарно"]);
    assert!(world.store.message(ChatId(-10), MessageId(2)).await.unwrap().is_none());
}

pub(crate) async fn an_export_is_all_of_a_person_and_nothing_of_others(world: World) {
    world.remember(vec![by(OLYA, message(-10, 1, "перше")), by(TARAS, message(-10, 2, "чуже"))]).await;
    let later = Timestamp(START.0 + 1_000);
    world.remember(vec![Message { sent_at: later, ..by(OLYA, message(5, 1, "друге")) }]).await;
    world.store.opt_out(OLYA, later).await.unwrap();
    let export = world.store.export_person(OLYA, 10).await.unwrap();
    let said: Vec<_> = export.messages.iter().map(|message| (message.chat.id.0, message.text.as_str())).collect();
    assert_eq!(said, [(5, "друге"), (-10, "перше")], "hidden from all eyes but theirs");
    assert!(!export.is_partial);
    assert_eq!(export.record.opted_out_at, Some(later));
    let part = world.store.export_person(OLYA, 1).await.unwrap();
    assert_eq!((part.messages.len(), part.is_partial), (1, true));
    assert!(world.store.export_person(UserId(77), 10).await.unwrap().messages.is_empty());
}

pub(crate) async fn the_ledger_of_deletions_holds_ids_and_times(world: World) {
    world.remember(vec![by(OLYA, message(-10, 1, "таємниця"))]).await;
    world.store.forget_message(ChatId(-10), MessageId(1), START).await.unwrap();
    world.seconds(60);
    world.store.forget_person(TARAS, None, world.now()).await.unwrap();
    let message = Deletion { at: START, person: None, chat: Some(ChatId(-10)), message: Some(MessageId(1)) };
    let person = Deletion { at: world.now(), person: Some(TARAS), chat: None, message: None };
    assert_eq!(world.store.deletions(START).await.unwrap(), [message, person]);
    assert_eq!(world.store.deletions(Timestamp(START.0 + 1)).await.unwrap(), [person]);
    assert!(world.store.wipe_traces().await.unwrap());
    world.seconds(20);
    assert!(world.store.wipe_traces().await.unwrap());
    assert!(world.store.wipe_traces().await.unwrap(), "and there is nothing more to do");
}

pub(crate) async fn calls_of_models_lose_a_forgotten_person(world: World) {
    world.admit(1, -10).await;
    let claim = world.claim("worker").await;
    let call = crate::spend::call(START, -10, Some(OLYA.0));
    world.finish(&claim, FinishedTurn { calls: vec![call], ..FinishedTurn::default() }).await;
    assert_eq!(world.store.export_person(OLYA, 10).await.unwrap().calls.len(), 1);
    world.store.forget_person(OLYA, None, world.now()).await.unwrap();
    assert!(world.store.export_person(OLYA, 10).await.unwrap().calls.is_empty());
}

//! The talk budget's books.

use std::time::Duration;

use gryag::{
    domain::{ChatId, MessageId, OutgoingKind, TalkAllowance, Timestamp, Unasked, UnaskedKind, UserId},
    storage::{FinishedTurn, NewOutgoing, NewSilence, NewUnasked, QuietRequest, Reception, TalkNotes},
};

use crate::{
    spend::call,
    world::{World, message, says},
};

const CHAT: ChatId = ChatId(-10);
const HOUR: Duration = Duration::from_secs(3_600);
const PLENTY: TalkAllowance = TalkAllowance {
    hour_quarters: 12,
    day_quarters: 60,
    after_words: Duration::from_secs(600),
    after_anything: Duration::from_secs(150),
};

fn notes() -> TalkNotes {
    TalkNotes::of(CHAT)
}

fn line(text: &str, now: Timestamp) -> NewUnasked {
    let says = NewOutgoing { kind: OutgoingKind::Unasked, ..says(CHAT.0, text, 1, now) };
    NewUnasked { kind: UnaskedKind::Line, allowance: PLENTY, says: Some(says) }
}

/// A turn that leaves these notes; how much of the unasked was said.
async fn turn(world: &World, key: i64, notes: TalkNotes) -> u32 {
    world.admit(key, CHAT.0).await;
    let claim = world.claim("a").await;
    let remembered = vec![message(CHAT.0, key, "слово")];
    let turn = FinishedTurn { remembered, talk: Some(notes), ..FinishedTurn::default() };
    world.finish(&claim, turn).await.unasked_said
}

async fn say(world: &World, key: i64) -> u32 {
    turn(world, key, TalkNotes { unasked: vec![line("до слова", world.now())], ..notes() }).await
}

async fn said(world: &World) -> Vec<Unasked> {
    world.store.talk_log(CHAT, world.now()).await.unwrap().unasked
}

async fn hush(world: &World, until: Timestamp) {
    let silence = NewSilence { by: UserId(5), until, is_counted: false };
    world.store.silence(CHAT, silence, world.now()).await.unwrap();
}

pub(crate) async fn the_talk_log_counts_a_days_people_and_what_was_said_unasked(world: World) {
    turn(&world, 1, TalkNotes { people: 3, addressed: 1, ..notes() }).await;
    world.advance(12 * HOUR);
    turn(&world, 2, TalkNotes { people: 4, unasked: vec![line("о", world.now())], ..notes() }).await;
    let log = world.store.talk_log(CHAT, world.now()).await.unwrap();
    assert_eq!(log.people_last_day, 7);
    assert_eq!(log.unasked, [Unasked { at: world.now(), kind: UnaskedKind::Line, reception: 0 }]);
    world.advance(12 * HOUR);
    let log = world.store.talk_log(CHAT, world.now()).await.unwrap();
    assert_eq!(log.people_last_day, 4, "what was written a day ago counts no more");
    assert_eq!(world.store.talk_log(ChatId(-20), world.now()).await.unwrap().people_last_day, 0);
}

pub(crate) async fn what_is_unasked_is_taken_from_the_budget_when_it_is_said(world: World) {
    assert_eq!(say(&world, 1).await, 1);
    assert_eq!(say(&world, 2).await, 0, "another replica has just said something: this line is dropped");
    assert_eq!(world.begin_one().await.kind, OutgoingKind::Unasked);
    world.seconds(600);
    assert_eq!(say(&world, 3).await, 1);
    world.seconds(600);
    let spent = NewUnasked {
        allowance: TalkAllowance { hour_quarters: 11, ..PLENTY },
        ..line("третя за годину", world.now())
    };
    let both = [NewUnasked { kind: UnaskedKind::Reaction, ..spent.clone() }, spent];
    assert_eq!(
        turn(&world, 4, TalkNotes { unasked: both.to_vec(), ..notes() }).await,
        1,
        "a reaction weighs a quarter"
    );
    let kinds: Vec<UnaskedKind> = said(&world).await.into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [UnaskedKind::Line, UnaskedKind::Line, UnaskedKind::Reaction]);
}

pub(crate) async fn silence_drops_what_is_not_sent_and_refuses_more(world: World) {
    say(&world, 1).await;
    world.answer(2, says(-20, "інший чат", 1, world.now())).await;
    hush(&world, world.now() + HOUR).await;
    let sends = world.begin(10, crate::world::UNLIMITED).await.due;
    assert_eq!(sends.len(), 1, "only the other chat's is left");
    assert_eq!(sends[0].chat.id, ChatId(-20));
    let standing = world.store.standing(CHAT, Vec::new()).await.unwrap();
    assert_eq!(standing.chat.silent_until, Some(world.now() + HOUR));
    world.seconds(1_800);
    assert_eq!(say(&world, 3).await, 0);
    hush(&world, world.now()).await;
    assert_eq!(say(&world, 4).await, 1, "the silence was lifted");
    let counted = NewSilence { by: UserId(5), until: world.now(), is_counted: true };
    turn(&world, 5, TalkNotes { silence: Some(counted), ..notes() }).await;
    assert_eq!(world.store.silences(CHAT, UserId(5), world.now() - HOUR).await.unwrap(), 1);
}

pub(crate) async fn a_grave_moment_drops_what_is_not_sent_and_is_never_shortened(world: World) {
    say(&world, 1).await;
    let until = world.now() + 3 * HOUR;
    turn(&world, 2, TalkNotes { grave_until: Some(until), ..notes() }).await;
    world.nothing_to_send().await;
    turn(&world, 3, TalkNotes { grave_until: Some(until - HOUR), ..notes() }).await;
    assert_eq!(world.store.standing(CHAT, Vec::new()).await.unwrap().chat.grave_until, Some(until));
    world.advance(2 * HOUR);
    assert_eq!(say(&world, 4).await, 0);
    world.advance(HOUR);
    assert_eq!(say(&world, 5).await, 1);
}

pub(crate) async fn a_line_learns_its_message_and_how_it_was_taken(world: World) {
    say(&world, 1).await;
    let send = world.begin_one().await;
    world.sent(&send, 77).await;
    let like = |message, sign| Reception { message: MessageId(message), sign };
    let receptions = vec![like(77, 1), like(77, 1), like(78, -1)];
    turn(&world, 2, TalkNotes { receptions, ..notes() }).await;
    assert_eq!(said(&world).await[0].reception, 2);
    turn(&world, 3, TalkNotes { receptions: vec![like(77, -1); 9], ..notes() }).await;
    assert_eq!(said(&world).await[0].reception, -3, "one line does not decide for a week");
}

pub(crate) async fn no_lane_waits_for_what_nobody_asked_for(world: World) {
    say(&world, 1).await;
    world.admit(2, CHAT.0).await;
    assert_eq!(world.claims("a").await.len(), 1);
}

pub(crate) async fn only_quiet_groups_that_talk_to_the_bot_are_found(world: World) {
    let request = QuietRequest { quiet_for: HOUR, quiet_at_most: 3 * HOUR, spoken_to_within: 48 * HOUR, limit: 10 };
    let found = async || world.store.quiet_chats(request, world.now()).await.unwrap();
    let heard = |spoken_to_at| TalkNotes { people: 1, heard_at: Some(world.now()), spoken_to_at, ..notes() };
    turn(&world, 1, heard(None)).await;
    world.advance(2 * HOUR);
    assert!(found().await.is_empty(), "nobody ever talked to it there");
    turn(&world, 2, heard(Some(world.now()))).await;
    assert!(found().await.is_empty(), "somebody has just written");
    world.advance(2 * HOUR);
    let quiet = found().await;
    assert_eq!((quiet.len(), quiet[0].chat.id, quiet[0].heard_at), (1, CHAT, world.now() - 2 * HOUR));
    hush(&world, world.now() + HOUR).await;
    assert!(found().await.is_empty(), "somebody wanted silence");
    world.advance(2 * HOUR);
    assert!(found().await.is_empty(), "it has been quiet for too long");
}

pub(crate) async fn a_spontaneous_line_is_taken_from_the_budget_too(world: World) {
    let speak = async || {
        let unasked = NewUnasked { kind: UnaskedKind::Spontaneous, ..line("чого тихо", world.now()) };
        world.store.say_unasked(CHAT, unasked, vec![call(world.now(), CHAT.0, None)], world.now()).await.unwrap()
    };
    assert!(speak().await);
    assert!(!speak().await);
    assert_eq!(said(&world).await.len(), 1);
    let declined = NewUnasked { kind: UnaskedKind::Declined, says: None, ..line("", world.now()) };
    world.seconds(600);
    assert!(!world.store.say_unasked(CHAT, declined, Vec::new(), world.now()).await.unwrap());
    assert_eq!(said(&world).await.len(), 2, "that the model was asked is noted");
    let figures = world.store.model_figures(world.now() - HOUR).await.unwrap();
    assert_eq!(figures[0].calls, 2, "a dropped line was paid for");
}

//! What calls cost, by day, and the answers that may be given again.

use std::time::Duration;

use gryag::{
    clock::kyiv_day,
    domain::{
        Author, AuthorKind, ChatId, Cost, Day, Message, MessageId, OutgoingKind, Spent, Tally, Timestamp, TokenUsage,
        UserId,
    },
    storage::{
        ANSWER_BYTES_MAX, ANSWER_KEPT, ANSWERS_MAX, CHAT_ANSWERS_MAX, FinishedTurn, KeptAnswer, LimitLine, ModelCall,
        NewKeptAnswer, NewOutgoing, QuestionKey, Spender,
    },
};

use crate::world::{World, message, says};

const DAY: Duration = Duration::from_secs(86_400);

/// A call of 120 tokens that cost 700.
pub(crate) fn call(at: Timestamp, chat: i64, user: Option<i64>) -> ModelCall {
    ModelCall {
        at,
        chat: ChatId(chat),
        user: user.map(UserId),
        purpose: "answer",
        model: "a model".to_owned(),
        outcome: "answered",
        took: Duration::from_millis(900),
        usage: TokenUsage { prompt: 100, cached: 40, thoughts: 5, answer: 15 },
        cost: Cost { nano_usd: Some(700), counted_nano_usd: 700 },
        is_unasked: false,
    }
}

/// The same with a price that nobody knows.
fn unpriced(at: Timestamp, chat: i64, user: Option<i64>) -> ModelCall {
    ModelCall { cost: Cost { nano_usd: None, counted_nano_usd: 9_000 }, ..call(at, chat, user) }
}

async fn finish(world: &World, key: i64, chat: i64, turn: FinishedTurn) {
    world.admit(key, chat).await;
    let claim = world.claim("a").await;
    world.finish(&claim, turn).await;
}

async fn spent(world: &World, chat: i64, people: &[i64]) -> Spent {
    let people = people.iter().map(|id| UserId(*id)).collect();
    world.store.spent(kyiv_day(world.now()), ChatId(chat), people).await.unwrap()
}

pub(crate) async fn a_turns_calls_are_added_up_for_the_bot_the_chat_and_the_person(world: World) {
    let now = world.now();
    let unasked = ModelCall { is_unasked: true, ..call(now, -10, None) };
    let calls = vec![call(now, -10, Some(5)), unpriced(now, -10, Some(5)), unasked];
    finish(&world, 1, -10, FinishedTurn { calls, ..FinishedTurn::default() }).await;
    finish(&world, 2, -20, FinishedTurn { calls: vec![call(now, -20, Some(5))], ..FinishedTurn::default() }).await;
    let sums = spent(&world, -10, &[5, 6]).await;
    let one = Tally { calls: 1, nano_usd: 700, counted_nano_usd: 700, ..Tally::default() };
    let chat =
        Tally { calls: 3, nano_usd: 1_400, counted_nano_usd: 10_400, unasked_nano_usd: 700, unpriced_tokens: 120 };
    assert_eq!(sums.chat, chat);
    assert_eq!(sums.bot, Tally { calls: 4, nano_usd: 2_100, counted_nano_usd: 11_100, ..chat });
    let person =
        Tally { calls: 3, nano_usd: 1_400, counted_nano_usd: 10_400, unasked_nano_usd: 0, unpriced_tokens: 120 };
    assert_eq!((sums.people[0].user, sums.people[0].tally), (UserId(5), person), "in all chats");
    assert_eq!((sums.people[1].user, sums.people[1].tally), (UserId(6), Tally::default()));
    assert_eq!(spent(&world, -20, &[]).await.chat, one);
    assert_eq!(spent(&world, -30, &[]).await.chat, Tally::default());
}

pub(crate) async fn calls_without_a_turn_are_kept_too(world: World) {
    world.store.keep_calls(vec![call(world.now(), -10, Some(5)); 2]).await.unwrap();
    assert_eq!(spent(&world, -10, &[5]).await.people[0].tally.calls, 2);
}

pub(crate) async fn a_day_of_spending_is_a_day_in_kyiv(world: World) {
    let today = kyiv_day(world.now());
    let mut midnight = Timestamp(world.now().0 / 60_000 * 60_000);
    while kyiv_day(midnight) == today {
        midnight = midnight + Duration::from_secs(60);
    }
    let late = midnight - Duration::from_millis(1);
    world.store.keep_calls(vec![call(late, -10, Some(5))]).await.unwrap();
    let tomorrow = Day(today.0 + 1);
    let by_day = async |day| world.store.spent(day, ChatId(-10), vec![UserId(5)]).await.unwrap();
    assert_eq!((by_day(today).await.bot.calls, by_day(tomorrow).await.bot.calls), (1, 0));
    world.store.keep_calls(vec![call(midnight, -10, Some(5)); 2]).await.unwrap();
    let calls = async |spender| {
        let days = world.store.spending(spender, today).await.unwrap();
        days.into_iter().map(|(day, tally)| (day, tally.calls)).collect::<Vec<_>>()
    };
    for spender in [Spender::Bot, Spender::Chat(ChatId(-10)), Spender::Person(UserId(5))] {
        assert_eq!(calls(spender).await, [(tomorrow, 2), (today, 1)]);
    }
    assert!(calls(Spender::Person(UserId(6))).await.is_empty());
    assert_eq!(world.store.spending(Spender::Bot, tomorrow).await.unwrap().len(), 1);
}

pub(crate) async fn the_models_figures_name_each_model_and_the_calls_without_a_price(world: World) {
    let now = world.now();
    let other = |call: ModelCall| ModelCall { model: "another".to_owned(), ..call };
    let calls = vec![call(now, -10, Some(5)), call(now, -20, None), other(unpriced(now, -10, None))];
    world.store.keep_calls(calls).await.unwrap();
    world.store.keep_calls(vec![call(now - DAY, -10, None)]).await.unwrap();
    let figures = world.store.model_figures(now).await.unwrap();
    let words: Vec<_> = figures.iter().map(|row| (row.model.as_str(), row.calls, row.nano_usd, row.unpriced)).collect();
    assert_eq!(words, [("a model", 2, 1_400, 0), ("another", 1, 0, 1)]);
    store_counts(&world, now).await;
    let first = &figures[0];
    assert_eq!((first.prompt, first.cached, first.thoughts, first.answer), (200, 80, 10, 30));
}

async fn store_counts(world: &World, now: Timestamp) {
    let unasked = ModelCall { is_unasked: true, ..call(now, -10, None) };
    world.store.keep_calls(vec![unasked]).await.unwrap();
    let counted = async |model, since| world.store.calls_of(model, since).await.unwrap();
    assert_eq!(counted("a model", now).await, (2, 1));
    assert_eq!(counted("a model", now - DAY).await, (3, 1));
    assert_eq!(counted("no model", now).await, (0, 0));
}

pub(crate) async fn a_person_hears_one_limit_line_a_day_in_whatever_chat(world: World) {
    let mut key = 0;
    let mut told = async |chat: i64, people: &[i64]| {
        key += 1;
        world.admit(key, chat).await;
        let claim = world.claim("a").await;
        let line = |person: &i64| LimitLine {
            person: UserId(*person),
            says: NewOutgoing { kind: OutgoingKind::Notice, ..says(chat, "досить", 1, world.now()) },
        };
        let limit_lines = people.iter().map(line).collect();
        let end = world.finish(&claim, FinishedTurn { limit_lines, ..FinishedTurn::default() }).await;
        for _ in 0..end.limit_lines_said {
            world.seconds(1);
            let send = world.begin_one().await;
            world.sent(&send, 1_000 + key * 10 + send.id.0).await;
        }
        world.nothing_to_send().await;
        end.limit_lines_said
    };
    assert_eq!(told(-10, &[5, 6]).await, 2);
    assert_eq!(told(-10, &[5, 7]).await, 1);
    assert_eq!(told(-20, &[5]).await, 0);
    let today = kyiv_day(world.now());
    while kyiv_day(world.now()) == today {
        assert_eq!(told(-20, &[5]).await, 0);
        world.seconds(3_600);
    }
    assert_eq!(told(-20, &[5]).await, 1, "a new day");
    assert_eq!(told(-10, &[5]).await, 0);
    let true_time = world.now() - DAY * 3;
    world.clock.set(true_time);
    assert_eq!(told(-10, &[5]).await, 1, "a clock that stepped back silences nobody");
}

fn keeps(chat: i64, question: u16, text: &str) -> FinishedTurn {
    let keeps = NewKeptAnswer {
        chat: ChatId(chat),
        question: key(question),
        answer: KeptAnswer { text: text.to_owned(), model: "a model".to_owned() },
        asked_by: UserId(5),
    };
    FinishedTurn { keeps: Some(keeps), ..FinishedTurn::default() }
}

fn key(question: u16) -> QuestionKey {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&question.to_le_bytes());
    QuestionKey(bytes)
}

async fn kept(world: &World, chat: i64, question: u16) -> Option<String> {
    let kept = world.store.kept_answer(ChatId(chat), key(question), world.now()).await.unwrap();
    kept.map(|answer| answer.text)
}

pub(crate) async fn an_answer_is_kept_for_an_hour_and_for_its_chat(world: World) {
    finish(&world, 1, -10, keeps(-10, 1, "сорок два")).await;
    assert_eq!(kept(&world, -10, 1).await.as_deref(), Some("сорок два"));
    assert_eq!(kept(&world, -20, 1).await, None, "another chat");
    assert_eq!(kept(&world, -10, 2).await, None, "another question");
    world.advance(ANSWER_KEPT - Duration::from_millis(1));
    assert!(kept(&world, -10, 1).await.is_some());
    world.advance(Duration::from_millis(1));
    assert_eq!(kept(&world, -10, 1).await, None);
    finish(&world, 2, -10, keeps(-10, 1, "сорок три")).await;
    assert_eq!(kept(&world, -10, 1).await.as_deref(), Some("сорок три"), "the newest");
    world.clock.set(world.now() - DAY);
    assert_eq!(kept(&world, -10, 1).await, None, "nobody knows how old it is");
}

pub(crate) async fn kept_answers_are_bounded_in_length_in_a_chat_and_in_all(world: World) {
    finish(&world, 1, -10, keeps(-10, 1, &"я".repeat(ANSWER_BYTES_MAX / 2))).await;
    finish(&world, 2, -10, keeps(-10, 2, &"я".repeat(ANSWER_BYTES_MAX / 2 + 1))).await;
    assert!(kept(&world, -10, 1).await.is_some() && kept(&world, -10, 2).await.is_none());
    let in_chat = u16::try_from(CHAT_ANSWERS_MAX).unwrap();
    for question in 10..10 + in_chat {
        world.advance(Duration::from_millis(1));
        finish(&world, i64::from(question), -10, keeps(-10, question, "так")).await;
    }
    assert_eq!(kept(&world, -10, 1).await, None, "the oldest went");
    assert!(kept(&world, -10, 10).await.is_some() && kept(&world, -10, 9 + in_chat).await.is_some());
    let in_all = u16::try_from(ANSWERS_MAX).unwrap();
    for question in 0..in_all {
        world.advance(Duration::from_millis(1));
        let chat = -1_000 - i64::from(question / in_chat);
        finish(&world, 10_000 + i64::from(question), chat, keeps(chat, question, "так")).await;
    }
    assert_eq!(kept(&world, -10, 9 + in_chat).await, None, "all before them went");
    assert!(kept(&world, -1_000, 0).await.is_some());
}

pub(crate) async fn kept_answers_go_with_who_asked_for_them(world: World) {
    let by = |person: i64, chat: i64, question: u16| {
        let mut turn = keeps(chat, question, "сорок два");
        turn.keeps.as_mut().expect("it keeps one").asked_by = UserId(person);
        turn
    };
    for (key, person, chat) in [(1, 5, -10), (2, 5, -20), (3, 6, -10)] {
        finish(&world, key, chat, by(person, chat, u16::try_from(key).unwrap())).await;
    }
    let message = by_person(5, message(-10, 7, "скільки?"));
    world.remember(vec![message]).await;
    world.store.forget_message(ChatId(-10), MessageId(7), world.now()).await.unwrap();
    assert_eq!(kept(&world, -10, 1).await, None, "which of theirs came from the message is not known");
    assert!(kept(&world, -20, 2).await.is_some() && kept(&world, -10, 3).await.is_some());
    world.store.forget_person(UserId(5), None, world.now()).await.unwrap();
    assert_eq!(kept(&world, -20, 2).await, None);
    assert!(kept(&world, -10, 3).await.is_some(), "somebody else's stays");
}

fn by_person(person: i64, message: Message) -> Message {
    let author = Author { kind: AuthorKind::Person, id: UserId(person), name: "Оля".to_owned(), username: None };
    Message { author, ..message }
}

pub(crate) async fn the_unasked_get_a_fifth_of_the_slots_that_the_asked_leave(world: World) {
    let spare = async || world.store.take_spare_slot("gemini", 100).await.unwrap();
    let asked = async || world.store.take_slot("gemini", 100).await.unwrap();
    let minute = 60_000 - u64::try_from(world.now().0.rem_euclid(60_000)).unwrap();
    world.advance(Duration::from_millis(minute));
    for _ in 0..50 {
        while asked().await != gryag::storage::Slot::Granted {
            world.advance(Duration::from_millis(100));
        }
    }
    world.seconds(10);
    let mut taken = 0;
    for _ in 0..20 {
        world.seconds(1);
        taken += u32::from(spare().await);
    }
    assert_eq!(taken, 10, "a fifth of the other fifty");
    assert!(asked().await == gryag::storage::Slot::Granted, "who asks is not kept out");
    world.seconds(180);
    let mut taken = 0;
    for _ in 0..50 {
        world.advance(Duration::from_millis(800));
        taken += u32::from(spare().await);
    }
    assert_eq!(taken, 20, "a fifth of all, where nobody asks");
}

//! What a turn leaves: all of it, or nothing.

use std::time::Duration;

use gryag::{
    clock::kyiv_day,
    domain::{ChatId, MessageId, OutgoingKind, Tally, UpdateKey, UserId},
    storage::{
        FinishedTurn, KeptAnswer, LimitLine, NewKeptAnswer, NewOutgoing, Once, QuestionKey, SaidOnce, TalkNotes,
        Verdict,
    },
};

use crate::{
    spend::call,
    world::{LEASE, World, chat, message, says},
};

pub(crate) async fn a_finished_turn_leaves_everything_at_once(world: World) {
    world.admit(1, -10).await;
    let claim = world.claim("a").await;
    let turn = FinishedTurn {
        remembered: vec![message(-10, 1, "привіт"), message(-10, 2, "як справи")],
        says: Some(says(-10, "answer", 1, world.now())),
        calls: vec![call(world.now(), -10, Some(5)), call(world.now(), -10, None)],
        ..FinishedTurn::default()
    };
    assert!(!world.finish(&claim, turn).await.failure_line_said);
    let texts: Vec<String> = world.window(-10, None, 10).await.into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["привіт", "як справи"]);
    let send = world.begin_one().await;
    assert_eq!((send.text.text.as_str(), send.request_id.0.as_str()), ("answer 0", "request answer"));
    assert_eq!(world.store.inbox_depth().await.unwrap().waiting, 0);
}

pub(crate) async fn a_fenced_finish_leaves_nothing(world: World) {
    world.admit(1, -10).await;
    let old = world.claim("a").await;
    world.advance(LEASE);
    let _new = world.claim("b").await;
    let question = QuestionKey([1; 32]);
    let turn = FinishedTurn {
        remembered: vec![message(-10, 1, "привіт")],
        says: Some(says(-10, "answer", 1, world.now())),
        also: vec![says(-20, "notice", 1, world.now())],
        failure_line: Some(says(-10, "failure", 1, world.now())),
        calls: vec![call(world.now(), -10, Some(5))],
        limit_lines: vec![LimitLine { person: UserId(5), says: says(-10, "limit", 1, world.now()) }],
        keeps: Some(NewKeptAnswer {
            chat: ChatId(-10),
            question,
            answer: KeptAnswer { text: "сорок два".to_owned(), model: "a model".to_owned() },
            asked_by: UserId(5),
        }),
        migrated: Some((ChatId(-10), ChatId(-100))),
        talk: Some(TalkNotes { people: 3, ..TalkNotes::of(ChatId(-10)) }),
        verdicts: vec![(UpdateKey(1), Verdict::Dead { problem: "late".to_owned() })],
        leaves_no_trace: true,
        once: vec![SaidOnce {
            once: Once::Introduce,
            chat: chat(-10),
            says: vec![says(-10, "introduction", 1, world.now())],
        }],
    };
    world.store.finish(old.claim, turn, world.now()).await.unwrap_err();
    assert!(world.window(-10, None, 10).await.is_empty());
    assert!(world.store.message(ChatId(-10), MessageId(1)).await.unwrap().is_none());
    assert!(world.store.dead_letters(9).await.unwrap().is_empty());
    assert!(world.store.outbox_counts().await.unwrap().is_empty());
    let spent = world.store.spent(kyiv_day(world.now()), ChatId(-10), vec![UserId(5)]).await.unwrap();
    assert_eq!((spent.bot, spent.people[0].tally), (Tally::default(), Tally::default()));
    assert_eq!(world.store.kept_answer(ChatId(-10), question, world.now()).await.unwrap(), None);
    assert_eq!(world.store.talk_log(ChatId(-10), world.now()).await.unwrap().people_last_day, 0);
}

pub(crate) async fn a_chat_hears_one_failure_line_in_ten_minutes(world: World) {
    let fail = async |key: i64, chat: i64| {
        world.admit(key, chat).await;
        let claim = world.claim("a").await;
        let line = NewOutgoing { kind: OutgoingKind::FailureLine, ..says(chat, "ой", 1, world.now()) };
        let end = world.finish(&claim, FinishedTurn { failure_line: Some(line), ..FinishedTurn::default() }).await;
        if end.failure_line_said {
            let send = world.begin_one().await;
            assert_eq!(send.kind, OutgoingKind::FailureLine);
            world.sent(&send, key).await;
        } else {
            world.nothing_to_send().await;
        }
        end.failure_line_said
    };
    assert!(fail(1, -10).await);
    assert!(!fail(2, -10).await);
    assert!(fail(3, -20).await, "another chat has not heard one");
    world.advance(Duration::from_secs(600) - Duration::from_millis(1));
    assert!(!fail(4, -10).await);
    world.advance(Duration::from_millis(1));
    assert!(fail(5, -10).await);
    assert!(!fail(6, -10).await);
}

pub(crate) async fn an_answer_without_parts_is_refused_and_leaves_nothing(world: World) {
    world.admit(1, -10).await;
    let claim = world.claim("a").await;
    let turn = FinishedTurn {
        remembered: vec![message(-10, 1, "привіт")],
        says: Some(says(-10, "nothing", 0, world.now())),
        ..FinishedTurn::default()
    };
    world.store.finish(claim.claim, turn, world.now()).await.unwrap_err();
    assert!(world.window(-10, None, 10).await.is_empty());
    world.done(&claim).await;
    world.admit(2, -10).await;
    world.claim("a").await;
}

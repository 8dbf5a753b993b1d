//! What is cleared away by and by, and what stays.

use std::time::Duration;

use gryag::{
    domain::{ChatAccess, ChatId, Day, OutgoingKind, TalkLevel, UpdateKey, UserId},
    storage::{
        Admission, BotStanding, ChatSetting, Clearing, Ended, FinishedTurn, KeptAnswer, LimitLine, NewKeptAnswer,
        NewOutgoing, NewSilence, QuestionKey, Spender, StorageError, TalkNotes, Verdict,
    },
};

use crate::{
    spend::call,
    world::{LEASE, World, chat, message, says},
};

const DAY: Duration = Duration::from_secs(86_400);
const MOMENT: Duration = Duration::from_millis(1);

impl World {
    /// Clears until nothing is left; how many rows went.
    async fn clear(&self, what: Clearing) -> u64 {
        let mut cleared = 0;
        loop {
            let piece = self.store.clear(what, self.now()).await.unwrap();
            if piece == 0 {
                return cleared;
            }
            cleared += piece;
        }
    }

    async fn clear_all(&self) {
        while self.store.forget_old(self.now()).await.unwrap() > 0 {}
        for what in Clearing::ALL {
            self.clear(what).await;
        }
    }

    async fn kill(&self, key: i64) {
        self.admit(key, -99).await;
        let claim = self.claim("a").await;
        let verdicts = vec![(UpdateKey(key), Verdict::Dead { problem: "poison".to_owned() })];
        self.finish(&claim, FinishedTurn { verdicts, ..FinishedTurn::default() }).await;
    }

    async fn turn(&self, key: i64, chat: i64, turn: FinishedTurn) {
        self.admit(key, chat).await;
        let claim = self.claim("a").await;
        self.finish(&claim, turn).await;
    }
}

pub(crate) async fn an_update_is_a_duplicate_for_a_week(world: World) {
    world.turn(1, -10, FinishedTurn::default()).await;
    world.advance(7 * DAY);
    world.admit(2, -10).await;
    assert_eq!(world.clear(Clearing::Updates).await, 0);
    assert_eq!(world.admit(1, -10).await, Admission::Duplicate);
    world.advance(MOMENT);
    assert_eq!(world.clear(Clearing::Updates).await, 1);
    assert_eq!(world.admit(1, -10).await, Admission::New, "nobody knows it any more");
}

pub(crate) async fn what_waits_is_not_cleared_however_old(world: World) {
    world.answer(2, says(-20, "ще не сказано", 1, world.now())).await;
    world.admit(1, -10).await;
    world.advance(500 * DAY);
    world.admit(3, -30).await;
    world.store.say(says(-30, "пізніше", 1, world.now()), world.now()).await.unwrap();
    assert_eq!((world.clear(Clearing::Sends).await, world.clear(Clearing::Lanes).await), (0, 0));
    assert_eq!(world.clear(Clearing::Updates).await, 1, "only the one that has ended");
    assert_eq!(world.store.inbox_depth().await.unwrap().waiting, 2);
    assert_eq!(world.claims("a").await.len(), 2);
}

pub(crate) async fn after_all_was_cleared_everything_goes_on(world: World) {
    for key in 1..=20 {
        world.answer(key, says(-key, "так", 1, world.now())).await;
        let send = world.begin_one().await;
        world.sent(&send, key).await;
    }
    world.store.forget_person(UserId(7), None, world.now()).await.unwrap();
    world.advance(500 * DAY);
    world.clear_all().await;
    assert_eq!(world.store.deletions(crate::world::START).await.unwrap().len(), 1, "the newest stays");
    world.store.forget_person(UserId(8), None, world.now()).await.unwrap();
    assert_eq!(world.store.deletions(crate::world::START).await.unwrap().len(), 2);
    assert_eq!(world.store.inbox_depth().await.unwrap().waiting, 0);
    assert_eq!(world.admit(1, -5).await, Admission::New);
    assert_eq!(world.store.inbox_depth().await.unwrap().waiting, 1);
    let claim = world.claim("a").await;
    world.done(&claim).await;
    world.answer(2, says(-6, "і далі", 1, world.now())).await;
    let send = world.begin_one().await;
    world.sent(&send, 9).await;
    world.admit(3, -6).await;
    assert_eq!(world.claim("a").await.lane.chat, ChatId(-6), "the lane goes on after its answer");
}

pub(crate) async fn an_old_dead_letter_loses_its_body_and_later_goes(world: World) {
    world.kill(1).await;
    world.advance(30 * DAY);
    assert_eq!(world.clear(Clearing::DeadBodies).await, 0);
    world.advance(MOMENT);
    world.kill(2).await;
    assert_eq!((world.clear(Clearing::DeadBodies).await, world.clear(Clearing::Updates).await), (1, 0));
    let (letter, body) = world.store.dead_letter(UpdateKey(1)).await.unwrap().unwrap();
    assert_eq!((letter.body_bytes, body.len()), (0, 0));
    assert!(!world.store.retry_dead(UpdateKey(1), world.now()).await.unwrap(), "there is nothing to try");
    world.advance(60 * DAY);
    assert_eq!(world.clear(Clearing::DeadLetters).await, 1);
    assert_eq!(world.store.inbox_depth().await.unwrap().dead, 1);
    assert!(world.store.retry_dead(UpdateKey(2), world.now()).await.unwrap());
}

pub(crate) async fn a_send_is_known_for_a_week_after_its_end(world: World) {
    world.answer(1, says(-10, "так", 1, world.now())).await;
    let send = world.begin_one().await;
    world.advance(3 * DAY);
    world.sent(&send, 5).await;
    world.answer(2, says(-10, "ні", 1, world.now())).await;
    world.advance(7 * DAY);
    assert_eq!(world.clear(Clearing::Sends).await, 0);
    world.advance(MOMENT);
    assert_eq!(world.clear(Clearing::Sends).await, 1);
    let again = world.store.end_send("sender", send.id, send.attempt, Ended::Done, world.now()).await;
    assert!(matches!(again, Err(StorageError::Fenced { .. })), "{again:?}");
}

pub(crate) async fn what_was_spent_is_kept_as_long_as_it_is_shown(world: World) {
    let now = world.now();
    let keeps = NewKeptAnswer {
        chat: ChatId(-10),
        question: QuestionKey([1; 32]),
        answer: KeptAnswer { text: "сорок два".to_owned(), model: "a model".to_owned() },
        asked_by: UserId(5),
    };
    world.turn(1, -10, FinishedTurn { keeps: Some(keeps), ..FinishedTurn::default() }).await;
    world.store.keep_calls(vec![call(now, -10, Some(5))]).await.unwrap();
    let all = [Clearing::Answers, Clearing::PeopleSpending, Clearing::Spending, Clearing::Calls];
    let cleared = async || {
        let mut cleared = Vec::new();
        for what in all {
            cleared.push(world.clear(what).await);
        }
        cleared
    };
    assert_eq!(cleared().await, [0, 0, 0, 0]);
    world.advance(gryag::storage::ANSWER_KEPT);
    assert_eq!(cleared().await, [1, 0, 0, 0]);
    world.advance(40 * DAY);
    assert_eq!(cleared().await, [0, 1, 0, 0]);
    let days = async |spender| world.store.spending(spender, Day(0)).await.unwrap().len();
    assert_eq!((days(Spender::Bot).await, days(Spender::Person(UserId(5))).await), (1, 0));
    assert_eq!(world.store.model_figures(now).await.unwrap().len(), 1);
    world.advance(50 * DAY);
    assert_eq!(cleared().await, [0, 0, 0, 1]);
    assert!(world.store.model_figures(now).await.unwrap().is_empty());
    world.advance(310 * DAY);
    assert_eq!(cleared().await, [0, 0, 0, 0], "a year can be compared with the one before");
    world.advance(DAY);
    assert_eq!(cleared().await, [0, 0, 2, 0]);
}

pub(crate) async fn the_talk_keeps_what_a_budget_still_needs(world: World) {
    let silence = NewSilence { by: UserId(5), until: world.now(), is_counted: true };
    let notes = TalkNotes { people: 5, silence: Some(silence), ..TalkNotes::of(ChatId(-10)) };
    world.turn(1, -10, FinishedTurn { talk: Some(notes), ..FinishedTurn::default() }).await;
    for what in [Clearing::Unasked, Clearing::Silences, Clearing::Hours] {
        assert_eq!(world.clear(what).await, 0, "{what:?}");
    }
    world.advance(2 * DAY + MOMENT);
    assert_eq!((world.clear(Clearing::Silences).await, world.clear(Clearing::Hours).await), (1, 0));
    world.advance(34 * DAY);
    assert_eq!(world.clear(Clearing::Hours).await, 1);
}

pub(crate) async fn of_a_chat_that_was_passed_by_nothing_is_left(world: World) {
    let told = TalkNotes { people: 1, heard_at: Some(world.now()), ..TalkNotes::of(ChatId(-10)) };
    world.store.set_bot_standing(chat(-10), BotStanding::Member, world.now()).await.unwrap();
    let remembered = vec![message(-10, 1, "слово")];
    world.turn(1, -10, FinishedTurn { remembered, talk: Some(told), ..FinishedTurn::default() }).await;
    world.advance(8 * DAY);
    world.turn(2, -20, FinishedTurn::default()).await;
    world.clear(Clearing::Updates).await;
    assert_eq!(world.clear(Clearing::Lanes).await, 0, "it has a message");
    assert_eq!(world.store.forget_old(world.now()).await.unwrap(), 1);
    assert_eq!(world.clear(Clearing::Chats).await, 0, "it has a lane");
    assert_eq!(world.clear(Clearing::Lanes).await, 1);
    assert_eq!(world.clear(Clearing::Chats).await, 0, "somebody wrote there this month");
    world.advance(23 * DAY);
    assert_eq!(world.clear(Clearing::Chats).await, 1);
    assert!(world.store.known_chat(ChatId(-10)).await.unwrap().is_none());
}

pub(crate) async fn a_chat_that_was_let_in_or_has_set_something_stays(world: World) {
    world.store.set_access(chat(-10), ChatAccess::Allowed, world.now()).await.unwrap();
    world.store.set_access(chat(-20), ChatAccess::Refused, world.now()).await.unwrap();
    world.store.set_setting(chat(-30), ChatSetting::TalkLevel(Some(TalkLevel::Shy))).await.unwrap();
    world.store.set_bot_standing(chat(-40), BotStanding::Admin, world.now()).await.unwrap();
    world.store.set_bot_standing(chat(-50), BotStanding::Member, world.now()).await.unwrap();
    world.advance(500 * DAY);
    assert_eq!(world.clear(Clearing::Chats).await, 1, "only that of which nothing is known");
    assert!(world.store.known_chat(ChatId(-50)).await.unwrap().is_none());
}

pub(crate) async fn of_people_only_what_they_wished_is_kept(world: World) {
    let now = world.now();
    world.store.ban(UserId(1), now).await.unwrap();
    world.store.opt_out(UserId(2), now).await.unwrap();
    world.store.forget_person(UserId(3), None, now).await.unwrap();
    let line = LimitLine {
        person: UserId(4),
        says: NewOutgoing { kind: OutgoingKind::Notice, ..says(-10, "на сьогодні все", 1, now) },
    };
    world.turn(1, -10, FinishedTurn { limit_lines: vec![line], ..FinishedTurn::default() }).await;
    world.store.ask_to_forget(UserId(5), UpdateKey(2), now).await.unwrap();
    assert_eq!(world.clear(Clearing::People).await, 0);
    world.advance(2 * DAY + MOMENT);
    assert_eq!(world.clear(Clearing::People).await, 2);
    assert!(world.store.person(UserId(1)).await.unwrap().banned_at.is_some());
    assert!(world.store.person(UserId(2)).await.unwrap().opted_out_at.is_some());
    assert!(world.store.person(UserId(3)).await.unwrap().forgotten_at.is_some());
}

/// Who was frozen for a week and wakes up changes nothing.
pub(crate) async fn a_claim_of_a_lane_that_was_cleared_is_fenced(world: World) {
    world.admit(1, -10).await;
    let frozen = world.claim("frozen").await;
    world.advance(LEASE);
    let claim = world.claim("a").await;
    world.done(&claim).await;
    world.advance(8 * DAY);
    world.turn(2, -20, FinishedTurn::default()).await;
    world.clear_all().await;
    world.turn(3, -10, FinishedTurn::default()).await;
    let late = world.store.finish(frozen.claim, FinishedTurn::default(), world.now()).await;
    assert!(matches!(late, Err(StorageError::Fenced { .. })), "{late:?}");
}

pub(crate) async fn a_piece_is_a_thousand_rows_at_most(world: World) {
    world.store.keep_calls(vec![call(world.now(), -10, None); 2_500]).await.unwrap();
    world.advance(91 * DAY);
    let mut pieces = Vec::new();
    for _ in 0..4 {
        pieces.push(world.store.clear(Clearing::Calls, world.now()).await.unwrap());
    }
    assert_eq!(pieces, [1_000, 1_000, 500, 0]);
}

pub(crate) async fn room_is_given_back_and_the_tables_are_looked_at(world: World) {
    let used = async || {
        world.store.checkpoint().await.unwrap();
        world.store.space().await.unwrap()
    };
    world.store.optimize().await.unwrap();
    world.remember((1..=3_000).map(|id| message(-10, id, &"слово ".repeat(200))).collect()).await;
    let full = used().await;
    assert_eq!(full.log, 0, "the log is cut");
    assert_eq!(world.store.shrink().await.unwrap(), 0, "there is nothing to give back");
    world.advance(DAY);
    world.clear_all().await;
    let mut given = 0;
    loop {
        let piece = world.store.shrink().await.unwrap();
        assert!(piece <= 1024 * 1024, "{piece}");
        if piece == 0 {
            break;
        }
        given += piece;
    }
    let left = used().await;
    let shrunk = full.database - left.database;
    assert!(shrunk >= given && shrunk <= given + given / 100, "the pages' own lists go too: {shrunk}, {given}");
    assert!(left.database < full.database / 4, "{full:?} {left:?}");
    world.store.optimize().await.unwrap();
    world.store.check().await.unwrap();
}

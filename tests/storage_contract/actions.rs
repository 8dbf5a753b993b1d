//! What is done beside saying: reactions and edits; buttons, and why something was said.

use std::time::Duration;

use gryag::{
    domain::{Button, Buttons, ChatId, MessageId, OutgoingAction, OutgoingKind, RequestId, RichText, TokenUsage, Why},
    storage::{Ended, FinishedTurn, NewOutgoing, SendLimits},
};

use crate::world::{CALL_LIMIT, UNLIMITED, World, chat, message, says};

fn reaction(world: &World, chat_id: i64, to: i64) -> NewOutgoing {
    let expires_at = world.now() + Duration::from_secs(600);
    NewOutgoing::reaction(chat(chat_id), MessageId(to), "👍", expires_at, RequestId("r".to_owned()))
}

fn edit(world: &World, chat_id: i64, of: i64, text: &str) -> NewOutgoing {
    let expires_at = world.now() + Duration::from_secs(600);
    let text = RichText::plain(text);
    NewOutgoing::edit(chat(chat_id), MessageId(of), text, buttons(), expires_at, RequestId("r".to_owned()))
}

fn buttons() -> Buttons {
    let button = |text: &str, data: &str| Button { text: text.to_owned(), data: data.to_owned() };
    vec![vec![button("Так \"✓\"", "yes"), button("Ні", "no")], vec![button("Ще", "more:1")]]
}

pub(crate) fn why() -> Why {
    Why {
        trigger: "name".to_owned(),
        score: Some(0.75),
        model: Some("a model".to_owned()),
        usage: TokenUsage { prompt: 900, cached: 800, thoughts: 20, answer: 11 },
        cost_nano_usd: Some(1_234_567_890),
        is_cached: false,
    }
}

async fn say(world: &World, outgoing: NewOutgoing) {
    world.store.say(outgoing, world.now()).await.unwrap();
}

pub(crate) async fn a_reaction_and_an_edit_come_back_whole(world: World) {
    say(&world, reaction(&world, -10, 5)).await;
    let send = world.begin_one().await;
    assert_eq!((send.action, send.text.text.as_str()), (OutgoingAction::React { to: MessageId(5) }, "👍"));
    say(&world, NewOutgoing { no_preview: true, ..edit(&world, -20, 6, "інакше") }).await;
    let send = world.begin_one().await;
    assert_eq!((send.action, send.no_preview), (OutgoingAction::Edit { message: MessageId(6) }, true));
    assert_eq!((send.text.text.as_str(), send.buttons), ("інакше", buttons()));
}

pub(crate) async fn buttons_stand_under_the_last_part(world: World) {
    say(&world, NewOutgoing { buttons: buttons(), no_preview: false, ..says(-10, "a", 2, world.now()) }).await;
    let first = world.begin_one().await;
    assert_eq!((first.buttons.len(), first.no_preview, &first.action), (0, false, &OutgoingAction::Say));
    world.sent(&first, 1).await;
    assert_eq!(world.begin_one().await.buttons, buttons());
}

pub(crate) async fn a_reaction_leaves_no_message_and_an_edit_changes_the_remembered_one(world: World) {
    say(&world, says(-10, "було", 1, world.now())).await;
    let send = world.begin_one().await;
    world.sent(&send, 3).await;
    for outgoing in [reaction(&world, -10, 3), edit(&world, -10, 3, "стало"), edit(&world, -10, 4, "чуже")] {
        say(&world, outgoing).await;
        let send = world.begin_one().await;
        let ended = world.end(&send, Ended::Done).await.expect("it is done");
        assert_eq!(ended.state, "sent");
    }
    let window = world.window(-10, None, 10).await;
    assert_eq!(window.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["стало"]);
    assert_eq!(window[0].edited_at, Some(world.now()));
}

pub(crate) async fn what_is_no_message_is_done_again_if_its_sender_died(world: World) {
    say(&world, reaction(&world, -10, 3)).await;
    say(&world, edit(&world, -20, 3, "стало")).await;
    let first = world.begin(9, UNLIMITED).await.due;
    world.advance(CALL_LIMIT);
    let again = world.begin(9, UNLIMITED).await;
    assert!(again.ended.is_empty(), "nothing is unknown: {:?}", again.ended);
    let tries =
        |sends: &[gryag::storage::Outgoing]| sends.iter().map(|send| (send.id, send.attempt)).collect::<Vec<_>>();
    assert_eq!(tries(&again.due), first.iter().map(|send| (send.id, 2)).collect::<Vec<_>>());
}

pub(crate) async fn reactions_and_edits_keep_the_limits_too(world: World) {
    let limits = SendLimits { group_per_minute: 2, ..UNLIMITED };
    say(&world, reaction(&world, -10, 3)).await;
    say(&world, edit(&world, -10, 4, "стало")).await;
    say(&world, says(-10, "a", 1, world.now())).await;
    for _ in 0..2 {
        let send = world.begin(1, limits).await.due.remove(0);
        world.end(&send, Ended::Done).await;
    }
    let sends = world.begin(1, limits).await;
    assert!(sends.due.is_empty());
    world.clock.set(sends.next_at.expect("the answer waits"));
    assert_eq!(world.begin(9, limits).await.due[0].text.text, "a 0");
}

pub(crate) async fn what_is_about_a_message_stays_behind_when_its_group_moves(world: World) {
    for outgoing in [reaction(&world, -10, 3), edit(&world, -10, 3, "стало"), says(-10, "a", 1, world.now())] {
        say(&world, outgoing).await;
    }
    let first = world.begin(1, UNLIMITED).await.due.remove(0);
    world.end(&first, Ended::Migrated { to: ChatId(-1_000) }).await;
    let sends = world.begin(9, UNLIMITED).await;
    assert_eq!(sends.ended.iter().map(|ended| ended.state).collect::<Vec<_>>(), ["refused", "refused"]);
    assert_eq!(
        sends.due.iter().map(|send| (send.text.text.as_str(), send.chat.id.0)).collect::<Vec<_>>(),
        [("a 0", -1_000)]
    );
    // Asked for at the old id only after the move was known.
    say(&world, reaction(&world, -10, 3)).await;
    assert_eq!(world.nothing_to_send().await.ended.len(), 1);
}

pub(crate) async fn an_edit_in_two_parts_is_refused(world: World) {
    let long = NewOutgoing { parts: vec![RichText::plain("a"); 2], ..edit(&world, -10, 3, "") };
    world.store.say(long, world.now()).await.unwrap_err();
    world.nothing_to_send().await;
}

pub(crate) async fn why_something_was_said_is_known_once_it_is_sent(world: World) {
    world.remember(vec![message(-10, 1, "питання")]).await;
    say(&world, NewOutgoing { why: Some(why()), ..says(-10, "a", 2, world.now()) }).await;
    for id in [2, 3] {
        let send = world.begin_one().await;
        assert_eq!(world.store.why(ChatId(-10), MessageId(id)).await.unwrap(), None, "not before");
        world.sent(&send, id).await;
        assert_eq!(world.store.why(ChatId(-10), MessageId(id)).await.unwrap(), Some(why()));
    }
    assert_eq!(world.store.why(ChatId(-10), MessageId(1)).await.unwrap(), None);
    assert_eq!(world.store.why(ChatId(-20), MessageId(2)).await.unwrap(), None, "another chat's message");
}

pub(crate) async fn why_it_reacted_is_known_of_the_message_under_which_it_did(world: World) {
    world.remember(vec![message(-10, 1, "ура")]).await;
    say(&world, NewOutgoing { why: Some(why()), ..reaction(&world, -10, 1) }).await;
    let send = world.begin_one().await;
    assert_eq!(world.store.why(ChatId(-10), MessageId(1)).await.unwrap(), None, "not before");
    world.end(&send, Ended::Done).await;
    assert_eq!(world.store.why(ChatId(-10), MessageId(1)).await.unwrap(), Some(why()));
    assert_eq!(world.window(-10, None, 10).await[0].text, "ура", "its words are its author's");
}

pub(crate) async fn what_else_a_turn_leaves_comes_after_its_answer_and_holds_up_no_lane(world: World) {
    world.admit(1, -10).await;
    let claim = world.claim("a").await;
    let turn = FinishedTurn {
        says: Some(says(-10, "answer", 1, world.now())),
        also: vec![
            reaction(&world, -10, 5),
            NewOutgoing { kind: OutgoingKind::Notice, ..says(7, "n", 1, world.now()) },
        ],
        ..FinishedTurn::default()
    };
    world.finish(&claim, turn).await;
    world.admit(2, -10).await;
    let sends = world.begin(9, UNLIMITED).await.due;
    assert_eq!(sends.iter().map(|send| send.text.text.as_str()).collect::<Vec<_>>(), ["answer 0", "n 0"]);
    world.sent(&sends[0], 8).await;
    assert_eq!(world.claim("a").await.updates[0].key.0, 2, "the reaction is still to be set");
}

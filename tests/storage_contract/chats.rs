//! Chats as they stand: access, settings, comings and goings, and what is deleted with them.

use std::time::Duration;

use gryag::{
    domain::{
        Chat, ChatAccess, ChatId, ChatKind, ChatSettings, Language, Message, OutgoingKind, QuietHours, TalkLevel,
    },
    storage::{BotStanding, ChatSetting, FinishedTurn, GroupSummary, NewOutgoing, Once, SaidOnce},
};

use crate::world::{START, UNLIMITED, World, chat, express, message, says, talk};

async fn leave(world: &World, key: i64, lane: gryag::domain::Lane, turn: FinishedTurn) {
    world.admit_to(key, lane).await;
    let request = gryag::storage::ClaimRequest { express_max: 9, ..crate::world::request("worker") };
    let claim = world.store.claim(request).await.unwrap().claims.remove(0);
    world.finish(&claim, turn).await;
}

fn once(once: Once, about: i64, text: &str, world: &World) -> FinishedTurn {
    let says = vec![NewOutgoing { kind: OutgoingKind::Notice, ..says(77, text, 1, world.now()) }];
    FinishedTurn { once: vec![SaidOnce { once, chat: chat(about), says }], ..FinishedTurn::default() }
}

/// What may be sent now.
async fn said(world: &World) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let due = world.begin(10, UNLIMITED).await.due;
        if due.is_empty() {
            return said;
        }
        for send in due {
            said.push(send.text.text.clone());
            world.sent(&send, 1_000 + i64::try_from(said.len()).unwrap()).await;
        }
    }
}

async fn access(world: &World, chat: i64) -> ChatAccess {
    world.store.standing(ChatId(chat), Vec::new()).await.unwrap().chat.access
}

pub(crate) async fn an_admin_is_asked_once_about_a_chat(world: World) {
    assert_eq!(access(&world, -10).await, ChatAccess::New);
    leave(&world, 1, talk(-10), once(Once::AskAccess, -10, "first", &world)).await;
    leave(&world, 2, express(-10), once(Once::AskAccess, -10, "second", &world)).await;
    assert_eq!(said(&world).await, ["first 0"]);
    assert_eq!(access(&world, -10).await, ChatAccess::Asked);
    let before = world.store.set_access(chat(-10), ChatAccess::Allowed, world.now()).await.unwrap();
    assert_eq!(before, ChatAccess::Asked);
    leave(&world, 3, talk(-10), once(Once::AskAccess, -10, "third", &world)).await;
    assert!(said(&world).await.is_empty(), "what is decided is not asked");
    assert_eq!(access(&world, -10).await, ChatAccess::Allowed);
    assert_eq!(access(&world, -11).await, ChatAccess::New, "each chat for itself");
}

pub(crate) async fn a_decision_holds_and_is_listed(world: World) {
    let titled = Chat { title: Some("Ліс".to_owned()), ..chat(-10) };
    let before = world.store.set_access(titled.clone(), ChatAccess::Refused, START).await.unwrap();
    assert_eq!(before, ChatAccess::New);
    world.seconds(5);
    world.store.set_access(chat(-11), ChatAccess::Allowed, world.now()).await.unwrap();
    let again = world.store.set_access(chat(-10), ChatAccess::Refused, world.now()).await.unwrap();
    assert_eq!(again, ChatAccess::Refused);
    let known = world.store.known_chat(ChatId(-10)).await.unwrap().unwrap();
    assert_eq!((known.chat, known.access_at), (titled, Some(START)), "deciding the same again changes nothing");
    let all = world.store.chats(vec![ChatAccess::Refused, ChatAccess::Allowed], 10).await.unwrap();
    assert_eq!(all.iter().map(|known| known.chat.id.0).collect::<Vec<_>>(), [-11, -10]);
    assert_eq!(world.store.chats(vec![ChatAccess::Allowed], 10).await.unwrap().len(), 1);
    assert!(world.store.known_chat(ChatId(-12)).await.unwrap().is_none());
}

pub(crate) async fn groups_are_listed_with_counts_and_opened_by_name(world: World) {
    let private = Chat { kind: ChatKind::Private, ..chat(7) };
    world.remember((1..=3).map(|id| message(-10, id, "слово")).collect()).await;
    world.remember(vec![message(-11, 1, "деінде"), Message { chat: private, ..message(7, 1, "своє") }]).await;
    world.store.set_bot_standing(chat(-12), BotStanding::Gone, world.now()).await.unwrap();
    let listed = async || world.store.groups(START, 10).await.unwrap();
    let ids = |groups: &[GroupSummary]| groups.iter().map(|group| group.chat.id.0).collect::<Vec<_>>();
    assert_eq!(ids(&listed().await), [-11, -10], "neither private chats nor those that were left");
    assert!(listed().await.iter().all(|group| group.opened_at.is_none()));
    assert!(world.store.open_group(ChatId(-10), world.now()).await.unwrap());
    for other in [7, -99] {
        assert!(!world.store.open_group(ChatId(other), world.now()).await.unwrap(), "{other} is no known group");
    }
    let opened: Vec<_> = listed().await.iter().map(|group| group.opened_at).collect();
    assert_eq!(opened, [None, Some(world.now())]);
    let state = async |id| world.store.standing(ChatId(id), Vec::new()).await.unwrap().chat.opened_at;
    assert_eq!((state(-10).await, state(-11).await, state(7).await), (Some(world.now()), None, None));
    let latest = world.store.latest(ChatId(-10), 2).await.unwrap();
    assert_eq!(latest.iter().map(|message| message.id.0).collect::<Vec<_>>(), [2, 3], "the newest, oldest first");
}

pub(crate) async fn it_introduces_itself_once_for_each_coming(world: World) {
    let introduce = |text| once(Once::Introduce, -10, text, &world);
    world.store.set_bot_standing(chat(-10), BotStanding::Member, world.now()).await.unwrap();
    leave(&world, 1, express(-10), introduce("first")).await;
    world.store.set_bot_standing(chat(-10), BotStanding::Admin, world.now()).await.unwrap();
    leave(&world, 2, talk(-10), introduce("second")).await;
    assert_eq!(said(&world).await, ["first 0"]);
    let standing = world.store.standing(ChatId(-10), Vec::new()).await.unwrap().chat;
    assert!(standing.bot_is_admin && standing.introduced_at.is_some());
    world.store.set_bot_standing(chat(-10), BotStanding::Gone, world.now()).await.unwrap();
    assert!(!world.store.standing(ChatId(-10), Vec::new()).await.unwrap().chat.bot_is_admin);
    world.store.set_bot_standing(chat(-10), BotStanding::Member, world.now()).await.unwrap();
    leave(&world, 3, express(-10), introduce("third")).await;
    assert_eq!(said(&world).await, ["third 0"]);
}

pub(crate) async fn who_opted_out_is_told_once_a_day(world: World) {
    let person = gryag::domain::UserId(5);
    let tell = |text| once(Once::TellOptedOut(person), -10, text, &world);
    leave(&world, 1, talk(-10), tell("never")).await;
    assert!(said(&world).await.is_empty(), "nobody opted out");
    world.store.opt_out(person, world.now()).await.unwrap();
    leave(&world, 2, talk(-10), tell("first")).await;
    leave(&world, 3, talk(-10), tell("second")).await;
    assert_eq!(said(&world).await, ["first 0"]);
    world.seconds(86_400);
    leave(&world, 4, talk(-10), tell("third")).await;
    assert_eq!(said(&world).await, ["third 0"]);
}

pub(crate) async fn notices_go_anywhere_and_block_no_lane(world: World) {
    let also = vec![says(77, "to the admin", 1, world.now()), says(-10, "here", 1, world.now())];
    leave(&world, 1, talk(-10), FinishedTurn { also, ..FinishedTurn::default() }).await;
    world.admit(2, -10).await;
    world.claim("worker").await;
    assert_eq!(said(&world).await, ["to the admin 0", "here 0"]);
}

pub(crate) async fn a_notice_is_not_remembered(world: World) {
    let notice = NewOutgoing { kind: OutgoingKind::Notice, ..says(-10, "довідка", 1, world.now()) };
    leave(&world, 1, express(-10), FinishedTurn { also: vec![notice], ..FinishedTurn::default() }).await;
    assert_eq!(said(&world).await.len(), 1);
    assert!(world.window(-10, None, 10).await.is_empty());
}

async fn settings(world: &World, chat: i64) -> ChatSettings {
    world.store.standing(ChatId(chat), Vec::new()).await.unwrap().chat.settings
}

pub(crate) async fn settings_are_kept_one_by_one(world: World) {
    let hours = QuietHours { from: 22, to: 9 };
    let all = [
        ChatSetting::TalkLevel(Some(TalkLevel::Shy)),
        ChatSetting::QuietHours(Some(hours)),
        ChatSetting::Persona(Some("другий".to_owned())),
        ChatSetting::Language(Some(Language::English)),
        ChatSetting::Reactions(Some(false)),
    ];
    for setting in all {
        world.store.set_setting(chat(-10), setting.clone()).await.unwrap();
        world.store.set_setting(chat(-10), setting).await.unwrap();
    }
    let expected = ChatSettings {
        talk_level: Some(TalkLevel::Shy),
        quiet_hours: Some(hours),
        persona: Some("другий".to_owned()),
        language: Some(Language::English),
        reactions: Some(false),
    };
    assert_eq!(settings(&world, -10).await, expected);
    assert_eq!(settings(&world, -11).await, ChatSettings::default());
    world.store.set_setting(chat(-10), ChatSetting::TalkLevel(None)).await.unwrap();
    world.store.set_setting(chat(-10), ChatSetting::QuietHours(None)).await.unwrap();
    assert_eq!(settings(&world, -10).await, ChatSettings { talk_level: None, quiet_hours: None, ..expected });
}

pub(crate) async fn a_migrated_group_keeps_what_was_decided_and_set(world: World) {
    world.store.set_access(chat(-10), ChatAccess::Allowed, world.now()).await.unwrap();
    world.store.set_setting(chat(-10), ChatSetting::TalkLevel(Some(TalkLevel::Silent))).await.unwrap();
    let migrated = FinishedTurn { migrated: Some((ChatId(-10), ChatId(-10_010))), ..FinishedTurn::default() };
    leave(&world, 1, talk(-10), migrated.clone()).await;
    assert_eq!(access(&world, -10_010).await, ChatAccess::Allowed);
    assert_eq!(settings(&world, -10_010).await.talk_level, Some(TalkLevel::Silent));
    world.store.set_setting(chat(-10_010), ChatSetting::TalkLevel(Some(TalkLevel::Chatty))).await.unwrap();
    leave(&world, 2, talk(-10_010), migrated).await;
    assert_eq!(settings(&world, -10_010).await.talk_level, Some(TalkLevel::Chatty), "told twice, carried over once");
}

pub(crate) async fn a_chat_that_was_left_is_deleted_with_all_that_was_said_there(world: World) {
    world.remember((1..=1_500).map(|id| message(-10, id, "слово")).collect()).await;
    world.remember(vec![message(-11, 1, "інше")]).await;
    world.store.set_access(chat(-10), ChatAccess::Allowed, world.now()).await.unwrap();
    world.store.set_bot_standing(chat(-10), BotStanding::Gone, world.now()).await.unwrap();
    let left = async |before| world.store.chats_left(before, 10).await.unwrap();
    assert!(left(world.now()).await.is_empty());
    world.seconds(1);
    world.store.set_bot_standing(chat(-10), BotStanding::Gone, world.now()).await.unwrap();
    assert_eq!(left(world.now()).await, [ChatId(-10)], "it counts from the first time");
    world.admit(1, -10).await;
    let mut pieces = 0;
    while !world.store.delete_chat(ChatId(-10), world.now()).await.unwrap() {
        pieces += 1;
        assert!(pieces < 10);
    }
    assert!(pieces > 1, "a large chat goes piece by piece");
    assert!(world.window(-10, None, 10).await.is_empty());
    assert!(world.store.known_chat(ChatId(-10)).await.unwrap().is_none());
    assert!(world.claims("worker").await.is_empty(), "what waited there is gone");
    assert_eq!(world.window(-11, None, 10).await.len(), 1);
    assert!(left(world.now()).await.is_empty());
    assert!(world.store.delete_chat(ChatId(-10), world.now()).await.unwrap(), "a repetition is harmless");
}

pub(crate) async fn a_deleted_chat_stays_refused(world: World) {
    world.store.set_access(chat(-10), ChatAccess::Banned, world.now()).await.unwrap();
    world.store.set_bot_standing(chat(-10), BotStanding::Gone, world.now()).await.unwrap();
    assert!(world.store.delete_chat(ChatId(-10), world.now()).await.unwrap());
    assert_eq!(access(&world, -10).await, ChatAccess::Banned);
    assert!(world.store.chats_left(world.now() + Duration::from_secs(9), 10).await.unwrap().is_empty());
}

pub(crate) async fn a_chat_to_which_it_came_back_is_not_left(world: World) {
    world.store.set_bot_standing(chat(-10), BotStanding::Gone, START).await.unwrap();
    world.store.set_bot_standing(chat(-10), BotStanding::Member, START).await.unwrap();
    world.seconds(10);
    assert!(world.store.chats_left(world.now(), 10).await.unwrap().is_empty());
}

pub(crate) async fn old_messages_are_forgotten_piece_by_piece(world: World) {
    let at = |id: i64| START + Duration::from_secs(u64::try_from(id).unwrap());
    let sent = |chat, id| gryag::domain::Message { sent_at: at(id), ..message(chat, id, "слово") };
    world.remember((1..=1_200).map(|id| sent(-10, id)).collect()).await;
    world.remember(vec![sent(-11, 5), sent(-11, 1_199)]).await;
    let mut forgotten = 0;
    loop {
        let piece = world.store.forget_old(at(1_199)).await.unwrap();
        if piece == 0 {
            break;
        }
        forgotten += piece;
    }
    assert_eq!(forgotten, 1_198 + 1);
    assert_eq!(
        world.window(-10, None, 100).await.iter().map(|message| message.id.0).collect::<Vec<_>>(),
        [1_199, 1_200]
    );
    assert_eq!(world.window(-11, None, 100).await.len(), 1);
}

//! What is remembered, and the window of it that a turn sees.

use gryag::domain::{
    Author, AuthorKind, ChatId, Forwarded, Media, MediaKind, Message, MessageId, Quote, ReplyTo, Timestamp, TopicId,
    UserId,
};

use crate::world::{START, World, message};

fn ids(window: &[Message]) -> Vec<i64> {
    window.iter().map(|message| message.id.0).collect()
}

pub(crate) async fn a_window_holds_the_newest_messages_in_order(world: World) {
    assert!(world.window(-10, None, 5).await.is_empty());
    world.remember((1..=3).map(|id| message(-10, id * 10, "x")).collect()).await;
    assert_eq!(ids(&world.window(-10, None, 5).await), [10, 20, 30]);
    world.remember((4..=20).map(|id| message(-10, id * 10, "x")).collect()).await;
    assert_eq!(ids(&world.window(-10, None, 5).await), [160, 170, 180, 190, 200]);
    assert_eq!(ids(&world.window(-10, None, 1).await), [200]);
}

pub(crate) async fn the_window_moves_by_blocks(world: World) {
    let mut starts = Vec::new();
    for id in 1..=60 {
        world.remember(vec![message(-10, id, "x")]).await;
        let window = ids(&world.window_by(-10, None, 20, 5).await);
        assert!(window.len() <= 20, "never more than the limit");
        assert!(window.len() > 15 || id <= 20, "never a block less than there is");
        assert_eq!(*window.last().unwrap(), id);
        starts.push(window[0]);
    }
    starts.dedup();
    assert_eq!(starts, [1, 6, 11, 16, 21, 26, 31, 36, 41], "most new messages leave the start where it was");
}

pub(crate) async fn chats_and_topics_never_mix(world: World) {
    let places = [(-10, None), (-10, Some(4)), (-10, Some(5)), (-11, None), (-11, Some(4)), (10, None)];
    let mut random = 7u64;
    for id in 1..=120 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (chat, topic) = places[(random >> 33) as usize % places.len()];
        let text = format!("{chat} {topic:?}");
        world.remember(vec![Message { topic: topic.map(TopicId), ..message(chat, id, &text) }]).await;
    }
    for (chat, topic) in places {
        let window = world.window(chat, topic, 100).await;
        assert!(!window.is_empty());
        for message in &window {
            assert_eq!(message.text, format!("{chat} {topic:?}"));
            assert_eq!((message.chat.id.0, message.topic), (chat, topic.map(TopicId)));
            let elsewhere = if chat == -10 { -11 } else { -10 };
            assert!(world.store.message(ChatId(elsewhere), message.id).await.unwrap().is_none());
        }
    }
}

pub(crate) async fn an_edit_replaces_the_text_and_adds_no_message(world: World) {
    world.remember(vec![message(-10, 1, "one"), message(-10, 2, "two"), message(-10, 3, "three")]).await;
    let edited_at = Some(Timestamp(START.0 + 5_000));
    world.remember(vec![Message { edited_at, ..message(-10, 2, "zwei") }]).await;
    let window = world.window(-10, None, 10).await;
    assert_eq!(window.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["one", "zwei", "three"]);
    assert_eq!(window[1].edited_at, edited_at);
    world.remember(vec![message(-10, 2, "zwei")]).await;
    assert_eq!(world.window(-10, None, 10).await, window, "a repetition changes nothing");
    world.remember(vec![Message { edited_at, ..message(-10, 9, "never seen before") }]).await;
    assert_eq!(ids(&world.window(-10, None, 10).await), [1, 2, 3, 9], "an edit of the unknown is remembered too");
}

pub(crate) async fn an_album_is_one_message_of_the_window(world: World) {
    let picture = |id, text| Message { album: Some("album".to_owned()), ..message(-10, id, text) };
    world.remember(vec![message(-10, 1, "before"), picture(2, "")]).await;
    assert!(world.store.album_is_known(ChatId(-10), "album").await.unwrap());
    assert!(!world.store.album_is_known(ChatId(-11), "album").await.unwrap(), "only in its chat");
    world.remember(vec![picture(3, "the caption"), picture(4, "")]).await;
    world.remember(vec![message(-10, 5, "after")]).await;
    let window = world.window(-10, None, 3).await;
    let texts: Vec<_> = window.iter().map(|message| (message.id.0, message.text.as_str())).collect();
    assert_eq!(texts, [(1, "before"), (2, "the caption"), (5, "after")], "its caption is the album's");
    world.remember(vec![picture(3, "the caption")]).await;
    assert_eq!(world.window(-10, None, 3).await, window, "a picture that comes again is not another one");
    assert!(world.store.message(ChatId(-10), MessageId(4)).await.unwrap().is_some(), "its pictures can be replied to");
}

pub(crate) async fn an_answer_stands_where_it_stands_in_the_chat(world: World) {
    world.remember(vec![message(-10, 1, "a question"), message(-10, 4, "written later, remembered earlier")]).await;
    world.remember(vec![message(-10, 3, "the answer")]).await;
    assert_eq!(ids(&world.window(-10, None, 10).await), [1, 3, 4]);
}

pub(crate) async fn a_message_is_found_by_its_id_however_old(world: World) {
    world.remember((1..=200).map(|id| message(-10, id, &format!("text {id}"))).collect()).await;
    let found = world.store.message(ChatId(-10), MessageId(1)).await.unwrap().unwrap();
    assert_eq!(found.text, "text 1");
    assert!(world.store.message(ChatId(-10), MessageId(201)).await.unwrap().is_none());
    assert!(world.store.message(ChatId(-11), MessageId(1)).await.unwrap().is_none());
}

pub(crate) async fn what_is_remembered_comes_back_whole(world: World) {
    let whole = Message {
        topic: Some(TopicId(4)),
        author: Author {
            kind: AuthorKind::AnonymousAdmin,
            id: UserId(1_087_968_824),
            name: "'); DROP TABLE messages; -- 🙂".to_owned(),
            username: Some("somebody".to_owned()),
        },
        media: Some(Media {
            kind: MediaKind::Document,
            file_id: Some("file".to_owned()),
            file_unique_id: Some("unique".to_owned()),
            size_bytes: Some(123_456),
            mime_type: Some("application/pdf".to_owned()),
            label: Some("звіт.pdf".to_owned()),
        }),
        reply_to: Some(ReplyTo { message_id: MessageId(3), author: None, text: None, media: None }),
        quote: Some(Quote { text: "ці слова".to_owned(), author: Some(UserId(8)) }),
        forwarded_from: Some(Forwarded { name: "хтось".to_owned(), author: Some(UserId(9)) }),
        edited_at: Some(Timestamp(START.0 + 1)),
        ..message(-10, 8, "text\nwith 'quotes' and \u{0} a zero")
    };
    world.remember(vec![whole.clone()]).await;
    assert_eq!(world.store.message(ChatId(-10), MessageId(8)).await.unwrap(), Some(whole.clone()));
    assert_eq!(world.window(-10, Some(4), 10).await, [whole]);
}

pub(crate) async fn the_pictures_of_an_album_are_found_around_one_of_them(world: World) {
    let picture = |chat: i64, id: i64, album: &str| Message { album: Some(album.to_owned()), ..message(chat, id, "") };
    let mut messages: Vec<Message> = (20..24).map(|id| picture(-10, id, "a")).collect();
    messages.extend([picture(-10, 24, "b"), message(-10, 25, "слово"), picture(-20, 21, "a")]);
    world.remember(messages).await;
    let around = async |id: i64| {
        let album = world.store.album_around(ChatId(-10), "a", MessageId(id)).await.unwrap();
        album.into_iter().map(|message| message.id.0).collect::<Vec<_>>()
    };
    assert_eq!(around(22).await, [20, 21, 22, 23]);
    assert_eq!(around(20).await, [20, 21, 22, 23]);
    assert!(around(100).await.is_empty(), "an album's ids are neighbours");
}

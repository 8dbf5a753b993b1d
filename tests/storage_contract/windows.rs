//! A window that is read again and again, as a conversation does, while what it shows changes in every way there is.

use std::{collections::HashSet, time::Duration};

use gryag::{
    domain::{Author, ChatId, Message, MessageId, Timestamp, TopicId, UserId},
    storage::WindowRequest,
};

use crate::world::{World, message};

const CHAT: i64 = -10;
fn said(id: i64, by: i64, topic: Option<i64>, text: &str) -> Message {
    let message = message(CHAT, id, text);
    Message { topic: topic.map(TopicId), author: Author { id: UserId(by), ..message.author.clone() }, ..message }
}

/// Short and long looks into both topics agree with what the chat holds now.
async fn look(world: &World) {
    let mut chat = world.store.latest(ChatId(CHAT), 1_000).await.unwrap();
    // An album is one message.
    let mut albums = HashSet::new();
    chat.retain(|message| message.album.as_ref().is_none_or(|album| albums.insert(album.clone())));
    for topic in [None, Some(4)] {
        let all: Vec<_> = chat.iter().filter(|message| message.topic == topic.map(TopicId)).cloned().collect();
        let (short, long) = (world.window(CHAT, topic, 10).await, world.window_by(CHAT, topic, 40, 4).await);
        assert!(all.ends_with(&long), "{topic:?}: {long:#?} is not the end of {all:#?}");
        assert!(all.ends_with(&short), "{topic:?}: {short:#?} is not the end of {all:#?}");
        assert!(short.len() <= 10 && long.len() <= 40);
        assert!(long.last() == all.last() || long.is_empty(), "{topic:?}: the newest is there");
    }
}

pub(crate) async fn a_window_that_is_read_again_shows_every_change(world: World) {
    let (mut random, mut newest) = (11u64, 0i64);
    for step in 0..250i64 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chance = i64::try_from(random >> 40).unwrap();
        let (person, recent) = (UserId(5 + chance % 3), (newest - chance / 16 % 12).max(1));
        let topic = (chance / 8 % 3 == 0).then_some(4);
        world.advance(Duration::from_secs(30));
        match chance % 11 {
            0 => {
                let edit =
                    Message { edited_at: Some(world.now()), ..said(recent, person.0, topic, &format!("edit {step}")) };
                world.remember(vec![edit]).await;
            }
            1 => drop(world.store.forget_message(ChatId(CHAT), MessageId(recent), world.now()).await.unwrap()),
            2 => drop(world.store.opt_out(person, world.now()).await.unwrap()),
            3 => drop(world.store.opt_in(person).await.unwrap()),
            4 if step % 5 == 0 => drop(world.store.forget_person(person, None, world.now()).await.unwrap()),
            5 => {
                let album = Some("album".to_owned() + &step.to_string());
                newest += 2;
                let pictures =
                    [newest - 1, newest].map(|id| Message { album: album.clone(), ..said(id, person.0, topic, "") });
                let [first, second] = pictures;
                world.remember(vec![first]).await;
                look(&world).await;
                world.remember(vec![Message { text: format!("caption {step}"), ..second }]).await;
            }
            6 if step % 7 == 0 => drop(world.store.forget_old(world.now() - Duration::from_secs(600)).await.unwrap()),
            _ => {
                newest += 1;
                let at = Timestamp(world.now().0);
                world
                    .remember(vec![Message { sent_at: at, ..said(newest, person.0, topic, &format!("new {step}")) }])
                    .await;
            }
        }
        look(&world).await;
    }
}

pub(crate) async fn a_chat_that_was_forgotten_and_comes_again_shows_nothing_of_before(world: World) {
    for round in ["first", "second", "third"] {
        // As many messages with the same ids as before.
        world.remember((1..=20).map(|id| said(id, 5, None, round)).collect()).await;
        let window = world.window_by(CHAT, None, 40, 4).await;
        assert_eq!(window.len(), 20, "{round}");
        assert!(window.iter().all(|message| message.text == round), "{round}: {window:?}");
        while !world.store.delete_chat(ChatId(CHAT), world.now()).await.unwrap() {}
    }
}

pub(crate) async fn an_opening_tells_at_once_how_a_chat_stands_and_what_was_said(world: World) {
    world.remember((1..=20).map(|id| said(id, 5 + id % 2, None, "said")).collect()).await;
    world.store.ban(UserId(5), world.now()).await.unwrap();
    world.store.opt_out(UserId(6), world.now()).await.unwrap();
    let people = vec![UserId(5), UserId(6), UserId(7)];
    let request = WindowRequest { chat: ChatId(CHAT), topic: None, limit: 10, block: 1 };
    let opening = world.store.opening(people.clone(), request).await.unwrap();
    assert_eq!(opening.standing, world.store.standing(ChatId(CHAT), people).await.unwrap());
    assert_eq!((&opening.standing.banned[..], &opening.standing.opted_out[..]), (&[UserId(5)][..], &[UserId(6)][..]));
    assert_eq!(opening.window, world.store.window(request).await.unwrap());
    assert_eq!(opening.window.len(), 5, "who has opted out is not shown");
}

use proptest::prelude::*;

use super::{SAMPLES, me};
use crate::{
    domain::{AuthorKind, ChatId, ChatKind, Forwarded, MediaKind, MessageId, Quote, TopicId, UserId},
    telegram::{Incoming, IncomingMessage, Mention, ParseError, SpanKind, parse},
};

fn message(fields: &str) -> IncomingMessage {
    let body = format!(
        r#"{{"update_id":1,"message":{{"message_id":50,"date":1700000000,"chat":{{"id":-1005,"type":"supergroup","title":"Т"}},{fields}}}}}"#
    );
    match parse(body.as_bytes(), &me()).unwrap() {
        Incoming::Message(message) => *message,
        other => panic!("not a message: {other:?}"),
    }
}

const PERSON: &str = r#""from":{"id":7,"is_bot":false,"first_name":"Леся"}"#;

#[test]
fn every_sample_reads_as_what_it_is() {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    let mut empty = 0;
    for line in SAMPLES.lines() {
        let name = match parse(line.as_bytes(), &me()).unwrap_or_else(|error| panic!("{error}: {line}")) {
            Incoming::Message(message) => {
                let has_content =
                    !message.message.text.is_empty() || message.message.media.is_some() || message.service.is_some();
                empty += usize::from(!has_content);
                "message"
            }
            Incoming::Edited(_) => "edited",
            Incoming::Callback(_) => "callback",
            Incoming::Reaction(_) => "reaction",
            Incoming::Membership(_) => "membership",
            Incoming::Migrated { .. } => "migrated",
            Incoming::Other { .. } => "other",
        };
        *counts.entry(name).or_default() += 1;
    }
    assert_eq!(empty, 0, "each message says something");
    let expected = [
        ("callback", 3),
        ("edited", 2),
        ("membership", 2),
        ("message", 59),
        ("migrated", 2),
        ("other", 25),
        ("reaction", 2),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_plain_message_keeps_who_said_what_where_and_when() {
    let read = message(&format!(
        r#"{PERSON},"text":"привіт, @invented_bot","entities":[{{"type":"mention","offset":8,"length":13}}]"#
    ));
    assert_eq!(read.message.text, "привіт, @invented_bot");
    assert_eq!(read.message.author.name, "Леся");
    assert_eq!(read.message.author.kind, AuthorKind::Person);
    assert_eq!(read.message.chat.kind, ChatKind::Group);
    assert_eq!(read.message.sent_at.0, 1_700_000_000_000);
    assert_eq!(read.mentions, [Mention::Username("invented_bot".into())]);
    assert_eq!(read.spans[0].kind, SpanKind::Mention);
    assert_eq!(&read.message.text[read.spans[0].range.clone()], "@invented_bot");
}

#[test]
fn disguised_senders_are_told_apart() {
    let author = |fields: &str| message(&format!(r#"{fields},"text":"x""#)).message.author;
    let anonymous = author(
        r#""from":{"id":1087968824,"is_bot":true,"first_name":"Group"},"sender_chat":{"id":-1005,"title":"Т"},"author_signature":"завгосп""#,
    );
    assert_eq!(
        (anonymous.kind, anonymous.id, &*anonymous.name),
        (AuthorKind::AnonymousAdmin, UserId(-1005), "завгосп")
    );
    let channel = author(
        r#""from":{"id":136817688,"is_bot":true,"first_name":"Channel"},"sender_chat":{"id":-1006,"title":"Новини"}"#,
    );
    assert_eq!((channel.kind, channel.id, &*channel.name), (AuthorKind::Channel, UserId(-1006), "Новини"));
    let own = author(r#""from":{"id":999,"is_bot":true,"first_name":"Гряг"}"#);
    assert_eq!(own.kind, AuthorKind::Own);
    let bot = author(r#""from":{"id":998,"is_bot":true,"first_name":"Інший"}"#);
    assert_eq!(bot.kind, AuthorKind::Bot);
    let old = author(r#""from":{"id":997,"first_name":"Без ознаки","last_name":"бота"}"#);
    assert_eq!((old.kind, &*old.name), (AuthorKind::Person, "Без ознаки бота"));
}

#[test]
fn a_linked_channels_post_is_an_automatic_forward() {
    let read = message(
        r#""from":{"id":777000,"is_bot":false,"first_name":"Telegram"},"sender_chat":{"id":-1006,"title":"Новини"},
           "is_automatic_forward":true,"forward_origin":{"type":"channel","chat":{"id":-1006,"title":"Новини"},"message_id":1},"text":"x""#,
    );
    assert!(read.is_automatic_forward);
    assert_eq!(read.message.author.kind, AuthorKind::Channel);
    assert_eq!(read.message.forwarded_from.map(|from| from.name).as_deref(), Some("Новини"));
}

#[test]
fn each_origin_of_a_forward_gives_a_name_and_a_new_one_does_not_fail() {
    for (origin, name, author) in [
        (r#"{"type":"user","sender_user":{"id":5,"first_name":"Левко"}}"#, "Левко", Some(5)),
        (r#"{"type":"hidden_user","sender_user_name":"Хтось"}"#, "Хтось", None),
        (r#"{"type":"chat","sender_chat":{"id":-1007,"title":"Гурт"}}"#, "Гурт", Some(-1007)),
        (r#"{"type":"channel","chat":{"id":-1008,"title":"Канал"},"author_signature":"ред."}"#, "Канал", Some(-1008)),
        (r#"{"type":"hologram","beam":7}"#, "?", None),
    ] {
        let read = message(&format!(r#"{PERSON},"forward_origin":{origin},"text":"x""#));
        let expected = Forwarded { name: name.to_owned(), author: author.map(UserId) };
        assert_eq!(read.message.forwarded_from, Some(expected));
    }
}

#[test]
fn a_quote_knows_whose_words_it_quotes() {
    for (replied, author) in [
        (r#""reply_to_message":{"message_id":3,"from":{"id":5,"first_name":"Левко"},"text":"довго"}"#, Some(5)),
        (
            r#""reply_to_message":{"message_id":3,"sender_chat":{"id":-1007,"title":"Гурт"},"text":"довго"}"#,
            Some(-1007),
        ),
        (r#""external_reply":{"origin":{"type":"user","sender_user":{"id":6,"first_name":"Оля"}}}"#, Some(6)),
        (r#""external_reply":{"origin":{"type":"hidden_user","sender_user_name":"Хтось"}}"#, None),
    ] {
        let read = message(&format!(r#"{PERSON},{replied},"quote":{{"text":"дов","position":0}},"text":"x""#));
        let expected = Quote { text: "дов".to_owned(), author: author.map(UserId) };
        assert_eq!(read.message.quote, Some(expected));
    }
}

#[test]
fn a_topics_creation_message_is_not_what_a_message_answers() {
    let in_topic = |replied: &str| {
        message(&format!(
            r#"{PERSON},"message_thread_id":33,"is_topic_message":true,"reply_to_message":{replied},"text":"x""#
        ))
        .message
    };
    let bare = in_topic(
        r#"{"message_id":33,"date":1,"chat":{"id":-1005},"from":{"id":8,"first_name":"Л"},"forum_topic_created":{"name":"т"}}"#,
    );
    assert_eq!((bare.topic, bare.reply_to), (Some(TopicId(33)), None));
    let real = in_topic(
        r#"{"message_id":40,"date":1,"chat":{"id":-1005},"from":{"id":999,"is_bot":true,"first_name":"Г"},"text":"отак"}"#,
    );
    let reply = real.reply_to.unwrap();
    assert_eq!((reply.message_id, reply.text.as_deref()), (MessageId(40), Some("отак")));
    assert_eq!(reply.author.unwrap().kind, AuthorKind::Own);
}

#[test]
fn a_reply_into_another_chat_keeps_its_quote_only() {
    let read = message(&format!(
        r#"{PERSON},"external_reply":{{"origin":{{"type":"user"}},"message_id":9}},"quote":{{"text":"оце","position":0}},"text":"x""#
    ));
    assert_eq!(read.message.reply_to, None);
    assert_eq!(read.message.quote.unwrap().text, "оце");
}

#[test]
fn a_thread_outside_forums_is_no_topic() {
    assert_eq!(message(&format!(r#"{PERSON},"message_thread_id":12,"text":"x""#)).message.topic, None);
}

#[test]
fn a_captioned_picture_of_an_album_keeps_all_of_it() {
    let read = message(&format!(
        r##"{PERSON},"photo":[{{"file_id":"a","width":1,"height":1}}],"media_group_id":"13","caption":"море #літо",
            "caption_entities":[{{"type":"hashtag","offset":5,"length":5}}]"##
    ));
    assert_eq!(read.message.media.unwrap().kind, MediaKind::Photo);
    assert_eq!((read.message.album.as_deref(), &*read.message.text), (Some("13"), "море #літо"));
    assert_eq!(&read.message.text[read.spans[0].range.clone()], "#літо");
}

#[test]
fn values_of_a_later_version_do_not_fail_the_update() {
    let body = r#"{"update_id":1,"message":{"message_id":5,"date":1,"chat":{"id":-1005,"type":"hyperspace"},
        "from":{"id":7,"first_name":"Леся","is_bot":"perhaps"},"text":"x",
        "entities":[{"type":"hologram","offset":0,"length":1},7,null],"hologram":{"depth":[[[]]]},"media_group_id":5}}"#;
    let Incoming::Message(read) = parse(body.as_bytes(), &me()).unwrap() else { panic!("a message") };
    assert_eq!(read.message.chat.kind, ChatKind::Group);
    assert_eq!((&*read.message.text, read.message.album), ("x", None));
}

#[test]
fn a_chat_without_a_type_is_told_by_the_sign_of_its_id() {
    for (id, kind) in [(5, ChatKind::Private), (-5, ChatKind::Group), (-1_001_234_567_890_i64, ChatKind::Group)] {
        let body =
            format!(r#"{{"update_id":1,"message":{{"message_id":5,"date":1,"chat":{{"id":{id}}},"text":"x"}}}}"#);
        let Incoming::Message(read) = parse(body.as_bytes(), &me()).unwrap() else { panic!("a message") };
        assert_eq!(read.message.chat.kind, kind);
    }
}

#[test]
fn a_move_to_a_supergroup_is_the_same_told_from_either_side() {
    let parse = |body: &str| parse(body.as_bytes(), &me()).unwrap();
    let moved = Incoming::Migrated { from: ChatId(-5), to: ChatId(-1005) };
    assert_eq!(
        parse(r#"{"update_id":1,"message":{"message_id":1,"date":1,"chat":{"id":-5},"migrate_to_chat_id":-1005}}"#),
        moved
    );
    assert_eq!(
        parse(r#"{"update_id":1,"message":{"message_id":1,"date":1,"chat":{"id":-1005},"migrate_from_chat_id":-5}}"#),
        moved
    );
}

#[test]
fn membership_tells_whether_the_bot_is_there() {
    for (member, present) in [
        (r#"{"status":"administrator"}"#, true),
        (r#"{"status":"kicked","until_date":0}"#, false),
        (r#"{"status":"left"}"#, false),
        (r#"{"status":"restricted","is_member":true}"#, true),
        (r#"{"status":"restricted","is_member":false}"#, false),
        (r#"{"status":"ghost"}"#, true),
    ] {
        let body = format!(
            r#"{{"update_id":1,"my_chat_member":{{"chat":{{"id":-1005}},"from":{{"id":7,"first_name":"Л"}},"date":3,
               "old_chat_member":{{"status":"member"}},"new_chat_member":{member}}}}}"#
        );
        let Incoming::Membership(read) = parse(body.as_bytes(), &me()).unwrap() else { panic!("a membership") };
        assert_eq!((read.is_present, &*read.old_status), (present, "member"), "{member}");
    }
}

#[test]
fn reactions_of_every_type_have_a_word() {
    let body = r#"{"update_id":1,"message_reaction":{"chat":{"id":-1005},"message_id":4,"date":3,"actor_chat":{"id":-1005,"title":"Т"},
        "old_reaction":[],"new_reaction":[{"type":"emoji","emoji":"👍"},{"type":"custom_emoji","custom_emoji_id":"77"},{"type":"paid"},{"type":"hologram"}]}}"#;
    let Incoming::Reaction(read) = parse(body.as_bytes(), &me()).unwrap() else { panic!("a reaction") };
    assert_eq!(read.new, ["👍", "custom:77", "paid", "hologram"]);
    assert_eq!(read.from.unwrap().kind, AuthorKind::AnonymousAdmin);
}

#[test]
fn what_every_update_of_its_kind_has_may_not_be_missing() {
    let error = |body: &str| parse(body.as_bytes(), &me()).unwrap_err();
    assert_eq!(error("{"), ParseError::NotJson);
    assert_eq!(error("7"), ParseError::NotAnObject);
    assert_eq!(error(r#"{"update_id":7}"#), ParseError::NoContent);
    for (content, kind, field) in [
        (r#""message":{"message_id":1,"date":1}"#, "message", "chat"),
        (r#""message":{"chat":{"id":1},"date":1}"#, "message", "message_id"),
        (r#""edited_message":{"chat":{"id":1},"message_id":1}"#, "edited_message", "date"),
        (r#""callback_query":{"id":"1"}"#, "callback_query", "from"),
    ] {
        assert_eq!(error(&format!(r#"{{"update_id":1,{content}}}"#)), ParseError::Missing { kind, field });
    }
}

proptest! {
    #[test]
    fn any_damage_to_a_sample_gives_an_update_or_an_error(
        line in 0_usize..95, at in 0_usize..3000, with in "\\PC{0,4}", cut in 0_usize..20,
    ) {
        let text = SAMPLES.lines().nth(line).unwrap();
        let mut start = at.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = (start + cut).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut damaged = text.to_owned();
        damaged.replace_range(start..end, &with);
        if let Ok(Incoming::Message(read) | Incoming::Edited(read)) = parse(damaged.as_bytes(), &me()) {
            for span in read.spans {
                prop_assert!(read.message.text.get(span.range).is_some());
            }
        }
    }
}

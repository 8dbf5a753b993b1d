use proptest::prelude::*;

use super::SAMPLES;
use crate::{
    domain::{ChatId, TopicId},
    telegram::{Kind, Peek, peek},
};

#[test]
fn every_sample_has_an_id_a_known_kind_and_no_problem() {
    for (index, line) in SAMPLES.lines().enumerate() {
        let peek = peek(line.as_bytes());
        assert_eq!(peek.update_id, Some(1000 + i64::try_from(index).unwrap()), "{line}");
        assert_ne!(peek.kind.as_str(), "unknown", "{line}");
        assert_eq!(peek.problem, None, "{line}");
        let places = line.contains(r#""chat":{"#) && !matches!(peek.kind, Kind::ChosenInlineResult | Kind::Poll);
        assert_eq!(peek.chat.is_some(), places, "{line}");
    }
}

#[test]
fn a_command_is_seen_by_its_entity_at_the_beginning() {
    let commands = SAMPLES.lines().filter(|line| peek(line.as_bytes()).starts_with_command).count();
    assert_eq!(commands, 2, "the samples hold /test@bar and /start with entities");
    let later = r#"{"update_id":1,"message":{"chat":{"id":5},"text":"a /b","entities":[{"type":"bot_command","offset":2,"length":2}]}}"#;
    assert!(!peek(later.as_bytes()).starts_with_command);
    let caption = r#"{"update_id":1,"message":{"chat":{"id":5},"caption":"/b","caption_entities":[{"type":"bot_command","offset":0,"length":2}]}}"#;
    assert!(peek(caption.as_bytes()).starts_with_command);
    let empty_text = caption.replace(r#""caption":"#, r#""text":"","caption":"#);
    assert!(peek(empty_text.as_bytes()).starts_with_command, "as it is read later");
}

#[test]
fn a_topic_counts_only_beside_is_topic_message_and_never_for_general() {
    let topic = |fields: &str| {
        let body = format!(r#"{{"update_id":1,"message":{{"chat":{{"id":-1005}},{fields}"text":"x"}}}}"#);
        peek(body.as_bytes()).topic
    };
    assert_eq!(topic(r#""message_thread_id":33,"is_topic_message":true,"#), Some(TopicId(33)));
    assert_eq!(topic(r#""message_thread_id":33,"#), None);
    assert_eq!(topic(r#""message_thread_id":1,"is_topic_message":true,"#), None);
    assert_eq!(topic(""), None);
}

#[test]
fn a_button_press_belongs_to_the_chat_and_topic_of_its_message() {
    let body = r#"{"update_id":8,"callback_query":{"id":"1","from":{"id":4},"message":{"chat":{"id":-1007},"message_id":3,
        "date":0,"message_thread_id":9,"is_topic_message":true},"data":"x"}}"#;
    let peek = peek(body.as_bytes());
    assert_eq!((peek.chat, peek.topic, peek.kind), (Some(ChatId(-1007)), Some(TopicId(9)), Kind::CallbackQuery));
}

#[test]
fn what_cannot_be_used_says_why() {
    let problem = |body: &[u8]| peek(body).problem;
    assert_eq!(problem(b"\xff\xfe{}"), Some("not UTF-8"));
    assert_eq!(problem(b""), Some("not JSON"));
    assert_eq!(problem(b"{\"update_id\":1,"), Some("not JSON"));
    assert_eq!(problem(b"[1,2]"), Some("not an object"));
    assert_eq!(problem(b"{\"update_id\":1}"), Some("no content"));
    assert_eq!(problem(b"{\"update_id\":1,\"message\":\"text\"}"), Some("no content"));
    for id in ["-1", "\"7\"", "1.5", "9223372036854775808", "null", "true", "[1]"] {
        let body = format!(r#"{{"update_id":{id},"message":{{"chat":{{"id":5}},"text":"x"}}}}"#);
        let peek = peek(body.as_bytes());
        assert_eq!((peek.problem, peek.update_id), (Some("no usable update_id"), None), "{id}");
        assert_eq!(peek.chat, Some(ChatId(5)), "the rest is still told");
    }
}

#[test]
fn ids_beyond_32_bits_are_usable() {
    let body = br#"{"update_id":9223372036854775807,"message":{"chat":{"id":-1002147483648999},"text":"x"}}"#;
    let peek = peek(body);
    assert_eq!((peek.update_id, peek.chat), (Some(i64::MAX), Some(ChatId(-1_002_147_483_648_999))));
}

#[test]
fn an_unknown_kind_is_told_by_name_with_its_chat() {
    let peek = peek(br#"{"update_id":1,"hologram_query":{"chat":{"id":-1008,"type":"hyperspace"}}}"#);
    assert_eq!(peek.kind, Kind::Unknown("hologram_query".into()));
    assert_eq!((peek.chat, peek.problem), (Some(ChatId(-1008)), None));
}

#[test]
fn nesting_ten_thousand_deep_is_no_problem() {
    let deep = "{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000);
    let body = format!(r#"{{"update_id":1,"message":{{"chat":{{"id":5}},"text":"x","junk":{deep}}}}}"#);
    assert_eq!(peek(body.as_bytes()).chat, Some(ChatId(5)));
    assert_eq!(peek(deep.as_bytes()).problem, Some("no usable update_id"));
    assert_eq!(peek("[".repeat(256 * 1024).as_bytes()).problem, Some("not JSON"));
}

#[test]
fn wrong_types_below_the_top_leave_the_rest_readable() {
    let body = br#"{"update_id":1,"message":{"chat":{"id":"5"},"text":7,"caption":"c","caption_entities":{},"is_topic_message":1}}"#;
    let peek = peek(body);
    assert_eq!((peek.chat, peek.text.as_deref(), peek.problem), (None, Some("c"), None));
}

proptest! {
    #[test]
    fn any_bytes_are_looked_at_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _: Peek<'_> = peek(&body);
    }

    #[test]
    fn a_cut_or_damaged_sample_is_looked_at_without_a_panic(
        line in 0_usize..95, cut in 0_usize..3000, at in 0_usize..3000, byte in any::<u8>(),
    ) {
        let mut body = SAMPLES.lines().nth(line).unwrap().as_bytes().to_vec();
        if let Some(place) = body.get_mut(at) {
            *place = byte;
        }
        body.truncate(cut.max(1));
        peek(&body);
    }
}

//! Takes somebody's words out of raw updates that wait, or that are dead. The only place of the store that looks into a
//! body; what Telegram adds to its updates one day is found by the same shape: a message has a sender and an id.

use serde_json::Value;

/// Whose or which words are taken out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Words {
    /// All of a person.
    Of(i64),
    /// Those of one message, as chat and message.
    In(i64, i64),
}

/// What is left of a body.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Redacted {
    /// None of these words are in it.
    Untouched,
    /// The whole update is theirs.
    Theirs,
    /// Somebody else's update, without these words.
    Without(Vec<u8>),
}

/// What stays of a message whose words are taken out: where it stood and whose it was.
const FRAME: [&str; 9] = [
    "message_id",
    "date",
    "chat",
    "from",
    "sender_chat",
    "message_thread_id",
    "is_topic_message",
    "forum_topic_created",
    "origin",
];

pub(super) fn redact(body: &[u8], words: Words) -> Redacted {
    let Ok(mut update) = serde_json::from_slice::<Value>(body) else {
        // It names them and cannot be read: whatever else it holds, it can never be handled.
        return Redacted::Theirs;
    };
    let content =
        update.as_object().into_iter().flatten().map(|(_, content)| content).find(|content| content.is_object());
    if content.is_some_and(|content| words.is_in(content)) {
        return Redacted::Theirs;
    }
    if take_out(&mut update, words) { Redacted::Without(update.to_string().into_bytes()) } else { Redacted::Untouched }
}

impl Words {
    /// Whether an object is a message (a press, a reaction …) of theirs, or one that shows where theirs stands.
    fn is_in(self, object: &Value) -> bool {
        let id = |key: &str| object[key]["id"].as_i64();
        match self {
            Self::Of(person) => {
                ["from", "sender_chat", "user", "actor_chat"].iter().any(|key| id(key) == Some(person))
                    || origin_is(&object["forward_origin"], person)
                    || origin_is(&object["origin"], person)
            }
            Self::In(chat, message) => id("chat") == Some(chat) && object["message_id"].as_i64() == Some(message),
        }
    }
}

fn origin_is(origin: &Value, person: i64) -> bool {
    ["sender_user", "sender_chat", "chat"].iter().any(|key| origin[*key]["id"].as_i64() == Some(person))
}

/// Blanks words and names; true if there were any.
fn take_out(value: &mut Value, words: Words) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |found, item| take_out(item, words) | found),
        Value::Object(_) => take_out_of_object(value, words),
        _ => false,
    }
}

fn take_out_of_object(value: &mut Value, words: Words) -> bool {
    let is_theirs = words.is_in(value);
    let answers_theirs = ["reply_to_message", "external_reply"].iter().any(|key| words.is_in(&value[*key]));
    let is_their_account = matches!(words, Words::Of(person) if value["id"].as_i64() == Some(person));
    let Value::Object(object) = value else { return false };
    if is_theirs {
        object.retain(|key, _| FRAME.contains(&key.as_str()));
    }
    if answers_theirs {
        object.remove("quote");
    }
    if is_their_account {
        object.retain(|key, _| matches!(key.as_str(), "id" | "is_bot" | "type"));
    }
    let mut found = is_theirs || answers_theirs || is_their_account;
    for inner in object.values_mut() {
        found |= take_out(inner, words);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(body: &str, words: Words) -> Redacted {
        redact(body.as_bytes(), words)
    }

    #[test]
    fn whatever_a_person_sent_is_theirs() {
        for body in [
            r#"{"update_id":1,"message":{"message_id":2,"from":{"id":5},"text":"x"}}"#,
            r#"{"update_id":1,"message":{"message_id":2,"from":{"id":136817688},"sender_chat":{"id":5},"text":"x"}}"#,
            r#"{"update_id":1,"callback_query":{"id":"7","from":{"id":5},"data":"x"}}"#,
            r#"{"update_id":1,"message":{"message_id":2,"from":{"id":6},"text":"x",
                "forward_origin":{"type":"user","sender_user":{"id":5}}}}"#,
            r#"{"update_id":1,"message_reaction":{"message_id":2,"user":{"id":5}}}"#,
            "not JSON, but 5 is in it",
        ] {
            assert_eq!(without(body, Words::Of(5)), Redacted::Theirs, "{body}");
        }
    }

    #[test]
    fn of_others_updates_only_their_words_and_names_go() {
        let body = r#"{"update_id":1,"message":{"message_id":3,"from":{"id":6,"first_name":"B"},"text":"mine",
            "quote":{"text":"CANARY"},"entities":[{"type":"text_mention","user":{"id":5,"first_name":"CANARY"}}],
            "reply_to_message":{"message_id":2,"from":{"id":5,"first_name":"CANARY"},"text":"CANARY"}}}"#;
        let Redacted::Without(left) = without(body, Words::Of(5)) else { panic!("somebody else's") };
        let left = String::from_utf8(left).unwrap();
        assert!(!left.contains("CANARY"), "{left}");
        assert!(left.contains("mine") && left.contains("\"B\""), "{left}");
        assert_eq!(without(body, Words::Of(7)), Redacted::Untouched);
    }

    #[test]
    fn a_quote_of_another_chats_message_goes_too() {
        let body = r#"{"update_id":1,"message":{"message_id":3,"from":{"id":6},"text":"mine","quote":{"text":"CANARY"},
            "external_reply":{"origin":{"type":"user","sender_user":{"id":5}},"document":{"file_name":"CANARY"}}}}"#;
        let Redacted::Without(left) = without(body, Words::Of(5)) else { panic!("somebody else's") };
        assert!(!String::from_utf8(left).unwrap().contains("CANARY"));
    }

    #[test]
    fn one_message_is_found_wherever_it_is_shown() {
        let own = r#"{"update_id":1,"edited_message":{"message_id":2,"chat":{"id":-10},"from":{"id":6},"text":"x"}}"#;
        assert_eq!(without(own, Words::In(-10, 2)), Redacted::Theirs);
        assert_eq!(without(own, Words::In(-11, 2)), Redacted::Untouched, "ids are a chat's own");
        let reply = r#"{"update_id":1,"message":{"message_id":3,"chat":{"id":-10},"text":"mine","quote":{"text":"CANARY"},
            "reply_to_message":{"message_id":2,"chat":{"id":-10},"caption":"CANARY"}}}"#;
        let Redacted::Without(left) = without(reply, Words::In(-10, 2)) else { panic!("somebody else's") };
        let left = String::from_utf8(left).unwrap();
        assert!(!left.contains("CANARY") && left.contains("mine"), "{left}");
    }
}

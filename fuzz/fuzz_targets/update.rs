//! Any bytes are looked at and read without a panic, and the look before the acknowledgement says what the reading after
//! it says: another chat or topic would put a message into a lane that is not its own.

#![no_main]

use gryag::{
    domain::UserId,
    telegram::{Incoming, IncomingMessage, Me, ParseError, Peek, parse, peek},
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let me = Me {
        id: UserId(7_000_000_001),
        username: "gryag_bot".to_owned(),
        first_name: "Гряг".to_owned(),
        can_read_all_group_messages: true,
    };
    let looked = peek(body);
    assert!(looked.update_id.is_none_or(|id| id >= 0));
    assert!(looked.update_id.is_some() || looked.problem.is_some());
    match parse(body, &me) {
        Ok(incoming) => {
            assert!(matches!(looked.problem, None | Some("no usable update_id")));
            same_place(&looked, &incoming);
        }
        Err(ParseError::Missing { .. }) => assert!(matches!(looked.problem, None | Some("no usable update_id"))),
        Err(_) => assert!(looked.problem.is_some()),
    }
});

// Bytes changed at random are mostly no JSON any more. Half of the time the change is one of a value in the tree.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut chance = fastrand::Rng::with_seed(seed.into());
    if chance.bool()
        && let Ok(mut tree) = serde_json::from_slice::<Value>(&data[..size])
    {
        let (mut from, mut to) = (chance.usize(..nodes(&tree)), chance.usize(..nodes(&tree)));
        let other = nth(&mut tree.clone(), &mut from).map(|value| value.clone());
        if let Some(value) = nth(&mut tree, &mut to) {
            change(value, other.unwrap_or_default(), &mut chance);
        }
        let text = tree.to_string();
        if text.len() <= max_size {
            data[..text.len()].copy_from_slice(text.as_bytes());
            return text.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
});

fn change(value: &mut Value, other: Value, chance: &mut fastrand::Rng) {
    *value = match (chance.u8(..6), &mut *value) {
        (0, _) => Value::Null,
        (1, _) => Value::String(String::new()),
        (2, Value::Number(number)) => Value::from(number.as_i64().unwrap_or_default().wrapping_add(chance.i64(-2..=2))),
        (2, _) => Value::from(chance.i64(..) >> chance.u8(..64)),
        (3, Value::Object(map)) => {
            let gone = map.keys().nth(chance.usize(..=map.len())).cloned();
            map.retain(|key, _| Some(key) != gone.as_ref());
            return;
        }
        (3, Value::String(text)) => Value::String(text.chars().skip(1).collect()),
        _ => other,
    };
}

/// How many values a tree has, its root included.
fn nodes(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(list) => list.iter().map(nodes).sum(),
        Value::Object(map) => map.values().map(nodes).sum(),
        _ => 0,
    }
}

/// The value that `left` values of the tree stand before.
fn nth<'a>(tree: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(tree);
    }
    *left -= 1;
    match tree {
        Value::Array(list) => list.iter_mut().find_map(|value| nth(value, left)),
        Value::Object(map) => map.values_mut().find_map(|value| nth(value, left)),
        _ => None,
    }
}

fn same_place(looked: &Peek<'_>, incoming: &Incoming) {
    match incoming {
        Incoming::Message(read) | Incoming::Edited(read) => same_message(looked, read),
        Incoming::Callback(pressed) => {
            if let Some(chat) = &pressed.chat {
                assert_eq!((looked.chat, looked.topic), (Some(chat.id), pressed.topic));
            }
        }
        Incoming::Reaction(reaction) => assert_eq!(looked.chat, Some(reaction.chat.id)),
        Incoming::Membership(membership) => assert_eq!(looked.chat, Some(membership.chat.id)),
        Incoming::Migrated { from, to } => assert!(looked.chat == Some(*from) || looked.chat == Some(*to)),
        Incoming::Other { .. } => {}
    }
}

fn same_message(looked: &Peek<'_>, read: &IncomingMessage) {
    let message = &read.message;
    assert_eq!((looked.chat, looked.topic), (Some(message.chat.id), message.topic));
    assert_eq!(looked.text.as_deref().unwrap_or_default(), message.text);
    assert!(read.command.is_none() || looked.starts_with_command, "a command would wait behind a turn");
    for span in &read.spans {
        assert!(message.text.get(span.range.clone()).is_some_and(|words| !words.is_empty()));
    }
}

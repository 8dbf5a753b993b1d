//! Fixtures as windows of messages.

use std::{collections::HashMap, fmt};

use crate::{
    decision::{
        gate::{Gauge, gauge},
        recent::Recent,
        veto::grave_now,
    },
    domain::{Author, AuthorKind, Chat, ChatId, ChatKind, Message, MessageId, ReplyTo, Timestamp, UserId},
};

const START: i64 = 1_795_428_000;
/// Between two lines of a lively talk.
const BEAT: i64 = 20;

fn message(id: i64, name: &str, second: i64, text: &str, reply_to: Option<i64>) -> Message {
    // A person is their name: a small stable number of it.
    let user = name.chars().fold(7, |sum, letter| (sum * 31 + i64::from(u32::from(letter))) % 100_003);
    Message {
        chat: Chat { id: ChatId(-10), kind: ChatKind::Group, title: None },
        topic: None,
        id: MessageId(id),
        author: Author { kind: AuthorKind::Person, id: UserId(user), name: name.to_owned(), username: None },
        text: text.to_owned(),
        media: None,
        reply_to: reply_to.map(|id| ReplyTo { message_id: MessageId(id), author: None, text: None, media: None }),
        quote: None,
        forwarded_from: None,
        album: None,
        sent_at: Timestamp::from_seconds(second),
        edited_at: None,
    }
}

/// «Оля: привіт / Тарас: і тобі», or one message of somebody.
pub(super) fn dialogue(text: &str) -> Vec<Message> {
    let lines = text.split(" / ").enumerate();
    lines
        .map(|(index, line)| {
            let index = i64::try_from(index).unwrap();
            let named = line.split_once(": ").filter(|(name, _)| !name.contains(' ') && name.chars().count() < 12);
            let (name, words) = named.unwrap_or(("Хтось", line));
            message(index + 1, name, START + index * BEAT, words, None)
        })
        .collect()
}

/// A labelled moment and what the rules make of it.
pub(super) struct Judged {
    line: String,
    pub(super) gauge: Gauge,
    pub(super) is_grave: bool,
}

impl fmt::Display for Judged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:5.2} {:<14} {}", self.gauge.score, self.gauge.moment.as_str(), self.line)
    }
}

/// Every line of the file with this mark, each with the lines of its block before it.
pub(super) fn judged(file: &str, mark: char) -> Vec<Judged> {
    let mut judged = Vec::new();
    for block in file.split("\n\n") {
        let mut window: Vec<Message> = Vec::new();
        let mut last_of: HashMap<String, i64> = HashMap::new();
        let mut second = START;
        for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (label, rest) = line.split_once(' ').unwrap();
            let (who, text) = rest.split_once(": ").unwrap();
            let (wait, who) = match who.strip_prefix('+').and_then(|who| who.split_once(' ')) {
                Some((minutes, who)) => (minutes.parse::<i64>().unwrap() * 60, who),
                None => (BEAT, who),
            };
            let (name, to) = who.split_once(" > ").map_or((who, None), |(name, to)| (name, Some(to)));
            second += if window.is_empty() { 0 } else { wait };
            let id = i64::try_from(window.len()).unwrap() + 1;
            let reply_to = to.map(|to| *last_of.get(to).unwrap_or_else(|| panic!("{to} said nothing yet: {line}")));
            window.push(message(id, name, second, text, reply_to));
            last_of.insert(name.to_owned(), id);
            if label.starts_with(mark) {
                let recent = Recent::of(&window);
                judged.push(Judged {
                    line: line.to_owned(),
                    gauge: gauge(&recent),
                    is_grave: grave_now(&recent, 1).is_some(),
                });
            }
        }
    }
    judged
}

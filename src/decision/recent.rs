//! The last messages of a chat as the decision sees them: who said what to whom, and what it does there.

use std::{borrow::Borrow, collections::HashMap};

use crate::{
    analysis::{Reading, comparable_words, read},
    domain::{AuthorKind, Media, MediaKind, Message, MessageId, Timestamp, UserId},
};

/// How many of the last messages are looked at.
pub const RECENT_MAX: usize = 20;

/// One of the last messages.
#[derive(Clone, Debug)]
pub struct Heard<'a> {
    /// The message.
    pub message: &'a Message,
    /// What its words do.
    pub reading: Reading,
    /// Whom it answers, as far as that is known.
    pub replies_to: Option<UserId>,
    /// It answers somebody else than the bot.
    is_to_other: bool,
    /// It speaks to the bot, as far as can be told: a reply to it.
    pub is_for_us: bool,
}

impl Heard<'_> {
    /// Whether a person said it (or somebody who writes as a group or a channel).
    pub fn is_persons(&self) -> bool {
        !matches!(self.message.author.kind, AuthorKind::Own | AuthorKind::Bot)
    }

    /// Whose it is.
    pub fn author(&self) -> UserId {
        self.message.author.id
    }

    /// When it was sent.
    pub fn at(&self) -> Timestamp {
        self.message.sent_at
    }
}

/// The last messages, oldest first.
#[derive(Clone, Default, Debug)]
pub struct Recent<'a> {
    /// Of a window at most [`RECENT_MAX`].
    pub lines: Vec<Heard<'a>>,
}

impl<'a> Recent<'a> {
    /// Of a window, oldest first; only its end is read.
    pub fn of<M: Borrow<Message>>(window: &'a [M]) -> Self {
        Self::whole(&window[window.len().saturating_sub(RECENT_MAX)..])
    }

    /// Of all these messages.
    pub fn whole<M: Borrow<Message>>(last: &'a [M]) -> Self {
        let last = || last.iter().map(Borrow::borrow);
        let authors: HashMap<MessageId, (UserId, AuthorKind)> =
            last().map(|message: &Message| (message.id, (message.author.id, message.author.kind))).collect();
        Self { lines: last().map(|message| heard(message, &authors)).collect() }
    }

    /// Tells of lines whether they are for somebody: answer somebody else than the bot, mention somebody, or call somebody
    /// by name.
    pub fn for_somebody(&self) -> impl Fn(&Heard<'_>) -> bool + use<> {
        let names = first_names(self.lines.iter().map(|line| line.message));
        move |line| line.is_to_other || mentions_somebody(&line.message.text) || calls_by_name(line.message, &names)
    }

    /// The newest message, if there is one.
    pub fn newest(&self) -> Option<&Heard<'a>> {
        self.lines.last()
    }
}

/// What a message says, the emoji of a sticker included.
pub fn reading_of(message: &Message) -> Reading {
    let sticker = |media: &&Media| media.kind == MediaKind::Sticker;
    match message.media.as_ref().filter(sticker).and_then(|media| media.label.as_deref()) {
        Some(emoji) if message.text.is_empty() => read(emoji),
        _ => read(&message.text),
    }
}

fn heard<'a>(message: &'a Message, authors: &HashMap<MessageId, (UserId, AuthorKind)>) -> Heard<'a> {
    let replied = message.reply_to.as_ref().and_then(|reply| {
        let along = reply.author.as_ref().map(|author| (author.id, author.kind));
        authors.get(&reply.message_id).copied().or(along)
    });
    let is_for_us = replied.is_some_and(|(_, kind)| kind == AuthorKind::Own);
    let is_to_other = message.reply_to.is_some() && !is_for_us && replied.is_none_or(|(id, _)| id != message.author.id);
    Heard { message, reading: reading_of(message), replies_to: replied.map(|(id, _)| id), is_to_other, is_for_us }
}

/// The first names of who speaks, long enough to be told from other words, without their endings.
fn first_names<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<(UserId, String)> {
    let mut names = Vec::new();
    for message in messages.filter(|message| message.author.kind == AuthorKind::Person) {
        let Some(name) = comparable_words(&message.author.name).into_iter().next() else { continue };
        let letters = name.chars().count();
        if letters >= 3 && !names.iter().any(|(id, _)| *id == message.author.id) {
            // «Оля» is called «Олю», «Тарас» is called «Тарасе»: the last letter changes or one comes on.
            let stem: String = name.chars().take(if letters > 3 { letters - 1 } else { 2 }).collect();
            names.push((message.author.id, stem));
        }
    }
    names
}

/// Whether a message begins or ends with somebody's name, set off as a call.
fn calls_by_name(message: &Message, names: &[(UserId, String)]) -> bool {
    let text = message.text.trim();
    let first = text.split(',').next().filter(|part| part.len() < text.len());
    let last = text.rsplit(',').next().filter(|part| part.len() < text.len());
    [first, last].into_iter().flatten().any(|part| {
        let words = comparable_words(part);
        // «Тарасе», «ну Тарасе», «слухай Тарасе».
        let name = words.last().filter(|_| (1..=2).contains(&words.len()));
        name.is_some_and(|name| is_a_call(name, message.author.id, names))
    }) || text
        .split_whitespace()
        .find_map(|piece| comparable_words(piece).into_iter().next())
        .is_some_and(|name| names.iter().any(|(id, stem)| *id != message.author.id && is_form_of(&name, stem)))
}

fn is_a_call(word: &str, by: UserId, names: &[(UserId, String)]) -> bool {
    names.iter().any(|(id, stem)| *id != by && is_form_of(word, stem)) || crate::analysis::is_first_name(word)
}

fn is_form_of(word: &str, stem: &str) -> bool {
    word.strip_prefix(stem).is_some_and(|ending| ending.chars().count() <= 3)
}

/// `@name` somewhere in the text; an address of mail is none.
fn mentions_somebody(text: &str) -> bool {
    text.char_indices().any(|(at, letter)| {
        let before = text[..at].chars().next_back();
        let after = text[at + letter.len_utf8()..].chars().next();
        letter == '@'
            && before.is_none_or(|before| !before.is_alphanumeric())
            && after.is_some_and(char::is_alphanumeric)
    })
}

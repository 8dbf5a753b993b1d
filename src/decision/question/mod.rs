//! Whether a question stands alone, so that the answer that somebody else got within the hour may be given again.
//!
//! Only what looks like a question to an encyclopaedia does ([`frames`]): everything else is a conversation. And nothing
//! does in which a word points at people, at this place or at this moment ([`words`]). A question that is taken for a
//! conversation costs a call of the model; the other mistake would hand one person's answer to another.

mod frames;
mod words;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use self::words::Word;
use crate::domain::{AuthorKind, Message};

/// So long after an answer a person is still talking with the bot.
const IN_CONVERSATION: Duration = Duration::from_secs(180);
/// Longer texts are no plain questions.
const CHARS_MAX: usize = 160;
/// Words of the longest question, without the bot's name and without courtesies.
const WORDS_MAX: usize = 12;

/// A question that stands alone: the same words for the same question, however it was typed and whoever was greeted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NormalisedQuestion(String);

impl NormalisedQuestion {
    /// Its words, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The question that `message` asks, if it stands alone: no reply, no quote, nothing attached or passed on, not in the
/// middle of a talk with the bot, and its words say it all. `window` is what was said around it; `is_called` tells
/// whether a word is a name of the bot.
pub fn stands_alone(
    message: &Message,
    window: &[Arc<Message>],
    is_called: &dyn Fn(&str) -> bool,
) -> Option<NormalisedQuestion> {
    let is_bare = message.reply_to.is_none()
        && message.quote.is_none()
        && message.media.is_none()
        && message.forwarded_from.is_none()
        && message.edited_at.is_none()
        && matches!(message.author.kind, AuthorKind::Person | AuthorKind::AnonymousAdmin | AuthorKind::Channel);
    if !is_bare {
        return None;
    }
    // Most of what is said falls here, before anybody's name is looked at.
    in_words(&message.text, &[], is_called)?;
    let names = names(window, message);
    let question = in_words(&message.text, &names, is_called)?;
    let is_talking = is_in_conversation(message, window, |other| {
        in_words(&other.text, &names, is_called).as_ref() == Some(&question)
    });
    (!is_talking).then_some(question)
}

/// Whether an answer to a question that stands alone stands alone itself: it names nobody of the chat and does not come
/// back to what was said.
pub fn may_be_given_again(answer: &str, message: &Message, window: &[Arc<Message>]) -> bool {
    let names = names(window, message);
    let said = words::split(answer);
    !answer.contains('@') && !said.iter().any(|word| words::names_somebody(word, &names) || words::looks_back(word))
}

/// What people of the chat are called, word by word, in lower case.
fn names(window: &[Arc<Message>], message: &Message) -> Vec<String> {
    let people = window.iter().map(AsRef::as_ref).chain([message]).filter(|said| said.author.kind != AuthorKind::Own);
    let names = people.flat_map(|said| std::iter::once(&said.author.name).chain(&said.author.username));
    let mut names: Vec<String> = names
        .flat_map(|name| words::split(name))
        .map(|word| word.lower)
        .filter(|word| word.chars().count() > 1)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether the bot has just talked with the author about something else, or has just said something to nobody.
fn is_in_conversation(message: &Message, window: &[Arc<Message>], is_same: impl Fn(&Message) -> bool) -> bool {
    let before = || window.iter().rev().filter(|said| said.id < message.id);
    let answered = |own: &Message| {
        let reply = own.reply_to.as_ref()?;
        window.iter().find(|said| said.id == reply.message_id)
    };
    let recent = before().take_while(|said| message.sent_at.since(said.sent_at) <= IN_CONVERSATION);
    recent.filter(|said| said.author.kind == AuthorKind::Own).enumerate().any(|(index, own)| match answered(own) {
        Some(said) => said.author.id == message.author.id && !is_same(said),
        // It spoke unasked, or to somebody who is out of sight.
        None => index == 0 && before().next().is_some_and(|last| last.id == own.id),
    })
}

fn in_words(text: &str, names: &[String], is_called: &dyn Fn(&str) -> bool) -> Option<NormalisedQuestion> {
    if text.chars().count() > CHARS_MAX || !words::is_one_sentence(text) {
        return None;
    }
    let mut said = words::split(text);
    said.retain(|word| !is_called(&word.lower));
    words::strip_courtesies(&mut said);
    if said.is_empty() || said.len() > WORDS_MAX {
        return None;
    }
    let points = |word: &Word| words::points_at_somebody(word) || words::names_somebody(word, names);
    if said.iter().any(points) || !frames::fits(&said) {
        return None;
    }
    let lower: Vec<&str> = said.iter().map(|word| word.lower.as_str()).collect();
    Some(NormalisedQuestion(lower.join(" ")))
}

/// The lines of a list file by section: `[name]` begins one, `#` a comment.
fn sections(file: &'static str) -> BTreeMap<&'static str, Vec<&'static str>> {
    let (mut sections, mut name) = (BTreeMap::<_, Vec<_>>::new(), "");
    for line in file.lines().map(|line| line.split_once('#').map_or(line, |(line, _)| line).trim()) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(section) => name = section,
            None if line.is_empty() => {}
            None => sections.entry(name).or_default().push(line),
        }
    }
    sections
}

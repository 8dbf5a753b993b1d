//! The labelled questions of `tests/fixtures/questions.tsv`, and what else keeps an answer from being given again.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::*;
use crate::{
    domain::{
        Author, Chat, ChatId, ChatKind, Forwarded, Media, MediaKind, MessageId, Quote, ReplyTo, Timestamp, UserId,
    },
    persona::{Persona, names_in},
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const QUESTION: &str = "Гряг, що таке фотосинтез?";

fn author(id: i64, name: &str, username: Option<&str>) -> Author {
    let kind = if id == 1 { AuthorKind::Own } else { AuthorKind::Person };
    Author { kind, id: UserId(id), name: name.to_owned(), username: username.map(str::to_owned) }
}

fn olya() -> Author {
    author(5, "Оля", None)
}

fn gryag() -> Author {
    author(1, "Гряг", Some("gryag_bot"))
}

fn message(id: i64, author: Author, text: &str, ago: Duration) -> Message {
    Message {
        chat: Chat { id: ChatId(-10), kind: ChatKind::Group, title: None },
        topic: None,
        id: MessageId(id),
        author,
        text: text.to_owned(),
        media: None,
        reply_to: None,
        quote: None,
        forwarded_from: None,
        album: None,
        sent_at: NOW - ago,
        edited_at: None,
    }
}

fn answer_to(id: i64, question: i64, ago: Duration) -> Message {
    let reply_to = ReplyTo { message_id: MessageId(question), author: None, text: None, media: None };
    Message { reply_to: Some(reply_to), ..message(id, gryag(), "відповідь", ago) }
}

/// Everybody of the labelled set has written something.
fn people() -> Vec<Message> {
    let people = [
        olya(),
        author(6, "Тарас Шпак", Some("shpak_t")),
        author(7, "Мурчик", None),
        author(8, "Ніна Петрівна", None),
        author(9, "Serge", None),
    ];
    (1..).zip(people).map(|(id, author)| message(id, author, "слово", MINUTE * 30)).collect()
}

fn ask(message: &Message, window: &[Message]) -> Option<NormalisedQuestion> {
    static PERSONA: LazyLock<Persona> = LazyLock::new(Persona::built_in);
    let window: Vec<_> = window.iter().cloned().map(Arc::new).collect();
    stands_alone(message, &window, &|word| names_in(&PERSONA, word, &[]) || word == "gryag")
}

fn words_of(text: &str) -> Option<String> {
    let question = ask(&message(100, author(6, "Тарас Шпак", Some("shpak_t")), text, Duration::ZERO), &people());
    question.map(|question| question.as_str().to_owned())
}

#[test]
fn the_labelled_questions_are_told_apart() {
    let set = include_str!("../../../tests/fixtures/questions.tsv");
    let labelled: Vec<_> = set.lines().filter_map(|line| line.split_once('\t')).collect();
    let (alone, talk): (Vec<_>, Vec<_>) = labelled.into_iter().partition(|(label, _)| *label == "alone");
    assert!(alone.len() >= 60 && talk.len() >= 120, "{} and {}", alone.len(), talk.len());
    let kept: Vec<_> = talk.iter().filter_map(|(_, text)| words_of(text)).collect();
    assert!(kept.is_empty(), "conversations that would be answered from the cache: {kept:#?}");
    let missed: Vec<_> = alone.iter().filter(|(_, text)| words_of(text).is_none()).collect();
    assert!(missed.is_empty(), "questions that would be asked twice: {missed:#?}");
}

#[test]
fn one_question_is_one_question_however_it_is_typed() {
    let typed = [
        "Гряг, що таке фотосинтез?",
        "що таке Фотосинтез",
        "ГРЯЖЕ! що таке фотосинтез??",
        "скажи, будь ласка, Гряг, що таке «фотосинтез»?",
        "що таке фотоси́нтез, грягу",
    ];
    // The exclamation mark makes the third one a shout.
    let words: Vec<_> = typed.iter().map(|text| words_of(text)).collect();
    let one = || Some("що таке фотосинтез".to_owned());
    assert_eq!(words, [one(), one(), None, one(), one()]);
}

#[test]
fn what_is_attached_answered_or_passed_on_does_not_stand_alone() {
    let plain = || message(100, olya(), QUESTION, Duration::ZERO);
    assert!(ask(&plain(), &[]).is_some());
    let media = Media {
        kind: MediaKind::Photo,
        file_id: None,
        file_unique_id: None,
        size_bytes: None,
        mime_type: None,
        label: None,
    };
    let reply = ReplyTo { message_id: MessageId(3), author: None, text: None, media: None };
    for other in [
        Message { reply_to: Some(reply), ..plain() },
        Message { quote: Some(Quote { text: "слово".to_owned(), author: None }), ..plain() },
        Message { media: Some(media), ..plain() },
        Message { forwarded_from: Some(Forwarded { name: "Тарас".to_owned(), author: None }), ..plain() },
        Message { edited_at: Some(NOW), ..plain() },
        message(100, Author { kind: AuthorKind::Bot, ..olya() }, QUESTION, Duration::ZERO),
    ] {
        assert_eq!(ask(&other, &[]), None, "{other:?}");
    }
}

#[test]
fn in_a_talk_with_the_bot_no_question_stands_alone() {
    let question = message(100, olya(), QUESTION, Duration::ZERO);
    let taras = || author(6, "Тарас", None);
    let talk = |asker: Author, said: &str, ago: Duration| {
        vec![message(90, asker, said, ago), answer_to(91, 90, ago), question.clone()]
    };
    let stands = |window: &[Message]| ask(&question, window).is_some();
    assert!(!stands(&talk(olya(), "Гряг, як справи?", MINUTE)));
    assert!(stands(&talk(olya(), "Гряг, як справи?", MINUTE * 4)), "that talk is over");
    assert!(stands(&talk(taras(), "Гряг, як справи?", MINUTE)), "that was somebody else's talk");
    assert!(stands(&talk(olya(), QUESTION, MINUTE)), "the same again");
    assert!(stands(&talk(taras(), "що таке фотосинтез, Грягу", MINUTE)));
    let unasked = message(95, gryag(), "О, рослини!", MINUTE);
    assert!(!stands(&[unasked.clone(), question.clone()]), "it has just spoken up");
    assert!(stands(&[unasked, message(96, taras(), "ага", MINUTE), question.clone()]));
}

#[test]
fn an_answer_that_names_somebody_or_looks_back_is_not_given_again() {
    let question = message(100, olya(), QUESTION, Duration::ZERO);
    let window: Vec<_> = people().into_iter().map(Arc::new).collect();
    let again = |answer: &str| may_be_given_again(answer, &question, &window);
    assert!(again("Це коли рослина їсть світло. Сонячний обід, без ложки."));
    for answer in [
        "Олю, це коли рослина їсть світло.",
        "Тарасе, не підказуй: рослина їсть світло.",
        "Рослина їсть світло, @shpak_t знає.",
        "Знову питаєш? Рослина їсть світло.",
        "Я щойно казав: рослина їсть світло.",
        "Спитай у Сашка.",
    ] {
        assert!(!again(answer), "{answer}");
    }
}

#[test]
fn nothing_panics_and_what_is_kept_is_short() {
    use proptest::prelude::*;
    let words = "[а-яіїєґa-z0-9 ,.?«»'+*-]{0,200}";
    proptest!(ProptestConfig::with_cases(256), |(text in words, any in ".{0,60}")| {
        for text in [text, any] {
            if let Some(kept) = words_of(&text) {
                prop_assert!(kept.split(' ').count() <= WORDS_MAX);
            }
        }
    });
}

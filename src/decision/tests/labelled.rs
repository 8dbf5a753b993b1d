//! The labelled sets of `tests/fixtures/labelled`: written before the rules, and judged by them here.

#![expect(clippy::print_stdout, reason = "the figures of a run")]

mod moments;
mod updates;

use crate::{
    decision::{By, Candidate, Trigger, addressed, decide, gate, recent::Recent, veto::grave_now},
    domain::{AuthorKind, Message, Timestamp},
    persona::Persona,
    telegram::{Incoming, parse},
};

const ADDRESSED: &str = include_str!("../../../tests/fixtures/labelled/addressed.tsv");
const VETO: &str = include_str!("../../../tests/fixtures/labelled/veto.tsv");
const OPPORTUNE: &str = include_str!("../../../tests/fixtures/labelled/gate_moments.txt");
const BETWEEN_PEOPLE: &str = include_str!("../../../tests/fixtures/labelled/gate_talk.txt");

/// How a labelled update is answered, as the label says it.
fn answered(flags: &str, text: &str) -> Option<Trigger> {
    let body = updates::update(flags, text);
    let (incoming, is_edit) = match parse(body.to_string().as_bytes(), &updates::me()) {
        Ok(Incoming::Message(message)) => (message, false),
        Ok(Incoming::Edited(message)) => (message, true),
        Ok(_) => return None,
        Err(error) => panic!("{error}: {body}"),
    };
    let trigger = addressed(&incoming, &updates::me(), &Persona::built_in());
    let by = match incoming.message.author.kind {
        AuthorKind::Own => By::Us,
        AuthorKind::Bot => By::Bot,
        _ => By::Person,
    };
    let sent_at = incoming.message.sent_at;
    let candidate = Candidate { trigger, sent_at, is_edit, is_album_rest: false, by, floods: false };
    let decision = decide(&[candidate], true, sent_at, std::time::Duration::from_secs(600));
    if decision.answer.is_empty() { None } else { trigger }
}

#[test]
fn whoever_speaks_to_it_is_told_from_everybody_else() {
    let mut misses = Vec::new();
    let (mut yes, mut no) = (0, 0);
    for (index, line) in ADDRESSED.lines().enumerate() {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        let (label, flags, text, why) = (field(), field(), field(), field());
        let expected = if label == "-" { None } else { Some(label) };
        *(if expected.is_some() { &mut yes } else { &mut no }) += 1;
        let found = answered(flags, text).map(Trigger::as_str);
        if found != expected {
            misses.push(format!("line {}: {expected:?} but {found:?}: [{flags}] {text} ({why})", index + 1));
        }
    }
    println!("figure | addressed or not | {yes} to it and {no} not, {} missed", misses.len());
    assert!(yes + no >= 300 && yes >= 130 && no >= 150, "{yes} and {no}");
    assert!(misses.is_empty(), "{} of {} missed:\n{}", misses.len(), yes + no, misses.join("\n"));
}

/// What is grave in a fixture's text: one message, or several with « / » between.
fn vetoed(text: &str) -> bool {
    let messages: Vec<Message> = moments::dialogue(text);
    grave_now(&Recent::of(&messages), messages.len()).is_some()
}

#[test]
fn grave_moments_are_vetoed_and_those_that_only_sound_so_are_not() {
    let (mut grave, mut alike, mut missed, mut false_alarms) = (0, 0, Vec::new(), Vec::new());
    for line in VETO.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let text = fields[2];
        if fields[0] == "no" {
            alike += 1;
            false_alarms.extend(vetoed(text).then(|| line.to_owned()));
        } else {
            grave += 1;
            missed.extend((!vetoed(text)).then(|| line.to_owned()));
        }
    }
    println!(
        "figure | veto | {} of {grave} grave missed, {} of {alike} alike vetoed",
        missed.len(),
        false_alarms.len()
    );
    assert!(grave >= 80 && alike >= 80, "{grave} and {alike}");
    assert!(missed.is_empty(), "{} of {grave} missed:\n{}", missed.len(), missed.join("\n"));
    let most = alike / 10;
    assert!(false_alarms.len() <= most, "{} of {alike} false:\n{}", false_alarms.len(), false_alarms.join("\n"));
}

#[test]
fn the_gate_opens_for_opportune_moments_and_not_between_people() {
    let opportune = moments::judged(OPPORTUNE, '+');
    let between = moments::judged(BETWEEN_PEOPLE, '-');
    assert!(opportune.len() >= 100 && between.len() >= 300, "{} and {}", opportune.len(), between.len());
    let shown = |judged: &[&moments::Judged]| judged.iter().map(|one| one.to_string()).collect::<Vec<_>>().join("\n");
    let (open, shut): (Vec<_>, Vec<_>) = opportune.iter().partition(|one| one.gauge.is_opportune());
    let intruding: Vec<_> = between.iter().filter(|one| one.gauge.is_opportune()).collect();
    let (seen, all, wrong, rest) = (open.len(), opportune.len(), intruding.len(), between.len());
    println!("figure | gate | {seen} of {all} opportune moments above the threshold, {wrong} of {rest} between people");
    assert!(open.len() * 100 >= opportune.len() * 40, "not seen:\n{}", shown(&shut));
    assert!(intruding.len() * 100 <= between.len() * 5, "intruding:\n{}", shown(&intruding));
    let vetoed = opportune.iter().chain(&between).filter(|one| one.is_grave).collect::<Vec<_>>();
    assert!(vetoed.is_empty(), "grave:\n{}", shown(&vetoed));
}

#[test]
fn a_moment_says_its_kind() {
    let kind = |text: &str| {
        let messages = moments::dialogue(text);
        gate::gauge(&Recent::of(&messages)).moment.as_str()
    };
    assert_eq!(kind("Оля: народ, що подивитись?"), "open_question");
    assert_eq!(kind("Оля: я впала у калюжу / Тарас: ахаха / Леся: 😂😂"), "shared_joy");
    assert_eq!(kind("Оля: всім доброго ранку"), "greeting");
    assert_eq!(kind("Оля: нейронка знову намалювала шість пальців"), "own_topic");
    assert_eq!(kind("Оля: розкажіть анекдот"), "boredom");
    assert_eq!(kind("Оля: @taras_k глянь"), "between_people");
    assert_eq!(kind("Оля: іду додому"), "plain");
}

#[test]
fn nothing_to_judge_is_nothing() {
    assert_eq!(gate::gauge(&Recent::default()).moment, gate::Moment::Plain);
    assert_eq!(grave_now(&Recent::default(), 3), None);
    let now = Timestamp(0);
    assert!(decide(&[], true, now, std::time::Duration::ZERO).answer.is_empty());
}

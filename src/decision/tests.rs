mod labelled;

use std::time::Duration;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000_000);
const AGE: Duration = Duration::from_secs(600);

fn addressed_now() -> Candidate {
    Candidate {
        trigger: Some(Trigger::Name),
        sent_at: NOW,
        is_edit: false,
        is_album_rest: false,
        by: By::Person,
        floods: false,
    }
}

#[test]
fn only_fresh_words_to_the_bot_are_answered() {
    let candidates = [
        addressed_now(),
        Candidate { trigger: None, ..addressed_now() },
        Candidate { is_edit: true, ..addressed_now() },
        Candidate { is_album_rest: true, ..addressed_now() },
        Candidate { by: By::Us, ..addressed_now() },
        Candidate { sent_at: NOW - AGE - Duration::from_secs(1), ..addressed_now() },
        Candidate { sent_at: NOW - AGE, ..addressed_now() },
        Candidate { floods: true, ..addressed_now() },
    ];
    let decision = decide(&candidates, true, NOW, AGE);
    assert_eq!(decision, Decision { answer: vec![0, 6], stale: vec![5], ignored: vec![7] });
}

#[test]
fn two_bots_that_talk_fall_silent() {
    let bot = Candidate { by: By::Bot, ..addressed_now() };
    let silent_person = Candidate { trigger: None, ..addressed_now() };
    assert_eq!(decide(&[bot], true, NOW, AGE).answer, [0], "once");
    assert!(decide(&[bot], false, NOW, AGE).answer.is_empty(), "not again until a person has spoken");
    assert_eq!(decide(&[silent_person, bot], false, NOW, AGE).answer, [1]);
}

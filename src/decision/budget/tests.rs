use proptest::prelude::*;

use super::*;
use crate::domain::{ChatSettings, Unasked};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// A Monday noon in Kyiv.
const NOON: Timestamp = Timestamp::from_seconds(1_795_428_000);
const RULES: TalkRules = TalkRules { autonomous: true, pause: Duration::from_secs(600) };

fn lively() -> TalkLog {
    TalkLog { people_last_day: 1000, unasked: Vec::new() }
}

fn line(at: Timestamp) -> Unasked {
    Unasked { at, kind: UnaskedKind::Line, reception: 1 }
}

fn say(kind: UnaskedKind, chat: &ChatState, log: &TalkLog) -> Option<Refusal> {
    may_say(kind, chat, log, &RULES, NOON).err()
}

#[test]
fn noon_is_noon() {
    assert_eq!(kyiv_hour(NOON), 12);
}

#[test]
fn a_lively_chat_hears_a_line_now_and_then() {
    assert_eq!(say(UnaskedKind::Line, &ChatState::default(), &lively()), None);
    let spent = TalkLog { unasked: vec![line(NOON - 9 * MINUTE)], ..lively() };
    assert_eq!(say(UnaskedKind::Line, &ChatState::default(), &spent), Some(Refusal::Spent));
    assert_eq!(say(UnaskedKind::Reaction, &ChatState::default(), &spent), None, "a reaction need not wait so long");
    let rested = TalkLog { unasked: vec![line(NOON - 10 * MINUTE)], ..lively() };
    assert_eq!(say(UnaskedKind::Line, &ChatState::default(), &rested), None);
}

#[test]
fn three_lines_make_an_hour_fifteen_a_day_and_four_reactions_a_line() {
    let ago = |times: &[Duration], kind| {
        let unasked = times.iter().map(|ago| Unasked { kind, ..line(NOON - *ago) }).collect();
        TalkLog { unasked, ..lively() }
    };
    let chat = ChatState::default();
    let (ten, twenty, thirty) = (10 * MINUTE, 20 * MINUTE, 30 * MINUTE);
    assert_eq!(say(UnaskedKind::Line, &chat, &ago(&[twenty, ten], UnaskedKind::Line)), None);
    assert_eq!(say(UnaskedKind::Line, &chat, &ago(&[thirty, twenty, ten], UnaskedKind::Line)), Some(Refusal::Spent));
    let since: Vec<Duration> = (2..=16).rev().map(|hours| hours * HOUR).collect();
    assert_eq!(say(UnaskedKind::Line, &chat, &ago(&since[1..], UnaskedKind::Line)), None);
    assert_eq!(say(UnaskedKind::Line, &chat, &ago(&since, UnaskedKind::Line)), Some(Refusal::Spent));
    let reactions: Vec<Duration> = (1..=12).rev().map(|step| step * 4 * MINUTE).collect();
    assert_eq!(say(UnaskedKind::Line, &chat, &ago(&reactions[4..], UnaskedKind::Reaction)), None);
    assert_eq!(say(UnaskedKind::Line, &chat, &ago(&reactions[3..], UnaskedKind::Reaction)), Some(Refusal::Spent));
}

#[test]
fn nothing_is_said_at_night_in_silence_in_grief_or_where_it_is_forbidden() {
    let with = |settings| ChatState { settings, ..ChatState::default() };
    let silent = with(ChatSettings { talk_level: Some(TalkLevel::Silent), ..ChatSettings::default() });
    let no_reactions = with(ChatSettings { reactions: Some(false), ..ChatSettings::default() });
    let noon_is_quiet =
        with(ChatSettings { quiet_hours: Some(QuietHours { from: 12, to: 13 }), ..ChatSettings::default() });
    let silenced = ChatState { silent_until: Some(NOON + MINUTE), ..ChatState::default() };
    let grave = ChatState { grave_until: Some(NOON + MINUTE), ..ChatState::default() };
    assert_eq!(say(UnaskedKind::Line, &silent, &lively()), Some(Refusal::Forbidden));
    assert_eq!(say(UnaskedKind::Reaction, &no_reactions, &lively()), Some(Refusal::NoReactions));
    assert_eq!(say(UnaskedKind::Line, &no_reactions, &lively()), None);
    for (chat, refusal) in
        [(noon_is_quiet, Refusal::QuietHours), (silenced, Refusal::Silenced), (grave, Refusal::Grave)]
    {
        for kind in [UnaskedKind::Line, UnaskedKind::Spontaneous, UnaskedKind::Reaction] {
            assert_eq!(say(kind, &chat, &lively()), Some(refusal));
        }
    }
    let forbidden = TalkRules { autonomous: false, ..RULES };
    let refused = may_say(UnaskedKind::Reaction, &ChatState::default(), &lively(), &forbidden, NOON);
    assert_eq!(refused, Err(Refusal::Forbidden));
    let night = NOON + 11 * HOUR;
    let refused = may_say(UnaskedKind::Line, &ChatState::default(), &lively(), &RULES, night);
    assert_eq!(refused, Err(Refusal::QuietHours));
}

#[test]
fn levels_scale_and_a_disliked_bot_has_little() {
    let quarters = |level, log: &TalkLog| allowance(level, log, &RULES, NOON).day_quarters;
    assert_eq!(quarters(TalkLevel::Normal, &lively()), 60);
    assert!(quarters(TalkLevel::Shy, &lively()) < 60 && quarters(TalkLevel::Chatty, &lively()) > 60);
    assert_eq!(quarters(TalkLevel::Silent, &lively()), 0);
    let small = TalkLog { people_last_day: 49, ..lively() };
    assert_eq!(quarters(TalkLevel::Normal, &small), 3, "too little talk for a line, enough for a reaction");
    let bad = (0..10).map(|ago| Unasked { reception: -1, ..line(NOON - DAY + HOUR * ago) }).collect();
    let disliked = allowance(TalkLevel::Normal, &TalkLog { unasked: bad, ..lively() }, &RULES, NOON);
    assert!(disliked.day_quarters < 16, "{disliked:?}");
    assert!(disliked.hour_quarters >= LINE, "a line is still possible, or it could never make up");
}

/// What happens in a chat: time passes, somebody writes, the bot tries to say something.
#[derive(Clone, Debug)]
enum Step {
    Wait(u32),
    People(u32),
    Try(UnaskedKind, i64),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![
        UnaskedKind::Line,
        UnaskedKind::Spontaneous,
        UnaskedKind::Reaction,
        UnaskedKind::Declined,
    ]);
    prop_oneof![
        (0_u32..5_000).prop_map(Step::Wait),
        (0_u32..60).prop_map(Step::People),
        (kind, -2_i64..3).prop_map(|(kind, reception)| Step::Try(kind, reception)),
    ]
}

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_the_limits(steps in prop::collection::vec(step(), 1..400)) {
        let (mut now, mut written, mut said) = (NOON, Vec::new(), Vec::<Unasked>::new());
        for step in steps {
            match step {
                Step::Wait(seconds) => now = now + Duration::from_secs(seconds.into()),
                Step::People(count) => written.extend((0..count).map(|_| now)),
                Step::Try(kind, reception) => {
                    let people = written.iter().filter(|at| now.since(**at) < DAY).count();
                    let people_last_day = u32::try_from(people).unwrap();
                    let log = TalkLog { people_last_day, unasked: said.clone() };
                    if may_say(kind, &ChatState::default(), &log, &RULES, now).is_ok() {
                        said.push(Unasked { at: now, kind, reception });
                        let within = |time| said.iter().filter(move |one| now.since(one.at) < time);
                        let quarters = |time| within(time).map(|one| one.kind.quarters()).sum::<u32>();
                        prop_assert!(quarters(HOUR) <= 12);
                        prop_assert!(quarters(DAY) <= 60);
                        prop_assert!(quarters(DAY) * 1000 <= people_last_day * 20 * 4);
                        prop_assert!(!QuietHours::NIGHT.contains(kyiv_hour(now)));
                        let words = said.iter().rev().filter(|one| one.kind.is_words()).take(2).collect::<Vec<_>>();
                        if let [last, before] = words[..] && kind.is_words() {
                            prop_assert!(last.at.since(before.at) >= RULES.pause);
                        }
                    }
                }
            }
        }
    }
}

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{BUILT_IN, Persona, PersonaError, names, names_in};

/// Lines with a name and lines that only look so: `yes` or `no`, a tab, the line.
const LINES: &str = include_str!("../../tests/fixtures/names.tsv");

static GRYAG: LazyLock<Persona> = LazyLock::new(Persona::built_in);

fn problems(text: &str) -> Vec<String> {
    match Persona::parse(text).unwrap_err() {
        PersonaError::Invalid { problems } => problems,
        other => panic!("not a list of problems: {other}"),
    }
}

#[test]
fn a_name_is_heard_at_a_word_boundary_and_nowhere_else() {
    let persona = Persona::built_in();
    let mut counts = [0, 0];
    for line in LINES.lines() {
        let (label, text) = line.split_once('\t').unwrap();
        let expected = label == "yes";
        counts[usize::from(expected)] += 1;
        assert_eq!(names_in(&persona, text, &[]), expected, "{text:?}");
    }
    assert!(counts[0] >= 30 && counts[1] >= 30, "{counts:?}");
}

#[test]
fn a_name_inside_an_excluded_range_is_not_a_call() {
    let persona = Persona::built_in();
    let text = "читай Гряг тут, гряг";
    let first = text.find("Гряг").unwrap();
    let second = text.rfind("гряг").unwrap();
    assert!(names_in(&persona, text, std::slice::from_ref(&(first..first + 8))));
    assert!(!names_in(&persona, text, &[first..first + 8, second..second + 8]));
    assert!(!names_in(&persona, text, std::slice::from_ref(&(0..text.len()))));
    assert!(names_in(&persona, text, &[second + 8..usize::MAX, 5..5]));
}

#[test]
fn the_built_in_persona_is_whole() {
    let persona = Persona::built_in();
    assert_eq!(persona.name(), "Гряг");
    assert!(persona.failure_lines().len() >= 6);
    assert!(persona.system_prompt().contains("[ім'я|номер]"), "the label of the prompt is explained");
    assert!(persona.system_prompt().contains("→"), "the examples are shown");
    assert_eq!(persona.version().len(), 12);
    let offline = persona.offline();
    for line in offline.openers.iter() {
        assert!(line.contains("{name}"), "{line}");
    }
    for line in [&offline.greetings, &offline.questions, &offline.thanks, &offline.insults, &offline.farewells]
        .into_iter()
        .chain([&offline.unknown])
        .flatten()
    {
        assert!(line.contains("{said}"), "{line}");
    }
}

#[test]
fn the_version_changes_with_any_word_and_not_with_line_ends() {
    let version = |text: &str| Persona::parse(text).unwrap().version().to_owned();
    assert_eq!(version(BUILT_IN), version(&BUILT_IN.replace('\n', "\r\n")));
    assert_ne!(version(BUILT_IN), version(&BUILT_IN.replace("гострий", "довгий")));
}

#[test]
fn all_problems_are_told_at_once_and_none_quotes_the_file() {
    let text = r#"
        name = "Орест"
        greeting = "вітаю"
        names = ["гряг", "два слова", "ГРЯГ", "гряг.com"]
        failure_lines = ["CANARY"]
        mood = "CANARY"
        [[examples]]
        said = "CANARY"
        [offline]
        openers = ["{name}, {CANARY}"]
        greetings = []
        questions = "CANARY"
        thanks = [7]
        insults = ["ой"]
        unknown = ["{said}"]
        weather = ["CANARY"]
    "#;
    assert_eq!(
        problems(text),
        [
            "system must be a text that is not empty",
            "examples[0].answered must be a text that is not empty",
            "mood is not a key of a persona",
            "offline.greetings must be a list of texts, each of 1 to 300 characters",
            "offline.questions must be a list of texts, each of 1 to 300 characters",
            "offline.thanks must be a list of texts, each of 1 to 300 characters",
            "offline.farewells must be a list of texts, each of 1 to 300 characters",
            "offline.weather is not a key of a persona",
            "failure_lines must hold at least 6 lines",
            "names[1] must be one word of letters",
            "names[2] stands there twice",
            "names[3] must be one word of letters",
            "names must hold the name itself",
            "offline.openers may hold {name} and {said} and no other braces",
        ]
    );
}

#[test]
fn a_file_that_is_not_toml_or_not_there_is_said_so() {
    let error = Persona::parse("name = \"x\"\nsystem = CANARY\n").unwrap_err();
    assert_eq!(error.to_string(), "the persona is not valid TOML: line 2");
    let error = Persona::load(std::path::Path::new("/nowhere/persona.toml")).unwrap_err();
    assert_eq!(error.to_string(), "the persona file /nowhere/persona.toml cannot be read");
    assert_eq!(problems("").len(), 13, "five keys, the offline table and its seven lists are missing");
}

#[test]
fn any_draw_gives_a_failure_line() {
    let persona = Persona::built_in();
    for draw in [0.0, 0.5, 0.999_999, 1.0, -1.0, f64::NAN] {
        assert!(!persona.failure_line(draw).is_empty());
    }
    assert_ne!(persona.failure_line(0.0), persona.failure_line(0.99));
}

fn a_name() -> impl Strategy<Value = String> {
    let mut names: Vec<String> = GRYAG.names.iter().cloned().collect();
    names.sort();
    (prop::sample::select(names), prop::collection::vec(any::<bool>(), 12)).prop_map(|(name, upper)| {
        let cased = name.chars().zip(upper.into_iter().cycle());
        cased
            .flat_map(|(letter, upper)| if upper { letter.to_uppercase().collect::<Vec<_>>() } else { vec![letter] })
            .collect()
    })
}

proptest! {
    #[test]
    fn a_name_between_separators_is_always_heard(
        name in a_name(), before in "([а-я ]{0,8}[ ,!?(«…—\n])?", after in "([ ,!?)»…—\n][а-я ]{0,8})?",
    ) {
        let text = format!("{before}{name}{after}");
        prop_assert!(names_in(&GRYAG, &text, &[]), "{}", text);
    }

    #[test]
    fn a_letter_or_digit_beside_a_name_makes_another_word(
        name in a_name(), before in "[а-яіїєґa-z0-9]{0,2}", after in "[а-яіїєґa-z0-9]{0,2}",
    ) {
        let word = format!("{before}{name}{after}");
        let is_a_form = GRYAG.names.contains(&names::normalised(&word));
        prop_assert_eq!(names_in(&GRYAG, &word, &[]), is_a_form, "{}", word);
    }

    #[test]
    fn any_text_and_any_ranges_are_searched_without_a_panic(
        text in any::<String>(), name in a_name(), ranges in prop::collection::vec(0_usize..200, 0..6),
    ) {
        let text = format!("{text} {name}");
        let ranges: Vec<_> = ranges.chunks(2).map(|pair| pair[0]..*pair.last().unwrap()).collect();
        names_in(&GRYAG, &text, &ranges);
        let whole = 0..text.len();
        prop_assert!(!names_in(&GRYAG, &text, &[whole]));
    }
}

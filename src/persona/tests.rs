use std::sync::LazyLock;

use proptest::prelude::*;

use super::{BUILT_IN, GRYAG, Persona, PersonaError, Personas, Saying, names, names_in};
use crate::domain::Language;

/// Lines with a name and lines that only look so: `yes` or `no`, a tab, the line.
const LINES: &str = include_str!("../../tests/fixtures/names.tsv");

static PERSONA: LazyLock<Persona> = LazyLock::new(Persona::built_in);

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
fn the_built_in_personas_are_whole() {
    for (key, _) in BUILT_IN {
        let persona = Personas::built_in().get(Some(key));
        assert!(persona.lines(Saying::Failure, Language::Ukrainian).len() >= 6);
        assert!(persona.system_prompt().contains("куди саме влучило"), "the boundaries are told");
        let told = persona.instructions();
        assert!(told.grave.contains("7333"), "{}", told.grave);
        assert!(persona.declines(&persona.decline) && told.unasked.contains(&persona.decline));
        assert!(told.spontaneous.contains(&persona.decline));
        assert!(persona.examples().len() >= 3);
        assert_eq!(persona.version().len(), 12);
        let offline = persona.offline();
        assert!(offline.openers.iter().all(|line| line.contains("{name}")));
        let lists = [
            &offline.greetings,
            &offline.questions,
            &offline.thanks,
            &offline.insults,
            &offline.farewells,
            &offline.unknown,
        ];
        assert!(lists.into_iter().flatten().all(|line| line.contains("{said}")));
    }
}

#[test]
fn personas_differ_in_name_and_voice() {
    let personas = Personas::built_in();
    let (one, other) = (personas.get(Some("gryag")), personas.get(Some("zuzia")));
    assert!(one.names.is_disjoint(&other.names));
    assert_ne!(one.system_prompt(), other.system_prompt());
    assert!(names_in(&other, "Зузечко, прокинься", &[]) && !names_in(&one, "Зузечко, прокинься", &[]));
}

#[test]
fn every_saying_has_a_line_in_every_language() {
    let personas = Personas::built_in();
    for (key, _) in BUILT_IN {
        for language in [Language::Ukrainian, Language::English] {
            for (saying, _) in Saying::ALL {
                for draw in [0.0, 0.5, 0.999_999, 1.0, -1.0, f64::NAN] {
                    assert!(!personas.get(Some(key)).line(saying, language, draw).is_empty(), "{saying:?}");
                }
                if language == Language::English {
                    let persona = personas.get(Some(key));
                    let lines = persona.lines(saying, language);
                    assert!(lines.iter().all(|line| line.is_ascii()), "{key} has English lines: {lines:?}");
                }
            }
        }
    }
    let gryag = personas.get(None);
    assert_ne!(
        gryag.line(Saying::Failure, Language::Ukrainian, 0.0),
        gryag.line(Saying::Failure, Language::Ukrainian, 0.99)
    );
    assert!(gryag.line(Saying::Greeting, Language::English, 0.0).starts_with("I am Gryag"));
    let silenced = gryag.silenced(Language::Ukrainian, "1 годину", 0.0);
    assert!(silenced.contains("мовчу 1 годину") && !silenced.contains('{'), "{silenced}");
}

#[test]
fn the_word_for_silence_is_known_however_it_is_written() {
    let gryag = Personas::built_in().get(None);
    for declined in ["[мовчу]", "[Мовчу].", "**[мовчу]**", "«мовчу»", " мовчу ", "[мовчу]\nбо нема чого", "", "…"]
    {
        assert!(gryag.declines(declined), "{declined}");
    }
    for said in ["Мовчу як риба, а ви?", "та ну", "не мовчу"] {
        assert!(!gryag.declines(said), "{said}");
    }
}

#[test]
fn the_version_changes_with_any_word_and_not_with_line_ends() {
    let version = |text: &str| Persona::parse(text).unwrap().version().to_owned();
    assert_eq!(version(GRYAG), version(&GRYAG.replace('\n', "\r\n")));
    assert_ne!(version(GRYAG), version(&GRYAG.replace("гострий", "довгий")));
}

#[test]
fn all_problems_are_told_at_once_and_none_quotes_the_file() {
    let text = r#"
        name = "Орест"
        boundaries = "межі"
        decline = "?!"
        help = "7333"
        names = ["гряг", "два слова", "ГРЯГ", "гряг.com"]
        mood = "CANARY"
        [[examples]]
        said = "CANARY"
        [instructions]
        grave = "CANARY"
        unasked = "CANARY {decline} {help}"
        [lines.uk]
        greeting = ["вітаю, {name}"]
        failure = ["CANARY"]
        spam = ["тихше"]
        silenced = ["мовчу {duration}", "CANARY"]
        silence_refused = ["ні"]
        silence_lifted = ["так"]
        over_budget = []
        opted_out = "CANARY"
        access_asked = ["питаю"]
        jokes = ["CANARY"]
        [lines.pl]
        [offline]
        openers = ["{name}, {CANARY}"]
        greetings = []
        questions = "CANARY"
        thanks = [7]
        insults = ["ой"]
        unknown = ["{said}"]
        weather = ["CANARY"]
    "#;
    let texts = "a list of texts, each of 1 to 300 characters";
    assert_eq!(
        problems(text),
        [
            "system must be a text that is not empty",
            "examples[0].answered must be a text that is not empty",
            "instructions.spontaneous must be a text that is not empty",
            "lines.uk.greeting must be lines without braces",
            "lines.uk.failure must be at least 6 lines",
            "lines.uk.silenced must be lines that each hold {duration} and no other braces",
            &format!("lines.uk.over_budget must be {texts}"),
            &format!("lines.uk.opted_out must be {texts}"),
            &format!("lines.uk.access_allowed must be {texts}"),
            "lines.uk.jokes is not a key of a persona",
            "lines.pl is not a key of a persona",
            &format!("offline.greetings must be {texts}"),
            &format!("offline.questions must be {texts}"),
            &format!("offline.thanks must be {texts}"),
            &format!("offline.farewells must be {texts}"),
            "offline.weather is not a key of a persona",
            "mood is not a key of a persona",
            "decline must hold a word",
            "instructions.grave must hold {help} and no other braces",
            "instructions.unasked must hold {decline} and no other braces",
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
    assert_eq!(problems("").len(), 30, "six texts, the tables, their three instructions, ten sayings and seven lists");
}

fn a_name() -> impl Strategy<Value = String> {
    let mut names: Vec<String> = PERSONA.names.iter().cloned().collect();
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
        prop_assert!(names_in(&PERSONA, &text, &[]), "{}", text);
    }

    #[test]
    fn a_letter_or_digit_beside_a_name_makes_another_word(
        name in a_name(), before in "[а-яіїєґa-z0-9]{0,2}", after in "[а-яіїєґa-z0-9]{0,2}",
    ) {
        let word = format!("{before}{name}{after}");
        let is_a_form = PERSONA.names.contains(&names::normalised(&word));
        prop_assert_eq!(names_in(&PERSONA, &word, &[]), is_a_form, "{}", word);
    }

    #[test]
    fn any_text_and_any_ranges_are_searched_without_a_panic(
        text in any::<String>(), name in a_name(), ranges in prop::collection::vec(0_usize..200, 0..6),
    ) {
        let text = format!("{text} {name}");
        let ranges: Vec<_> = ranges.chunks(2).map(|pair| pair[0]..*pair.last().unwrap()).collect();
        names_in(&PERSONA, &text, &ranges);
        let whole = 0..text.len();
        prop_assert!(!names_in(&PERSONA, &text, &[whole]));
    }
}

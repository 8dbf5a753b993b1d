//! Long answers: where they are cut, and what each part takes over.

use super::{check, show};
use crate::{
    domain::{EntityKind, RichText},
    markup::{ENTITIES_MAX, PART_MAX, render, render_within},
};

/// The parts of at most `max` units, as `show` writes them.
fn shown(text: &str, max: usize) -> Vec<String> {
    let parts = render_within(text, max);
    for part in &parts {
        assert_eq!(check(part, max), Ok(()), "{part:?}");
    }
    parts.iter().map(show).collect()
}

#[test]
fn paragraphs_come_before_lines_sentences_and_words() {
    assert_eq!(shown("перший абзац\n\nдругий абзац", 20), ["перший абзац", "другий абзац"]);
    assert_eq!(shown("раз. Два\nтри. чотири\nп'ять", 20), ["раз. Два\nтри. чотири", "п'ять"]);
    assert_eq!(shown("Одне речення. Друге речення.", 20), ["Одне речення.", "Друге речення."]);
    assert_eq!(shown("«Так?» — спитав він. І пішов", 24), ["«Так?» — спитав він.", "І пішов"]);
    assert_eq!(shown("слова без крапок у кінці", 12), ["слова без", "крапок у", "кінці"]);
}

#[test]
fn a_word_is_torn_only_where_it_is_longer_than_a_part() {
    assert_eq!(shown("та Непереривнеслово", 16), ["та", "Непереривнеслово"]);
    assert_eq!(shown("абвгґдежз", 4), ["абвг", "ґдеж", "з"]);
}

#[test]
fn a_short_beginning_does_not_make_a_part_of_its_own() {
    assert_eq!(shown("Ось\n\nодин два три чотири п'ять", 20), ["Ось\n\nодин два три", "чотири п'ять"]);
}

#[test]
fn what_a_reader_sees_as_one_character_stays_whole() {
    let family = "👨‍👩‍👧"; // 8 units
    assert_eq!(shown(&family.repeat(3), 20), [family.repeat(2), family.to_owned()]);
    assert_eq!(shown("🇺🇦🇺🇦🇺🇦", 10), ["🇺🇦🇺🇦", "🇺🇦"]);
    assert_eq!(shown(&"и\u{306}".repeat(3), 3), ["и\u{306}", "и\u{306}", "и\u{306}"]);
    assert_eq!(shown(&"😀".repeat(3), 5), ["😀😀", "😀"]);
}

#[test]
fn a_character_longer_than_a_part_is_cut_all_the_same() {
    let stack = format!("а{}", "\u{301}".repeat(30));
    let parts = render_within(&stack, 8);
    assert_eq!(parts.iter().map(|part| part.text.as_str()).collect::<String>(), stack);
}

#[test]
fn formatting_goes_on_in_the_next_part() {
    assert_eq!(
        shown("**жирне слово *і похиле* кінець**", 18),
        ["<b>жирне слово <i>і</i></b>", "<b><i>похиле</i> кінець</b>"]
    );
    assert_eq!(
        shown("[дуже довге посилання](https://a.b)", 14),
        ["<a https://a.b>дуже довге</a>", "<a https://a.b>посилання</a>"]
    );
    assert_eq!(
        shown("> перший рядок\n> другий рядок", 16),
        ["<quote>перший рядок</quote>", "<quote>другий рядок</quote>"]
    );
}

#[test]
fn a_fence_goes_on_with_its_language_and_indentation() {
    assert_eq!(
        shown("```python\ndef a():\n    b()\n    c()\n```\nвсе", 18),
        ["<pre python>def a():\n    b()</pre>", "<pre python>    c()</pre>\nвсе"]
    );
}

#[test]
fn a_fence_that_fits_is_not_cut() {
    assert_eq!(shown("слово слово\n```\nа б\nв г\n```", 16), ["слово слово", "<pre>а б\nв г</pre>"]);
}

#[test]
fn a_long_answer_comes_in_parts_that_fit() {
    let paragraph = "Слово за слово, **жирне** та *похиле* 😀 і `код`. ".repeat(20);
    let text = format!("# Початок\n\n{}", format!("{paragraph}\n\n").repeat(30));
    let parts = render(&text);
    assert!(parts.len() > 5);
    for part in &parts {
        assert_eq!(check(part, PART_MAX), Ok(()));
        assert!(part.text.encode_utf16().count() > PART_MAX / 4);
    }
}

#[test]
fn a_part_is_filled_to_telegrams_limit_and_never_beyond() {
    for text in ["слово ".repeat(3_000), "😀".repeat(3_000), format!("```\n{}```", "код();\n".repeat(2_000))]
    {
        let units: Vec<usize> = render(&text).iter().map(|part| part.text.encode_utf16().count()).collect();
        assert!(units.iter().all(|units| *units <= 4096), "{units:?}");
        assert!(units[0] > 4096 - 10, "{units:?}");
    }
}

#[test]
fn entities_beyond_the_cap_are_dropped_and_their_text_stays() {
    let parts = render(&"**а** ".repeat(150));
    let [RichText { text, entities }] = parts.as_slice() else { panic!("one part") };
    assert_eq!(text.matches('а').count(), 150);
    assert_eq!(entities.len(), ENTITIES_MAX);
    assert!(entities.iter().all(|entity| entity.kind == EntityKind::Bold));
}

#[test]
fn deep_nesting_leaves_room_for_words() {
    let list: String = (0..40).map(|depth| format!("{}- а\n", "  ".repeat(depth))).collect();
    let quotes = format!("{} слово", "> ".repeat(500));
    for text in [list, quotes] {
        let [part] = &render(&text)[..] else { panic!("one part") };
        assert!(part.text.len() < 2000);
        assert_eq!(check(part, PART_MAX), Ok(()));
    }
}

//! Where an unfinished text is ended.

use crate::markup::end_at_sentence;

#[test]
fn an_unfinished_text_ends_with_its_last_whole_sentence() {
    for (text, ended) in [
        ("Так. Ні! Може", "Так. Ні!"),
        ("Так. Ні! Може.", "Так. Ні! Може."),
        ("Справді?! А то", "Справді?!"),
        ("Ну… Побачимо, чи", "Ну…"),
        ("Він сказав: «Так.» І пі", "Він сказав: «Так.»"),
        ("Прочитай. Потім «Кобзар» і", "Прочитай."),
        ("Так (мабуть). Але (ні) і", "Так (мабуть)."),
        ("ну привіт) а я т", "ну привіт)"),
        ("**Важливо.** Далі ще", "**Важливо.**"),
        ("Версія 3.5 добра. Версія 4.", "Версія 3.5 добра. Версія 4."),
    ] {
        assert_eq!(end_at_sentence(text), ended);
    }
}

#[test]
fn a_text_without_a_whole_sentence_stays() {
    for text in ["", "жодної крапки", "3.14 та", "1. пункт перший і"] {
        assert_eq!(end_at_sentence(text), text);
    }
}

#[test]
fn a_list_ends_with_its_last_whole_item() {
    assert_eq!(end_at_sentence("Ось:\n1. перший\n2. другий\n3. тре"), "Ось:\n1. перший\n2. другий");
    assert_eq!(end_at_sentence("- перший\n- друг"), "- перший");
    assert_eq!(end_at_sentence("Є два.\n- ось:\n- друг"), "Є два.");
}

#[test]
fn code_ends_with_its_last_whole_line() {
    assert_eq!(end_at_sentence("Ось.\n```py\na = 1. \nb = fo"), "Ось.\n```py\na = 1.");
    assert_eq!(end_at_sentence("Ось.\n```py\nprint("), "Ось.");
    assert_eq!(end_at_sentence("Ось.\n```\nx\n```\nа далі"), "Ось.\n```\nx\n```");
}

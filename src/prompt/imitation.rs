//! What a model writes in imitation of the prompt's form, taken off its answer: its own label, notes, and lines that it
//! puts into other people's mouths.

use crate::persona::{Persona, names_in};

/// A label is not longer, in bytes.
const LABEL_MAX: usize = 200;

/// The answer without a label before it, in whatever form, and without the lines that other people would say. What
/// would leave nothing is left as it is.
pub fn strip_label<'a>(answer: &'a str, persona: &Persona) -> &'a str {
    // Every form of a label has one of these. Asked of every line of the bot's: without an early end many bytes are looked
    // at at once.
    if !answer.bytes().fold(false, |found, byte| found | matches!(byte, b':' | b'[')) {
        return answer.trim();
    }
    let mut rest = until_others_speak(answer.trim());
    while let Some(after) = after_label(rest, persona).filter(|after| !after.is_empty()) {
        rest = until_others_speak(after);
    }
    rest
}

/// What follows a label: `[Гряг|1]: …`, `Гряг: …`, `**Гряг:** …`, `«[Гряг|1] (відповідає [Оля|7]): …»`.
fn after_label<'a>(text: &'a str, persona: &Persona) -> Option<&'a str> {
    let text = without_quotes(text);
    let inner = text.trim_start_matches(['*', '_', '`', '~']);
    let marks = &text[..text.len() - inner.len()];
    let (after, is_bracketed) = match after_brackets(inner, persona) {
        Some(after) => (after, true),
        None => (after_name(inner, persona)?, false),
    };
    let after = after.strip_prefix(marks).unwrap_or(after);
    let after = after_note(after);
    let after = match after.trim_start().strip_prefix(':') {
        Some(after) => after.strip_prefix(marks).unwrap_or(after),
        None if is_bracketed => after,
        None => return None,
    };
    Some(after.trim())
}

/// The text without quotation marks around all of it.
fn without_quotes(text: &str) -> &str {
    let inside = |open: &[char], close: char| text.strip_prefix(open)?.strip_suffix(close);
    inside(&['«'], '»').or_else(|| inside(&['"'], '"')).or_else(|| inside(&['“', '„'], '”')).unwrap_or(text)
}

/// What follows `[name|id]`, or brackets that hold the bot's own name.
fn after_brackets<'a>(text: &'a str, persona: &Persona) -> Option<&'a str> {
    let (label, after) = label_at(text)?;
    let is_own = !label.contains('|') && names_in(persona, label, &[]) && label.split_whitespace().count() <= 2;
    (is_own || is_of_somebody(label)).then_some(after)
}

/// What follows the bot's own name where a colon follows that.
fn after_name<'a>(text: &'a str, persona: &Persona) -> Option<&'a str> {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '|')?;
    let (name, after) = text.split_at(end);
    let name = name.split('|').next().unwrap_or_default();
    let is_label = after.trim_start_matches(['*', '_', '`', ' ']).starts_with([':', '(']);
    (is_label && names_in(persona, name, &[])).then_some(after)
}

/// Behind a note in parentheses that a colon follows, if there is one.
fn after_note(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    match line.trim_start().starts_with('(').then(|| line.find("):")).flatten() {
        Some(end) => &text[end + 1..],
        None => text,
    }
}

/// The inside of brackets at a text's beginning, and what follows them.
fn label_at(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('[')?;
    let end = inside.find([']', '\n']).filter(|end| *end <= LABEL_MAX)?;
    inside[end..].strip_prefix(']').map(|after| (&inside[..end], after))
}

/// `name|17`, `name|бот 17`.
fn is_of_somebody(label: &str) -> bool {
    label.split_once('|').is_some_and(|(_, id)| id.ends_with(|letter: char| letter.is_ascii_digit()))
}

/// The text up to the first further line that begins with somebody's label: the model went on to write the chat.
fn until_others_speak(text: &str) -> &str {
    let mut at = 0;
    let mut in_code = false;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let speaks = || {
            label_at(line.trim_start())
                .is_some_and(|(label, after)| is_of_somebody(label) && after.trim_start().starts_with([':', '(']))
        };
        if at > 0 && !in_code && speaks() {
            return text[..at].trim_end();
        }
        at += line.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_imitated_label_is_stripped_in_every_form() {
        let gryag = Persona::built_in();
        for imitated in [
            "[Гряг|1]: та ну",
            "[Гряг|1] та ну",
            "[Гряг|бот 1]: та ну",
            "[Гряг|1] [Гряг|1]: та ну",
            "[Гряг|1]: Гряг: та ну",
            "[Гряг]: та ну",
            "[гряг] та ну",
            "[Оля|17]: та ну",
            "[Гряг|1] (відповідає [Оля|17] на «ні (так)»): та ну",
            "Гряг: та ну",
            "Гряг (відповідає Олі): та ну",
            "гряг : та ну",
            "Гряг|1: та ну",
            "**Гряг:** та ну",
            "**Гряг**: та ну",
            "*Гряг*: та ну",
            "__Гряг:__ та ну",
            "`[Гряг|1]`: та ну",
            "**[Гряг|1]:** та ну",
            "«Гряг: та ну»",
            "\"[Гряг|1]: та ну\"",
            "“Gryag: та ну”",
            "„Гряг: та ну”",
            "  \nГряг:\nта ну\n",
            "та ну\n[Оля|17]: ні\n[Гряг|1]: так",
            "[Гряг|1]: та ну\n[Оля|17] (відповідає тобі): ні",
        ] {
            assert_eq!(strip_label(imitated, &gryag), "та ну", "{imitated}");
        }
    }

    #[test]
    fn what_only_looks_like_a_label_stays() {
        let gryag = Persona::built_in();
        for said in [
            "[зітхає] та ну",
            "[a|b] — це клас символів",
            "Оля: це ти про мене?",
            "Гряг — це я",
            "Гряг, Гряг: скільки можна",
            "[Гряг|1]",
            "Гряг:",
            "[посилання](https://example.org)",
            "«Тіні забутих предків»",
            "«Гряг: так», — сказав кіт",
            "**Так:** воно",
            "ось приклад:\n```\n[Оля|17]: ні\n```",
            "перше\n[x|y] друге",
            "",
        ] {
            assert_eq!(strip_label(said, &gryag), said, "{said}");
        }
        assert_eq!(strip_label("Гряг: *курсив* далі", &gryag), "*курсив* далі");
    }

    proptest! {
        #[test]
        fn what_is_left_is_a_part_of_the_answer(answer in "[\\[\\]|:()*«»\"Гряг17 \n`]{0,60}") {
            let gryag = Persona::built_in();
            let left = strip_label(&answer, &gryag);
            prop_assert!(answer.contains(left));
            prop_assert_eq!(left.is_empty(), answer.trim().is_empty());
            prop_assert_eq!(strip_label(left, &gryag), left, "once is enough");
        }
    }
}

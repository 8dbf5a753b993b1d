//! Who said what in the line that is to be answered. Tolerant of the prompt's form: a label in brackets at a line's
//! beginning, a name before a colon, or nothing of the kind.

use super::kind::is_word_letter;
use crate::persona::{Persona, names_in};

/// A line: its speaker, if it names one, and the words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Said {
    pub(super) name: Option<String>,
    pub(super) text: String,
}

/// A speaker's name is cut to this.
const NAME_MAX_CHARS: usize = 32;
/// What was said is quoted up to this.
const EXCERPT_MAX_CHARS: usize = 48;
/// How far back a speaker is looked for.
const LINES_MAX: usize = 100;

/// The last line of whoever the prompt says is to be answered; failing that, the last line that names its speaker;
/// failing that, the last line. The bot's own name at its beginning is dropped.
pub(super) fn to_be_answered(turn: &str, persona: &Persona) -> Said {
    let lines = || turn.lines().rev().take(LINES_MAX).map(str::trim_end).filter(|line| !line.is_empty());
    let addressing = lines().next().and_then(|last| last.strip_prefix('(')).and_then(last_label);
    let by_addressing = addressing.and_then(|label| lines().find(|line| line.starts_with(label)));
    let labelled =
        by_addressing.into_iter().chain(lines()).find_map(|line| in_brackets(line).or_else(|| before_colon(line)));
    let (name, text) = match labelled {
        Some((name, text)) => (Some(name), text),
        None => (None, lines().find(|line| !line.starts_with('(')).unwrap_or_default()),
    };
    let text = text.replace(['<', '>'], "");
    Said { name, text: without_address(&text, persona).to_owned() }
}

/// The last `[…]` of a line.
fn last_label(line: &str) -> Option<&str> {
    let open = line.rfind('[')?;
    let length = line[open..].find(']')?;
    Some(&line[open..=open + length])
}

/// `[Оля|17] (відповідає тобі на «так»): words` or `[Оля] words`.
fn in_brackets(line: &str) -> Option<(String, &str)> {
    let (label, rest) = line.strip_prefix('[')?.split_once(']')?;
    Some((name_in(label)?, without_notes(rest)))
}

/// `Оля: words`.
fn before_colon(line: &str) -> Option<(String, &str)> {
    let (label, text) = line.split_once(':')?;
    let is_name = label.split_whitespace().count() <= 3
        && label.chars().count() <= NAME_MAX_CHARS
        && label.chars().next().is_some_and(char::is_uppercase)
        && !text.starts_with("//");
    if is_name { Some((name_in(label)?, text.trim_start())) } else { None }
}

/// The name in a label, without what stands behind a bar. `[фото]` is a note and no speaker.
fn name_in(label: &str) -> Option<String> {
    let name: String = label.split('|').next()?.trim().chars().take(NAME_MAX_CHARS).collect();
    let is_speaker = label.contains('|') || name.chars().next().is_some_and(char::is_uppercase);
    (is_speaker && !name.is_empty()).then_some(name)
}

/// Drops the colon, and notes in parentheses before it.
fn without_notes(rest: &str) -> &str {
    let rest = rest.trim_start();
    let words = if rest.starts_with('(') { rest.split_once("): ").map(|(_, words)| words) } else { None };
    words.unwrap_or(rest).trim_start_matches([':', ' '])
}

/// Drops the bot's name or a mention where the line begins with it.
fn without_address<'a>(text: &'a str, persona: &Persona) -> &'a str {
    let text = text.trim();
    let end = text.find(|letter: char| letter != '@' && !is_word_letter(letter)).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    let rest = rest.trim_start_matches(|letter: char| !letter.is_alphanumeric() && letter != '«');
    let is_address = first.starts_with('@') || names_in(persona, first, &[]);
    if is_address && !rest.is_empty() { rest } else { text }
}

/// What was said, short enough to be quoted, without its last marks.
pub(super) fn excerpt(text: &str) -> String {
    let text = text.trim().trim_end_matches(['?', '!', '.', ',', ' ']);
    if text.is_empty() {
        return String::from("…");
    }
    if text.chars().count() <= EXCERPT_MAX_CHARS {
        return text.to_owned();
    }
    let mut excerpt = String::new();
    for word in text.split_whitespace() {
        if excerpt.chars().count() + word.chars().count() >= EXCERPT_MAX_CHARS {
            break;
        }
        excerpt.push_str(word);
        excerpt.push(' ');
    }
    let cut = if excerpt.is_empty() { text.chars().take(EXCERPT_MAX_CHARS).collect() } else { excerpt };
    format!("{}…", cut.trim_end_matches([' ', ',', ':', ';', '-', '—']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speaker_and_the_words_are_found_in_several_forms() {
        let closing = "(зараз понеділок, 23 листопада 2026, 18:40) (до тебе звертається [Оля|17]; дай одну відповідь)";
        let cases = [
            (format!("[Оля|17]: Гряг, привіт\n{closing}"), "Оля", "привіт"),
            (format!("[Оля|17]: Гряг, агов\n[Тарас|2]: не чує\n{closing}"), "Оля", "агов"),
            (
                format!("[Оля|17] (відповідає тобі на «так :)»): чому?\n(раніше) [Леся|3]: давно\n{closing}"),
                "Оля",
                "чому?",
            ),
            (String::from("[Леся|9]: <фото кіт> мій\n(зараз понеділок, 18:40)"), "Леся", "фото кіт мій"),
            (String::from("Марко: @gryag_bot ти де"), "Марко", "ти де"),
            (String::from("[Леся] так"), "Леся", "так"),
        ];
        for (turn, name, text) in cases {
            let expected = Said { name: Some(name.to_owned()), text: text.to_owned() };
            assert_eq!(to_be_answered(&turn, &Persona::built_in()), expected, "{turn}");
        }
    }

    #[test]
    fn a_line_without_a_speaker_is_taken_as_it_is() {
        let text = |turn: &str| to_be_answered(turn, &Persona::built_in());
        assert_eq!(text("Гряг"), Said { name: None, text: "Гряг".to_owned() });
        assert_eq!(text("дивись https://a.b").name, None);
        assert_eq!(text("").text, "");
    }

    #[test]
    fn a_long_line_is_quoted_up_to_a_word() {
        assert_eq!(excerpt("коли вже та відпустка?"), "коли вже та відпустка");
        let long = excerpt("розкажи мені, будь ласка, довгу історію про те, як жили колись кози");
        assert_eq!(long, "розкажи мені, будь ласка, довгу історію про те…");
    }
}

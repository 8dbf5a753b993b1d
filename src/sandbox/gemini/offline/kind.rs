//! Guesses what kind of line somebody said, by stems: Ukrainian first, with the commonest English words.

/// What kind of line it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Greeting,
    Farewell,
    Thanks,
    Insult,
    Question,
    /// A sum, worked out: `2 + 2 = 4`.
    Sum(String),
    Other,
}

const THANKS: &[&str] = &["дяк", "подяк", "спасиб", "thank"];
const INSULTS: &[&str] = &["дурн", "дурень", "ідіот", "тупи", "тупа", "бовдур", "йолоп", "нездар", "stupid", "idiot"];
const FAREWELLS: &[&str] = &["бувай", "прощавай", "надобраніч", "добраніч", "bye"];
const GREETINGS: &[&str] = &["привіт", "вітаю", "здоров", "салют", "агов", "хай", "hello"];
const PARTS_OF_DAY: &[&str] = &["день", "ранок", "вечір", "дня", "ранку", "вечора"];
/// A line that begins with one of these asks, with or without a question mark.
const ASKING: &[&str] = &[
    "хто",
    "кого",
    "кому",
    "що",
    "шо",
    "чого",
    "який",
    "яка",
    "яке",
    "які",
    "коли",
    "де",
    "куди",
    "звідки",
    "чому",
    "навіщо",
    "нащо",
    "скільки",
    "як",
    "чи",
    "who",
    "what",
    "when",
    "where",
    "why",
    "how",
];

pub(super) fn of(text: &str) -> Kind {
    if let Some(sum) = sum(text) {
        return Kind::Sum(sum);
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|letter: char| !is_word_letter(letter)).filter(|word| !word.is_empty()).collect();
    let begins = |stems: &[&str]| words.iter().any(|word| stems.iter().any(|stem| word.starts_with(stem)));
    let has = |listed: &[&str]| words.iter().any(|word| listed.contains(word));

    if begins(THANKS) {
        return Kind::Thanks;
    }
    if begins(INSULTS) {
        return Kind::Insult;
    }
    if text.contains('?') || words.first().is_some_and(|first| ASKING.contains(first)) {
        return Kind::Question;
    }
    if begins(FAREWELLS) || lower.contains("до побачення") || lower.contains("на добраніч") {
        return Kind::Farewell;
    }
    if begins(GREETINGS) || lower.starts_with("добр") && has(PARTS_OF_DAY) || has(&["ку", "hi", "hey"]) {
        return Kind::Greeting;
    }
    Kind::Other
}

pub(super) fn is_word_letter(letter: char) -> bool {
    letter.is_alphanumeric() || ['\'', '’', 'ʼ', '-', '_'].contains(&letter)
}

/// The first `number operator number` in the text, with its result.
fn sum(text: &str) -> Option<String> {
    let operators = text.char_indices().filter(|(_, letter)| "+-*/×÷−".contains(*letter));
    operators.into_iter().find_map(|(position, operator)| {
        let first = number_at_end(text[..position].trim_end())?;
        let second = number_at_start(text[position + operator.len_utf8()..].trim_start())?;
        Some(format!("{first} {operator} {second} = {}", calculate(first, operator, second)?))
    })
}

/// Larger numbers are no sums for a chat, and could overflow.
const NUMBER_MAX: i64 = 1_000_000_000;

fn number_at_end(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    text[text.len() - digits..].parse().ok().filter(|number| *number <= NUMBER_MAX)
}

fn number_at_start(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    text[..digits].parse().ok().filter(|number| *number <= NUMBER_MAX)
}

fn calculate(first: i64, operator: char, second: i64) -> Option<String> {
    match operator {
        '+' => Some((first + second).to_string()),
        '-' | '−' => Some((first - second).to_string()),
        '*' | '×' => Some((first * second).to_string()),
        _ if second == 0 => None,
        _ if first % second == 0 => Some((first / second).to_string()),
        _ => Some(format!("{} і {} в остачі", first / second, first % second)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let sum = |result: &str| Kind::Sum(result.to_owned());
        let cases = [
            ("привіт усім", Kind::Greeting),
            ("Добрий ранок!", Kind::Greeting),
            ("дякую, друже", Kind::Thanks),
            ("ну ти й бовдур", Kind::Insult),
            ("чому так рано", Kind::Question),
            ("скільки це коштує?", Kind::Question),
            ("ти тут?", Kind::Question),
            ("скільки буде 7 * 6?", sum("7 * 6 = 42")),
            ("10/4", sum("10 / 4 = 2 і 2 в остачі")),
            ("а 5 ÷ 0?", Kind::Question),
            ("надобраніч", Kind::Farewell),
            ("купив велосипед", Kind::Other),
        ];
        for (text, kind) in cases {
            assert_eq!(of(text), kind, "{text}");
        }
    }
}

//! Guesses what kind of line somebody said, by stems: Ukrainian first, with the commonest English words.

/// What kind of line it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Greeting,
    Farewell,
    Thanks,
    Praise,
    Insult,
    Laughter,
    Wellbeing,
    /// A sum, with its result.
    Sum(String),
    Who,
    What,
    When,
    Where,
    Why,
    How,
    HowMany,
    YesOrNo,
    Request,
    Statement,
}

pub(super) fn of(text: &str) -> Kind {
    if let Some(result) = sum(text) {
        return Kind::Sum(result);
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|letter: char| !is_word_letter(letter)).filter(|word| !word.is_empty()).collect();
    let begins = |stems: &[&str]| words.iter().any(|word| stems.iter().any(|stem| word.starts_with(stem)));
    let has = |listed: &[&str]| words.iter().any(|word| listed.contains(word));

    if lower.contains("як справи") || lower.contains("як ти") || lower.contains("how are you") {
        return Kind::Wellbeing;
    }
    if begins(&["дяк", "спасиб", "thank"]) {
        return Kind::Thanks;
    }
    if begins(&["дурн", "дурень", "ідіот", "тупи", "тупа", "бовдур", "йолоп", "нездар", "stupid", "idiot"])
    {
        return Kind::Insult;
    }
    if let Some(question) = question(&words, text) {
        return question;
    }
    if begins(&["бувай", "прощавай", "надобраніч", "добраніч", "bye"])
        || lower.contains("до побачення")
        || lower.contains("на добраніч")
        || has(&["папа", "бб"])
    {
        return Kind::Farewell;
    }
    if begins(&["привіт", "вітаю", "здоров", "салют", "агов", "хай"])
        || lower.starts_with("добр") && has(&["день", "ранок", "вечір", "дня", "ранку", "вечора"])
        || has(&["ку", "hi", "hello", "hey"])
    {
        return Kind::Greeting;
    }
    if begins(&["молодец", "розумн", "чудов", "класн", "крут", "геній", "супер", "найкращ", "красун"])
    {
        return Kind::Praise;
    }
    if begins(&["ахах", "хаха", "хах", "лол", "lol", "ржу"]) || lower.contains('😂') || lower.contains('🤣')
    {
        return Kind::Laughter;
    }
    if begins(&["розкаж", "порад", "підкаж", "скаж", "допомож", "поясн", "зроб", "напиш", "дай", "знайд", "придума"])
    {
        return Kind::Request;
    }
    Kind::Statement
}

fn question(words: &[&str], text: &str) -> Option<Kind> {
    let asks = text.contains('?');
    // Without a question mark only a line that begins with a question word is a question.
    let considered = if asks { words } else { words.get(..1.min(words.len()))? };
    let kinds: [(&[&str], Kind); 7] = [
        (&["хто", "кого", "кому", "who"], Kind::Who),
        (&["коли", "when"], Kind::When),
        (&["де", "куди", "звідки", "where"], Kind::Where),
        (&["чому", "навіщо", "нащо", "why"], Kind::Why),
        (&["скільки"], Kind::HowMany),
        (&["як", "яким", "how"], Kind::How),
        (&["що", "шо", "який", "яка", "яке", "які", "чого", "what"], Kind::What),
    ];
    let asked = |listed: &[&str]| considered.iter().any(|word| listed.contains(word));
    let found = kinds.into_iter().find(|(listed, _)| asked(listed)).map(|(_, kind)| kind);
    found.or_else(|| asks.then_some(Kind::YesOrNo))
}

pub(super) fn is_word_letter(letter: char) -> bool {
    letter.is_alphanumeric() || ['\'', '’', 'ʼ', '-', '_'].contains(&letter)
}

/// The result of the first `number operator number` in the text.
fn sum(text: &str) -> Option<String> {
    let operator_at = |position: usize| {
        let (left, rest) = text.split_at(position);
        let operator = rest.chars().next()?;
        let first = number_at_end(left.trim_end())?;
        let second = number_at_start(rest[operator.len_utf8()..].trim_start())?;
        calculate(first, operator, second)
    };
    text.char_indices()
        .filter(|(_, letter)| "+-*/×÷−".contains(*letter))
        .find_map(|(position, _)| operator_at(position))
}

fn number_at_end(text: &str) -> Option<i64> {
    let start = text.rfind(|letter: char| !letter.is_ascii_digit()).map_or(0, |last| last + letter_length(text, last));
    text[start..].parse().ok().filter(|number: &i64| *number <= 1_000_000_000)
}

fn number_at_start(text: &str) -> Option<i64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok().filter(|number: &i64| *number <= 1_000_000_000)
}

fn letter_length(text: &str, position: usize) -> usize {
    text[position..].chars().next().map_or(1, char::len_utf8)
}

fn calculate(first: i64, operator: char, second: i64) -> Option<String> {
    match operator {
        '+' => Some((first + second).to_string()),
        '-' | '−' => Some((first - second).to_string()),
        '*' | '×' => Some((first * second).to_string()),
        _ if second == 0 => Some(String::from("нічого доброго")),
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
            ("хто йде на футбол?", Kind::Who),
            ("чому так рано", Kind::Why),
            ("скільки це коштує?", Kind::HowMany),
            ("скільки буде 7 * 6?", sum("42")),
            ("10/4", sum("2 і 2 в остачі")),
            ("поділи 5 ÷ 0", sum("нічого доброго")),
            ("ти тут?", Kind::YesOrNo),
            ("як справи?", Kind::Wellbeing),
            ("порадь книжку", Kind::Request),
            ("надобраніч", Kind::Farewell),
            ("ахахах", Kind::Laughter),
            ("ти молодець", Kind::Praise),
            ("купив велосипед", Kind::Statement),
        ];
        for (text, kind) in cases {
            assert_eq!(of(text), kind, "{text}");
        }
    }
}

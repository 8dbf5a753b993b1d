//! Who said what in the last line of a prompt, and what it was about. Tolerant of the prompt's form: a label in
//! brackets or before a colon, or none.

use super::kind::is_word_letter;

/// The last line: its speaker, if it names one, and the words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Said {
    pub(super) name: Option<String>,
    pub(super) text: String,
}

/// A speaker's name is cut to this.
const NAME_MAX_CHARS: usize = 32;
/// What stands for the whole line where no word of it stands out.
const SUBJECT_MAX_CHARS: usize = 24;

/// The last line that names its speaker, or the last line at all. The bot's own names at its beginning are dropped.
pub(super) fn last_line(turn: &str, names: &[String]) -> Said {
    let lines = || turn.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let labelled = lines().take(30).find_map(|line| in_brackets(line).or_else(|| before_colon(line)));
    let (name, text) = match labelled {
        Some((name, text)) => (Some(name), text),
        None => (None, lines().next().unwrap_or_default()),
    };
    Said { name, text: without_address(text, names).to_owned() }
}

/// `[14:05 Оля|17 → Гряг] words` or `[Оля] words`.
fn in_brackets(line: &str) -> Option<(String, &str)> {
    let open = line.find('[').filter(|open| *open <= 24)?;
    let length = line[open..].find(']')?;
    let (label, rest) = (&line[open + 1..open + length], &line[open + length + 1..]);
    let name = name_in(label)?;
    let text = rest.trim_start_matches([':', ' ']);
    Some((name, without_note(text)))
}

/// `Оля: words`.
fn before_colon(line: &str) -> Option<(String, &str)> {
    let (label, text) = line.split_once(':')?;
    let is_name = label.split_whitespace().count() <= 3
        && label.chars().count() <= NAME_MAX_CHARS
        && label.chars().next().is_some_and(char::is_uppercase)
        && !text.starts_with("//");
    is_name.then(|| name_in(label).map(|name| (name, without_note(text.trim_start()))))?
}

/// The name in a label: the part before the first separator, times and numbers aside.
fn name_in(label: &str) -> Option<String> {
    let part = label.split(['|', '→', ',', '(', '<']).find(|part| part.chars().any(char::is_alphabetic))?;
    let words: Vec<&str> = part.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).collect();
    let name: String = words.join(" ").chars().take(NAME_MAX_CHARS).collect();
    // `[фото]` is a note about the message and no speaker.
    let marked = label.contains('|') || name.chars().next().is_some_and(char::is_uppercase);
    (marked && !name.is_empty()).then_some(name)
}

/// Drops a note in parentheses before the words: `(у відповідь Тарасу) так`.
fn without_note(text: &str) -> &str {
    let rest = text.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(_, rest)| rest.trim_start());
    rest.filter(|rest| !rest.is_empty()).unwrap_or(text)
}

/// Drops the bot's name where the line begins with it.
fn without_address<'a>(text: &'a str, names: &[String]) -> &'a str {
    let text = text.trim();
    let end = text.find(|letter: char| letter != '@' && !is_word_letter(letter)).unwrap_or(text.len());
    if !is_own_name(&text[..end], names) {
        return text;
    }
    let rest = text[end..].trim_start_matches(|letter: char| !letter.is_alphanumeric());
    if rest.is_empty() { text } else { rest }
}

fn is_own_name(word: &str, names: &[String]) -> bool {
    let word = word.trim_start_matches('@').to_lowercase();
    !word.is_empty() && names.iter().any(|name| word.starts_with(&name.to_lowercase()))
}

/// What the line is about: its longest telling word; without one, its beginning.
pub(super) fn subject(text: &str, names: &[String]) -> String {
    const PLAIN: &[&str] = &[
        "який",
        "яка",
        "яке",
        "які",
        "чому",
        "коли",
        "скільки",
        "навіщо",
        "сьогодні",
        "завтра",
        "вчора",
        "нарешті",
        "якийсь",
        "якась",
        "можеш",
        "можна",
        "треба",
        "будь",
        "ласка",
        "буде",
        "було",
        "була",
        "були",
        "мене",
        "тебе",
        "мені",
        "тобі",
        "його",
        "неї",
        "вони",
        "дуже",
        "трохи",
        "просто",
        "може",
        "взагалі",
        "зараз",
        "потім",
        "тільки",
        "також",
        "порадь",
        "розкажи",
        "скажи",
        "підкажи",
        "поясни",
        "напиши",
        "зроби",
        "допоможи",
        "придумай",
        "what",
        "when",
        "where",
        "this",
        "that",
        "with",
        "please",
    ];
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !is_word_letter(letter));
    let telling = words.filter(|word| {
        word.chars().count() >= 4
            && word.chars().count() <= SUBJECT_MAX_CHARS
            && word.chars().any(char::is_alphabetic)
            && !PLAIN.contains(word)
            && !is_own_name(word, names)
    });
    // The last of equally long words: in Ukrainian the news stands at the end.
    match telling.max_by_key(|word| word.chars().count()) {
        Some(word) => word.to_owned(),
        None if text.trim().is_empty() => String::from("це мовчання"),
        None => {
            text.trim().chars().take(SUBJECT_MAX_CHARS).collect::<String>().trim_end_matches(['?', '!', '.']).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec![String::from("гряг"), String::from("gryag_bot")]
    }

    #[test]
    fn the_speaker_and_the_words_are_found_in_several_forms() {
        let cases = [
            ("[Оля|17] Гряг, привіт", "Оля", "привіт"),
            ("[Тарас|2] раніше\n[14:05 Оля|17 → Гряг] як ти?\n\nВідповідай коротко.", "Оля", "як ти?"),
            ("Марко: @gryag_bot ти де", "Марко", "ти де"),
            ("[Леся] (у відповідь Тарасу) так", "Леся", "так"),
            ("#12 [Леся|9] [фото] мій кіт", "Леся", "[фото] мій кіт"),
        ];
        for (turn, name, text) in cases {
            let expected = Said { name: Some(name.to_owned()), text: text.to_owned() };
            assert_eq!(last_line(turn, &names()), expected, "{turn}");
        }
        assert_eq!(last_line("Гряг", &names()), Said { name: None, text: "Гряг".to_owned() });
        assert_eq!(last_line("дивись https://a.b", &names()).name, None);
    }

    #[test]
    fn the_subject_is_the_longest_telling_word() {
        assert_eq!(subject("коли вже та відпустка?", &names()), "відпустка");
        assert_eq!(subject("ну й що?", &names()), "ну й що");
    }
}

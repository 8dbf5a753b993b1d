//! The offline voice: what the sandbox says without a key. Not a model and never passed off as one: it looks at the
//! last line of the prompt, guesses what kind of line it is, and fills one of the persona's lines with the speaker's
//! name and with what they spoke of.

mod kind;
mod lines;
mod said;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

use self::kind::Kind;
pub use self::lines::OfflineLines;
use super::{Reply, RequestView, Voice};

/// An answer is not repeated until so many others were given.
const REMEMBERED: usize = 64;

/// Answers from a persona's lines. Equal conversations get equal answers.
pub struct OfflineVoice {
    lines: OfflineLines,
    /// Hashes of the last answers. Held for the look-up only: so a std mutex.
    recent: Mutex<VecDeque<u64>>,
}

impl fmt::Debug for OfflineVoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OfflineVoice")
    }
}

impl OfflineVoice {
    /// A voice with these lines. A list that is empty falls back to [`OfflineLines::statements`], and that one to the
    /// built-in lines.
    pub fn new(lines: OfflineLines) -> Self {
        Self { lines, recent: Mutex::new(VecDeque::new()) }
    }

    /// What it answers to the text of the last user turn.
    pub fn answer_to(&self, turn: &str) -> String {
        let said = said::last_line(turn, &self.lines.names);
        let kind = kind::of(&said.text);
        let name = said.name.as_deref().unwrap_or("друже");
        if let Kind::Sum(result) = &kind {
            return self.fresh(&self.lines.sums, name, &said.text, |line| line.replace("{result}", result));
        }
        let subject = said::subject(&said.text, &self.lines.names);
        self.fresh(self.lines.of(&kind), name, &said.text, |line| line.replace("{said}", &subject))
    }

    /// The first line, from a place that depends on what was said, whose filled form was not said lately.
    fn fresh(&self, lines: &[String], name: &str, text: &str, fill: impl Fn(&str) -> String) -> String {
        let start = hash(&format!("{name}\n{}", text.to_lowercase()));
        let count = lines.len().max(1);
        let first = usize::try_from(start % count as u64).unwrap_or(0);
        let filled = |step: usize| {
            let line = lines.get((first + step) % count).map_or("{name}, чую.", String::as_str);
            fill(&line.replace("{name}", name))
        };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = (0..count).map(filled).find(|answer| !recent.contains(&hash(answer)));
        let answer = fresh.unwrap_or_else(|| filled(0));
        recent.push_back(hash(&answer));
        if recent.len() > REMEMBERED {
            recent.pop_front();
        }
        answer
    }
}

impl Voice for OfflineVoice {
    fn answer(&self, request: &RequestView<'_>) -> Reply {
        Reply::say(self.answer_to(&request.last_user_text()))
    }
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ten_different_inputs_get_ten_different_fitting_answers() {
        let voice = OfflineVoice::new(OfflineLines::default());
        let inputs = [
            ("Оля", "Гряг, привіт", &["Оля"][..]),
            ("Тарас", "Гряг, хто вкрав мій борщ?", &["Тарас", "борщ"]),
            ("Марко", "дякую, Грягу!", &["Марко"]),
            ("Леся", "коли вже та відпустка?", &["Леся", "відпустка"]),
            ("Оля", "чому кіт дивиться в стіну?", &["Оля", "дивиться"]),
            ("Тарас", "скільки буде 17 + 25?", &["42"]),
            ("Марко", "ти дурний", &["Марко"]),
            ("Леся", "порадь якийсь фільм на вечір", &["Леся", "фільм"]),
            ("Оля", "сьогодні нарешті полагодили ліфт", &["Оля", "полагодили"]),
            ("Тарас", "усе, я спати, бувай", &["Тарас"]),
        ];
        let mut answers = HashSet::new();
        for (name, text, one_of) in inputs {
            let answer = voice.answer_to(&format!("[Хтось|1] раніше\n[{name}|17] {text}"));
            assert!(one_of.iter().any(|word| answer.contains(word)), "{text} -> {answer}");
            assert!(!answer.contains(text), "an echo: {answer}");
            assert!(!answer.contains('{'), "{answer}");
            answers.insert(answer);
        }
        assert_eq!(answers.len(), inputs.len());
    }

    #[test]
    fn five_people_who_greet_alike_are_each_greeted_differently() {
        let voice = OfflineVoice::new(OfflineLines::default());
        let answers: HashSet<String> = (0..5).map(|_| voice.answer_to("[Оля|1] привіт")).collect();
        assert_eq!(answers.len(), 5);
    }

    #[test]
    fn equal_conversations_get_equal_answers() {
        let talk = || {
            let voice = OfflineVoice::new(OfflineLines::default());
            ["привіт", "як справи?", "чому так?"].map(|text| voice.answer_to(&format!("[Оля|1] {text}")))
        };
        assert_eq!(talk(), talk());
    }

    #[test]
    fn an_empty_list_falls_back_and_a_turn_without_a_label_is_answered() {
        let lines = OfflineLines { thanks: Vec::new(), ..OfflineLines::default() };
        let voice = OfflineVoice::new(lines);
        assert!(!voice.answer_to("дякую").is_empty());
        assert!(!voice.answer_to("").is_empty());
    }
}

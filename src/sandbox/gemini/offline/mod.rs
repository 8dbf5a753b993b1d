//! The offline voice: what the sandbox says without a key. Not a model and never passed off as one: it looks at the
//! line that it is to answer, guesses what kind of line it is, and fills one of the persona's lines with the
//! speaker's name and with what they said.

mod kind;
mod said;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

use self::kind::Kind;
use super::{Reply, RequestView, Voice};
use crate::persona::Persona;

/// A line is not used again until so many others were, if the persona has as many.
const REMEMBERED: usize = 64;

/// Answers from the persona's offline lines. Equal conversations get equal answers.
pub struct OfflineVoice {
    persona: Persona,
    /// The last lines and openers that were used. Held for the look-up only: so a std mutex.
    recent: Mutex<VecDeque<u64>>,
}

impl fmt::Debug for OfflineVoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OfflineVoice")
    }
}

impl OfflineVoice {
    /// A voice with this persona's offline lines.
    pub fn new(persona: Persona) -> Self {
        Self { persona, recent: Mutex::new(VecDeque::new()) }
    }

    /// What it answers to the text of the last user turn: an opener and a line that fits.
    pub fn answer_to(&self, turn: &str) -> String {
        let said = said::to_be_answered(turn, &self.persona);
        let offline = self.persona.offline();
        let kind = kind::of(&said.text);
        let lines = match kind {
            Kind::Greeting => &offline.greetings,
            Kind::Farewell => &offline.farewells,
            Kind::Thanks => &offline.thanks,
            Kind::Insult => &offline.insults,
            Kind::Question => &offline.questions,
            Kind::Sum(_) | Kind::Other => &offline.unknown,
        };
        let lines = if lines.is_empty() { &offline.unknown } else { lines };
        let name = said.name.as_deref().unwrap_or("друже");
        let words = match kind {
            Kind::Sum(sum) => sum,
            _ => said::excerpt(&said.text),
        };
        let seed = format!("{name}\n{}", said.text.to_lowercase());
        let answer = format!("{} {}", self.unused(&offline.openers, &seed), self.unused(lines, &seed));
        answer.trim().replace("{name}", name).replace("{said}", &words)
    }

    /// The first line, from a place that depends on what was said, that was not used lately; failing that, the one
    /// whose last use lies furthest back.
    fn unused<'a>(&self, lines: &'a [String], seed: &str) -> &'a str {
        let count = lines.len().max(1);
        let start = usize::try_from(hash(seed) % count as u64).unwrap_or(0);
        let from_start = || (0..count).filter_map(|step| lines.get((start + step) % count));
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let last_use = |line: &String| recent.iter().rposition(|used| *used == hash(line));
        // `None`, never, is less than any position.
        let Some(line) = from_start().min_by_key(|line| last_use(line)) else { return "" };
        recent.push_back(hash(line));
        if recent.len() > REMEMBERED {
            recent.pop_front();
        }
        line
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

    fn voice() -> OfflineVoice {
        OfflineVoice::new(Persona::built_in())
    }

    #[test]
    fn ten_different_inputs_get_ten_different_fitting_answers() {
        let voice = voice();
        let offline = voice.persona.offline().clone();
        let inputs = [
            ("Оля", "Гряг, привіт", &offline.greetings),
            ("Тарас", "Гряг, хто вкрав мій борщ?", &offline.questions),
            ("Марко", "дякую, Грягу!", &offline.thanks),
            ("Леся", "коли вже та відпустка?", &offline.questions),
            ("Оля", "чому кіт дивиться в стіну", &offline.questions),
            ("Тарас", "скільки буде 17 + 25?", &offline.unknown),
            ("Марко", "ти дурний", &offline.insults),
            ("Леся", "порадь якийсь фільм на вечір", &offline.unknown),
            ("Оля", "сьогодні нарешті полагодили ліфт", &offline.unknown),
            ("Тарас", "усе, я спати, бувай", &offline.farewells),
        ];
        let (mut answers, mut used) = (HashSet::new(), HashSet::new());
        for (name, text, fitting) in inputs {
            let answer = voice.answer_to(&format!("[Хтось|1]: раніше\n[{name}|17]: {text}\n(зараз понеділок, 18:40)"));
            assert!(answer.contains(name), "{text} -> {answer}");
            assert!(!answer.contains(['{', '}']), "{answer}");
            let has = |line: &&String| line.split("{said}").all(|part| answer.contains(part));
            let line = fitting.iter().find(has).unwrap_or_else(|| panic!("{text} -> {answer}"));
            used.insert(line.clone());
            answers.insert(answer);
        }
        assert_eq!((answers.len(), used.len()), (10, 10));
        assert!(answers.iter().any(|answer| answer.contains("17 + 25 = 42")));
    }

    #[test]
    fn who_says_the_same_again_hears_something_else() {
        let voice = voice();
        let answers: HashSet<String> = (0..5).map(|_| voice.answer_to("[Оля|1]: привіт")).collect();
        assert_eq!(answers.len(), 5);
    }

    #[test]
    fn equal_conversations_get_equal_answers() {
        let talk = || {
            let voice = voice();
            ["привіт", "як справи?", "чому так?"].map(|text| voice.answer_to(&format!("[Оля|1]: {text}")))
        };
        assert_eq!(talk(), talk());
    }

    #[test]
    fn a_turn_without_a_label_or_without_words_is_answered_too() {
        assert!(!voice().answer_to("дякую").is_empty());
        assert!(!voice().answer_to("").is_empty());
    }
}

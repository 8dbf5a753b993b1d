//! Small patterns of words, so that the lists of this module can be read by who speaks the language.
//!
//! A pattern is words with spaces between: `помер*` is any word that begins so; `мама|тато` either; `до~побачення` two
//! words where one may stand; `_` any one word; `..` none to three words; `^` and `$` a sentence's beginning and end; `@kin` a class of words. An emoji stands for
//! itself. Nothing matches across the end of a sentence.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use super::words::{Token, Words, normalised};

/// `..` spans at most so many words.
const GAP_MAX: usize = 3;

/// Words that stand for one another in patterns.
const CLASSES: &[(&str, &str)] = &[
    (
        "@kin",
        "тато|тата|тату|татові|татом|татко|татка|мама|мами|мамі|маму|мамо|мамою|мамка|мамку|мамы|маме|мамой|матір|матері|\
         мать|матери|мати|батько|батька|батькові|батьки|батьків|отець|отец|отца|папа|папы|папу|папе|бабус*|бабушк*|бабця|\
         бабці|бабцю|баба|бабу|баби|бабі|дід|діда|діду|дідусь|дідуся|дідусю|дед|деда|дедушк*|дядько|дядька|дядьку|дядя|\
         дядю|дяді|тітка|тітку|тітки|тьотя|тьотю|тьоті|тетя|тетю|брат|брата|брату|братом|братик*|сестра|сестру|сестри|\
         сестрі|сестричк*|син|сина|сину|сынок|сын|сына|дочка|дочку|дочки|донька|доньку|доньки|донечк*|дочь|чоловік|\
         чоловіка|чоловіку|дружина|дружину|дружини|муж|мужа|мужу|жена|жену|жены|друг|друга|другу|друзі|подруга|подругу|\
         подруги|сусід|сусіда|сусіду|сусідка|сусідку|сусідки|сосед|соседа|соседка|кум|кума|куму|куми|свекр*|теща|тещу|\
         тещі|тесть|тестя|хлопець|хлопця|хлопці|хлопчик*|однокласни*|однокурсни*|одногрупни*|однополчан*|колега|колегу|\
         колеги|вчитель*|викладач*|преподавател*|товариш*|побратим*|посестр*|малий|малого|мала|малу|дитина|дитину|дитини|\
         дитя|діти|дітей|ребенок|ребенка|дядьку|родич*|племінни*|внук*|онук*|хрещен*|dad|mom|mum|father|mother|grandma|\
         grandpa|brother|sister|son|daughter|husband|wife|friend|uncle|aunt",
    ),
    (
        "@pet",
        "кіт|кота|коту|котик*|кішка|кішку|кішки|кицька|кицьку|кицю|кошка|кошку|кошки|собака|собаку|собаки|собачка|\
              собачку|пес|песик*|пса|хом'як*|хомяк*|папуга|папугу|папужк*|cat|dog",
    ),
    (
        "@name",
        "андрі*|сашко|сашка|саша|саші|сашу|саши|олександр*|александр*|олекс*|дмитр*|діма|діми|діму|сергі*|сергей|сергея|\
         микол*|микита|микити|ігор*|володимир*|вова|вови|вову|вовка|вітя|віті|вітю|вітьк*|вітал*|віктор*|василь|василя|\
         василю|вася|васі|васю|іван|івана|іванк*|петро|петра|петру|тарас*|максим*|макс|макса|роман|романа|ромк*|рома|\
         роми|рому|юра|юри|юру|юрко|юрка|юрій|юрія|богдан*|степан*|остап*|левко|левка|назар*|артем*|денис*|євген*|женя|\
         жені|женю|михайл*|павло|павла|олег*|оля|олі|олю|ольг*|олен*|лена|лени|лену|марія|марії|марію|маша|маші|машу|\
         мар'ян*|ірин*|іра|іри|іру|наталі*|наталк*|наташ*|оксан*|світлан*|катерин*|катя|каті|катю|тетян*|таня|тані|таню|\
         юля|юлі|юлю|юлі*|вікторі*|віка|віки|віку|людмил*|галин*|ніна|ніни|ніну|лариса|лариси|надія|надії|віра|віри|\
         соломі*|зорян*|лесю|леся|лесі|христин*|яна|яни|яну|аня|ані|аню|анн*|коля|колі|колю|колею|ваня|вані|ваню|толя|\
         толік*|стас*|ярослав*|ярик*|влад|владислав*|вадим*|руслан*|антон*|данил*|даня|дані|кирил*|гліб*|марко|матві*|\
         тимур*|ілля|іллі|іллю|єгор*|зоя|зої|зою|ганна|ганни|ганну|галя|галі|галю|поліна|поліни|поліну|дарина|дарини|даша|\
         софія|софії|настя|насті|настю|аліна|аліни|аліну|інна|інни|лілія|раїса|валя|валі|валентин*|тамара|тамари|свєта|\
         света|світа|жанна|карина|карини|рита|рити",
    ),
    ("@who", "він|вона|вони|його|її|їх|йому|їй|он|она|они|его|ее|их|ей|ему|мене|меня|мені|мне|нас|he|she|they|him|her"),
    (
        "@thing",
        "телефон*|смартфон*|мобіл*|айфон*|комп|компа|комп'ютер*|компьютер*|ноут*|ноутбук*|батарея|батарейк*|батарея|\
         акум*|аккум*|зарядк*|павербанк*|сервер*|база|прод|сайт*|роутер*|інтернет*|интернет*|вайфай*|додаток|програма|\
         проєкт*|проект*|проэкт*|стартап*|чат|чатик|група|канал*|телевізор*|телек|пральн*|холодильник*|чайник*|двигун*|\
         движок|мотор|машина|тачка|авто|ліфт*|принтер*|мікрофон*|навушник*|наушник*|відеокарт*|процесор*|жорстк*|диск|\
         флешка|клавіатур*|фікус*|квітка|кактус*|дріжджі|тісто|ідея|ідею|настрій|мотивація|phone|laptop|\
         battery|server|pc|internet",
    ),
    (
        "@city",
        "київ*|києв*|киев*|харків*|харков*|одес*|дніпр*|днепр*|львів*|львов*|запоріж*|запорож*|миколаїв*|николаев*|\
         херсон*|сум*|полтав*|чернігів*|чернигов*|кривий|кривому|житомир*|вінниц*|кременчу*|ізмаїл*|бровар*|бахмут*|\
         покровськ*|краматорськ*|слов'янськ*|умань|умані|рівне|рівному|луцьк*|тернопіл*|франківськ*|ужгород*|kyiv|kharkiv|\
         odesa|dnipro|lviv",
    ),
];

static CLASS_WORDS: LazyLock<HashMap<&'static str, Vec<Word>>> =
    LazyLock::new(|| CLASSES.iter().map(|(name, words)| (*name, words.split('|').map(Word::read).collect())).collect());

/// Whether a normalised word belongs to a class.
pub(super) fn is_in_class(class: &str, word: &str) -> bool {
    CLASS_WORDS.get(class).is_some_and(|words| words.iter().any(|one| one.matches(word)))
}

/// A word of a pattern, or the beginning of one.
#[derive(Clone, Debug)]
struct Word {
    letters: Vec<char>,
    is_prefix: bool,
}

impl Word {
    fn read(word: &str) -> Self {
        let (letters, is_prefix) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
        Self { letters: normalised(letters.trim()).chars().collect(), is_prefix }
    }

    fn matches(&self, word: &str) -> bool {
        let mut letters = word.chars();
        let begins =
            self.letters.iter().all(|wanted| letters.next().is_some_and(|letter| letter == *wanted || letter == '*'));
        begins && (self.is_prefix || letters.next().is_none())
    }
}

#[derive(Clone, Debug)]
enum Alternative {
    Words(Vec<Word>),
    Class(&'static [Word]),
}

impl Alternative {
    fn read(word: &'static str) -> Self {
        if word.starts_with('@') {
            let class = CLASS_WORDS.get(word);
            return Self::Class(class.unwrap_or_else(|| panic!("there is no class {word}")));
        }
        Self::Words(word.split('~').map(Word::read).collect())
    }

    /// The words with which a match may begin.
    fn first_words(&self) -> &[Word] {
        match self {
            Self::Words(words) => &words[..1],
            Self::Class(words) => words,
        }
    }

    /// How many of these tokens it takes, if it matches their beginning.
    fn takes(&self, tokens: &[Token]) -> Option<usize> {
        match self {
            Self::Words(words) => {
                let matches = |(word, token): (&Word, &Token)| matches!(token, Token::Word(said) if word.matches(said));
                let fits = tokens.len() >= words.len() && words.iter().zip(tokens).all(matches);
                fits.then_some(words.len())
            }
            Self::Class(words) => match tokens.first() {
                Some(Token::Word(said)) => words.iter().any(|word| word.matches(said)).then_some(1),
                _ => None,
            },
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    OneOf(Vec<Alternative>),
    Emoji(char),
    AnyWord,
    Gap,
    Begin,
    End,
}

impl Step {
    fn read(step: &'static str) -> Self {
        match step {
            "_" => Self::AnyWord,
            ".." => Self::Gap,
            "^" => Self::Begin,
            "$" => Self::End,
            _ => match Words::of(step).tokens.as_slice() {
                [Token::Emoji(emoji)] => Self::Emoji(*emoji),
                _ => Self::OneOf(step.split('|').map(Alternative::read).collect()),
            },
        }
    }
}

/// A list of patterns, each with what it means.
#[derive(Debug)]
pub(super) struct Patterns<T> {
    all: Vec<(Vec<Step>, T)>,
    /// Which alternative of which pattern's first step may match a word that begins with these letters, or an emoji.
    by_first: HashMap<u64, Vec<(usize, usize)>>,
    /// Patterns that begin with `^`: they are tried where a sentence begins.
    by_begin: Vec<usize>,
    /// Of each pattern, the words of which the text must have one, step by step after the first.
    needs: Vec<Vec<WordSet>>,
}

/// Words told apart by their first letters: one that is not in the set is not among them, one that is may be.
#[derive(Clone, Copy, Default, Debug)]
struct WordSet([u64; 4]);

impl WordSet {
    const ALL: Self = Self([u64::MAX; 4]);

    fn of_text(tokens: &[Token]) -> Self {
        tokens.iter().fold(Self::default(), |set, token| match token {
            Token::Word(word) if word.contains('*') => Self::ALL,
            Token::Word(word) => set.with(key(word.chars())),
            Token::Emoji(_) | Token::End => set,
        })
    }

    /// What a step needs; nothing if no word stands for it.
    fn of_step(step: &Step) -> Option<Self> {
        let Step::OneOf(all) = step else { return None };
        Some(all.iter().flat_map(Alternative::first_words).fold(Self::default(), |set, word| {
            // «по*» begins words whose third letter is anything.
            let is_short = word.is_prefix && word.letters.len() < KEY_LETTERS;
            if is_short { Self::ALL } else { set.with(key(word.letters.iter().copied())) }
        }))
    }

    fn with(mut self, key: u64) -> Self {
        // Fibonacci hashing: the upper bits of the product are spread well (Knuth, TAOCP 3, 6.4).
        let bit = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        self.0[(bit >> 6) as usize] |= 1 << (bit & 63);
        self
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(ours, theirs)| ours & theirs != 0)
    }
}

impl<T: Copy> Patterns<T> {
    /// Reads lists: each meaning with its patterns.
    pub(super) fn new<'a>(lists: impl IntoIterator<Item = &'a (T, &'a [&'static str])>) -> Self
    where
        T: 'a,
    {
        let mut patterns = Self { all: Vec::new(), by_first: HashMap::new(), by_begin: Vec::new(), needs: Vec::new() };
        for (meaning, list) in lists {
            for pattern in *list {
                patterns.add(pattern, *meaning);
            }
        }
        patterns
    }

    fn add(&mut self, pattern: &'static str, meaning: T) {
        let index = self.all.len();
        let steps: Vec<Step> = pattern.split_whitespace().map(Step::read).collect();
        match steps.first() {
            Some(Step::OneOf(all)) => {
                for (which, one) in all.iter().enumerate() {
                    for word in one.first_words() {
                        let known = self.by_first.entry(key(word.letters.iter().copied())).or_default();
                        if known.last() != Some(&(index, which)) {
                            known.push((index, which));
                        }
                    }
                }
            }
            Some(Step::Emoji(emoji)) => {
                self.by_first.entry(key([*emoji].into_iter())).or_default().push((index, 0));
            }
            Some(Step::Begin) => self.by_begin.push(index),
            _ => panic!("a pattern begins with a word, an emoji or ^: {pattern}"),
        }
        self.needs.push(steps.iter().skip(1).filter_map(WordSet::of_step).collect());
        self.all.push((steps, meaning));
    }

    /// Every place where a pattern matches: the tokens that it covers, and what it means.
    pub(super) fn find(&self, words: &Words) -> Vec<(Range<usize>, T)> {
        let tokens = &words.tokens;
        let text = WordSet::of_text(tokens);
        let mut found = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            for (index, which) in self.beginnings(token, &text) {
                let (steps, meaning) = &self.all[index];
                let end = match (&steps[0], &steps[1..]) {
                    (Step::OneOf(all), rest) => {
                        all[which].takes(&tokens[at..]).and_then(|taken| matched(rest, tokens, at + taken))
                    }
                    _ => matched(steps, tokens, at),
                };
                found.extend(end.map(|end| (at..end, *meaning)));
            }
            let begins = at == 0 || tokens[at - 1] == Token::End;
            for index in self.by_begin.iter().filter(|index| begins && self.may_match(**index, &text)) {
                let (steps, meaning) = &self.all[*index];
                found.extend(matched(steps, tokens, at).map(|end| (at..end, *meaning)));
            }
        }
        found
    }

    /// Whether a text has a word for every step of a pattern, as far as a glance tells.
    fn may_match(&self, index: usize, text: &WordSet) -> bool {
        self.needs[index].iter().all(|needed| needed.meets(text))
    }

    /// The patterns, and their first alternatives, that may begin with this token of a text.
    fn beginnings(&self, token: &Token, text: &WordSet) -> Vec<(usize, usize)> {
        let may_match = |(index, _): &(usize, usize)| self.may_match(*index, text);
        let of = |key: u64| self.by_first.get(&key).into_iter().flatten().copied().filter(may_match);
        let mut beginnings: Vec<_> = match token {
            Token::Word(word) if word.contains('*') => {
                self.by_first.values().flatten().copied().filter(may_match).collect()
            }
            Token::Word(word) => {
                let letters = word.chars().count().min(KEY_LETTERS);
                (1..=letters).flat_map(|letters| of(key(word.chars().take(letters)))).collect()
            }
            Token::Emoji(emoji) => of(key([*emoji].into_iter())).collect(),
            Token::End => Vec::new(),
        };
        // A class holds many forms of one word.
        beginnings.sort_unstable();
        beginnings.dedup();
        beginnings
    }
}

/// Letters of a word by which patterns are found.
const KEY_LETTERS: usize = 3;

/// The first letters as one number: a letter has 21 bits.
fn key(letters: impl Iterator<Item = char>) -> u64 {
    letters.take(KEY_LETTERS).fold(0, |key, letter| (key << 21) | u64::from(u32::from(letter)))
}

/// Where a match of these steps from `at` on ends.
fn matched(steps: &[Step], tokens: &[Token], at: usize) -> Option<usize> {
    let Some((step, rest)) = steps.split_first() else { return Some(at) };
    match step {
        Step::Begin if at == 0 || tokens.get(at - 1) == Some(&Token::End) => matched(rest, tokens, at),
        Step::End if matches!(tokens.get(at), None | Some(Token::End | Token::Emoji(_))) => matched(rest, tokens, at),
        Step::Begin | Step::End => None,
        Step::Gap => {
            let reach =
                tokens[at.min(tokens.len())..].iter().take(GAP_MAX).take_while(|token| **token != Token::End).count();
            (at..=at + reach).find_map(|from| matched(rest, tokens, from))
        }
        Step::OneOf(all) => {
            let here = &tokens[at.min(tokens.len())..];
            all.iter().filter_map(|one| one.takes(here)).find_map(|taken| matched(rest, tokens, at + taken))
        }
        Step::Emoji(emoji) if tokens.get(at) == Some(&Token::Emoji(*emoji)) => matched(rest, tokens, at + 1),
        Step::AnyWord if matches!(tokens.get(at), Some(Token::Word(_))) => matched(rest, tokens, at + 1),
        Step::Emoji(_) | Step::AnyWord => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(pattern: &'static str, text: &str) -> bool {
        let list: &[&'static str] = &[pattern];
        !Patterns::new(&[((), list)]).find(&Words::of(text)).is_empty()
    }

    #[test]
    fn a_pattern_says_what_it_says() {
        assert!(is_in("помер*", "Дід ПОМЕРРРР") && is_in("помер*", "помєрла"));
        assert!(!is_in("помер", "померла") && !is_in("помер*", "напомер"));
        assert!(
            is_in("не стало", "не стало!") && !is_in("не стало", "не. Стало") && !is_in("не стало", "не нам стало")
        );
        assert!(is_in("а _ в", "а б в") && !is_in("а _ в", "а в"));
        assert!(is_in("а .. в", "а в") && is_in("а .. в", "а б б б в") && !is_in("а .. в", "а б б б б в"));
        assert!(is_in("^ rip $", "ну. RIP 💔") && !is_in("^ rip $", "rip it"));
        assert!(is_in("в|на~картку x", "на картку x") && !is_in("в|на~картку x", "на x"));
        assert!(is_in("@kin", "а мама де") && is_in("б|@kin в", "мама в") && !is_in("@kin", "маминий"));
        assert!(is_in("а .. по* в|г*", "а поза г") && !is_in("а .. по* в", "а в"));
        assert!(is_in("🕯️", "🕯") && is_in("су*цид", "су*цид") && is_in("суїцид*", "су*цидний"));
    }
}

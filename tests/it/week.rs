//! A week in a lively group: ten thousand messages of fifteen people, in bursts, by day and a little by night, four in a
//! hundred to the bot, five in a hundred of the model's calls failing. What people say is taken from the labelled talks.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use gryag::{
    clock::kyiv_hour,
    domain::{ChatId, Timestamp, UserId},
    random::{Random as _, Seeded},
    sandbox::{
        gemini::{GeminiFault, Reply},
        telegram::MessageRef,
    },
};

use crate::harness::{NOON, Setup, TestBot, in_paused_time};

const MESSAGES: usize = 10_000;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const NAMES: [&str; 15] = [
    "Оля",
    "Тарас",
    "Леся",
    "Ігор",
    "Степан",
    "Зоряна",
    "Богдан",
    "Віка",
    "Левко",
    "Ірина",
    "Мар'яна",
    "Макс",
    "Ганна",
    "Петро",
    "Соломія",
];
const TALKS: &str = include_str!("../fixtures/labelled/gate_talk.txt");
const MOMENTS: &str = include_str!("../fixtures/labelled/gate_moments.txt");
const CALLS: [&str; 8] = [
    "Гряг, ти тут?",
    "гряг, що скажеш на це",
    "Гряже, розсуди нас",
    "@gryag_bot порадь щось",
    "а Гряг як думає?",
    "Гряг, котра година",
    "грягу, розкажи про погоду",
    "Гряг, хто правий?",
];

/// How the model's unasked lines begin here.
const UNASKED: &str = "До слова,";

/// How people take what the bot says unasked.
#[derive(Clone, Copy, PartialEq)]
enum Audience {
    Friendly,
    Dislikes,
}

impl Audience {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Friendly => "friendly",
            Self::Dislikes => "that dislikes it",
        }
    }
}

/// What a week came to.
#[derive(Debug)]
struct Week {
    people: usize,
    own: usize,
    addressed: f64,
    answered: f64,
    unasked: Vec<Timestamp>,
    asked_unasked: f64,
    unaddressed: f64,
}

impl Week {
    fn in_quiet_hours(&self) -> usize {
        self.unasked.iter().filter(|at| !(8..23).contains(&kyiv_hour(**at))).count()
    }

    /// One line of figures, for `cargo test --test it week:: -- --nocapture`.
    #[expect(clippy::print_stdout, reason = "the figures of a run")]
    fn tell(&self, audience: Audience) {
        #[expect(clippy::cast_precision_loss, reason = "counts of messages")]
        let (people, own) = (self.people as f64, self.own as f64);
        println!(
            "figure | a week, audience {} | {people} messages of people, {} addressed, {:.2} % answered, {} unasked lines, {} \
             in quiet hours, its share {:.2} % of their messages, a model asked for {:.2} % of the {} unaddressed",
            audience.as_str(),
            self.addressed,
            100.0 * self.answered / self.addressed,
            self.unasked.len(),
            self.in_quiet_hours(),
            100.0 * own / people,
            100.0 * self.asked_unasked / self.unaddressed,
            self.unaddressed,
        );
    }
}

struct Scene {
    bot: TestBot,
    chat: ChatId,
    people: Vec<UserId>,
    random: Seeded,
    audience: Audience,
    written: usize,
    /// Lines of the bot that people have taken notice of.
    noticed: usize,
}

impl Scene {
    fn below(&self, count: usize) -> usize {
        usize::try_from(self.random.bits() % (count as u64)).expect("a small number")
    }

    fn chance(&self, of: f64) -> bool {
        self.random.fraction() < of
    }

    /// One of the labelled talks, spoken by people of this group.
    async fn talk_over(&mut self, blocks: &[&str]) {
        let block = blocks[self.below(blocks.len())];
        let shift = self.below(self.people.len());
        let mut parts: HashMap<String, UserId> = HashMap::new();
        let mut last: HashMap<String, MessageRef> = HashMap::new();
        for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (who, text) = line.split_once(' ').and_then(|(_, rest)| rest.split_once(": ")).expect("a line");
            let who = who.rsplit_once("+").map_or(who, |(_, rest)| rest.split_once(' ').expect("a name").1);
            let (name, to) = who.split_once(" > ").map_or((who, None), |(name, to)| (name, Some(to)));
            let next = (shift + parts.len()) % self.people.len();
            let person = *parts.entry(name.to_owned()).or_insert(self.people[next]);
            let message = match to.and_then(|to| last.get(to)) {
                Some(message) => self.bot.world().reply(*message, person, text),
                None => self.bot.world().say(self.chat, person, text),
            };
            last.insert(name.to_owned(), message);
            self.written += 1;
            if self.chance(0.046) {
                self.bot.leap(Duration::from_secs(5)).await;
                let person = self.people[self.below(self.people.len())];
                self.bot.world().say(self.chat, person, CALLS[self.below(CALLS.len())]);
                self.written += 1;
                // A call of the model that fails is made again a moment later.
                self.bot.settle().await;
            }
            self.bot.leap(Duration::from_secs(5 + self.below(30) as u64)).await;
        }
        self.take_notice();
    }

    /// People react to what the bot said unasked.
    fn take_notice(&mut self) {
        let own = self.bot.world().sent_to(self.chat);
        for sent in &own[self.noticed..] {
            let is_line = sent.text.starts_with(UNASKED);
            let person = self.people[self.below(self.people.len())];
            let emoji = match self.audience {
                Audience::Friendly if self.chance(0.5) => "👍",
                Audience::Dislikes if self.chance(0.5) => "👎",
                _ => continue,
            };
            if is_line {
                self.bot.world().react(sent.message, person, emoji);
            }
        }
        self.noticed = own.len();
    }
}

async fn week(audience: Audience) -> Week {
    // Monday, 8:00 in Kyiv.
    let start = NOON - Duration::from_secs(6 * 3600);
    let bot = Setup::at(start).start().await;
    let people: Vec<UserId> = NAMES.iter().map(|name| bot.world().person(name)).collect();
    let chat = bot.world().supergroup("Ліс", &people);
    bot.world().promote_bot(chat);
    bot.gemini().fail_by_chance(0.05, GeminiFault::Overloaded);
    let chance = Seeded::new(3);
    bot.gemini().answer_with(move |request| {
        let is_unasked = request.last_user_text().contains("До тебе ніхто не звертається");
        match is_unasked {
            true if chance.fraction() < 0.3 => Reply::say("[мовчу]"),
            true => Reply::say(format!("{UNASKED} {}", chance.bits() % 1000)),
            false => Reply::say(format!("відповідь {}", chance.bits() % 1000)),
        }
    });
    let mut scene = Scene { bot, chat, people, random: Seeded::new(11), audience, written: 0, noticed: 0 };
    live(&mut scene, start).await;
    sum_up(scene).await
}

/// The week goes by: a burst of talk every few minutes by day, one an hour by night.
async fn live(scene: &mut Scene, start: Timestamp) {
    let blocks = |file: &'static str| file.split("\n\n").filter(|block| block.lines().count() > 0).collect::<Vec<_>>();
    let (talks, moments) = (blocks(TALKS), blocks(MOMENTS));
    while scene.written < MESSAGES {
        let now = scene.bot.setup.clock.now();
        let of_time = now.since(start).as_secs_f64() / WEEK.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
        let of_talk = scene.written as f64 / MESSAGES as f64;
        let night = (1..8).contains(&kyiv_hour(now));
        if (of_talk > of_time && !night) || (night && scene.chance(0.9)) {
            scene.bot.pass(Duration::from_secs(if night { 3600 } else { 420 })).await;
            continue;
        }
        let is_moment = scene.chance(0.55);
        scene.talk_over(if is_moment { &moments } else { &talks }).await;
        scene.take_notice();
    }
    scene.bot.settle().await;
}

fn sent_at(bot: &TestBot, message: MessageRef) -> Timestamp {
    let view = bot.world().message(message).expect("a message of the bot");
    Timestamp::from_seconds(view.json["date"].as_i64().expect("a date"))
}

async fn sum_up(scene: Scene) -> Week {
    let Scene { bot, chat, audience, .. } = scene;
    let sent = bot.world().sent_to(chat);
    let unasked = sent.iter().filter(|sent| sent.text.starts_with(UNASKED)).map(|sent| sent_at(&bot, sent.message));
    let unasked: Vec<Timestamp> = unasked.collect();
    let asked_unasked = ["line", "declined", "dropped", "failed"].map(|outcome| bot.unaddressed(outcome)).iter().sum();
    let week = Week {
        people: scene.written,
        own: sent.len(),
        addressed: bot.metric("gryag_addressed_total", &[]),
        answered: bot.metric("gryag_addressed_total", &["outcome=\"answered\""]),
        unasked,
        asked_unasked,
        unaddressed: bot.metric("gryag_unaddressed_total", &[]),
    };
    week.tell(audience);
    bot.finish_with_errors().await;
    week
}

/// Both tests look at it.
static AMONG_FRIENDS: LazyLock<Week> = LazyLock::new(|| in_paused_time(week(Audience::Friendly)));

#[test]
fn a_week_among_friends() {
    let week = &*AMONG_FRIENDS;
    assert!(week.answered >= 0.995 * week.addressed, "{} of {} answered", week.answered, week.addressed);
    let lines = week.unasked.len();
    assert!((25..=105).contains(&lines), "{lines} unasked lines");
    assert!(week.own * 100 <= week.people * 8, "{} lines beside {}", week.own, week.people);
    assert_eq!(week.in_quiet_hours(), 0, "{:?}", week.unasked);
    for pair in week.unasked.windows(2) {
        // Dates are whole seconds, and a line is sent a moment after it is taken from the budget.
        assert!(pair[1].since(pair[0]) >= Duration::from_secs(598), "{pair:?}");
    }
    assert!(week.asked_unasked <= 0.05 * week.unaddressed, "{} of {}", week.asked_unasked, week.unaddressed);
}

#[test]
fn the_same_week_among_people_who_dislike_it() {
    let disliked = in_paused_time(week(Audience::Dislikes)).unasked.len();
    let liked = AMONG_FRIENDS.unasked.len();
    assert!(disliked * 10 <= liked * 3, "{disliked} against {liked}");
}

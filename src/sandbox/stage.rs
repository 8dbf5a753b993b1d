//! The scene that the sandbox opens on: a few invented people, a group, a forum, and private chats.

use std::time::Duration;

use super::telegram::FakeTelegram;
use crate::domain::{ChatId, TopicId, UserId};

/// Its people.
const NAMES: [&str; 4] = ["Оля", "Тарас", "Марко", "Леся"];
/// What was said in the group today.
const HISTORY: &str = include_str!("history.txt");
/// Between two messages of it; an empty line is as long as so many.
const STEP: Duration = Duration::from_secs(80);
const PAUSE_STEPS: u32 = 8;
/// The talk was over so long ago: nobody expects an answer to it.
const OVER: Duration = Duration::from_secs(15 * 60);

/// A small world with names for its parts.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The world.
    pub telegram: FakeTelegram,
    /// The people; the first is the one who writes where nobody is named.
    pub people: Vec<UserId>,
    /// The group that the page opens on.
    pub group: ChatId,
    /// A group with topics.
    pub forum: ChatId,
    /// Its topics, General aside.
    pub topics: Vec<TopicId>,
}

impl Stage {
    /// Sets the scene in `telegram`. Call it before the bot starts, or the bot is told of the topics' creation.
    pub fn set(telegram: &FakeTelegram) -> Self {
        let [olia, taras, marko, lesia] = NAMES;
        let olia = telegram.person_with_username(olia, "olia_demo");
        let taras = telegram.person_with_username(taras, "taras_demo");
        // Not everybody has a @username.
        let marko = telegram.person(marko);
        let lesia = telegram.person_with_username(lesia, "lesia_demo");
        let people = vec![olia, taras, marko, lesia];
        let group = telegram.supergroup("Друзі", &people);
        let forum = telegram.forum("Будинок 7", &people);
        let topics = vec![telegram.topic(forum, "Котики"), telegram.topic(forum, "Ремонт")];
        for person in &people {
            telegram.private(*person);
        }
        // Nobody needs to hear how the scene was set.
        telegram.take_updates();
        Self { telegram: telegram.clone(), people, group, forum, topics }
    }

    /// The group has talked today, and its creator makes the bot an admin there: so the talk budget has room for a line, and
    /// reactions are seen. Telegram delivers all of it to the bot, as what was said while it was away.
    pub fn enliven(&self) {
        let lines: Vec<&str> = HISTORY.lines().filter(|line| !line.starts_with('#')).collect();
        let pace = |line: &&str| if line.is_empty() { PAUSE_STEPS } else { 1 };
        let mut steps: u32 = lines.iter().map(pace).sum();
        for line in &lines {
            steps -= pace(line);
            let Some((name, words)) = line.split_once(": ") else { continue };
            let person = NAMES.iter().position(|known| *known == name).expect("it is the stage's people who talk");
            let message = self.telegram.compose(self.group, self.people[person]).text(words);
            message.ago(OVER + STEP * steps).send();
        }
        self.telegram.demote_bot(self.group);
        self.telegram.promote_bot(self.group);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{clock::TokioClock, domain::Timestamp, random::Seeded, sandbox::telegram::TelegramOptions};

    /// At the normal level a line is two in a hundred messages of people.
    const ENOUGH_FOR_A_LINE: usize = 50;

    #[tokio::test(start_paused = true)]
    async fn the_group_has_said_enough_for_a_line_and_it_is_over() {
        let clock = Arc::new(TokioClock::starting_at(Timestamp(1_790_000_000_000)));
        let stage = Stage::set(&FakeTelegram::new(TelegramOptions::new(clock, Arc::new(Seeded::new(1)))));
        stage.enliven();
        let said = stage.telegram.messages(stage.group, 1_000);
        assert!(said.len() > ENOUGH_FOR_A_LINE, "{}", said.len());
        let dates: Vec<i64> = said.iter().map(|message| message.json["date"].as_i64().expect("a date")).collect();
        assert!(dates.is_sorted() && dates.iter().all(|date| *date <= 1_790_000_000 - 900), "{dates:?}");
        assert!(dates[0] > 1_790_000_000 - 6 * 3_600);
    }
}

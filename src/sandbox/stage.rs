//! The scene that the sandbox opens on: a few invented people, a group, a forum, and private chats.

use super::telegram::FakeTelegram;
use crate::domain::{ChatId, TopicId, UserId};

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
        let olia = telegram.person_with_username("Оля", "olia_demo");
        let taras = telegram.person_with_username("Тарас", "taras_demo");
        // Not everybody has a @username.
        let marko = telegram.person("Марко");
        let lesia = telegram.person_with_username("Леся", "lesia_demo");
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
}

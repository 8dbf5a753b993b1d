//! A chat that is lively enough for the bot to join in, and what the bot does there unasked.

use std::time::Duration;

use gryag::{
    domain::{Chat, ChatId, ChatKind, TalkLevel, UserId},
    storage::{ChatSetting, ChatStore as _},
};

use super::{Setup, TestBot};

/// In this time everything that has no latency is dealt with.
const MOMENT: Duration = Duration::from_millis(120);
/// Quiet chats are looked for more seldom than this.
const LEAP: Duration = Duration::from_secs(240);
/// After this time a talk is over.
pub(crate) const LULL: Duration = Duration::from_secs(11 * 60);
/// Messages of people that a line needs: one line is two in a hundred.
const ENOUGH: usize = 56;

impl Setup {
    /// A bot that joins in at every opportune moment, and does nothing else unasked.
    pub(crate) fn eager(self) -> Self {
        self.set("BOT_SMART_REPLY_CHANCE", "1").set("BOT_RANDOM_REPLY_CHANCE", "0").set("BOT_REACTION_CHANCE", "0")
    }
}

impl TestBot {
    /// A group of three in which so much was said today that the talk budget has room for a line. Nothing of it is a
    /// moment to join in, and the talk is over.
    pub(crate) async fn company(&self) -> (ChatId, Vec<UserId>) {
        let (chat, people) = self.group(&["Оля", "Тарас", "Леся"]);
        self.talk(chat, &people, ENOUGH).await;
        self.pass(LULL).await;
        (chat, people)
    }

    /// The same, in a chat whose admins let the bot do nothing unasked until now: so the budget is whole, whatever the
    /// chances are.
    pub(crate) async fn fresh_company(&self) -> (ChatId, Vec<UserId>) {
        let (chat, people) = self.group(&["Оля", "Тарас", "Леся"]);
        self.set_level(chat, Some(TalkLevel::Silent)).await;
        self.talk(chat, &people, ENOUGH).await;
        self.set_level(chat, None).await;
        self.pass(LULL).await;
        (chat, people)
    }

    async fn set_level(&self, chat: ChatId, level: Option<TalkLevel>) {
        let chat = Chat { id: chat, kind: ChatKind::Group, title: None };
        self.app.store.set_setting(chat, ChatSetting::TalkLevel(level)).await.expect("the store");
    }

    /// So many messages of no interest, some seconds apart.
    pub(crate) async fn talk(&self, chat: ChatId, people: &[UserId], messages: usize) {
        for number in 0..messages {
            self.world().say(chat, people[number % people.len()], &format!("полиця {number}"));
            self.leap(Duration::from_secs(9)).await;
        }
        self.settle().await;
    }

    /// The texts that the bot has said in a chat.
    pub(crate) fn said_in(&self, chat: ChatId) -> Vec<String> {
        self.world().sent_to(chat).into_iter().map(|sent| sent.text).collect()
    }

    /// So much time passes. Nothing is under way meanwhile, so it passes in leaps: timers that are due several times in one
    /// fire once.
    pub(crate) async fn pass(&self, time: Duration) {
        self.settle().await;
        let mut left = time;
        while left > Duration::ZERO {
            let leap = left.min(LEAP);
            self.leap(leap).await;
            left -= leap;
        }
        self.settle().await;
    }

    /// What has been said is dealt with, and then it is so much later at once.
    pub(crate) async fn leap(&self, time: Duration) {
        let moment = MOMENT.min(time);
        tokio::time::sleep(moment).await;
        tokio::time::advance(time - moment).await;
    }

    /// How many messages that were not for the bot ended so.
    pub(crate) fn unaddressed(&self, outcome: &str) -> f64 {
        self.metric("gryag_unaddressed_total", &[&format!("outcome=\"{outcome}\"")])
    }
}

//! Telegram's sending limits, kept by two replicas together and measured where Telegram would measure them.

use std::{collections::BTreeMap, time::Duration};

use gryag::{
    domain::{Chat, ChatId, ChatKind, OutgoingKind, RequestId, RichText, Timestamp},
    sandbox::telegram::{CallOutcome, FakeTelegram, SendLimits, TelegramOptions},
    storage::{NewOutgoing, OutboxStore as _},
};

use crate::{
    harness::Setup,
    outages::{Town, now, outbox, states},
};

/// A world in which Telegram enforces its limits.
fn strict_world() -> Setup {
    let mut setup = Setup::new();
    let options = TelegramOptions { limits: Some(SendLimits::default()), ..setup.world.options().clone() };
    setup.world = FakeTelegram::new(options);
    setup
}

/// Puts something to say into the store, as a turn would.
async fn queue(town: &Town, chat: ChatId, kind: ChatKind, parts: usize) {
    let chat = Chat { id: chat, kind, title: None };
    let parts = (0..parts).map(|part| RichText::plain(format!("частина {part}"))).collect();
    let expires_at = now(town.world()) + Duration::from_secs(3600);
    let outgoing = NewOutgoing::new(OutgoingKind::Notice, chat, parts, expires_at, RequestId("r".to_owned()));
    town.store().say(outgoing, now(town.world())).await.expect("queued");
}

/// The most that any window of this length holds.
fn most_in(window: Duration, times: &[Timestamp]) -> usize {
    let length = i64::try_from(window.as_millis()).expect("a short window");
    times
        .iter()
        .enumerate()
        .map(|(first, start)| times[first..].iter().take_while(|at| at.0 < start.0 + length).count())
        .max()
        .unwrap_or(0)
}

/// When Telegram took what was sent: in all, and by chat.
fn arrivals(world: &FakeTelegram) -> (Vec<Timestamp>, BTreeMap<ChatId, Vec<Timestamp>>) {
    let mut by_chat: BTreeMap<ChatId, Vec<Timestamp>> = BTreeMap::new();
    let sent = world.sent();
    for message in &sent {
        by_chat.entry(message.message.chat).or_default().push(message.at);
    }
    (sent.iter().map(|message| message.at).collect(), by_chat)
}

fn refusals(world: &FakeTelegram) -> usize {
    world.calls("sendMessage").iter().filter(|call| call.outcome != CallOutcome::Accepted).count()
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn two_replicas_keep_every_limit_together_and_are_never_refused() {
    let town = Town::start(strict_world(), 2).await;
    let person = town.world().person("Оля");
    // A busy group, a busy private chat, and hundreds who wait for one line each.
    let group = town.world().supergroup("Друзі", &[person]);
    let private = town.world().private(person);
    let mut others = Vec::new();
    for number in 0..280 {
        let person = town.world().person(&format!("Людина {number}"));
        others.push(town.world().private(person));
    }
    for _ in 0..50 {
        queue(&town, group, ChatKind::Group, 1).await;
    }
    for _ in 0..30 {
        queue(&town, private, ChatKind::Private, 1).await;
    }
    for chat in others {
        queue(&town, chat, ChatKind::Private, 1).await;
    }
    let started = now(town.world());
    town.settle(10 * MINUTE).await;
    let (all, by_chat) = arrivals(town.world());
    assert_eq!(all.len(), 360);
    assert_eq!(outbox(town.store()).await, states(&[("sent", 360)]));
    assert_eq!(refusals(town.world()), 0, "nobody met a 429");
    assert!(most_in(SECOND, &all) <= 30, "{} in a second", most_in(SECOND, &all));
    for (chat, times) in &by_chat {
        assert!(most_in(SECOND, times) <= 1, "chat {chat}: {} in a second", most_in(SECOND, times));
    }
    assert!(most_in(MINUTE, &by_chat[&group]) <= 20, "{} in a minute", most_in(MINUTE, &by_chat[&group]));

    // And it does not dawdle: one line a chat is out after ten seconds, 50 in a group after two full minutes.
    let took = |times: &[Timestamp]| times.last().expect("sent").since(started);
    let singles: Vec<Timestamp> = by_chat.values().filter(|times| times.len() == 1).map(|times| times[0]).collect();
    assert_eq!(singles.len(), 280);
    let last_single = singles.iter().max().expect("sent").since(started);
    assert!(last_single <= 15 * SECOND, "the last of 280 chats heard its line after {last_single:?}");
    assert!(took(&by_chat[&private]) <= 40 * SECOND, "{:?}", took(&by_chat[&private]));
    assert!(took(&by_chat[&group]) <= 140 * SECOND, "{:?}", took(&by_chat[&group]));
    for replica in &town.replicas {
        let sends = crate::harness::metric(replica, "gryag_sends_total", &["\"sent\""]);
        assert!(sends > 0.0, "both replicas have sent");
    }
    town.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_one_answer_may_burst() {
    let town = Town::start(strict_world(), 2).await;
    let person = town.world().person("Оля");
    let group = town.world().supergroup("Друзі", &[person]);
    queue(&town, group, ChatKind::Group, 3).await;
    queue(&town, group, ChatKind::Group, 1).await;
    town.settle(MINUTE).await;
    let (all, _) = arrivals(town.world());
    assert_eq!(refusals(town.world()), 0);
    assert!(all[2].since(all[0]) < SECOND / 2, "three parts within {:?}", all[2].since(all[0]));
    assert!(all[3].since(all[2]) >= SECOND, "the next answer waits its second: {:?}", all[3].since(all[2]));
    let texts: Vec<String> = town.world().sent_to(group).into_iter().map(|sent| sent.text).collect();
    assert_eq!(texts, ["частина 0", "частина 1", "частина 2", "частина 0"]);
    town.finish().await;
}

#[tokio::test(start_paused = true)]
async fn zero_switches_each_limit_off() {
    const GLOBAL: &str = "TELEGRAM_RATE_GLOBAL_PER_SECOND";
    const CHAT: &str = "TELEGRAM_RATE_CHAT_PER_SECOND";
    const GROUP: &str = "TELEGRAM_RATE_GROUP_PER_MINUTE";
    for (off, at_once) in
        [(vec![GLOBAL, CHAT, GROUP], 40), (vec![CHAT, GROUP], 30), (vec![GLOBAL, CHAT], 20), (vec![GLOBAL, GROUP], 1)]
    {
        let setup = off.iter().fold(Setup::new(), |setup, key| setup.set(key, "0"));
        let town = Town::start(setup, 2).await;
        let person = town.world().person("Оля");
        let group = town.world().supergroup("Друзі", &[person]);
        for _ in 0..40 {
            queue(&town, group, ChatKind::Group, 1).await;
        }
        town.settle(10 * MINUTE).await;
        let (all, _) = arrivals(town.world());
        assert_eq!(most_in(SECOND, &all), at_once, "without {off:?}");
        town.finish().await;
    }
}

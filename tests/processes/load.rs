//! People who write, and updates by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gryag::{domain::ChatId, sandbox::telegram::FakeTelegram};

use crate::world::World;

/// How the words of an addressed message begin.
pub(crate) const CALL: &str = "Гряг, ";
/// One message in so many calls the bot by name.
const ADDRESSED_EVERY: u64 = 3;

/// People who write until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u64>,
}

impl Load {
    /// `per_second` messages over `chats` chats, one after the other.
    pub(crate) fn start(world: &World, chats: usize, per_second: u64) -> Self {
        let rooms: Vec<_> = (0..chats).map(|number| world.group(&format!("Чат {number}"))).collect();
        let (stop, telegram) = (Arc::new(AtomicBool::new(false)), world.telegram.clone());
        let stopped = Arc::clone(&stop);
        let task = world.spawn(async move {
            let mut every = tokio::time::interval(Duration::from_secs(1) / u32::try_from(per_second).expect("a rate"));
            let mut said = 0u64;
            while !stopped.load(Ordering::Relaxed) {
                every.tick().await;
                // The chats take turns at a pace that is prime to the calls, so that all of them call.
                let (chat, person) = rooms[usize::try_from(said).expect("small") % rooms.len()];
                let words = if said.is_multiple_of(ADDRESSED_EVERY) {
                    format!("{CALL}питання {said}")
                } else {
                    format!("балачка {said}")
                };
                telegram.say(chat, person, &words);
                said += 1;
            }
            said
        });
        Self { stop, task }
    }

    /// Returns how many messages were written.
    pub(crate) async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("people write without fail")
    }
}

/// An update of a group message, by hand, with ids that the stand-in for Telegram never gives.
pub(crate) fn update_by_hand(number: u64, words: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    format!(
        "{{\"update_id\":{id},\"message\":{{\"message_id\":{number},\"from\":{{\"id\":77,\"is_bot\":false,\
         \"first_name\":\"Оля\"}},\"chat\":{{\"id\":-1009999999999,\"title\":\"Рука\",\"type\":\"supergroup\"}},\
         \"date\":{now},\"text\":\"{words}\"}}}}",
        id = 900_000_000 + number,
    )
}

/// Waits until Telegram holds nothing back.
pub(crate) async fn all_delivered(telegram: &FakeTelegram, within: Duration) {
    crate::eventually("telegram has delivered everything", within, async || telegram.pending_updates() == 0).await;
}

/// Waits until the bot has said something in the chat (so many times); returns what.
pub(crate) async fn heard(telegram: &FakeTelegram, chat: ChatId, times: usize, within: Duration) -> Vec<String> {
    let found = telegram
        .wait_for(within, |telegram| {
            let sent = telegram.sent_to(chat);
            (sent.len() >= times).then(|| sent.into_iter().map(|sent| sent.text).collect())
        })
        .await;
    found.unwrap_or_else(|| panic!("the chat has not heard the bot {times} times within {within:?}"))
}

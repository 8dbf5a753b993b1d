//! The one alarm that the store cannot keep: that it takes no writes. It goes straight to Telegram, and what was told is known
//! to this process only, so one replica tells it, picked by the heartbeats that both can still read.

use std::time::Duration;

use tokio::time::Instant;

use super::{super::Maintenance, ledger::News, words};
use crate::{
    domain::{Alarm, AlarmState, Buttons, ChatId, RichText, Timestamp, UserId},
    errors::{Class, Classify as _},
    locale::say,
    storage::{Heartbeat, StoreHealth},
    telegram::OutgoingText,
};

/// It fires when it has lasted so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// From one such alarm to the next.
const PAUSE: Duration = Duration::from_secs(3600);
/// Heartbeats this close to the newest are of replicas that lived when the store took its last write.
const TOGETHER: Duration = Duration::from_secs(30);

/// How the store stands, as far as this process has told it.
#[derive(Default, Debug)]
pub(super) struct Direct {
    /// Since when it takes no writes.
    since: Option<(Timestamp, Instant)>,
    /// What was told last, and when.
    told: Option<(AlarmState, Instant)>,
    /// Tries of the message that is to be told now.
    tries: u32,
}

impl Direct {
    pub(super) fn fires(&self) -> bool {
        self.told.is_some_and(|(state, _)| state.fires)
    }
}

impl Maintenance {
    /// Tells that the store takes no writes, and that it does again.
    pub(super) async fn watch_store(&self, direct: &mut Direct) {
        let (now, instant) = (self.parts.clock.now(), Instant::now());
        let health = self.parts.store.health();
        let is_unwritable = matches!(health, StoreHealth::Unwritable | StoreHealth::Corrupt);
        let new = if is_unwritable {
            let (since, from) = *direct.since.get_or_insert((now, instant));
            let is_paused = direct.told.is_some_and(|(_, at)| instant.duration_since(at) < PAUSE);
            if instant.duration_since(from) < PATIENCE || direct.fires() || is_paused || !self.tells_directly().await {
                return;
            }
            (state(true, health, since), News::Began)
        } else {
            direct.since = None;
            match direct.told.filter(|(state, _)| state.fires) {
                Some((told, _)) => (AlarmState { fires: false, since: Some(now), ..told }, News::Over),
                None => return,
            }
        };
        direct.tries += 1;
        let words = words::message(self.parts.language, &self.parts.runbook, &[new]);
        let is_repeated = direct.tries > 1;
        let words = if is_repeated { say!(self.parts.language, "alarm-repeated", words = &words) } else { words };
        if self.send_directly(&words).await {
            tracing::warn!(alarm = new.0.alarm.as_str(), "an alarm: {:?}", new.1);
            // The pause counts from the beginning.
            let at = if new.0.fires { instant } else { direct.told.map_or(instant, |(_, at)| at) };
            direct.told = Some((new.0, at));
            direct.tries = 0;
        }
    }

    /// False if it is to be tried again.
    async fn send_directly(&self, words: &str) -> bool {
        let mut is_done = true;
        for UserId(admin) in &self.parts.admins {
            let message = OutgoingText {
                chat: ChatId(*admin),
                topic: None,
                reply_to: None,
                text: &RichText::plain(words),
                buttons: &Buttons::new(),
                silent: false,
                no_preview: true,
            };
            if let Err(error) = self.parts.telegram.send_message(&message).await {
                is_done &= !matches!(error.class(), Class::Transient { .. });
                self.parts.errors.handle("alarms", &error);
            }
        }
        is_done
    }

    /// Who cannot even read the heartbeats tells it, too.
    async fn tells_directly(&self) -> bool {
        self.parts.store.heartbeats().await.map_or(true, |beats| is_first(&beats, &self.parts.owner))
    }
}

/// Both replicas come to the same.
fn is_first(heartbeats: &[Heartbeat], owner: &str) -> bool {
    let Some(newest) = heartbeats.iter().map(|beat| beat.at).max() else { return true };
    let living = heartbeats.iter().filter(|beat| newest.since(beat.at) <= TOGETHER);
    living.map(|beat| beat.owner.as_str()).min().is_none_or(|first| first == owner)
}

const fn state(fires: bool, health: StoreHealth, since: Timestamp) -> AlarmState {
    AlarmState {
        alarm: Alarm::StoreReadOnly,
        holds: fires,
        turned_at: since,
        fires,
        since: Some(since),
        began_at: Some(since),
        told: None,
        times_told: 0,
        number: matches!(health, StoreHealth::Corrupt) as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_replicas_that_lived_at_the_last_write_one_tells() {
        let beat = |owner: &str, at: i64| Heartbeat {
            owner: owner.to_owned(),
            at: Timestamp(at * 1000),
            started_at: Timestamp(0),
            facts: String::new(),
        };
        let beats = [beat("a", 10), beat("b", 95), beat("c", 100)];
        let tell: Vec<bool> = ["a", "b", "c"].iter().map(|owner| is_first(&beats, owner)).collect();
        assert_eq!(tell, [false, true, false]);
        assert!(is_first(&[], "a"));
    }
}

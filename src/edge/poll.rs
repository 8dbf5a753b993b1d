//! `BOT_INTAKE=poll`: getUpdates for who has no public address. One replica polls, by a lease in the store; each update
//! goes into the same inbox, and the offset moves only after the commit.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::SharedClock,
    domain::RequestId,
    errors::ErrorHandler,
    inbox::Inbox,
    random::SharedRandom,
    shutdown::Shutdown,
    storage::{POLL_CONFLICT_AT, SharedStore},
    telegram::{Telegram, TelegramError},
};

/// The lease's name in the store.
const LEASE: &str = "poll";
/// Longer than one long poll and its call.
const LEASE_TIME: Duration = Duration::from_secs(45);
/// How long Telegram holds an empty poll.
const HOLD_SECONDS: u32 = 20;
/// Updates of one poll (Telegram's own maximum).
const BATCH: u32 = 100;
/// Pause after a failure, and between two looks at another replica's lease.
const PAUSE: Duration = Duration::from_secs(3);

/// What the poller works with.
#[derive(Clone)]
pub struct Poller {
    /// The Bot API.
    pub telegram: Telegram,
    /// Where updates go.
    pub inbox: Inbox,
    /// Where the lease lies.
    pub store: Arc<dyn SharedStore>,
    /// This process, unique to its life.
    pub owner: String,
    /// Stored time.
    pub clock: SharedClock,
    /// Request ids.
    pub random: SharedRandom,
    /// Where errors end.
    pub errors: ErrorHandler,
}

impl Poller {
    /// Polls while it holds the lease, until the soft stop.
    pub async fn run(self, shutdown: Shutdown) {
        // Without an offset Telegram begins with the oldest unconfirmed update; what was committed is a duplicate.
        let mut offset = None;
        while !shutdown.soft.is_cancelled() {
            let polled = tokio::select! {
                polled = self.poll_once(offset) => polled,
                () = shutdown.soft.cancelled() => break,
            };
            match polled {
                Some(next) => offset = next.or(offset),
                None => tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = shutdown.soft.cancelled() => {}
                },
            }
        }
        if let Err(error) = self.store.end_lease(LEASE, &self.owner).await {
            self.errors.handle("poll", &error);
        }
    }

    /// One poll. `None` asks for a pause; `Some(None)` brought nothing.
    async fn poll_once(&self, offset: Option<i64>) -> Option<Option<i64>> {
        match self.store.lease(LEASE, &self.owner, LEASE_TIME).await {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                self.errors.handle("poll", &error);
                return None;
            }
        }
        let updates = match self.telegram.get_updates(offset, HOLD_SECONDS, BATCH).await {
            Ok(updates) => updates,
            Err(error) => {
                self.errors.handle("poll", &error);
                if matches!(error, TelegramError::Conflict { .. }) {
                    self.note_conflict().await;
                }
                return None;
            }
        };
        let mut next = None;
        for body in updates {
            let id = crate::telegram::peek(&body).update_id;
            let request_id = RequestId(format!("{:016x}", self.random.bits()));
            if let Err(error) = self.inbox.accept(body, self.clock.now(), request_id).await {
                self.errors.handle("poll", &error);
                // What was committed is confirmed by the next poll; this one and the later ones come again.
                return next.map(Some);
            }
            next = id.map(|id| id + 1).or(next);
        }
        Some(next)
    }

    /// Whoever judges the alarms may be another replica.
    async fn note_conflict(&self) {
        if let Err(error) = self.store.set_fact(POLL_CONFLICT_AT, self.clock.now().0.to_string()).await {
            self.errors.handle("poll", &error);
        }
    }
}

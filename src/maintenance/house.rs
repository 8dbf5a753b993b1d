//! What one replica does for all, now and then: whoever takes the lease. When each job was last done stands in the store,
//! so it does not matter who did it, or how often the bot was started since.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{
    Maintenance,
    backups::{BACKUP_FAILED_AT, BACKUP_OK_AT},
};
use crate::{
    domain::Timestamp,
    shutdown::Shutdown,
    storage::{StorageError, StoreHealth},
};

/// How often it is looked whether something is due; the first time so long after the start, which has enough to do.
const LOOK: Duration = Duration::from_secs(60);
/// The lease, which is renewed at a third of it: a replica that dies in the midst is followed after so long.
const LEASE: Duration = Duration::from_secs(120);
const LEASE_NAME: &str = "housekeeping";
const HOUR: Duration = Duration::from_secs(3600);
const TEN_MINUTES: Duration = Duration::from_secs(600);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// The facts that tell when clearing up last went well, and when it last did not.
const CLEARED_AT: &str = "cleared_at";
const CLEARING_FAILED_AT: &str = "clearing_failed_at";
/// When the models were last looked at, and when that last failed.
const MODELS_SEEN_AT: &str = "models_seen_at";
const MODELS_UNSEEN_AT: &str = "models_unseen_at";

/// What is done now and then.
#[derive(Clone, Copy)]
enum Chore {
    Backup,
    ClearingUp,
    Models,
}

impl Chore {
    /// In the order in which they are done: what clears away comes after what keeps.
    const ALL: [Self; 3] = [Self::Backup, Self::ClearingUp, Self::Models];
}

impl Maintenance {
    /// Does what is due until the soft stop; what is under way then is cut off, which harms nothing.
    pub(super) async fn keep_house(&self, shutdown: &Shutdown) {
        let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.soft.cancelled() => return,
                _ = look.tick() => {}
            }
            let looked = tokio::select! {
                () = shutdown.soft.cancelled() => return self.leave().await,
                looked = self.look() => looked,
            };
            if let Err(error) = looked {
                self.parts.errors.handle("housekeeping", &error);
            }
        }
    }

    /// Does what is due, if nobody else does.
    async fn look(&self) -> Result<(), StorageError> {
        let mut due = Vec::new();
        for chore in Chore::ALL {
            if self.is_due(chore).await? {
                due.push(chore);
            }
        }
        let (store, owner) = (&self.parts.store, &self.parts.owner);
        if due.is_empty() || !store.lease(LEASE_NAME, owner, LEASE).await? {
            return Ok(());
        }
        tokio::select! {
            done = self.work(due) => done?,
            // Whoever has the lease now does the rest.
            lost = self.hold() => lost?,
        }
        store.end_lease(LEASE_NAME, owner).await
    }

    /// Returns when the lease is lost.
    async fn hold(&self) -> Result<(), StorageError> {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            if !self.parts.store.lease(LEASE_NAME, &self.parts.owner, LEASE).await? {
                return Ok(());
            }
        }
    }

    async fn leave(&self) {
        // At worst the lease ends by itself.
        let _ = self.parts.store.end_lease(LEASE_NAME, &self.parts.owner).await;
    }

    async fn work(&self, due: Vec<Chore>) -> Result<(), StorageError> {
        for chore in due {
            match chore {
                Chore::Backup => match self.parts.backups.make().await {
                    Ok(_) => tracing::info!("a backup was made"),
                    Err(error) => {
                        self.parts.errors.handle("backup", &error);
                    }
                },
                Chore::ClearingUp => {
                    let fact = if self.clear_up().await { CLEARED_AT } else { CLEARING_FAILED_AT };
                    self.note(fact).await?;
                }
                Chore::Models => {
                    let fact = if self.look_at_models().await { MODELS_SEEN_AT } else { MODELS_UNSEEN_AT };
                    self.note(fact).await?;
                }
            }
        }
        Ok(())
    }

    async fn note(&self, fact: &'static str) -> Result<(), StorageError> {
        self.parts.store.set_fact(fact, self.parts.clock.now().0.to_string()).await
    }

    /// Whether it was done so long ago, and did not fail a short while ago.
    async fn is_due(&self, chore: Chore) -> Result<bool, StorageError> {
        let (done_at, failed_at, every, again) = match chore {
            Chore::Backup => (BACKUP_OK_AT, BACKUP_FAILED_AT, HOUR, TEN_MINUTES),
            Chore::ClearingUp => {
                // On a full disk it makes room.
                let is_urgent = self.parts.store.health() == StoreHealth::Unwritable;
                (CLEARED_AT, CLEARING_FAILED_AT, if is_urgent { FIVE_MINUTES } else { HOUR }, FIVE_MINUTES)
            }
            Chore::Models => (MODELS_SEEN_AT, MODELS_UNSEEN_AT, 24 * HOUR, HOUR),
        };
        Ok(self.was_long_ago(done_at, every).await? && self.was_long_ago(failed_at, again).await?)
    }

    /// Whether what this fact tells the time of was so long ago, or never. A time to come was noted before the clock
    /// stepped back.
    async fn was_long_ago(&self, fact: &'static str, ago: Duration) -> Result<bool, StorageError> {
        let now = self.parts.clock.now();
        let at = self.parts.store.fact(fact).await?.and_then(|text| text.parse().ok()).map(Timestamp);
        Ok(at.is_none_or(|at| at > now || now.since(at) >= ago))
    }
}

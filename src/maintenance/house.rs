//! What one replica does for all, now and then: whoever takes the lease. When each job was last done stands in the store,
//! so it does not matter who did it, or how often the bot was started since.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{
    Maintenance,
    backups::{BACKUP_FAILED_AT, BACKUP_OK_AT},
};
use crate::{domain::Timestamp, shutdown::Shutdown, storage::StorageError};

/// How often it is looked whether something is due; the first time so long after the start, which has enough to do.
const LOOK: Duration = Duration::from_secs(60);
/// The lease, which is renewed at a third of it: a replica that dies in the midst is followed after so long.
const LEASE: Duration = Duration::from_secs(120);
const LEASE_NAME: &str = "housekeeping";
/// Backups are made this often.
const BACKUP_EVERY: Duration = Duration::from_secs(3600);
/// A backup that failed is tried again after this.
const BACKUP_AGAIN: Duration = Duration::from_secs(600);

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
        if !self.backup_is_due().await? {
            return Ok(());
        }
        let (store, owner) = (&self.parts.store, &self.parts.owner);
        if !store.lease(LEASE_NAME, owner, LEASE).await? {
            return Ok(());
        }
        tokio::select! {
            () = self.work() => {}
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

    async fn work(&self) {
        match self.parts.backups.make().await {
            Ok(_) => tracing::info!("a backup was made"),
            Err(error) => {
                self.parts.errors.handle("backup", &error);
            }
        }
    }

    async fn backup_is_due(&self) -> Result<bool, StorageError> {
        Ok(self.was_long_ago(BACKUP_OK_AT, BACKUP_EVERY).await?
            && self.was_long_ago(BACKUP_FAILED_AT, BACKUP_AGAIN).await?)
    }

    /// Whether what this fact tells the time of was so long ago, or never. A time to come was noted before the clock
    /// stepped back.
    async fn was_long_ago(&self, fact: &'static str, ago: Duration) -> Result<bool, StorageError> {
        let now = self.parts.clock.now();
        let at = self.parts.store.fact(fact).await?.and_then(|text| text.parse().ok()).map(Timestamp);
        Ok(at.is_none_or(|at| at > now || now.since(at) >= ago))
    }
}

//! Alarms: how each stands and what was told of it, for whichever replica looks next.

use async_trait::async_trait;

use super::{NewOutgoing, StorageError};
use crate::domain::{AlarmState, Timestamp};

/// The lease under which one replica at a time judges the alarms ([`super::SharedStore::lease`]).
pub const ALARMS_LEASE: &str = "alarms";

/// The fact that tells when a poll was last refused because somebody else takes the updates (milliseconds).
pub const POLL_CONFLICT_AT: &str = "poll_conflict_at";

/// What the outbox says about messages that somebody must hear of, or must hear.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct AlarmSends {
    /// Messages of which it became doubtful, since the moment asked for, whether they were sent.
    pub doubtful: u64,
    /// Alarms that wait for their send.
    pub unsent: u64,
}

/// Alarms.
#[async_trait]
pub trait AlarmStore: Send + Sync {
    /// Every alarm whose condition ever held, the gravest first.
    async fn alarms(&self) -> Result<Vec<AlarmState>, StorageError>;

    /// Stores how these alarms stand now, and puts what is said of them into the outbox: all of it or nothing. False, with
    /// no change, if `owner` no longer holds [`ALARMS_LEASE`]: then another replica tells it.
    async fn keep_alarms(
        &self,
        owner: &str,
        changed: Vec<AlarmState>,
        says: Vec<NewOutgoing>,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// What the outbox says; sends that became doubtful after `since`.
    async fn alarm_sends(&self, since: Timestamp) -> Result<AlarmSends, StorageError>;
}

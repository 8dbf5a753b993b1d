//! What the replicas share beside messages: rates, leases, heartbeats, errors, and the store's own health.

use std::time::Duration;

use async_trait::async_trait;

use super::StorageError;
use crate::{domain::Timestamp, errors::ErrorRecord};

/// Whether a shared rate has room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// Taken: go on.
    Granted,
    /// Ask again after this long.
    Wait(Duration),
}

/// Slots of a rate that were taken in this minute and the last.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SlotsTaken {
    /// For who asked.
    pub asked: u64,
    /// For what nobody asked for.
    pub unasked: u64,
}

/// What a replica tells about itself every ten seconds, and when it is ready no more or a breaker changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// The replica.
    pub owner: String,
    /// When it wrote this.
    pub at: Timestamp,
    /// When it started.
    pub started_at: Timestamp,
    /// A JSON object: `version`, `ready`, `stopped` (its last one, at a stop in order), `memory_bytes`, `lag_ms` (how late
    /// its timers ran), `breakers` (target: closed, half-open or open), `caches` (name: `hit` and `miss`), `lately` (of the
    /// last half hour: `addressed`, of these `answered`, `bugs`, and `errors` of the most frequent place and class; `open`,
    /// the breakers that are or just were).
    pub facts: String,
}

/// An entry of the ledger of errors: one kind of error, however often it was met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptError {
    /// When it was met first, of the times that are still known.
    pub first_at: Timestamp,
    /// When it was met last.
    pub last_at: Timestamp,
    /// How often it was met.
    pub count: u64,
    /// Where: a name from a small closed set, such as `turn` or `send`.
    pub place: String,
    /// What can be done about it: transient, permanent, bug.
    pub class: String,
    /// What failed and with what.
    pub message: String,
}

/// Whether the store can do its work, judged without asking it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreHealth {
    /// Reads and writes.
    Good,
    /// The last write failed (disk full, disk error, locked): both replicas suffer from it alike.
    Unwritable,
    /// Damaged: writing has stopped for good.
    Corrupt,
    /// This process's writer has died; the other replica's may live.
    WriterDead,
}

/// The rest of the store.
#[async_trait]
pub trait SharedStore: Send + Sync {
    /// Takes one slot of the rate `name`: a tenth of `per_minute` may come at once (at least one), the rest evenly, so that
    /// no minute, wherever it begins, grants more than `per_minute`.
    async fn take_slot(&self, name: &'static str, per_minute: u32) -> Result<Slot, StorageError>;

    /// Takes one slot of the rate `name` for what nobody asked for; false if there is none to spare. Such calls get at
    /// most a fifth of the slots that [`SharedStore::take_slot`] has left in the last minute, and never wait for one.
    async fn take_spare_slot(&self, name: &'static str, per_minute: u32) -> Result<bool, StorageError>;

    /// Slots of the rate `name` that were taken in this minute and the last, by the store's clock.
    async fn slots_taken(&self, name: &'static str) -> Result<SlotsTaken, StorageError>;

    /// Takes or prolongs the lease `name`; false while another owner holds it. Its end is judged by the store's clock.
    async fn lease(&self, name: &'static str, owner: &str, duration: Duration) -> Result<bool, StorageError>;

    /// Ends a lease early.
    async fn end_lease(&self, name: &'static str, owner: &str) -> Result<(), StorageError>;

    /// A small stored fact.
    async fn fact(&self, name: &'static str) -> Result<Option<String>, StorageError>;

    /// Stores a small fact.
    async fn set_fact(&self, name: &'static str, value: String) -> Result<(), StorageError>;

    /// Writes this replica's heartbeat and forgets those older than a day.
    async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StorageError>;

    /// The heartbeats of all replicas.
    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StorageError>;

    /// Adds errors to the ledger. Those that say the same at the same place are one entry; the hundred that were met last
    /// are kept.
    async fn keep_errors(&self, errors: Vec<ErrorRecord>) -> Result<(), StorageError>;

    /// The ledger of errors, what was met last first.
    async fn kept_errors(&self) -> Result<Vec<KeptError>, StorageError>;

    /// A full check of the whole database; an error says what is damaged.
    async fn check(&self) -> Result<(), StorageError>;

    /// Moves the log into the database file and cuts it to nothing; false if readers stood in the way, and what they
    /// allowed was moved. Writers wait for a moment at most.
    async fn checkpoint(&self) -> Result<bool, StorageError>;

    /// Whether the store can do its work.
    fn health(&self) -> StoreHealth;
}

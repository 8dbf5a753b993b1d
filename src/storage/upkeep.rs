//! What keeps a store fit for years: how much room it takes, and what is cleared away by and by.

use std::path::PathBuf;

use async_trait::async_trait;

use super::StorageError;
use crate::domain::Timestamp;

/// The room that the store takes and has, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct StoreSpace {
    /// The database without its write-ahead log.
    pub database: u64,
    /// The write-ahead log.
    pub log: u64,
    /// What the bot may still write on the disk on which it lies.
    pub free_disk: u64,
}

/// The store's upkeep.
#[async_trait]
pub trait UpkeepStore: Send + Sync {
    /// The room that it takes and has.
    async fn space(&self) -> Result<StoreSpace, StorageError>;

    /// Makes a backup: a whole copy of the store as it is now, checked and compressed, in a file of its own, which is
    /// returned. Then removes those that it replaces: of 24 hours, 7 days and 4 weeks the newest stay. Writers go on
    /// meanwhile. Whoever stops waiting stops it.
    async fn back_up(&self, now: Timestamp) -> Result<PathBuf, StorageError>;
}

//! What keeps a store fit for years: how much room it takes, and what is cleared away by and by.

use async_trait::async_trait;

use super::StorageError;

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
}

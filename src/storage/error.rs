//! What can go wrong with the store, in words of no particular backend.

use std::time::Duration;

use crate::errors::{Class, Classify};

/// Why a store method failed. Nothing of it happened, except after [`StorageError::Deadline`]. No variant holds a
/// stored value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StorageError {
    /// The claim is no longer ours: its lease expired and somebody else took the lane.
    #[error("the claim of lane {lane} is no longer ours: its lease expired")]
    Fenced {
        /// The lane's row.
        lane: i64,
    },
    /// More writes wait than the queue holds.
    #[error("the store's queue is full: {waiting} writes wait")]
    QueueFull {
        /// Waiting writes.
        waiting: usize,
    },
    /// More updates wait for their turn than `BOT_MAX_QUEUE` allows.
    #[error("the inbox is full: {waiting} updates wait for their turn")]
    InboxFull {
        /// Waiting updates.
        waiting: u64,
    },
    /// The store did not answer in time; whether the write happened is not known.
    #[error("the store did not answer within {limit_ms} ms while {doing}")]
    Deadline {
        /// What was asked.
        doing: &'static str,
        /// How long we waited.
        limit_ms: u64,
    },
    /// Another process holds the write lock for too long.
    #[error("the database is locked by another process while {doing}")]
    Locked {
        /// What was asked.
        doing: &'static str,
    },
    /// No room on the disk.
    #[error("the disk is full or nearly so; free some space under BOT_DATA_DIR, the bot recovers by itself")]
    DiskFull,
    /// The disk failed a read or a write.
    #[error("the disk failed while {doing}: {detail}")]
    Disk {
        /// What was asked.
        doing: &'static str,
        /// The backend's words.
        detail: String,
    },
    /// The database is damaged; writing has stopped.
    #[error(
        "the database is damaged ({detail}): writing has stopped, Telegram keeps new messages for 24 h; \
         stop the bot, restore the newest backup with `gryag restore`, start it again"
    )]
    Corrupt {
        /// The backend's words.
        detail: String,
    },
    /// The store cannot be opened or used as it is.
    #[error("{problem}; {remedy}")]
    Unusable {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The store was closed because the process stops.
    #[error("the store is closed")]
    Closed,
    /// A statement failed that should not.
    #[error("the store failed while {doing}: {detail}")]
    Backend {
        /// What was asked.
        doing: &'static str,
        /// The backend's words.
        detail: String,
    },
}

impl Classify for StorageError {
    fn class(&self) -> Class {
        match self {
            Self::Fenced { .. } | Self::Deadline { .. } | Self::Locked { .. } | Self::Disk { .. } | Self::Closed => {
                Class::Transient { retry_after: None }
            }
            Self::QueueFull { .. } | Self::InboxFull { .. } => {
                Class::Transient { retry_after: Some(Duration::from_secs(5)) }
            }
            Self::DiskFull => Class::Transient { retry_after: Some(Duration::from_secs(15)) },
            Self::Corrupt { .. } | Self::Unusable { .. } => Class::Permanent,
            Self::Backend { .. } => Class::Bug,
        }
    }
}

//! What keeps a store fit for years: how much room it takes, and what is cleared away by and by.

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;

use super::{ANSWER_KEPT, StorageError};
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

const DAY: Duration = Duration::from_secs(86_400);

/// Rows that are cleared away once they have outlived their use. `docs/upkeep.md` has what bounds each table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clearing {
    /// Answers that are given again no more.
    Answers,
    /// Updates that have ended: their keys make a redelivered one a duplicate. Telegram brings one again for a day.
    Updates,
    /// Bodies of dead letters: without one a letter cannot be tried again.
    DeadBodies,
    /// Dead letters.
    DeadLetters,
    /// What was said or not: the words went when it ended.
    Sends,
    /// Calls of models; their sums are kept for longer.
    Calls,
    /// What each person spent in a day, for their own `/usage`.
    PeopleSpending,
    /// What the bot and each chat spent in a day: a year can be compared with the one before.
    Spending,
    /// What was said unasked, and how it was received.
    Unasked,
    /// Who asked for silence: what counts is a day.
    Silences,
    /// What happened in an hour of a chat.
    Hours,
    /// Lanes of which nothing is left: no update, no send, no message. They are as old as what they outlive.
    Lanes,
    /// Chats on which nobody decided, where nothing is set and of which nothing else is left.
    Chats,
    /// People of whom nothing is to be kept: neither banned, nor opted out, nor forgotten.
    People,
    /// Deletions, as they stand in the store; the ledger beside the backups keeps them.
    Deletions,
}

impl Clearing {
    /// All of them, in the order in which they are cleared: what refers to others goes before them.
    pub const ALL: [Self; 15] = [
        Self::Answers,
        Self::DeadBodies,
        Self::DeadLetters,
        Self::Updates,
        Self::Sends,
        Self::Calls,
        Self::PeopleSpending,
        Self::Spending,
        Self::Unasked,
        Self::Silences,
        Self::Hours,
        Self::Lanes,
        Self::Chats,
        Self::People,
        Self::Deletions,
    ];

    /// The word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Updates => "updates",
            Self::DeadBodies => "dead_bodies",
            Self::DeadLetters => "dead_letters",
            Self::Sends => "sends",
            Self::Calls => "calls",
            Self::PeopleSpending => "people_spending",
            Self::Spending => "spending",
            Self::Unasked => "unasked",
            Self::Silences => "silences",
            Self::Hours => "hours",
            Self::Lanes => "lanes",
            Self::Chats => "chats",
            Self::People => "people",
            Self::Deletions => "deletions",
        }
    }

    /// For how long such a row is kept at least, counted from its end, or from when it was last of use.
    pub const fn kept(self) -> Duration {
        let days = match self {
            Self::Answers => return ANSWER_KEPT,
            Self::Lanes => 0,
            Self::Silences | Self::People => 2,
            Self::Updates | Self::Sends => 7,
            Self::DeadBodies | Self::Chats => 30,
            Self::PeopleSpending | Self::Unasked | Self::Hours => 35,
            Self::DeadLetters | Self::Calls => 90,
            Self::Spending | Self::Deletions => 400,
        };
        DAY.saturating_mul(days)
    }
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

    /// Clears a piece of the rows of a kind that have outlived their use, at most a thousand, so that nobody waits for
    /// long; returns how many. To be asked again until it is none.
    async fn clear(&self, what: Clearing, now: Timestamp) -> Result<u64, StorageError>;

    /// Makes the ballast if it is not there: a file that is deleted when the disk is full, for without any room nothing can
    /// be cleared either. False if there is too little room for it now.
    async fn keep_ballast(&self) -> Result<bool, StorageError>;

    /// Brings what the store knows of its own tables up to date: how their rows are found best depends on it.
    async fn optimize(&self) -> Result<(), StorageError>;

    /// Gives a piece of the room that is free inside the store back to the disk, 1 MB at most, if there is much of it or
    /// the disk is full; returns how many bytes. To be asked again until it is none.
    async fn shrink(&self) -> Result<u64, StorageError>;
}

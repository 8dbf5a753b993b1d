//! Clearing up, every hour: what has outlived its use, old messages, chats that the bot is no longer in, and the room that
//! they leave. Each step works in small pieces and a pause between them, so that turns hardly notice, and what it has no
//! time for is left to the next hour.

use std::time::Duration;

use tokio::time::Instant;

use super::Maintenance;
use crate::{
    storage::{Clearing, StorageError},
    telemetry::metric,
};

/// What was said in a chat is kept so long after the bot was removed from it.
const LEFT_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// Longest time of one step.
const STEP_LIMIT: Duration = Duration::from_secs(60);
/// Between two pieces.
const PAUSE: Duration = Duration::from_millis(50);

/// A step of the clearing up.
#[derive(Clone, Copy)]
enum Step {
    /// Messages older than `BOT_RETENTION_DAYS`.
    Messages,
    /// Chats that the bot has left.
    LeftChats,
    /// Rows of this kind.
    Rows(Clearing),
    /// What the store knows of its own tables.
    Statistics,
    /// Free room inside the store goes back to the disk.
    Room,
    /// The log goes into the file.
    Log,
    /// What was released on a full disk is there again.
    Ballast,
}

impl Step {
    fn all() -> impl Iterator<Item = Self> {
        let rows = Clearing::ALL.into_iter().map(Self::Rows);
        let room = [Self::Statistics, Self::Room, Self::Log, Self::Ballast];
        [Self::Messages, Self::LeftChats].into_iter().chain(rows).chain(room)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::LeftChats => "left_chats",
            Self::Rows(rows) => rows.as_str(),
            Self::Statistics => "statistics",
            Self::Room => "room",
            Self::Log => "log",
            Self::Ballast => "ballast",
        }
    }
}

impl Maintenance {
    /// Makes every step, whatever becomes of the others; whether all went well.
    pub(super) async fn clear_up(&self) -> bool {
        let mut is_well = true;
        for step in Step::all() {
            let (started, name) = (Instant::now(), step.name());
            let done = self.make(step).await;
            let outcome = if done.is_ok() { "done" } else { "failed" };
            let metrics = &self.parts.metrics;
            metrics.record(&metric::UPKEEP_DURATION, &[("step", name), ("outcome", outcome)], started.elapsed());
            match done {
                #[expect(clippy::cast_precision_loss, reason = "a time in seconds")]
                Ok(()) => {
                    metrics.set(&metric::UPKEEP_DONE_AT, &[("step", name)], self.parts.clock.now().0 as f64 / 1e3)
                }
                Err(error) => {
                    is_well = false;
                    self.parts.errors.handle("upkeep", &error);
                    // The others would fare no better.
                    if error == StorageError::DiskFull {
                        break;
                    }
                }
            }
        }
        is_well
    }

    async fn make(&self, step: Step) -> Result<(), StorageError> {
        let (started, mut cleared) = (Instant::now(), 0);
        while started.elapsed() < STEP_LIMIT {
            let piece = self.piece(step).await?;
            if piece == 0 {
                break;
            }
            cleared += piece;
            self.parts.metrics.add(&metric::UPKEEP_CLEARED, &[("step", step.name())], piece);
            tokio::time::sleep(PAUSE).await;
        }
        if cleared > 0 {
            tracing::info!(step = step.name(), cleared, "cleared up");
        }
        Ok(())
    }

    /// Clears a piece; nothing is left if it was none.
    async fn piece(&self, step: Step) -> Result<u64, StorageError> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        match step {
            Step::Messages => store.forget_old(now - self.parts.retention).await,
            Step::LeftChats => match store.chats_left(now - LEFT_KEPT, 1).await?.first() {
                Some(chat) => store.delete_chat(*chat, now).await.map(|_| 1),
                None => Ok(0),
            },
            Step::Rows(rows) => store.clear(rows, now).await,
            Step::Statistics => store.optimize().await.map(|()| 0),
            Step::Room => store.shrink().await,
            Step::Log => store.checkpoint().await.map(|_| 0),
            Step::Ballast => store.keep_ballast().await.map(|_| 0),
        }
    }
}

//! A backup, and what the operator has done with it: their command takes it to another machine.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use crate::{
    clock::SharedClock,
    config::{self, Config},
    errors::{Class, Classify},
    storage::{StorageError, Store},
};

/// The fact that tells when a backup was last finished, in UTC milliseconds, like the two below.
pub const BACKUP_OK_AT: &str = "backup_ok_at";
/// The fact that tells when making one last failed.
pub const BACKUP_FAILED_AT: &str = "backup_failed_at";
/// The fact that tells when `BOT_BACKUP_COMMAND` last failed: with the newest backup if it is not before [`BACKUP_OK_AT`].
pub const BACKUP_COMMAND_FAILED_AT: &str = "backup_command_failed_at";
/// How long the command may take with one file.
const COMMAND_LIMIT: Duration = Duration::from_secs(1800);

/// Why there is no backup, or why it is not where it should go.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is none.
    #[error("no backup was made: {0}")]
    Store(#[from] StorageError),
    /// It lies beside the database only.
    #[error("BOT_BACKUP_COMMAND has not taken {}: {why}", file.display())]
    Command {
        /// The backup.
        file: PathBuf,
        /// What became of the command.
        why: String,
    },
}

impl Classify for BackupError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Command { .. } => Class::Permanent,
        }
    }
}

/// What makes backups.
#[derive(Clone)]
pub struct Backups {
    store: Arc<dyn Store>,
    clock: SharedClock,
    /// A program and its arguments, to which a backup's file is added; none if empty.
    command: Vec<String>,
}

impl Backups {
    /// Backups of this store, handed to the command of this configuration.
    pub fn new(store: Arc<dyn Store>, clock: SharedClock, config: &Config) -> Self {
        Self { store, clock, command: config.advanced.backup_command.clone() }
    }

    /// Makes one and hands it to the command; returns its file.
    ///
    /// # Errors
    ///
    /// If it was not made, or if the command failed: then the backup is there all the same.
    pub async fn make(&self) -> Result<PathBuf, BackupError> {
        let made = self.store.back_up(self.clock.now()).await;
        self.note(if made.is_ok() { BACKUP_OK_AT } else { BACKUP_FAILED_AT }).await;
        let file = made?;
        if let Some((program, arguments)) = self.command.split_first()
            && let Err(why) = run(program, arguments, &file).await
        {
            self.note(BACKUP_COMMAND_FAILED_AT).await;
            return Err(BackupError::Command { file, why });
        }
        Ok(file)
    }

    /// What cannot be noted now shows by the age of what was noted.
    async fn note(&self, fact: &'static str) {
        let _ = self.store.set_fact(fact, self.clock.now().0.to_string()).await;
    }
}

/// Runs the command with a file. What it says goes to our standard error, for the operator.
async fn run(program: &str, arguments: &[String], file: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).kill_on_drop(true);
    // It is not the bot: its secrets are none of its business.
    for key in config::keys() {
        command.env_remove(key.name);
    }
    let mut child = command.spawn().map_err(|error| format!("{program} cannot be run: {error}"))?;
    let _ends = child.id().map(EndsGroup);
    match tokio::time::timeout(COMMAND_LIMIT, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("it ended with {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it was not done within {} s", COMMAND_LIMIT.as_secs())),
    }
}

/// Ends whatever the command has started and left running.
struct EndsGroup(u32);

impl Drop for EndsGroup {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0).ok().and_then(Pid::from_raw) {
            // There may be nobody left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

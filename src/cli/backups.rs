//! `gryag backup` and `gryag restore`.

use std::{path::PathBuf, sync::Arc};

use super::{CliError, say, tools::open_store};
use crate::{
    clock::{Clock as _, SystemClock},
    config::Config,
    domain::Timestamp,
    maintenance::Backups,
    storage::sqlite::{self, RestoreOptions, Restored},
};

pub(super) async fn backup(config: &Config) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let made = Backups::new(Arc::new(store.clone()), Arc::new(SystemClock), config).make().await;
    store.close().await;
    say(made?.display())
}

pub(super) async fn restore(config: &Config, file: PathBuf, force: bool) -> Result<(), CliError> {
    let data_dir = config.essential.data_dir.clone();
    let options = RestoreOptions { data_dir, file, force, now: SystemClock.now() };
    let restored = tokio::task::spawn_blocking(move || sqlite::restore(&options)).await;
    tell(&restored.map_err(|error| CliError::Failed(error.to_string()))??)
}

fn tell(restored: &Restored) -> Result<(), CliError> {
    let Restored { expired_updates, expired_sends, deletions, .. } = restored;
    say(format!("restored as it was at {}", moment(restored.backup_at)))?;
    if let Some(kept) = &restored.kept {
        say(format!(
            "the database before it: {}; delete it soon, for later wishes to be forgotten do not reach it",
            kept.display()
        ))?;
    }
    say(format!("expired: {expired_updates} updates that waited for their turn, {expired_sends} messages unsent"))?;
    say(format!("forgotten again, as people had asked since: {deletions}"))?;
    if restored.unreadable_deletions > 0 {
        let lines = restored.unreadable_deletions;
        say(format!(
            "WARNING: {lines} lines of backups/deletions.jsonl cannot be read; who asked then must ask again"
        ))?;
    }
    match restored.missing {
        Some(messages) => say(format!("missing: {messages} messages that came after the backup")),
        None => {
            say("missing: every message that came after the backup; how many is not known without the old database")
        }
    }
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| format!("{at:.0}"))
}

//! The room that the file takes, and its backups.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use tokio_util::sync::CancellationToken;

use super::{
    SqliteStore,
    backup::{Backup, WRITTEN, append_new, directory_of},
    ballast, clearing,
    shared::set_fact,
    writer::{Priority, Rings},
};
use crate::{
    domain::Timestamp,
    storage::{Clearing, StorageError, StoreSpace, UpkeepStore},
};

#[async_trait]
impl UpkeepStore for SqliteStore {
    async fn space(&self) -> Result<StoreSpace, StorageError> {
        let (path, free_disk) = (self.path.clone(), self.free_disk.clone());
        let doing = "measuring the store";
        let measured = tokio::task::spawn_blocking(move || {
            let log = path.with_extension("db-wal");
            let directory = path.parent().unwrap_or(&path);
            Ok(StoreSpace { database: length(&path)?, log: length(&log)?, free_disk: free_disk(directory)? })
        });
        let measured = measured.await.map_err(|error| StorageError::Backend { doing, detail: error.to_string() })?;
        measured.map_err(|error: io::Error| StorageError::Disk { doing, detail: error.to_string() })
    }

    async fn clear(&self, what: Clearing, now: Timestamp) -> Result<u64, StorageError> {
        self.write(what.as_str(), Priority::Other, Rings::default(), move |tx| clearing::clear(tx, what, now)).await
    }

    async fn optimize(&self) -> Result<(), StorageError> {
        self.write("looking at the tables", Priority::Other, Rings::default(), clearing::optimize).await
    }

    async fn shrink(&self) -> Result<u64, StorageError> {
        let all = self.writer.disk_is_low();
        self.write("giving free pages back", Priority::Other, Rings::default(), move |tx| clearing::shrink(tx, all))
            .await
    }

    async fn keep_ballast(&self) -> Result<bool, StorageError> {
        let (path, free_disk, min_free) = (self.path.clone(), self.free_disk.clone(), self.free_disk_min_bytes);
        let doing = "making the ballast";
        let kept = tokio::task::spawn_blocking(move || {
            let directory = path.parent().unwrap_or(&path);
            ballast::keep(directory, &free_disk, min_free)
        });
        let kept = kept.await.map_err(|error| StorageError::Backend { doing, detail: error.to_string() })?;
        kept.map_err(|error| StorageError::Disk { doing, detail: error.to_string() })
    }

    async fn back_up(&self, now: Timestamp) -> Result<PathBuf, StorageError> {
        let (source, free_disk, stop) = (self.path.clone(), self.free_disk.clone(), CancellationToken::new());
        // The thread goes on without whoever waits for it, unless it is told.
        let _stops = stop.clone().drop_guard();
        let made = tokio::task::spawn_blocking(move || {
            Backup { source: &source, now, before: None, free_disk: &free_disk, stop }.make()
        });
        made.await.map_err(|error| StorageError::Backend { doing: "making a backup", detail: error.to_string() })?
    }
}

impl SqliteStore {
    /// Brings the ledger of deletions beside the backups up to date.
    pub(super) async fn keep_ledger(&self) -> Result<(), StorageError> {
        let doing = "keeping the ledger of deletions";
        let directory = directory_of(&self.path);
        let appended = self.read(doing, move |connection| append_new(connection, &directory)).await?;
        let Some(last) = appended else { return Ok(()) };
        self.write(doing, Priority::Other, Rings::default(), move |tx| set_fact(tx, WRITTEN, &last.to_string())).await
    }
}

/// Of a file that may be missing, in bytes.
fn length(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(file) => Ok(file.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

//! The room that the file takes.

use std::{fs, io, path::Path};

use async_trait::async_trait;

use super::SqliteStore;
use crate::storage::{StorageError, StoreSpace, UpkeepStore};

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
}

/// Of a file that may be missing, in bytes.
fn length(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(file) => Ok(file.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

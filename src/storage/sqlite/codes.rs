//! SQLite's result codes in the store's own words. The messages hold no stored value: SQLite does not put bound
//! parameters into them.

use rusqlite::{Error, ErrorCode};

use crate::storage::StorageError;

/// What an error of SQLite means for the caller.
pub(super) fn storage_error(doing: &'static str, error: &Error) -> StorageError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StorageError::DiskFull,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StorageError::Corrupt { detail: error.to_string() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Locked { doing },
        Some(
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied,
        ) => StorageError::Disk { doing, detail: error.to_string() },
        Some(ErrorCode::OperationInterrupted) => StorageError::Deadline { doing, limit_ms: 0 },
        _ => StorageError::Backend { doing, detail: error.to_string() },
    }
}

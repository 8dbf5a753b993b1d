//! A look at the database that changes nothing in it: for `gryag doctor`, whether the bot runs or not.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::{
    FILE_NAME,
    codes::storage_error,
    open::{check_generation, check_header, check_identity},
};
use crate::storage::StorageError;

/// How long the look waits for a writer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a database says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inspection {
    /// Its schema; 0 before the first migration.
    pub generation: i64,
    /// The file's size, the log beside it not counted.
    pub bytes: u64,
    /// The small facts by name.
    pub facts: BTreeMap<String, String>,
}

/// Looks at the database in a data directory, through every page of it; none if there is no database yet.
///
/// # Errors
///
/// As [`super::SqliteStore::open`]: damaged, foreign, or of a schema that this binary may not write.
pub async fn inspect(data_dir: &Path) -> Result<Option<Inspection>, StorageError> {
    let path = data_dir.join(FILE_NAME);
    tokio::task::spawn_blocking(move || inspect_blocking(&path))
        .await
        .map_err(|error| StorageError::Backend { doing: "inspecting the store", detail: error.to_string() })?
}

fn inspect_blocking(path: &Path) -> Result<Option<Inspection>, StorageError> {
    let Ok(file) = fs::metadata(path) else { return Ok(None) };
    check_header(path)?;
    let failed = |error: rusqlite::Error| storage_error("inspecting the store", &error);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    let tables: i64 =
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    check_identity(&connection, tables == 0)?;
    check_generation(&connection)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if verdict != "ok" {
        return Err(StorageError::Corrupt { detail: verdict });
    }
    let (mut generation, mut facts) = (0, BTreeMap::new());
    if connection.table_exists(None, "schema_generation").map_err(failed)? {
        let known = connection.query_row("SELECT generation FROM schema_generation", [], |row| row.get(0));
        generation = known.optional().map_err(failed)?.unwrap_or_default();
        let mut statement = connection.prepare("SELECT name, value FROM facts").map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
        facts = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
    }
    Ok(Some(Inspection { generation, bytes: file.len(), facts }))
}

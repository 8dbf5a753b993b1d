//! The log written once more, when it may hold what the disk does not.
//!
//! A page that Linux could not write fails the next sync, once for each open file; from then on it counts as written. The
//! pages of the commit that fails with that sync are written anew by the next commit. But an earlier commit that was not
//! synced has pages too, and if one of them stays off the disk, a power cut takes everything behind it, synced or not. So
//! before anything is added to the log, all of it is written over itself and synced. That waits for no reader, and needs no
//! more room where the file system writes in place.

use std::{fs::File, io, os::unix::fs::FileExt as _, path::Path};

use deadpool_sqlite::rusqlite::Connection;

use crate::storage::StorageError;

/// Bytes that are written in one go.
const CHUNK: usize = 256 * 1024;

/// Inside a writing transaction only: nobody else adds to the log then, or begins it anew.
pub(super) fn rewrite_log(connection: &Connection) -> Result<(), StorageError> {
    let log = format!("{}-wal", connection.path().unwrap_or_default());
    rewrite(Path::new(&log))
        .map_err(|error| StorageError::Disk { doing: "writing the log once more", detail: error.to_string() })
}

fn rewrite(path: &Path) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    let (mut chunk, mut at) = (vec![0; CHUNK], 0);
    loop {
        match file.read_at(&mut chunk, at)? {
            0 => return file.sync_data(),
            length => {
                file.write_all_at(&chunk[..length], at)?;
                at += length as u64;
            }
        }
    }
}

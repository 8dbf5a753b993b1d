//! A file that only keeps room. On a full disk not even a `DELETE` can be committed, for it is written to the log first; then
//! the ballast goes, and what clears up can work. When there is plenty of room again it is made anew.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use super::FreeDisk;

/// Its name in `BOT_DATA_DIR`.
pub const BALLAST_FILE: &str = "ballast";
/// As much as the log may grow before it is moved into the file (`wal_autocheckpoint`, 4000 pages of 4 KB).
const BYTES: u64 = 16 * MEGABYTE;
/// It goes when less than this is free: a thousand messages with the pages of all their indexes are some megabytes of log.
const NEEDED: u64 = 8 * MEGABYTE;
const MEGABYTE: u64 = 1024 * 1024;

/// Lets the ballast go if so few bytes are free; true if there was one.
pub(super) fn release(directory: &Path, free: u64) -> bool {
    free < NEEDED && fs::remove_file(directory.join(BALLAST_FILE)).is_ok()
}

/// Makes the ballast, unless it is there or room is scarce: with it, three times of it must be left beyond `min_free`, so
/// that it does not come and go. True if it is there now.
pub(super) fn keep(directory: &Path, free_disk: &FreeDisk, min_free: u64) -> io::Result<bool> {
    let path = directory.join(BALLAST_FILE);
    if fs::metadata(&path).is_ok_and(|file| file.len() == BYTES) {
        return Ok(true);
    }
    if free_disk(directory)? < min_free.saturating_add(4 * BYTES) {
        return Ok(false);
    }
    // Bytes that no file system packs: a sparse file would keep nothing. One that was cut off is made anew the next time.
    io::copy(&mut io::repeat(0xA5).take(BYTES), &mut File::create(path)?)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    use tempfile::TempDir;

    use super::*;
    use crate::{
        clock::SystemClock,
        shutdown::Shutdown,
        storage::{
            SharedStore as _, StoreHealth, UpkeepStore as _,
            sqlite::{SqliteOptions, SqliteStore},
        },
        telemetry::Metrics,
    };

    #[tokio::test(start_paused = true)]
    async fn the_ballast_goes_on_a_full_disk_and_comes_back_when_there_is_plenty_of_room() {
        let place = TempDir::new().unwrap();
        let ballast = place.path().join(BALLAST_FILE);
        let (megabytes, there) = (Arc::new(AtomicU64::new(150)), ballast.clone());
        let told = Arc::clone(&megabytes);
        let mut options = SqliteOptions::new(place.path(), Arc::new(SystemClock), Metrics::new());
        options.free_disk = Arc::new(move |_| {
            let used = if there.exists() { BYTES } else { 0 };
            Ok(told.load(Ordering::Relaxed) * MEGABYTE - used)
        });
        let store = SqliteStore::open(options, &Shutdown::new()).await.unwrap();
        assert!(store.keep_ballast().await.unwrap() && store.keep_ballast().await.unwrap());
        assert_eq!(fs::metadata(&ballast).unwrap().len(), BYTES);
        let later = || tokio::time::sleep(Duration::from_millis(1_100));
        for (room, stays) in [(25, true), (23, false)] {
            megabytes.store(room, Ordering::Relaxed);
            later().await;
            assert_eq!(ballast.exists(), stays, "{room} MB with it");
            assert_eq!(store.health(), StoreHealth::Unwritable);
        }
        megabytes.store(127, Ordering::Relaxed);
        later().await;
        assert_eq!(store.health(), StoreHealth::Good);
        assert!(!store.keep_ballast().await.unwrap(), "it would come and go");
        megabytes.store(128, Ordering::Relaxed);
        assert!(store.keep_ballast().await.unwrap() && ballast.exists());
    }
}

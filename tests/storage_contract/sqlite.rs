//! The claims on SQLite, in a directory of its own. In memory where there is a `tmpfs`: these claims are about what
//! is stored, not about the disk.

use std::path::Path;

use gryag::{
    shutdown::Shutdown,
    storage::sqlite::{SqliteOptions, SqliteStore},
    telemetry::Metrics,
};
use tempfile::TempDir;

use crate::world::{ManualClock, World};

pub(crate) async fn open() -> World {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
    let (clock, shutdown) = (ManualClock::new(), Shutdown::new());
    let options = SqliteOptions::new(place.path(), clock.clone(), Metrics::new());
    let store = SqliteStore::open(options, &shutdown).await.unwrap();
    World { store: std::sync::Arc::new(store), clock, _place: Box::new(place) }
}

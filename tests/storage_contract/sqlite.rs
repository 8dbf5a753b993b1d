//! The claims on SQLite, in a directory of its own. In memory where there is a `tmpfs`: these claims are about what
//! is stored, not about the disk.

use std::{path::Path, sync::Arc};

use gryag::{
    domain::{ChatId, Message, MessageId, UserId},
    shutdown::Shutdown,
    storage::sqlite::{SqliteOptions, SqliteStore},
    telemetry::Metrics,
};
use tempfile::TempDir;

use crate::world::{ManualClock, World, message};

pub(crate) async fn open() -> World {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
    let clock = ManualClock::new();
    World { store: Arc::new(store(place.path(), clock.clone()).await), clock, _place: Box::new(place) }
}

async fn store(place: &Path, clock: Arc<ManualClock>) -> SqliteStore {
    let options = SqliteOptions::new(place, clock, Metrics::new());
    SqliteStore::open(options, &Shutdown::new()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_window_that_one_process_has_kept_shows_what_another_has_changed() {
    let (place, clock) = (TempDir::new().unwrap(), ManualClock::new());
    let open = async || {
        let store = Arc::new(store(place.path(), clock.clone()).await);
        World { store, clock: Arc::clone(&clock), _place: Box::new(()) }
    };
    let (one, two) = (open().await, open().await);
    let shown = async || {
        let window = one.window_by(-10, None, 80, 8).await;
        window.into_iter().map(|message| message.text).collect::<Vec<_>>()
    };
    for id in 1..=3 {
        one.remember(vec![message(-10, id, "said")]).await;
        assert_eq!(shown().await, vec!["said"; usize::try_from(id).unwrap()]);
    }
    two.remember(vec![message(-10, 4, "by the other")]).await;
    assert_eq!(shown().await, ["said", "said", "said", "by the other"]);
    two.remember(vec![Message { edited_at: Some(two.now()), ..message(-10, 2, "edited") }]).await;
    assert_eq!(shown().await, ["said", "edited", "said", "by the other"]);
    two.store.forget_message(ChatId(-10), MessageId(1), two.now()).await.unwrap();
    assert_eq!(shown().await, ["edited", "said", "by the other"]);
    two.store.opt_out(UserId(5), two.now()).await.unwrap();
    assert!(shown().await.is_empty());
    two.store.opt_in(UserId(5)).await.unwrap();
    assert_eq!(shown().await.len(), 3);
}

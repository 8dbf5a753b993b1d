//! What is deleted on SQLite is gone from the files, not only from the tables.

use std::{fs, path::Path, sync::Arc};

use gryag::{
    domain::{Author, AuthorKind, ChatId, Message, MessageId, UserId},
    shutdown::Shutdown,
    storage::{
        InboxStore as _, NewUpdate, PeopleStore as _,
        sqlite::{SqliteOptions, SqliteStore},
    },
    telemetry::Metrics,
};
use tempfile::TempDir;

use crate::world::{ManualClock, World, message, talk, update};

const CANARY: &str = "КАНАРКА-canary";

fn said(person: i64, id: i64, text: String) -> Message {
    let name = if person == 5 { format!("{CANARY} {id}") } else { format!("Хтось {person}") };
    let username = (person == 5).then(|| format!("{CANARY}_name"));
    let author = Author { kind: AuthorKind::Person, id: UserId(person), name, username };
    Message { author, ..message(-10, id, &text) }
}

/// How often the canary stands in the database and everything beside it.
fn found(place: &Path) -> usize {
    let count = |bytes: Vec<u8>| bytes.windows(CANARY.len()).filter(|window| *window == CANARY.as_bytes()).count();
    let files = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| count(fs::read(path).unwrap())).sum()
}

#[tokio::test(start_paused = true)]
async fn no_byte_of_a_forgotten_person_is_left_in_the_files() {
    let place = TempDir::new().unwrap();
    let (clock, shutdown) = (ManualClock::new(), Shutdown::new());
    let options = SqliteOptions::new(place.path(), clock.clone(), Metrics::new());
    let store = SqliteStore::open(options, &shutdown).await.unwrap();
    let world = World { store: Arc::new(store.clone()), clock, _place: Box::new(()) };
    // Of all lengths, so that pages are split and joined, and some need pages of their own.
    for batch in 0..40 {
        let ids = (1..=50).map(|id| batch * 50 + id);
        let of = |id: i64| if id % 3 == 0 { 5 } else { 6 + id % 4 };
        let words = |id: i64| if id % 3 == 0 { CANARY } else { "слово " };
        let text = |id: i64| words(id).repeat(usize::try_from(1 + (id * id) % 300).unwrap());
        world.remember(ids.map(|id| said(of(id), id, text(id))).collect()).await;
    }
    let body = format!(r#"{{"update_id":7,"message":{{"message_id":7,"from":{{"id":5}},"text":"{CANARY}"}}}}"#);
    let unusable = Some("not this time");
    store.admit(NewUpdate { body: body.into(), unusable, ..update(7, talk(-10), world.now()) }).await.unwrap();
    store.forget_message(ChatId(-10), MessageId(3), world.now()).await.unwrap();
    assert!(found(place.path()) > 1_000, "it was everywhere");
    store.forget_person(UserId(5), None, world.now()).await.unwrap();
    assert!(store.wipe_traces().await.unwrap());
    assert_eq!(found(place.path()), 0);
    assert!(world.window(-10, None, 500).await.len() > 300, "the others' words stay");
    store.close().await;
    assert_eq!(found(place.path()), 0);
}

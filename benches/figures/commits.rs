//! What one FULL commit costs on this disk, by SQLite itself: the yardstick beside which latencies are judged.

use std::time::{Duration, Instant};

/// Commits one row at a time at `per_second` for `lasting`, beside whatever else runs; returns milliseconds each.
pub(crate) fn sample(per_second: u32, lasting: Duration) -> Vec<f64> {
    let dir = crate::bot::data_dir();
    let connection = rusqlite::Connection::open(dir.path().join("yardstick.db")).expect("a database");
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB)")
        .expect("a table");
    let body = vec![7u8; 400];
    let mut samples = Vec::new();
    let (started, pause) = (Instant::now(), Duration::from_secs(1) / per_second.max(1));
    while started.elapsed() < lasting {
        let before = Instant::now();
        connection.execute("INSERT INTO row (body) VALUES (?1)", [&body]).expect("a commit");
        samples.push(before.elapsed().as_secs_f64() * 1000.0);
        std::thread::sleep(pause.saturating_sub(before.elapsed()));
    }
    samples
}

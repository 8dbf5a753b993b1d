//! How soon a replica is ready when much is remembered.

use std::time::Duration;

use crate::{
    Figure,
    bot::{Bot, data_dir},
    stand_ins,
};

pub(crate) async fn measure() -> Vec<Figure> {
    let small = ready_after(1_000_000).await;
    let rows = std::env::var("BENCH_START_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(3_000_000);
    let large = ready_after(rows).await;
    println!("start: {small:?} with 1 000 000 messages, {large:?} with {rows}");
    vec![Figure {
        what: "start to ready with 1 000 000 stored messages, flat beyond",
        wanted: "300 ms".to_owned(),
        measured: format!("{} ms; with {rows}: {} ms", small.as_millis(), large.as_millis()),
        reached: small <= Duration::from_millis(300) && large <= Duration::from_millis(300),
    }]
}

/// The median of three starts.
async fn ready_after(rows: u64) -> Duration {
    let (ends, _heard) = stand_ins::start().await;
    let mut dir = data_dir();
    fill(dir.path(), ends, rows).await;
    let mut took = Vec::new();
    for _ in 0..3 {
        let (bot, ready) = Bot::start_in(dir, ends, &[]).await;
        took.push(ready);
        dir = bot.stop();
    }
    took.sort();
    took[1]
}

/// Lets a bot make the schema, then fills in messages.
async fn fill(dir: &std::path::Path, ends: std::net::SocketAddr, rows: u64) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let mut child = crate::bot::command(dir, port, ends, &[]).spawn().expect("the bot starts");
    while crate::load::get(port, "/readyz").await.is_none_or(|(status, _)| status != 200) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let mut connection = rusqlite::Connection::open(dir.join("gryag.db")).expect("the database");
    connection.execute_batch("PRAGMA synchronous = OFF").expect("a pragma");
    let transaction = connection.transaction().expect("a transaction");
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO messages (chat_id, message_id, topic_id, seq, author_kind, author_id, author_name, text, sent_at) \
                 VALUES (?1, ?2, 0, ?2, 'person', 7, 'Оля', 'та я вчора бачив, що буде дощ, але хто його знає', 1795000000000)",
            )
            .expect("a statement");
        for row in 0..rows {
            insert.execute([-1000 - (row % 20) as i64, (row / 20) as i64 + 1]).expect("a row");
        }
    }
    transaction.commit().expect("committed");
}

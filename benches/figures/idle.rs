//! What a replica costs that has nothing to do, and what it keeps after 100 000 updates.

use std::time::Duration;

use gryag::storage::sqlite::BALLAST_FILE;

use crate::{
    Figure,
    bot::{Bot, data_dir},
    load::{self, Connection, message},
    stand_ins,
};

pub(crate) async fn measure() -> Vec<Figure> {
    let (ends, _heard) = stand_ins::start().await;
    let data = data_dir();
    let ballast = data.path().join(BALLAST_FILE);
    let (bot, _) = Bot::start_in(data, ends, &[]).await;
    // It is made once, at the end of the first clearing up; a minute later all is done that a start brings.
    let cleared_up = async {
        while !ballast.exists() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), cleared_up).await.expect("the first clearing up comes to its end");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (cpu, written) = (bot.cpu(), bot.written_bytes());
    // Six commits a minute: within one, where it begins makes a fifth of them.
    let watched = Duration::from_secs(180);
    tokio::time::sleep(watched).await;
    let share = (bot.cpu() - cpu).as_secs_f64() / watched.as_secs_f64() * 100.0;
    let a_day = (bot.written_bytes() - written) * 86_400.0 / watched.as_secs_f64() / 1e6;
    let idle_mb = bot.memory_mb();
    let mut marks = Vec::new();
    let mut sent = 0u64;
    while sent < 200_000 {
        send(&bot, sent, 50_000).await;
        sent += 50_000;
        marks.push(bot.memory_mb());
    }
    let (after, later) = (marks[1], marks[3]);
    println!(
        "idle: {share:.2} % of a core, {a_day:.0} MB a day, {idle_mb:.1} MB; after 50 000 updates each: {marks:?} MB"
    );
    vec![
        Figure {
            what: "idle replica",
            wanted: "0.5 % of a core, 150 MB written a day".to_owned(),
            measured: format!("{share:.2} %, {a_day:.0} MB"),
            reached: share <= 0.5 && a_day <= 150.0,
        },
        Figure {
            what: "memory: idle / after 100 000 updates",
            wanted: "25 MB / 50 MB, no slope".to_owned(),
            measured: format!("{idle_mb:.1} MB / {after:.1} MB (after 200 000: {later:.1} MB)"),
            reached: idle_mb <= 25.0 && after <= 50.0 && later <= after * 1.1,
        },
    ]
}

async fn send(bot: &Bot, from: u64, count: u64) {
    let lanes = 20;
    let tasks: Vec<_> = (0..lanes)
        .map(|lane| {
            let address = bot.address;
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await.expect("a connection");
                for next in 0..count / lanes {
                    let body = message(lane + 1, from + next + 1, next % 50 == 0);
                    assert_eq!(connection.post(&body).await.ok(), Some(200));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no connection failed");
    }
    // The queue must be worked off before memory is judged.
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let page = load::get(bot.address, "/metrics").await.map(|(_, page)| page).unwrap_or_default();
        if page.lines().any(|line| line == "gryag_inbox_depth{state=\"waiting\"} 0") {
            break;
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
}

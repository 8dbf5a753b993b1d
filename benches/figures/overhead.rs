//! Our own share of an answer: from the acknowledgement to the send leaving, with an instant model.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{
    Figure,
    bot::Bot,
    commits,
    load::{Connection, message},
    percentile, stand_ins,
};

const CHATS: u64 = 50;

pub(crate) async fn measure() -> Vec<Figure> {
    let (ends, mut heard) = stand_ins::start().await;
    let bot = Bot::start(ends, &[]).await;
    let lasting = Duration::from_secs(20);
    let yardstick = tokio::task::spawn_blocking(move || commits::sample(50, lasting));
    let started = Instant::now();
    let tasks: Vec<_> = (1..=CHATS)
        .map(|chat| {
            let address = bot.address;
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await.expect("a connection");
                tokio::time::sleep(Duration::from_millis(chat * 20)).await;
                let mut every = tokio::time::interval(Duration::from_secs(1));
                let (mut acknowledged, mut next) = (Vec::new(), 0u64);
                while started.elapsed() < lasting {
                    every.tick().await;
                    next += 1;
                    assert_eq!(connection.post(&message(chat, next, true)).await.ok(), Some(200));
                    acknowledged.push(((format!("-100{chat}").parse::<i64>().expect("an id"), next), Instant::now()));
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = HashMap::new();
    for task in tasks {
        acknowledged.extend(task.await.expect("no connection failed"));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut samples = Vec::new();
    while let Ok(said) = heard.try_recv() {
        if let Some(at) = acknowledged.remove(&(said.chat, said.reply_to)) {
            samples.push(said.at.saturating_duration_since(at).as_secs_f64() * 1000.0);
        }
    }
    let mut yardstick = yardstick.await.expect("the yardstick");
    let (commit, own) = (percentile(&mut yardstick, 99.0), percentile(&mut samples, 99.0));
    let limit = 12.0 * commit + 20.0;
    println!(
        "overhead: p50 {:.2} p99 {own:.2} ms over {} answers, {} unanswered; FULL commit p99 {commit:.2} ms",
        percentile(&mut samples, 50.0),
        samples.len(),
        acknowledged.len()
    );
    vec![Figure {
        what: "own overhead from acknowledgement to the send leaving, 50 updates/s, p99",
        wanted: format!("12 × a FULL commit's p99 + 20 ms = {limit:.1} ms"),
        measured: format!("{own:.1} ms ({} of {} answered)", samples.len(), samples.len() + acknowledged.len()),
        reached: own <= limit && acknowledged.is_empty(),
    }]
}

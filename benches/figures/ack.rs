//! Durable acknowledgements: how many a second, and how soon.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, routing};

use crate::{
    Figure,
    bot::Bot,
    commits,
    load::{Connection, message},
    other_self::OtherSelf,
    percentile, stand_ins,
};

const CONNECTIONS: u64 = 100;
/// The two take turns, because what other guests of a machine take from it changes within seconds.
const ROUNDS: u64 = 5;
const WARM_UP: Duration = Duration::from_millis(500);
const RUN: Duration = Duration::from_secs(2);

/// At 100 connections, beside a bare axum handler that parses the same body and stores nothing.
pub(crate) async fn throughput() -> Vec<Figure> {
    // In a process of its own, as the bot is.
    let bare = OtherSelf::start(BARE, "1");
    let (ends, _heard) = stand_ins::start().await;
    // The worker may lag: more wait at the end than the default lets in.
    let bot = Bot::start(ends, &[("BOT_MAX_QUEUE", "2000000")]).await;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        // What it lags behind must not be worked off while the other is measured.
        bot.signal("STOP");
        let bare_rate = hammer("bare", bare.address, bare.id(), round).await;
        bot.signal("CONT");
        let ours = hammer("ours", bot.address, bot.id(), round).await;
        println!("ack, round {round}: {ours:.0}/s durable, {bare_rate:.0}/s bare, ratio {:.2}", ours / bare_rate);
        rounds.push((ours / bare_rate, ours, bare_rate));
    }
    drop(bare);
    let emptied = emptied_after(&bot).await;
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, ours, bare_rate) = rounds[rounds.len() / 2];
    println!("ack: {ours:.0}/s durable, {bare_rate:.0}/s bare, ratio {ratio:.2}; queue empty after {emptied:?}");
    vec![Figure {
        what: "durable acknowledgements a second at 100 connections, against a bare handler, median of five rounds",
        wanted: "0.5 ×, the queue empty 30 s after".to_owned(),
        measured: format!(
            "{ratio:.2} × ({ours:.0}/s against {bare_rate:.0}/s), empty after {}",
            emptied.map_or("more than 60 s".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()))
        ),
        reached: ratio >= 0.5 && emptied.is_some_and(|after| after <= Duration::from_secs(30)),
    }]
}

/// Set for the process that is the bare server.
const BARE: &str = "BENCH_BARE_SERVER";

/// Is the bare server, if this process is to be it: then it never returns.
pub(crate) async fn serve_bare() {
    async fn handler(body: Bytes) -> &'static str {
        let parsed: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        assert!(parsed["update_id"].is_u64());
        ""
    }
    if std::env::var_os(BARE).is_none() {
        return;
    }
    let router = Router::new().route("/telegram/webhook", routing::post(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("the port"));
    axum::serve(listener, router).await.expect("it serves until it is killed");
}

/// Requests a second over 100 connections to a process; also tells what each side's CPU had to do with it.
async fn hammer(whose: &str, address: std::net::SocketAddr, process: u32, round: u64) -> f64 {
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|chat| {
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await.expect("a connection");
                let mut next = round * 1_000_000;
                while !stop.load(Ordering::Relaxed) {
                    let body = message(chat + 1, next + 1, false);
                    next += 1;
                    assert_eq!(connection.post(&body).await.ok(), Some(200));
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(WARM_UP).await;
    let cpu = || [process, std::process::id()].map(|process| crate::bot::cpu(process).as_secs_f64() * 1e6);
    let (from, started, cpu_from) = (acknowledged.load(Ordering::Relaxed), Instant::now(), cpu());
    tokio::time::sleep(RUN).await;
    let (count, [server, load]) = ((acknowledged.load(Ordering::Relaxed) - from) as f64, cpu());
    let rate = count / started.elapsed().as_secs_f64();
    println!(
        "ack, {whose}: {rate:.0}/s, {:.1} µs of the server's CPU each and {:.1} µs of the load's",
        (server - cpu_from[0]) / count,
        (load - cpu_from[1]) / count
    );
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no connection failed");
    }
    rate
}

/// By the database itself: the gauge is read every two seconds only.
async fn emptied_after(bot: &Bot) -> Option<Duration> {
    let started = Instant::now();
    let database = bot.database();
    let is_empty = "SELECT NOT EXISTS (SELECT 1 FROM queue) \
                    AND (SELECT inbox_id FROM queued) >= (SELECT MAX(id) FROM inbox)";
    while started.elapsed() < Duration::from_secs(60) {
        if database.query_row(is_empty, [], |row| row.get(0)).expect("the database is read") {
            return Some(started.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    None
}

/// At 200 updates a second, beside a FULL commit's own p99 in the same run.
pub(crate) async fn latency() -> Vec<Figure> {
    let (ends, _heard) = stand_ins::start().await;
    let bot = Bot::start(ends, &[]).await;
    let lasting = Duration::from_secs(15);
    let yardstick = tokio::task::spawn_blocking(move || commits::sample(50, lasting));
    let (mut tasks, started) = (Vec::new(), Instant::now());
    for lane in 0..20u64 {
        let address = bot.address;
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await.expect("a connection");
            let mut every = tokio::time::interval(Duration::from_millis(100));
            tokio::time::sleep(Duration::from_millis(lane * 5)).await;
            let (mut samples, mut next) = (Vec::new(), 0);
            while started.elapsed() < lasting {
                every.tick().await;
                let body = message(lane + 1, next + 1, false);
                next += 1;
                let before = Instant::now();
                assert_eq!(connection.post(&body).await.ok(), Some(200));
                samples.push(before.elapsed().as_secs_f64() * 1000.0);
            }
            samples
        }));
    }
    let mut samples = Vec::new();
    for task in tasks {
        samples.extend(task.await.expect("no connection failed"));
    }
    let mut yardstick = yardstick.await.expect("the yardstick");
    let (commit, ack) = (percentile(&mut yardstick, 99.0), percentile(&mut samples, 99.0));
    let limit = 3.0 * commit + 5.0;
    println!(
        "ack latency: p50 {:.2} p99 {ack:.2} ms; FULL commit p99 {commit:.2} ms; {} samples",
        percentile(&mut samples, 50.0),
        samples.len()
    );
    vec![Figure {
        what: "acknowledgement at 200 updates/s, p99",
        wanted: format!("3 × a FULL commit's p99 + 5 ms = {limit:.1} ms"),
        measured: format!("{ack:.1} ms (FULL commit p99 {commit:.1} ms)"),
        reached: ack <= limit,
    }]
}

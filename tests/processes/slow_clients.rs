//! Hundreds of clients that send slowly, or half, or nothing, beside Telegram's own requests.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::{
    MACHINE,
    bot::{SECRET, Setup},
    eventually, figure,
    http::{Connection, get, post_head},
    load::{heard, update_by_hand},
    oracle::{self, number},
    world::World,
};

/// Connections whose head never ends, whose body comes byte by byte (with the secret, and without it), and that send
/// nothing at all.
const HALF_HEADS: usize = 200;
const SLOW_BODIES: usize = 100;
const STRANGERS: usize = 100;
const SILENT: usize = 100;
/// Proxies elsewhere: who connects here is none.
const STRANGERS_ONLY: &str = "10.0.0.0/8";
const SOON: Duration = Duration::from_secs(30);
/// What people may wait for an acknowledgement while the others crawl.
const P99: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_slow_clients_neither_delay_the_valid_requests_nor_hold_on() {
    let _alone = MACHINE.lock().await;
    let world = World::start().await;
    let setup = Setup::new(&world).set("BOT_TRUSTED_PROXIES", STRANGERS_ONLY);
    let bot = setup.start().await;
    world.registered().await;

    let started = Instant::now();
    let address = bot.address;
    let half_heads: Vec<_> = (0..HALF_HEADS)
        .map(|_| world.spawn(hold(address, "POST /telegram/webhook HTTP/1.1\r\nHost: bot\r\nX-Slow".to_owned(), true)))
        .collect();
    let silent: Vec<_> = (0..SILENT).map(|_| world.spawn(hold(address, String::new(), false))).collect();
    let slow_body = |number: u64, secret: &str| {
        let body = update_by_hand(number, "повільно");
        world.spawn(trickle(address, post_head(secret, body.len()), body))
    };
    let slow_bodies: Vec<_> = (0..SLOW_BODIES as u64).map(|number| slow_body(10_000 + number, SECRET)).collect();
    let strangers: Vec<_> = (0..STRANGERS as u64).map(|number| slow_body(20_000 + number, "wrong-secret")).collect();

    let mut samples = valid_requests(address, &slow_bodies).await;
    samples.sort();
    let p99 = samples[samples.len() * 99 / 100];

    for connection in half_heads.into_iter().chain(silent) {
        let (lasted, heard) = connection.await.expect("the client does not fail");
        assert!(lasted < Duration::from_secs(9), "a half-sent head is closed within seconds, not after {lasted:?}");
        assert!(!heard.contains(" 200 "), "{heard}");
    }
    for connection in strangers {
        let (lasted, heard) = connection.await.expect("the client does not fail");
        assert!(heard.contains(" 401 ") || heard.contains(" 429 "), "refused before the body: {heard}");
        assert!(lasted < Duration::from_secs(9), "and let go: {lasted:?}");
    }
    let mut longest = Duration::ZERO;
    for connection in slow_bodies {
        let (lasted, heard) = connection.await.expect("the client does not fail");
        assert!(heard.contains(" 503 "), "a stalled body is no success: {heard}");
        assert!(heard.to_lowercase().contains("retry-after"), "{heard}");
        longest = longest.max(lasted);
    }
    assert!(longest < Duration::from_secs(25), "{longest:?}");
    let database = oracle::open(&setup.data);
    let half = "SELECT COUNT(*) FROM inbox WHERE update_key >= 900010000";
    assert_eq!(number(&database, half), 0, "no row of a body that never came");
    figure(
        "500 slow clients",
        &format!(
            "{} valid requests: p50 {:.1?}, p99 {p99:.1?}, worst {:.1?}; all slow ones gone after {:.1?}",
            samples.len(),
            samples[samples.len() / 2],
            samples[samples.len() - 1],
            started.elapsed()
        ),
    );
    assert!(p99 < P99, "p99 is {p99:?}");
    assert_eq!(get(address, "/livez").await.map(|answer| answer.status), Some(200));
    bot.stop().await;
}

type Held = (Duration, String);

/// Posts valid updates as long as the slow ones are there.
async fn valid_requests(address: std::net::SocketAddr, slow: &[JoinHandle<Held>]) -> Vec<Duration> {
    let mut connection = Connection::open(address).await.expect("a connection");
    let (mut samples, mut number) = (Vec::new(), 0);
    let mut every = tokio::time::interval(Duration::from_millis(20));
    while slow.iter().any(|slow| !slow.is_finished()) {
        every.tick().await;
        number += 1;
        let before = Instant::now();
        let answer = connection.post(&update_by_hand(number, "балачка")).await.expect("an answer");
        assert_eq!(answer.status, 200);
        samples.push(before.elapsed());
    }
    samples
}

/// The hard limit leaves half to the server, and connections beyond that wait: the store and the calls have theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_connections_does_not_take_the_files_of_the_store_and_the_calls() {
    let world = World::start().await;
    let few_files = ["sh", "-c", "ulimit -Sn 64 && ulimit -Hn 400 && exec \"$@\"", "sh"];
    let setup = Setup::new(&world).set("BOT_TRUSTED_PROXIES", STRANGERS_ONLY).through(&few_files);
    let bot = setup.start().await;
    world.registered().await;
    let pid = bot.pid().as_raw_nonzero();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("the limits of a process");
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit of files");
    assert_eq!(files.split_whitespace().next(), Some("400"), "raised as far as it may be");

    let crowd: Vec<_> = (0..500).map(|_| world.spawn(hold(bot.address, String::new(), false))).collect();
    eventually("the server is full", SOON, async || open_files(pid.get()) >= 200).await;
    world.deliver_to(&[&bot]);
    let (chat, person) = world.group("Черга");
    world.telegram.say(chat, person, "Гряг, ти ще тут?");
    heard(&world.telegram, chat, 1, SOON).await;
    for connection in crowd {
        connection.await.expect("the client does not fail");
    }
    oracle::settle(&world, &setup.data, SOON).await;
    assert!(!bot.log().contains("cannot accept connections"), "{}", bot.log());
    assert_eq!(bot.metric("gryag_errors_total", &[]).await, 0.0);
    bot.stop().await;
}

fn open_files(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Sends a beginning (and then a byte a second, if it is to look alive) and waits for the other side to close.
async fn hold(address: std::net::SocketAddr, beginning: String, alive: bool) -> Held {
    let started = Instant::now();
    let mut connection = Connection::open(address).await.expect("a connection");
    let _ = connection.send(beginning.as_bytes()).await;
    loop {
        tokio::select! {
            heard = connection.until_closed() => return (started.elapsed(), heard),
            () = tokio::time::sleep(Duration::from_secs(1)), if alive => {}
        }
        let _ = connection.send(b"x").await;
    }
}

/// Sends a head and then its body, a byte a second.
async fn trickle(address: std::net::SocketAddr, head: String, body: String) -> Held {
    hold(address, format!("{head}{}", &body[..1]), true).await
}

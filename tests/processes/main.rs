//! The real binary, tortured: killed, frozen, starved of disk, held by slow clients, stopped at bad moments.
//!
//! The bot runs in processes of its own on a real data directory; Telegram and Gemini are the strict stand-ins of the
//! sandbox, served over loopback by this process. Real time and real sockets: nothing here waits for a fixed time, but
//! for a condition, with a deadline.
//!
//! `GRYAG_BIN` names another binary (a release build), `GRYAG_KILLS` and `GRYAG_SOAK_SECONDS` make the runs longer;
//! `deploy/torture.sh` does all three.
#![expect(clippy::disallowed_methods, reason = "these tests are the outside world: real time, real environment")]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "the figures of a run")]

mod backups;
mod bot;
mod commands;
mod disk;
mod doctor;
mod frozen;
mod http;
mod init;
mod kill9;
mod load;
mod oracle;
mod poison;
mod proxy;
mod signals;
mod slow_clients;
mod soak;
mod startup;
mod world;

use std::time::{Duration, Instant};

/// Waits until something holds.
async fn eventually(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A number from the environment, for longer runs.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// One line of the table that `deploy/torture.sh` prints.
fn figure(name: &str, facts: &str) {
    println!("figure | {name} | {facts}");
}

/// Those that make load or measure latency do so one at a time; the small tests go on beside them.
static MACHINE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

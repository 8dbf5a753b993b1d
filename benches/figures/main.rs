//! The figures of the README, measured on the real binary: `cargo bench --bench figures` prints the table;
//! `-- turns ack` measures only these. Load and stand-ins run in this process, the bot in another; every ratio is
//! taken within one run, because machines differ.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement: real time, real processes, and a table for people"
)]

mod ack;
mod bot;
mod commits;
mod forgetful;
mod idle;
mod load;
mod other_self;
mod overhead;
mod stand_ins;
mod start;
mod turns;

use std::process::ExitCode;

/// One line of the table.
pub(crate) struct Figure {
    what: &'static str,
    wanted: String,
    measured: String,
    reached: bool,
}

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(ack::serve_bare());
    runtime.block_on(forgetful::serve());
    let figures = runtime.block_on(measure(&wanted));
    println!("\n| what | wanted | measured | |\n|---|---|---|---|");
    for Figure { what, wanted, measured, reached } in &figures {
        println!("| {what} | {wanted} | {measured} | {} |", if *reached { "reached" } else { "**missed**" });
    }
    ExitCode::SUCCESS
}

async fn measure(wanted: &[String]) -> Vec<Figure> {
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut figures = Vec::new();
    if runs("ack") {
        figures.extend(ack::throughput().await);
        figures.extend(ack::latency().await);
    }
    if runs("overhead") {
        figures.extend(overhead::measure().await);
    }
    if runs("turns") {
        figures.extend(turns::measure().await);
    }
    if runs("idle") {
        figures.extend(idle::measure().await);
    }
    if runs("start") {
        figures.extend(start::measure().await);
    }
    figures
}

/// The p-th percentile of durations in milliseconds.
fn percentile(samples: &mut [f64], p: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().saturating_sub(1);
    let index = ((last as f64) * p / 100.0).round() as usize;
    samples.get(index).copied().unwrap_or(f64::NAN)
}

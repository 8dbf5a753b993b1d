//! The log: for people in a terminal, JSON otherwise. `RUST_LOG` is honoured.

use std::io::IsTerminal as _;

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// How a line of the log looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogStyle {
    /// For people.
    Terminal,
    /// One JSON object a line, with its span's fields (the request id among them).
    Json,
}

/// Installs the process's log, and lets a panic leave only its place there.
pub fn init_logging() {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let style = if std::io::stderr().is_terminal() { LogStyle::Terminal } else { LogStyle::Json };
    log_subscriber(wanted, style, std::io::stderr).init();
    keep_panics_quiet();
}

/// What takes the events in: those that are `wanted`, as far as [`allowed`].
pub fn log_subscriber<W>(wanted: EnvFilter, style: LogStyle, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match style {
        LogStyle::Terminal => lines.with_target(false).boxed(),
        LogStyle::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(lines).with(wanted).with(allowed())
}

/// What may be logged at all, whatever `RUST_LOG` says. Other people's crates print addresses, headers and statements
/// at their finest levels, and a Bot API address holds the token.
fn allowed() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("gryag", LevelFilter::TRACE)
        // It reports each start's migrations, done or not, at info.
        .with_target("refinery_core", LevelFilter::WARN)
}

/// The standard message may quote the value that a panic stumbled over; the place says enough.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn may_pass(wanted: &str, target: &'static str, level: Level) -> bool {
        allowed().would_enable(target, &level) && wanted_lets_pass(wanted, target, level)
    }

    // `EnvFilter` has no such question of its own.
    fn wanted_lets_pass(wanted: &str, target: &str, level: Level) -> bool {
        wanted.parse::<Targets>().expect("directives").would_enable(target, &level)
    }

    #[test]
    fn no_directive_lifts_the_cap_on_other_crates() {
        for wanted in ["trace", "hyper=trace", "hyper::proto=trace,reqwest::connect=trace", "gryag=trace"] {
            for target in ["hyper", "hyper::proto::h1", "hyper_util::client", "reqwest::connect", "rusqlite", "h2"] {
                assert!(!may_pass(wanted, target, Level::DEBUG), "{wanted}: {target}");
                assert!(!may_pass(wanted, target, Level::TRACE), "{wanted}: {target}");
            }
        }
        assert!(may_pass("trace", "gryag::worker", Level::TRACE));
        assert!(may_pass("info", "hyper", Level::WARN));
    }

    #[test]
    fn migrations_are_quiet_at_each_start() {
        assert!(!may_pass("trace", "refinery_core::drivers::rusqlite", Level::INFO));
        assert!(may_pass("info", "refinery_core::runner", Level::WARN));
    }

    #[test]
    fn a_directive_on_a_span_lifts_no_cap_either() {
        let subscriber = log_subscriber(EnvFilter::new("[turn]=trace"), LogStyle::Json, std::io::sink);
        tracing::subscriber::with_default(subscriber, || {
            let _inside = tracing::info_span!(target: "gryag", "turn").entered();
            assert!(!tracing::enabled!(target: "hyper::client", Level::TRACE));
            assert!(tracing::enabled!(target: "gryag::worker", Level::TRACE));
        });
    }
}

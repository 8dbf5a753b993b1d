//! `gryag serve`.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;
use crate::{
    app::{App, AppError, Outside},
    config::Config,
    edge,
    shutdown::Shutdown,
    telemetry::init_logging,
};

/// Runs the bot until a signal, or until one of its tasks dies.
pub(super) async fn serve(config: &Config) -> Result<(), CliError> {
    init_logging();
    for notice in config.notices() {
        tracing::warn!("{notice}");
    }
    let shutdown = Shutdown::new();
    // Signals count from the very beginning: a bot that is stopped while it starts must stop too.
    let mut signals = Signals::new()?;
    let address = config.advanced.http_addr;
    let listener = edge::bind(address).map_err(|source| AppError::Listen { address, source })?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "starting");
    let mut app = tokio::select! {
        app = App::start(config, Outside::real()?, shutdown.clone()) => app?,
        // Nothing was taken in yet. A migration that runs is cut off: it is one transaction.
        () = signals.next() => {
            tracing::info!("stopped while starting");
            return Ok(());
        }
    };
    app.listen(listener, config.advanced.trusted_proxies.clone());
    tracing::info!("ready");
    tokio::select! {
        () = signals.next() => tracing::info!("stopping; a second signal stops at once"),
        () = shutdown.soft.cancelled() => {}
    }
    let hard = shutdown.hard.clone();
    let second = async {
        signals.next().await;
        hard.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        stopped = app.stop(config.advanced.drain, config.advanced.shutdown_grace) => Ok(stopped?),
        () = second => unreachable!("the second signal only cancels"),
    }
}

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, CliError> {
        Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

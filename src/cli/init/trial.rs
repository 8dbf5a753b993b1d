//! The first message and its answer, before the bot is run for good.

use std::time::Duration;

use super::super::{CliError, say, serve::Signals};
use crate::{
    app::{App, Outside},
    config::{Config, Intake},
    shutdown::Shutdown,
    storage::OutboxStore as _,
    telemetry::metric,
};

/// How long the first message is waited for.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
const LOOK: Duration = Duration::from_millis(200);
const STOP: Duration = Duration::from_secs(5);

/// Runs the bot until a message was answered, at most for a while. It polls and keeps nothing, so it needs neither the
/// public address nor the data directory, whose owner may be another user.
pub(super) async fn trial(config: &Config, username: &str) -> Result<(), CliError> {
    let directory = tempfile::tempdir()?;
    let mut config = config.clone();
    config.essential.data_dir = directory.path().to_owned();
    config.essential.intake = Intake::Poll;
    let (mut signals, shutdown) = (Signals::new()?, Shutdown::new());
    let app = App::start(&config, Outside::real()?, shutdown.clone()).await?;
    say(format!("Write to https://t.me/{username} now: press Start, then say anything. Ctrl-C skips this."))?;
    let outcome = tokio::select! {
        answered = until_answered(&app) => answered,
        () = signals.next() => say("skipped"),
        () = shutdown.soft.cancelled() => Err(CliError::Failed("the bot has stopped".into())),
        () = tokio::time::sleep(PATIENCE) => {
            Err(CliError::Failed("no message has come; the settings are written all the same".into()))
        }
    };
    let stopped = app.stop(Duration::ZERO, STOP).await;
    outcome?;
    Ok(stopped?)
}

async fn until_answered(app: &App) -> Result<(), CliError> {
    let (mut told, mut has_spoken) = (0, false);
    loop {
        let errors = app.errors.last();
        for error in errors.iter().skip(told) {
            say(format!("trouble ({}): {}", error.place, error.message))?;
        }
        told = errors.len();
        let readings = app.metrics.readings();
        if readings.of(&metric::ADDRESSED).iter().any(|one| one.labels == ["answered"] && one.value > 0.0) {
            return say("The message came, Gemini answered, and the answer went out.");
        }
        if !has_spoken && app.store.outbox_counts().await?.iter().any(|(state, _)| state == "sent") {
            has_spoken = true;
            say("The bot has spoken, in words of its own; say something more, for Gemini to answer. \
                 (If it asks for permission, you are not the ADMIN_ID that you gave.)")?;
        }
        tokio::time::sleep(LOOK).await;
    }
}

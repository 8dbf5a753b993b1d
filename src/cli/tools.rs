//! Small commands for operators.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use clap::Subcommand;
use http::Request;

use super::{CliError, say};
use crate::{
    app::telegram_options,
    clock::SystemClock,
    config::{Config, Purpose},
    shutdown::Shutdown,
    storage::{
        OutboxStore as _, SharedStore as _,
        sqlite::{FILE_NAME, SqliteOptions, SqliteStore},
    },
    telegram::{ALLOWED_UPDATES, MAX_CONNECTIONS, Telegram, WebhookSettings},
    telemetry::Metrics,
    transport::{TransportOptions, call, http_client},
};

#[derive(Subcommand, Debug)]
pub(super) enum WebhookAction {
    /// Register TELEGRAM_WEBHOOK_URL.
    Set,
    /// What Telegram knows, with its last error.
    Info,
    /// Remove it; updates wait at Telegram for 24 hours.
    Delete,
}

pub(super) fn print_config(file: Option<&Path>) -> Result<(), CliError> {
    let config = Config::from_process(file, Purpose::Serve)?;
    say(config.describe())?;
    for notice in config.notices() {
        say(format!("note: {notice}"))?;
    }
    Ok(())
}

/// Where a process on this machine reaches the bot.
pub(super) fn own_address(config: &Config) -> std::net::SocketAddr {
    let mut address = config.advanced.http_addr;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// Exit 0 if the bot on `BOT_HTTP_ADDR` answers `/readyz` with 200.
pub(super) async fn health(config: &Config) -> Result<(), CliError> {
    let address = own_address(config);
    let limits = TransportOptions {
        connect_timeout: Duration::from_secs(2),
        total_timeout: Duration::from_secs(4),
        ..TransportOptions::default()
    };
    let transport = http_client(limits).map_err(crate::app::AppError::from)?;
    let request = Request::get(format!("http://{address}/readyz"))
        .body(Bytes::new())
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let response = call(&transport, request)
        .await
        .map_err(|error| CliError::Failed(format!("nothing answers on {address}: {error}")))?;
    let words = String::from_utf8_lossy(response.body()).trim().to_owned();
    if response.status().is_success() { say(words) } else { Err(CliError::Failed(format!("not ready: {words}"))) }
}

pub(super) async fn webhook(config: &Config, action: WebhookAction) -> Result<(), CliError> {
    let transport = http_client(TransportOptions::default()).map_err(crate::app::AppError::from)?;
    let telegram = Telegram::new(transport, telegram_options(config), Metrics::new());
    match action {
        WebhookAction::Set => {
            let url =
                config.essential.webhook_url.as_deref().ok_or_else(|| {
                    CliError::Usage("TELEGRAM_WEBHOOK_URL is not set: the public https address".into())
                })?;
            let secret = &config.advanced.webhook_secrets[0];
            let settings =
                WebhookSettings { url, secret, allowed_updates: ALLOWED_UPDATES, max_connections: MAX_CONNECTIONS };
            telegram.set_webhook(&settings).await?;
            say(format!("registered {url}"))
        }
        WebhookAction::Info => {
            let info = telegram.get_webhook_info().await?;
            say(format!("address: {}", if info.url.is_empty() { "none" } else { &info.url }))?;
            say(format!("updates that wait at Telegram: {}", info.pending_update_count))?;
            say(format!("last error: {}", info.last_error_message.as_deref().unwrap_or("none")))
        }
        WebhookAction::Delete => {
            telegram.delete_webhook().await?;
            say("removed; nothing arrives until it is set again or BOT_INTAKE=poll")
        }
    }
}

/// Opens the store of a bot that may be running.
pub(super) async fn open_store(config: &Config) -> Result<SqliteStore, CliError> {
    let data_dir = &config.essential.data_dir;
    if !data_dir.join(FILE_NAME).exists() {
        return Err(CliError::Usage(format!(
            "there is no database in {}; set BOT_DATA_DIR to the bot's data directory",
            data_dir.display()
        )));
    }
    let options = SqliteOptions::new(data_dir, Arc::new(SystemClock), Metrics::new());
    Ok(SqliteStore::open(options, &Shutdown::new()).await?)
}

pub(super) async fn outbox(config: &Config, json: bool) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let counts = store.outbox_counts().await?;
    if json {
        let states = ["queued", "ready", "sending", "sent", "unknown", "refused", "expired"];
        let count = |state: &str| counts.iter().find(|(name, _)| name == state).map_or(0, |(_, rows)| *rows);
        let object: serde_json::Map<_, _> =
            states.iter().map(|state| ((*state).to_owned(), count(state).into())).collect();
        return say(serde_json::Value::Object(object));
    }
    if counts.is_empty() {
        return say("the outbox is empty");
    }
    counts.iter().try_for_each(|(state, rows)| say(format!("{state}: {rows}")))
}

pub(super) async fn check(config: &Config) -> Result<(), CliError> {
    open_store(config).await?.check().await?;
    say("the database is whole")
}

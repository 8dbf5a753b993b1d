//! `gryag doctor`: looks at everything that the bot needs, and says how to mend what is wrong.

mod finding;
mod machine;
pub(super) mod outside;
pub(super) mod public;

use std::{path::Path, sync::Arc, time::Duration};

use clap::Args;
use serde_json::Value;

pub(super) use self::finding::Finding;
use super::{CliError, say};
use crate::{
    app::{AppError, telegram_options},
    clock::{Clock as _, SystemClock},
    config::{Config, ConfigError, Purpose},
    telegram::Telegram,
    telemetry::Metrics,
    transport::{TransportOptions, http_client},
};

/// Longest time of one look at something outside.
const LOOK: Duration = Duration::from_secs(15);

#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Also send each of ADMIN_ID a message, as an alarm would come.
    #[arg(long)]
    alarm: bool,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

pub(super) async fn doctor(file: Option<&Path>, args: DoctorArgs) -> Result<(), CliError> {
    let findings = match Config::from_process(file, Purpose::Serve) {
        Ok(config) => examine(&config, args.alarm).await?,
        Err(error) => misconfigured(&error),
    };
    if args.json {
        say(Value::Array(findings.iter().map(Finding::as_json).collect()))?;
    } else {
        findings.iter().try_for_each(say)?;
    }
    match findings.iter().filter(|finding| finding.is_trouble()).count() {
        0 => Ok(()),
        troubles => Err(CliError::Failed(format!("{troubles} of {} checks found trouble", findings.len()))),
    }
}

/// Nothing else can be looked at then.
fn misconfigured(error: &ConfigError) -> Vec<Finding> {
    let trouble = |problem: &crate::config::Problem| Finding::trouble("configuration", problem.to_string(), "");
    let mut findings: Vec<Finding> = error.problems.iter().map(trouble).collect();
    findings.push(Finding::unknown(
        "all else",
        "mend the configuration first: `gryag init` asks for what is needed, `--config .env` reads a file",
    ));
    findings
}

async fn examine(config: &Config, alarm: bool) -> Result<Vec<Finding>, CliError> {
    let limits = TransportOptions { total_timeout: LOOK, ..TransportOptions::default() };
    let transport = http_client(limits).map_err(AppError::from)?;
    let telegram = Telegram::new(transport.clone(), telegram_options(config), Metrics::new());
    let mut findings = vec![configuration(config), machine::data_directory(config)];
    let store = machine::Store::look(config).await;
    findings.extend([machine::disk(config, &store), machine::database(config, &store)]);
    findings.push(machine::backup(&store, SystemClock.now()));
    findings.push(machine::port(config, &transport).await);
    findings.push(outside::clock(config, &transport, &SystemClock).await);
    findings.extend(outside::account(&telegram).await);
    findings.push(outside::webhook(config, &telegram, &store).await);
    findings.extend(public::address(config, &transport).await);
    findings.push(outside::watcher(config, &transport).await);
    findings.extend(outside::gemini(config, transport, Arc::new(SystemClock)).await);
    findings.push(if alarm {
        outside::alarm(config, &telegram).await
    } else {
        Finding::unknown("alarm", "`gryag doctor --alarm` sends ADMIN_ID a message")
    });
    Ok(findings)
}

fn configuration(config: &Config) -> Finding {
    let notices = config.notices();
    if notices.is_empty() {
        return Finding::good("configuration", "every key is as it may be");
    }
    Finding::good("configuration", format!("usable, but: {}", notices.join("; ")))
}

//! What the dashboard is built from.

use std::sync::Arc;

use axum::Router;

use super::Build;
use crate::{
    domain::Timestamp,
    edge::{DEPLOY, DashboardParts, ShownLimits, dashboard},
    storage::{SharedStore, StorageError},
};

pub(super) fn routes(build: &Build) -> Router {
    let config = &build.config;
    let public_url = config.essential.public_url.as_deref();
    dashboard(DashboardParts {
        store: Arc::new(build.store.clone()),
        clock: build.outside.clock.clone(),
        errors: build.errors.clone(),
        metrics: build.metrics.clone(),
        shutdown: build.shutdown.clone(),
        limiter: Arc::clone(&build.limiter),
        admins: config.essential.admins.clone(),
        language: config.behavior.language,
        is_secure: public_url.is_some_and(|url| url.starts_with("https://")),
        settings: config.settings().to_vec(),
        limits: ShownLimits {
            gemini_per_minute: config.gemini.rate_limit_rpm,
            telegram_per_second: config.advanced.rate_global,
            usd_per_day: config.behavior.budget_per_day,
        },
    })
}

/// Notes when this version first started, unless it is the one that ran last.
pub(super) async fn note_deploy(store: &dyn SharedStore, now: Timestamp) -> Result<(), StorageError> {
    let version = env!("CARGO_PKG_VERSION");
    let noted = store.fact(DEPLOY).await?.and_then(|fact| serde_json::from_str::<serde_json::Value>(&fact).ok());
    if noted.is_some_and(|noted| noted["version"] == version) {
        return Ok(());
    }
    store.set_fact(DEPLOY, serde_json::json!({"version": version, "at": now.0}).to_string()).await
}

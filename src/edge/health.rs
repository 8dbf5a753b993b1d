//! `/livez`, `/readyz`, `/metrics`.

use std::sync::Arc;

use crate::{
    shutdown::Shutdown,
    storage::{SharedStore, StoreHealth},
    telemetry::Metrics,
};
use axum::{
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};

/// What the probes look at.
#[derive(Clone)]
pub struct Health {
    /// Whether the replica is leaving.
    pub shutdown: Shutdown,
    /// Whether its writer lives.
    pub store: Arc<dyn SharedStore>,
    /// What is scraped.
    pub metrics: Metrics,
}

/// The process lives. Depends on nothing else: a dead Telegram must not restart the bot.
pub async fn live() -> &'static str {
    "live\n"
}

/// False only for what the *other* replica does better. A bot that does not know yet who it is (Telegram is out)
/// takes updates in all the same. A full disk hits both, so the replica stays ready and answers
/// 503 on the webhook itself.
pub async fn ready(State(health): State<Health>) -> Response {
    let store = health.store.health();
    let problem = if health.shutdown.draining.is_cancelled() {
        Some("draining")
    } else if store == StoreHealth::WriterDead {
        Some("the store's writer is dead")
    } else {
        None
    };
    match problem {
        Some(problem) => (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")).into_response(),
        None if store == StoreHealth::Good => "ready\n".into_response(),
        None => "ready, but the store takes no writes now\n".into_response(),
    }
}

/// The Prometheus text.
pub async fn metrics(State(health): State<Health>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.metrics.render()).into_response()
}

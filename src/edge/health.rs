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

impl Health {
    /// Why the other replica should be asked instead, if it should.
    pub fn problem(&self) -> Option<&'static str> {
        if self.shutdown.draining.is_cancelled() {
            Some("draining")
        } else if self.store.health() == StoreHealth::WriterDead {
            Some("the store's writer is dead")
        } else {
            None
        }
    }
}

/// False only for what the *other* replica does better. A bot that does not know yet who it is (Telegram is out)
/// takes updates in all the same. A full disk hits both, so the replica stays ready and answers
/// 503 on the webhook itself.
pub async fn ready(State(health): State<Health>) -> Response {
    match health.problem() {
        Some(problem) => (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")).into_response(),
        None if health.store.health() == StoreHealth::Good => "ready\n".into_response(),
        None => "ready, but the store takes no writes now\n".into_response(),
    }
}

/// The Prometheus text.
pub async fn metrics(State(health): State<Health>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.metrics.render()).into_response()
}

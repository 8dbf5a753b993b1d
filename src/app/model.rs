//! The client of the model, and the rate that all replicas share through the store.

use std::sync::Arc;

use super::Outside;
use crate::{
    config::{Config, models::Thinking},
    gemini::{Gemini, GeminiOptions, OptionsError, RateSlots, Slot, SlotsUnavailable},
    storage::{self, SharedStore as _, sqlite::SqliteStore},
    telemetry::Metrics,
};

/// How the configuration wants the model asked, but for the rate that the replicas share.
pub fn gemini_options(config: &Config) -> GeminiOptions {
    let settings = &config.gemini;
    GeminiOptions {
        base_url: settings.base_url.clone(),
        api_key: config.essential.gemini_api_key.clone(),
        model: settings.model.clone(),
        fallback_model: settings.fallback_model.clone(),
        max_output_tokens: settings.max_output_tokens,
        temperature: settings.temperature,
        thinking: settings.thinking_level.map(Thinking::Level),
        call_timeout: settings.timeout,
        max_concurrent: settings.max_concurrent,
        rate: None,
    }
}

/// The client as the configuration has it.
pub(super) fn gemini(
    config: &Config,
    outside: &Outside,
    store: &SqliteStore,
    metrics: &Metrics,
) -> Result<Gemini, OptionsError> {
    let settings = &config.gemini;
    let rate: Option<Arc<dyn RateSlots>> = (settings.rate_limit_rpm > 0).then(|| {
        Arc::new(StoreSlots { store: store.clone(), per_minute: settings.rate_limit_rpm }) as Arc<dyn RateSlots>
    });
    let options = GeminiOptions { rate, ..gemini_options(config) };
    Gemini::new(&options, outside.gemini.clone(), outside.clock.clone(), outside.random.clone(), metrics.clone())
}

/// `GEMINI_RATE_LIMIT_RPM`, shared by the replicas through the store.
#[derive(Debug)]
struct StoreSlots {
    store: SqliteStore,
    per_minute: u32,
}

#[async_trait::async_trait]
impl RateSlots for StoreSlots {
    async fn take(&self) -> Result<Slot, SlotsUnavailable> {
        match self.store.take_slot("gemini", self.per_minute).await {
            Ok(storage::Slot::Granted) => Ok(Slot::Granted),
            Ok(storage::Slot::Wait(pause)) => Ok(Slot::Wait(pause)),
            Err(_) => Err(SlotsUnavailable),
        }
    }

    async fn take_spare(&self) -> Result<bool, SlotsUnavailable> {
        self.store.take_spare_slot("gemini", self.per_minute).await.map_err(|_| SlotsUnavailable)
    }
}

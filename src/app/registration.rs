//! The webhook at start: registered when its address is configured and anything differs, once for both replicas.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::{
    Build,
    attempts::{AttemptError, Pauses, Progress, boxed, until_done},
};
use crate::{
    config::Intake,
    errors::ErrorHandler,
    shutdown::Shutdown,
    storage::SharedStore,
    telegram::{Telegram, TelegramError, ensure_webhook},
};

/// The lease under which one replica registers; longer than its three calls and its writes.
const LEASE: &str = "webhook";
const LEASE_TIME: Duration = Duration::from_secs(60);
/// How often another replica's lease is looked at again: it may have died before it was done.
const LEASE_PAUSE: Duration = Duration::from_secs(2);
/// The fact that tells with which secret the webhook was registered: Telegram does not say.
pub const FINGERPRINT: &str = "webhook_secret";
const PAUSES: Pauses = Pauses { begin: Duration::ZERO, first: Duration::from_secs(2), last: Duration::from_secs(120) };

pub(super) struct Registration {
    telegram: Telegram,
    store: Arc<dyn SharedStore>,
    owner: String,
    intake: Intake,
    url: Option<String>,
    secret: Option<SecretString>,
    errors: ErrorHandler,
    shutdown: Shutdown,
}

impl Registration {
    pub(super) fn new(build: &Build) -> Self {
        Self {
            telegram: build.telegram.clone(),
            store: Arc::new(build.store.clone()),
            owner: build.owner.clone(),
            intake: build.config.essential.intake,
            url: build.config.essential.webhook_url.clone(),
            // While rotating, the newest stands first.
            secret: build.config.advanced.webhook_secrets.first().cloned(),
            errors: build.errors.clone(),
            shutdown: build.shutdown.clone(),
        }
    }

    /// Tries until it is done or the process stops.
    pub(super) async fn run(self) {
        until_done(PAUSES, &self.errors, &self.shutdown, || self.once()).await;
    }

    async fn once(&self) -> Result<Progress, AttemptError> {
        match (self.intake, &self.url, &self.secret) {
            (Intake::Poll, ..) => self.make_way_for_polling().await.map_err(boxed)?,
            (Intake::Webhook, Some(url), Some(secret)) => return self.register(url, secret).await,
            (Intake::Webhook, ..) => self.warn_if_nothing_arrives().await.map_err(boxed)?,
        }
        Ok(Progress::Done)
    }

    /// Every replica looks, one after the other; who comes second finds nothing to do.
    async fn register(&self, url: &str, secret: &SecretString) -> Result<Progress, AttemptError> {
        if !self.store.lease(LEASE, &self.owner, LEASE_TIME).await.map_err(boxed)? {
            tracing::debug!("another replica is at the webhook");
            return Ok(Progress::AnothersTurn(LEASE_PAUSE));
        }
        let fingerprint = fingerprint(secret);
        let changed = self.store.fact(FINGERPRINT).await.map_err(boxed)?.as_ref() != Some(&fingerprint);
        let outcome = ensure_webhook(&self.telegram, url, secret, changed).await.map_err(boxed)?;
        tracing::info!(?outcome, "the webhook");
        if changed {
            self.store.set_fact(FINGERPRINT, fingerprint).await.map_err(boxed)?;
        }
        self.store.end_lease(LEASE, &self.owner).await.map_err(boxed)?;
        Ok(Progress::Done)
    }

    /// getUpdates is refused while a webhook is set.
    async fn make_way_for_polling(&self) -> Result<(), TelegramError> {
        if !self.telegram.get_webhook_info().await?.url.is_empty() {
            tracing::warn!("BOT_INTAKE=poll: removing the webhook that is registered");
            self.telegram.delete_webhook().await?;
        }
        Ok(())
    }

    async fn warn_if_nothing_arrives(&self) -> Result<(), TelegramError> {
        if self.telegram.get_webhook_info().await?.url.is_empty() {
            tracing::error!(
                "NOTHING WILL ARRIVE: no webhook is registered and TELEGRAM_WEBHOOK_URL is not set. Set it to the \
                 bot's public https address, or set BOT_INTAKE=poll if it has none"
            );
        }
        Ok(())
    }
}

/// By what a secret is recognised that is kept nowhere.
pub fn fingerprint(secret: &SecretString) -> String {
    hex::encode(&Sha256::digest(secret.expose_secret())[..8])
}

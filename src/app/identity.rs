//! Who the bot is: asked of Telegram at start, remembered for starts while Telegram is out.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;

use super::AppError;
use crate::{
    clock::SharedClock,
    config::Config,
    domain::UserId,
    errors::ErrorHandler,
    shutdown::Shutdown,
    storage::{SharedStore, sqlite::SqliteStore},
    telegram::{Me, Telegram, TelegramError, TelegramOptions},
};

/// The fact that names the bot whose data this is.
pub const OWNER: &str = "bot_id";
/// The facts that `getMe` told last.
const ME: &str = "me";
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);

/// Longest time of one call of the Bot API.
const TELEGRAM_CALL: Duration = Duration::from_secs(15);

/// How the configuration wants Telegram called.
pub fn telegram_options(config: &Config) -> TelegramOptions {
    TelegramOptions {
        api_url: config.advanced.api_url.clone(),
        token: config.essential.bot_token.clone(),
        call_timeout: TELEGRAM_CALL,
    }
}

/// A data directory belongs to the first bot that used it: another bot's answers must not go out under this name.
pub(super) async fn check_owner(store: &SqliteStore, config: &Config) -> Result<(), AppError> {
    // A token is `<bot id>:<secret>`; the id is public.
    let token = config.essential.bot_token.expose_secret();
    let ours = token.split(':').next().unwrap_or_default().to_owned();
    match store.fact(OWNER).await? {
        Some(stored) if stored != ours => Err(AppError::ForeignData { stored, ours }),
        Some(_) => Ok(()),
        None => Ok(store.set_fact(OWNER, ours).await?),
    }
}

pub(super) struct Identify {
    pub(super) telegram: Telegram,
    pub(super) store: Arc<dyn SharedStore>,
    pub(super) clock: SharedClock,
    pub(super) errors: ErrorHandler,
    pub(super) shutdown: Shutdown,
}

impl Identify {
    /// The bot's account, or nothing if the process stops first. An unreachable Telegram stops nothing: what it told
    /// last time is still true.
    ///
    /// # Errors
    ///
    /// [`TelegramError::Unauthorized`], which only a person can mend.
    pub(super) async fn run(self) -> Result<Option<Me>, TelegramError> {
        let soft = self.shutdown.soft.clone();
        tokio::select! {
            me = self.ask() => me.map(Some),
            () = soft.cancelled() => Ok(None),
        }
    }

    async fn ask(self) -> Result<Me, TelegramError> {
        let mut pause = RETRY_FIRST;
        loop {
            match self.telegram.get_me().await {
                Ok(me) => {
                    if let Err(off) = self.telegram.check_clock(self.clock.now()) {
                        self.errors.handle("start", &off);
                    }
                    self.remember(&me).await;
                    return Ok(me);
                }
                Err(error) => {
                    self.errors.handle("start", &error);
                    if matches!(error, TelegramError::Unauthorized { .. }) {
                        return Err(error);
                    }
                }
            }
            if let Some(me) = self.remembered().await {
                tracing::warn!("telegram does not answer; going on with what it told last time");
                return Ok(me);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_LAST);
        }
    }

    async fn remember(&self, me: &Me) {
        let fact = serde_json::json!([me.id.0, me.username, me.first_name, me.can_read_all_group_messages]).to_string();
        if matches!(self.store.fact(ME).await, Ok(Some(known)) if known == fact) {
            return;
        }
        if let Err(error) = self.store.set_fact(ME, fact).await {
            self.errors.handle("start", &error);
        }
    }

    async fn remembered(&self) -> Option<Me> {
        let fact = self.store.fact(ME).await.ok().flatten()?;
        let (id, username, first_name, can_read_all_group_messages) = serde_json::from_str(&fact).ok()?;
        Some(Me { id: UserId(id), username, first_name, can_read_all_group_messages })
    }
}

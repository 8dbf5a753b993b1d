//! Why the bot cannot start or go on.

use crate::{
    gemini::OptionsError, persona::PersonaError, storage::StorageError, telegram::TelegramError,
    transport::TransportError,
};

/// Why the bot cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store cannot be used.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StorageError),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: {0}")]
    Transport(#[from] TransportError),
    /// Telegram does not know the token.
    #[error("telegram refused the bot: {0}")]
    Telegram(#[from] TelegramError),
    /// A Gemini setting cannot be used.
    #[error(transparent)]
    Gemini(#[from] OptionsError),
    /// The persona's file is wrong.
    #[error("BOT_PERSONA cannot be used: {0}")]
    Persona(#[from] PersonaError),
    /// The data directory belongs to another bot.
    #[error(
        "BOT_DATA_DIR belongs to bot {stored}, but TELEGRAM_BOT_TOKEN is of bot {ours}; \
         give each bot (and the sandbox) a data directory of its own"
    )]
    ForeignData {
        /// The bot that has used it.
        stored: String,
        /// This one.
        ours: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another program there? BOT_HTTP_ADDR sets the address")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// A task died.
    #[error("the task «{0}» died; the log says why")]
    TaskDied(&'static str),
}

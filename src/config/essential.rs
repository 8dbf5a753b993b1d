//! Who it is on Telegram and where it lives.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{
    address::{BaseUrl, WebhookUrl},
    key::{WhenUnset, section},
    shapes::{ApiKey, BotToken, Directory, OneOf, Optional, People},
};
use crate::domain::UserId;

/// How Telegram's updates come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intake {
    /// Telegram posts them.
    Webhook,
    /// One replica asks for them.
    Poll,
}

section! {
    /// Who it is on Telegram and where it lives.
    Essential as Essential {
        /// The bot's token.
        bot_token: SecretString = "TELEGRAM_BOT_TOKEN", WhenUnset::Required, BotToken;

        /// The key of the Gemini API.
        gemini_api_key: SecretString = "GEMINI_API_KEY", WhenUnset::Required, ApiKey;

        /// Who may give the bot orders and hears its alarms.
        admins: Vec<UserId> = "ADMIN_ID", WhenUnset::Required, People;

        /// Where the database and the backups live. The file system must be local: SQLite breaks on NFS and its like.
        data_dir: PathBuf = "BOT_DATA_DIR", WhenUnset::Value("data"), Directory;

        /// How updates come in: Telegram calls the public address, or, for who has none, one replica polls.
        intake: Intake = "BOT_INTAKE", WhenUnset::Value("webhook"),
            OneOf(&[("webhook", Intake::Webhook), ("poll", Intake::Poll)]);

        /// The public address that Telegram is told to call; `/telegram/webhook` is appended if it has no path.
        /// The webhook is registered at start if anything differs.
        webhook_url: Option<String> = "TELEGRAM_WEBHOOK_URL",
            WhenUnset::Nothing("the webhook is left as it is"), Optional(WebhookUrl);

        /// Where people reach the dashboard, for the links to it.
        public_url: Option<String> = "BOT_PUBLIC_URL",
            WhenUnset::Nothing("made from `TELEGRAM_WEBHOOK_URL`, else no links"), Optional(BaseUrl);
    }
}

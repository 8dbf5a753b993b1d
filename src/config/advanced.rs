//! Limits and addresses that a small installation never touches.

use std::{net::SocketAddr, time::Duration};

use secrecy::SecretString;

use super::{
    address::{BaseUrl, Listen, Network, Networks, SecretUrl},
    key::{WhenUnset, section},
    shapes::{Optional, Program, Span, Unit, WebhookSecrets, Whole},
};

section! {
    /// Limits and addresses that a small installation never touches.
    Advanced as Advanced {
        /// Where the bot listens, for the webhook, the probes, the metrics and the dashboard.
        http_addr: SocketAddr = "BOT_HTTP_ADDR", WhenUnset::Value("0.0.0.0:8080"), Listen;

        /// Whose word counts on which address a request came from, and whose new connections may be silent for long.
        trusted_proxies: Vec<Network> = "BOT_TRUSTED_PROXIES",
            WhenUnset::Value("127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1,fc00::/7"), Networks;

        /// What Telegram must send along with each update. The first one is registered, both are accepted.
        webhook_secrets: Vec<SecretString> = "TELEGRAM_WEBHOOK_SECRET",
            WhenUnset::Derived("an HMAC of `TELEGRAM_BOT_TOKEN`"), WebhookSecrets;

        /// Where the Bot API is, for a server of your own; `/bot<token>/…` and `/file/bot<token>/…` are appended.
        api_url: String = "TELEGRAM_API_URL", WhenUnset::Value("https://api.telegram.org"), BaseUrl;

        /// How many messages it sends in all.
        rate_global: u32 = "TELEGRAM_RATE_GLOBAL_PER_SECOND", WhenUnset::Value("30"),
            Whole { min: 0, max: 10_000, unit: "messages a second (0: no limit)" };

        /// How many messages it sends to one chat.
        rate_chat: u32 = "TELEGRAM_RATE_CHAT_PER_SECOND", WhenUnset::Value("1"),
            Whole { min: 0, max: 1_000, unit: "messages a second (0: no limit)" };

        /// How many messages it sends to one group.
        rate_group: u32 = "TELEGRAM_RATE_GROUP_PER_MINUTE", WhenUnset::Value("20"),
            Whole { min: 0, max: 10_000, unit: "messages a minute (0: no limit)" };

        /// How many messages of a chat the model is shown.
        context_limit: usize = "BOT_CONTEXT_LIMIT", WhenUnset::Value("80"),
            Whole { min: 1, max: 500, unit: "messages" };

        /// How much of a chat the model is shown; the older messages go first.
        max_context_tokens: u32 = "BOT_MAX_CONTEXT_TOKENS", WhenUnset::Value("8000"),
            Whole { min: 500, max: 200_000, unit: "tokens" };

        /// How long messages are remembered.
        retention: Duration = "BOT_RETENTION_DAYS", WhenUnset::Value("90"),
            Span { unit: Unit::Days, min: 1, max: 3650 };

        /// Run with each finished backup, whose path is added as the last argument: it takes the file to another machine. No
        /// shell reads it; for more than one program, write a script.
        backup_command: Vec<String> = "BOT_BACKUP_COMMAND",
            WhenUnset::Nothing("backups stay in `BOT_DATA_DIR`"), Program;

        /// The longest that an answer may take from claim to text, all tries together.
        turn_deadline: Duration = "BOT_TURN_DEADLINE_SECONDS", WhenUnset::Value("25"),
            Span { unit: Unit::Seconds, min: 1, max: 600 };

        /// How many turns one replica has in hand at the same time.
        worker_turns: usize = "BOT_WORKER_TURNS", WhenUnset::Value("128"),
            Whole { min: 1, max: 4096, unit: "turns" };

        /// How many updates may wait; beyond it Telegram is asked to come again later.
        max_queue: u64 = "BOT_MAX_QUEUE", WhenUnset::Value("100000"),
            Whole { min: 1, max: 10_000_000, unit: "updates" };

        /// With less free space than this, updates are not taken in: Telegram keeps them meanwhile.
        min_free_disk_mb: u64 = "BOT_MIN_FREE_DISK_MB", WhenUnset::Value("64"),
            Whole { min: 0, max: 1_048_576, unit: "megabytes (0: no limit)" };

        /// Called each minute by every replica that is well, for a service that raises an alarm when the calls cease
        /// (healthchecks.io, Uptime Kuma): only somebody outside can tell that this machine is dead.
        heartbeat_url: Option<SecretString> = "BOT_HEARTBEAT_URL",
            WhenUnset::Nothing("nobody is called"), Optional(SecretUrl);

        /// Where the runbook can be read, for the links of the alarms; `#` and the alarm's name are appended.
        runbook_url: Option<String> = "BOT_RUNBOOK_URL",
            WhenUnset::Nothing("the file's name, `deploy/runbook.md`"), Optional(BaseUrl);

        /// How long a replica that falls silent keeps its turns; it renews them at a third of it.
        lease: Duration = "BOT_LEASE_SECONDS", WhenUnset::Value("20"),
            Span { unit: Unit::Seconds, min: 1, max: 600 };

        /// How long a replica that stops is not ready but still takes updates, so that the proxy can turn away.
        drain: Duration = "BOT_DRAIN_SECONDS", WhenUnset::Value("5"),
            Span { unit: Unit::Seconds, min: 0, max: 300 };

        /// How long a stop may take in all; more than `BOT_DRAIN_SECONDS`.
        shutdown_grace: Duration = "BOT_SHUTDOWN_GRACE_SECONDS", WhenUnset::Value("30"),
            Span { unit: Unit::Seconds, min: 1, max: 600 };
    }
}

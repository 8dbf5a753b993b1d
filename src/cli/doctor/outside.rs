//! What the bot needs of others: Telegram, Gemini, and the right time.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header::DATE};
use secrecy::ExposeSecret as _;

use super::{Finding, machine::Store};
use crate::{
    app::{FINGERPRINT, fingerprint, gemini_options},
    clock::{Clock, SharedClock, SystemClock},
    config::{Config, Intake},
    domain::{ChatId, RichText, Timestamp},
    gemini::{Gemini, GeminiError},
    locale::say,
    random::Seeded,
    telegram::{OutgoingText, Telegram, TelegramError, WebhookInfo, difference},
    telemetry::Metrics,
    transport::{Transport, call},
};

/// A clock that is off by more is told: what is "ten minutes old" depends on it, and certificates do.
const CLOCK_OFF: Duration = Duration::from_secs(30);
/// Telegram tells its last error for ever; an older one is history.
const ERROR_RECENT: Duration = Duration::from_secs(60 * 60);
/// With more that wait at Telegram the bot does not keep up, or is not reached.
const PENDING_MAX: u64 = 100;

/// Our clock against the one of whoever answers for the Bot API.
pub(super) async fn clock(config: &Config, transport: &Transport, ours: &dyn Clock) -> Finding {
    const CHECK: &str = "clock";
    let request = Request::get(format!("{}/", config.advanced.api_url)).body(Bytes::new());
    let Ok(request) = request else { return Finding::unknown(CHECK, "TELEGRAM_API_URL is no address") };
    let before = ours.now();
    let answer = match call(transport, request).await {
        Ok(answer) => answer,
        Err(error) => {
            return Finding::unknown(
                CHECK,
                format!("Telegram does not answer, whose time it is held against: {error}"),
            );
        }
    };
    let took = ours.now().since(before);
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    let theirs = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(theirs) = theirs.map(|date| Timestamp(date.timestamp().as_millisecond())) else {
        return Finding::unknown(CHECK, "Telegram's answer has no date");
    };
    let middle = before + took / 2;
    let off = middle.since(theirs).max(theirs.since(middle));
    if off <= CLOCK_OFF {
        return Finding::good(CHECK, "as Telegram's");
    }
    let direction = if middle > theirs { "ahead" } else { "behind" };
    let words = format!("this machine's clock is {} s {direction}", off.as_secs());
    Finding::trouble(CHECK, words, "let it follow the network's time: `timedatectl set-ntp true`")
}

/// The token, and what the bot may hear.
pub(in crate::cli) async fn account(telegram: &Telegram) -> Vec<Finding> {
    let me = match telegram.get_me().await {
        Ok(me) => me,
        Err(error) => return vec![refused("token", &error)],
    };
    let privacy = if me.can_read_all_group_messages {
        Finding::good("privacy mode", "off: it hears what is said in its groups")
    } else {
        Finding::trouble(
            "privacy mode",
            "on: in groups it hears only commands, mentions and replies to it",
            "@BotFather, /setprivacy, Disable; then add it to each group anew (or make it an admin there)",
        )
    };
    vec![Finding::good("token", format!("it is @{}'s", me.username)), privacy]
}

fn refused(check: &'static str, error: &TelegramError) -> Finding {
    let remedy = match error {
        TelegramError::Unauthorized { .. } => "@BotFather tells the token: /mybots, API Token",
        TelegramError::NotSent { .. } => {
            "is this machine on the network, does its DNS work, does a firewall stand between?"
        }
        _ => "try again",
    };
    Finding::trouble(check, error.to_string(), remedy)
}

/// Whether Telegram delivers to us, and how that went lately.
pub(super) async fn webhook(config: &Config, telegram: &Telegram, store: &Store) -> Finding {
    const CHECK: &str = "webhook";
    let info = match telegram.get_webhook_info().await {
        Ok(info) => info,
        Err(error) => return Finding::unknown(CHECK, format!("Telegram does not say: {error}")),
    };
    let host = info.url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    match (config.essential.intake, config.essential.webhook_url.as_deref()) {
        (Intake::Poll, _) if info.url.is_empty() => Finding::good(
            CHECK,
            format!("none, as polling needs it; {} updates wait at Telegram", info.pending_update_count),
        ),
        (Intake::Poll, _) => Finding::trouble(
            CHECK,
            format!("one is set, at {host}, so nothing can be polled"),
            "a start with BOT_INTAKE=poll removes it; is another copy of this bot running there?",
        ),
        (Intake::Webhook, None) if info.url.is_empty() => Finding::trouble(
            CHECK,
            "none is set, so nothing will arrive",
            "set TELEGRAM_WEBHOOK_URL to the public https address, or BOT_INTAKE=poll if there is none",
        ),
        (Intake::Webhook, None) => delivery(&info, format!("at {host}, as TELEGRAM_WEBHOOK_URL leaves it")),
        (Intake::Webhook, Some(_)) if info.url.is_empty() => {
            Finding::trouble(CHECK, "none is set, so nothing arrives", "start the bot, or run `gryag webhook set`")
        }
        (Intake::Webhook, Some(url)) if info.url != url => Finding::trouble(
            CHECK,
            format!("it leads elsewhere, to {host}: updates go there"),
            "run `gryag webhook set`; if that is no place of yours, revoke the token at @BotFather",
        ),
        (Intake::Webhook, Some(url)) => {
            let secret = config.advanced.webhook_secrets.first().map(fingerprint);
            // Telegram does not tell its secret; the store knows with which one it was registered.
            let is_other = store.fact(FINGERPRINT).is_some_and(|known| Some(known) != secret.as_deref());
            match difference(&info, url, is_other) {
                Some(what) => Finding::trouble(
                    CHECK,
                    format!("it was registered with {what}"),
                    "restart the bot, which registers it anew",
                ),
                None => delivery(&info, format!("at {host}, as it should be")),
            }
        }
    }
}

/// How deliveries went, of a webhook that is as it should be.
fn delivery(info: &WebhookInfo, good: String) -> Finding {
    const CHECK: &str = "webhook";
    let pending = info.pending_update_count;
    let age = info.last_error_at.map(|at| SystemClock.now().since(at));
    if let (Some(why), Some(age)) = (&info.last_error_message, age.filter(|age| *age <= ERROR_RECENT)) {
        let words = format!("{pending} updates wait; {} s ago Telegram was told: {why}", age.as_secs());
        return Finding::trouble(CHECK, words, remedy_for(why));
    }
    if pending > PENDING_MAX {
        let remedy = "is the bot running, is its log quiet? They are kept for 24 hours";
        return Finding::trouble(CHECK, format!("{pending} updates wait at Telegram"), remedy);
    }
    Finding::good(CHECK, format!("{good}; {pending} updates wait"))
}

/// What to do about a delivery's error, in Telegram's words.
fn remedy_for(why: &str) -> &'static str {
    let why = why.to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if any(&["401", "unauthorized"]) {
        "it sends another secret than the bot wants: restart the bot, which registers its own"
    } else if any(&["ssl", "certificate", "tls"]) {
        "the proxy's certificate is not good: see the proxy's log"
    } else if any(&["502", "503", "504", "bad gateway", "unavailable"]) {
        "the bot behind the proxy is down or cannot write: see its log and the disk"
    } else if any(&["404", "403"]) {
        "the proxy does not let it in: the path must be /telegram/webhook, and Telegram's addresses in GRYAG_TELEGRAM_RANGES"
    } else if any(&["timed out", "timeout", "connect", "resolve", "refused", "unreachable"]) {
        "Telegram does not reach this machine: does the name lead here, is port 443 open, is the proxy up?"
    } else {
        "see the log of the proxy and of the bot"
    }
}

/// The key, and both models.
pub(in crate::cli) async fn gemini(config: &Config, transport: Transport, clock: SharedClock) -> Vec<Finding> {
    let random = std::sync::Arc::new(Seeded::from_entropy());
    let gemini = match Gemini::new(&gemini_options(config), transport, clock, random, Metrics::new()) {
        Ok(gemini) => gemini,
        Err(error) => return vec![Finding::trouble("gemini key", error.to_string(), "")],
    };
    let served = match gemini.models().await {
        Ok(served) => served,
        Err(error) => return vec![Finding::trouble("gemini key", in_full(&error), remedy_for_gemini(&error))],
    };
    let model = |model: &str| {
        if served.iter().any(|name| name == model) {
            return Finding::good("gemini model", format!("{model} is served"));
        }
        let flash: Vec<&str> = served.iter().map(String::as_str).filter(|name| name.contains("flash")).collect();
        let remedy = format!("set GEMINI_MODEL or GEMINI_FALLBACK_MODEL to one of: {}", flash.join(", "));
        Finding::trouble("gemini model", format!("{model} is not served to this key"), remedy)
    };
    let key = Finding::good("gemini key", format!("{} models are served to it", served.len()));
    std::iter::once(key).chain(config.gemini.models().map(model)).collect()
}

fn in_full(error: &GeminiError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn remedy_for_gemini(error: &GeminiError) -> &'static str {
    match error {
        GeminiError::BadKey { .. } => "https://aistudio.google.com/apikey has the right one",
        GeminiError::Permission { .. } => "is the Gemini API enabled for the key's project, and this country served?",
        GeminiError::Transport(_) | GeminiError::Timeout { .. } => {
            "is this machine on the network? Is GEMINI_BASE_URL right?"
        }
        _ => "try again",
    }
}

/// Whoever is to miss us when this machine is dead (`BOT_HEARTBEAT_URL`).
pub(super) async fn watcher(config: &Config, transport: &Transport) -> Finding {
    const CHECK: &str = "heartbeat";
    const REMEDY: &str = "set BOT_HEARTBEAT_URL to the address that the watching service shows for this check";
    let Some(url) = &config.advanced.heartbeat_url else {
        return Finding::unknown(CHECK, "BOT_HEARTBEAT_URL is not set: nobody notices when this machine is dead");
    };
    let Ok(request) = Request::get(url.expose_secret()).body(Bytes::new()) else {
        return Finding::trouble(CHECK, "BOT_HEARTBEAT_URL is no address that can be called", REMEDY);
    };
    match call(transport, request).await {
        Ok(answer) if answer.status().is_success() => Finding::good(CHECK, "the watching service takes life signs"),
        Ok(answer) => {
            let words = format!("the watching service answers {} to a life sign", answer.status().as_u16());
            Finding::trouble(CHECK, words, REMEDY)
        }
        Err(error) => Finding::trouble(CHECK, format!("the watching service was not reached: {error}"), REMEDY),
    }
}

/// A message to each admin, as an alarm would come.
pub(super) async fn alarm(config: &Config, telegram: &Telegram) -> Finding {
    const CHECK: &str = "alarm";
    let text = RichText::plain(say!(config.behavior.language, "doctor-alarm"));
    for admin in &config.essential.admins {
        let (chat, buttons) = (ChatId(admin.0), Vec::new());
        let message = OutgoingText {
            chat,
            topic: None,
            reply_to: None,
            text: &text,
            buttons: &buttons,
            silent: false,
            no_preview: true,
        };
        match telegram.send_message(&message).await {
            Ok(_) => {}
            Err(TelegramError::ChatGone { description }) => {
                let words = format!("{admin} cannot be written to: {description}");
                let remedy = "is ADMIN_ID right? Open the bot in Telegram from that account and press Start";
                return Finding::trouble(CHECK, words, remedy);
            }
            Err(error) => return refused(CHECK, &error),
        }
    }
    Finding::good(CHECK, "sent to every ADMIN_ID: look whether it has come")
}

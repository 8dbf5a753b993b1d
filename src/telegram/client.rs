//! The client of the Bot API: a method of ours for each method of Telegram's that we call.
//!
//! Each call is made once. Whether it may be made again is the caller's decision, for only the caller knows whether a
//! second message would hurt: a `sendMessage` whose answer is lost may have been delivered
//! ([`TelegramError::outcome_is_known`]). The token stands in the address of every call, so the address is built in one place and
//! is in no error.

use std::{fmt, time::Duration};

use bytes::Bytes;
use frankenstein::methods::DeleteWebhookParams;
use http::{Method, Request, Response, Uri, header::CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{
    bodies,
    error::{self, TelegramError},
    json::Object,
    server_time::{ClockOff, ServerTime},
};
use crate::{
    domain::{Timestamp, UserId},
    telemetry::{Metrics, metric},
    transport::{self, Transport},
};

/// How the Bot API is reached.
#[derive(Clone, Debug)]
pub struct TelegramOptions {
    /// Its address without a trailing path: `https://api.telegram.org`, or a local server's.
    pub api_url: String,
    /// The bot's token.
    pub token: SecretString,
    /// Longest time for one call; long polling adds its own wait.
    pub call_timeout: Duration,
}

/// The bot itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Me {
    /// Its user id.
    pub id: UserId,
    /// Its @username, without the @.
    pub username: String,
    /// Its shown name.
    pub first_name: String,
    /// Privacy mode is off: it sees everything that is said in its groups.
    pub can_read_all_group_messages: bool,
}

/// How updates are to be delivered.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings<'a> {
    /// The public address: HTTPS, port 443, 80, 88 or 8443.
    pub url: &'a str,
    /// What Telegram sends back in `X-Telegram-Bot-Api-Secret-Token`: 1 to 256 of `A-Za-z0-9_-`.
    pub secret: &'a SecretString,
    /// The kinds wanted, by Telegram's names.
    pub allowed_updates: &'a [&'a str],
    /// Connections that Telegram may open at once, 1 to 100.
    pub max_connections: u32,
}

/// How updates are delivered, as Telegram tells it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct WebhookInfo {
    /// The address; empty if none is set.
    pub url: String,
    /// The kinds asked for; none if never named.
    pub allowed_updates: Option<Vec<String>>,
    /// Connections that Telegram may open at once; none if Telegram does not tell.
    pub max_connections: Option<u32>,
    /// Updates that wait at Telegram.
    pub pending_update_count: u64,
    /// When a delivery last failed.
    pub last_error_at: Option<Timestamp>,
    /// Why, in Telegram's words, redacted.
    pub last_error_message: Option<String>,
}

/// Shared handle to the Bot API.
#[derive(Clone)]
pub struct Telegram {
    transport: Transport,
    pub(super) options: TelegramOptions,
    metrics: Metrics,
    server_time: ServerTime,
}

impl fmt::Debug for Telegram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Telegram").finish_non_exhaustive()
    }
}

impl Telegram {
    /// A client; nothing is called yet.
    pub fn new(transport: Transport, options: TelegramOptions, metrics: Metrics) -> Self {
        Self { transport, options, metrics, server_time: ServerTime::default() }
    }

    /// Whether the clock that says `now` agrees with Telegram's, as of the last answer.
    ///
    /// # Errors
    ///
    /// [`ClockOff`] if it is off by more than a minute.
    pub fn check_clock(&self, now: Timestamp) -> Result<(), ClockOff> {
        self.server_time.check(now)
    }

    /// Who the bot is; also the cheapest check of the token.
    ///
    /// # Errors
    ///
    /// [`TelegramError`].
    pub async fn get_me(&self) -> Result<Me, TelegramError> {
        self.call("getMe", &bodies::Nothing {}, |answer| {
            let user = answer.object("result")?;
            Some(Me {
                id: UserId(user.integer("id")?),
                username: user.words("username")?,
                first_name: user.words("first_name").unwrap_or_default(),
                can_read_all_group_messages: user.flag("can_read_all_group_messages"),
            })
        })
        .await
    }

    /// Asks for updates by webhook. Updates that wait at Telegram are kept.
    ///
    /// # Errors
    ///
    /// [`TelegramError`].
    pub async fn set_webhook(&self, settings: &WebhookSettings<'_>) -> Result<(), TelegramError> {
        let body = bodies::SetWebhook {
            url: settings.url,
            secret_token: settings.secret.expose_secret(),
            allowed_updates: settings.allowed_updates,
            max_connections: settings.max_connections,
        };
        self.call("setWebhook", &body, done).await
    }

    /// How updates are delivered.
    ///
    /// # Errors
    ///
    /// [`TelegramError`].
    pub async fn get_webhook_info(&self) -> Result<WebhookInfo, TelegramError> {
        self.call("getWebhookInfo", &bodies::Nothing {}, |answer| {
            let info = answer.object("result")?;
            Some(WebhookInfo {
                url: info.text("url")?.into_owned(),
                allowed_updates: info.value("allowed_updates"),
                max_connections: info.value("max_connections"),
                pending_update_count: info.value("pending_update_count").unwrap_or(0),
                last_error_at: info.integer("last_error_date").map(Timestamp::from_seconds),
                last_error_message: info.text("last_error_message").map(|message| error::redact(&message)),
            })
        })
        .await
    }

    /// Ends delivery by webhook. Updates that wait at Telegram are kept.
    ///
    /// # Errors
    ///
    /// [`TelegramError`].
    pub async fn delete_webhook(&self) -> Result<(), TelegramError> {
        let body = DeleteWebhookParams::builder().drop_pending_updates(false).build();
        self.call("deleteWebhook", &body, done).await
    }

    /// Waits up to `timeout_s` seconds for updates and returns each as its raw JSON, oldest first, at most `limit`
    /// (1 to 100) of the kinds in [`super::ALLOWED_UPDATES`]. An `offset` confirms all updates before it.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; [`TelegramError::Conflict`] while a webhook is set.
    pub async fn get_updates(
        &self,
        offset: Option<i64>,
        timeout_s: u32,
        limit: u32,
    ) -> Result<Vec<Bytes>, TelegramError> {
        let body = bodies::GetUpdates { offset, timeout: timeout_s, limit, allowed_updates: super::ALLOWED_UPDATES };
        let deadline = self.options.call_timeout + Duration::from_secs(u64::from(timeout_s));
        let request = self.request("getUpdates", &body);
        self.answer("getUpdates", request, deadline, |answer| {
            let updates: Vec<&RawValue> = serde_json::from_str(answer.raw("result")?.get()).ok()?;
            Some(updates.into_iter().map(|update| Bytes::copy_from_slice(update.get().as_bytes())).collect())
        })
        .await
    }

    pub(super) async fn call<T>(
        &self,
        method: &'static str,
        body: &impl Serialize,
        read: impl FnOnce(&Object<'_>) -> Option<T>,
    ) -> Result<T, TelegramError> {
        self.answer(method, self.request(method, body), self.options.call_timeout, read).await
    }

    /// Makes the call, and reads its answer with `read`; an answer that `read` cannot read is ambiguous.
    pub(super) async fn answer<T>(
        &self,
        method: &'static str,
        request: Result<Request<Bytes>, TelegramError>,
        deadline: Duration,
        read: impl FnOnce(&Object<'_>) -> Option<T>,
    ) -> Result<T, TelegramError> {
        let started = Instant::now();
        let result = match request {
            Ok(request) => self.exchange(method, request, deadline).await.and_then(|response| {
                let answer = std::str::from_utf8(response.body()).ok().and_then(|json| Object::read(json).ok());
                let success = answer.as_ref().filter(|answer| response.status().is_success() && answer.flag("ok"));
                match success {
                    Some(answer) => read(answer).ok_or_else(|| TelegramError::Ambiguous {
                        method,
                        status: Some(response.status().as_u16()),
                        detail: "the answer lacks what it must have".to_owned(),
                    }),
                    None => Err(error::from_answer(method, response.status(), response.headers(), answer.as_ref())),
                }
            }),
            Err(error) => Err(error),
        };
        self.record(method, started, result.as_ref().err());
        result
    }

    pub(super) async fn exchange(
        &self,
        method: &'static str,
        request: Request<Bytes>,
        deadline: Duration,
    ) -> Result<Response<Bytes>, TelegramError> {
        match tokio::time::timeout(deadline, transport::call(&self.transport, request)).await {
            Ok(Ok(answer)) => {
                self.server_time.note(answer.headers());
                Ok(answer)
            }
            Ok(Err(error)) => Err(error::from_transport(method, &error)),
            Err(_) => Err(TelegramError::Ambiguous {
                method,
                status: None,
                detail: format!("no answer within {} ms", deadline.as_millis()),
            }),
        }
    }

    fn request(&self, method: &'static str, body: &impl Serialize) -> Result<Request<Bytes>, TelegramError> {
        let uri = self.address(method, "", method)?;
        let body = serde_json::to_vec(body).expect("bodies are plain structs with text keys, which serialise");
        Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .map_err(|_| not_a_request(method))
    }

    /// The one place where the token is joined to an address.
    pub(super) fn address(&self, method: &'static str, prefix: &str, suffix: &str) -> Result<Uri, TelegramError> {
        let base = self.options.api_url.trim_end_matches('/');
        let token = self.options.token.expose_secret();
        format!("{base}{prefix}/bot{token}/{suffix}").parse().map_err(|_| not_a_request(method))
    }

    pub(super) fn record(&self, method: &'static str, started: Instant, error: Option<&TelegramError>) {
        let outcome = error.map_or("ok", TelegramError::short);
        let labels = [("method", method), ("outcome", outcome)];
        self.metrics.record(&metric::TELEGRAM_REQUEST_DURATION, &labels, started.elapsed());
    }
}

pub(super) fn not_a_request(method: &'static str) -> TelegramError {
    let detail = "no valid address: check TELEGRAM_API_URL and TELEGRAM_BOT_TOKEN".to_owned();
    TelegramError::NotSent { method, detail }
}

/// For methods that answer `true`, or something that nobody needs.
pub(super) fn done(answer: &Object<'_>) -> Option<()> {
    answer.has("result").then_some(())
}

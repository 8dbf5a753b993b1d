//! Delivery to the webhook as Telegram does it: in order inside a queue, queues side by side, the first retry at once,
//! then 2, 4, 8 ... s up to a minute or two, `Retry-After` obeyed, given up after the update's lifetime.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use tokio::time::Instant;

use super::{Change, FakeTelegram, Update, chat::Delivery, methods, updates::Webhook};
use crate::{
    shutdown::Shutdown,
    transport::{self, Transport},
};

/// How long Telegram waits for an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest `Retry-After` that Telegram obeys, seconds.
const RETRY_AFTER_MAX_SECONDS: u64 = 3600;
/// The header with the webhook's secret.
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// Why a delivery failed, and when to try again if the bot said so.
struct Failure {
    why: String,
    retry_after: Option<Duration>,
}

impl FakeTelegram {
    /// Delivers updates to the registered webhook through `transport` until the soft stop of `shutdown`.
    pub fn deliver_through(&self, transport: Transport, shutdown: &Shutdown) {
        let (telegram, until) = (self.clone(), shutdown.clone());
        shutdown.spawn(async move { telegram.dispatch(transport, until).await });
    }

    /// Posts one update to the webhook once, whatever waits, and returns the bot's HTTP status. For tests that deliver
    /// by hand; none if there is no webhook or no answer.
    pub async fn deliver(&self, update: &Update, transport: &Transport) -> Option<u16> {
        let webhook = self.lock().updates.webhook.clone()?;
        let response = transport::call(transport, request(&webhook, update)?).await.ok()?;
        let status = response.status();
        if status.is_success() {
            self.mark(update, Delivery::Delivered { at: self.now() });
        }
        Some(status.as_u16())
    }

    async fn dispatch(self, transport: Transport, shutdown: Shutdown) {
        while !shutdown.soft.is_cancelled() {
            let next_attempt = self.start_deliveries(&transport, &shutdown);
            let timer = async {
                match next_attempt {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.inner.deliverable.notified() => {}
                () = timer => {}
                () = shutdown.soft.cancelled() => return,
            }
        }
    }

    /// Starts as many deliveries as connections are free; returns when the next retry is due.
    fn start_deliveries(&self, transport: &Transport, shutdown: &Shutdown) -> Option<Instant> {
        loop {
            let next_attempt = self.lock().updates.wake_delayed(Instant::now());
            let Some((update, webhook)) = self.next_delivery(false) else { return next_attempt };
            let (telegram, transport, until) = (self.clone(), transport.clone(), shutdown.clone());
            shutdown.spawn(async move { telegram.run_connection(update, webhook, transport, until).await });
        }
    }

    /// The next update that may leave, counted as running unless it follows another on the same connection.
    fn next_delivery(&self, on_open_connection: bool) -> Option<(Update, Webhook)> {
        let now = self.now();
        let (next, expired) = {
            let mut state = self.lock();
            let webhook = state.updates.webhook.clone()?;
            let most = if state.updates.troubled { 1 } else { webhook.max_connections };
            let running = state.updates.running - usize::from(on_open_connection);
            if running >= most {
                return None;
            }
            let (update, expired) = state.updates.start_next(now);
            if update.is_some() && !on_open_connection {
                state.updates.running += 1;
            }
            (update.map(|update| (update, webhook)), expired)
        };
        for update in expired {
            self.mark(&update, Delivery::Expired);
        }
        next
    }

    /// One connection: delivers update after update while there are any.
    async fn run_connection(self, update: Update, webhook: Webhook, transport: Transport, shutdown: Shutdown) {
        let mut current = Some((update, webhook));
        while let Some((update, webhook)) = current.take() {
            let outcome = tokio::select! {
                outcome = post(&transport, &webhook, &update) => outcome,
                () = shutdown.hard.cancelled() => break,
            };
            match outcome {
                Ok(response) => self.taken(&update, &response),
                Err(failure) => self.not_taken(&update, failure),
            }
            if !shutdown.soft.is_cancelled() {
                current = self.next_delivery(true);
            }
        }
        self.lock().updates.running -= 1;
        self.inner.deliverable.notify_one();
    }

    fn taken(&self, update: &Update, response: &Response<Bytes>) {
        {
            let mut state = self.lock();
            state.updates.finish(update);
            if std::mem::take(&mut state.updates.troubled) {
                self.inner.deliverable.notify_one();
            }
        }
        self.mark(update, Delivery::Delivered { at: self.now() });
        if !response.body().is_empty() {
            methods::run_webhook_answer(self, response.body());
        }
    }

    fn not_taken(&self, update: &Update, failure: Failure) {
        let now = self.now();
        let Failure { why, retry_after } = failure;
        let failed_attempts = {
            let mut state = self.lock();
            state.updates.troubled = true;
            let failed_attempts = state.updates.count_failure(update);
            let delay = retry_after.unwrap_or_else(|| self.backoff(failed_attempts));
            state.updates.delay(update.queue, Instant::now() + delay);
            if let Some(webhook) = &mut state.updates.webhook {
                webhook.last_error = Some((now, why.clone()));
            }
            failed_attempts
        };
        self.mark(update, Delivery::Waiting { failed_attempts, last_failure: Some(why) });
        self.inner.deliverable.notify_one();
    }

    /// At once, then 2, 4, 8 ... s up to a random 60-120 s.
    fn backoff(&self, failed_attempts: u32) -> Duration {
        if failed_attempts <= 1 {
            return Duration::ZERO;
        }
        let most = 60.0 + 60.0 * self.inner.options.random.fraction();
        Duration::from_secs_f64(f64::from(2_u32.saturating_pow(failed_attempts - 1)).min(most))
    }

    pub(super) fn mark(&self, update: &Update, delivery: Delivery) {
        let Some(about) = update.about.filter(|_| update.kind == "message") else { return };
        if let Some(message) =
            self.lock().chats.get_mut(&about.chat.0).and_then(|chat| chat.messages.get_mut(&about.id.0))
        {
            message.delivery = delivery;
        }
        self.tell(Change::Message(about));
    }
}

async fn post(transport: &Transport, webhook: &Webhook, update: &Update) -> Result<Response<Bytes>, Failure> {
    let failure = |why: String| Failure { why, retry_after: None };
    let request = request(webhook, update).ok_or_else(|| failure(String::from("Wrong webhook URL")))?;
    let response = tokio::time::timeout(READ_TIMEOUT, transport::call(transport, request))
        .await
        .map_err(|_| failure(String::from("Read timeout expired")))?
        .map_err(|error| failure(error.to_string()))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let retry_after = response.headers().get(header::RETRY_AFTER);
    let seconds = retry_after.and_then(|value| value.to_str().ok()).and_then(|seconds| seconds.trim().parse().ok());
    Err(Failure {
        why: format!("Wrong response from the webhook: {}", response.status()),
        retry_after: seconds.filter(|seconds| *seconds <= RETRY_AFTER_MAX_SECONDS).map(Duration::from_secs),
    })
}

fn request(webhook: &Webhook, update: &Update) -> Option<Request<Bytes>> {
    let mut request = Request::new(update.body.clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = webhook.url.parse().ok()?;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(update.body.len()));
    if let Some(secret) = &webhook.secret_token {
        headers.insert(SECRET_HEADER, secret.parse().ok()?);
    }
    Some(request)
}

//! How the bot says where its updates go: setWebhook and its kin, and getUpdates.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Result, wire};
use crate::sandbox::telegram::{FakeTelegram, Update, chat::Delivery, refusal::Refusal, updates::Webhook};

/// getUpdates returns at most so many updates.
const BATCH_MAX: usize = 100;
/// The longest long poll, seconds.
const POLL_MAX_SECONDS: u64 = 50;
const DEFAULT_CONNECTIONS: usize = 40;

pub(super) fn set_webhook(telegram: &FakeTelegram, call: wire::SetWebhook) -> Result {
    let mut state = telegram.lock();
    if call.drop_pending_updates {
        state.updates.drop_all();
    }
    if call.allowed_updates.is_some() {
        state.updates.allowed = call.allowed_updates;
    }
    if call.url.is_empty() {
        state.updates.webhook = None;
        return Ok(Value::Bool(true));
    }
    check_url(&call.url, telegram.options().plain_http_webhook)?;
    check_secret(call.secret_token.as_deref().unwrap_or_default())?;
    let most = if telegram.options().plain_http_webhook { 100_000 } else { 100 };
    let webhook = Webhook {
        url: call.url,
        secret_token: call.secret_token.filter(|secret| !secret.is_empty()),
        max_connections: call.max_connections.unwrap_or(DEFAULT_CONNECTIONS).clamp(1, most),
        ip_address: call.ip_address,
        last_error: None,
    };
    state.updates.webhook = Some(webhook);
    state.updates.polls += 1;
    drop(state);
    telegram.ring();
    Ok(Value::Bool(true))
}

fn check_url(url: &str, plain_http: bool) -> Result<()> {
    let parsed: Option<http::Uri> = url.parse().ok();
    let Some(host) = parsed.as_ref().and_then(http::Uri::host) else {
        return Err(Refusal::bad_request("bad webhook: invalid webhook URL specified"));
    };
    if plain_http {
        return Ok(());
    }
    let uri = parsed.as_ref();
    if uri.and_then(http::Uri::scheme_str) != Some("https") {
        return Err(Refusal::bad_request("bad webhook: An HTTPS URL must be provided for webhook"));
    }
    if uri.and_then(http::Uri::port_u16).is_some_and(|port| ![443, 80, 88, 8443].contains(&port)) {
        return Err(Refusal::bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"));
    }
    if host == "localhost" || host.starts_with("127.") {
        return Err(Refusal::bad_request("bad webhook: IP address 127.0.0.1 is reserved"));
    }
    Ok(())
}

fn check_secret(secret: &str) -> Result<()> {
    if secret.len() > 256 {
        return Err(Refusal::bad_request("secret token is too long"));
    }
    if !secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        return Err(Refusal::bad_request("secret token contains unallowed characters"));
    }
    Ok(())
}

pub(super) fn delete_webhook(telegram: &FakeTelegram, call: &wire::DeleteWebhook) -> Result {
    let mut state = telegram.lock();
    state.updates.webhook = None;
    if call.drop_pending_updates {
        state.updates.drop_all();
    }
    Ok(Value::Bool(true))
}

pub(super) fn info(telegram: &FakeTelegram) -> Value {
    let state = telegram.lock();
    let updates = &state.updates;
    let mut info = json!({"url": "", "has_custom_certificate": false, "pending_update_count": updates.len()});
    if let Some(webhook) = &updates.webhook {
        info["url"] = webhook.url.as_str().into();
        info["max_connections"] = webhook.max_connections.into();
        if let Some(address) = &webhook.ip_address {
            info["ip_address"] = address.as_str().into();
        }
        if let Some((at, why)) = &webhook.last_error {
            info["last_error_date"] = at.0.div_euclid(1000).into();
            info["last_error_message"] = why.as_str().into();
        }
    }
    if let Some(allowed) = updates.allowed.as_ref().filter(|allowed| !allowed.is_empty()) {
        info["allowed_updates"] = allowed.clone().into();
    }
    info
}

pub(super) async fn get_updates(telegram: &FakeTelegram, call: wire::GetUpdates) -> Result {
    let wait = Duration::from_secs(call.timeout.unwrap_or(0).min(POLL_MAX_SECONDS));
    let poll = begin_poll(telegram, &call)?;
    let polling = async {
        loop {
            let rung = telegram.inner.pollable.notified();
            tokio::pin!(rung);
            // Registered before the look, so that a ring between the two is not missed.
            rung.as_mut().enable();
            let found = look(telegram, poll, &call)?;
            if !found.is_empty() {
                return Ok(found);
            }
            rung.await;
        }
    };
    match tokio::time::timeout(wait, polling).await {
        Ok(found) => Ok(batch(&found?)),
        Err(_) => Ok(json!([])),
    }
}

/// Confirms what the offset confirms, and ends an older long poll.
fn begin_poll(telegram: &FakeTelegram, call: &wire::GetUpdates) -> Result<u64> {
    let (poll, confirmed) = {
        let mut state = telegram.lock();
        if state.updates.webhook.is_some() {
            return Err(Refusal::conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            ));
        }
        if call.allowed_updates.is_some() {
            state.updates.allowed.clone_from(&call.allowed_updates);
        }
        state.updates.polls += 1;
        let confirmed = call.offset.map(|offset| state.updates.confirm_below(offset)).unwrap_or_default();
        (state.updates.polls, confirmed)
    };
    let at = telegram.now();
    for update in &confirmed {
        telegram.mark(update, Delivery::Delivered { at });
    }
    telegram.inner.pollable.notify_waiters();
    Ok(poll)
}

fn look(telegram: &FakeTelegram, poll: u64, call: &wire::GetUpdates) -> Result<Vec<Update>> {
    let now = telegram.now();
    let state = telegram.lock();
    if state.updates.polls != poll {
        return Err(Refusal::conflict(
            "terminated by other getUpdates request; make sure that only one bot instance is running",
        ));
    }
    let most = call.limit.unwrap_or(BATCH_MAX).clamp(1, BATCH_MAX);
    Ok(state.updates.oldest(most, now))
}

fn batch(updates: &[Update]) -> Value {
    updates.iter().map(Update::json).collect()
}

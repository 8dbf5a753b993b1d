//! Reads upstream's error bodies (gemini_api.md section 4) into [`GeminiError`].
//!
//! Upstream's messages may quote the request, so they are only searched for known phrases; what leaves this module are
//! numbers, durations and words of our own.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::{error::GeminiError, rest::until_midnight_pacific};
use crate::domain::Timestamp;

/// Nobody waits longer than this for a retry; a longer wish is a mistake of theirs.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Status words of Google's APIs, with the HTTP status each stands for.
const WORDS: [(&str, u16); 16] = [
    ("INVALID_ARGUMENT", 400),
    ("FAILED_PRECONDITION", 400),
    ("OUT_OF_RANGE", 400),
    ("UNAUTHENTICATED", 401),
    ("PERMISSION_DENIED", 403),
    ("NOT_FOUND", 404),
    ("ABORTED", 409),
    ("ALREADY_EXISTS", 409),
    ("RESOURCE_EXHAUSTED", 429),
    ("CANCELLED", 499),
    ("INTERNAL", 500),
    ("UNKNOWN", 500),
    ("DATA_LOSS", 500),
    ("UNIMPLEMENTED", 501),
    ("UNAVAILABLE", 503),
    ("DEADLINE_EXCEEDED", 504),
];

/// Phrases of upstream's messages to 400, and what they mean in our words.
const REASONS: [(&str, &str); 9] = [
    ("ending with a model turn", "the last turn is the model's"),
    ("unknown name", "it has a field that upstream does not know"),
    ("token count", "the prompt has too many tokens for the model"),
    ("thinking", "the model does not take this kind or level of thinking"),
    ("temperature", "the model does not take a temperature"),
    ("multiple authentication credentials", "the key was sent twice"),
    ("location is not supported", "the region of this server is not served; use a paid key or another region"),
    ("safety_settings", "the model does not take these safety settings"),
    ("contents", "the conversation is malformed"),
];

/// The refusal of `model` behind a response that is no answer. `now` is the wall clock's.
pub(super) fn read(model: &str, status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> GeminiError {
    let details = Details::parse(body);
    let status = if status.is_success() { details.code().unwrap_or(500) } else { status.as_u16() };
    let retry_after = details.retry_after().or_else(|| retry_after_header(headers));
    match status {
        429 => quota(model, &details, retry_after, now),
        503 => GeminiError::Overloaded { model: model.to_owned(), retry_after },
        404 => GeminiError::Gone { model: model.to_owned() },
        408 | 499 | 500.. => GeminiError::Internal { status },
        401 => GeminiError::BadKey { status },
        400 | 403 if details.key_is_invalid() => GeminiError::BadKey { status },
        403 => GeminiError::Permission { status, reason: details.why_denied() },
        400 if details.word() == "FAILED_PRECONDITION" => {
            let reason = details.reason().unwrap_or("the region or the billing account does not allow it");
            GeminiError::Permission { status, reason }
        }
        _ => GeminiError::BadRequest {
            status,
            word: details.word(),
            reason: details.reason().unwrap_or("no known reason"),
        },
    }
}

fn quota(model: &str, details: &Details, retry_after: Option<Duration>, now: Timestamp) -> GeminiError {
    let model = model.to_owned();
    if details.limit_is_zero() {
        GeminiError::NotInTier { model }
    } else if details.violations().any(|violation| text(violation, "quotaId").contains("PerDay")) {
        // A per-day violation comes with a retryDelay of seconds, too; it is not true.
        GeminiError::QuotaPerDay { model, retry_after: until_midnight_pacific(now), limit: details.requests_a_day() }
    } else {
        GeminiError::QuotaPerMinute { model, retry_after }
    }
}

/// The `error` object of a body, as far as there is one.
struct Details {
    error: Value,
    /// In lower case; only for searching.
    message: String,
}

impl Details {
    /// An object, an array of one (the streaming form), or anything else: HTML, nothing.
    fn parse(body: &[u8]) -> Self {
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        if let Some(first) = body.get_mut(0) {
            body = first.take();
        }
        let error = body.get_mut("error").map(Value::take).unwrap_or_default();
        let message = error.as_str().unwrap_or_else(|| text(&error, "message")).to_lowercase();
        Self { error, message }
    }

    /// The code, which proxies write as a string, or else what the status word stands for.
    fn code(&self) -> Option<u16> {
        let code = match self.error.get("code")? {
            Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
            Value::String(digits) => digits.parse().ok(),
            _ => None,
        };
        let by_word = || WORDS.iter().find(|(word, _)| *word == self.word()).map(|(_, code)| *code);
        code.filter(|code| (400..600).contains(code)).or_else(by_word)
    }

    /// The status word, if it is one of Google's.
    fn word(&self) -> &'static str {
        let word = text(&self.error, "status");
        WORDS.iter().find(|(known, _)| *known == word).map_or("without a known status", |(known, _)| known)
    }

    fn reason(&self) -> Option<&'static str> {
        REASONS.iter().find(|(phrase, _)| self.message.contains(phrase)).map(|(_, reason)| *reason)
    }

    fn details(&self, kind: &'static str) -> impl Iterator<Item = &Value> {
        let details = self.error.get("details").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        details.iter().filter(move |detail| text(detail, "@type").ends_with(kind))
    }

    fn violations(&self) -> impl Iterator<Item = &Value> {
        self.details("google.rpc.QuotaFailure")
            .filter_map(|failure| failure.get("violations").and_then(Value::as_array))
            .flatten()
    }

    /// The day's limit, if it is one of requests: tokens have limits a day too.
    fn requests_a_day(&self) -> Option<u32> {
        let of_requests = |violation: &&Value| {
            let quota = text(violation, "quotaId");
            quota.contains("PerDay") && quota.contains("Requests")
        };
        match self.violations().find(of_requests)?.get("quotaValue")? {
            Value::String(value) => value.parse().ok(),
            Value::Number(value) => value.as_u64().and_then(|value| u32::try_from(value).ok()),
            _ => None,
        }
    }

    fn limit_is_zero(&self) -> bool {
        let by_value = self.violations().any(|violation| match violation.get("quotaValue") {
            Some(Value::String(value)) => value == "0",
            Some(Value::Number(value)) => value.as_u64() == Some(0),
            _ => false,
        });
        by_value
            || self.message.split("limit: 0").skip(1).any(|rest| {
                // "limit: 0.5" and the like are limits above zero.
                !rest.starts_with(|next: char| next.is_ascii_digit())
                    && !rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
            })
    }

    fn error_info_reasons(&self) -> impl Iterator<Item = &str> {
        self.details("google.rpc.ErrorInfo").map(|info| text(info, "reason"))
    }

    fn key_is_invalid(&self) -> bool {
        self.error_info_reasons().any(|reason| reason == "API_KEY_INVALID")
            || self.message.contains("api key not valid")
    }

    fn why_denied(&self) -> &'static str {
        const KNOWN: [(&str, &str); 3] = [
            ("leaked", "the key was reported as leaked; make a new one"),
            ("has not been used in project", "the Gemini API is not enabled in the key's project"),
            ("blocked", "the key is blocked for this API"),
        ];
        let phrase = KNOWN.iter().find(|(phrase, _)| self.message.contains(phrase)).map(|(_, why)| *why);
        let by_name = |reason: &str| match reason {
            "API_KEY_SERVICE_BLOCKED" => Some("the key is blocked for this API"),
            "SERVICE_DISABLED" => Some("the Gemini API is not enabled in the key's project"),
            "BILLING_DISABLED" => Some("billing is disabled in the key's project"),
            _ => None,
        };
        self.error_info_reasons().find_map(by_name).or(phrase).unwrap_or("the key may not do this")
    }

    /// `RetryInfo`, or else the message's "Please retry in 57.2s".
    fn retry_after(&self) -> Option<Duration> {
        let told = self.details("google.rpc.RetryInfo").find_map(|info| seconds(text(info, "retryDelay")));
        told.or_else(|| self.message.split_once("retry in ").and_then(|(_, rest)| seconds(number_and_s(rest)?)))
    }
}

/// The start of `rest` up to and with the `s` behind a number.
fn number_and_s(rest: &str) -> Option<&str> {
    let end = rest.find(|next: char| !next.is_ascii_digit() && next != '.')?;
    rest[end..].starts_with('s').then(|| &rest[..=end])
}

/// A protobuf duration: fractional seconds and an `s`.
fn seconds(duration: &str) -> Option<Duration> {
    let seconds: f64 = duration.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(RETRY_AFTER_MAX))
}

fn retry_after_header(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// A string field, or nothing.
fn text<'value>(value: &'value Value, field: &str) -> &'value str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

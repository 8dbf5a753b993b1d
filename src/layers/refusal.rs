//! Every way in which a layer turns a request away, with its one answer: status, headers, counter, and no body, so
//! that no detail leaks.

use std::time::Duration;

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};

use crate::telemetry::{Metrics, metric};

/// What a 503 asks for. Telegram honours it, and an overload is over sooner (reliability.md section 3: 5 to 30 s).
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why a request was turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// 401: the secret is missing or wrong.
    WrongSecret,
    /// 429: the client's address has spent its budget.
    TooMany {
        /// When the next request may pass.
        retry_after: Duration,
    },
    /// 413: the body is over the cap.
    TooLarge,
    /// 503: the body did not arrive in time. Never a 2xx: the sender must keep its update.
    BodyStalled,
    /// 400: the body broke off or is not valid HTTP.
    BodyBroken,
    /// 503: as many requests as we take are running.
    Overloaded,
    /// 503: the handler did not answer in time.
    DeadlinePassed,
    /// 500: a layer failed in a way that nobody foresaw.
    Unforeseen,
}

impl Refusal {
    /// The label's value in `gryag_http_refused_total{reason}`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::WrongSecret => "secret",
            Self::TooMany { .. } => "rate",
            Self::TooLarge => "too_large",
            Self::BodyStalled => "body_stalled",
            Self::BodyBroken => "body_broken",
            Self::Overloaded => "overload",
            Self::DeadlinePassed => "deadline",
            Self::Unforeseen => "unforeseen",
        }
    }

    /// The answer's status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::WrongSecret => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::BodyStalled | Self::Overloaded | Self::DeadlinePassed => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unforeseen => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Counts the refusal and makes its answer.
    pub fn answer(self, metrics: &Metrics) -> Response {
        metrics.increment(&metric::HTTP_REFUSED, &[("reason", self.reason())]);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        if let Some(wait) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if self.leaves_body_unread() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TooMany { retry_after } => Some(retry_after),
            Self::BodyStalled | Self::Overloaded | Self::DeadlinePassed => Some(RETRY_AFTER),
            Self::WrongSecret | Self::TooLarge | Self::BodyBroken | Self::Unforeseen => None,
        }
    }

    /// Whether the rest of the body still stands between this request and the next one.
    const fn leaves_body_unread(self) -> bool {
        matches!(self, Self::TooLarge | Self::BodyStalled | Self::BodyBroken)
    }
}

/// Rounded up, at least one: `Retry-After: 0` would invite the next request at once.
fn whole_seconds(wait: Duration) -> u64 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    seconds.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_and_never_zero() {
        for (wait_ms, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait_ms)), seconds, "{wait_ms} ms");
        }
    }

    #[test]
    fn a_refusal_is_counted_by_its_reason() {
        let metrics = Metrics::new();
        Refusal::TooLarge.answer(&metrics);
        assert!(metrics.render().contains("gryag_http_refused_total{reason=\"too_large\"} 1"));
    }
}

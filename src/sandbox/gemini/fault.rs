//! How a call of Gemini can go wrong by order.

use std::time::Duration;

use axum::body::Body;
use http::{Response, StatusCode};

use super::{Reply, refusal::Refusal};
use crate::sandbox::connection::Broken;

/// How long a hanging call hangs before the connection closes; longer than any caller's deadline.
const HANG: Duration = Duration::from_secs(300);

/// How a call of Gemini goes wrong.
#[derive(Clone, PartialEq, Debug)]
pub enum GeminiFault {
    /// 503: the model is overloaded.
    Overloaded,
    /// 429 with a per-minute quota and the pause that `retryDelay` asks for.
    PerMinuteQuota {
        /// The pause.
        retry_delay: Duration,
    },
    /// 429 with a per-day quota.
    PerDayQuota,
    /// 429 with `limit: 0`: the model is not in this tier.
    NotInTier,
    /// 500.
    Internal,
    /// 504.
    DeadlineExceeded,
    /// Any other status, in Google's shape.
    Status {
        /// HTTP status.
        code: u16,
        /// Google's name for it, such as `PERMISSION_DENIED`.
        status: &'static str,
        /// Its words.
        message: String,
    },
    /// 400 with the body of a wrong key.
    BadKey,
    /// A proxy's HTML page with 502.
    Html502,
    /// No answer; the connection closes after five minutes.
    Hang,
    /// The connection breaks after the request.
    Cut,
    /// The connection is refused.
    Refused,
    /// 200 with a body that is no JSON.
    Garbage,
    /// The answer comes so much later.
    Slow(Duration),
    /// 200 with this reply: a blocked prompt, a cut or empty answer.
    Answer(Reply),
}

impl GeminiFault {
    /// The response in place of an answer, or the reply that is given instead of the voice's.
    pub(super) async fn strike(self, model: &str) -> Result<Option<Reply>, Response<Body>> {
        let refusal = match self {
            Self::Overloaded => Refusal::overloaded(),
            Self::PerMinuteQuota { retry_delay } => {
                let quota = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
                Refusal::quota(model, quota, 10, retry_delay.as_secs_f64())
            }
            Self::PerDayQuota => Refusal::quota(model, "GenerateRequestsPerDayPerProjectPerModel-FreeTier", 20, 57.238),
            Self::NotInTier => Refusal::quota(model, "GenerateRequestsPerDayPerProjectPerModel-FreeTier", 0, 57.238),
            Self::Internal => Refusal::internal(),
            Self::DeadlineExceeded => {
                Refusal::new(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")
            }
            Self::Status { code, status, message } => Refusal::new(code, status, message),
            Self::BadKey => Refusal::bad_key(),
            other => return other.strike_connection().await,
        };
        Err(refusal.response())
    }

    async fn strike_connection(self) -> Result<Option<Reply>, Response<Body>> {
        match self {
            Self::Html502 => {
                Err(page(StatusCode::BAD_GATEWAY, "<html><title>Error 502 (Server Error)!!1</title></html>"))
            }
            Self::Garbage => Err(page(StatusCode::OK, "{\"candidates\": [{\"content\": {\"par")),
            Self::Refused => Err(Broken::Refused.response()),
            Self::Hang => {
                tokio::time::sleep(HANG).await;
                Err(Broken::Cut.response())
            }
            Self::Slow(delay) => {
                tokio::time::sleep(delay).await;
                Ok(None)
            }
            Self::Answer(reply) => Ok(Some(reply)),
            _ => Err(Broken::Cut.response()),
        }
    }
}

fn page(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}

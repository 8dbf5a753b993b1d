//! How a call of the Bot API can go wrong by order.

use std::time::Duration;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::sandbox::connection::Broken;

/// How long a hanging call hangs before the connection closes, seconds; longer than any caller's deadline.
const HANG_SECONDS: u64 = 300;

/// How a call of the Bot API goes wrong.
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// Refused with an error body of Telegram's shape.
    Status {
        /// HTTP status and `error_code`.
        code: u16,
        /// The description, whole: `Bad Request: chat not found`.
        description: String,
        /// `parameters`, if any.
        parameters: Option<Value>,
    },
    /// A proxy's HTML page with 502.
    Html502,
    /// 429 with `retry_after`, in seconds.
    RetryAfter(u32),
    /// The call is not looked at; the connection closes after five minutes.
    HangThenClose,
    /// The call takes effect (the message IS sent), but the connection breaks before the response.
    AcceptThenCut,
    /// The connection breaks before the call is looked at.
    CutBefore,
    /// The connection is refused.
    Refused,
    /// 200 with a body that is no JSON. The call takes no effect.
    Garbage,
    /// The call takes effect, its response comes so much later.
    Slow(Duration),
}

impl Fault {
    /// Refused with these words and no parameters.
    pub fn status(code: u16, description: &str) -> Self {
        Self::Status { code, description: description.to_owned(), parameters: None }
    }
}

/// A fault by the moment at which it strikes.
pub(super) enum Planned {
    /// In place of the call.
    Instead(Fault),
    /// After the call has taken effect.
    After(Fault),
}

impl From<Fault> for Planned {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::AcceptThenCut | Fault::Slow(_) => Self::After(fault),
            _ => Self::Instead(fault),
        }
    }
}

/// The response of a call that is not looked at.
pub(super) async fn instead(fault: Fault) -> Response<Body> {
    match fault {
        Fault::Status { code, description, parameters } => Refusal { code, description, parameters }.response(),
        Fault::RetryAfter(seconds) => Refusal::too_many(seconds).response(),
        Fault::Html502 => {
            page(StatusCode::BAD_GATEWAY, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>")
        }
        Fault::Garbage => page(StatusCode::OK, "{\"ok\":tru"),
        Fault::Refused => Broken::Refused.response(),
        Fault::HangThenClose => {
            tokio::time::sleep(Duration::from_secs(HANG_SECONDS)).await;
            Broken::Cut.response()
        }
        Fault::CutBefore | Fault::AcceptThenCut | Fault::Slow(_) => Broken::Cut.response(),
    }
}

/// What becomes of the response of a call that took effect.
pub(super) async fn after(fault: Fault, response: Response<Body>) -> Response<Body> {
    match fault {
        Fault::Slow(delay) => {
            tokio::time::sleep(delay).await;
            response
        }
        _ => Broken::Cut.response(),
    }
}

fn page(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}

/// `parameters` of a call to a group that became a supergroup.
pub(super) fn migrated_to(chat: i64) -> Value {
    json!({"migrate_to_chat_id": chat})
}

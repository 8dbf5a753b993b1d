//! `POST /telegram/webhook`: commit, then 200. Nothing else happens inside the request.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;

use crate::{
    clock::SharedClock,
    domain::RequestId,
    errors::{Class, ErrorHandler},
    inbox::Inbox,
};

/// When the store does not say for how long it is unable.
const RETRY: Duration = Duration::from_secs(5);

/// What the handler works with; in an `Arc`, for each request has its own handle.
pub struct Webhook {
    /// Where updates go.
    pub inbox: Inbox,
    /// When they came.
    pub clock: SharedClock,
    /// Where errors end.
    pub errors: ErrorHandler,
}

/// 200 after the commit, a duplicate too; 503 with `Retry-After` when the store cannot take it. Never a 4xx: a refused
/// update would block its chat for a day (telegram_api.md section 3).
pub async fn receive(
    State(webhook): State<Arc<Webhook>>,
    Extension(request_id): Extension<RequestId>,
    request: Request,
) -> Response {
    // It is in memory already; axum's own way to it wraps it once more, for a limit that has been kept.
    let Ok(body) = request.into_body().collect().await else { return busy(RETRY) };
    match webhook.inbox.accept(body.to_bytes(), webhook.clock.now(), request_id).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(error) => {
            let retry = match webhook.errors.handle("webhook", &error) {
                Class::Transient { retry_after: Some(after) } => after,
                _ => RETRY,
            };
            busy(retry)
        }
    }
}

fn busy(retry: Duration) -> Response {
    let seconds = HeaderValue::from(retry.as_secs().max(1));
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, seconds)]).into_response()
}

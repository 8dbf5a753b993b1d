//! Why a call of the Bot API is refused, in Telegram's words (telegram_api.md sections 8 and 9).

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{fault::migrated_to, json as wire};

/// A refused call.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) description: String,
    pub(super) parameters: Option<Value>,
}

impl Refusal {
    pub(super) fn bad_request(why: impl AsRef<str>) -> Self {
        Self { code: 400, description: format!("Bad Request: {}", why.as_ref()), parameters: None }
    }

    pub(super) fn forbidden(why: impl AsRef<str>) -> Self {
        Self { code: 403, description: format!("Forbidden: {}", why.as_ref()), parameters: None }
    }

    pub(super) fn conflict(why: &str) -> Self {
        Self { code: 409, description: format!("Conflict: {why}"), parameters: None }
    }

    pub(super) fn too_many(seconds: u32) -> Self {
        let description = format!("Too Many Requests: retry after {seconds}");
        Self { code: 429, description, parameters: Some(json!({"retry_after": seconds})) }
    }

    pub(super) fn migrated(to: i64) -> Self {
        let refusal = Self::bad_request("group chat was upgraded to a supergroup chat");
        Self { parameters: Some(migrated_to(to)), ..refusal }
    }

    /// The token is well formed, but not this bot's.
    pub(super) fn unauthorized() -> Self {
        Self { code: 401, description: String::from("Unauthorized"), parameters: None }
    }

    /// No such method, or a token of a wrong form.
    pub(super) fn not_found() -> Self {
        Self { code: 404, description: String::from("Not Found"), parameters: None }
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut body = json!({"ok": false, "error_code": self.code, "description": self.description});
        if let Some(parameters) = &self.parameters {
            body["parameters"] = parameters.clone();
        }
        json_response(self.code, &body)
    }
}

/// The response to an accepted call.
pub(super) fn accepted(result: &Value) -> Response<Body> {
    json_response(200, &json!({"ok": true, "result": result}))
}

fn json_response(code: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(wire::to_bytes(body)));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

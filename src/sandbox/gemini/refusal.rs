//! Gemini's error bodies (gemini_api.md section 4).

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// A refused call.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) status: &'static str,
    pub(super) message: String,
    pub(super) details: Vec<Value>,
}

impl Refusal {
    pub(super) fn new(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: Vec::new() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    pub(super) fn unknown_field(name: &str) -> Self {
        let message = format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.");
        let details = vec![json!({"@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"description": message}]})];
        Self { details, ..Self::invalid(message) }
    }

    pub(super) fn bad_key() -> Self {
        let details = vec![
            json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}}),
            json!({"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US",
                "message": "API key not valid. Please pass a valid API key."}),
        ];
        Self { details, ..Self::invalid("API key not valid. Please pass a valid API key.") }
    }

    pub(super) fn no_such_model(model: &str, verb: &str) -> Self {
        let message = format!(
            "models/{model} is not found for API version v1beta, or is not supported for {verb}. Call ListModels to \
             see the list of available models and their supported methods."
        );
        Self::new(404, "NOT_FOUND", message)
    }

    pub(super) fn overloaded() -> Self {
        Self::new(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
    }

    pub(super) fn internal() -> Self {
        let message = "An internal error has occurred. Please retry or report in \
                       https://developers.generativeai.google/guide/troubleshooting";
        Self::new(500, "INTERNAL", message)
    }

    /// 429. `quota` is the quota's id, `limit` its value, `wait_seconds` the advised pause.
    pub(super) fn quota(model: &str, quota: &str, limit: u32, wait_seconds: f64) -> Self {
        let metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
        let message = format!(
            "You exceeded your current quota, please check your plan and billing details. For more information on this \
             error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. \n* Quota exceeded for metric: \
             {metric}, limit: {limit}, model: {model}\nPlease retry in {wait_seconds}s."
        );
        let details = vec![
            json!({"@type": "type.googleapis.com/google.rpc.Help", "links": [{
                "description": "Learn more about Gemini API quotas",
                "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]}),
            json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaMetric": metric,
                "quotaId": quota, "quotaDimensions": {"location": "global", "model": model},
                "quotaValue": limit.to_string()}]}),
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{wait_seconds}s")}),
        ];
        Self { details, ..Self::new(429, "RESOURCE_EXHAUSTED", message) }
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut error = json!({"code": self.code, "message": self.message, "status": self.status});
        if !self.details.is_empty() {
            error["details"] = self.details.clone().into();
        }
        json_response(self.code, &json!({"error": error}))
    }
}

pub(super) fn json_response(code: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

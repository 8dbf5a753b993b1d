//! Tower layers, one a file. They know nothing of Telegram or Gemini; `edge::stack` and the clients say in which order
//! they stand.
//!
//! Inbound ones answer with a [`Refusal`](refusal::Refusal) instead of an error, so a stack of them is infallible.

pub mod authentic;
pub mod breaker;
pub mod catch_panic;
pub mod client_address;
pub mod http_metrics;
pub mod rate_limit;
pub mod refusal;
pub mod request_id;
pub mod rescue;
pub mod retry;
pub mod same_origin;
pub mod secret_token;
pub mod whole_body;

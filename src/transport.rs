//! Outbound HTTP as one tower service, so that tests put an axum router in its place and need no sockets.
//!
//! The one home of reqwest. Both `Display` and `Debug` of a reqwest error print the URL, and a Bot API URL holds the
//! token, so every error passes `without_url()` here and only here.

use std::{error::Error as _, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use crate::errors::{Class, Classify};

/// Sends a request with its whole body and returns the whole response, whatever its status.
pub type Transport = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, TransportError>;

/// Why a request has no response. Nothing here holds an address, a header or a body.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TransportError {
    /// The connection was never made: the other side has not seen the request, so it may be sent again freely.
    #[error("could not connect: {detail}")]
    NotSent {
        /// What the network said.
        detail: String,
    },
    /// The request may have been seen: the connection broke or timed out after it left.
    #[error("the connection broke after the request left: {detail}")]
    Ambiguous {
        /// What the network said.
        detail: String,
    },
    /// The response was larger than we take.
    #[error("the response is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
}

impl Classify for TransportError {
    fn class(&self) -> Class {
        match self {
            Self::NotSent { .. } | Self::Ambiguous { .. } => Class::Transient { retry_after: None },
            Self::TooLarge { .. } => Class::Permanent,
        }
    }
}

/// Limits of the HTTP client.
#[derive(Clone, Copy, Debug)]
pub struct TransportOptions {
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for a whole call; callers' own deadlines are shorter.
    pub total_timeout: Duration,
    /// Largest response body.
    pub response_max_bytes: usize,
}

/// In a request's extensions: of a response that is larger, no more is read. Only ever lowers the transport's own limit.
#[derive(Clone, Copy, Debug)]
pub struct ResponseMax {
    /// Bytes of the body.
    pub bytes: usize,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(120),
            // Telegram's files are at most 20 MB (telegram_api.md section 8).
            response_max_bytes: 24 * 1024 * 1024,
        }
    }
}

/// The real transport.
///
/// # Errors
///
/// If the system has no usable certificate store (install `ca-certificates`).
pub fn http_client(options: TransportOptions) -> Result<Transport, TransportError> {
    #[expect(clippy::disallowed_methods, reason = "the one home of the HTTP client")]
    let client = reqwest::Client::builder()
        .connect_timeout(options.connect_timeout)
        .timeout(options.total_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(55))
        .user_agent(concat!("gryag/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| TransportError::NotSent {
            detail: format!("the HTTP client could not be built (is ca-certificates installed?): {}", describe(error)),
        })?;
    let limit_bytes = options.response_max_bytes;
    Ok(BoxCloneSyncService::new(tower::service_fn(move |request| {
        let client = client.clone();
        async move { send(&client, request, limit_bytes).await }
    })))
}

async fn send(
    client: &reqwest::Client,
    request: Request<Bytes>,
    limit_bytes: usize,
) -> Result<Response<Bytes>, TransportError> {
    let limit_bytes = request.extensions().get::<ResponseMax>().map_or(limit_bytes, |max| max.bytes.min(limit_bytes));
    let request = reqwest::Request::try_from(request)
        .map_err(|error| TransportError::NotSent { detail: format!("not a valid request: {}", describe(error)) })?;
    let mut response = client.execute(request).await.map_err(classify)?;
    let mut builder = Response::builder().status(response.status());
    if let Some(headers) = builder.headers_mut() {
        headers.extend(response.headers().clone());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(classify)? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(TransportError::TooLarge { limit_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    builder.body(body.freeze()).map_err(|error| TransportError::Ambiguous { detail: error.to_string() })
}

fn classify(error: reqwest::Error) -> TransportError {
    let connecting = error.is_connect() || error.is_builder();
    let detail = describe(error);
    if connecting { TransportError::NotSent { detail } } else { TransportError::Ambiguous { detail } }
}

/// The error's words and its causes', without any address.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

/// Calls a transport once.
///
/// # Errors
///
/// As the transport.
pub async fn call(transport: &Transport, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
    transport.clone().oneshot(request).await
}

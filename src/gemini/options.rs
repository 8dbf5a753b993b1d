//! What the client is told at its making.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Uri};
use secrecy::{ExposeSecret as _, SecretString};

use super::slots::RateSlots;
use crate::{
    config::models::Thinking,
    errors::{Class, Classify},
};

/// Settings of the client, already read and checked for range by `config`.
#[derive(Clone, Debug)]
pub struct GeminiOptions {
    /// Calls go to `{base_url}/v1beta/models/…`; it may have a path of its own.
    pub base_url: String,
    /// Sent in `x-goog-api-key` and nowhere else. Its form is not checked: Google has several.
    pub api_key: SecretString,
    /// The model that is asked first, with or without `models/`.
    pub model: String,
    /// The model that is asked when the first one cannot answer.
    pub fallback_model: Option<String>,
    /// Longest answer in tokens; thinking counts in.
    pub max_output_tokens: u32,
    /// 0 to 2; sent only to models that take it.
    pub temperature: Option<f64>,
    /// Thinking of the first model; `None` is the least it takes. The fallback always thinks as little as it can.
    pub thinking: Option<Thinking>,
    /// Longest time of one HTTP call.
    pub call_timeout: Duration,
    /// HTTP calls at the same time, per model.
    pub max_concurrent: usize,
    /// The shared rate limit; `None` switches it off.
    pub rate: Option<Arc<dyn RateSlots>>,
}

/// Settings with which no client can be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OptionsError {
    /// Not an absolute http(s) address, or one with a query.
    #[error("GEMINI_BASE_URL is not an address such as https://generativelanguage.googleapis.com")]
    BaseUrl,
    /// Characters that cannot stand in a header, or nothing at all.
    #[error("GEMINI_API_KEY is empty or has characters that no key has")]
    ApiKey,
    /// Characters that cannot stand in a model's name.
    #[error("a model's name has only letters, digits and . _ -, such as gemini-3.8-flash")]
    Model,
    /// Out of 0 to 2.
    #[error("GEMINI_TEMPERATURE is not between 0 and 2")]
    Temperature,
    /// No call could ever be made.
    #[error("the number of concurrent calls, the call's time-out and the output tokens must be above zero")]
    Zero,
}

impl Classify for OptionsError {
    fn class(&self) -> Class {
        Class::Permanent
    }
}

impl GeminiOptions {
    /// The API's root, without a slash at its end.
    pub(super) fn root(&self) -> Result<String, OptionsError> {
        let root = self.base_url.trim_end_matches('/');
        let uri: Uri = root.parse().map_err(|_| OptionsError::BaseUrl)?;
        let good = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none();
        if good { Ok(format!("{root}/v1beta")) } else { Err(OptionsError::BaseUrl) }
    }

    /// The key as a header that is never printed.
    pub(super) fn key_header(&self) -> Result<HeaderValue, OptionsError> {
        let key = self.api_key.expose_secret().trim();
        let mut header = HeaderValue::from_str(key).map_err(|_| OptionsError::ApiKey)?;
        if header.is_empty() {
            return Err(OptionsError::ApiKey);
        }
        header.set_sensitive(true);
        Ok(header)
    }

    pub(super) fn check_numbers(&self) -> Result<(), OptionsError> {
        if self.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Err(OptionsError::Temperature);
        }
        if self.max_concurrent == 0 || self.call_timeout.is_zero() || self.max_output_tokens == 0 {
            return Err(OptionsError::Zero);
        }
        Ok(())
    }
}

/// A model's bare name, fit to stand in a path.
pub(super) fn model_name(name: &str) -> Result<String, OptionsError> {
    let bare = name.strip_prefix("models/").unwrap_or(name);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if bare.is_empty() || !bare.bytes().all(fits) {
        return Err(OptionsError::Model);
    }
    Ok(bare.to_owned())
}

//! Tells by a secret header whether a request is authentic.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, Request};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use tower::{Layer, Service};

use super::authentic::Authentic;

/// Marks a request as [`Authentic`] if the header holds one of the accepted secrets: one, or two while rotating.
///
/// Digests are compared, all of them and in constant time, so the time taken tells neither how much of a secret was
/// right, nor its length, nor which one it was. Which layer refuses, and how dearly, is for others to say.
///
/// Pushes back: never. Error: the inner service's. In the stack: outside `rate_limit` and `authentic`, which ask for
/// the mark.
#[derive(Clone)]
pub struct SecretTokenLayer {
    header: HeaderName,
    accepted: Arc<[[u8; 32]]>,
}

impl SecretTokenLayer {
    /// Accepts any of `secrets` in `header`. With no secrets nothing is authentic.
    pub fn new<'a>(header: HeaderName, secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let digests = secrets.into_iter().map(|secret| Sha256::digest(secret.expose_secret()).into());
        Self { header, accepted: digests.collect() }
    }

    fn accepts(&self, headers: &HeaderMap) -> bool {
        let Some(given) = headers.get(&self.header) else { return false };
        let given: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        let matches = self.accepted.iter().map(|accepted| given.ct_eq(accepted));
        matches.fold(Choice::from(0), |found, matched| found | matched).into()
    }
}

impl fmt::Debug for SecretTokenLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretTokenLayer").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for SecretTokenLayer {
    type Service = CheckSecretToken<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CheckSecretToken { inner, secret: self.clone() }
    }
}

/// The service of [`SecretTokenLayer`].
#[derive(Clone, Debug)]
pub struct CheckSecretToken<S> {
    inner: S,
    secret: SecretTokenLayer,
}

impl<S, B> Service<Request<B>> for CheckSecretToken<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if self.secret.accepts(request.headers()) {
            request.extensions_mut().insert(Authentic);
        }
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const HEADER: HeaderName = HeaderName::from_static("x-secret");

    fn layer(secrets: &[&str]) -> SecretTokenLayer {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        SecretTokenLayer::new(HEADER, &secrets)
    }

    fn accepted(layer: &SecretTokenLayer, given: &str) -> bool {
        layer.accepts(&HeaderMap::from_iter([(HEADER, HeaderValue::from_str(given).unwrap())]))
    }

    #[test]
    fn the_old_and_the_new_secret_are_both_accepted_while_rotating() {
        let layer = layer(&["old-secret", "new-secret"]);
        assert!(accepted(&layer, "old-secret") && accepted(&layer, "new-secret"));
        assert!(!accepted(&layer, "old-secretnew-secret"));
    }

    #[test]
    fn without_the_header_or_without_secrets_nothing_is_authentic() {
        assert!(!layer(&["secret"]).accepts(&HeaderMap::new()));
        assert!(!accepted(&layer(&[]), ""));
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let secret = "canary";
        let layer = layer(&[secret]);
        let digest = format!("{:?}", layer.accepted[0]);
        let shown = format!("{layer:?} {:?}", layer.layer(()));
        assert!(!shown.contains(secret) && !shown.contains(&digest), "{shown}");
    }

    proptest! {
        #[test]
        fn nothing_but_the_secret_is_accepted(secret in "[A-Za-z0-9_-]{1,64}", other in "[A-Za-z0-9_-]{0,64}") {
            let layer = layer(&[&secret]);
            prop_assert!(accepted(&layer, &secret));
            prop_assert_eq!(accepted(&layer, &other), other == secret);
            prop_assert!(!accepted(&layer, &secret[1..]));
        }
    }
}

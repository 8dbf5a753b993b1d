//! Who may look: the holder of a session, whose requests come from the dashboard's own pages.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};

use super::{Dashboard, SharedDashboard, frame};
use crate::{
    domain::Language,
    layers::{client_address::ClientAddress, refusal::Refusal, same_origin::is_same_origin},
    storage::{SESSION_VALID, SecretDigest, Session},
};

const SESSION: &str = "gryag_session";
const LANGUAGE: &str = "gryag_language";
/// A secret token's length in characters; whatever is longer or shorter is none.
const TOKEN_CHARS: usize = 64;

/// No other host, no inline script or style, no frames, and forms that lead nowhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What is known of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    /// In which language it is answered.
    pub(super) language: Language,
    /// Its session, if it has one that holds.
    pub(super) session: Option<(SecretDigest, Session)>,
}

/// Marks the request with its [`Visit`], charges who has no session, and refuses what another site's page sends.
pub(super) async fn guard(State(dashboard): State<SharedDashboard>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let wanted = wanted_language(head.uri.query());
    let chosen = wanted.or_else(|| cookie(&head.headers, LANGUAGE).and_then(Language::from_code));
    let language = chosen.unwrap_or(dashboard.parts.language);
    let mut response = match dashboard.admit(&head, language).await {
        Ok(session) => {
            head.extensions.insert(Visit { language, session });
            next.run(Request::from_parts(head, body)).await
        }
        Err(refused) => refused,
    };
    add_headers(response.headers_mut());
    if let Some(language) = wanted {
        let cookie = format!("{LANGUAGE}={}; Path=/dashboard; Max-Age=31536000; SameSite=Lax", language.code());
        append_cookie(&mut response, &cookie);
    }
    response
}

/// Stands before everything that only an admin may see or do.
pub(super) async fn require_session(request: Request, next: Next) -> Response {
    let visit = request.extensions().get::<Visit>();
    match visit {
        Some(Visit { session: Some(_), .. }) => next.run(request).await,
        Some(visit) => frame::locked(visit.language),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

impl Dashboard {
    /// The request's session, or why it is not even looked at.
    async fn admit(&self, head: &Parts, language: Language) -> Result<Option<(SecretDigest, Session)>, Response> {
        let is_harmless = matches!(head.method, Method::GET | Method::HEAD);
        if !is_harmless && is_same_origin(&head.headers) != Some(true) {
            return Err((StatusCode::FORBIDDEN, "another page sent this\n").into_response());
        }
        let token = cookie(&head.headers, SESSION).filter(|token| token.len() == TOKEN_CHARS);
        let digest = token.map(SecretDigest::of);
        let is_known = digest.is_some_and(|digest| self.known.contains_key(&digest));
        if !is_known {
            // Before the store is asked, so that nobody can guess for long.
            let address = head.extensions.get::<ClientAddress>().map(|client| client.0);
            let charged = self.parts.limiter.charge(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
            charged.map_err(|retry_after| Refusal::TooMany { retry_after }.answer(&self.parts.metrics))?;
        }
        let Some(digest) = digest else { return Ok(None) };
        let session = self.session(digest).await.map_err(|error| self.failed(&error, language))?;
        if session.is_some() {
            self.known.insert(digest, ()).await;
        }
        Ok(session.map(|session| (digest, session)))
    }

    /// A session that holds; that of who is an admin no more does not.
    pub(super) async fn session(&self, digest: SecretDigest) -> Result<Option<Session>, crate::storage::StorageError> {
        let session = self.parts.store.session(digest, self.parts.clock.now()).await?;
        Ok(session.filter(|session| session.admin.is_none_or(|admin| self.parts.admins.contains(&admin))))
    }

    /// The cookie that bears a session, or, without a token, that ends it.
    pub(super) fn set_session(&self, response: &mut Response, token: Option<&str>) {
        let secure = if self.parts.is_secure { "; Secure" } else { "" };
        let age = token.map_or(0, |_| SESSION_VALID.as_secs());
        let token = token.unwrap_or_default();
        let attributes = format!("Path=/dashboard; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
        append_cookie(response, &format!("{SESSION}={token}; {attributes}"));
    }
}

fn append_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

fn add_headers(headers: &mut HeaderMap) {
    let fixed: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With `no-referrer` browsers would hide the origin of our own forms too.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, value)| value)
}

/// A link that chooses a language ends in `?lang=…`.
fn wanted_language(query: Option<&str>) -> Option<Language> {
    query?.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::from_code)
}

//! Who may look at the page and act through it: the holder of the token, from the page itself, by its own host name.

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use super::SharedPage;
use crate::layers::same_origin::is_same_origin;

const COOKIE: &str = "gryag_sandbox";

/// No other host, no inline script or style, no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn guard(State(page): State<SharedPage>, request: Request, next: Next) -> Response {
    let refused = check_host(&page, request.headers())
        .or_else(|| check_origin(request.method(), request.uri().path(), request.headers()))
        .or_else(|| check_token(&page, &request));
    let mut response = match refused {
        Some(response) => response,
        None => next.run(request).await,
    };
    add_headers(response.headers_mut());
    response
}

fn add_headers(headers: &mut HeaderMap) {
    let fixed: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// On a loopback address only loopback names are ours: another site's name that resolves to 127.0.0.1 is not.
fn check_host(page: &SharedPage, headers: &HeaderMap) -> Option<Response> {
    if !page.options.is_loopback {
        return None;
    }
    let host = text(headers, &header::HOST).map(name_of_host).unwrap_or_default();
    let ours = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    (!ours).then(|| refusal(StatusCode::FORBIDDEN, "Пісочниця відповідає лише на 127.0.0.1 та localhost."))
}

fn name_of_host(host: &str) -> &str {
    match host.rfind(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Another site may link to the page, but neither read its data nor act through it.
fn check_origin(method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
    if path == "/sandbox" && method == Method::GET {
        return None;
    }
    (is_same_origin(headers) == Some(false))
        .then(|| refusal(StatusCode::FORBIDDEN, "Цей запит прийшов з іншої сторінки."))
}

fn check_token(page: &SharedPage, request: &Request) -> Option<Response> {
    let expected = page.options.token.as_ref()?.expose_secret();
    let matches = |given: &str| bool::from(given.as_bytes().ct_eq(expected.as_bytes()));
    let cookies = text(request.headers(), &header::COOKIE).unwrap_or_default();
    let cookie = cookies.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE);
    let given = request.uri().query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("token="));
    match (given, cookie) {
        // The token leaves the address bar, and with it the browser's history, at once.
        (Some(token), _) if matches(token) => Some(admit(token)),
        (None, Some((_, token))) if matches(token) => None,
        _ => {
            Some(refusal(StatusCode::UNAUTHORIZED, "Потрібна адреса з токеном: її надруковано в терміналі пісочниці."))
        }
    }
}

fn admit(token: &str) -> Response {
    let mut response = Redirect::to("/sandbox").into_response();
    let cookie = format!("{COOKIE}={token}; Path=/sandbox; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn refusal(status: StatusCode, words: &'static str) -> Response {
    let mut response = Response::new(Body::from(words));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

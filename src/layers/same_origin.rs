//! Whether a browser's request comes from a page of ours.

use http::{HeaderMap, HeaderName, header};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the browser says of the page that made a request: that it is of this very origin (or that a person typed the
/// address), that it is not, or, of an old browser and of what is none, nothing.
pub fn is_same_origin(headers: &HeaderMap) -> Option<bool> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site = text(&SITE).map(|site| matches!(site, "same-origin" | "none"));
    let origin = text(&header::ORIGIN)
        .map(|origin| origin.split_once("://").is_some_and(|(_, host)| Some(host) == text(&header::HOST)));
    match (site, origin) {
        (None, None) => None,
        (site, origin) => Some(site.unwrap_or(true) && origin.unwrap_or(true)),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn either_sign_of_another_site_is_enough() {
        for (site, origin, expected) in [
            ("", "", None),
            ("same-origin", "", Some(true)),
            ("none", "", Some(true)),
            ("", "https://bot.example.org", Some(true)),
            ("", "http://bot.example.org:8443", Some(false)),
            ("same-origin", "https://bot.example.org", Some(true)),
            ("same-origin", "https://evil.example.org", Some(false)),
            ("cross-site", "https://bot.example.org", Some(false)),
            ("same-site", "", Some(false)),
            ("", "null", Some(false)),
            ("", "https://bot.example.org.evil.org", Some(false)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("bot.example.org"));
            for (name, value) in [(SITE, site), (header::ORIGIN, origin)] {
                if !value.is_empty() {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(is_same_origin(&headers), expected, "{site:?} {origin:?}");
        }
    }
}

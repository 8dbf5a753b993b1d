//! Which links an answer may carry.

/// No page that anybody means has a longer address.
const ADDRESS_MAX: usize = 2048;

/// Where a link may lead: to a page on the web. Everything else (scripts, `tg:` deep links, files, paths) is inert.
pub(super) fn web_address(destination: &str) -> Option<String> {
    // Entities are hidden from the parser, which would have read this one.
    let address = destination.trim().replace("&amp;", "&");
    let (scheme, rest) = address.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let host = rest.split(['/', '?', '#']).next()?;
    // `https://bank.example@evil.example` shows one host and leads to another.
    let is_host = host.starts_with(|first: char| first.is_alphanumeric()) && !host.contains(['@', '\\']);
    let is_clean = !address.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    (is_web && is_host && is_clean && address.len() <= ADDRESS_MAX).then_some(address)
}

/// The address of a `mailto:` link, which is shown beside its label.
pub(super) fn mail_address(destination: &str) -> Option<&str> {
    let address = destination.trim().strip_prefix("mailto:")?;
    let address = address.split('?').next()?;
    (address.contains('@') && !address.contains(char::is_whitespace)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::{mail_address, web_address};

    #[test]
    fn only_the_web_is_linked() {
        for safe in ["https://example.org", "HTTP://Example.org/a?b=c#d", "https://приклад.укр/шлях"] {
            assert_eq!(web_address(safe).as_deref(), Some(safe));
        }
        for inert in [
            "",
            "example.org",
            "//example.org",
            "docs/a.md",
            "#top",
            "javascript:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "tg://user?id=1",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://example.org",
            "https://",
            "https:///path",
            "https://bank.example@evil.example",
            "https://a b",
        ] {
            assert_eq!(web_address(inert), None, "{inert}");
        }
    }

    #[test]
    fn a_mail_address_loses_its_scheme_and_headers() {
        assert_eq!(mail_address("mailto:a@example.org?subject=x"), Some("a@example.org"));
        assert_eq!(mail_address("a@example.org"), None);
    }
}

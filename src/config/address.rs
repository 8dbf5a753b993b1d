//! Keys that take addresses: web addresses, the listener's address, and networks.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use http::Uri;
use secrecy::SecretString;

use super::key::{Rejected, Shape, Takes};

/// The path that the edge serves to Telegram; an address without a path gets it.
pub(super) const WEBHOOK_PATH: &str = "/telegram/webhook";

/// A web address to which paths are appended: no slash at its end, no query, no password.
pub(super) struct BaseUrl;

impl Takes for BaseUrl {
    fn takes(&self) -> String {
        "an `https://` or `http://` address without query or password".to_owned()
    }
}

impl Shape for BaseUrl {
    type Value = String;

    fn parse(&self, text: &str) -> Result<String, Rejected> {
        if text.trim_end_matches('/').ends_with("/v1beta") {
            return Err(Rejected("without `/v1beta`, which is appended"));
        }
        web_address(text)
    }
}

/// The public address that Telegram calls.
pub(super) struct WebhookUrl;

impl Takes for WebhookUrl {
    fn takes(&self) -> String {
        "an `https://` address, port 443, 80, 88 or 8443 (`http://` and any port for this machine itself or a Bot API \
         server of your own)"
            .to_owned()
    }
}

impl Shape for WebhookUrl {
    type Value = String;

    fn parse(&self, text: &str) -> Result<String, Rejected> {
        let address = web_address(text)?;
        let has_path = parts(&address).is_some_and(|parts| parts.path.len() > 1);
        Ok(if has_path { address } else { address + WEBHOOK_PATH })
    }
}

/// A web address to call as it stands, which may hold a token.
pub(super) struct SecretUrl;

impl Takes for SecretUrl {
    fn takes(&self) -> String {
        "an `https://` or `http://` address".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Shape for SecretUrl {
    type Value = SecretString;

    fn parse(&self, text: &str) -> Result<SecretString, Rejected> {
        let parts = parts(text).ok_or(Rejected("such as https://hc-ping.com/…"))?;
        if !matches!(parts.scheme.as_str(), "http" | "https") {
            return Err(Rejected("`https://` or `http://`"));
        }
        Ok(text.into())
    }
}

/// Checked, and without slashes at its end. A password in it would show in logs and in `gryag config`.
fn web_address(text: &str) -> Result<String, Rejected> {
    if text.contains('@') {
        return Err(Rejected("without user and password"));
    }
    if text.contains(['?', '#']) {
        return Err(Rejected("without `?` and `#`"));
    }
    let parts = parts(text).ok_or(Rejected("such as https://bot.example.org"))?;
    if !matches!(parts.scheme.as_str(), "http" | "https") {
        return Err(Rejected("`https://` or `http://`"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The parts of a web address that rules look at.
pub(super) struct Parts {
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) path: String,
}

impl Parts {
    /// Whether the host is this machine itself.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host.eq_ignore_ascii_case("localhost") || IpAddr::from_str(address).is_ok_and(|ip| ip.is_loopback())
    }
}

/// Takes an absolute web address apart.
pub(super) fn parts(address: &str) -> Option<Parts> {
    let uri = Uri::from_str(address).ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?.to_owned();
    Some(Parts { scheme: uri.scheme_str()?.to_owned(), host, port: uri.port_u16(), path: uri.path().to_owned() })
}

/// Where people reach the dashboard if only the webhook's address is known: the same without the webhook's path, or
/// the bare host if the path is another.
pub(super) fn public_url(webhook_url: &str) -> Option<String> {
    let path = parts(webhook_url)?.path;
    Some(webhook_url.strip_suffix(WEBHOOK_PATH).or_else(|| webhook_url.strip_suffix(&path))?.to_owned())
}

/// The listener's address.
pub(super) struct Listen;

impl Takes for Listen {
    fn takes(&self) -> String {
        "an IP address and a port".to_owned()
    }
}

impl Shape for Listen {
    type Value = SocketAddr;

    fn parse(&self, text: &str) -> Result<SocketAddr, Rejected> {
        SocketAddr::from_str(text).map_err(|_| Rejected("such as 0.0.0.0:8080 or [::]:8080"))
    }
}

/// A network in CIDR notation, or one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    /// Number of leading bits that count.
    prefix: u32,
}

impl Network {
    /// Whether `address` lies in it. An IPv4 address counts as such also when it arrives as `::ffff:a.b.c.d`, as it
    /// does on a listener that serves both families.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address = IpAddr::from_str(address).map_err(|_| NetworkError)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), u32::from_str).map_err(|_| NetworkError)?;
        if prefix > longest { Err(NetworkError) } else { Ok(Self { address, prefix }) }
    }
}

/// A text is no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected an IP address or a network such as 10.0.0.0/8")]
pub struct NetworkError;

/// Networks, comma-separated; none is a list too.
pub(super) struct Networks;

impl Takes for Networks {
    fn takes(&self) -> String {
        "networks such as `10.0.0.0/8`, comma-separated; empty: none".to_owned()
    }

    fn takes_empty(&self) -> bool {
        true
    }
}

impl Shape for Networks {
    type Value = Vec<Network>;

    fn parse(&self, text: &str) -> Result<Vec<Network>, Rejected> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| Network::from_str(part).map_err(|_| Rejected::default())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_contains_exactly_its_addresses() {
        assert!(network("10.0.0.0/8").contains(ip("10.255.255.255")));
        assert!(!network("10.0.0.0/8").contains(ip("11.0.0.0")));
        assert!(network("172.16.0.0/12").contains(ip("172.31.0.1")));
        assert!(!network("172.16.0.0/12").contains(ip("172.32.0.1")));
        assert!(network("192.0.2.7").contains(ip("192.0.2.7")));
        assert!(!network("192.0.2.7").contains(ip("192.0.2.6")));
        assert!(network("0.0.0.0/0").contains(ip("203.0.113.9")));
        assert!(network("fc00::/7").contains(ip("fd12::1")));
        assert!(!network("fc00::/7").contains(ip("2001:db8::1")));
        assert!(network("::1").contains(ip("::1")) && !network("0.0.0.0/0").contains(ip("::1")));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_the_same_address() {
        assert!(network("127.0.0.0/8").contains(ip("::ffff:127.0.0.1")));
        assert!(!network("::/0").contains(ip("::ffff:127.0.0.1")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "localhost", "10.0.0.0/-1", "10.0.0.0/"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text}");
        }
    }

    #[test]
    fn a_webhook_address_without_a_path_gets_ours() {
        assert_eq!(WebhookUrl.parse("https://bot.example.org/").unwrap(), "https://bot.example.org/telegram/webhook");
        assert_eq!(
            WebhookUrl.parse("https://bot.example.org:8443").unwrap(),
            "https://bot.example.org:8443/telegram/webhook"
        );
        assert_eq!(WebhookUrl.parse("https://bot.example.org/a/b").unwrap(), "https://bot.example.org/a/b");
    }

    #[test]
    fn the_public_address_is_the_webhook_address_without_its_path() {
        assert_eq!(public_url("https://a.example:8443/telegram/webhook").unwrap(), "https://a.example:8443");
        assert_eq!(public_url("https://a.example/bot/telegram/webhook").unwrap(), "https://a.example/bot");
        assert_eq!(public_url("https://a.example/hidden").unwrap(), "https://a.example");
    }

    #[test]
    fn loopback_is_told_by_name_and_by_address() {
        for (address, expected) in [
            ("http://localhost:1/x", true),
            ("http://127.3.2.1", true),
            ("http://[::1]:80", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(parts(address).unwrap().is_loopback(), expected, "{address}");
        }
    }
}

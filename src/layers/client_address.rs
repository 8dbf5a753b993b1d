//! Finds out whose request it is, behind proxies and against liars.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, Request};
use tower::{Layer, Service};

use crate::config::Network;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who holds the other end of the connection. The server puts it into the request's extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerAddress(pub SocketAddr);

/// Whose request it is, as far as we can trust what we were told. IPv4 written as IPv6 is IPv4 here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientAddress(pub IpAddr);

/// Puts the [`ClientAddress`] into the request's extensions: the peer's, unless the peer is a trusted proxy; then the
/// rightmost entry of `X-Forwarded-For` that is not one. Each trusted hop vouches for the entry to its left, so what a
/// client writes there itself is never reached. An entry that is no address ends the walk at the hop that wrote it.
///
/// A request without a [`PeerAddress`] came from inside the process and counts as 0.0.0.0.
///
/// Pushes back: never. Error: the inner service's. In the stack: outside whatever asks for the address.
#[derive(Clone, Debug)]
pub struct ClientAddressLayer {
    trusted: Arc<[Network]>,
}

impl ClientAddressLayer {
    /// Believes what the proxies in `trusted` say.
    pub fn new(trusted: impl IntoIterator<Item = Network>) -> Self {
        Self { trusted: trusted.into_iter().collect() }
    }
}

impl<S> Layer<S> for ClientAddressLayer {
    type Service = FindClientAddress<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FindClientAddress { inner, trusted: Arc::clone(&self.trusted) }
    }
}

/// The service of [`ClientAddressLayer`].
#[derive(Clone, Debug)]
pub struct FindClientAddress<S> {
    inner: S,
    trusted: Arc<[Network]>,
}

impl<S, B> Service<Request<B>> for FindClientAddress<S>
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
        let peer = request.extensions().get::<PeerAddress>().map(|peer| peer.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let address = client_address(peer, request.headers(), &self.trusted);
        request.extensions_mut().insert(ClientAddress(address));
        self.inner.call(request)
    }
}

/// Walks from the peer towards the client for as long as the hops are trusted.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
    let mut address = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    // A line that is not text is one entry that is no address.
    let mut hops = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(',')).map(parse_hop);
    while is_trusted(address) {
        match hops.next() {
            Some(Some(hop)) => address = hop,
            Some(None) | None => break,
        }
    }
    address
}

/// An address, with or without a port.
fn parse_hop(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.parse::<IpAddr>().ok();
    let address = bare.or_else(|| entry.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn private() -> [Network; 2] {
        ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap())
    }

    /// The client address of a request from `peer` with these `X-Forwarded-For` lines.
    fn found(peer: &str, lines: &[&str]) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        client_address(ip(peer), &headers, &private())
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        assert_eq!(found("10.0.0.2", &["203.0.113.7"]), ip("203.0.113.7"));
        assert_eq!(found("10.0.0.2", &["203.0.113.7:4711"]), ip("203.0.113.7"));
        assert_eq!(found("::ffff:10.0.0.2", &["::ffff:203.0.113.7"]), ip("203.0.113.7"));
        assert_eq!(found("fd00::2", &["[2001:db8::1]:443"]), ip("2001:db8::1"));
    }

    #[test]
    fn what_the_client_wrote_left_of_the_proxys_entry_is_not_reached() {
        assert_eq!(found("10.0.0.2", &["198.51.100.9, 203.0.113.7, 10.0.0.3"]), ip("203.0.113.7"));
        assert_eq!(found("10.0.0.2", &["198.51.100.9", "203.0.113.7"]), ip("203.0.113.7"), "two lines are one list");
    }

    #[test]
    fn a_peer_that_is_no_proxy_is_not_believed() {
        assert_eq!(found("203.0.113.7", &["198.51.100.9"]), ip("203.0.113.7"));
    }

    #[test]
    fn where_the_list_ends_or_breaks_the_last_trusted_hop_is_the_client() {
        assert_eq!(found("10.0.0.2", &[]), ip("10.0.0.2"));
        assert_eq!(found("10.0.0.2", &["10.0.0.9"]), ip("10.0.0.9"));
        assert_eq!(found("10.0.0.2", &["203.0.113.7, unknown, 10.0.0.3"]), ip("10.0.0.3"));
        assert_eq!(found("10.0.0.2", &[""]), ip("10.0.0.2"));
    }

    fn any_ip() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 16]>().prop_map(IpAddr::from),
            any::<[u8; 3]>().prop_map(|[b, c, d]| IpAddr::from([10, b, c, d])),
        ]
    }

    proptest! {
        /// Whatever a client writes, the address is that which the outermost trusted proxy saw.
        #[test]
        fn a_client_cannot_choose_its_address(
            written in "[0-9a-f.:, \\[\\]x]{0,60}",
            client in any_ip().prop_filter("outside", |ip| !private().iter().any(|network| network.contains(*ip))),
            proxies in proptest::collection::vec(any::<[u8; 3]>(), 0..4),
        ) {
            // The hops, nearest first: each proxy appends whom it got the request from.
            let proxies: Vec<IpAddr> = proxies.iter().map(|[b, c, d]| IpAddr::from([10, *b, *c, *d])).collect();
            let peer = proxies.first().copied().unwrap_or(client);
            let mut line = written;
            for seen in proxies.iter().skip(1).chain([&client]).collect::<Vec<_>>().into_iter().rev() {
                if !proxies.is_empty() {
                    line = format!("{line}, {seen}");
                }
            }
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED_FOR, HeaderValue::from_str(&line).unwrap());
            prop_assert_eq!(client_address(peer, &headers, &private()), client.to_canonical());
        }
    }
}

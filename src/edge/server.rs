//! The HTTP server: accepts connections and keeps their number and every wait for the other side bounded, which
//! `axum::serve` does not.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use super::connection::serve_connection;
use crate::{config::Network, shutdown::Shutdown};

/// How long accepting rests when the system has no descriptors or memory for another connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_secs(1);

/// Open files that are left to everything but the server: the store's connections, calls of Telegram and of the model.
const OTHER_FILES: u64 = 256;

/// Connections that may wait to be accepted. Of a burst beyond it the system forgets some: to the other side they look
/// open, and nobody ever answers or closes them. The standard library asks for 128; Linux cuts it at `somaxconn` (4096).
const BACKLOG: u32 = 1024;

/// Begins to listen.
///
/// # Errors
///
/// When the address is not ours, is taken, or needs rights that we lack.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The one before us has ended, but its last connections are remembered for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What one connection, and all of them, may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerLimits {
    /// Connections at a time, at least one; further ones wait in the listener's backlog.
    pub connections_max: u32,
    /// How long a new connection may be silent.
    pub first_byte_timeout: Duration,
    /// Time for a request's whole head, from its first byte.
    pub head_timeout: Duration,
    /// How long a connection may rest between two requests. Longer than the proxy's (30 s), which must close first.
    pub idle_timeout: Duration,
    /// How long the other side may take nothing of a response.
    pub write_stall_timeout: Duration,
    /// How long we read on after our last word on a connection.
    pub linger: Duration,
    /// Largest head; a larger one is answered 431.
    pub head_bytes_max: usize,
    /// Largest read buffer of a connection, at least 8192.
    pub buffer_bytes_max: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            first_byte_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            write_stall_timeout: Duration::from_secs(15),
            linger: Duration::from_secs(1),
            head_bytes_max: 16 * 1024,
            // 1024 connections then hold at most 64 MB; hyper's own figure, 400 KB, would allow 400 MB.
            buffer_bytes_max: 64 * 1024,
        }
    }
}

impl ServerLimits {
    /// With fewer connections where so few files may be open (none: any number) that they would take those of the store
    /// and of the calls; these get half at most.
    #[must_use]
    pub fn within(self, open_files: Option<u64>) -> Self {
        let Some(files) = open_files else { return self };
        let room = files - OTHER_FILES.min(files / 2);
        let connections_max = self.connections_max.min(u32::try_from(room).unwrap_or(u32::MAX)).max(1);
        if connections_max < self.connections_max {
            tracing::warn!(files, connections_max, "few files may be open; `ulimit -n` says how many");
        }
        Self { connections_max, ..self }
    }

    /// With the patience that a new connection deserves. A proxy opens some in reserve and keeps them for later; to close
    /// one is to break the request that it is just writing there. So one of those may be silent for as long as between
    /// two requests, unless half of all connections are taken.
    fn of_one(self, is_proxy: bool, free: usize) -> Self {
        let has_room = free > self.connections_max as usize / 2;
        let first_byte_timeout = if is_proxy && has_room { self.idle_timeout } else { self.first_byte_timeout };
        Self { first_byte_timeout, ..self }
    }
}

/// Serves `router` on `listener`, to `proxies` and others, until the soft stop; then lets running requests finish, until
/// the hard stop.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    proxies: &[Network],
    shutdown: &Shutdown,
) {
    let slots = Arc::new(Semaphore::new(limits.connections_max as usize));
    loop {
        let (stream, peer, slot) = tokio::select! {
            biased;
            () = shutdown.soft.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let is_proxy = proxies.iter().any(|network| network.contains(peer.ip().to_canonical()));
        let own_limits = limits.of_one(is_proxy, slots.available_permits());
        let (router, connection_shutdown) = (router.clone(), shutdown.clone());
        shutdown.spawn(async move {
            serve_connection(stream, peer, router, &own_limits, &connection_shutdown).await;
            drop(slot);
        });
    }
    drop(listener);
    tokio::select! {
        _ = slots.acquire_many(limits.connections_max) => {}
        () = shutdown.hard.cancelled() => {}
    }
}

/// The next connection, once there is a slot for it. Dropped while it waits, it loses nothing.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // An answer is one small packet that must not wait for the next.
                if stream.set_nodelay(true).is_ok() {
                    return (stream, peer, slot);
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; is the limit of open files too low?");
                sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Whether only the connection at hand failed: it left before we took it.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::Notify,
    };

    use super::*;

    // Real sockets, so real time; nothing here waits for a time to pass.

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn ask(stream: &mut TcpStream) {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    }

    /// Reads up to the end of a response whose body is `here`.
    async fn answer(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        while !text.ends_with(b"here") {
            let byte = stream.read_u8().await.unwrap();
            text.push(byte);
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn the_soft_stop_finishes_what_runs_and_takes_nothing_new() {
        let (listener, address) = listen().await;
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (handler_begun, handler_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        let router = Router::new().route(
            "/",
            get(async move || {
                handler_begun.notify_one();
                handler_go_on.notified().await;
                "here"
            }),
        );
        let shutdown = Shutdown::new();
        let serving = shutdown.clone();
        let served =
            shutdown.spawn(async move { serve(listener, router, ServerLimits::default(), &[], &serving).await });

        let mut running = TcpStream::connect(address).await.unwrap();
        ask(&mut running).await;
        begun.notified().await;
        shutdown.soft.cancel();
        while TcpStream::connect(address).await.is_ok() {
            // The listener is still to be closed.
        }
        assert!(!served.is_finished(), "a request runs");
        go_on.notify_one();
        assert!(answer(&mut running).await.contains("connection: close"));
        drop(running);
        served.await.unwrap();
    }

    #[tokio::test]
    async fn the_hard_stop_waits_for_nobody() {
        let (listener, address) = listen().await;
        let begun = Arc::new(Notify::new());
        let handler_begun = Arc::clone(&begun);
        let router = Router::new().route(
            "/",
            get(async move || {
                handler_begun.notify_one();
                std::future::pending::<()>().await;
            }),
        );
        let shutdown = Shutdown::new();
        let serving = shutdown.clone();
        let served =
            shutdown.spawn(async move { serve(listener, router, ServerLimits::default(), &[], &serving).await });
        let mut stuck = TcpStream::connect(address).await.unwrap();
        ask(&mut stuck).await;
        begun.notified().await;
        shutdown.soft.cancel();
        shutdown.hard.cancel();
        served.await.unwrap();
        shutdown.finished().await;
        assert!(stuck.read_u8().await.is_err(), "no answer, and the connection is closed");
    }

    #[tokio::test]
    async fn a_connection_beyond_the_cap_waits_for_a_slot() {
        let (listener, address) = listen().await;
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let router = Router::new().route(
            "/",
            get(async move || {
                counter.fetch_add(1, Ordering::Relaxed);
                "here"
            }),
        );
        let limits = ServerLimits { connections_max: 1, ..ServerLimits::default() };
        let shutdown = Shutdown::new();
        let serving = shutdown.clone();
        shutdown.spawn(async move { serve(listener, router, limits, &[], &serving).await });

        let mut first = TcpStream::connect(address).await.unwrap();
        ask(&mut first).await;
        answer(&mut first).await;
        let mut second = TcpStream::connect(address).await.unwrap();
        ask(&mut second).await;
        for _ in 0..20 {
            ask(&mut first).await;
            answer(&mut first).await;
        }
        assert_eq!(asked.load(Ordering::Relaxed), 21, "the second is not heard while the first holds the slot");
        drop(first);
        answer(&mut second).await;
    }

    #[tokio::test]
    async fn only_a_proxys_connection_may_be_silent() {
        let router = Router::new().route("/", get(async || "here"));
        let limits = ServerLimits { first_byte_timeout: Duration::ZERO, ..ServerLimits::default() };
        let shutdown = Shutdown::new();
        for (proxies, is_proxy) in [("10.0.0.0/8", false), ("127.0.0.0/8", true)] {
            let (listener, address) = listen().await;
            let (proxies, serving, router) = ([proxies.parse().unwrap()], shutdown.clone(), router.clone());
            shutdown.spawn(async move { serve(listener, router, limits, &proxies, &serving).await });
            let mut silent = TcpStream::connect(address).await.unwrap();
            if is_proxy {
                // Somebody else's whole request takes longer than no time.
                let mut other = TcpStream::connect(address).await.unwrap();
                ask(&mut other).await;
                answer(&mut other).await;
                ask(&mut silent).await;
                answer(&mut silent).await;
            } else {
                assert_eq!(silent.read(&mut [0]).await.unwrap(), 0, "closed");
            }
        }
    }

    #[test]
    fn a_proxys_connection_in_reserve_is_kept_while_there_is_room() {
        let limits = ServerLimits { connections_max: 10, ..ServerLimits::default() };
        let patience = |is_proxy, free| limits.of_one(is_proxy, free).first_byte_timeout.as_secs();
        assert_eq!(patience(true, 6), 75);
        assert_eq!(patience(true, 5), 5, "half are taken");
        assert_eq!(patience(false, 9), 5, "a stranger");
    }

    #[test]
    fn connections_leave_files_to_the_rest_of_the_bot() {
        let connections = |files| ServerLimits::default().within(files).connections_max;
        assert_eq!(connections(None), 1024);
        assert_eq!(connections(Some(1_048_576)), 1024);
        assert_eq!(connections(Some(1024)), 768);
        assert_eq!(connections(Some(256)), 128);
        assert_eq!(connections(Some(0)), 1);
    }

    #[test]
    fn accepting_rests_only_when_the_system_is_exhausted() {
        assert!(is_of_one_connection(&io::ErrorKind::ConnectionAborted.into()));
        let too_many_open_files = io::Error::from_raw_os_error(24);
        assert!(!is_of_one_connection(&too_many_open_files));
    }
}

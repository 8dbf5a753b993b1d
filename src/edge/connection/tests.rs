use std::{future::pending, time::Duration};

use axum::{
    Extension,
    routing::{get, post},
};
use futures_util::stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split},
    task::JoinHandle,
    time::sleep,
};

use super::*;
use crate::{
    layers::whole_body::{BodyLimits, WholeBodyLayer},
    telemetry::Metrics,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// The other end of a connection that is being served.
struct Client {
    reader: ReadHalf<DuplexStream>,
    writer: WriteHalf<DuplexStream>,
    served: JoinHandle<()>,
    shutdown: Shutdown,
    opened: Instant,
}

fn connect(router: Router) -> Client {
    connect_through(router, 64 * 1024)
}

fn connect_through(router: Router, pipe_bytes: usize) -> Client {
    connect_within(ServerLimits::default(), router, pipe_bytes)
}

fn connect_within(limits: ServerLimits, router: Router, pipe_bytes: usize) -> Client {
    let (ours, theirs) = duplex(pipe_bytes);
    let shutdown = Shutdown::new();
    let serving = shutdown.clone();
    let served = shutdown.spawn(async move {
        let peer = ([192, 0, 2, 1], 4711).into();
        serve_connection(theirs, peer, router, &limits, &serving).await;
    });
    let (reader, writer) = split(ours);
    Client { reader, writer, served, shutdown, opened: Instant::now() }
}

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
    }

    /// Reads one response, whose body is as long as it says.
    async fn response(&mut self) -> String {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            text.push(self.reader.read_u8().await.unwrap().into());
        }
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.reader.read_exact(&mut body).await.unwrap();
        text + str::from_utf8(&body).unwrap()
    }

    /// Waits until the server closes the connection; returns what it still said.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.reader.read_to_string(&mut rest).await.unwrap();
        rest
    }

    fn seconds_open(&self) -> f64 {
        self.opened.elapsed().as_secs_f64()
    }
}

fn quick() -> Router {
    Router::new().route("/", get(async || "here"))
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_nothing_is_closed_after_five_seconds() {
    let mut client = connect(quick());
    assert_eq!(client.rest().await, "");
    assert_eq!(client.seconds_open(), 5.0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_reserve_is_there_when_the_proxy_needs_it() {
    let limits = ServerLimits { first_byte_timeout: Duration::from_secs(75), ..ServerLimits::default() };
    let mut client = connect_within(limits, quick(), 64 * 1024);
    sleep(Duration::from_secs(60)).await;
    client.send(REQUEST).await;
    assert!(client.response().await.ends_with("here"));
}

#[tokio::test(start_paused = true)]
async fn a_half_sent_head_is_closed_after_five_seconds() {
    let mut client = connect(quick());
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\n").await;
    assert_eq!(client.rest().await, "");
    assert_eq!(client.seconds_open(), 5.0);
}

#[tokio::test(start_paused = true)]
async fn a_trickled_head_is_closed_after_five_seconds_in_all() {
    let mut client = connect(quick());
    client.send(b"GET / HTTP/1.1\r\nhost: ").await;
    let trickle = async {
        loop {
            sleep(Duration::from_millis(900)).await;
            client.writer.write_all(b"x").await.unwrap();
        }
    };
    let mut rest = String::new();
    tokio::select! {
        () = trickle => unreachable!("it trickles for ever"),
        end = client.reader.read_to_string(&mut rest) => assert_eq!(end.unwrap(), 0),
    }
    assert_eq!(client.seconds_open(), 5.0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_the_proxy_and_closed_after_seventy_five_seconds() {
    let mut client = connect(quick());
    for _ in 0..3 {
        client.send(REQUEST).await;
        assert!(client.response().await.ends_with("here"));
        sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(client.rest().await, "");
    assert_eq!(client.seconds_open(), 120.0 + 75.0);
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_after_a_rest_starts_the_heads_five_seconds() {
    let mut client = connect(quick());
    client.send(REQUEST).await;
    client.response().await;
    sleep(Duration::from_secs(30)).await;
    client.send(b"G").await;
    assert_eq!(client.rest().await, "");
    assert_eq!(client.seconds_open(), 35.0);
}

#[tokio::test(start_paused = true)]
async fn a_long_handler_is_not_cut_and_the_rest_begins_after_it() {
    let slow = get(async || {
        sleep(Duration::from_secs(60)).await;
        "here"
    });
    let mut client = connect(Router::new().route("/", slow));
    client.send(REQUEST).await;
    assert!(client.response().await.ends_with("here"));
    assert_eq!(client.seconds_open(), 60.0);
    client.rest().await;
    assert_eq!(client.seconds_open(), 135.0);
}

#[tokio::test(start_paused = true)]
async fn a_response_may_take_its_time_while_it_is_produced() {
    let stream = || {
        stream::unfold(0, async |sent| {
            sleep(Duration::from_secs(50)).await;
            (sent < 3).then_some((Ok::<_, Infallible>("tick "), sent + 1))
        })
    };
    let mut client = connect(Router::new().route("/", get(async move || Body::from_stream(stream()))));
    client.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!(client.rest().await.matches("tick").count(), 3);
    assert_eq!(client.seconds_open(), 200.0);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_nobody_takes_is_cut_after_fifteen_seconds() {
    let large = get(async || vec![b'x'; 1024 * 1024]);
    let mut client = connect_through(Router::new().route("/", large), 4096);
    client.send(REQUEST).await;
    client.served.await.unwrap();
    assert_eq!(client.opened.elapsed().as_secs_f64(), 15.0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_cut_while_it_takes_something() {
    let large = get(async || vec![b'x'; 40 * 1024]);
    let mut client = connect_through(Router::new().route("/", large), 4096);
    client.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let mut taken = 0;
    loop {
        sleep(Duration::from_secs(14)).await;
        let mut some = [0; 4096];
        match client.reader.read(&mut some).await.unwrap() {
            0 => break,
            bytes => taken += bytes,
        }
    }
    assert!(taken > 40 * 1024, "head and body: {taken} bytes");
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order() {
    let twice = get(async |Extension(peer): Extension<PeerAddress>| {
        sleep(Duration::from_secs(10)).await;
        peer.0.to_string()
    });
    let mut client = connect(Router::new().route("/", twice));
    client.send(&REQUEST.repeat(3)).await;
    for answered in 1..=3 {
        assert!(client.response().await.ends_with("192.0.2.1:4711"));
        assert_eq!(client.seconds_open(), 10.0 * f64::from(answered));
    }
    client.rest().await;
    assert_eq!(client.seconds_open(), 30.0 + 75.0);
}

#[tokio::test(start_paused = true)]
async fn the_start_of_a_head_behind_a_request_has_at_most_the_idle_time() {
    let mut client = connect(quick());
    let (start, end) = REQUEST.split_at(20);
    client.send(&[REQUEST, start].concat()).await;
    client.response().await;
    client.send(end).await;
    assert!(client.response().await.ends_with("here"), "the two parts are one request");

    client.send(&[REQUEST, start].concat()).await;
    client.response().await;
    client.rest().await;
    assert_eq!(client.seconds_open(), 75.0);
}

fn echoing() -> Router {
    let limits = BodyLimits { bytes_max: 1000, deadline: Duration::from_secs(15) };
    Router::new().route("/", post(async |body: Bytes| body).layer(WholeBodyLayer::new(limits, Metrics::new())))
}

#[tokio::test(start_paused = true)]
async fn a_declared_length_over_the_cap_is_refused_before_a_byte_has_come() {
    let mut client = connect(echoing());
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n").await;
    let answer = client.response().await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close"), "{answer}");
    assert_eq!(client.seconds_open(), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_is_answered_503_and_the_connection_closed() {
    let mut client = connect(echoing());
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf").await;
    let answer = client.response().await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("connection: close"), "{answer}");
    assert_eq!(client.rest().await, "");
    assert_eq!(client.seconds_open(), 15.0);
    client.served.await.unwrap();
    assert_eq!(client.opened.elapsed().as_secs_f64(), 16.0, "and a linger");
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_body_is_not_lost_to_a_reset() {
    let mut client = connect(Router::new().route("/", post(async || http::StatusCode::UNAUTHORIZED)));
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n").await;
    client.send(&vec![b'x'; 300_000]).await;
    assert!(client.response().await.starts_with("HTTP/1.1 401 "));
}

#[tokio::test(start_paused = true)]
async fn bad_and_oversized_heads_are_refused() {
    let mut garbage = connect(quick());
    garbage.send(b"\x16\x03\x01 this is not HTTP\r\n\r\n").await;
    assert!(garbage.response().await.starts_with("HTTP/1.1 400 "));

    let mut oversized = connect(quick());
    oversized.send(format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(17_000)).as_bytes()).await;
    assert!(oversized.response().await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test(start_paused = true)]
async fn the_soft_stop_closes_what_is_idle_and_finishes_what_runs() {
    let slow = get(async || {
        sleep(Duration::from_secs(3)).await;
        "here"
    });
    let routes = quick().route("/slow", slow);
    let mut idle = connect(routes.clone());
    idle.send(REQUEST).await;
    idle.response().await;
    idle.shutdown.soft.cancel();
    assert_eq!(idle.rest().await, "");
    assert_eq!(idle.seconds_open(), 0.0);

    let mut silent = connect(routes.clone());
    sleep(Duration::from_secs(1)).await;
    silent.shutdown.soft.cancel();
    assert_eq!(silent.rest().await, "");
    assert_eq!(silent.seconds_open(), 1.0);

    let mut busy = connect(routes);
    busy.send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    sleep(Duration::from_secs(1)).await;
    busy.shutdown.soft.cancel();
    let answer = busy.response().await;
    assert!(answer.contains("connection: close") && answer.ends_with("here"), "{answer}");
    assert_eq!(busy.rest().await, "");
    assert_eq!(busy.seconds_open(), 3.0);
}

#[tokio::test(start_paused = true)]
async fn the_hard_stop_drops_what_runs() {
    let mut client = connect(Router::new().route("/", get(async || pending::<()>().await)));
    client.send(REQUEST).await;
    sleep(Duration::from_secs(1)).await;
    client.shutdown.hard.cancel();
    assert_eq!(client.rest().await, "");
    assert_eq!(client.seconds_open(), 1.0);
}

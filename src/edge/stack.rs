//! The ordered stack of layers between the server and the handlers.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{MethodRouter, any},
};
use http::{HeaderName, StatusCode};
use secrecy::SecretString;
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer};

use crate::{
    config::Network,
    errors::{Class, Classify, ErrorHandler},
    layers::{
        authentic::RequireAuthenticLayer,
        catch_panic::catch_panic,
        client_address::ClientAddressLayer,
        http_metrics::HttpMetricsLayer,
        rate_limit::{AddressLimiter, RateLimitLayer},
        request_id::RequestIdLayer,
        rescue::RescueLayer,
        secret_token::SecretTokenLayer,
        whole_body::{BodyLimits, WholeBodyLayer},
    },
    random::SharedRandom,
    telemetry::Metrics,
};

/// Where Telegram delivers.
pub const WEBHOOK_PATH: &str = "/telegram/webhook";

/// Where Telegram puts the secret that we gave to `setWebhook` (telegram_api.md).
const SECRET_HEADER: HeaderName = HeaderName::from_static("x-telegram-bot-api-secret-token");

/// The handlers.
#[derive(Debug)]
pub struct EdgeRoutes {
    /// What stands at [`WEBHOOK_PATH`]; it sees only authentic requests, whose body is already in memory.
    pub webhook: MethodRouter,
    /// Health and metrics: cheap, without a body, kept from the outside by the proxy. They are never limited, for
    /// they must answer when all else is busy. A fallback of its own is replaced.
    pub open: Router,
    /// The dashboard, which bounds its requests by itself.
    pub dashboard: Router,
}

/// What the layers need.
#[derive(Debug)]
pub struct StackParts {
    /// Where requests and refusals are counted.
    pub metrics: Metrics,
    /// Where panics end.
    pub errors: ErrorHandler,
    /// Where request ids come from.
    pub random: SharedRandom,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// The webhook's secret; two while rotating.
    pub webhook_secrets: Vec<SecretString>,
    /// The budgets of those who are not authentic; maintenance sweeps it.
    pub limiter: Arc<AddressLimiter>,
    /// How much the webhook takes.
    pub limits: WebhookLimits,
}

/// How much the webhook takes at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WebhookLimits {
    /// Updates in progress; more are shed.
    pub concurrency_max: usize,
    /// Time for one update, its body included.
    pub deadline: Duration,
    /// How large and how slow an update may be.
    pub body: BodyLimits,
}

impl Default for WebhookLimits {
    fn default() -> Self {
        Self {
            // Telegram opens at most 100 connections, a replica may get them all; twice that leaves room for retries.
            concurrency_max: 200,
            // A body at its deadline still has five seconds for its commit; Telegram itself waits a minute.
            deadline: Duration::from_secs(20),
            // Four times the largest update that Telegram sends (reliability.md section 3).
            body: BodyLimits { bytes_max: 256 * 1024, deadline: Duration::from_secs(15) },
        }
    }
}

/// The handlers behind their layers, ready to be served.
///
/// The webhook has its layers in one piece: between two pieces axum boxes the inner one, and clones the box, with all that
/// is in it, for every request.
pub fn stack(routes: EdgeRoutes, parts: StackParts) -> Router {
    let errors = parts.errors.clone();
    let every_route = ServiceBuilder::new()
        // An id for the request and the span in which everything below logs.
        .layer(RequestIdLayer::new(parts.random.clone()))
        // Time by matched route and status, refusals and panics included.
        .layer(HttpMetricsLayer::new(parts.metrics.clone()))
        // A panic below is one 500 and one entry in the error ledger.
        .layer(catch_panic(move || {
            errors.handle("edge", &HandlerPanicked);
        }))
        // Whose request it is, for the limiters below.
        .layer(ClientAddressLayer::new(parts.trusted_proxies.iter().copied()));
    let metrics = &parts.metrics;
    let webhook = every_route
        .clone()
        // Authentic or not, in constant time; it only marks.
        .layer(SecretTokenLayer::new(SECRET_HEADER, &parts.webhook_secrets))
        // Who is not authentic pays from their address's budget, then 429. Telegram never does.
        .layer(RateLimitLayer::new(Arc::clone(&parts.limiter), metrics.clone()))
        // Who is not authentic: 401, before a byte of the body is read.
        .layer(RequireAuthenticLayer::new(metrics.clone()))
        // Errors of the three layers below become 503 with Retry-After: Telegram keeps the update.
        .layer(RescueLayer::new(metrics.clone()))
        // Beyond the limit: an answer at once instead of a queue.
        .load_shed()
        // One limit for all methods and connections.
        .layer(GlobalConcurrencyLimitLayer::new(parts.limits.concurrency_max))
        // The handler and its body together.
        .timeout(parts.limits.deadline)
        // The whole body in memory: at most 256 KiB, within 15 s.
        .layer(WholeBodyLayer::new(parts.limits.body, metrics.clone()));
    Router::new()
        .merge(routes.open)
        .merge(routes.dashboard)
        .fallback_service(unknown_path(&parts))
        .layer(every_route)
        .route(WEBHOOK_PATH, routes.webhook.layer::<_, Infallible>(webhook))
}

/// 404, paid for by the client's address: whoever asks here is lost or searching.
fn unknown_path(parts: &StackParts) -> MethodRouter {
    any(async || StatusCode::NOT_FOUND).layer(RateLimitLayer::new(Arc::clone(&parts.limiter), parts.metrics.clone()))
}

/// What the error ledger says of a panic. Its message is not kept: those of std quote the text they stumbled over.
#[derive(Debug, thiserror::Error)]
#[error("a request's handler panicked")]
struct HandlerPanicked;

impl Classify for HandlerPanicked {
    fn class(&self) -> Class {
        Class::Bug
    }
}

#[cfg(test)]
mod tests {
    use axum::{Extension, routing::get, routing::post};
    use bytes::Bytes;
    use http::{Request, header};
    use http_body_util::BodyExt as _;
    use proptest::prelude::*;
    use tokio::{sync::Notify, time::Instant};
    use tower::ServiceExt as _;

    use super::*;
    use crate::{
        clock::TokioClock,
        domain::{RequestId, Timestamp},
        layers::{client_address::PeerAddress, rate_limit::AddressBudget},
        random::Seeded,
    };
    use axum::body::Body;

    /// The stack around dummy handlers, and what it counts into.
    struct World {
        router: Router,
        metrics: Metrics,
        errors: ErrorHandler,
    }

    fn world(webhook: MethodRouter) -> World {
        world_with(webhook, WebhookLimits::default())
    }

    fn world_with(webhook: MethodRouter, limits: WebhookLimits) -> World {
        let metrics = Metrics::new();
        let clock = Arc::new(TokioClock::starting_at(Timestamp(0)));
        let (errors, _) = ErrorHandler::new(clock, metrics.clone());
        let parts = StackParts {
            metrics: metrics.clone(),
            errors: errors.clone(),
            random: Arc::new(Seeded::new(1)),
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            webhook_secrets: vec!["old-secret".into(), "new-secret".into()],
            limiter: Arc::new(AddressLimiter::new(AddressBudget::default())),
            limits,
        };
        let open = Router::new().route("/livez", get(async || "alive"));
        World { router: stack(EdgeRoutes { webhook, open, dashboard: Router::new() }, parts), metrics, errors }
    }

    /// Echoes the body's length.
    fn accepting() -> MethodRouter {
        post(async |body: Bytes| body.len().to_string())
    }

    /// An update through the proxy, from a client whose address it forwards.
    fn update(secret: Option<&str>, body: impl Into<Body>) -> Request<Body> {
        let mut request = Request::post(WEBHOOK_PATH).header("x-forwarded-for", "203.0.113.7");
        if let Some(secret) = secret {
            request = request.header(SECRET_HEADER, secret);
        }
        from_proxy(request.body(body.into()).unwrap())
    }

    fn from_proxy(mut request: Request<Body>) -> Request<Body> {
        request.extensions_mut().insert(PeerAddress(([10, 0, 0, 2], 4711).into()));
        request
    }

    impl World {
        async fn send(&self, request: Request<Body>) -> http::Response<Body> {
            self.router.clone().oneshot(request).await.unwrap()
        }

        async fn status(&self, request: Request<Body>) -> u16 {
            self.send(request).await.status().as_u16()
        }

        fn refused(&self, reason: &str) -> Option<String> {
            let name = format!("gryag_http_refused_total{{reason=\"{reason}\"}} ");
            self.metrics.render().lines().find_map(|line| line.strip_prefix(&name).map(str::to_owned))
        }
    }

    async fn text(response: http::Response<Body>) -> Bytes {
        response.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_secrets_open_the_webhook() {
        let world = world(accepting());
        assert_eq!(world.status(update(Some("old-secret"), "{}")).await, 200);
        assert_eq!(world.status(update(Some("new-secret"), "{}")).await, 200);
        assert_eq!(world.status(update(Some("new-secre"), "{}")).await, 401);
        let refused = world.send(update(None, "{}")).await;
        assert_eq!(refused.status(), 401);
        assert_eq!(text(refused).await, "");
        assert_eq!(world.refused("secret").as_deref(), Some("2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_without_the_secret_is_limited_and_telegram_from_the_same_address_is_not() {
        let world = world(accepting());
        for _ in 0..20 {
            assert_eq!(world.status(update(Some("guess"), "{}")).await, 401);
        }
        let limited = world.send(update(Some("guess"), "{}")).await;
        assert_eq!(limited.status(), 429);
        assert_eq!(limited.headers()[header::RETRY_AFTER], "1");
        assert_eq!(text(limited).await, "");
        for _ in 0..1000 {
            assert_eq!(world.status(update(Some("old-secret"), "{}")).await, 200);
        }
        assert_eq!(world.refused("rate").as_deref(), Some("1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_of_paths_spends_the_same_budget_and_does_not_touch_health() {
        let world = world(accepting());
        let ask = |path: &str| {
            from_proxy(Request::get(path).header("x-forwarded-for", "203.0.113.7").body(Body::empty()).unwrap())
        };
        for _ in 0..20 {
            assert_eq!(world.status(ask("/wp-login.php")).await, 404);
        }
        assert_eq!(world.status(ask("/.env")).await, 429);
        assert_eq!(world.status(update(None, "{}")).await, 429);
        assert_eq!(world.status(ask("/livez")).await, 200);
        let neighbour = Request::get("/.env").header("x-forwarded-for", "203.0.113.8").body(Body::empty()).unwrap();
        assert_eq!(world.status(from_proxy(neighbour)).await, 404);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_exactly_the_cap_passes_and_a_larger_one_is_refused_unread() {
        let world = world(accepting());
        let cap = 256 * 1024;
        let passed = world.send(update(Some("old-secret"), vec![b'x'; cap])).await;
        assert_eq!(text(passed).await, cap.to_string());

        let refused = world.send(update(Some("old-secret"), vec![b'x'; cap + 1])).await;
        assert_eq!(refused.status(), 413);
        assert_eq!(refused.headers()[header::CONNECTION], "close");
        assert_eq!(text(refused).await, "");
        assert_eq!(world.refused("too_large").as_deref(), Some("1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_body_is_no_success() {
        let world = world(accepting());
        let started = Instant::now();
        let stalled = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let answer = world.send(update(Some("old-secret"), stalled)).await;
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
        assert_eq!(started.elapsed(), Duration::from_secs(15));
    }

    #[tokio::test(start_paused = true)]
    async fn overload_is_answered_at_once_and_ends_with_its_cause() {
        let go_on = Arc::new(Notify::new());
        let handler_go_on = Arc::clone(&go_on);
        let handler = post(async move || handler_go_on.notified().await);
        let world = world_with(handler, WebhookLimits { concurrency_max: 1, ..WebhookLimits::default() });
        let mut running = Box::pin(world.send(update(Some("old-secret"), "{}")));
        assert!(futures_util::poll!(&mut running).is_pending());

        let shed = world.send(update(Some("old-secret"), "{}")).await;
        assert_eq!((shed.status().as_u16(), &shed.headers()[header::RETRY_AFTER]), (503, &"5".parse().unwrap()));
        assert_eq!(world.refused("overload").as_deref(), Some("1"));
        assert_eq!(world.status(update(None, "{}")).await, 401, "who is not authentic takes no place");
        go_on.notify_one();
        assert_eq!(running.await.status(), 200);
        go_on.notify_one();
        assert_eq!(world.status(update(Some("old-secret"), "{}")).await, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_handler_is_a_503_at_the_deadline() {
        let world = world(post(async || std::future::pending::<()>().await));
        let started = Instant::now();
        assert_eq!(world.status(update(Some("old-secret"), "{}")).await, 503);
        assert_eq!(started.elapsed(), Duration::from_secs(20));
        assert_eq!(world.refused("deadline").as_deref(), Some("1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_500_without_detail_measured_and_in_the_ledger() {
        let world = world(post(async |body: Bytes| assert!(body.is_empty(), "canary {body:?}")));
        let answer = world.send(update(Some("old-secret"), "canary")).await;
        assert_eq!(answer.status(), 500);
        assert!(answer.headers().contains_key("x-request-id"));
        assert_eq!(text(answer).await, "");
        let [error] = &world.errors.last()[..] else { panic!("one error") };
        assert_eq!((error.place, error.class, &*error.message), ("edge", "bug", "a request's handler panicked"));
        let scraped = world.metrics.render();
        let measured = "gryag_http_request_duration_seconds_count{route=\"/telegram/webhook\",status=\"500\"} 1";
        assert!(scraped.contains(measured) && !scraped.contains("canary"), "{scraped}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_handler_sees_the_request_id_that_the_answer_bears() {
        let world = world(post(async |Extension(id): Extension<RequestId>| id.0));
        let answer = world.send(update(Some("old-secret"), "{}")).await;
        let header = answer.headers()["x-request-id"].clone();
        assert_eq!(text(answer).await, header.as_bytes());
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_the_labels_are_our_routes(
            path in "/[a-z0-9/._%-]{0,40}", method in "GET|POST|PUT|HEAD|BREW", secret in "old-secret|guess|",
        ) {
            let request = Request::builder().method(&*method).uri(&path).header(SECRET_HEADER, &secret);
            let Ok(request) = request.body(Body::empty()) else { return Ok(()) };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let scraped = runtime.block_on(async {
                let world = world(accepting());
                world.send(request).await;
                world.metrics.render()
            });
            let routes = ["route=\"<unknown>\"", "route=\"/livez\"", "route=\"/telegram/webhook\""];
            let mut measured = scraped.lines().filter(|line| line.contains("duration_seconds_count{route="));
            prop_assert!(measured.all(|line| routes.iter().any(|route| line.contains(route))), "{scraped}");
        }
    }
}

//! Limits requests that have not proved where they come from, by client address.

use std::{
    collections::HashMap,
    fmt,
    future::{Ready, ready},
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::response::Response;
use futures_util::future::Either;
use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use http::Request;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::{authentic::Authentic, client_address::ClientAddress, refusal::Refusal};
use crate::telemetry::Metrics;

/// What an address may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressBudget {
    /// Requests that may come at once.
    pub burst: NonZeroU32,
    /// Time after which one more may come; not zero.
    pub refill: Duration,
    /// Addresses remembered; new ones beyond them share one budget.
    pub addresses_max: usize,
}

impl Default for AddressBudget {
    fn default() -> Self {
        Self {
            // A person who mistypes never meets it, a scanner does at once.
            burst: NonZeroU32::new(20).expect("twenty is not zero"),
            refill: Duration::from_secs(1),
            // About 1 MB.
            addresses_max: 10_000,
        }
    }
}

/// The budgets of all addresses (GCRA). Shared by the layers, and by maintenance, which sweeps it.
///
/// An IPv6 address counts by its /64: whoever has one has all 2^64 of them.
pub struct AddressLimiter {
    clock: TokioClock,
    limiter: RateLimiter<IpAddr, BoundedStore, TokioClock, NoOpMiddleware<Duration>>,
}

impl AddressLimiter {
    /// All budgets are full.
    ///
    /// # Panics
    ///
    /// If `budget.refill` is zero.
    pub fn new(budget: AddressBudget) -> Self {
        let quota = Quota::with_period(budget.refill).expect("the refill time is not zero").allow_burst(budget.burst);
        let clock = TokioClock { start: Instant::now() };
        let store = BoundedStore { states: Mutex::default(), addresses_max: budget.addresses_max };
        Self { clock, limiter: RateLimiter::new(quota, store, clock) }
    }

    /// Takes one request from the budget of `address`.
    ///
    /// # Errors
    ///
    /// How long to wait, if the budget is spent; nothing was taken then.
    pub fn charge(&self, address: IpAddr) -> Result<(), Duration> {
        let refused = self.limiter.check_key(&bucket(address));
        refused.map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Forgets the addresses whose budget is full again; call every minute or so.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// How many addresses are remembered.
    pub fn addresses(&self) -> usize {
        self.limiter.len()
    }
}

impl fmt::Debug for AddressLimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AddressLimiter").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

/// The address that stands for all that share a budget with `address`.
fn bucket(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = u128::MAX << 64;
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & NETWORK).into()),
    }
}

/// Charges every request without the [`Authentic`] mark to its [`ClientAddress`]; once the budget is spent it answers
/// 429 with `Retry-After` (`gryag_http_refused_total{reason="rate"}`). An authentic request passes unseen, also from
/// an address whose budget is spent: behind a proxy, or by a neighbour's fault, it may be the same one.
///
/// Pushes back: never. Error: the inner service's. In the stack: inside the layers that set the address and the mark,
/// outside the one that refuses what has no mark.
#[derive(Clone, Debug)]
pub struct RateLimitLayer {
    limiter: Arc<AddressLimiter>,
    metrics: Metrics,
}

impl RateLimitLayer {
    /// Charges to `limiter`; counts refusals in `metrics`.
    pub fn new(limiter: Arc<AddressLimiter>, metrics: Metrics) -> Self {
        Self { limiter, metrics }
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit { inner, limiter: Arc::clone(&self.limiter), metrics: self.metrics.clone() }
    }
}

/// The service of [`RateLimitLayer`].
#[derive(Clone, Debug)]
pub struct RateLimit<S> {
    inner: S,
    limiter: Arc<AddressLimiter>,
    metrics: Metrics,
}

impl<S, B> Service<Request<B>> for RateLimit<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.charge(&request) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(refusal) => Either::Right(ready(Ok(refusal.answer(&self.metrics)))),
        }
    }
}

impl<S> RateLimit<S> {
    fn charge<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        if request.extensions().get::<Authentic>().is_some() {
            return Ok(());
        }
        let address = request.extensions().get::<ClientAddress>().map(|client| client.0);
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.limiter.charge(address).map_err(|retry_after| Refusal::TooMany { retry_after })
    }
}

/// Governor's time is tokio's, which tests can pause.
#[derive(Clone, Copy, Debug)]
struct TokioClock {
    start: Instant,
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Keeps the state of at most `addresses_max` addresses exactly, and one for all the others. The lock is held for a
/// look-up and only by requests that nobody vouches for.
struct BoundedStore {
    states: Mutex<States>,
    addresses_max: usize,
}

/// Each address's theoretical arrival time, a term of GCRA.
#[derive(Default)]
struct States {
    by_address: HashMap<IpAddr, Nanos>,
    overflow: Option<Nanos>,
}

impl BoundedStore {
    fn lock(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for BoundedStore {
    type Key = IpAddr;

    fn measure_and_replace<T, F, E>(&self, address: &IpAddr, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let states = &mut *self.lock();
        if let Some(state) = states.by_address.get_mut(address) {
            let (outcome, next) = decide(Some(*state))?;
            *state = next;
            return Ok(outcome);
        }
        if states.by_address.len() < self.addresses_max {
            let (outcome, next) = decide(None)?;
            states.by_address.insert(*address, next);
            return Ok(outcome);
        }
        let (outcome, next) = decide(states.overflow)?;
        states.overflow = Some(next);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<IpAddr> for BoundedStore {
    fn retain_recent(&self, drop_below: Nanos) {
        self.lock().by_address.retain(|_, arrival| *arrival > drop_below);
    }

    fn shrink_to_fit(&self) {
        self.lock().by_address.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.lock().by_address.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn limiter(burst: u32, refill_seconds: u64, addresses_max: usize) -> AddressLimiter {
        let burst = NonZeroU32::new(burst).unwrap();
        AddressLimiter::new(AddressBudget { burst, refill: Duration::from_secs(refill_seconds), addresses_max })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn nth(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(number))
    }

    #[tokio::test(start_paused = true)]
    async fn a_spent_budget_refills_one_by_one() {
        let limiter = limiter(3, 10, 100);
        let address = ip("203.0.113.7");
        for _ in 0..3 {
            limiter.charge(address).unwrap();
        }
        assert_eq!(limiter.charge(address), Err(Duration::from_secs(10)));
        advance(Duration::from_secs(4)).await;
        assert_eq!(limiter.charge(address), Err(Duration::from_secs(6)), "a refused request costs nothing");
        advance(Duration::from_secs(6)).await;
        assert_eq!(limiter.charge(address), Ok(()));
        assert!(limiter.charge(address).is_err());
        assert_eq!(limiter.charge(ip("203.0.113.8")), Ok(()), "another address has its own");
    }

    #[tokio::test(start_paused = true)]
    async fn an_ipv6_address_counts_by_its_network() {
        let limiter = limiter(1, 10, 100);
        limiter.charge(ip("2001:db8:1:2::1")).unwrap();
        assert!(limiter.charge(ip("2001:db8:1:2:ffff::9")).is_err());
        assert_eq!(limiter.charge(ip("2001:db8:1:3::1")), Ok(()));
        limiter.charge(ip("192.0.2.1")).unwrap();
        assert!(limiter.charge(ip("::ffff:192.0.2.1")).is_err(), "an IPv4 address in either notation is one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_thousand_addresses_take_bounded_memory() {
        let limiter = limiter(2, 10, 1000);
        let passed = (0..100_000).filter(|number| limiter.charge(nth(*number)).is_ok()).count();
        assert_eq!(limiter.addresses(), 1000);
        assert_eq!(passed, 1002, "those beyond the cap share one budget of two");
        assert_eq!(limiter.charge(nth(5)), Ok(()), "who is remembered keeps a budget of its own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_forgets_exactly_the_full_budgets() {
        let limiter = limiter(2, 10, 1000);
        for number in 0..500 {
            limiter.charge(nth(number)).unwrap();
        }
        advance(Duration::from_secs(60)).await;
        let recent = nth(1_000_000);
        limiter.charge(recent).unwrap();
        limiter.charge(recent).unwrap();
        limiter.sweep();
        assert_eq!(limiter.addresses(), 1);
        assert!(limiter.charge(recent).is_err(), "a sweep gives nobody a new budget");
    }
}

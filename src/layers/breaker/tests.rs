use std::{
    collections::BTreeMap,
    future::{Future, pending, poll_fn},
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;
use tokio::time::{advance, sleep};
use tower::{ServiceBuilder, ServiceExt as _, service_fn, util::BoxCloneSyncService};

use super::*;

/// What the stand-in upstream does with a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Succeed,
    Fail,
    FailFor(u64),
    Ignored,
    Crawl(u64),
    Hang,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
enum Failed {
    #[error("upstream")]
    Upstream(Act),
    #[error(transparent)]
    Open(#[from] BreakerOpen),
}

fn verdict(result: &Result<(), Failed>) -> Verdict {
    match result {
        Err(Failed::Upstream(Act::FailFor(seconds))) => {
            Verdict::Failure { retry_after: Some(Duration::from_secs(*seconds)) }
        }
        Err(Failed::Upstream(Act::Ignored)) => Verdict::Ignore,
        Err(_) => Verdict::Failure { retry_after: None },
        Ok(()) => Verdict::Success,
    }
}

struct World {
    service: BoxCloneSyncService<Act, (), Failed>,
    handle: BreakerHandle,
    metrics: Metrics,
    reached: Arc<AtomicU32>,
}

impl World {
    fn new() -> Self {
        let metrics = Metrics::new();
        let handle = BreakerHandle::new("upstream", BreakerOptions::default(), &metrics);
        let reached = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&reached);
        let upstream = service_fn(move |act| {
            count.fetch_add(1, Ordering::SeqCst);
            async move {
                match act {
                    Act::Succeed => Ok(()),
                    Act::Crawl(seconds) => {
                        sleep(Duration::from_secs(seconds)).await;
                        Ok(())
                    }
                    Act::Hang => pending().await,
                    failure => Err(Failed::Upstream(failure)),
                }
            }
        });
        let service = ServiceBuilder::new().layer(handle.gate()).layer(handle.layer(verdict)).service(upstream);
        Self { service: BoxCloneSyncService::new(service), handle, metrics, reached }
    }

    async fn call(&self, act: Act) -> Result<(), Failed> {
        self.service.clone().oneshot(act).await
    }

    async fn calls(&self, act: Act, times: u32) {
        for _ in 0..times {
            let _ = self.call(act).await;
        }
    }

    /// A call that has begun and is still running.
    async fn begin(&self, act: Act) -> Pin<Box<dyn Future<Output = Result<(), Failed>> + Send>> {
        let mut call = Box::pin(self.service.clone().oneshot(act));
        poll_fn(|context| {
            assert!(call.as_mut().poll(context).is_pending(), "the call should run");
            Poll::Ready(())
        })
        .await;
        call
    }

    async fn opened() -> Self {
        let world = Self::new();
        world.calls(Act::Fail, 10).await;
        assert_eq!(world.handle.state(), BreakerState::Open);
        world
    }

    async fn half_open() -> Self {
        let world = Self::opened().await;
        advance(Duration::from_secs(20)).await;
        assert_eq!(world.handle.state(), BreakerState::HalfOpen);
        world
    }

    fn reached(&self) -> u32 {
        self.reached.load(Ordering::SeqCst)
    }

    fn gauge(&self) -> String {
        let page = self.metrics.render();
        let line = page.lines().find(|line| line.starts_with("gryag_breaker_state{")).unwrap_or_default();
        line.to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_successes_do_not_hide_an_outage() {
    let world = World::new();
    for _ in 0..10_000 {
        world.call(Act::Succeed).await.expect("a closed breaker lets it through");
        advance(Duration::from_millis(50)).await;
    }
    // The successes of the window, 20 a second, have gone by when the failures begin.
    advance(Duration::from_secs(30)).await;
    let mut failures = 0;
    while world.handle.state() == BreakerState::Closed {
        let _ = world.call(Act::Fail).await;
        failures += 1;
    }
    assert!(failures <= 20, "{failures} calls to notice");
}

#[tokio::test(start_paused = true)]
async fn an_outage_under_steady_load_is_noticed_within_half_a_window() {
    let world = World::new();
    for _ in 0..10_000 {
        world.call(Act::Succeed).await.expect("a closed breaker lets it through");
        advance(Duration::from_millis(100)).await;
    }
    let outage = Instant::now();
    while world.handle.state() == BreakerState::Closed {
        let _ = world.call(Act::Fail).await;
        advance(Duration::from_millis(100)).await;
    }
    assert!(outage.elapsed() <= Duration::from_secs(16), "{:?}", outage.elapsed());
}

#[tokio::test(start_paused = true)]
async fn eleven_failures_open_it_and_three_good_probes_close_it() {
    let world = World::new();
    world.calls(Act::Fail, 11).await;
    assert_eq!(world.reached(), 10, "the eleventh finds it open");

    advance(Duration::from_secs(5)).await;
    assert_eq!(
        world.call(Act::Succeed).await,
        Err(Failed::Open(BreakerOpen { retry_after: Duration::from_secs(15) })),
        "refused at once, with what is left of the pause",
    );
    assert_eq!(world.reached(), 10);

    advance(Duration::from_secs(15)).await;
    for _ in 0..2 {
        world.call(Act::Succeed).await.expect("a closed breaker lets it through");
        assert_eq!(world.handle.state(), BreakerState::HalfOpen);
    }
    world.call(Act::Succeed).await.expect("a closed breaker lets it through");
    assert_eq!(world.handle.state(), BreakerState::Closed);

    world.calls(Act::Fail, 9).await;
    assert_eq!(world.handle.state(), BreakerState::Closed, "a closed breaker starts with an empty window");
}

#[tokio::test(start_paused = true)]
async fn half_open_admits_exactly_three() {
    let world = World::half_open().await;
    let before = world.reached();
    let mut running = Vec::new();
    for _ in 0..3 {
        running.push(world.begin(Act::Crawl(2)).await);
    }
    for _ in 0..10 {
        assert!(matches!(world.call(Act::Succeed).await, Err(Failed::Open(_))));
    }
    assert_eq!(world.reached(), before + 3);
    for call in running {
        call.await.expect("it crawls, but arrives");
    }
    assert_eq!(world.handle.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn failed_probes_open_it_again() {
    let world = World::half_open().await;
    world.call(Act::Succeed).await.expect("a closed breaker lets it through");
    world.calls(Act::Fail, 2).await;
    assert_eq!(world.handle.state(), BreakerState::Open);
    advance(Duration::from_millis(19_999)).await;
    assert_eq!(world.handle.state(), BreakerState::Open);
    advance(Duration::from_millis(1)).await;
    assert_eq!(world.handle.state(), BreakerState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn one_failed_probe_of_three_does_not_keep_it_open() {
    let world = World::half_open().await;
    world.calls(Act::Fail, 1).await;
    world.calls(Act::Succeed, 2).await;
    assert_eq!(world.handle.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn it_stays_open_as_long_as_the_upstream_asked() {
    for (asked, kept) in [(7, 7), (0, 1), (86_400, 600)] {
        let world = World::new();
        world.calls(Act::FailFor(asked), 10).await;
        assert_eq!(world.handle.refusal(), Some(BreakerOpen { retry_after: Duration::from_secs(kept) }));
    }
}

#[tokio::test(start_paused = true)]
async fn nine_failures_are_too_few_and_old_ones_are_forgotten() {
    let world = World::new();
    for _ in 0..50 {
        world.calls(Act::Fail, 9).await;
        advance(Duration::from_secs(30)).await;
    }
    assert_eq!(world.handle.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn fewer_than_half_failing_leave_it_closed() {
    let world = World::new();
    for _ in 0..100 {
        world.calls(Act::Succeed, 11).await;
        world.calls(Act::Fail, 9).await;
    }
    assert_eq!(world.handle.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn ignored_results_neither_open_nor_close_it() {
    let world = World::new();
    world.calls(Act::Ignored, 1_000).await;
    world.calls(Act::Fail, 9).await;
    assert_eq!(world.handle.state(), BreakerState::Closed);

    let world = World::half_open().await;
    world.calls(Act::Ignored, 1_000).await;
    assert_eq!(world.handle.state(), BreakerState::HalfOpen);
    world.calls(Act::Succeed, 3).await;
    assert_eq!(world.handle.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn crawling_answers_open_it_like_failures() {
    let world = World::new();
    let mut running = Vec::new();
    for _ in 0..10 {
        running.push(world.begin(Act::Crawl(10)).await);
    }
    for call in running {
        call.await.expect("it crawls, but arrives");
    }
    assert_eq!(world.handle.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn results_of_calls_from_before_it_opened_are_no_probes() {
    let world = World::new();
    let mut old = Vec::new();
    for _ in 0..5 {
        old.push(world.begin(Act::Crawl(25)).await);
    }
    world.calls(Act::Fail, 10).await;
    advance(Duration::from_secs(20)).await;
    assert_eq!(world.handle.state(), BreakerState::HalfOpen);
    for call in old {
        call.await.expect("it crawls, but arrives");
    }
    assert_eq!(world.handle.state(), BreakerState::HalfOpen, "slow results of old calls would have opened it");
    world.calls(Act::Succeed, 3).await;
    assert_eq!(world.handle.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_gives_its_place_back() {
    let world = World::half_open().await;
    for _ in 0..3 {
        drop(world.begin(Act::Hang).await);
    }
    world.calls(Act::Succeed, 3).await;
    assert_eq!(world.handle.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_counts_only_if_it_had_been_slow() {
    let world = World::new();
    for _ in 0..20 {
        drop(world.begin(Act::Hang).await);
    }
    assert_eq!(world.handle.state(), BreakerState::Closed);

    let mut hanging = Vec::new();
    for _ in 0..10 {
        hanging.push(world.begin(Act::Hang).await);
    }
    advance(Duration::from_secs(10)).await;
    drop(hanging);
    assert_eq!(world.handle.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_gauge_follows_the_state() {
    let world = World::new();
    assert_eq!(world.gauge(), r#"gryag_breaker_state{target="upstream"} 0"#);
    world.calls(Act::Fail, 10).await;
    assert_eq!(world.gauge(), r#"gryag_breaker_state{target="upstream"} 2"#);
    advance(Duration::from_secs(20)).await;
    world.calls(Act::Succeed, 1).await;
    assert_eq!(world.gauge(), r#"gryag_breaker_state{target="upstream"} 1"#);
    world.calls(Act::Succeed, 2).await;
    assert_eq!(world.gauge(), r#"gryag_breaker_state{target="upstream"} 0"#);
}

// === The machine against a model that keeps every call and thinks in lists ===

#[derive(Clone, Debug)]
enum Op {
    Advance(u64),
    Begin,
    End(usize, Outcome),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Good,
    Bad(Option<u64>),
    Neither,
}

#[derive(Debug)]
enum Model {
    Closed { since: u64, seen: Vec<(u64, bool)>, mine: Vec<u64> },
    Open { until: u64 },
    HalfOpen { running: Vec<u64>, results: Vec<bool> },
}

impl Model {
    fn closed(now: u64) -> Self {
        Self::Closed { since: now, seen: Vec::new(), mine: Vec::new() }
    }

    fn pass_time(&mut self, now: u64) {
        if matches!(self, Self::Open { until } if now >= *until) {
            *self = Self::HalfOpen { running: Vec::new(), results: Vec::new() };
        }
    }

    /// Whether call number `call` may start.
    fn begin(&mut self, call: u64) -> bool {
        match self {
            Self::Closed { mine, .. } => {
                mine.push(call);
                true
            }
            Self::Open { .. } => false,
            Self::HalfOpen { running, results } => {
                let free = running.len() + results.len() < 3;
                if free {
                    running.push(call);
                }
                free
            }
        }
    }

    fn end(&mut self, call: u64, now: u64, outcome: Outcome) {
        let pause = |outcome| match outcome {
            Outcome::Bad(Some(asked)) => asked.clamp(1_000, 600_000),
            _ => 20_000,
        };
        match self {
            Self::Closed { since, seen, mine } if mine.contains(&call) && outcome != Outcome::Neither => {
                seen.push((now, outcome != Outcome::Good));
                let second = |at: u64| (at - *since) / 1_000;
                let recent: Vec<bool> =
                    seen.iter().filter(|(at, _)| second(*at) + 30 > second(now)).map(|(_, bad)| *bad).collect();
                let bad = recent.iter().filter(|bad| **bad).count();
                if recent.len() >= 10 && bad * 2 >= recent.len() {
                    *self = Self::Open { until: now + pause(outcome) };
                }
            }
            Self::HalfOpen { running, results } if running.contains(&call) => {
                running.retain(|other| *other != call);
                if outcome != Outcome::Neither {
                    results.push(outcome == Outcome::Good);
                }
                if results.iter().filter(|good| !**good).count() >= 2 {
                    *self = Self::Open { until: now + pause(outcome) };
                } else if results.len() == 3 {
                    *self = Self::closed(now);
                }
            }
            _ => {}
        }
    }

    fn state(&self) -> BreakerState {
        match self {
            Self::Closed { .. } => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

fn op() -> impl Strategy<Value = Op> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Good),
        4 => Just(Outcome::Bad(None)),
        1 => (0..60_000_u64).prop_map(|asked| Outcome::Bad(Some(asked))),
        1 => Just(Outcome::Neither),
    ];
    prop_oneof![
        2 => (0..3_000_u64).prop_map(Op::Advance),
        1 => (3_000..40_000_u64).prop_map(Op::Advance),
        6 => Just(Op::Begin),
        6 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Op::End(which, outcome)),
    ]
}

proptest! {
    #[test]
    fn it_agrees_with_a_model_that_keeps_every_call(ops in prop::collection::vec(op(), 1..400)) {
        let start = Instant::now();
        let mut machine = Machine::new(BreakerOptions::default(), start);
        let mut model = Model::closed(0);
        let (mut now, mut calls) = (0_u64, 0_u64);
        let mut running: BTreeMap<u64, u64> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Advance(by) => now += by,
                Op::Begin => {
                    calls += 1;
                    model.pass_time(now);
                    let admitted = machine.admit(start + Duration::from_millis(now));
                    prop_assert_eq!(admitted.is_ok(), model.begin(calls));
                    if let Ok(generation) = admitted {
                        running.insert(calls, generation);
                    }
                }
                Op::End(which, outcome) => {
                    let Some(call) = running.keys().nth(which % running.len().max(1)).copied() else { continue };
                    let generation = running.remove(&call).unwrap_or_default();
                    let verdict = match outcome {
                        Outcome::Good => Verdict::Success,
                        Outcome::Bad(asked) => Verdict::Failure { retry_after: asked.map(Duration::from_millis) },
                        Outcome::Neither => Verdict::Ignore,
                    };
                    machine.record(generation, start + Duration::from_millis(now), verdict);
                    model.end(call, now, outcome);
                }
            }
            model.pass_time(now);
            prop_assert_eq!(machine.state(start + Duration::from_millis(now)), model.state());
        }
    }
}

//! What keeps the calls few: the retry budget, the shared rate limit, the places in this process.

use std::{
    future::{Future as _, poll_fn},
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use async_trait::async_trait;
use futures_util::future::join_all;

use super::*;

/// A slot every so often.
#[derive(Debug)]
struct OneEvery {
    period: Duration,
    next: Mutex<Instant>,
}

#[async_trait]
impl RateSlots for OneEvery {
    async fn take(&self) -> Result<Slot, SlotsUnavailable> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if *next > now {
            return Ok(Slot::Wait(*next - now));
        }
        *next = now + self.period;
        Ok(Slot::Granted)
    }

    async fn take_spare(&self) -> Result<bool, SlotsUnavailable> {
        Ok(false)
    }
}

#[derive(Debug)]
struct Broken;

#[async_trait]
impl RateSlots for Broken {
    async fn take(&self) -> Result<Slot, SlotsUnavailable> {
        Err(SlotsUnavailable)
    }

    async fn take_spare(&self) -> Result<bool, SlotsUnavailable> {
        Err(SlotsUnavailable)
    }
}

#[derive(Debug)]
struct Stuck;

#[async_trait]
impl RateSlots for Stuck {
    async fn take(&self) -> Result<Slot, SlotsUnavailable> {
        pending().await
    }

    async fn take_spare(&self) -> Result<bool, SlotsUnavailable> {
        pending().await
    }
}

/// Grants everything and counts.
#[derive(Default, Debug)]
struct Counting(AtomicUsize);

#[async_trait]
impl RateSlots for Arc<Counting> {
    async fn take(&self) -> Result<Slot, SlotsUnavailable> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Slot::Granted)
    }

    async fn take_spare(&self) -> Result<bool, SlotsUnavailable> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    }
}

fn with_rate(rate: impl RateSlots + 'static, script: impl IntoIterator<Item = Act>) -> World {
    World::with(GeminiOptions { rate: Some(Arc::new(rate)), ..options() }, [(FIRST, script.into_iter().collect())])
}

#[tokio::test(start_paused = true)]
async fn every_call_takes_a_slot_and_retries_too() {
    let period = Duration::from_secs(10);
    let world = with_rate(OneEvery { period, next: Mutex::new(Instant::now()) }, [Act::Cut, Act::says("гав")]);
    world.answer().await;
    world.answer().await;
    let at: Vec<u64> = world.asked().iter().map(|(_, at)| at.as_secs()).collect();
    assert_eq!(at, [0, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_too_late_is_not_waited_for() {
    let period = Duration::from_secs(100);
    let world = with_rate(OneEvery { period, next: Mutex::new(Instant::now()) }, [Act::says("гав")]);
    world.answer().await;
    let started = Instant::now();
    assert_eq!(world.error().await, GeminiError::NoSlot { retry_after: Some(period) });
    assert_eq!((started.elapsed(), world.seen().len()), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn a_keeper_of_slots_that_fails_or_hangs_does_not_let_calls_through() {
    let world = with_rate(Broken, [Act::says("гав")]);
    assert_eq!(world.error().await, GeminiError::SlotsUnavailable(SlotsUnavailable));
    let stuck = with_rate(Stuck, [Act::says("гав")]);
    assert!(stuck.ask().await.result.is_err());
    assert!(world.seen().is_empty() && stuck.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_spends_no_slot() {
    let counting = Arc::new(Counting::default());
    let world = with_rate(Arc::clone(&counting), [Act::error(500, "INTERNAL", "")]);
    for _ in 0..50 {
        world.error().await;
    }
    assert_eq!((counting.0.load(Ordering::SeqCst), world.seen().len()), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_calls_run_at_once_and_the_others_wait_their_turn() {
    let options = GeminiOptions { max_concurrent: 2, ..options() };
    let world = World::with(options, [(FIRST, [Act::says("гав").after(Duration::from_secs(5))].into())]);
    let outcomes = join_all((0..6).map(|_| world.ask_within(Duration::from_secs(11)))).await;
    let at: Vec<u64> = world.asked().iter().map(|(_, at)| at.as_secs()).collect();
    assert_eq!(at, [0, 0, 5, 5, 10, 10]);
    let answered = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    assert_eq!(answered, 4, "the last two are cut by their turn's deadline");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_place_is_not_held_against_the_model() {
    let options = GeminiOptions { max_concurrent: 1, ..options() };
    let world = World::with(options, [(FIRST, [Act::says("гав").after(Duration::from_secs(1))].into())]);
    let turn = Duration::from_secs(40);
    let outcomes = join_all((0..30).map(|_| world.ask_within(turn))).await;
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
}

#[tokio::test(start_paused = true)]
async fn who_waited_while_the_breaker_opened_is_not_sent_into_the_outage() {
    let options = GeminiOptions { max_concurrent: 10, ..options() };
    let world = World::with(options, [(FIRST, [Act::Hang].into())]);
    join_all((0..100).map(|_| world.ask())).await;
    assert!(world.seen().len() <= 20, "{} calls into a hanging upstream", world.seen().len());
}

#[tokio::test(start_paused = true)]
async fn a_failing_upstream_is_not_hit_much_harder_than_a_healthy_one() {
    // 429 does not open the breaker, so the budget alone bounds the retries.
    let calls = 1_000;
    let options = GeminiOptions { max_concurrent: calls, ..options() };
    let world = World::with(options, [(FIRST, [Act::raw(429, "")].into())]);
    join_all((0..calls).map(|_| world.ask())).await;
    let retries = world.seen().len() - calls;
    assert!(retries <= calls / 5 + 100, "{retries} retries");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_only_fails_is_noticed_after_ten_calls() {
    let world = World::new([Act::error(500, "INTERNAL", "")]);
    for _ in 0..1_000 {
        let _ = world.ask().await;
    }
    assert_eq!(world.seen().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_dropped_gives_its_place_back_and_counts_as_cancelled() {
    let options = GeminiOptions { max_concurrent: 1, ..options() };
    let world = World::with(options, [(FIRST, [Act::Hang, Act::says("гав")].into())]);
    {
        let question = prompt();
        let mut asking = Box::pin(world.gemini.answer(&question, Instant::now() + TURN, Choice::USUAL));
        poll_fn(|context| {
            assert!(asking.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    assert_eq!(world.answer().await.text, "гав");
    let counted = world.metric("gryag_gemini_request_duration_seconds_count");
    assert!(counted.iter().any(|line| line.contains(r#"outcome="cancelled"} 1"#)), "{counted:?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_for_does_not_wait_for_a_slot() {
    let period = Duration::from_secs(10);
    let world = with_rate(OneEvery { period, next: Mutex::new(Instant::now()) }, [Act::says("гав")]);
    let started = Instant::now();
    let unasked = world.gemini.answer(&prompt(), started + TURN, Choice::USUAL.unasked()).await;
    assert_eq!(unasked.result.expect_err("no slot"), GeminiError::NoSlot { retry_after: None });
    assert_eq!((started.elapsed(), world.seen().len()), (Duration::ZERO, 0));
}

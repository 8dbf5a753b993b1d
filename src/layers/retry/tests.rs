use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use proptest::prelude::*;
use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};

use super::*;
use crate::random::{Random, Seeded};

#[derive(Clone, Copy)]
struct Call {
    deadline: Instant,
}

impl HasDeadline for Call {
    fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// The upstream's complaint: what it asks for, and after how many attempts it is final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Complaint {
    retry_after: Option<Duration>,
    attempts_max: u32,
}

const ANY: Complaint = Complaint { retry_after: None, attempts_max: u32::MAX };

fn again(result: &Result<(), Complaint>) -> Again {
    match result {
        Ok(()) => Again::No,
        Err(complaint) => Again::Yes { retry_after: complaint.retry_after, attempts_max: complaint.attempts_max },
    }
}

/// Always draws the same.
#[derive(Debug)]
struct Fixed(f64);

impl Random for Fixed {
    fn fraction(&self) -> f64 {
        self.0
    }

    fn bits(&self) -> u64 {
        0
    }
}

type Moments = Arc<Mutex<Vec<Duration>>>;

/// An upstream that complains a number of times, and the moments at which it was called.
fn upstream(
    complaint: Complaint,
    times: usize,
    random: SharedRandom,
    metrics: &Metrics,
) -> (impl Service<Call, Response = (), Error = Complaint, Future: Send> + Clone + use<>, Moments) {
    let moments = Moments::default();
    let (start, seen) = (Instant::now(), Arc::clone(&moments));
    let service = service_fn(move |_: Call| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(start.elapsed());
        let result = if seen.len() > times { Ok(()) } else { Err(complaint) };
        async move { result }
    });
    let layer = retry_layer("upstream", RetryOptions::default(), again, random, metrics);
    (ServiceBuilder::new().layer(layer).service(service), moments)
}

async fn run(complaint: Complaint, times: usize, deadline: Duration) -> (Result<(), Complaint>, Vec<u64>) {
    let (service, moments) = upstream(complaint, times, Arc::new(Fixed(0.5)), &Metrics::new());
    let result = service.oneshot(Call { deadline: Instant::now() + deadline }).await;
    let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
    (result, moments.iter().map(|at| u64::try_from(at.as_millis()).expect("small numbers")).collect())
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn delays_double_and_three_attempts_are_the_most() {
    assert_eq!(run(ANY, 99, MINUTE).await, (Err(ANY), vec![0, 250, 750]));
    assert_eq!(run(ANY, 2, MINUTE).await, (Ok(()), vec![0, 250, 750]));
    assert_eq!(run(ANY, 0, MINUTE).await, (Ok(()), vec![0]));
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_asks_is_obeyed_to_the_millisecond() {
    let asks = Complaint { retry_after: Some(Duration::from_millis(5_238)), ..ANY };
    assert_eq!(run(asks, 1, MINUTE).await, (Ok(()), vec![0, 5_238]));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_does_not_fit_is_not_begun() {
    let asks = Complaint { retry_after: Some(Duration::from_secs(7)), ..ANY };
    let before = Instant::now();
    assert_eq!(run(asks, 1, Duration::from_secs(7)).await, (Err(asks), vec![0]));
    assert_eq!(before.elapsed(), Duration::ZERO, "it gives up at once");
    let forever = Complaint { retry_after: Some(Duration::MAX), ..ANY };
    assert_eq!(run(forever, 1, Duration::from_secs(7)).await, (Err(forever), vec![0]));
}

#[tokio::test(start_paused = true)]
async fn a_kind_of_error_may_be_final_sooner() {
    let once_more = Complaint { attempts_max: 2, ..ANY };
    assert_eq!(run(once_more, 99, MINUTE).await.1.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failing_upstream_gets_at_most_a_fifth_more_and_ten_a_second() {
    const CALLS: usize = 5_000;
    let metrics = Metrics::new();
    let (service, moments) = upstream(ANY, usize::MAX, Arc::new(Seeded::new(7)), &metrics);
    let deadline = Instant::now() + MINUTE;
    let results = join_all((0..CALLS).map(|_| service.clone().oneshot(Call { deadline }))).await;
    assert!(results.iter().all(Result::is_err));
    let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
    let (calls, attempts) =
        (u64::try_from(CALLS).expect("small numbers"), u64::try_from(moments.len()).expect("small numbers"));
    let retries = attempts - calls;
    // All within one window of ten seconds, so the reserve is there once.
    assert!(retries <= calls / 5 + 100, "{retries} retries of {calls} calls");
    assert!(retries >= calls / 5, "the budget is there to be used: {retries}");
    assert!(metrics.render().contains(&format!("gryag_retries_total{{target=\"upstream\"}} {retries}")));
}

proptest! {
    #[test]
    fn a_drawn_delay_lies_between_nothing_and_its_bound(failed in 0..100_u32, fraction in 0.0..1.0_f64) {
        let options = RetryOptions::default();
        let bound = match failed {
            0 | 1 => 500,
            2 => 1_000,
            3 => 2_000,
            4 => 4_000,
            _ => 8_000,
        };
        let delay = full_jitter(options, failed, fraction);
        prop_assert!(delay <= Duration::from_millis(bound), "{delay:?} after {failed}");
        prop_assert!(full_jitter(options, failed, 0.0).is_zero());
        let longest = full_jitter(options, failed, 1.0 - f64::EPSILON);
        prop_assert!(longest > Duration::from_millis(bound - 1), "the whole range is used");
    }
}

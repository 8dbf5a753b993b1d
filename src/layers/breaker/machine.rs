//! The breaker's states, apart from tower: pure, its time comes in as an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::{BreakerOpen, BreakerOptions, BreakerState, Verdict};

/// The window is cut into this many buckets, so that its memory does not grow with the calls.
const BUCKETS: usize = 30;
/// Bounds of a pause that the target asks for: zero would let a failing target flap, and a day would need a restart.
const OPEN_MIN: Duration = Duration::from_secs(1);
const OPEN_MAX: Duration = Duration::from_secs(600);
/// What a call is told that comes while the probes are under way: they end within one call's deadline.
const WHILE_PROBING: Duration = Duration::from_secs(1);

/// State of one breaker.
#[derive(Debug)]
pub(super) struct Machine {
    options: BreakerOptions,
    phase: Phase,
    /// Grows with every change of phase; a result counts only in the generation that admitted its call.
    generation: u64,
}

#[derive(Debug)]
enum Phase {
    Closed(Window),
    Open { until: Instant },
    HalfOpen(Probes),
}

#[derive(Debug, Default)]
struct Probes {
    pending: u32,
    succeeded: u32,
    failed: u32,
}

impl Probes {
    fn admitted(&self) -> u32 {
        self.pending + self.succeeded + self.failed
    }
}

impl Machine {
    pub(super) fn new(options: BreakerOptions, now: Instant) -> Self {
        Self { options, phase: Phase::Closed(Window::new(options.window, now)), generation: 0 }
    }

    /// The state as of the last call; time may have passed since.
    pub(super) fn last_state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed(_) => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    pub(super) fn state(&mut self, now: Instant) -> BreakerState {
        self.end_pause(now);
        self.last_state()
    }

    pub(super) fn refusal(&mut self, now: Instant) -> Option<BreakerOpen> {
        self.end_pause(now);
        match &self.phase {
            Phase::Closed(_) => None,
            Phase::Open { until } => Some(BreakerOpen { retry_after: *until - now }),
            Phase::HalfOpen(probes) if probes.admitted() < self.options.probes => None,
            Phase::HalfOpen(_) => Some(BreakerOpen { retry_after: WHILE_PROBING }),
        }
    }

    /// Lets a call through, and returns the generation to [`Machine::record`] its result with.
    pub(super) fn admit(&mut self, now: Instant) -> Result<u64, BreakerOpen> {
        if let Some(open) = self.refusal(now) {
            return Err(open);
        }
        if let Phase::HalfOpen(probes) = &mut self.phase {
            probes.pending += 1;
        }
        Ok(self.generation)
    }

    pub(super) fn record(&mut self, generation: u64, now: Instant, verdict: Verdict) {
        if generation != self.generation {
            return;
        }
        match &mut self.phase {
            Phase::Closed(window) => {
                let failed = match verdict {
                    Verdict::Ignore => return,
                    Verdict::Success => false,
                    Verdict::Failure { .. } => true,
                };
                let seen = window.record(now, failed);
                if seen.calls >= self.options.calls_min && self.too_many(seen.failed, seen.calls) {
                    self.open(now, verdict);
                }
            }
            Phase::HalfOpen(probes) => {
                probes.pending -= 1;
                match verdict {
                    Verdict::Ignore => {}
                    Verdict::Success => probes.succeeded += 1,
                    Verdict::Failure { .. } => probes.failed += 1,
                }
                self.judge_probes(now, verdict);
            }
            // Nothing is admitted in this phase, so no ticket carries its generation.
            Phase::Open { .. } => {}
        }
    }

    /// Opens as soon as the probes cannot come out well any more; closes when all of them are in.
    fn judge_probes(&mut self, now: Instant, last: Verdict) {
        let Phase::HalfOpen(probes) = &self.phase else { return };
        if self.too_many(probes.failed, self.options.probes) {
            self.open(now, last);
        } else if probes.succeeded + probes.failed >= self.options.probes {
            self.enter(Phase::Closed(Window::new(self.options.window, now)));
        }
    }

    fn too_many(&self, failed: u32, of: u32) -> bool {
        failed > 0 && u64::from(failed) * 100 >= u64::from(of) * u64::from(self.options.failed_percent)
    }

    fn open(&mut self, now: Instant, because: Verdict) {
        let pause = match because {
            Verdict::Failure { retry_after: Some(asked) } => asked.clamp(OPEN_MIN, OPEN_MAX),
            _ => self.options.open,
        };
        self.enter(Phase::Open { until: now + pause });
    }

    fn end_pause(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Open { until } if until <= now) {
            self.enter(Phase::HalfOpen(Probes::default()));
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
    }
}

/// Calls of the last while, by bucket.
#[derive(Debug)]
struct Window {
    started: Instant,
    bucket_width_ns: u128,
    buckets: Box<[Bucket; BUCKETS]>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Bucket {
    number: u128,
    calls: u32,
    failed: u32,
}

struct Seen {
    calls: u32,
    failed: u32,
}

impl Window {
    fn new(length: Duration, now: Instant) -> Self {
        let bucket_width_ns = (length.as_nanos() / BUCKETS as u128).max(1);
        Self { started: now, bucket_width_ns, buckets: Box::new([Bucket::default(); BUCKETS]) }
    }

    /// Notes one call and sums up the window.
    fn record(&mut self, now: Instant, failed: bool) -> Seen {
        let number = now.saturating_duration_since(self.started).as_nanos() / self.bucket_width_ns;
        let place = usize::try_from(number % BUCKETS as u128).expect("a remainder of 30 fits");
        let bucket = &mut self.buckets[place];
        if bucket.number != number {
            *bucket = Bucket { number, calls: 0, failed: 0 };
        }
        bucket.calls = bucket.calls.saturating_add(1);
        bucket.failed = bucket.failed.saturating_add(u32::from(failed));
        self.buckets.iter().filter(|bucket| bucket.number + BUCKETS as u128 > number).fold(
            Seen { calls: 0, failed: 0 },
            |seen, bucket| Seen {
                calls: seen.calls.saturating_add(bucket.calls),
                failed: seen.failed.saturating_add(bucket.failed),
            },
        )
    }
}

//! Figures over time.

use std::time::Duration;

use gryag::{
    domain::Timestamp,
    storage::{SERIES_MAX, Sample, SampleSpan, Series},
};

use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

fn sample(series: Series, label: &str, value: i64) -> Sample {
    Sample { series, label: label.to_owned(), value }
}

impl World {
    async fn sampled(&self, at: Timestamp, samples: Vec<Sample>) {
        self.store.add_samples(at, samples).await.unwrap();
    }

    async fn kept(&self, span: SampleSpan, now: Timestamp) -> Vec<(Timestamp, Sample)> {
        self.store.samples(span, now).await.unwrap()
    }
}

/// When a week-long step begins.
fn full_hour(world: &World) -> Timestamp {
    SampleSpan::Week.step_of(world.now()) + Duration::from_secs(3_600)
}

pub(crate) async fn samples_of_all_replicas_become_one_figure_a_step(world: World) {
    let hour = full_hour(&world);
    let (one, other) = (hour + Duration::from_secs(10), hour + Duration::from_secs(50));
    let later = hour + MINUTE;
    world.sampled(one, vec![sample(Series::Memory, "", 40), sample(Series::Errors, "turn bug", 2)]).await;
    world.sampled(other, vec![sample(Series::Memory, "", 30), sample(Series::Errors, "turn bug", 3)]).await;
    world.sampled(later, vec![sample(Series::Memory, "", 50), sample(Series::Errors, "send transient", 1)]).await;
    let errors = |at, label: &str, value| (at, sample(Series::Errors, label, value));
    let memory = |at, value| (at, sample(Series::Memory, "", value));
    assert_eq!(
        world.kept(SampleSpan::Hour, later).await,
        [errors(hour, "turn bug", 5), memory(hour, 40), errors(later, "send transient", 1), memory(later, 50)]
    );
    for span in [SampleSpan::Day, SampleSpan::Week] {
        let all = [errors(hour, "send transient", 1), errors(hour, "turn bug", 5), memory(hour, 50)];
        assert_eq!(world.kept(span, later).await, all, "{span:?}");
    }
}

pub(crate) async fn every_span_keeps_its_steps_and_no_more(world: World) {
    let hour = full_hour(&world);
    let between = MINUTE * 10;
    let count = 8 * 24 * 6;
    for number in 0..count {
        world.sampled(hour + between * number, vec![sample(Series::Updates, "", 1)]).await;
    }
    let last = hour + between * (count - 1);
    for (span, steps, value) in [(SampleSpan::Hour, 6, 1), (SampleSpan::Day, 144, 1), (SampleSpan::Week, 168, 6)] {
        let kept = world.kept(span, last).await;
        assert_eq!(kept.len(), steps, "{span:?}");
        assert!(kept.iter().all(|(_, sample)| sample.value == value), "{span:?}");
        // Asked for an earlier time, what is kept is seen beside what is asked for.
        let before = span.begin(last) - Duration::from_millis(1);
        assert!(world.kept(span, before).await.is_empty(), "{span:?}: older ones are gone");
    }
}

pub(crate) async fn a_clock_that_steps_back_leaves_no_samples_of_the_future(world: World) {
    let hour = full_hour(&world);
    let ahead = hour + Duration::from_secs(400 * 86_400);
    world.sampled(ahead, vec![sample(Series::Updates, "", 1)]).await;
    world.sampled(hour, vec![sample(Series::Updates, "", 2)]).await;
    for span in SampleSpan::ALL {
        assert!(world.kept(span, ahead).await.is_empty(), "{span:?}");
        assert_eq!(world.kept(span, hour).await, [(hour, sample(Series::Updates, "", 2))], "{span:?}");
    }
}

pub(crate) async fn a_step_takes_so_many_series_and_no_more(world: World) {
    let many = (0..SERIES_MAX + 9).map(|number| sample(Series::Errors, &format!("{number:04}"), 1));
    let now = world.now();
    world.sampled(now, many.collect()).await;
    for span in SampleSpan::ALL {
        assert_eq!(world.kept(span, now).await.len(), SERIES_MAX, "{span:?}");
    }
}

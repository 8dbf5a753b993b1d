//! How it has been for an hour, a day or a week, from what all replicas have left in the store.

use std::collections::BTreeMap;

use maud::html;

use super::{
    Dashboard, Fragment, Tab,
    chart::{Chart, LINES_MAX, Line},
    words,
};
use crate::{
    domain::{Language, Timestamp},
    locale::{self, say},
    storage::{Sample, SampleSpan, Series, StorageError},
    telemetry::metric,
};

/// Moments that are written along an axis.
const MOMENTS: usize = 5;

impl Dashboard {
    pub(super) async fn trends(&self, span: SampleSpan, language: Language) -> Result<Vec<Fragment>, StorageError> {
        let now = self.parts.clock.now();
        let samples = self.parts.store.samples(span, now).await?;
        let past = Past::new(span, now, samples);
        let mut fragments = vec![spans(span, language)];
        let charts = charts(&past, language);
        fragments.extend(charts.into_iter().map(|chart| Fragment { id: chart.id, html: chart.draw(language) }));
        Ok(fragments)
    }
}

/// A span's name in addresses.
pub(super) const fn span_name(span: SampleSpan) -> &'static str {
    match span {
        SampleSpan::Hour => "hour",
        SampleSpan::Day => "day",
        SampleSpan::Week => "week",
    }
}

fn spans(span: SampleSpan, language: Language) -> Fragment {
    let title = |of| match of {
        SampleSpan::Hour => say!(language, "dash-hour"),
        SampleSpan::Day => say!(language, "dash-day"),
        SampleSpan::Week => say!(language, "dash-week"),
    };
    let html = html! {
        nav.spans aria-label=(say!(language, "dash-span")) {
            ul {
                @for other in SampleSpan::ALL {
                    li {
                        a href={ (Tab::Trends.path()) "?span=" (span_name(other)) }
                            aria-current=[(other == span).then_some("true")] { (title(other)) }
                    }
                }
            }
        }
        p.muted { (say!(language, "dash-trends-words", step = &words::span(language, span.step()))) }
    };
    Fragment { id: "spans", html }
}

/// What was counted in a step, or in several.
#[derive(Clone, Default)]
struct Bin(BTreeMap<(Series, String), i64>);

impl Bin {
    fn add(&mut self, series: Series, label: String, value: i64) {
        let known = self.0.entry((series, label)).or_insert(0);
        *known = series.fold(*known, value);
    }

    fn of(&self, series: Series) -> impl Iterator<Item = (&str, i64)> {
        let all = self.0.range((series, String::new())..).take_while(move |((of, _), _)| *of == series);
        all.map(|((_, label), value)| (label.as_str(), *value))
    }

    /// Whether anything ran at all.
    fn ran(&self) -> bool {
        self.of(Series::Memory).next().is_some()
    }

    fn sum(&self, series: Series, is_meant: impl Fn(&str) -> bool) -> f64 {
        let sum: i64 = self.of(series).filter(|(label, _)| is_meant(label)).map(|(_, value)| value).sum();
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let sum = sum as f64;
        sum
    }

    fn total(&self, series: Series) -> f64 {
        self.sum(series, |_| true)
    }

    /// In seconds, from between the bounds of the bucket in which it lies.
    fn quantile(&self, series: Series, share: f64) -> Option<f64> {
        let bounds = metric::TURN_DURATION.buckets;
        let mut buckets: Vec<(f64, f64)> = self
            .of(series)
            .filter_map(|(bound, _)| Some((bound.parse().ok()?, self.sum(series, |it| it == bound))))
            .collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut left = share * buckets.iter().map(|(_, count)| count).sum::<f64>();
        for (bound, count) in buckets {
            if count > 0.0 && count >= left {
                let below = bounds.iter().copied().filter(|it| *it < bound).fold(0.0, f64::max);
                // Of what is beyond the last bound, only that is known.
                return Some(if bound.is_finite() { below + (bound - below) * left / count } else { below });
            }
            left -= count;
        }
        None
    }
}

/// What is known of a span: its steps, and the same in the larger pieces of a table.
struct Past {
    begin: Timestamp,
    span: SampleSpan,
    steps: Vec<Bin>,
    rows: Vec<Bin>,
}

impl Past {
    fn new(span: SampleSpan, now: Timestamp, samples: Vec<(Timestamp, Sample)>) -> Self {
        let begin = span.begin(now);
        let mut steps = vec![Bin::default(); span.steps() as usize];
        for (step, Sample { series, label, value }) in samples {
            let number = step.since(begin).as_secs() / span.step().as_secs();
            let bin = usize::try_from(number).ok().and_then(|number| steps.get_mut(number));
            if let Some(bin) = bin {
                bin.add(series, label, value);
            }
        }
        let rows = steps.chunks(steps_a_row(span)).map(|steps| {
            let mut row = Bin::default();
            for ((series, label), value) in steps.iter().flat_map(|step| &step.0) {
                row.add(*series, label.clone(), *value);
            }
            row
        });
        let rows = rows.collect();
        Self { begin, span, steps, rows }
    }

    fn line(&self, name: String, value: impl Fn(&Bin) -> Option<f64>) -> Line {
        let of = |bins: &[Bin]| bins.iter().map(&value).collect();
        Line { name, values: of(&self.steps), rows: of(&self.rows) }
    }

    /// A line of what is counted: nothing of it is nothing as long as something ran.
    fn count(&self, name: String, value: impl Fn(&Bin) -> f64) -> Line {
        self.line(name, |bin| bin.ran().then(|| value(bin)))
    }

    fn quantiles(&self, series: Series) -> Vec<Line> {
        let shares = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];
        shares.map(|(name, share)| self.line(name.to_owned(), |bin| bin.quantile(series, share))).into()
    }

    /// The kinds of a series, those that count most first.
    fn labels(&self, series: Series, kind: fn(&str) -> &str) -> Vec<String> {
        let mut totals: BTreeMap<&str, i64> = BTreeMap::new();
        for (label, value) in self.rows.iter().flat_map(|row| row.of(series)) {
            *totals.entry(kind(label)).or_default() += value;
        }
        let mut labels: Vec<_> = totals.into_iter().collect();
        labels.sort_by_key(|(_, total)| -total);
        labels.into_iter().map(|(label, _)| label.to_owned()).collect()
    }

    /// A line for each of the largest kinds, and one for the rest.
    fn by_kind(&self, series: Series, language: Language) -> Vec<Line> {
        let labels = self.labels(series, |label| label);
        let shown = if labels.len() > LINES_MAX { LINES_MAX - 1 } else { labels.len() };
        let (named, rest) = labels.split_at(shown);
        let line = |label: &String| self.count(label.clone(), |bin| bin.sum(series, |it| it == label));
        let mut lines: Vec<Line> = named.iter().map(line).collect();
        if !rest.is_empty() {
            let others = |bin: &Bin| bin.sum(series, |it| rest.iter().any(|label| label == it));
            lines.push(self.count(say!(language, "dash-others"), others));
        }
        if lines.is_empty() {
            lines.push(self.count(say!(language, "dash-all"), |_| 0.0));
        }
        lines
    }

    fn cache_hits(&self) -> Vec<Line> {
        let name = |label: &str| label.split(' ').next().unwrap_or_default().to_owned();
        let caches = self.labels(Series::Caches, |label| label.split(' ').next().unwrap_or_default());
        let line = |cache: String| {
            let asked = |bin: &Bin| bin.sum(Series::Caches, |label| name(label) == cache);
            let hits = |bin: &Bin| bin.sum(Series::Caches, |label| label == format!("{cache} hit"));
            self.line(cache.clone(), |bin| percent(hits(bin), asked(bin)))
        };
        caches.into_iter().take(LINES_MAX).map(line).collect()
    }

    fn moments(&self) -> Vec<String> {
        let last = self.steps.len() - 1;
        (0..MOMENTS).map(|number| self.moment(last * number / (MOMENTS - 1))).collect()
    }

    /// When a step began, on Kyiv's clock.
    fn moment(&self, step: usize) -> String {
        let at = self.begin + self.span.step() * u32::try_from(step).unwrap_or(u32::MAX);
        // «2026-11-26 04:32:44»
        let stamp = locale::stamp(at);
        let part = |range| stamp.get(range).unwrap_or_default();
        match self.span {
            SampleSpan::Week => format!("{}.{} {}", part(8..10), part(5..7), part(11..16)),
            _ => part(11..16).to_owned(),
        }
    }
}

const fn steps_a_row(span: SampleSpan) -> usize {
    match span {
        SampleSpan::Hour => 5,
        SampleSpan::Day => 12,
        SampleSpan::Week => 24,
    }
}

fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| 100.0 * part / whole)
}

fn charts(past: &Past, language: Language) -> Vec<Chart> {
    let row_names: Vec<_> = (0..past.rows.len()).map(|row| past.moment(row * steps_a_row(past.span))).collect();
    let chart = |id, title: String, words: String, write, lines| Chart {
        id,
        title,
        words,
        write,
        lines,
        moments: past.moments(),
        row_names: row_names.clone(),
    };
    let say = |key: &'static str| locale::text(language, key, &[]);
    let failed = |bin: &Bin| {
        let all = bin.total(Series::Addressed);
        percent(all - bin.sum(Series::Addressed, |outcome| outcome == "answered"), all)
    };
    let share = |bin: &Bin| {
        let own = bin.total(Series::Sent);
        percent(own, own + bin.total(Series::Messages))
    };
    let traffic = vec![
        past.count(say("dash-updates"), |bin| bin.total(Series::Updates)),
        past.count(say("dash-answers"), |bin| bin.sum(Series::Addressed, |outcome| outcome == "answered")),
    ];
    let memory = past.line(say("dash-memory"), |bin| bin.ran().then(|| bin.total(Series::Memory)));
    let money = past.count(say("dash-money"), |bin| bin.total(Series::Money));
    vec![
        chart("turn", say("dash-turn"), say("dash-turn-words"), words::seconds, past.quantiles(Series::Turn)),
        chart("own", say("dash-own"), say("dash-own-words"), words::seconds, past.quantiles(Series::TurnOwn)),
        chart("gemini", say("dash-gemini"), say("dash-gemini-words"), words::seconds, past.quantiles(Series::Gemini)),
        chart(
            "failed",
            say("dash-failed"),
            say("dash-failed-words"),
            words::percent,
            vec![past.line(say("dash-failed"), failed)],
        ),
        chart("traffic", say("dash-traffic"), say("dash-traffic-words"), words::count, traffic),
        chart(
            "share",
            say("dash-share"),
            say("dash-share-words"),
            words::percent,
            vec![past.line(say("dash-share"), share)],
        ),
        chart(
            "kinds",
            say("dash-kinds"),
            say("dash-kinds-words"),
            words::count,
            past.by_kind(Series::Errors, language),
        ),
        chart("memory", say("dash-memory"), say("dash-memory-words"), words::megabytes, vec![memory]),
        chart("caches", say("dash-caches"), say("dash-caches-words"), words::percent, past.cache_hits()),
        chart(
            "tokens",
            say("dash-tokens"),
            say("dash-tokens-words"),
            words::count,
            past.by_kind(Series::Tokens, language),
        ),
        chart("money", say("dash-money"), say("dash-money-words"), words::dollars, vec![money]),
    ]
}

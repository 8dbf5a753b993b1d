//! How the bot is at this moment: its replicas, what waits, what is left of rates and budgets.

use std::{collections::BTreeMap, time::Duration};

use maud::{Markup, html};
use serde::Deserialize;

use super::{Dashboard, Fragment, Tab, words};
use crate::{
    clock::kyiv_day,
    domain::{Language, NANO_USD, Timestamp},
    locale::{self, say},
    storage::{Heartbeat, InboxDepth, OutboxDepth, Spender, StorageError, StoreHealth},
};

/// A replica that has said nothing for three heartbeats is silent.
const SILENT: Duration = Duration::from_secs(30);
/// How long one that has stopped, and one that fell silent, is still shown.
const STOPPED_SHOWN: Duration = Duration::from_secs(60);
const SILENT_SHOWN: Duration = Duration::from_secs(3_600);
/// The fact that tells which version runs since when: a JSON object of `version` and `at`, in milliseconds.
pub const DEPLOY: &str = "deploy";

/// What a heartbeat tells; what an older version does not tell is left out.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Facts {
    version: String,
    ready: bool,
    memory_bytes: Option<f64>,
    lag_ms: Option<u64>,
    breakers: BTreeMap<String, String>,
}

/// How a replica is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ready,
    NotReady,
    Stopped,
    Silent,
}

impl State {
    fn of(heartbeat: &Heartbeat, is_ready: bool, now: Timestamp) -> Self {
        match (is_ready, now.since(heartbeat.at) > SILENT) {
            (true, false) => Self::Ready,
            (true, true) => Self::Silent,
            (false, false) => Self::NotReady,
            // The last word of a replica that stops is that it is not ready.
            (false, true) => Self::Stopped,
        }
    }

    fn is_shown(self, silence: Duration) -> bool {
        match self {
            Self::Ready | Self::NotReady => true,
            Self::Stopped => silence < STOPPED_SHOWN,
            Self::Silent => silence < SILENT_SHOWN,
        }
    }

    fn badge(self, language: Language) -> Markup {
        let (look, words) = match self {
            Self::Ready => ("good", say!(language, "dash-ready")),
            Self::NotReady => ("warn", say!(language, "dash-not-ready")),
            Self::Stopped => ("warn", say!(language, "dash-stopped")),
            Self::Silent => ("bad", say!(language, "dash-silent")),
        };
        html! { span class={ "badge " (look) } { (words) } }
    }
}

/// Which version was started when: written by each version's first start.
#[derive(Deserialize)]
struct Deploy {
    version: String,
    at: i64,
}

impl Dashboard {
    pub(super) async fn now_page(&self, language: Language) -> Result<Vec<Fragment>, StorageError> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let replicas: Vec<(Heartbeat, Facts)> = store
            .heartbeats()
            .await?
            .into_iter()
            .map(|beat| {
                let facts: Facts = serde_json::from_str(&beat.facts).unwrap_or_default();
                (beat, facts)
            })
            .filter(|(beat, facts)| State::of(beat, facts.ready, now).is_shown(now.since(beat.at)))
            .collect();
        let deploy = store.fact(DEPLOY).await?.and_then(|fact| serde_json::from_str(&fact).ok());
        let (inbox, outbox) = (store.inbox_depth().await?, store.outbox_depth().await?);
        Ok(vec![
            self.alarms(language).await?,
            Fragment { id: "replicas", html: replica_cards(language, now, &replicas, deploy.as_ref()) },
            Fragment { id: "queues", html: queues(language, now, &inbox, &outbox, store.health()) },
            Fragment { id: "budgets", html: self.budgets(language, now).await? },
            Fragment { id: "breakers", html: breakers(language, &replicas) },
        ])
    }

    async fn budgets(&self, language: Language, now: Timestamp) -> Result<Markup, StorageError> {
        let (store, limits) = (&self.parts.store, self.parts.limits);
        let slots = store.slots_taken("gemini").await?;
        let sends = store.calls_since(now - Duration::from_secs(60)).await?;
        let day = kyiv_day(now);
        let spent = store.spending(Spender::Bot, day).await?;
        let spent = spent.into_iter().find(|(of, _)| *of == day).map(|(_, tally)| tally).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let spent_usd = spent.counted_nano_usd as f64 / NANO_USD as f64;
        let budget = (limits.usd_per_day > 0.0).then_some(limits.usd_per_day);
        let taken = slots.asked + slots.unasked;
        Ok(html! {
            h2 { (say!(language, "dash-budgets")) }
            dl.tiles {
                (bounded(
                    &say!(language, "dash-spent-today"),
                    &words::usd(spent.counted_nano_usd),
                    budget.map(|budget| (spent_usd, budget, format!("${budget}"))),
                    language,
                ))
                (bounded(
                    &say!(language, "dash-model-calls"),
                    &taken.to_string(),
                    // This minute and the last are counted, so it is twice the rate of one.
                    share(taken, u64::from(limits.gemini_per_minute) * 2),
                    language,
                ))
                (bounded(
                    &say!(language, "dash-telegram-calls"),
                    &sends.to_string(),
                    share(sends, u64::from(limits.telegram_per_second) * 60),
                    language,
                ))
                (tile(&say!(language, "dash-calls-today"), &html! { (spent.calls) }))
            }
        })
    }
}

/// How much of a limit is used; nothing without a limit.
fn share(used: u64, limit: u64) -> Option<(f64, f64, String)> {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (used, of) = (used as f64, limit as f64);
    (limit > 0).then(|| (used, of, limit.to_string()))
}

fn tile(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A figure beside its limit, with a bar.
fn bounded(name: &str, value: &str, limit: Option<(f64, f64, String)>, language: Language) -> Markup {
    let content = html! {
        (value)
        @if let Some((used, of, limit)) = limit {
            span.of { " " (say!(language, "dash-of", limit = &limit)) }
            meter min="0" max="1" low="0.7" high="0.9" optimum="0" value=(format!("{:.3}", (used / of).min(1.0)))
                aria-label=(name) { (format!("{:.0} %", 100.0 * used / of)) }
        }
    };
    tile(name, &content)
}

fn replica_cards(
    language: Language,
    now: Timestamp,
    replicas: &[(Heartbeat, Facts)],
    deploy: Option<&Deploy>,
) -> Markup {
    html! {
        h2 { (say!(language, "dash-replicas")) }
        @if replicas.is_empty() { p { (say!(language, "dash-no-replica")) } }
        div.cards {
            @for (beat, facts) in replicas {
                @let state = State::of(beat, facts.ready, now);
                article.card {
                    h3 { code { (beat.owner.chars().take(8).collect::<String>()) } " " (state.badge(language)) }
                    dl.pairs {
                        (tile(&say!(language, "dash-version"), &html! { (facts.version) }))
                        (tile(&say!(language, "dash-uptime"),
                            &html! { (words::span(language, beat.at.since(beat.started_at))) }))
                        @if let Some(bytes) = facts.memory_bytes {
                            (tile(&say!(language, "dash-memory"), &html! { (words::megabytes(language, bytes)) }))
                        }
                        @if let Some(lag) = facts.lag_ms {
                            (tile(&say!(language, "dash-lag"), &html! { (say!(language, "dash-ms", count = lag)) }))
                        }
                        (tile(&say!(language, "dash-heard"),
                            &html! { (words::ago(language, now.since(beat.at))) }))
                    }
                }
            }
        }
        @if let Some(deploy) = deploy {
            @let at = Timestamp(deploy.at);
            p.muted {
                (say!(language, "dash-deploy", version = &deploy.version, at = &locale::stamp(at),
                    ago = &words::ago(language, now.since(at))))
            }
        }
    }
}

fn queues(language: Language, now: Timestamp, inbox: &InboxDepth, outbox: &OutboxDepth, health: StoreHealth) -> Markup {
    let age = |oldest: Option<Timestamp>| match oldest {
        Some(at) => words::span(language, now.since(at)),
        None => "–".to_owned(),
    };
    let unsent: u64 = outbox.by_state.iter().map(|(_, rows)| rows).sum();
    let (look, store) = match health {
        StoreHealth::Good => ("good", say!(language, "dash-store-good")),
        StoreHealth::Unwritable => ("bad", say!(language, "dash-store-unwritable")),
        StoreHealth::Corrupt => ("bad", say!(language, "dash-store-corrupt")),
        StoreHealth::WriterDead => ("bad", say!(language, "dash-store-writer-dead")),
    };
    html! {
        h2 { (say!(language, "dash-queues")) }
        dl.tiles {
            (tile(&say!(language, "dash-waiting"), &html! { (inbox.waiting) }))
            (tile(&say!(language, "dash-oldest-waiting"), &html! { (age(inbox.oldest)) }))
            (tile(&say!(language, "dash-unsent"), &html! { (unsent) }))
            (tile(&say!(language, "dash-oldest-unsent"), &html! { (age(outbox.oldest)) }))
            (tile(&say!(language, "dash-letters"), &html! { a href=(Tab::Letters.path()) { (inbox.dead) } }))
            (tile(&say!(language, "dash-store"), &html! { span class={ "badge " (look) } { (store) } }))
        }
    }
}

/// Each breaker with its state in each replica that tells one.
fn breakers(language: Language, replicas: &[(Heartbeat, Facts)]) -> Markup {
    let mut by_target: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (beat, facts) in replicas {
        for (target, state) in &facts.breakers {
            by_target.entry(target).or_default().push((&beat.owner, state));
        }
    }
    let badge = |state: &str| {
        let (look, words) = match state {
            "closed" => ("good", say!(language, "dash-breaker-closed")),
            "half-open" => ("warn", say!(language, "dash-breaker-half-open")),
            _ => ("bad", say!(language, "dash-breaker-open")),
        };
        html! { span class={ "badge " (look) } { (words) } }
    };
    html! {
        h2 { (say!(language, "dash-breakers")) }
        @if by_target.is_empty() { p { (say!(language, "dash-no-breaker")) } }
        ul.rows {
            @for (target, states) in &by_target {
                li {
                    code { (target) }
                    @for (owner, state) in states {
                        span.nowrap { (badge(state)) " " small.muted { (owner.chars().take(8).collect::<String>()) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_stopped_is_told_from_one_that_died() {
        let beat =
            |at| Heartbeat { owner: String::new(), at: Timestamp(at), started_at: Timestamp(0), facts: String::new() };
        let now = Timestamp(100_000);
        assert_eq!(State::of(&beat(90_000), true, now), State::Ready);
        assert_eq!(State::of(&beat(90_000), false, now), State::NotReady);
        assert_eq!(State::of(&beat(60_000), true, now), State::Silent);
        assert_eq!(State::of(&beat(60_000), false, now), State::Stopped);
        assert!(State::Silent.is_shown(Duration::from_secs(600)) && !State::Stopped.is_shown(Duration::from_secs(600)));
    }
}

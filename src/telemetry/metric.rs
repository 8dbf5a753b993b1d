//! Every metric of our own by name. `docs/metrics.md` is generated from this list; dashboards, alerts and tests hang
//! on the names, so they do not change. Labels come from small closed sets, never from ids.

use std::fmt::Write as _;

/// The kind of a metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are Prometheus' own")]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric's name and meaning.
#[derive(Debug)]
pub struct Description {
    /// Its name as scraped.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it tells.
    pub help: &'static str,
    /// Its labels, in the order in which they are given.
    pub labels: &'static [&'static str],
    /// Upper bounds of a histogram's buckets, in seconds.
    pub buckets: &'static [f64],
}

/// From half a millisecond (our own share) to a minute (a turn's deadline).
const LATENCY: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0];

macro_rules! metrics {
    ($($(#[doc = $help:literal])* $constant:ident $kind:ident $name:literal [$($label:literal),*];)*) => {
        $(
            $(#[doc = $help])*
            pub static $constant: Description = Description {
                name: $name,
                kind: Kind::$kind,
                help: concat!($($help),*),
                labels: &[$($label),*],
                buckets: LATENCY,
            };
        )*

        /// All of them, in the order of the documentation.
        pub static ALL: &[&Description] = &[$(&$constant),*];
    };
}

metrics! {
    /// Time to answer an HTTP request, by matched route and status.
    HTTP_REQUEST_DURATION Histogram "gryag_http_request_duration_seconds" ["route", "status"];
    /// Requests refused by a layer (secret, rate, too_large, body_stalled, body_broken, overload, deadline, unforeseen).
    HTTP_REFUSED Counter "gryag_http_refused_total" ["reason"];
    /// Updates taken in, by kind and outcome (admitted, duplicate, unusable, refused).
    UPDATES Counter "gryag_updates_total" ["kind", "outcome"];
    /// Update kinds and fields that this version does not know, by name (at most 32 names, then `other`).
    UNKNOWN_KINDS Counter "gryag_unknown_kinds_total" ["what", "name"];
    /// Rows of the inbox, by state (waiting, dead).
    INBOX_DEPTH Gauge "gryag_inbox_depth" ["state"];
    /// Age of the oldest update that waits for its turn.
    INBOX_OLDEST Gauge "gryag_inbox_oldest_seconds" [];
    /// Lanes with a turn running in this process.
    LANES_BUSY Gauge "gryag_lanes_busy" [];
    /// Time of a turn from its claim to its end, by outcome (answered, silent, failed, over_budget, retried, dead, fenced).
    TURN_DURATION Histogram "gryag_turn_duration_seconds" ["outcome"];
    /// Time of a turn that answered, without the calls of the model: our own share.
    TURN_OWN_DURATION Histogram "gryag_turn_own_duration_seconds" [];
    /// Messages that addressed the bot, each counted once, by what became of it.
    ADDRESSED Counter "gryag_addressed_total" ["outcome"];
    /// Messages of people in groups that were not for the bot, each counted once, by what became of it: let pass without
    /// asking a model (not_drawn, too_old, busy, forbidden, silenced, grave, quiet_hours, spent, shut, reaction, stopped), or
    /// with a model asked (line, declined, dropped, failed). The share of the former is what the gate saves.
    UNADDRESSED Counter "gryag_unaddressed_total" ["outcome"];
    /// Unasked lines that are being thought about.
    UNASKED_THINKING Gauge "gryag_unasked_thinking" [];
    /// Time of one call of the model, by model and outcome.
    GEMINI_REQUEST_DURATION Histogram "gryag_gemini_request_duration_seconds" ["model", "outcome"];
    /// Pictures and voices that the model was to be shown, by kind (photo, sticker, voice) and outcome (shown, too_large,
    /// gone, strange, late, failed); all but the first stay placeholders.
    MEDIA Counter "gryag_media_total" ["kind", "outcome"];
    /// Tokens by model and kind (prompt, cached, thoughts, answer).
    GEMINI_TOKENS Counter "gryag_gemini_tokens_total" ["model", "kind"];
    /// What the calls of a model cost, in billionths of a US dollar, where its price is known.
    GEMINI_COST Counter "gryag_gemini_cost_nano_usd_total" ["model"];
    /// Tokens of calls whose price is not in `prices/gemini.toml`: what they cost is not known.
    GEMINI_UNPRICED_TOKENS Counter "gryag_gemini_unpriced_tokens_total" ["model"];
    /// Questions to the model by what the budgets allowed (usual, cheaper, spent) and whether somebody asked (asked,
    /// unasked).
    BUDGET_DECISIONS Counter "gryag_budget_decisions_total" ["allowed", "who"];
    /// How much of the whole bot's budget of today is used: 1 is all of it; 0 without a budget.
    BUDGET_USED Gauge "gryag_budget_used_ratio" [];
    /// Reasons for which the model stopped, by name (at most 32 names, then `other`).
    GEMINI_FINISH Counter "gryag_gemini_finish_total" ["reason"];
    /// Time of one call of the Bot API, by method and outcome.
    TELEGRAM_REQUEST_DURATION Histogram "gryag_telegram_request_duration_seconds" ["method", "outcome"];
    /// Sends by outcome (sent, refused, retried, unknown, expired).
    SENDS Counter "gryag_sends_total" ["outcome"];
    /// Rows of the outbox that are not finished, by state (ready, sending).
    OUTBOX_DEPTH Gauge "gryag_outbox_depth" ["state"];
    /// Age of the oldest row of the outbox that waits for its send.
    OUTBOX_OLDEST Gauge "gryag_outbox_oldest_seconds" [];
    /// Look-ups in a cache, by result (hit, miss).
    CACHE_REQUESTS Counter "gryag_cache_requests_total" ["cache", "result"];
    /// Errors by the place where they ended and their class (transient, permanent, bug).
    ERRORS Counter "gryag_errors_total" ["place", "class"];
    /// State of a breaker: 0 closed, 1 half-open, 2 open.
    BREAKER_STATE Gauge "gryag_breaker_state" ["target"];
    /// Calls that were tried again, by target.
    RETRIES Counter "gryag_retries_total" ["target"];
    /// Time of one group commit of the store.
    STORE_COMMIT_DURATION Histogram "gryag_store_commit_duration_seconds" [];
    /// Jobs that shared one group commit, summed; divided by the commits it is the mean batch.
    STORE_COMMIT_JOBS Counter "gryag_store_commit_jobs_total" [];
    /// Time of one read of the store.
    STORE_READ_DURATION Histogram "gryag_store_read_duration_seconds" [];
    /// 1 while the store takes writes, 0 while it refuses them.
    STORE_WRITABLE Gauge "gryag_store_writable" [];
    /// Time of a step of the clearing up, by step and outcome (done, failed); its count is how often it was made.
    UPKEEP_DURATION Histogram "gryag_upkeep_duration_seconds" ["step", "outcome"];
    /// What the clearing up has cleared away: rows, of the step `room` bytes.
    UPKEEP_CLEARED Counter "gryag_upkeep_cleared_total" ["step"];
    /// When a step of the clearing up was last done by this replica, in seconds since 1970 UTC.
    UPKEEP_DONE_AT Gauge "gryag_upkeep_done_timestamp_seconds" ["step"];
    /// 1 while an alarm of the bot's own fires, by its name in `deploy/runbook.md`; both replicas say the same.
    ALARMS_FIRING Gauge "gryag_alarms_firing" ["alarm"];
    /// The running version; always 1.
    BUILD_INFO Gauge "gryag_build_info" ["version"];
}

/// `docs/metrics.md`.
pub fn documentation() -> String {
    let mut page = String::from(
        "# Metrics\n\nGenerated from `src/telemetry/metric.rs` by `just docs`; a test keeps it current. Histograms are in seconds.\n\
         `process_*` come from the `metrics-process` crate under Prometheus' own names.\n\n\
         | name | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels = metric.labels.join(", ");
        let _ = writeln!(page, "| `{}` | {kind} | {labels} | {} |", metric.name, metric.help.trim());
    }
    page
}

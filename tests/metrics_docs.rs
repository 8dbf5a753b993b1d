//! `docs/metrics.md` says what the code counts. A page that differs is written anew, so that mending it is one
//! `git add`.

use std::{collections::BTreeSet, fs, path::Path};

use gryag::telemetry::metric::{self, Kind};

#[test]
fn the_metrics_page_lists_the_metrics() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let expected = metric::documentation();
    if fs::read_to_string(&page).unwrap_or_default() != expected {
        fs::write(&page, expected).expect("the repository can be written");
        panic!("docs/metrics.md did not follow the code; it has been written anew, commit it");
    }
}

/// Dashboards and alerts hang on the names: the conventions of Prometheus tell a reader what a figure is.
#[test]
fn names_follow_the_conventions_of_prometheus() {
    for metric in metric::ALL {
        let name = metric.name;
        assert!(name.starts_with("gryag_"), "{name} is not told apart from other programs'");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}: counters, and only they, end so");
        assert!(metric.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}: histograms are in seconds");
        assert!(metric.help.trim().ends_with('.'), "{name}: its help is a sentence");
    }
    let names: BTreeSet<_> = metric::ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), metric::ALL.len(), "a name means one thing");
}

/// design.md promised these: none may vanish or lose a label.
#[test]
fn the_promised_metrics_are_there() {
    let promised: [(&str, &[&str]); 14] = [
        ("gryag_http_request_duration_seconds", &["route", "status"]),
        ("gryag_updates_total", &["kind", "outcome"]),
        ("gryag_inbox_depth", &["state"]),
        ("gryag_inbox_oldest_seconds", &[]),
        ("gryag_turn_duration_seconds", &["outcome"]),
        ("gryag_addressed_total", &["outcome"]),
        ("gryag_gemini_request_duration_seconds", &["model", "outcome"]),
        ("gryag_gemini_tokens_total", &["model", "kind"]),
        ("gryag_sends_total", &["outcome"]),
        ("gryag_outbox_depth", &["state"]),
        ("gryag_cache_requests_total", &["cache", "result"]),
        ("gryag_errors_total", &["place", "class"]),
        ("gryag_breaker_state", &["target"]),
        ("gryag_store_commit_duration_seconds", &[]),
    ];
    for (name, labels) in promised {
        let metric = metric::ALL.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("{name} is gone"));
        assert_eq!(metric.labels, labels, "{name}");
    }
}

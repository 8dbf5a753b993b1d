//! What Prometheus scrapes after real traffic: every promised name, with its labels, from closed sets, in a form that
//! Prometheus' own tool accepts.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use bytes::Bytes;
use gryag::{
    sandbox::{gemini::GeminiFault, telegram::Fault},
    telemetry::metric::{self, Kind},
};
use harness::{Setup, TestBot};
use http::Request;

#[path = "it/harness/mod.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod harness;

/// Both models have a price; `it/costs.rs` has one that has none.
const WITHOUT_TRAFFIC: [&str; 1] = ["gryag_gemini_unpriced_tokens_total"];
/// Of the process itself (design.md section 5).
const PROCESS: [&str; 4] =
    ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"];

async fn visit(bot: &TestBot, path: &str) -> String {
    let request = Request::get(format!("http://bot.test{path}")).body(Bytes::new()).expect("a request");
    let response = gryag::transport::call(&bot.webhook, request).await.expect("an answer");
    String::from_utf8(response.body().to_vec()).expect("text")
}

/// Scrapes a bot to which everything has happened once.
async fn scraped() -> String {
    let bot = Setup::new().set("BOT_BUDGET_USD_PER_DAY", "1").start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let say = async |text: &str| {
        bot.say(chat, people[0], text).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    say("Гряг, що таке фотосинтез?").await;
    say("Гряг, що таке фотосинтез?").await;
    say("Гряг, ти тут?").await;
    say("це не до тебе").await;
    say("/help@gryag_bot").await;
    bot.send_photo(chat, people[0], "Гряг, що це?").await;
    bot.gemini().fail_next(GeminiFault::Overloaded);
    say("Гряг, а тепер?").await;
    bot.gemini().fail_next(GeminiFault::PerDayQuota);
    say("Гряг, а тепер?").await;
    bot.gemini().fail_next(GeminiFault::BadKey);
    say("Гряг, а тепер?").await;
    for fault in [
        Fault::status(400, "Bad Request: TOPIC_CLOSED"),
        Fault::status(500, "Internal Server Error"),
        Fault::HangThenClose,
    ] {
        bot.world().fail_next("sendMessage", fault);
        say("Гряг, чуєш?").await;
    }
    bot.world().raw_update("message", &serde_json::json!({"message_id": 9, "date": 1, "chat": {"id": -7}}));
    bot.post("{\"update_id\": 77, \"a_kind_of_2027\": {}}").await;
    bot.post("no JSON").await;
    let stranger = Request::post("http://bot.test/telegram/webhook").body(Bytes::new()).expect("a request");
    gryag::transport::call(&bot.webhook, stranger).await.expect("an answer");
    visit(&bot, "/livez").await;
    visit(&bot, "/12345/nowhere").await;
    bot.settle().await;
    // An hour later the kept answer is cleared away.
    tokio::time::sleep(Duration::from_secs(3_900)).await;
    visit(&bot, "/metrics").await;
    let text = visit(&bot, "/metrics").await;
    use gryag::storage::InboxStore as _;
    for letter in bot.app.store.dead_letters(10).await.expect("dead letters") {
        bot.app.store.drop_dead(letter.key, harness::NOON).await.expect("dropped");
    }
    bot.finish_with_errors().await;
    text
}

/// A line of the text: name and labels.
fn series(line: &str) -> (String, BTreeMap<String, String>) {
    let (series, _) = line.rsplit_once(' ').expect("a value");
    let Some((name, labels)) = series.split_once('{') else { return (series.to_owned(), BTreeMap::new()) };
    let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty()).map(|label| {
        let (label, value) = label.split_once("=\"").expect("a label");
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect())
}

/// Without a histogram's endings.
fn base(name: &str, kind: Kind) -> &str {
    let endings: &[&str] = if kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[] };
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

#[tokio::test(start_paused = true)]
async fn after_real_traffic_every_metric_is_there_with_its_labels() {
    let text = scraped().await;
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(series).collect();
    let names: BTreeSet<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    let seen = |metric: &metric::Description| lines.iter().any(|(name, _)| base(name, metric.kind) == metric.name);
    let unseen: BTreeSet<&str> = metric::ALL.iter().filter(|metric| !seen(metric)).map(|metric| metric.name).collect();
    assert_eq!(unseen, BTreeSet::from(WITHOUT_TRAFFIC));
    for metric in metric::ALL {
        let of_it: Vec<_> = lines.iter().filter(|(name, _)| base(name, metric.kind) == metric.name).collect();
        for (name, labels) in of_it {
            let labels: BTreeSet<&str> = labels.keys().map(String::as_str).filter(|label| *label != "le").collect();
            assert_eq!(labels, metric.labels.iter().copied().collect(), "{name}");
        }
    }
    for name in PROCESS {
        assert!(names.contains(name), "{name} is missing");
    }
    for (name, _) in &lines {
        let known =
            name.starts_with("process_") || metric::ALL.iter().any(|metric| base(name, metric.kind) == metric.name);
        assert!(known, "{name} is not documented");
    }
}

/// An id in a label would make a series for each chat. Ids are numbers, so no label may hold one but those that are
/// numbers or names with numbers by nature.
#[tokio::test(start_paused = true)]
async fn label_values_come_from_small_closed_sets() {
    let text = scraped().await;
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        for (label, value) in series(line).1 {
            values.entry(label).or_default().insert(value);
        }
    }
    let numbered = |label: &str| matches!(label, "le" | "status" | "model" | "target" | "version");
    for (label, values) in &values {
        assert!(values.len() <= 40, "{label} has {} values: {values:?}", values.len());
        for value in values.iter().filter(|_| !numbered(label)) {
            let digits = value.bytes().filter(u8::is_ascii_digit).count();
            // A kind that Telegram invents may have a year in its name, as here.
            assert!(digits == 0 || label == "name", "{label}=\"{value}\"");
            assert!(value.is_ascii(), "{label}=\"{value}\"");
        }
    }
    let of = |label: &str| values[label].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(of("class"), ["permanent", "transient"]);
    assert_eq!(of("model"), ["gemini-3.5-flash-lite", "gemini-3.8-flash"]);
    assert!(of("status").iter().all(|status| status.len() == 3));
    let routes = of("route");
    assert!(
        routes.contains(&"/telegram/webhook") && !routes.iter().any(|route| route.contains("nowhere")),
        "{routes:?}"
    );
}

/// Prometheus' own lint. It is skipped where promtool is not installed, unless `GRYAG_REQUIRE_PROMTOOL` is set, as
/// `.ci/run` does.
#[tokio::test(start_paused = true)]
async fn promtool_is_content() {
    #[expect(clippy::disallowed_methods, reason = "a switch of this test, not of the program")]
    let required = std::env::var_os("GRYAG_REQUIRE_PROMTOOL").is_some();
    let text = scraped().await;
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match started {
        Ok(promtool) => promtool,
        Err(error) => {
            assert!(!required, "promtool does not run ({error}); install the package `prometheus`");
            return;
        }
    };
    promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let output = promtool.wait_with_output().expect("it ends");
    let words = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.trim().is_empty(), "promtool says:\n{words}");
}

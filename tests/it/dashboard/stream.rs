//! What is seen while one looks.

use std::time::Duration;

use gryag::{
    errors::{Class, Classify},
    sandbox::gemini::GeminiFault,
};
use http::Request;
use tokio::time::timeout;

use super::Watched;

/// From the event to the screen (the script shows at once what comes).
const SEEN_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
#[error("the kettle is empty")]
struct Empty;

impl Classify for Empty {
    fn class(&self) -> Class {
        Class::Transient { retry_after: None }
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_seen_within_two_seconds() {
    let mut watched = Watched::start().await;
    watched.bot.add_replica().await;
    let browser = watched.browser().await;
    let mut errors = browser.listen("errors").await;
    let mut letters = browser.listen("letters").await;
    let mut now = browser.listen("now").await;
    for stream in [&mut errors, &mut letters, &mut now] {
        stream.next().await.expect("the page as it is");
    }
    tokio::time::sleep(Duration::from_millis(2_300)).await;
    // What the other replica meets is seen as well.
    let other = &watched.bot.others[0].0;
    other.errors.handle("turn", &Empty);
    timeout(SEEN_WITHIN, errors.until("the kettle is empty")).await.expect("the error is seen");

    watched.bot.post("{\"update_id\": 900000001, \"message\": {}}").await;
    timeout(SEEN_WITHIN, letters.until("letters/retry")).await.expect("the dead letter is seen");

    let person = watched.bot.world().person("Оля");
    let chat = watched.bot.world().supergroup("Друзі", &[person]);
    watched.bot.gemini().fail_always("gemini-3.8-flash", GeminiFault::Overloaded);
    let is_open = || watched.bot.metric("gryag_breaker_state", &["target=\"gemini/gemini-3.8-flash\""]) >= 2.0;
    while !is_open() {
        watched.bot.world().say(chat, person, "Гряг, ти тут?");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    timeout(SEEN_WITHIN, now.until("відкритий")).await.expect("the breaker is seen");
    drop((errors, letters, now));
    watched.bot.gemini().heal();
    watched.bot.finish_with_dead_letters().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session() {
    let watched = Watched::start().await;
    let mut browser = watched.browser().await;
    let mut stream = browser.listen("now").await;
    stream.next().await.expect("the page as it is");
    browser.post("/dashboard/logout", "").await;
    let ended = timeout(Duration::from_secs(3), async { while stream.next().await.is_some() {} });
    ended.await.expect("it ends");
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn streams_are_few_and_end_when_the_replica_leaves() {
    let watched = Watched::start().await;
    let mut browser = watched.browser().await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(browser.listen("now").await);
    }
    let ask = |browser: &super::Browser| {
        let mut browser = browser.clone();
        async move { browser.send(Request::get("/dashboard/events?tab=now"), "").await.status }
    };
    assert_eq!(ask(&browser).await, 503);
    assert_eq!(browser.get("/dashboard").await.status, 200, "the pages go on");
    streams.pop();
    drop(browser.listen("now").await);
    watched.bot.app.shutdown.soft.cancel();
    let stream = streams.first_mut().expect("a stream");
    let ended = timeout(Duration::from_secs(1), async { while stream.next().await.is_some() {} });
    ended.await.expect("it ends");
}

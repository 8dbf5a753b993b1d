//! What a replica tells the others about itself.

use std::time::Duration;

use gryag::{
    app::App,
    domain::Timestamp,
    storage::{Heartbeat, SharedStore as _},
};
use serde_json::Value;

use crate::harness::{NOON, Setup, TestBot};

async fn heartbeats(app: &App) -> Vec<(Heartbeat, Value)> {
    let heartbeats = app.store.heartbeats().await.expect("the heartbeats");
    let with_facts = |it: Heartbeat| {
        let facts = serde_json::from_str(&it.facts).expect("JSON");
        (it, facts)
    };
    heartbeats.into_iter().map(with_facts).collect()
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_tells_version_readiness_memory_breakers_and_caches() {
    let bot = TestBot::start().await;
    let cache = bot.app.metrics.cache("analysis");
    cache.hit();
    cache.miss();
    cache.miss();
    tokio::time::sleep(Duration::from_secs(11)).await;
    let [(heartbeat, facts)] = &heartbeats(&bot.app).await[..] else { panic!("one replica") };
    assert!(heartbeat.at >= NOON + Duration::from_secs(10));
    assert_eq!((&facts["version"], &facts["ready"]), (&env!("CARGO_PKG_VERSION").into(), &true.into()));
    assert!(facts["memory_bytes"].as_f64().is_some_and(|bytes| bytes > 1e6), "{facts}");
    let breakers = serde_json::json!({"gemini/gemini-3.8-flash": "closed", "gemini/gemini-3.5-flash-lite": "closed"});
    assert_eq!(facts["breakers"], breakers);
    assert_eq!(facts["caches"]["analysis"], serde_json::json!({"hit": 1.0, "miss": 2.0}));
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn either_replica_sees_both_and_which_of_them_has_stopped() {
    let mut bot = Setup::new().start().await;
    bot.add_replica().await;
    bot.begin_stop(Duration::ZERO, Duration::from_secs(30)).await;
    bot.stopped().await.expect("a clean stop");
    tokio::time::sleep(Duration::from_secs(11)).await;
    let other = &bot.others[0].0;
    let told = heartbeats(other).await;
    let mut ready: Vec<(Timestamp, &Value)> = told.iter().map(|(beat, facts)| (beat.at, &facts["ready"])).collect();
    ready.sort_by_key(|(at, _)| *at);
    let ready: Vec<&Value> = ready.into_iter().map(|(_, ready)| ready).collect();
    assert_eq!(ready, [false, true]);
    bot.restart_stopped().await;
    bot.finish().await;
}

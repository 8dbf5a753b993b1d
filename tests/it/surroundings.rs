//! What goes wrong around the bot and not in it: somebody else's webhook or poll, a wrong clock, a full disk, a dead machine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::StatusCode, routing};
use bytes::Bytes;
use gryag::{
    sandbox::telegram::{Fault, TOKEN},
    storage::StorageError,
    transport::call,
};
use http::Request;
use serde_json::json;

use crate::{
    harness::Setup,
    outages::MINUTE,
    people::{Hosted, hosted, hosted_by},
};

/// Another program with the same token calls a method.
async fn another_program(host: &Hosted, method: &str, body: serde_json::Value) -> u16 {
    let request = Request::post(format!("http://telegram.test/bot{TOKEN}/{method}"))
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .expect("a request");
    call(&host.bot.world().transport(), request).await.expect("an answer").status().as_u16()
}

fn told(host: &Hosted, words: &str) -> usize {
    host.said(host.office).iter().filter(|told| told.contains(words)).count()
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_somebody_else_has_set_is_told() {
    let host = hosted("open").await;
    let ours = json!({"url": "http://bot.test/telegram/webhook", "secret_token": host.bot.webhook_secret()});
    assert_eq!(another_program(&host, "setWebhook", json!({"url": "https://other.example/hook"})).await, 200);
    tokio::time::sleep(12 * MINUTE).await;
    assert_eq!(told(&host, "Telegram надсилає оновлення цього бота не сюди"), 1, "{:#?}", host.said(host.office));
    assert_eq!(told(&host, "other.example"), 0, "no address in it");
    another_program(&host, "setWebhook", ours).await;
    tokio::time::sleep(20 * MINUTE).await;
    assert_eq!(told(&host, "Минулося: Telegram надсилає"), 1, "{:#?}", host.said(host.office));
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn two_bots_that_poll_with_one_token_are_told() {
    let setup = Setup::new().set("BOT_INTAKE", "poll").set("TELEGRAM_WEBHOOK_URL", "");
    let owner = setup.world.person("Господар");
    let office = setup.world.private(owner);
    let bot = setup.set("ADMIN_ID", owner.0.to_string()).unpaced().start_unregistered().await;
    let host = Hosted { bot, owner, office };
    let words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    host.bot.world().fail_next("getUpdates", Fault::status(409, words));
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(host.said(host.office), Vec::<String>::new(), "once may be a restart");
    host.bot.world().fail_always("getUpdates", Fault::status(409, words));
    tokio::time::sleep(4 * MINUTE).await;
    assert_eq!(told(&host, "забирає оновлення цього бота тим самим токеном"), 1, "{:#?}", host.said(host.office));
    host.bot.world().heal();
    tokio::time::sleep(60 * MINUTE).await;
    assert_eq!(told(&host, "Минулося: Ще якась програма"), 1, "{:#?}", host.said(host.office));
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_by_minutes_is_told_at_start_and_as_an_alarm() {
    let setup = Setup::new();
    setup.world.set_clock_ahead(180);
    let host = hosted_by(setup).await;
    let errors = host.bot.app.errors.last();
    let [error] = &errors[..] else { panic!("one error: {errors:#?}") };
    assert_eq!(error.place, "start");
    assert!(error.message.starts_with("this machine's clock is 180 s behind telegram's"), "{}", error.message);
    tokio::time::sleep(6 * MINUTE).await;
    assert_eq!(told(&host, "Годинник цієї машини відстає на 180 с."), 1, "{:#?}", host.said(host.office));
    host.bot.world().set_clock_ahead(0);
    tokio::time::sleep(20 * MINUTE).await;
    assert_eq!(told(&host, "Минулося: Годинник"), 1, "{:#?}", host.said(host.office));
    host.bot.finish_with_errors().await;
}

/// What cannot be kept in the store is told all the same, by one of the two.
#[tokio::test(start_paused = true)]
async fn a_store_that_takes_no_writes_is_told_and_so_is_its_recovery() {
    let full = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&full);
    let fault = move || if switch.load(Ordering::SeqCst) { Err(StorageError::DiskFull) } else { Ok(()) };
    let mut host = hosted_by(Setup::new().commit_fault(Arc::new(fault))).await;
    host.bot.add_replica().await;
    tokio::time::sleep(MINUTE).await;
    full.store(true, Ordering::SeqCst);
    host.bot.world().fail_next("sendMessage", Fault::Refused);
    tokio::time::sleep(30 * MINUTE).await;
    let words = host.said(host.office);
    let [message] = &words[..] else { panic!("one message: {words:#?}") };
    assert!(message.starts_with("(повтор) 🔔") && message.contains("База даних не приймає записів"), "{message}");
    assert_eq!(host.bot.metric("gryag_alarms_firing", &["GryagStoreReadOnly"]), 1.0, "by the one that tells it");
    full.store(false, Ordering::SeqCst);
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(told(&host, "Минулося: База даних"), 1, "{:#?}", host.said(host.office));
    tokio::time::sleep(30 * MINUTE).await;
    assert_eq!(told(&host, "База даних"), 2, "{:#?}", host.said(host.office));
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn somebody_outside_hears_each_minute_that_a_replica_is_well() {
    let (calls, fails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counter, switch) = (Arc::clone(&calls), Arc::clone(&fails));
    let watcher = Router::new().route(
        "/ping/sEcReT",
        routing::get(move || async move {
            counter.fetch_add(1, Ordering::SeqCst);
            if switch.load(Ordering::SeqCst) { StatusCode::NOT_FOUND } else { StatusCode::OK }
        }),
    );
    let setup = Setup::new().elsewhere(watcher).set("BOT_HEARTBEAT_URL", "http://watcher.test/ping/sEcReT?a=b");
    let mut host = hosted_by(setup).await;
    tokio::time::sleep(10 * MINUTE).await;
    let heard = calls.load(Ordering::SeqCst);
    assert!((10..=12).contains(&heard), "{heard} calls in ten minutes");
    assert!(host.bot.app.errors.last().is_empty());

    fails.store(true, Ordering::SeqCst);
    tokio::time::sleep(2 * MINUTE).await;
    let errors = host.bot.app.errors.last();
    assert!((1..=3).contains(&errors.len()), "{errors:#?}");
    assert_eq!((errors[0].place, errors[0].message.as_str()), ("heartbeat", "BOT_HEARTBEAT_URL answered with 404"));
    fails.store(false, Ordering::SeqCst);

    host.bot.begin_stop(10 * MINUTE, 12 * MINUTE).await;
    tokio::time::sleep(MINUTE).await;
    let heard = calls.load(Ordering::SeqCst);
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(calls.load(Ordering::SeqCst), heard, "a replica that leaves is not well");
    host.bot.stopped().await.expect("a clean stop");
    host.bot.restart_stopped().await;
    host.bot.finish_with_errors().await;
}

#[test]
fn the_watchers_address_is_shown_nowhere() {
    let config =
        gryag::config::Config::for_tests_with(&[("BOT_HEARTBEAT_URL", "https://hc.example/sEcReT?key=sEcReT")]);
    assert!(config.describe().contains("BOT_HEARTBEAT_URL"));
    assert!(!config.describe().contains("sEcReT") && !format!("{config:?}").contains("sEcReT"));
}

#[tokio::test(start_paused = true)]
async fn status_names_what_fires() {
    let host = hosted("open").await;
    assert_eq!(host.bot.post(r#"{"update_id":900001,"message":{"text":"x"}}"#).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(90)).await;
    host.bot.say(host.office, host.owner, "/status").await;
    let status = host.said(host.office).pop().expect("an answer");
    assert!(status.contains("⚠️ Оновлень, які не вдалося обробити: 1 (/dead). Відколи: понеділок"), "{status}");
    host.bot.finish_with_dead_letters().await;
}

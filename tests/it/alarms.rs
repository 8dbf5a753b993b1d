//! Who runs the bot is called when a person is needed, and nobody else hears of it.

use std::time::Duration;

use gryag::{
    domain::{Alarm, UserId},
    sandbox::{gemini::GeminiFault, telegram::Fault},
    storage::{AlarmStore as _, InboxStore as _, SharedStore as _},
};

use crate::{
    harness::Setup,
    outages::{FALLBACK, FIRST, MINUTE},
    people::{Hosted, hosted, hosted_by},
};

/// Every chat's texts that are an alarm's, but the owner's own.
fn overheard(host: &Hosted) -> Vec<String> {
    let elsewhere = host.bot.world().sent().into_iter().filter(|sent| sent.message.chat != host.office);
    elsewhere.map(|sent| sent.text).filter(|text| text.contains('🔔') || text.contains("runbook")).collect()
}

/// An update that nobody can read.
async fn dead_letter(host: &Hosted, id: i64) {
    let body = format!(r#"{{"update_id":{id},"message":{{"text":"x"}}}}"#);
    assert_eq!(host.bot.post(body).await.status(), 200);
}

async fn drop_dead_letters(host: &Hosted) {
    let store = &host.bot.app.store;
    for letter in store.dead_letters(100).await.expect("the letters") {
        store.drop_dead(letter.key, host.bot.setup.clock.now()).await.expect("dropped");
    }
}

/// Alarms that fire by the store.
async fn firing(host: &Hosted) -> Vec<Alarm> {
    let alarms = host.bot.app.store.alarms().await.expect("the alarms");
    alarms.into_iter().filter(|state| state.fires).map(|state| state.alarm).collect()
}

const DEAD: &str = "Оновлень, які не вдалося обробити: ";

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_for_minutes_is_told_once_and_so_is_its_recovery() {
    let host = hosted("open").await;
    let groups: Vec<_> = (0..12).map(|number| host.bot.group(&[&format!("Оля {number}")])).collect();
    let ask = || {
        for (chat, people) in &groups {
            host.bot.world().say(*chat, people[0], "Гряг, ти тут?");
        }
    };
    host.bot.gemini().fail_always("*", GeminiFault::Overloaded);
    for minute in 0..8 {
        ask();
        tokio::time::sleep(MINUTE).await;
        assert!(minute >= 4 || host.said(host.office).is_empty(), "it may pass");
    }
    let told = host.said(host.office);
    let [message] = &told[..] else { panic!("one message: {told:#?}") };
    assert!(message.starts_with("🔔 Треба глянути на Гряга.") && message.contains("⚠️ Моделей"), "{message}");
    assert!(message.contains("#gryagbreakeropen"), "{message}");
    assert!(firing(&host).await.contains(&Alarm::BreakerOpen));
    assert!(host.bot.metric("gryag_alarms_firing", &["GryagBreakerOpen"]) > 0.0);

    host.bot.gemini().heal();
    for _ in 0..6 {
        ask();
        tokio::time::sleep(MINUTE).await;
    }
    tokio::time::sleep(60 * MINUTE).await;
    let told = host.said(host.office);
    let [_, both, .., last] = &told[..] else { panic!("three messages: {told:#?}") };
    assert!(
        both.contains("#gryagerrorrate") && both.contains("✅ Минулося: Моделей"),
        "what came since, in one: {both}"
    );
    assert!(!both.contains("⚠️ Моделей") && !last.contains("Моделей"), "once: {told:#?}");
    assert!(last.contains("✅ Минулося:") && last.contains("лишилися без належної відповіді"), "{last}");
    assert_eq!(firing(&host).await, []);
    assert_eq!(host.bot.metric("gryag_alarms_firing", &[]), 0.0);
    assert_eq!(overheard(&host), Vec::<String>::new());
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_telegram_is_dead_is_told_after_and_once() {
    let host = hosted("open").await;
    dead_letter(&host, 900_001).await;
    host.bot.world().fail_always("*", Fault::Refused);
    tokio::time::sleep(20 * MINUTE).await;
    assert_eq!(host.said(host.office), Vec::<String>::new());
    assert!(firing(&host).await.contains(&Alarm::DeadLetters), "meanwhile it stands in the store");
    host.bot.world().heal();
    tokio::time::sleep(20 * MINUTE).await;
    let told = host.said(host.office);
    let of_it: Vec<&String> = told.iter().filter(|told| told.contains(DEAD)).collect();
    assert_eq!(of_it.len(), 1, "{told:#?}");
    assert!(of_it[0].starts_with("(повтор) 🔔 Треба глянути на Гряга."), "{told:#?}");
    assert!(told.len() <= 3, "an outage leaves no heap: {told:#?}");
    assert!(told[1..].iter().all(|told| !told.starts_with("(повтор)")), "{told:#?}");
    drop_dead_letters(&host).await;
    tokio::time::sleep(25 * MINUTE).await;
    assert!(host.said(host.office).last().expect("told").contains("Минулося: Оновлень"), "{told:#?}");
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_whose_arrival_is_doubtful_is_told_again_and_says_so() {
    let host = hosted("open").await;
    host.bot.world().fail_next("sendMessage", Fault::AcceptThenCut);
    dead_letter(&host, 900_001).await;
    tokio::time::sleep(2 * MINUTE).await;
    let told = host.said(host.office);
    let [first, again] = &told[..] else { panic!("twice: {told:#?}") };
    assert_eq!(*again, format!("(повтор) {first}"));
    assert_eq!(host.bot.metric("gryag_sends_total", &["unknown"]), 0.0, "in the end it was sent");
    drop_dead_letters(&host).await;
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_whose_sender_died_is_told_all_the_same() {
    let mut host = hosted("open").await;
    host.bot.world().fail_always("sendMessage", Fault::HangThenClose);
    dead_letter(&host, 900_001).await;
    host.bot.wait("the call is made", || async { !host.bot.world().calls("sendMessage").is_empty() }).await;
    host.bot.life.kill();
    host.bot.world().heal();
    host.bot.restart().await;
    tokio::time::sleep(2 * MINUTE).await;
    let told = host.said(host.office);
    assert!(told.len() == 1 && told[0].starts_with("(повтор) 🔔") && told[0].contains(DEAD), "{told:#?}");
    drop_dead_letters(&host).await;
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn two_replicas_tell_an_alarm_once_and_the_second_goes_on_when_the_first_dies() {
    let mut host = hosted("open").await;
    host.bot.add_replica().await;
    dead_letter(&host, 900_001).await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(host.said(host.office).len(), 1, "{:#?}", host.said(host.office));
    host.bot.kill_first();
    host.bot.add_replica().await;
    drop_dead_letters(&host).await;
    tokio::time::sleep(30 * MINUTE).await;
    let told = host.said(host.office);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[1].starts_with("🔔 Знову все гаразд.\n\n✅ Минулося: Оновлень"), "{told:#?}");
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_dies_is_missed_and_one_that_stops_is_not() {
    let mut host = hosted("open").await;
    host.bot.add_replica().await;
    host.bot.begin_stop(Duration::ZERO, Duration::from_secs(30)).await;
    host.bot.stopped().await.expect("a clean stop");
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(host.said(host.office), Vec::<String>::new(), "it was stopped");
    host.bot.restart_stopped().await;
    tokio::time::sleep(MINUTE).await;
    host.bot.kill_first();
    tokio::time::sleep(3 * MINUTE).await;
    assert_eq!(host.said(host.office), Vec::<String>::new(), "it may come back");
    tokio::time::sleep(3 * MINUTE).await;
    let told = host.said(host.office);
    assert!(told.len() == 1 && told[0].contains("Одна репліка замовкла"), "{told:#?}");
    host.bot.add_replica().await;
    tokio::time::sleep(20 * MINUTE).await;
    let told = host.said(host.office);
    assert!(told.len() == 2 && told[1].contains("Минулося: Одна репліка замовкла"), "{told:#?}");
    // The killed one may have met its closed store.
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_doubtful_send_is_told_to_every_admin_in_private() {
    let setup = Setup::new();
    let second = setup.world.person("Друга");
    let room = setup.world.private(second);
    let mut host = hosted_by(setup).await;
    let owner = host.owner;
    host.bot.setup.reset("ADMIN_ID", &format!("{},{}", owner.0, second.0));
    host.bot.crash_and_restart().await;
    let (chat, people) = host.bot.group(&["Оля", "Ігор"]);
    host.bot.world().fail_next("sendMessage", Fault::AcceptThenCut);
    host.bot.say(chat, people[0], "Гряг, ти тут?").await;
    tokio::time::sleep(2 * MINUTE).await;
    for admin in [host.office, room] {
        let told = host.said(admin);
        assert!(told.len() == 1 && told[0].contains("невідомо, чи вони дійшли: 1"), "{told:#?}");
    }
    assert_eq!(host.said(chat).len(), 1, "the answer");
    tokio::time::sleep(30 * MINUTE).await;
    assert_eq!(host.said(room).len(), 2, "and that it is over");
    host.bot.finish_with_errors().await;
}

/// Nobody can write first to who never opened a chat with the bot.
#[tokio::test(start_paused = true)]
async fn an_admin_who_never_opened_a_chat_disturbs_nothing() {
    let host = hosted("open").await;
    let mut host = host;
    host.bot.setup.reset("ADMIN_ID", &UserId(424_242).0.to_string());
    host.bot.crash_and_restart().await;
    dead_letter(&host, 900_001).await;
    tokio::time::sleep(60 * MINUTE).await;
    assert!(firing(&host).await.contains(&Alarm::DeadLetters));
    let calls = host.bot.world().calls("sendMessage").len();
    assert!(calls <= 4, "{calls} tries in an hour");
    drop_dead_letters(&host).await;
    host.bot.finish_with_errors().await;
}

const ENDING: &str = "Налаштована модель скоро зникне";

#[tokio::test(start_paused = true)]
async fn a_model_that_vanishes_is_told_within_a_day_and_so_is_its_return() {
    let host = hosted("open").await;
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(host.said(host.office), Vec::<String>::new(), "both are served");
    host.bot.gemini().retire(FALLBACK);
    host.bot.pass(25 * 60 * MINUTE).await;
    let told = host.said(host.office);
    assert!(told.len() == 1 && told[0].contains(ENDING), "{told:#?}");
    assert_eq!(firing(&host).await, [Alarm::ModelEnding]);
    let trouble = host.bot.app.store.fact("model_trouble").await.expect("the store").expect("noted");
    assert!(trouble.starts_with(FALLBACK) && !trouble.contains(FIRST), "{trouble}");
    host.bot.gemini().bring_back(FALLBACK);
    host.bot.pass(25 * 60 * MINUTE).await;
    assert_eq!(firing(&host).await, []);
    let told = host.said(host.office);
    assert!(told.last().expect("told").contains(&format!("✅ Минулося: {ENDING}")), "{told:#?}");
    host.bot.finish().await;
}

/// In the month before its end; the alarm's own test has the day.
#[tokio::test(start_paused = true)]
async fn a_model_whose_end_was_announced_is_told_a_month_before() {
    let host = hosted_by(Setup::new().set("GEMINI_MODEL", "gemini-2.5-flash")).await;
    tokio::time::sleep(5 * MINUTE).await;
    let told = host.said(host.office);
    assert!(told.len() == 1 && told[0].contains(ENDING) && told[0].contains("#gryagmodelending"), "{told:#?}");
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_models_cannot_be_looked_at_nothing_is_said_of_them_and_they_are_tried_each_hour() {
    let host = hosted_by(Setup::new().set("GEMINI_API_KEY", "nobodys-key")).await;
    host.bot.pass(130 * MINUTE).await;
    let failed = host.bot.metric("gryag_errors_total", &["place=\"models\""]);
    assert!((2.0..=3.0).contains(&failed), "{failed} times");
    assert!(!firing(&host).await.contains(&Alarm::ModelEnding));
    assert!(host.bot.app.store.fact("model_trouble").await.expect("the store").is_none());
    host.bot.finish_with_errors().await;
}

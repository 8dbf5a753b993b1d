//! Backups that the bot makes by itself.

use std::{fs, time::Duration};

use gryag::{
    maintenance::{BACKUP_FAILED_AT, BACKUP_OK_AT},
    storage::SharedStore as _,
};

use crate::harness::{NOON, Setup, TestBot};

fn backups(bot: &TestBot) -> Vec<String> {
    let names = fs::read_dir(bot.setup.data.path().join("backups")).expect("backups");
    let names = names.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned());
    let mut backups: Vec<_> = names.filter(|name| name.ends_with(".db.gz")).collect();
    backups.sort();
    backups
}

#[tokio::test(start_paused = true)]
async fn of_two_replicas_one_makes_a_backup_each_hour() {
    let mut bot = Setup::new().start().await;
    bot.add_replica().await;
    tokio::time::sleep(Duration::from_secs(3_900)).await;
    let made = backups(&bot);
    assert_eq!(made.len(), 2, "{made:?}");
    let store = &bot.app.store;
    let at: i64 = store.fact(BACKUP_OK_AT).await.unwrap().expect("noted").parse().unwrap();
    assert!(at >= (NOON + Duration::from_secs(3600)).0, "{at}");
    assert_eq!(store.fact(BACKUP_FAILED_AT).await.unwrap(), None);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_fails_is_an_error_and_tried_again_soon() {
    let bot = TestBot::start().await;
    // Where the backups should lie there is a file.
    let place = bot.setup.data.path().join("backups");
    fs::write(&place, b"").unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(bot.app.store.fact(BACKUP_FAILED_AT).await.unwrap().is_some());
    assert_eq!(bot.app.store.fact(BACKUP_OK_AT).await.unwrap(), None);
    assert!(bot.app.errors.last().iter().any(|error| error.place == "backup"), "{:?}", bot.app.errors.last());
    fs::remove_file(&place).unwrap();
    tokio::time::sleep(Duration::from_secs(700)).await;
    assert_eq!(backups(&bot).len(), 1);
    bot.finish_with_errors().await;
}

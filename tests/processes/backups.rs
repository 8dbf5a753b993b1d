//! The drill: a backup, a life after it, a restore, a start. Nothing old is said, nobody forgotten is back.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use gryag::sandbox::telegram::FakeTelegram;

use crate::{
    bot::{Setup, binary, directory},
    eventually, figure,
    load::{all_delivered, heard},
    oracle::{self, number},
    world::World,
};

const SOON: Duration = Duration::from_secs(20);

/// A program for `BOT_BACKUP_COMMAND`.
fn script(setup: &Setup, name: &str, text: &str) -> PathBuf {
    let path = setup.data.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its rights");
    path
}

/// What an operator does now and then, with the shipped script and none of the bot's settings.
fn practise(setup: &Setup, newest: &Path) {
    let drill = |directory: &Path| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/restore_drill.sh");
        let mut drill = Command::new(script);
        drill.arg(directory).env_remove("BOT_DATA_DIR").env("GRYAG_BIN", binary());
        let output = drill.output().expect("the script runs");
        let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), words)
    };
    let (code, words) = drill(&setup.data);
    assert_eq!(code, Some(0), "{words}");
    for expected in ["forgotten again, as people had asked since: 1", "the database is whole", "the drill is passed"] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    // A backup that is cut off, where the newest stands, and then none.
    let place = directory();
    let backups = place.path().join("backups");
    fs::create_dir(&backups).expect("a directory");
    let cut = backups.join("gryag-20990101T000000Z.db.gz");
    fs::write(&cut, &fs::read(newest).expect("a backup")[..1_000]).expect("written");
    let (code, words) = drill(place.path());
    assert!(code == Some(1) && words.contains("is cut off"), "{code:?} {words}");
    fs::remove_file(cut).expect("removed");
    let (code, words) = drill(place.path());
    assert!(code == Some(1) && words.contains("no backup"), "{code:?} {words}");
}

fn said(telegram: &FakeTelegram) -> usize {
    telegram.calls("sendMessage").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_nothing_old_is_said_and_nobody_forgotten_is_back() {
    let world = World::start().await;
    let away = directory();
    let mut setup = Setup::new(&world);
    let take = script(&setup, "take", &format!("cp \"$2\" \"{}/$1\"", away.path().display()));
    setup = setup.set("BOT_BACKUP_COMMAND", format!("{} taken.db.gz", take.display()));
    let bot = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&bot]);
    let (chat, olya) = world.group("Друзі");
    let other = world.telegram.person("Тарас");
    world.telegram.join(chat, other);
    world.telegram.say(chat, olya, "моя таємниця");
    world.telegram.say(chat, other, "балачка");
    world.telegram.say(chat, other, "Гряг, привіт?");
    heard(&world.telegram, chat, 1, SOON).await;

    // This question waits for its answer while the backup is made.
    world.gemini.set_latency(Duration::from_secs(5));
    world.telegram.say(chat, other, "Гряг, а ти думаєш?");
    eventually("it thinks", SOON, async || !world.telegram.calls("sendChatAction").is_empty()).await;
    let backup = setup.succeed(&["backup"]);
    let backup = backup.trim();
    assert_eq!(fs::read(backup).expect("the backup"), fs::read(away.path().join("taken.db.gz")).expect("its copy"));
    heard(&world.telegram, chat, 2, SOON).await;
    world.gemini.set_latency(Duration::ZERO);

    world.telegram.say(chat, other, "це вже після");
    for _ in 0..2 {
        let heard_so_far = world.telegram.sent_to(chat).len();
        world.telegram.say(chat, olya, "/forget_me");
        heard(&world.telegram, chat, heard_so_far + 1, SOON).await;
    }
    oracle::settle(&world, &setup.data, SOON).await;
    let refused = setup.run(&["restore", "--force", backup]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is in use"), "{refused:?}");
    bot.stop().await;

    let refused = setup.run(&["restore", backup]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"), "{refused:?}");
    let report = setup.succeed(&["restore", "--force", &away.path().join("taken.db.gz").to_string_lossy()]);
    let database = oracle::open(&setup.data);
    let theirs = format!("SELECT COUNT(*) FROM messages WHERE author_id = {}", olya.0);
    assert_eq!(number(&database, &theirs), 0, "nobody forgotten is back");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM messages WHERE text = 'балачка'"), 1, "the others are");
    assert!(report.contains("expired: 1 updates"), "{report}");
    assert!(report.contains("forgotten again, as people had asked since: 1"), "{report}");
    let missing = report.lines().find_map(|line| line.strip_prefix("missing: ")).expect("a number");
    assert!(missing.split(' ').next().and_then(|count| count.parse::<u64>().ok()).is_some_and(|count| count >= 3));
    drop(database);

    let before = said(&world.telegram);
    let bot = setup.start().await;
    world.deliver_to(&[&bot]);
    world.telegram.say(chat, other, "Гряг, ти ще тут?");
    eventually("it answers", SOON, async || said(&world.telegram) > before).await;
    all_delivered(&world.telegram, SOON).await;
    oracle::settle(&world, &setup.data, SOON).await;
    assert_eq!(said(&world.telegram), before + 1, "only what was asked now is answered");
    let prompt = world.gemini.requests().last().expect("a request").json().to_string();
    assert!(prompt.contains("балачка") && !prompt.contains("таємниця"), "{prompt}");
    bot.stop().await;
    assert_eq!(setup.succeed(&["check"]).trim(), "the database is whole");
    practise(&setup, &away.path().join("taken.db.gz"));
    figure("restore drill", "nothing old said, nobody forgotten back, the missing messages counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_command_that_fails_is_told_and_leaves_the_backup() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let bot = setup.start().await;
    // It sees none of the bot's settings, and what it leaves running ends with it.
    let spy = script(
        &setup,
        "spy",
        "env | grep -E '^(TELEGRAM|GEMINI|BOT)_' && exit 0; sleep 1000 & echo $! > sleeper; exit 3",
    );
    for (command, words) in [
        (spy.to_string_lossy().into_owned(), "it ended with exit status: 3"),
        ("/nowhere/at-all".to_owned(), "cannot be run"),
    ] {
        let output = setup.clone().set("BOT_BACKUP_COMMAND", &command).run(&["backup"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("BOT_BACKUP_COMMAND has not taken") && told.contains(words), "{told}");
    }
    let sleeper = fs::read_to_string(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sleeper")).expect("a PID");
    eventually("what it left running has ended", SOON, async || {
        let state = fs::read_to_string(format!("/proc/{}/stat", sleeper.trim())).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    })
    .await;
    let facts = oracle::open(&setup.data);
    let at = |name| number(&facts, &format!("SELECT CAST(value AS INTEGER) FROM facts WHERE name = '{name}'"));
    assert!(at("backup_command_failed_at") >= at("backup_ok_at"), "the newest backup is not taken");
    let backups = fs::read_dir(setup.data.join("backups")).expect("backups");
    assert!(
        backups
            .filter(|file| file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|it| it == "gz")))
            .count()
            >= 1
    );
    drop(facts);
    bot.stop().await;
}

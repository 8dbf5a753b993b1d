//! `gryag init`: from nothing to a bot that has answered.

use std::{
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use gryag::sandbox::{gemini, telegram};

use crate::{
    bot::Setup,
    commands::{strange_token, words},
    eventually,
    proxy::Proxy,
    world::World,
};

const SOON: Duration = Duration::from_secs(30);

/// Where the stand-ins are, and nothing that `init` asks for.
fn bare(world: &World) -> Setup {
    let setup = Setup::new(world).unset("RUST_LOG");
    ["TELEGRAM_BOT_TOKEN", "GEMINI_API_KEY", "ADMIN_ID", "TELEGRAM_WEBHOOK_URL", "TELEGRAM_WEBHOOK_SECRET"]
        .into_iter()
        .fold(setup, Setup::unset)
}

/// Runs it with these lines as its input, to its end.
fn init(setup: &Setup, arguments: &[&str], answers: &[&str]) -> (Option<i32>, String) {
    let mut child = start(setup, arguments, answers);
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), words(&output))
}

fn start(setup: &Setup, arguments: &[&str], answers: &[&str]) -> Child {
    let mut command = setup.command(&[&["init"], arguments].concat());
    command.current_dir(&setup.data).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let lines: String = answers.iter().map(|line| format!("{line}\n")).collect();
    child.stdin.as_mut().expect("its input").write_all(lines.as_bytes()).expect("it reads");
    child
}

fn written(setup: &Setup) -> String {
    let path = setup.data.join(".env");
    assert_eq!(std::fs::metadata(&path).expect("it is written").permissions().mode() & 0o777, 0o600);
    std::fs::read_to_string(path).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_answers_make_a_bot_that_answers_the_first_message() {
    let world = World::start().await;
    let setup = bare(&world).unset("BOT_ACCESS");
    let admin = world.telegram.person("Оля");
    let answers = [telegram::TOKEN, gemini::API_KEY, &admin.to_string(), "", "y"];
    let mut child = start(&setup, &[], &answers);
    eventually("it polls", SOON, async || !world.telegram.calls("getUpdates").is_empty()).await;
    let chat = world.telegram.private(admin);
    world.telegram.say(chat, admin, "/start");
    eventually("it greets", SOON, async || !world.telegram.sent_to(chat).is_empty()).await;
    world.telegram.say(chat, admin, "привіт");
    let mut ended = None;
    eventually("it ends", SOON, async || {
        ended = child.try_wait().expect("its state");
        ended.is_some()
    })
    .await;
    let mut said = String::new();
    child.stdout.take().expect("its output").read_to_string(&mut said).expect("text");
    assert_eq!(ended.and_then(|status| status.code()), Some(0), "{said}");
    for expected in ["@gryag_bot", "t.me/gryag_bot", "the answer went out", "gryag --config .env serve"] {
        assert!(said.contains(expected), "«{expected}» is not said:\n{said}");
    }
    assert!(!said.contains(telegram::TOKEN) && !said.contains(gemini::API_KEY), "a secret is said:\n{said}");
    assert_eq!(world.telegram.sent_to(chat).len(), 2, "the greeting and the answer");

    let text = written(&setup);
    for line in [&format!("TELEGRAM_BOT_TOKEN={}", telegram::TOKEN), "BOT_INTAKE=poll", "GRYAG_SITE=localhost"] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
    // The trial left nothing behind, and what was written is all that the bot needs.
    assert!(!setup.data.join("gryag.db").exists());
    let env = setup.data.join(".env");
    let checked = setup.run(&["--config", &env.display().to_string(), "config"]);
    assert!(checked.status.success(), "{}", words(&checked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_answer_is_told_and_asked_again() {
    let world = World::start().await;
    let proxy = Proxy::start(&world).await;
    let setup = bare(&world);
    let strange = strange_token("7000000009");
    let address = format!("http://{}", proxy.address);
    let answers = [
        "canary",
        strange.as_str(),
        telegram::TOKEN,
        "AQ.canary",
        gemini::API_KEY,
        "@olia",
        "1000",
        "ftp://canary",
        address.as_str(),
    ];
    let (code, said) = init(&setup, &["--no-trial"], &answers);
    assert_eq!(code, Some(0), "{said}");
    for expected in [
        "TELEGRAM_BOT_TOKEN is wrong",
        "does not know this bot",
        "does not know this key",
        "ADMIN_ID",
        "TELEGRAM_WEBHOOK_URL",
        "no bot behind it",
    ] {
        assert!(said.contains(expected), "«{expected}» is not said:\n{said}");
    }
    assert!(!said.contains("AQ.canary") && !said.contains(&strange), "a secret is said:\n{said}");
    let text = written(&setup);
    assert!(text.contains(&format!("TELEGRAM_WEBHOOK_URL={address}\n")) && text.contains("ADMIN_ID=1000\n"), "{text}");
    assert!(!text.contains("canary") && !text.contains("BOT_INTAKE"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_overwritten_or_taken_over_unasked() {
    let world = World::start().await;
    let setup = bare(&world);
    let env = setup.data.join(".env");
    std::fs::write(&env, "PRECIOUS=1\n").expect("written");
    for answers in [&[][..], &[""], &["n"]] {
        let (code, said) = init(&setup, &[], answers);
        assert_eq!(code, Some(1), "{said}");
        assert_eq!(std::fs::read_to_string(&env).expect("text"), "PRECIOUS=1\n");
    }
    // The input ends before the last answer.
    let (code, said) = init(&setup, &[], &["y", telegram::TOKEN, gemini::API_KEY]);
    assert_eq!((code, said.contains("the input has ended")), (Some(1), true), "{said}");
    assert_eq!(std::fs::read_to_string(&env).expect("text"), "PRECIOUS=1\n");

    setup.clone().set("TELEGRAM_BOT_TOKEN", telegram::TOKEN).set("GEMINI_API_KEY", "x").set("ADMIN_ID", 1);
    let other = Setup::new(&world).set("TELEGRAM_WEBHOOK_URL", "http://elsewhere.test");
    other.succeed(&["webhook", "set"]);
    let (code, said) = init(&setup, &["--to", "other.env"], &[telegram::TOKEN, "n"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("running elsewhere"), "{said}");
    assert!(other.succeed(&["webhook", "info"]).contains("elsewhere.test"), "it is left alone");
    assert!(!Path::new(&setup.data.join("other.env")).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_env_is_converted() {
    let world = World::start().await;
    let setup = bare(&world);
    let old = format!(
        "# the old bot\nTELEGRAM_BOT_TOKEN='{}'\nGEMINI_API_KEY={}\nBOT_ADMIN_ID=1000\nGEMINI_MODEL=gemini-2.5-flash\n\
         BOT_SPAM_THRESHOLD=6\nBOT_CONTEXT_LIMIT=1000\nBOT_WEB_PORT=1488\nDEBUG=true\n",
        telegram::TOKEN,
        gemini::API_KEY
    );
    std::fs::write(setup.data.join("OLD.env"), old).expect("written");
    // Only the address is asked.
    let (code, said) = init(&setup, &["--from", "OLD.env", "--no-trial"], &["", ""]);
    assert_eq!(code, Some(0), "{said}");
    for expected in [
        "GEMINI_MODEL: gemini-2.5-flash ends on 2026-12-01",
        "BOT_CONTEXT_LIMIT",
        "BOT_WEB_PORT: use BOT_HTTP_ADDR",
        "DEBUG",
    ] {
        assert!(said.contains(expected), "«{expected}» is not said:\n{said}");
    }
    assert!(!said.contains(telegram::TOKEN) && !said.contains(gemini::API_KEY), "a secret is said:\n{said}");
    let text = written(&setup);
    let mut keys: Vec<&str> = text.lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key).collect();
    keys.sort_unstable();
    let expected =
        ["ADMIN_ID", "BOT_INTAKE", "BOT_SPAM_THRESHOLD", "GEMINI_API_KEY", "GRYAG_SITE", "TELEGRAM_BOT_TOKEN"];
    assert_eq!(keys, expected);
    let (code, said) = init(&setup, &["--from", "no-such.env"], &["y"]);
    assert_eq!((code, said.contains("cannot be read")), (Some(64), true), "{said}");
}

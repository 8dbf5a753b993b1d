//! What an operator meets: three keys are enough, every mistake is told at once, and no secret is ever shown.

use std::{collections::BTreeMap, time::Duration};

use insta::assert_snapshot;
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::{
    models::{Thinking, ThinkingLevel},
    *,
};
use crate::domain::UserId;

const ESSENTIALS: [(&str, &str); 3] =
    [("TELEGRAM_BOT_TOKEN", "123:canary-token"), ("GEMINI_API_KEY", "canary-key"), ("ADMIN_ID", "1000")];

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

/// The essentials and `more`, which wins.
fn serve(more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let merged: BTreeMap<String, String> = pairs(&ESSENTIALS).into_iter().chain(pairs(more)).collect();
    Config::load(merged, None, Purpose::Serve)
}

fn with_file(environment: &[(&str, &str)], text: &str) -> Result<Config, ConfigError> {
    let file = ConfigFile { name: "gryag.toml".to_owned(), text: text.to_owned() };
    Config::load(pairs(environment), Some(&file), Purpose::Serve)
}

fn problems(result: Result<Config, ConfigError>) -> String {
    result.expect_err("the configuration is wrong").to_string()
}

#[test]
fn three_keys_are_enough() {
    let config = serve(&[]).unwrap();
    assert_eq!(config.essential.bot_token.expose_secret(), "123:canary-token");
    assert_eq!(config.essential.admins, [UserId(1000)]);
    assert_eq!(config.gemini.model, "gemini-3.8-flash");
    assert_eq!(config.gemini.fallback_model.as_deref(), Some("gemini-3.5-flash-lite"));
    assert_eq!(config.gemini.temperature, None);
    assert_eq!(config.advanced.lease, Duration::from_secs(20));
    assert_eq!(config.behavior.max_message_age, Duration::from_secs(600));
    assert_eq!(config.behavior.budget_per_guest, 0.02);
    assert_eq!(config.notices(), Vec::<String>::new());
}

#[test]
fn missing_keys_are_named_together_with_what_they_take() {
    assert_snapshot!(problems(Config::load([], None, Purpose::Serve)), @r#"
    TELEGRAM_BOT_TOKEN is missing; set it in the environment or in gryag.toml to the token from @BotFather: digits, a colon, then letters, digits, `-` and `_`
    GEMINI_API_KEY is missing; set it in the environment or in gryag.toml to the key from Google AI Studio: visible ASCII characters, no spaces
    ADMIN_ID is missing; set it in the environment or in gryag.toml to one Telegram user id, or several, comma-separated (@userinfobot tells yours)
    "#);
}

#[test]
fn everything_wrong_is_told_at_once() {
    let environment = [
        ("TELEGRAM_BOT_TOKEN", "canary-without-a-colon"),
        ("ADMIN_ID", "@somebody"),
        ("BOT_ADMIN_ID", "1000"),
        ("TELEGRAM_WEBHOOK_URL", "http://bot.example.org"),
        ("TELEGRAM_WEBHOOK_SECRET", "canary secret"),
        ("BOT_LEASE_SECONDS", "soon"),
        ("BOT_DRAIN_SECONDS", "40"),
        ("BOT_SMART_REPLY_CHANCE", "1.5"),
        ("BOT_AUTONOMOUS_MODE", "maybe"),
        ("BOT_INTAKE", "\"poll\""),
        ("BOT_LANGUAGE", "ua"),
        ("GEMINI_THINKING_LEVEL", "minimal"),
        ("BOT_CONTEXT_LIMIT", "1000"),
        ("BOT_LEESE_SECONDS", "20"),
        ("GEMINI_NONSENSE", "1"),
        ("BOT_WEB_PORT", "1488"),
    ];
    assert_snapshot!(problems(with_file(&environment, "DEBUG = true\nBOT_HTTP_ADDR = 8080\n[behaviour]\nx = 1")), @r#"
    TELEGRAM_BOT_TOKEN (environment) is wrong; it takes the token from @BotFather: digits, a colon, then letters, digits, `-` and `_`
    GEMINI_API_KEY is missing; set it in the environment or in gryag.toml to the key from Google AI Studio: visible ASCII characters, no spaces
    ADMIN_ID (environment) is wrong; it takes one Telegram user id, or several, comma-separated (@userinfobot tells yours) (a number, not an @username)
    BOT_INTAKE (environment) = `"poll"` is wrong; it takes `webhook` or `poll` (without the quotes)
    BOT_LANGUAGE (environment) = `ua` is wrong; it takes `uk` or `en`
    BOT_AUTONOMOUS_MODE (environment) = `maybe` is wrong; it takes `true` or `false`
    BOT_SMART_REPLY_CHANCE (environment) = `1.5` is wrong; it takes 0 to 1 (1: always)
    BOT_HTTP_ADDR (gryag.toml) = `8080` is wrong; it takes an IP address and a port (such as 0.0.0.0:8080 or [::]:8080)
    TELEGRAM_WEBHOOK_SECRET (environment) is wrong; it takes 1 to 256 letters, digits, `-` and `_`; two such, comma-separated, while rotating
    BOT_CONTEXT_LIMIT (environment) = `1000` is wrong; it takes 1 to 500 messages
    BOT_LEASE_SECONDS (environment) = `soon` is wrong; it takes 1 to 600 seconds (a whole number, in digits only)
    TELEGRAM_WEBHOOK_URL must begin with `https://`: Telegram calls nothing else
    GEMINI_THINKING_LEVEL is `minimal`, but gemini-3.8-flash takes low, medium, high
    BOT_DRAIN_SECONDS is 40; it must be less than BOT_SHUTDOWN_GRACE_SECONDS, 30
    behaviour (gryag.toml) is not a key; the tables are [essential], [behavior], [gemini] and [advanced]
    DEBUG (gryag.toml) is a key of the old bot; delete it (set RUST_LOG=gryag=debug instead)
    BOT_ADMIN_ID (environment) is a key of the old bot; delete it, ADMIN_ID is set too (it has one name now)
    BOT_LEESE_SECONDS (environment) is not a key; delete it, BOT_LEASE_SECONDS is set too
    GEMINI_NONSENSE (environment) is not a key; delete it; `gryag config` lists the keys
    BOT_WEB_PORT (environment) is a key of the old bot; delete it, BOT_HTTP_ADDR is set too (an address and a port, such as 0.0.0.0:8080)
    "#);
}

#[test]
fn the_environment_stands_over_the_file() {
    let file =
        "ADMIN_ID = [1, 2]\nBOT_DATA_DIR = \"from-file\"\nBOT_LEASE_SECONDS = 30\n[Gemini]\nGEMINI_TEMPERATURE = 0.5";
    let environment = [ESSENTIALS[0], ESSENTIALS[1], ("BOT_DATA_DIR", " from-env "), ("BOT_LEASE_SECONDS", "")];
    let config = with_file(&environment, file).unwrap();
    assert_eq!(config.essential.admins, [UserId(1), UserId(2)]);
    assert_eq!(config.essential.data_dir.to_str(), Some("from-env"));
    assert_eq!(config.advanced.lease, Duration::from_secs(30), "an empty variable is not set");
    assert_eq!(config.gemini.temperature, Some(0.5));
    let origin = |name: &str| config.settings().iter().find(|setting| setting.name == name).unwrap().origin.clone();
    assert_eq!(origin("BOT_DATA_DIR"), "environment");
    assert_eq!(origin("ADMIN_ID"), "gryag.toml");
    assert_eq!(origin("BOT_PERSONA"), "default");
    assert_eq!(origin("TELEGRAM_WEBHOOK_SECRET"), "derived from TELEGRAM_BOT_TOKEN");
    assert!(config.is_set("ADMIN_ID") && !config.is_set("BOT_PERSONA"));
}

#[test]
fn a_file_that_ends_with_env_holds_plain_lines_and_other_programs_settings() {
    let file = |text: &str| ConfigFile { name: "shop/.env".to_owned(), text: text.to_owned() };
    let good = file("# mine\nADMIN_ID=5\nBOT_LEASE_SECONDS='30'\nGRYAG_SITE=bot.example.org\n");
    let config = Config::load(pairs(&ESSENTIALS[..2]), Some(&good), Purpose::Serve).unwrap();
    assert_eq!((config.essential.admins, config.advanced.lease.as_secs()), (vec![UserId(5)], 30));
    let bad = file("BOT_LEESE_SECONDS=1\ncanary\nDEBUG=1\n");
    let said = problems(Config::load(pairs(&ESSENTIALS), Some(&bad), Purpose::Serve));
    for expected in ["shop/.env: line 2 is not KEY=value", "BOT_LEESE_SECONDS (shop/.env)", "DEBUG (shop/.env)"] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn a_broken_file_is_told_by_its_line_and_never_quoted() {
    for text in [
        "BOT_PERSONA = \"a\"\nTELEGRAM_BOT_TOKEN = 123:canary\n",
        "BOT_PERSONA = \"a\"\nGEMINI_API_KEY = \"canary\nX = 1",
        "ADMIN_ID = 1\nADMIN_ID = 2",
    ] {
        let said = problems(with_file(&ESSENTIALS, text));
        assert!(said.contains("gryag.toml: line 2 is not TOML"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
    let said = problems(with_file(&ESSENTIALS, "BOT_DATA_DIR = 99999999999999999999"));
    assert!(said.contains("too large"), "{said}");
}

#[test]
fn a_key_stands_in_a_file_once_and_is_no_table() {
    let said =
        problems(with_file(&ESSENTIALS, "BOT_PERSONA = \"a\"\n[behavior]\nBOT_PERSONA = \"b\"\n[BOT_DATA_DIR]\nx = 1"));
    assert!(said.contains("BOT_PERSONA (gryag.toml) is set twice"), "{said}");
    assert!(said.contains("BOT_DATA_DIR (gryag.toml) is wrong; it takes a directory"), "{said}");
}

#[test]
fn empty_switches_off_what_can_be_off() {
    let config = serve(&[("GEMINI_FALLBACK_MODEL", ""), ("BOT_TRUSTED_PROXIES", " "), ("BOT_DATA_DIR", "")]).unwrap();
    assert_eq!(config.gemini.fallback_model, None);
    assert!(config.advanced.trusted_proxies.is_empty());
    assert_eq!(config.essential.data_dir.to_str(), Some("data"));
}

#[test]
fn the_default_proxies_are_the_private_networks() {
    let config = Config::for_tests();
    let trusts =
        |address: &str| config.advanced.trusted_proxies.iter().any(|net| net.contains(address.parse().unwrap()));
    for address in ["127.0.0.1", "::1", "10.1.2.3", "172.20.0.5", "192.168.1.1", "fd00::1"] {
        assert!(trusts(address), "{address}");
    }
    for address in ["149.154.160.1", "172.32.0.1", "2001:db8::1", "203.0.113.1"] {
        assert!(!trusts(address), "{address}");
    }
}

#[test]
fn both_replicas_derive_the_same_webhook_secret() {
    let secrets = |token: &str| {
        let config = serve(&[("TELEGRAM_BOT_TOKEN", token)]).unwrap();
        config.advanced.webhook_secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(secrets("1:a"), secrets("1:a"));
    assert_ne!(secrets("1:a"), secrets("1:b"));
    assert_eq!(secrets("1:a")[0].len(), 64, "hex of a SHA-256, which Telegram takes");
}

#[test]
fn two_webhook_secrets_are_taken_while_rotating_and_no_more() {
    let config = serve(&[("TELEGRAM_WEBHOOK_SECRET", "new-one, old_one")]).unwrap();
    let secrets: Vec<&str> = config.advanced.webhook_secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, ["new-one", "old_one"]);
    let long = "x".repeat(257);
    for wrong in ["a,b,c", "a,", "a b", "ключ", long.as_str()] {
        assert!(problems(serve(&[("TELEGRAM_WEBHOOK_SECRET", wrong)])).contains("TELEGRAM_WEBHOOK_SECRET"), "{wrong}");
    }
}

#[test]
fn a_webhook_address_is_one_that_telegram_calls() {
    for right in
        ["https://bot.example.org", "https://bot.example.org:8443/x", "http://127.0.0.1:9000/y", "http://localhost:1"]
    {
        assert!(serve(&[("TELEGRAM_WEBHOOK_URL", right)]).is_ok(), "{right}");
    }
    for wrong in [
        "http://bot.example.org",
        "https://bot.example.org:8080",
        "bot.example.org",
        "ftp://a.b",
        "https://u:p@a.b",
        "https://a.b/?x",
    ] {
        let said = problems(serve(&[("TELEGRAM_WEBHOOK_URL", wrong)]));
        assert!(said.starts_with("TELEGRAM_WEBHOOK_URL"), "{said}");
        assert!(!said.contains("u:p"), "{said}");
    }
    let own_server = [("TELEGRAM_API_URL", "http://api:8081"), ("TELEGRAM_WEBHOOK_URL", "http://gryag:8080")];
    assert!(serve(&own_server).is_ok(), "a Bot API server of one's own calls any address");
}

#[test]
fn the_dashboard_address_follows_the_webhook_address() {
    let url = |more: &[(&str, &str)]| serve(more).unwrap().essential.public_url;
    assert_eq!(url(&[]), None);
    assert_eq!(url(&[("TELEGRAM_WEBHOOK_URL", "https://a.example")]).as_deref(), Some("https://a.example"));
    let both = [("TELEGRAM_WEBHOOK_URL", "https://a.example"), ("BOT_PUBLIC_URL", "https://b.example/")];
    assert_eq!(url(&both).as_deref(), Some("https://b.example"));
}

#[test]
fn the_sandbox_needs_nothing_and_never_holds_a_real_token() {
    let config = Config::load([], None, Purpose::Sandbox).unwrap();
    assert!(!config.is_set("GEMINI_API_KEY"));
    let config = Config::load(pairs(&ESSENTIALS), None, Purpose::Sandbox).unwrap();
    assert_ne!(config.essential.bot_token.expose_secret(), ESSENTIALS[0].1);
    assert!(config.is_set("GEMINI_API_KEY"), "with a key the sandbox talks to the real Gemini");
    assert_eq!(config.essential.gemini_api_key.expose_secret(), "canary-key");
}

#[test]
fn an_offline_command_needs_no_essentials_but_refuses_mistakes() {
    let config = Config::load(pairs(&[("BOT_DATA_DIR", "d")]), None, Purpose::Offline).unwrap();
    assert_eq!(config.essential.data_dir.to_str(), Some("d"));
    assert!(Config::load(pairs(&[("ADMIN_ID", "x")]), None, Purpose::Offline).is_err());
}

#[test]
fn pairs_of_keys_that_clash_are_refused() {
    for (settings, expected) in [
        (
            &[("BOT_DRAIN_SECONDS", "30")][..],
            "BOT_DRAIN_SECONDS is 30; it must be less than BOT_SHUTDOWN_GRACE_SECONDS, 30",
        ),
        (
            &[("GEMINI_TIMEOUT_SECONDS", "26")],
            "GEMINI_TIMEOUT_SECONDS is 26; it must be at most BOT_TURN_DEADLINE_SECONDS, 25",
        ),
        (
            &[("GEMINI_THINKING_LEVEL", "minimal")],
            "GEMINI_THINKING_LEVEL is `minimal`, but gemini-3.8-flash takes low, medium, high",
        ),
        (
            &[("GEMINI_MODEL", "gemini-2.5-flash"), ("GEMINI_THINKING_LEVEL", "low")],
            "GEMINI_THINKING_LEVEL is `low`, but gemini-2.5-flash takes no level; leave it empty",
        ),
    ] {
        assert_eq!(problems(serve(settings)), expected);
    }
}

#[test]
fn thinking_is_the_least_unless_set() {
    let level = |level| Thinking::Level(level);
    let gemini = Config::for_tests().gemini;
    assert_eq!(gemini.thinking_for("gemini-3.8-flash"), level(ThinkingLevel::Low));
    assert_eq!(gemini.thinking_for("gemini-3.5-flash-lite"), level(ThinkingLevel::Minimal));
    let gemini = Config::for_tests_with(&[("GEMINI_THINKING_LEVEL", "high")]).gemini;
    assert_eq!(gemini.thinking_for("gemini-3.5-flash-lite"), level(ThinkingLevel::High));
    assert_eq!(gemini.thinking_for("gemini-2.5-flash"), Thinking::Budget(0), "where a level would be refused");
}

#[test]
fn what_has_no_effect_is_said_at_start() {
    let config = Config::for_tests_with(&[
        ("GEMINI_TEMPERATURE", "0.7"),
        ("GEMINI_MODEL", "gemini-4-hydrogen"),
        ("GEMINI_FALLBACK_MODEL", "gemini-2.5-flash"),
        ("GEMINI_THINKING_LEVEL", "xhigh"),
        ("BOT_INTAKE", "poll"),
        ("TELEGRAM_WEBHOOK_URL", "https://a.example"),
        ("DEBUG", "1"),
    ]);
    assert_snapshot!(config.notices().join("\n"), @r#"
    GEMINI_TEMPERATURE is not sent to gemini-4-hydrogen, which ignores it
    the model gemini-2.5-flash ends on 2026-12-01; the default is gemini-3.8-flash
    GEMINI_THINKING_LEVEL xhigh is not for gemini-2.5-flash, which is asked for its least
    TELEGRAM_WEBHOOK_URL is not registered, because BOT_INTAKE is poll
    DEBUG (environment) has no effect: set RUST_LOG=gryag=debug instead
    "#);
    assert_eq!(config.gemini.temperature_for("gemini-4-hydrogen"), None);
    assert_eq!(config.gemini.temperature_for("gemini-2.5-flash"), Some(0.7));
}

#[test]
fn keys_have_one_name_one_section_and_a_sentence() {
    let mut names: Vec<&str> = keys().map(|key| key.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "a key stands in the list twice");
    for key in keys() {
        assert!(key.about().ends_with('.') && !key.about().contains('|'), "{}: {}", key.name, key.about());
        assert!(!key.takes().contains('|'), "{}", key.name);
        let cell = match key.unset {
            WhenUnset::Value(text) | WhenUnset::Derived(text) | WhenUnset::Nothing(text) => text,
            WhenUnset::Required => "x",
        };
        assert!(!cell.is_empty() && !cell.contains('|'), "{}", key.name);
    }
}

#[test]
fn no_secret_is_shown() {
    let config = serve(&[("TELEGRAM_WEBHOOK_SECRET", "canary-one,canary-two")]).unwrap();
    let shown = format!("{config:?}{config:#?}{}{:?}{:?}", config.describe(), config.settings(), config.notices());
    assert!(!shown.contains("canary"), "{shown}");
    let derived = serve(&[]).unwrap();
    let secret = derived.advanced.webhook_secrets[0].expose_secret();
    assert!(!format!("{derived:?}{}", derived.describe()).contains(secret));
}

#[test]
fn no_secret_is_shown_when_it_is_wrong_or_stands_in_the_wrong_line() {
    let token = "1234567890:canary-AAAAAAAAAAAAAAAAAAAAAAAAA";
    for key in keys() {
        let mut environment = pairs(&ESSENTIALS);
        environment.retain(|(name, _)| name != key.name);
        for text in [token.to_owned(), format!("\"{token}\""), format!("{token} {token}")] {
            let both = environment.iter().cloned().chain([(key.name.to_owned(), text)]);
            if let Err(error) = Config::load(both, None, Purpose::Serve) {
                assert!(!format!("{error}{error:?}").contains("canary"), "{error}");
            }
        }
    }
    let said = problems(serve(&[("GEMINI_API_KEY", "canary key"), ("TELEGRAM_BOT_TOKEN", "canary")]));
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn what_is_in_force_is_shown_with_its_origin() {
    let config = serve(&[("BOT_LEASE_SECONDS", "30"), ("TELEGRAM_WEBHOOK_URL", "https://a.example")]).unwrap();
    let lines: Vec<String> =
        config.describe().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "[ESSENTIAL]",
        "[ADVANCED]",
        "TELEGRAM_BOT_TOKEN = *** (environment)",
        "TELEGRAM_WEBHOOK_SECRET = *** (derived from TELEGRAM_BOT_TOKEN)",
        "BOT_PUBLIC_URL = https://a.example (derived from TELEGRAM_WEBHOOK_URL)",
        "BOT_LEASE_SECONDS = 30 (environment)",
        "BOT_DATA_DIR = data (default)",
        "GEMINI_TEMPERATURE = - (not set)",
    ] {
        assert!(lines.iter().any(|shown| shown == line), "{line}\n{}", config.describe());
    }
    let keys_shown = lines.iter().filter(|line| line.contains(" = ")).count();
    assert_eq!(keys_shown, keys().count());
}

fn any_key() -> impl Strategy<Value = &'static Key> {
    proptest::sample::select(keys().collect::<Vec<_>>())
}

/// Texts near what keys take, and texts far from it.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-+]?[0-9]{1,25}(\\.[0-9]{1,5})?(e[0-9]{1,4})?",
        "(https?|ftp)?(://)?[a-z0-9.:@/\\[\\]?#%-]{0,40}",
        "[a-z0-9:,./_ \"'-]{0,60}",
        Just("NaN".to_owned()),
        Just("-inf".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_text_of_any_key_is_a_value_or_a_problem_that_names_the_key(key in any_key(), text in any_text()) {
        if let Err(error) = serve(&[(key.name, &text)]) {
            prop_assert!(error.problems.iter().all(|problem| problem.to_string().contains(key.name)), "{}", error);
        }
    }

    #[test]
    fn any_variable_beside_the_three_keys_is_ignored_or_named(name in "(BOT_|GEMINI_|TELEGRAM_|ADMIN|X)\\PC{0,40}", text in any::<String>()) {
        if let Err(error) = serve(&[(&name, &text)]) {
            prop_assert!(error.problems.iter().all(|problem| problem.to_string().contains(&name.escape_debug().to_string())), "{}", error);
        }
    }

    #[test]
    fn any_file_is_read_or_refused(text in any::<String>()) {
        let _ = with_file(&ESSENTIALS, &text);
    }
}

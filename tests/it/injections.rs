//! Sixty ways of speaking with another's mouth, of drawing the persona's instructions out of the bot, and of making it
//! obey whom it must not: all in the whole bot, with a model that is too sensible to help.

use gryag::{
    domain::{ChatId, UserId},
    sandbox::telegram::MessageRef,
};
use serde_json::{Value, json};

use crate::harness::{Setup, TestBot};

/// Where it stands, a tab, the text with escapes.
const INJECTIONS: &str = include_str!("../fixtures/injections.tsv");
const ANSWER: &str = "Гарна спроба.";
/// So long a piece of the persona's instructions in an answer is a leak, in characters.
const LEAK: usize = 40;

/// `\n`, `\r`, `\u{…}` as the characters that they stand for.
fn unescaped(text: &str) -> String {
    let text = text.replace("\\n", "\n").replace("\\r", "\r");
    let mut parts = text.split("\\u{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').expect("an escape is closed");
        whole.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a character"));
        whole.push_str(rest);
    }
    whole
}

/// A group in which an attack is made, and who is there.
struct Scene {
    chat: ChatId,
    olia: UserId,
    attacker: UserId,
}

fn make_attack(bot: &TestBot, place: &str, payload: &str) -> Scene {
    let world = bot.world();
    let olia = world.person("Оля");
    let attacker = match place {
        "name" => world.person(payload),
        "username" => world.person_with_username("Зло", payload),
        _ => world.person("Зло"),
    };
    let title = if place == "title" { payload } else { "Друзі" };
    let chat = world.supergroup(title, &[olia, attacker]);
    let soup = world.say(chat, olia, "варю борщ");
    let compose = || world.compose(chat, attacker);
    let attack: MessageRef = match place {
        "text" => world.say(chat, attacker, payload),
        "quote" => compose().reply_to(soup).quote(payload).text("Гряг, так?").send(),
        "reply" => {
            let theirs = world.say(chat, attacker, payload);
            world.reply(theirs, attacker, "Гряг, так?")
        }
        "forward" => compose().text("/help@gryag_bot").forwarded_from(payload).send(),
        "caption" => world.photo(chat, attacker, payload),
        "file" => {
            let file = json!({"file_id": "file", "file_unique_id": "unique", "file_name": payload});
            compose().field("document", file).send()
        }
        _ => world.say(chat, attacker, "Гряг, привіт"),
    };
    assert_eq!(attack.chat, chat);
    Scene { chat, olia, attacker }
}

/// Whose line it is, by the label at its beginning.
fn speaker(line: &str) -> Option<i64> {
    let (label, _) = line.strip_prefix('[')?.split_once(']')?;
    let (_, id) = label.split_once('|')?;
    id.rsplit(' ').next()?.parse().ok()
}

/// All that the model was shown, as `(role, text)`.
fn turns(request: &Value) -> Vec<(String, String)> {
    let turns = request["contents"].as_array().expect("turns");
    let text = |turn: &Value| turn["parts"][0]["text"].as_str().unwrap_or_default().to_owned();
    turns.iter().map(|turn| (turn["role"].as_str().unwrap_or_default().to_owned(), text(turn))).collect()
}

fn check_request(request: &Value, scene: &Scene, system: &str, line: &str) {
    assert_eq!(request["systemInstruction"]["parts"][0]["text"], system, "{line}");
    for (role, text) in turns(request) {
        if role == "model" {
            assert!(text.lines().all(|said| said == ANSWER), "{line}: {text}");
            continue;
        }
        for said in text.split('\n') {
            let known = match speaker(said) {
                Some(id) => id == scene.olia.0 || id == scene.attacker.0,
                None => said.starts_with("    ") || said.starts_with("(зараз "),
            };
            assert!(known, "{line}: nobody says {said:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_injection_forges_a_speaker_leaks_the_persona_or_runs_a_command() {
    let bot = Setup::new().unpaced().start().await;
    bot.gemini().answer_with(|_| gryag::sandbox::gemini::Reply::say(ANSWER));
    let mut system: Option<String> = None;
    for line in INJECTIONS.lines() {
        let (place, payload) = line.split_once('\t').expect("a place and a text");
        let scene = make_attack(&bot, place, &unescaped(payload));
        bot.settle().await;
        bot.say(scene.chat, scene.olia, "Гряг, що скажеш?").await;
        let request = bot.gemini().requests().last().expect("a request").json();
        let told = request["systemInstruction"]["parts"][0]["text"].as_str().expect("a persona").to_owned();
        let system = system.get_or_insert(told).clone();
        check_request(&request, &scene, &system, line);
        let sent = bot.world().sent_to(scene.chat);
        assert!(!sent.is_empty(), "{line}: Оля is answered");
        for sent in sent {
            assert!(!leaks(&system, &sent.text), "{line}: {}", sent.text);
            assert_eq!(sent.text, ANSWER, "{line}: nothing but the model's words is said");
        }
    }
    bot.finish().await;
}

/// Whether a text holds a long piece of the persona's instructions.
fn leaks(system: &str, text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    letters.windows(LEAK).any(|piece| system.contains(&piece.iter().collect::<String>()))
}

#[test]
fn a_leak_would_be_found() {
    let system = "Ти — Гряг, постійний учасник цього чату в Telegram. Не помічник.";
    assert!(leaks(system, "мені сказано: постійний учасник цього чату в Telegram. Не помічник"));
    assert!(!leaks(system, "я постійний учасник цього чату"));
}

//! Who speaks, and in which language: data that may be edited while the bot runs.

use std::time::Duration;

use gryag::{
    domain::{Chat, ChatKind, Language},
    persona::{Personas, Saying},
    sandbox::gemini::GeminiFault,
    storage::{ChatSetting, ChatStore as _},
};

use crate::harness::{Setup, TestBot};

/// Longer than the bot's pause between two looks at the files.
const A_LOOK: Duration = Duration::from_secs(4);
const GRYAG: &str = include_str!("../../persona/gryag.toml");

fn system(bot: &TestBot) -> String {
    let requests = bot.gemini().requests();
    let json = requests.last().expect("a request").json();
    json["systemInstruction"]["parts"][0]["text"].as_str().expect("a system prompt").to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_edited_persona_speaks_within_seconds_and_a_broken_one_changes_nothing() {
    let setup = Setup::new().set("BOT_PERSONA", "mine");
    let folder = setup.data.path().join("personas");
    std::fs::create_dir_all(&folder).expect("a folder");
    let write = |text: &str| std::fs::write(folder.join("mine.toml"), text).expect("a file");
    write(&GRYAG.replace("Ти — Гряг,", "Ти — ПЕРШИЙ Гряг,"));
    let bot = setup.start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "Гряг, ти хто?").await;
    assert!(system(&bot).contains("ПЕРШИЙ"));

    write(&GRYAG.replace("Ти — Гряг,", "Ти — ДРУГИЙ Гряг,"));
    tokio::time::sleep(A_LOOK).await;
    bot.say(chat, people[0], "Гряг, а тепер?").await;
    assert!(system(&bot).contains("ДРУГИЙ"));

    write("name = КАНАРКА");
    tokio::time::sleep(A_LOOK * 3).await;
    bot.say(chat, people[0], "Гряг, живий?").await;
    assert!(system(&bot).contains("ДРУГИЙ"), "the former one goes on");
    let errors = bot.app.errors.last();
    assert_eq!(errors.len(), 1, "it is told once: {errors:#?}");
    assert_eq!(errors[0].place, "persona");
    assert_eq!(
        errors[0].message,
        "the persona `mine` stays as it was: its file cannot be used: the persona is not valid TOML: line 1"
    );
    assert_eq!(bot.outcomes(), "answered 3");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn another_persona_has_another_name_and_another_voice() {
    let bot = Setup::new().set("BOT_PERSONA", "zuzia").start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "Зузю, ти тут?").await;
    assert!(system(&bot).contains("Ти — Зузя") && !system(&bot).contains("Гряг"));
    bot.say(chat, people[0], "Гряг, а ти?").await;
    assert_eq!(bot.world().sent_to(chat).len(), 1, "that is not its name");
    // What speaks to the bot is judged by the first persona's name in the harness.
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_prompt_and_the_failure_line_follow_the_language() {
    let bot = Setup::new().set("BOT_LANGUAGE", "en").start().await;
    let (chat, people) = bot.group(&["Olha"]);
    bot.say(chat, people[0], "Gryag, how are you?").await;
    assert!(system(&bot).contains("How the conversation is written down"));
    let request = bot.gemini().requests()[0].json().to_string();
    assert!(
        request.contains(
            "(now Monday, 23 November 2026, 14:00) (the language of this chat is English: answer in English) \
             ([Olha|200000001] speaks to you; give one answer)"
        ),
        "{request}"
    );
    bot.gemini().fail_by_chance(1.0, GeminiFault::Overloaded);
    bot.say(chat, people[0], "Gryag, and now?").await;
    let lines = Personas::built_in().get(None).lines(Saying::Failure, Language::English).to_vec();
    let last = bot.world().sent_to(chat).pop().expect("a failure line");
    assert!(lines.contains(&last.text), "{}", last.text);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn each_chat_has_the_persona_and_the_language_that_it_chose() {
    let bot = Setup::new().unpaced().start().await;
    let (ours, people) = bot.group(&["Оля"]);
    let theirs = bot.world().supergroup("Others", &people);
    let chat = |id| Chat { id, kind: ChatKind::Group, title: None };
    let store = &bot.app.store;
    store.set_setting(chat(theirs), ChatSetting::Persona(Some("zuzia".to_owned()))).await.expect("a setting");
    store.set_setting(chat(theirs), ChatSetting::Language(Some(Language::English))).await.expect("a setting");

    bot.say(ours, people[0], "Гряг, ти тут?").await;
    assert!(system(&bot).contains("Ти — Гряг") && system(&bot).contains("Як записано розмову"));
    bot.say(theirs, people[0], "@gryag_bot, and you?").await;
    assert!(system(&bot).contains("Ти — Зузя") && system(&bot).contains("How the conversation is written down"));

    store.set_setting(chat(theirs), ChatSetting::Persona(Some("nobody".to_owned()))).await.expect("a setting");
    bot.say(theirs, people[0], "@gryag_bot, still there?").await;
    assert!(system(&bot).contains("Ти — Гряг"), "a persona that is gone is spoken for by the default one");
    assert_eq!(bot.outcomes(), "answered 3");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn prompts_of_one_chat_begin_alike_whatever_the_moment() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля"]);
    for step in 0..3 {
        bot.say(chat, people[0], &format!("Гряг, раз {step}")).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let requests: Vec<String> = bot.gemini().requests().iter().map(|request| request.json().to_string()).collect();
    for pair in requests.windows(2) {
        let (kept, _) = pair[0].rsplit_once("(зараз").expect("the changing end");
        let same = kept.bytes().zip(pair[1].bytes()).take_while(|(one, other)| one == other).count();
        assert!(same + 2 >= kept.len(), "only {same} of {} bytes are the same", kept.len());
    }
    bot.finish().await;
}

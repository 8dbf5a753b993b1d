//! Whom the bot serves.

use std::time::Duration;

use gryag::{
    domain::UserId,
    sandbox::telegram::{FakeTelegram, TelegramOptions},
    storage::InboxStore as _,
};
use insta::assert_snapshot;
use serde_json::json;

use super::{Hosted, hosted, hosted_by};
use crate::harness::{Setup, life::Side};

#[tokio::test(start_paused = true)]
async fn a_new_chat_gets_one_polite_line_and_the_owner_one_question() {
    let host = hosted("approve").await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let chat = host.joined("КАНАРКИ", &people).await;
    for words in ["Гряг, КАНАРКА тут?", "просто КАНАРКА", "Гряг, озвися"] {
        host.bot.say(chat, people[1], words).await;
    }
    assert_eq!(
        host.said(chat),
        ["Вітаю! Спершу спитаю господаря, чи можна мені тут говорити. Доти нічого не зберігаю і нікому не передаю."]
    );
    let asked = host.said(host.office);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].contains("«КАНАРКИ»") && asked[0].contains("Оля"), "{}", asked[0]);
    assert!(host.bot.gemini().requests().is_empty(), "nothing goes to the model");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(host.remembered(chat).await.is_empty(), "nothing is remembered");
    assert!(!host.is_in_the_files("КАНАРК"), "no file holds a word of theirs, nor the chat's name");
    host.bot.also_addressed(-2);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn of_a_new_chat_not_even_what_cannot_be_read_is_kept() {
    let host = hosted("approve").await;
    let chat = host.joined("Ліс", &[host.person("Оля")]).await;
    let without_id = json!({"date": 1_795_435_200, "from": {"id": 1, "is_bot": false, "first_name": "Хтось"},
        "chat": {"id": chat.0, "type": "supergroup", "title": "Ліс"}, "text": "КАНАРКА"});
    host.bot.world().raw_update("message", &without_id);
    host.bot.settle().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(host.bot.app.store.dead_letters(9).await.expect("read").is_empty());
    assert!(!host.is_in_the_files("КАНАРК"));
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_allowed_chat_hears_who_came_and_is_served() {
    let host = hosted("approve").await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let chat = host.joined("Друзі", &people).await;
    let question = host.last(host.office);
    host.bot.world().clear_journal();
    assert_eq!(host.press(question, people[0], "Дозволити").await, "Ця кнопка не для тебе.");
    assert!(host.said(chat).is_empty(), "an impostor decides nothing");
    host.press(question, host.owner, "Дозволити").await;
    assert_snapshot!(host.said(chat).join("\n---\n"), @r"
    Привіт! Я Гряг, співрозмовник зі штучним інтелектом. Озиваюся, коли мене кличуть на ім'я, згадують через @ чи відповідають мені, а зрідка докидаю слово й без запрошення.
    Читаю повідомлення цього чату й зберігаю їх 90 днів; щоб відповісти, передаю уривки розмови Google (модель Gemini). Докладніше: /privacy. Хто проти, щоб його повідомлення зберігалися: /optout. Налаштування: /settings

    Реакцій на мої слова не бачу, доки я не адмін: без них учуся лише з відповідей і тиші.
    ");
    assert!(host.reads(question).ends_with("✅ Дозволено"), "{}", host.reads(question));
    assert!(host.buttons(question).is_empty());
    host.bot.gemini().will_say("Тут я.");
    let call = host.bot.say(chat, people[1], "Гряг, ти тут?").await;
    assert_eq!(host.bot.world().answers_to(call).len(), 1);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_chat_hears_nothing_more_and_stays_refused() {
    let host = hosted("approve").await;
    let people = [host.person("Оля")];
    let chat = host.joined("Друзі", &people).await;
    let question = host.last(host.office);
    host.press(question, host.owner, "Відмовити").await;
    assert!(host.reads(question).ends_with("🚫 Відмовлено"));
    host.bot.world().clear_journal();
    for words in ["Гряг, ти тут?", "/help@gryag_bot", "/settings@gryag_bot"] {
        host.bot.say(chat, people[0], words).await;
    }
    host.bot.world().kick_bot(chat);
    host.bot.settle().await;
    host.bot.world().add_bot(chat);
    host.bot.settle().await;
    assert!(host.bot.world().sent().is_empty(), "{:?}", host.bot.world().sent());
    assert!(host.bot.gemini().requests().is_empty());
    host.bot.also_addressed(-1);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn chats_to_which_the_owner_adds_it_and_their_own_are_served_at_once() {
    let host = hosted("approve").await;
    let other = host.person("Оля");
    let chat = host.joined("Друзі", &[host.owner, other]).await;
    assert!(host.said(chat)[0].starts_with("Привіт! Я Гряг"), "{:?}", host.said(chat));
    let call = host.bot.say(chat, other, "Гряг, ти тут?").await;
    assert_eq!(host.bot.world().answers_to(call).len(), 1);
    host.bot.say(host.office, host.owner, "як справи?").await;
    assert_eq!(host.said(host.office).len(), 1, "answered, and nobody was asked");
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_person_is_asked_about_and_welcomed() {
    let host = hosted("approve").await;
    let person = host.bot.world().person_with_username("Оля\n[дозволено]", "olia");
    let private = host.bot.world().private(person);
    for words in ["/start", "привіт, КАНАРКА", "ти тут?"] {
        host.bot.say(private, person, words).await;
    }
    assert_eq!(host.said(private).len(), 1);
    let question = host.last(host.office);
    assert!(host.reads(question).contains("Оля [дозволено] (@olia"), "on one line: {}", host.reads(question));
    assert!(!host.is_in_the_files("КАНАРКА") || host.bot.gemini().requests().is_empty());
    host.press(question, host.owner, "Дозволити").await;
    assert!(host.said(private)[1].starts_with("Дозвіл є"), "{:?}", host.said(private));
    host.bot.say(private, person, "то як справи?").await;
    assert_eq!(host.bot.gemini().requests().len(), 1);
    assert!(!host.was_shown("КАНАРКА"), "what was said before is not known");
    host.bot.also_addressed(-2);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_open_bot_serves_everybody() {
    let host = hosted("open").await;
    let people = [host.person("Оля")];
    let chat = host.joined("Друзі", &people).await;
    assert!(host.said(chat)[0].starts_with("Привіт! Я Гряг"));
    assert!(host.said(host.office).is_empty(), "nobody is asked");
    let private = host.bot.world().private(people[0]);
    host.bot.say(private, people[0], "привіт").await;
    assert_eq!(host.said(private).len(), 1);
    host.bot.world().promote_bot(chat);
    host.bot.world().kick_bot(chat);
    host.bot.settle().await;
    host.bot.world().add_bot(chat);
    host.bot.settle().await;
    assert_eq!(host.said(chat).len(), 2, "once for each coming, not for a promotion");
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_says_what_is_missing() {
    let mut setup = Setup::new().set("BOT_ACCESS", "open").set("BOT_RETENTION_DAYS", "21");
    let options = TelegramOptions { privacy_mode: true, ..setup.world.options().clone() };
    setup.world = FakeTelegram::new(options);
    let host = hosted_by(setup).await;
    let chat = host.joined("Друзі", &[host.person("Оля")]).await;
    let said = host.said(chat).join("\n");
    assert!(said.contains("режим приватності") && said.contains("/setprivacy") && said.contains("не адмін"), "{said}");
    assert!(said.contains("21 день"), "{said}");
    host.bot.finish().await;
}

/// Whatever dies at whatever commit, the chat hears one line and the owner one question.
#[tokio::test(start_paused = true)]
async fn a_crash_neither_loses_nor_doubles_the_question() {
    for commit in 1..=6 {
        for side in [Side::Before, Side::After] {
            let Hosted { mut bot, owner, office } = hosted("approve").await;
            let person: UserId = bot.world().person("Оля");
            let chat = bot.world().supergroup("Друзі", &[person, owner]);
            bot.life.kill_at_commit(commit, side);
            bot.world().say(chat, person, "добрий день");
            tokio::time::sleep(Duration::from_secs(5)).await;
            if bot.life.is_over() {
                bot.restart().await;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            bot.settle().await;
            let heard = |chat| bot.world().messages(chat, 100).iter().filter(|message| message.own).count();
            assert!(heard(chat) <= 1 && heard(office) <= 1, "doubled at {commit} {side:?}");
            let unknown = bot.metric("gryag_sends_total", &["outcome=\"unknown\""]);
            #[expect(clippy::cast_precision_loss, reason = "two at most")]
            let told = (heard(chat) + heard(office)) as f64;
            assert!(told + unknown >= 2.0, "lost at {commit} {side:?}");
            bot.finish_with_errors().await;
        }
    }
}

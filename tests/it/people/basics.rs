//! What anybody may ask.

use std::time::Duration;

use gryag::sandbox::gemini::Reply;
use insta::assert_snapshot;
use serde_json::json;

use super::hosted;
use crate::harness::Setup;

#[tokio::test(start_paused = true)]
async fn help_lists_what_may_be_asked_where_it_is_asked() {
    let host = hosted("open").await;
    let person = host.person("Оля");
    let private = host.bot.world().private(person);
    let chat = host.bot.world().supergroup("Друзі", &[person]);
    host.bot.say(private, person, "/help").await;
    host.bot.say(chat, person, "/help").await;
    host.bot.say(host.office, host.owner, "/help").await;
    assert_snapshot!(host.said(private)[0], @r"
    Можна просто говорити зі мною: покликати на ім'я, згадати або відповісти на моє повідомлення. А ще є команди:

    /start — познайомитися
    /help — що тут можна
    /why — чому це сказано (у відповідь на моє повідомлення)
    /usage — скільки моєї денної межі використано
    /settings — налаштування чату
    /privacy — що зберігається і хто це бачить
    /optout — не зберігати й не читати моїх повідомлень
    /optin — знову зберігати й читати мої повідомлення
    /forget_me — видалити все, що збережено про мене
    /export_me — отримати все, що збережено про мене
    ");
    assert!(!host.said(chat)[0].contains("/start"));
    assert!(host.said(host.office)[0].contains("/dead") && !host.said(private)[0].contains("/dead"));
    host.bot.say(private, person, "/weather").await;
    assert!(host.said(private)[1].starts_with("Такої команди немає"), "unknown ones get a short help");
    assert!(host.bot.gemini().requests().is_empty());
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn privacy_tells_what_is_kept_for_how_long_and_who_sees_it() {
    let host = hosted("open").await;
    let person = host.person("Оля");
    let chat = host.bot.world().supergroup("Друзі", &[person]);
    host.bot.say(chat, person, "/privacy@gryag_bot").await;
    let said = host.said(chat).remove(0);
    for words in ["90 днів", "Google", "/optout", "/forget_me", "/export_me", "забудь це", "30 днів"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn why_tells_everybody_the_trigger_and_admins_what_it_took() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.gemini().answer_with(|_| Reply::say("Живий."));
    host.bot.say(chat, people[1], "Гряг, ти живий?").await;
    let answer = host.last(chat);
    let ask = async |person, of| {
        host.bot.world().reply(of, person, "/why");
        host.bot.settle().await;
        host.said(chat).last().expect("said").clone()
    };
    assert_eq!(ask(people[1], answer).await, "Мене покликали на ім'я.");
    let told = ask(people[0], answer).await;
    assert!(told.starts_with("Мене покликали на ім'я.\n\nПривід: name\nМодель: gemini"), "{told}");
    assert!(told.contains("Токени: запит") && told.contains("Вартість"), "{told}");
    assert!(!told.contains("Ти Гряг"), "never the prompt");
    let other = host.bot.say(chat, people[1], "просто слова").await;
    assert_eq!(ask(people[1], other).await, "Напиши /why у відповідь на моє повідомлення.");
    let notice = host.last(chat);
    assert!(ask(people[1], notice).await.starts_with("Це або службове повідомлення"));
    host.bot.finish().await;
}

/// In plain words, each kind of moment its own; without a kind word there is none to repeat.
#[tokio::test(start_paused = true)]
async fn why_tells_of_what_nobody_asked_for_which_moment_it_was() {
    for (text, chance, why) in [
        ("народ, порадьте серіал на вечір", "0", "прозвучало питання до всіх"),
        ("нудно якось, розважте", "0", "комусь стало нудно"),
        ("полиця впала", "1", "цього разу випало"),
    ] {
        let host = super::hosted_by(Setup::new().eager().set("BOT_RANDOM_REPLY_CHANCE", chance)).await;
        let (chat, people) = host.bot.fresh_company().await;
        host.bot.say(chat, people[0], text).await;
        let own = host.last(chat);
        host.bot.reply(own, people[1], "/why").await;
        let told = host.said(chat).pop().expect("said");
        assert!(told.starts_with("Ніхто не кликав: ") && told.contains(why), "{text}: {told}");
        host.bot.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn why_tells_of_a_reaction_too() {
    let setup = Setup::new().eager().set("BOT_SMART_REPLY_CHANCE", "0").set("BOT_REACTION_CHANCE", "1");
    let host = super::hosted_by(setup).await;
    let (chat, people) = host.bot.fresh_company().await;
    let thanks = host.bot.say(chat, people[0], "полиця прибита").await;
    assert_eq!(host.bot.reactions(thanks).len(), 1);
    host.bot.reply(thanks, people[1], "/why").await;
    assert_eq!(host.said(chat), ["Реакцію ставлю зрідка, коли в повідомленні чути настрій."]);
    host.bot.finish().await;
}

/// The figures are a person's own: a group hears of percent only.
#[tokio::test(start_paused = true)]
async fn usage_tells_a_group_percent_only_and_the_figures_in_private() {
    let setup = Setup::new().set("BOT_BUDGET_USD_PER_GUEST", "0.02").set("BOT_BUDGET_USD_PER_DAY", "1");
    let host = super::hosted_by(setup).await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    let private = host.bot.world().private(people[0]);
    // 1980 tokens of thoughts at $3.75 a million.
    host.bot.gemini().answer_with(|_| Reply::say("Так.").with_thought(&"х".repeat(1_980 * 3)));
    host.bot.say(chat, people[0], "Гряг, а ти як думаєш?").await;
    host.bot.say(chat, people[0], "/usage").await;
    let told = host.said(chat).pop().expect("said");
    assert!(told.starts_with("Сьогодні використано ") && !told.contains('$'), "{told}");
    let percent: u32 = told.split_whitespace().nth(2).and_then(|word| word.parse().ok()).expect("a number");
    assert!((37..60).contains(&percent), "of two cents: {told}");
    host.bot.say(chat, people[1], "/usage").await;
    assert!(host.said(chat).pop().expect("said").starts_with("Сьогодні використано 0 %"), "one's own");
    host.bot.say(private, people[0], "/usage").await;
    let told = host.said(private).pop().expect("said");
    let [today, limit, week] = told.lines().collect::<Vec<_>>()[..] else { panic!("three lines: {told}") };
    assert!(today.starts_with("Відповіді тобі сьогодні: $0.0") && today.ends_with("викликів моделі: 1."), "{today}");
    assert!(limit.contains("$0.0200") && limit.contains(&format!("{percent} %")), "{limit}");
    assert!(week.contains("7 днів: $0.0"), "{week}");
    host.bot.say(host.office, host.owner, "/usage").await;
    let told = host.said(host.office).pop().expect("said");
    assert!(told.contains("Денної межі немає.") && told.contains("Увесь бот сьогодні: $0.0"), "{told}");
    assert!(host.bot.gemini().requests().len() == 1, "nothing of it is asked of a model");
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn usage_is_no_anonymous_admins() {
    let host = hosted("open").await;
    let person = host.person("Оля");
    let chat = host.bot.world().supergroup("Друзі", &[person]);
    host.bot.world().compose(chat, person).text("/usage").anonymously().send();
    host.bot.settle().await;
    assert!(host.said(chat)[0].starts_with("Telegram не каже мені, хто це пише"), "{:?}", host.said(chat));
    host.bot.finish().await;
}

/// B3: commands of the old bot claimed success and did nothing, for nobody waited for them.
#[tokio::test(start_paused = true)]
async fn b3_every_command_that_is_listed_is_answered() {
    let host = hosted("open").await;
    let listed = host.bot.world().clone();
    host.bot.wait("the menus are set", || async { listed.commands("all_private_chats en").is_some() }).await;
    let owners = format!("chat {}", host.office);
    host.bot.wait("the owner's too", || async { listed.commands(&owners).is_some() }).await;
    for command in listed.commands(&owners).expect("a list").as_array().expect("a list") {
        let name = command["command"].as_str().expect("a name");
        let before = host.bot.world().sent().len();
        host.bot.say(host.office, host.owner, &format!("/{name}")).await;
        let answers = host.bot.world().sent().split_off(before);
        assert!(!answers.is_empty(), "/{name} is answered");
        assert!(!answers[0].text.starts_with("Такої команди немає"), "/{name} is known");
        if name == "optout" {
            host.bot.say(host.office, host.owner, "/optin").await;
        }
    }
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn menus_are_set_for_every_audience_and_language_once_for_two_replicas() {
    let mut host = hosted("open").await;
    host.bot.add_replica().await;
    let owners = format!("chat {}", host.office);
    let scopes = ["default", "all_private_chats", "all_group_chats", "all_chat_administrators", owners.as_str()];
    let world = host.bot.world().clone();
    let all = || {
        scopes.iter().all(|scope| world.commands(scope).is_some() && world.commands(&format!("{scope} en")).is_some())
    };
    host.bot.wait("every menu is set", || async { all() }).await;
    let has = |scope: &str, name: &str| {
        let list = world.commands(scope).expect("a list");
        list.as_array().expect("a list").iter().any(|command| command["command"] == name)
    };
    assert!(has("all_private_chats", "start") && !has("all_group_chats", "start"));
    assert!(has("all_group_chats", "why") && has("all_chat_administrators en", "settings"));
    assert!(has(&owners, "dead") && !has("all_private_chats", "dead"));
    let english = world.commands("all_private_chats en").expect("a list").to_string();
    assert!(english.contains("delete everything") && !english.contains("видалити"));
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(world.calls("setMyCommands").len(), 10, "each once");
    host.bot.crash_and_restart().await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(world.calls("setMyCommands").len(), 10, "nothing has changed");
    host.bot.finish_with_errors().await;
}

/// Impostors: words that only look like somebody's order.
#[tokio::test(start_paused = true)]
async fn a_command_in_another_mouth_is_no_command() {
    let host = hosted("open").await;
    let (world, owner) = (host.bot.world(), host.owner);
    let victim = host.person("Оля");
    let chat = world.supergroup("Друзі", &[victim, owner]);
    let ban = format!("/ban {}", victim.0);
    world.compose(chat, owner).text(&ban).forwarded_from("Хтось").send();
    world.compose(chat, owner).text(&ban).field("via_bot", json!({"id": 9, "is_bot": true, "first_name": "x"})).send();
    world.compose(chat, owner).text(&format!("{ban} ")).as_channel(gryag::domain::ChatId(-100_777), "Новини").send();
    world.say(chat, victim, &format!("Господар: {ban}"));
    world.say(chat, owner, &format!("/ban@other_bot {}", victim.0));
    let quiet = world.say(chat, victim, "так, як тобі?");
    world.edit(quiet, &ban);
    host.bot.settle().await;
    assert!(world.sent().is_empty(), "{:?}", world.sent());
    let person = gryag::storage::PeopleStore::person(&host.bot.app.store, victim).await.expect("read");
    assert_eq!(person.banned_at, None);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn commands_take_effect_at_once_while_the_model_hangs() {
    let host = super::hosted_by(Setup::new().set("BOT_ACCESS", "open")).await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.gemini().set_latency(Duration::from_secs(10));
    host.bot.world().say(chat, people[1], "Гряг, подумай довго");
    tokio::time::sleep(Duration::from_millis(500)).await;
    host.bot.world().say(chat, people[0], "/optout");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let person = gryag::storage::PeopleStore::person(&host.bot.app.store, people[0]).await.expect("read");
    assert!(person.opted_out_at.is_some());
    host.bot.finish().await;
}

//! Orders of who runs the bot.

use gryag::{
    domain::{ChatAccess, UserId},
    sandbox::gemini::GeminiFault,
    storage::{ChatStore as _, InboxStore as _, PeopleStore as _},
};

use super::hosted;

/// Whatever chat an order comes from, nobody else sees its answer.
#[tokio::test(start_paused = true)]
async fn what_the_owner_is_told_stays_in_private() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.owner];
    let chat = host.bot.world().supergroup("Друзі", &people);
    for order in ["/status", "/errors", "/dead", "/ban 12345", "/unban 12345", "/ban", "/reload", "/allow", "/leave 5"]
    {
        let before = host.said(host.office).len();
        host.bot.say(chat, host.owner, order).await;
        let in_group: Vec<_> = host.said(chat).into_iter().filter(|said| !said.starts_with("Привіт! Я Гряг")).collect();
        assert!(in_group.is_empty(), "{order}: {in_group:?}");
        assert_eq!(host.said(host.office).len(), before + 1, "{order}");
    }
    assert!(host.said(host.office)[0].starts_with("Гряг "), "{}", host.said(host.office)[0]);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn orders_of_anybody_else_are_none() {
    let host = hosted("open").await;
    let person = host.person("Оля");
    let chat = host.bot.world().supergroup("Друзі", &[person]);
    let private = host.bot.world().private(person);
    for order in ["/status", "/errors", "/dead", "/ban 12345", "/allow", "/leave", "/reload"] {
        host.bot.say(chat, person, order).await;
        host.bot.say(private, person, order).await;
    }
    host.bot.world().compose(chat, person).text("/status").anonymously().send();
    host.bot.settle().await;
    assert!(host.said(chat).is_empty() && host.said(host.office).is_empty());
    assert!(host.said(private).iter().all(|said| said.starts_with("Такої команди немає")), "{:?}", host.said(private));
    assert_eq!(host.bot.app.store.person(UserId(12345)).await.expect("read").banned_at, None);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_banned_meets_silence_until_the_ban_is_lifted() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.owner];
    let (chat, world) = (host.bot.world().supergroup("Друзі", &people), host.bot.world());
    let rude = host.bot.say(chat, people[0], "щось грубе").await;
    world.reply(rude, host.owner, "/ban");
    host.bot.settle().await;
    assert!(host.said(host.office)[0].contains("не чую: Оля"), "{:?}", host.said(host.office));
    let private = world.private(people[0]);
    for (chat, words) in [(chat, "Гряг, КАНАРКА"), (chat, "/help"), (private, "КАНАРКА"), (private, "/start")]
    {
        host.bot.say(chat, people[0], words).await;
    }
    assert!(host.said(chat).is_empty() && host.said(private).is_empty());
    assert!(!host.was_shown("КАНАРКА"));
    assert!(!host.remembered(chat).await.iter().any(|text| text.contains("КАНАРКА")));
    host.bot.say(host.office, host.owner, &format!("/unban {}", people[0].0)).await;
    let call = host.bot.say(chat, people[0], "Гряг, мир?").await;
    assert_eq!(world.answers_to(call).len(), 1);
    host.bot.say(host.office, host.owner, &format!("/ban {}", host.owner.0)).await;
    assert!(host.said(host.office).last().expect("said").contains("забанити не можна"));
    host.bot.also_addressed(-2);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_shown_retried_and_dropped_by_buttons() {
    let host = hosted("open").await;
    let stranger = host.person("Оля");
    for (id, body) in
        [(900_001, r#"{"update_id":900001,"message":{"text":"x"}}"#), (900_002, r#"{"update_id":900002,"message":{}}"#)]
    {
        assert_eq!(host.bot.post(body).await.status(), 200, "{id}");
    }
    host.bot.settle().await;
    host.bot.say(host.office, host.owner, "/dead").await;
    let page = host.last(host.office);
    assert!(host.reads(page).starts_with("Не вдалося обробити: 2\n1. message"), "{}", host.reads(page));
    assert!(!host.reads(page).contains("900001"), "no words of the updates");
    assert_eq!(host.press(page, stranger, "Викинути 1").await, "Ця кнопка не для тебе.");
    assert_eq!(host.press(page, host.owner, "Викинути 1").await, "Викинуто");
    assert!(host.reads(page).starts_with("Не вдалося обробити: 1"));
    assert_eq!(host.press(page, host.owner, "Повторити 1").await, "Спробую ще раз");
    host.bot.settle().await;
    assert_eq!(host.bot.app.store.inbox_depth().await.expect("the inbox").dead, 1, "it dies again");
    host.bot.say(host.office, host.owner, "/dead").await;
    let page = host.last(host.office);
    host.press(page, host.owner, "Викинути 1").await;
    assert_eq!(host.reads(page), "Невдалих оновлень немає.");
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_let_in_and_left_by_order() {
    let host = hosted("approve").await;
    let people = [host.person("Оля"), host.owner];
    let chat = host.joined("Друзі", &people).await;
    host.bot.say(host.office, host.owner, "/status").await;
    let status = host.last(host.office);
    assert!(host.reads(status).contains("чекають на рішення 1"), "{}", host.reads(status));
    assert_eq!(host.buttons(status).len(), 1, "and may be let in from there");
    host.bot.say(chat, host.owner, "/allow").await;
    assert!(host.said(chat).last().expect("said").starts_with("Привіт! Я Гряг"), "{:?}", host.said(chat));
    let call = host.bot.say(chat, people[0], "Гряг, ти тут?").await;
    assert_eq!(host.bot.world().answers_to(call).len(), 1);
    host.bot.say(host.office, host.owner, &format!("/leave {chat}")).await;
    assert!(host.said(host.office).last().expect("said").contains("покинуто"));
    let known = host.bot.app.store.known_chat(chat).await.expect("read").expect("the chat");
    assert!(known.left_at.is_some() && known.access == ChatAccess::Allowed);
    assert!(!host.bot.world().rooms().iter().any(|room| room.id == chat && room.bot_is_in));
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn errors_are_told_without_a_word_of_anybody() {
    let host = hosted("open").await;
    let person = host.person("Оля");
    let chat = host.bot.world().supergroup("Друзі", &[person]);
    host.bot.say(host.office, host.owner, "/errors").await;
    assert_eq!(host.said(host.office)[0], "Помилок немає.");
    host.bot.gemini().fail_by_chance(1.0, GeminiFault::BadKey);
    host.bot.say(chat, person, "Гряг, КАНАРКА?").await;
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    host.bot.say(host.office, host.owner, "/errors").await;
    let told = host.said(host.office).pop().expect("said");
    assert!(told.contains("gemini") && !told.contains("КАНАРКА"), "{told}");
    host.bot.finish_with_errors().await;
}

//! What a chat has set.

use gryag::{
    domain::{Language, QuietHours, TalkLevel},
    sandbox::telegram::Fault,
    storage::ChatStore as _,
};
use insta::assert_snapshot;

use super::hosted;

#[tokio::test(start_paused = true)]
async fn everybody_sees_the_settings_and_admins_get_buttons() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.person("Тарас"), host.person("Ірина")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.say(chat, people[1], "/settings").await;
    assert_snapshot!(host.said(chat)[0], @r"
    Налаштування цього чату
    Балакучість без запрошення: звичайно
    Тихі години (за київським часом): 23–8
    Персона: Гряг
    Мова: Українська
    Реакції: так

    Реакцій не бачу, бо не адмін: враховую лише відповіді й тишу.

    Змінювати налаштування можуть адміни чату.
    ");
    assert!(host.buttons(host.last(chat)).is_empty());
    host.bot.say(chat, people[0], "/settings").await;
    let page = host.last(chat);
    let shown: Vec<_> = host.buttons(page).into_iter().map(|(text, _)| text).collect();
    for text in [
        "мовчу",
        "зрідка",
        "✓ звичайно",
        "охоче",
        "немає",
        "✓ 23–8",
        "✓ Гряг",
        "✓ Українська",
        "English",
        "✓ Ставити реакції",
    ] {
        assert!(shown.iter().any(|button| button == text), "{text}: {shown:?}");
    }
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn only_admins_presses_count_and_what_they_set_survives_and_is_the_same_for_both_replicas() {
    let mut host = hosted("open").await;
    let people = [host.person("Оля"), host.person("Тарас"), host.person("Ірина")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.world().promote(chat, people[2]);
    host.bot.add_replica().await;
    host.bot.say(chat, people[0], "/settings").await;
    let page = host.last(chat);
    assert_eq!(host.press(page, people[1], "зрідка").await, "Змінювати налаштування можуть лише адміни чату.");
    let state =
        async |host: &super::Hosted| host.bot.app.store.standing(chat, Vec::new()).await.expect("read").chat.settings;
    assert_eq!(state(&host).await.talk_level, None, "an impostor's press changes nothing");
    assert_eq!(host.press(page, people[0], "зрідка").await, "Збережено");
    assert_eq!(host.press(page, people[2], "22–9").await, "Збережено", "another admin's counts too");
    host.press(page, people[0], "Не ставити").await;
    assert!(
        host.reads(page).contains("без запрошення: зрідка\nТихі години (за київським часом): 22–9"),
        "{}",
        host.reads(page)
    );
    assert!(host.buttons(page).iter().any(|(text, _)| text == "✓ зрідка"));
    for _ in 0..2 {
        let set = state(&host).await;
        assert_eq!((set.talk_level, set.reactions), (Some(TalkLevel::Shy), Some(false)));
        assert_eq!(set.quiet_hours, Some(QuietHours { from: 22, to: 9 }));
        for _ in 0..3 {
            host.bot.say(chat, people[1], "/settings").await;
            assert!(host.said(chat).last().expect("said").contains("зрідка"), "whichever replica answers");
        }
        host.bot.crash_and_restart().await;
    }
    host.press(page, people[0], "охоче").await;
    assert_eq!(state(&host).await.talk_level, Some(TalkLevel::Chatty), "an old button works on after a restart");
    host.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_chooses_english_is_spoken_to_in_english() {
    let host = hosted("open").await;
    let people = [host.person("Оля")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.say(chat, people[0], "/settings").await;
    let page = host.last(chat);
    assert_eq!(host.press(page, people[0], "English").await, "Saved");
    assert!(host.reads(page).starts_with("Settings of this chat"), "{}", host.reads(page));
    host.bot.say(chat, people[0], "/privacy").await;
    assert!(host.said(chat).last().expect("said").starts_with("What is kept"));
    let state = host.bot.app.store.standing(chat, Vec::new()).await.expect("read").chat.settings;
    assert_eq!(state.language, Some(Language::English));
    let private = host.bot.world().private(people[0]);
    host.bot.say(private, people[0], "/privacy").await;
    assert!(host.said(private)[0].starts_with("Що зберігається"), "each chat for itself");
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn another_persona_speaks_where_a_chat_chooses_it() {
    let host = hosted("open").await;
    let people = [host.person("Оля")];
    let (chat, other) = (host.bot.world().supergroup("Друзі", &people), host.bot.world().supergroup("Ліс", &people));
    host.bot.say(chat, people[0], "/settings").await;
    let page = host.last(chat);
    host.press(page, people[0], "Зузя").await;
    assert!(host.reads(page).contains("Персона: Зузя"), "{}", host.reads(page));
    let system = async |chat, words| {
        host.bot.say(chat, people[0], words).await;
        host.bot.gemini().requests().last().expect("a request").json()["systemInstruction"].to_string()
    };
    assert!(system(chat, "Зузю, ти тут?").await.contains("Зузя"));
    assert!(!system(other, "Гряг, ти тут?").await.contains("Зузя"));
    host.bot.also_addressed(1);
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_anonymous_admin_is_an_admin_and_in_private_everybody_is() {
    let host = hosted("open").await;
    let people = [host.person("Оля"), host.person("Тарас")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.world().compose(chat, people[0]).text("/settings").anonymously().send();
    host.bot.settle().await;
    let page = host.last(chat);
    assert!(!host.buttons(page).is_empty());
    assert_eq!(host.press(page, people[0], "мовчу").await, "Збережено", "Telegram tells who presses");
    let channel = host.bot.world().supergroup("Канал", &people);
    host.bot.world().compose(chat, people[1]).text("/settings").as_channel(channel, "Канал").send();
    host.bot.settle().await;
    assert!(host.buttons(host.last(chat)).is_empty(), "a channel is not the group");
    let private = host.bot.world().private(people[1]);
    host.bot.say(private, people[1], "/settings").await;
    assert_eq!(host.press(host.last(private), people[1], "English").await, "Saved");
    host.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn while_telegram_does_not_tell_who_is_an_admin_nobody_is_taken_for_one() {
    let host = hosted("open").await;
    let people = [host.person("Оля")];
    let chat = host.bot.world().supergroup("Друзі", &people);
    host.bot.world().fail_always("getChatMember", Fault::Html502);
    host.bot.say(chat, people[0], "/settings").await;
    assert!(host.buttons(host.last(chat)).is_empty());
    assert!(host.said(chat)[0].ends_with("Спробуй трохи згодом."), "{}", host.said(chat)[0]);
    host.bot.world().heal();
    host.bot.say(chat, people[0], "/settings").await;
    assert!(!host.buttons(host.last(chat)).is_empty());
    host.bot.finish_with_errors().await;
}

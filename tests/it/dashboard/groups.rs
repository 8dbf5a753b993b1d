//! What is said in a group is opened on purpose only, and the group is told.

use gryag::sandbox::gemini::Reply;

use super::Watched;

const LIST: &str = "/dashboard/groups";
const OPEN: &str = "/dashboard/groups/open";

#[tokio::test(start_paused = true)]
async fn a_group_is_opened_on_purpose_only_and_is_told() {
    let watched = Watched::start().await;
    let (bot, world) = (&watched.bot, watched.bot.world());
    bot.gemini().answer_with(|_| Reply::say("CANARYanswer"));
    let person = world.person("CANARYname");
    let (chat, other) = (world.supergroup("Друзі", &[person]), world.supergroup("Ліс", &[person]));
    bot.say(chat, person, "CANARYtalk").await;
    bot.say(chat, person, "Гряг, CANARYtext").await;
    bot.say(other, person, "деінде").await;
    let mut browser = watched.browser().await;
    let list = browser.get(&format!("{LIST}?lang=uk")).await.text;
    assert!(list.contains("Друзі") && list.contains("Ліс") && !list.contains("CANARY"), "{list}");
    assert!(list.contains("Повідомлень людей: 2 · бота: 1"), "{list}");
    assert!(!list.contains("Листування відкривали"), "{list}");

    let form = format!("chat={}", chat.0);
    let foreign = http::Request::post(OPEN).header("origin", "https://evil.example.org");
    assert_eq!(browser.send(foreign, &form).await.status, 403);
    assert_eq!(watched.stranger().post(OPEN, &form).await.status, 401);
    assert_eq!(browser.get(&format!("{OPEN}?{form}")).await.status, 405, "no link opens anything");
    bot.say(chat, person, "/privacy@gryag_bot").await;
    let told = |chat| world.sent_to(chat).last().expect("an answer").text.clone();
    assert!(!told(chat).contains("відкривав листування"), "nobody has: {}", told(chat));

    let opened = browser.post(OPEN, &form).await;
    assert_eq!(opened.status, 200);
    for words in ["<h2>Друзі</h2>", "CANARYname", "CANARYtalk", "Гряг, CANARYtext", "CANARYanswer"] {
        assert!(opened.text.contains(words), "{words}: {}", opened.text);
    }
    assert!(!opened.text.contains("деінде"), "nothing of another group");
    assert!(
        !opened.text.contains("http-equiv") && !opened.text.contains("<script"),
        "it is not opened again by itself"
    );
    assert_eq!(opened.headers["cache-control"], "no-store");
    bot.say(chat, person, "/privacy@gryag_bot").await;
    assert!(
        told(chat).ends_with("Адміністратор бота відкривав листування цієї групи: 23 листопада 2026."),
        "{}",
        told(chat)
    );
    bot.say(other, person, "/privacy@gryag_bot").await;
    assert!(!told(other).contains("відкривав листування"), "another group was not opened");
    assert_eq!(browser.get(LIST).await.text.matches("Листування відкривали").count(), 1);
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_private_chat_is_neither_listed_nor_opened() {
    let watched = Watched::start().await;
    let (bot, world) = (&watched.bot, watched.bot.world());
    let person = world.person("CANARYname");
    let chat = world.private(person);
    bot.say(chat, person, "CANARYtext").await;
    let mut browser = watched.browser().await;
    assert!(!browser.get(LIST).await.text.contains(&chat.0.to_string()));
    for chat in [chat.0, -4_242] {
        let refused = browser.post(OPEN, &format!("chat={chat}")).await;
        assert_eq!((refused.status, &refused.headers["location"]), (303, &LIST.parse().unwrap()));
        assert!(!refused.text.contains("CANARY"));
    }
    bot.say(chat, person, "/privacy").await;
    assert!(!world.sent_to(chat).last().expect("an answer").text.contains("відкривав листування"));
    watched.bot.finish().await;
}

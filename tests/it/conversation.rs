//! What a chat hears of the bot.

use std::time::Duration;

use gryag::{
    domain::{ChatId, UserId},
    sandbox::{
        gemini::{GeminiFault, Reply},
        telegram::MessageRef,
    },
    storage::InboxStore as _,
};
use insta::assert_snapshot;
use serde_json::json;

use crate::harness::{Setup, TestBot};

const BOT: &str = "gryag_bot";

/// The thin path through everything.
#[tokio::test(start_paused = true)]
async fn whoever_calls_it_by_name_is_answered() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().will_say("Живий, а ти?");
    let question = bot.say(chat, people[0], "Гряг, ти живий?").await;
    assert_snapshot!(bot.world().transcript(chat), @r"
    Оля: Гряг, ти живий?
    Гряг: Живий, а ти?
    ");
    assert_eq!(bot.world().answers_to(question).len(), 1, "it replies to the question");
    assert_eq!(bot.metric("gryag_addressed_total", &["outcome=\"answered\""]), 1.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn b6_the_name_is_heard_in_every_case_and_letter_case() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let calls = ["грягу, привіт", "бачили ГРЯГА?", "з Грягом весело", "Гряже!", "дай грягові спокій", "hryag, hi"];
    for words in calls {
        let call = bot.say(chat, people[0], words).await;
        assert_eq!(bot.world().answers_to(call).len(), 1, "{words}");
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_said_to_it_is_not_answered() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    let first = bot.say(chat, people[0], "хто йде в кіно?").await;
    bot.world().reply(first, people[1], "я");
    bot.say(chat, people[0], "грязюка надворі, @somebody_else").await;
    assert!(bot.world().sent().is_empty(), "{}", bot.world().transcript(chat));
    assert!(bot.gemini().requests().is_empty(), "the model is not even asked");
    assert!(bot.world().calls("sendChatAction").is_empty(), "and nobody sees it type");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_mention_by_username_is_answered_in_any_letter_case() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    for words in ["@gryag_bot ау", "що скажеш, @GRYAG_bot?"] {
        let call = bot.say(chat, people[0], words).await;
        assert_eq!(bot.world().answers_to(call).len(), 1, "{words}");
    }
    bot.say(chat, people[0], "пишіть на admin@gryag_bot.example").await;
    assert_eq!(bot.world().sent().len(), 2, "an address is no mention");
    bot.also_addressed(-1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_mention_without_a_username_is_answered() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let user = json!({"id": bot.world().bot().id.0, "is_bot": true, "first_name": "Гряг", "username": BOT});
    let entities = json!([{"type": "text_mention", "offset": 0, "length": 5, "user": user}]);
    let call = bot.world().compose(chat, people[0]).text("Друже, ау").field("entities", entities).send();
    bot.settle().await;
    assert_eq!(bot.world().answers_to(call).len(), 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_its_own_message_is_answered_and_one_to_another_bots_is_not() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "Гряг, скажи щось").await;
    let own = bot.world().sent()[0].message;
    let reply = bot.world().reply(own, people[0], "ану ще");
    bot.settle().await;
    assert_eq!(bot.world().answers_to(reply).len(), 1);

    let other = bot.world().other_bot("Рахівник", "counter_bot");
    let others = bot.world().say(chat, other, "порахував");
    let reply = bot.world().reply(others, people[0], "дякую");
    bot.settle().await;
    assert!(bot.world().answers_to(reply).is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn in_private_everything_is_said_to_it() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let chat = bot.world().private(person);
    bot.gemini().will_say("Усе гаразд.");
    bot.say(chat, person, "як ти?").await;
    bot.gemini().will_say("Гарне фото.");
    bot.world().photo(chat, person, "");
    bot.settle().await;
    assert_snapshot!(bot.world().transcript(chat), @r"
    Оля: як ти?
    Гряг: Усе гаразд.
    Оля: [photo]
    Гряг: Гарне фото.
    ");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn forwarded_words_are_somebody_elses_and_no_call() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    for words in ["Гряг, ти де?", "@gryag_bot, ти де?"] {
        bot.world().compose(chat, people[0]).text(words).forwarded_from("Хтось").send();
        bot.settle().await;
        assert!(bot.world().sent().is_empty(), "{words}");
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn another_bot_is_not_answered_twice_in_a_row() {
    let bot = TestBot::start().await;
    let (chat, _) = bot.group(&["Оля"]);
    let from = json!({"id": 555, "is_bot": true, "first_name": "Інший", "username": "other_bot"});
    let message = json!({"message_id": 900, "date": 1_795_435_200, "from": from, "text": "Гряг, поговорімо",
        "chat": {"id": chat.0, "type": "supergroup", "title": "Друзі"}});
    bot.world().raw_update("message", &message);
    bot.settle().await;
    assert_eq!(bot.world().sent().len(), 1, "politeness once");
    let mut again = message;
    again["message_id"] = json!(902);
    bot.world().raw_update("message", &again);
    bot.settle().await;
    assert_eq!(bot.world().sent().len(), 1, "{}", bot.world().transcript(chat));
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_channels_posts_are_no_calls() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let channel = json!({"id": -1_001_234_567_890_i64, "type": "channel", "title": "Новини Гряга"});
    // The linked channel's post, as Telegram itself forwards it into the discussion.
    bot.world()
        .compose(chat, people[0])
        .text("Гряг пише")
        .field("sender_chat", channel)
        .field("is_automatic_forward", json!(true))
        .field("forward_origin", json!({"type": "channel", "date": 1_795_435_100, "message_id": 5}))
        .send();
    bot.settle().await;
    assert!(bot.world().sent().is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_anonymous_admin_is_answered_like_anybody() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let group = json!({"id": chat.0, "type": "supergroup", "title": "Друзі"});
    let call = bot.world().compose(chat, people[0]).text("Гряг, хто я?").field("sender_chat", group).send();
    bot.settle().await;
    assert_eq!(bot.world().answers_to(call).len(), 1);
    let request = bot.gemini().requests()[0].json().to_string();
    assert!(request.contains("анонімний адмін"), "{request}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_survives_the_deletion_of_its_question() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().set_latency(Duration::from_secs(2));
    let question = bot.world().say(chat, people[0], "Гряг, ти тут?");
    bot.wait("the model is being asked", || async { bot.app.store.inbox_depth().await.unwrap().waiting == 1 }).await;
    bot.world().delete(question);
    bot.settle().await;
    let sent = bot.world().sent_to(chat);
    assert_eq!((sent.len(), sent[0].reply_to), (1, None));
    let call = &bot.world().calls("sendMessage")[0].parameters();
    assert_eq!(call["reply_parameters"]["message_id"], question.id.0);
    assert_eq!(call["reply_parameters"]["allow_sending_without_reply"], true);
    bot.also_addressed(1); // the world has forgotten the deleted message
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_goes_to_the_topic_of_its_question() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let forum = bot.world().forum("Форум", &[person]);
    let topic = bot.world().topic(forum, "Кіно");
    bot.world().say_in(forum, topic, person, "Гряг, що дивитись?");
    bot.settle().await;
    bot.say(forum, person, "Гряг, а ти в загальному?").await;
    let topics: Vec<_> = bot.world().sent_to(forum).iter().map(|sent| sent.topic).collect();
    assert_eq!(topics, [Some(topic), None]);
    let threads: Vec<_> =
        bot.world().calls("sendMessage").iter().map(|call| call.parameters()["message_thread_id"].clone()).collect();
    assert_eq!(threads, [json!(topic.0), json!(null)], "General is named by no id");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_into_a_closed_topic_is_given_up_and_counted() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let forum = bot.world().forum("Форум", &[person]);
    let topic = bot.world().topic(forum, "Кіно");
    bot.settle().await;
    bot.world().demote_bot(forum);
    bot.gemini().set_latency(Duration::from_secs(1));
    bot.world().say_in(forum, topic, person, "Гряг, що дивитись?");
    tokio::time::sleep(Duration::from_millis(200)).await;
    bot.world().close_topic(forum, topic);
    bot.settle().await;
    assert!(bot.world().sent().is_empty());
    assert_eq!(bot.outcomes(), "refused 1");
    // The other topics go on.
    bot.say(forum, person, "Гряг, ти тут?").await;
    assert_eq!(bot.outcomes(), "answered 1, refused 1");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_into_a_deleted_topic_is_said_in_general() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let forum = bot.world().forum("Форум", &[person]);
    let topic = bot.world().topic(forum, "Кіно");
    let gone = gryag::sandbox::telegram::Fault::status(400, "Bad Request: message thread not found");
    bot.world().fail_next("sendMessage", gone);
    bot.world().say_in(forum, topic, person, "Гряг, що дивитись?");
    bot.settle().await;
    let sent = bot.world().sent_to(forum);
    assert_eq!((sent.len(), sent[0].topic), (1, None));
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_album_is_one_message_and_answered_once() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let private = bot.world().private(people[0]);
    for chat in [chat, private] {
        let pictures = bot.world().album(chat, people[0], 4, "Гряг, глянь");
        bot.settle().await;
        assert_eq!(answers(&bot, &pictures), 1, "{chat:?}");
    }
    assert_eq!(bot.outcomes(), "answered 2");
    bot.finish().await;
}

/// Telegram delivers pictures one by one: the first may be answered before the second has come.
#[tokio::test(start_paused = true)]
async fn an_album_whose_pictures_arrive_in_separate_turns_is_answered_once() {
    for captioned in 0..3 {
        let bot = TestBot::start().await;
        let (group, people) = bot.group(&["Оля"]);
        let private = bot.world().private(people[0]);
        for chat in [group, private] {
            let mut pictures = Vec::new();
            for number in 0..3 {
                let caption = if number == captioned { "Гряг, глянь" } else { "" };
                pictures.push(picture(&bot, chat, people[0], caption, &format!("album{}", chat.0)));
                bot.settle().await;
            }
            assert_eq!(answers(&bot, &pictures), 1, "{chat:?}, the caption under picture {captioned}");
        }
        bot.finish().await;
    }
}

/// Any picture may bear the caption; together they are one message.
#[tokio::test(start_paused = true)]
async fn an_album_that_arrives_at_once_is_counted_once_wherever_its_caption_is() {
    for captioned in 0..3 {
        let bot = TestBot::start().await;
        let (group, people) = bot.group(&["Оля"]);
        let private = bot.world().private(people[0]);
        for chat in [group, private] {
            let mut pictures = Vec::new();
            for number in 0..3 {
                let caption = if number == captioned { "Гряг, глянь" } else { "" };
                pictures.push(picture(&bot, chat, people[0], caption, &format!("album{}", chat.0)));
            }
            bot.settle().await;
            assert_eq!(answers(&bot, &pictures), 1, "{chat:?}, the caption under picture {captioned}");
        }
        assert_eq!(bot.outcomes(), "answered 2");
        bot.finish().await;
    }
}

fn picture(bot: &TestBot, chat: ChatId, person: UserId, caption: &str, album: &str) -> MessageRef {
    let jpeg = bytes::Bytes::from_static(b"\xff\xd8\xff\xd9");
    bot.world().compose(chat, person).photo(jpeg).text(caption).field("media_group_id", json!(album)).send()
}

fn answers(bot: &TestBot, messages: &[MessageRef]) -> usize {
    messages.iter().map(|message| bot.world().answers_to(*message).len()).sum()
}

#[tokio::test(start_paused = true)]
async fn an_edit_never_draws_a_second_answer_nor_a_first_one() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let call = bot.say(chat, people[0], "Гряг, привт").await;
    bot.world().edit(call, "Гряг, привіт");
    bot.settle().await;
    let aside = bot.say(chat, people[0], "просто слова").await;
    bot.world().edit(aside, "Гряг, ти чуєш?");
    bot.settle().await;
    assert_eq!(bot.world().sent().len(), 1, "{}", bot.world().transcript(chat));
    bot.also_addressed(-1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn start_and_help_are_answered_without_the_model() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let private = bot.world().private(people[0]);
    for (chat, command) in
        [(private, "/start"), (private, "/help"), (chat, "/start@gryag_bot"), (chat, "/help@GRYAG_BOT")]
    {
        let said = bot.say(chat, people[0], command).await;
        assert_eq!(bot.world().answers_to(said).len(), 1, "{command}");
    }
    assert!(bot.gemini().requests().is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn commands_that_are_not_its_own_are_left_to_others() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    // Every bot has a /start; other bare commands that reach it may well be for it.
    for command in ["/start", "/start@other_bot", "/help@other_bot", "/weather Гряг", "/roll@other_bot @gryag_bot"]
    {
        bot.say(chat, people[0], command).await;
        assert!(bot.world().sent().is_empty(), "{command}");
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn every_command_of_a_burst_is_answered() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас", "Ірина"]);
    let commands: Vec<_> = people.iter().map(|person| bot.world().say(chat, *person, "/help@gryag_bot")).collect();
    bot.settle().await;
    for command in commands {
        assert_eq!(bot.world().answers_to(command).len(), 1);
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_does_not_wait_for_a_turn_that_thinks() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.gemini().fail_always("*", GeminiFault::Hang);
    bot.world().say(chat, people[0], "Гряг, подумай");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = tokio::time::Instant::now();
    let command = bot.world().say(chat, people[1], "/help@gryag_bot");
    bot.wait("the command is answered", || async { !bot.world().answers_to(command).is_empty() }).await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn typing_is_shown_only_while_it_thinks_for_long_and_where_it_was_asked() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let forum = bot.world().forum("Форум", &[person]);
    let topic = bot.world().topic(forum, "Кіно");
    bot.gemini().set_latency(Duration::from_millis(200));
    bot.world().say_in(forum, topic, person, "Гряг, швидко!");
    bot.settle().await;
    assert!(bot.world().calls("sendChatAction").is_empty(), "a quick answer needs no sign");

    bot.gemini().set_latency(Duration::from_secs(6));
    bot.world().say_in(forum, topic, person, "Гряг, подумай");
    bot.say(forum, person, "просто слова").await;
    let signs = bot.world().calls("sendChatAction");
    assert_eq!(signs.len(), 2, "it is renewed before it fades");
    for sign in signs {
        let sign = sign.parameters();
        assert_eq!((&sign["chat_id"], &sign["message_thread_id"]), (&json!(forum.0), &json!(topic.0)));
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_typing_sign_changes_nothing() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().fail_always("sendChatAction", gryag::sandbox::telegram::Fault::HangThenClose);
    bot.gemini().set_latency(Duration::from_secs(3));
    let call = bot.say(chat, people[0], "Гряг, подумай").await;
    assert_eq!(bot.world().answers_to(call).len(), 1);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_comes_in_parts_in_order_and_is_one_answer() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    let paragraphs: Vec<String> = (0..9).map(|number| format!("{number}: {}", "слово ".repeat(100).trim())).collect();
    bot.gemini().will_say(&paragraphs.join("\n\n"));
    bot.gemini().set_latency(Duration::from_secs(1));
    bot.world().say(chat, people[0], "Гряг, розкажи казку");
    tokio::time::sleep(Duration::from_millis(300)).await;
    bot.gemini().set_latency(Duration::ZERO);
    bot.world().say(chat, people[1], "Гряг, а мені?");
    bot.settle().await;
    let sent = bot.world().sent_to(chat);
    let (last, parts) = sent.split_last().expect("answers");
    assert!(parts.len() > 1);
    assert!(parts.iter().all(|part| part.text.encode_utf16().count() <= 4096));
    let whole: Vec<&str> = parts.iter().flat_map(|part| part.text.split("\n\n")).collect();
    assert_eq!(whole, paragraphs, "all of it, in order, and nothing between the parts");
    assert!(last.text.starts_with("чую"), "the second answer waits for the first one's last part");
    assert_eq!(bot.outcomes(), "answered 2");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_label_that_the_model_imitates_is_stripped() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().will_say("[Гряг|7000000001]: та ну тебе");
    bot.say(chat, people[0], "Гряг, ти хто?").await;
    assert_eq!(bot.world().sent()[0].text, "та ну тебе");
    bot.finish().await;
}

/// Blank, or markup without text: nothing that Telegram would take.
#[tokio::test(start_paused = true)]
async fn an_answer_that_shows_nothing_is_no_answer_and_the_chat_goes_on() {
    for nothing in ["  \n ", "```\n```"] {
        let bot = TestBot::start().await;
        let (chat, people) = bot.group(&["Оля"]);
        for _ in 0..8 {
            bot.gemini().will_say(nothing);
        }
        bot.say(chat, people[0], "Гряг, ти тут?").await;
        bot.gemini().answer_with(|_| Reply::say("тут"));
        for _ in 0..8 {
            bot.say(chat, people[0], "Гряг, ау").await;
        }
        let said = bot.world().sent_to(chat);
        assert!(said.iter().any(|sent| sent.text == "тут"), "{nothing:?}: {}", bot.world().transcript(chat));
        bot.finish_with_errors().await;
    }
}

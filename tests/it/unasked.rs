//! What the bot says and does unasked.

use std::time::Duration;

use gryag::{
    domain::{ChatId, UserId},
    sandbox::gemini::GeminiFault,
    storage::TalkStore as _,
};

use crate::harness::{NOON, Setup, TestBot, company::LULL};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const QUESTION: &str = "народ, порадьте серіал на вечір";

/// Asks everybody something and lets the bot say this to it.
async fn moment(bot: &TestBot, chat: ChatId, person: UserId, answer: &str) {
    bot.gemini().will_say(answer);
    bot.say(chat, person, QUESTION).await;
}

#[tokio::test(start_paused = true)]
async fn it_joins_in_at_an_opportune_moment_and_rings_nobodys_phone() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    assert!(bot.gemini().requests().is_empty(), "people talked, and the model was not asked once");
    moment(&bot, chat, people[0], "«Вавилон-5»: старий, як моя совість, і такий самий гнучкий.").await;
    assert_eq!(bot.said_in(chat), ["«Вавилон-5»: старий, як моя совість, і такий самий гнучкий."]);
    let call = bot.world().calls("sendMessage")[0].parameters();
    assert_eq!(call["disable_notification"], true);
    assert_eq!(call["link_preview_options"]["is_disabled"], true);
    assert!(bot.world().calls("sendChatAction").is_empty(), "nobody sees it type");
    let prompt = bot.gemini().requests()[0].json().to_string();
    assert!(prompt.contains("До тебе ніхто не звертається"), "the model may decline: {prompt}");
    assert_eq!(bot.unaddressed("line"), 1.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn where_people_talk_with_each_other_no_model_is_asked() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    let question = bot.say(chat, people[0], "Тарасе, ти йдеш у кіно?").await;
    bot.reply(question, people[1], "іду, а ти?").await;
    bot.say(chat, people[0], "теж іду").await;
    assert!(bot.gemini().requests().is_empty());
    assert!(bot.said_in(chat).is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn autonomous_mode_off_forbids_lines_reactions_and_spontaneous_ones() {
    let setup = Setup::new().set("BOT_AUTONOMOUS_MODE", "false");
    let setup = setup.set("BOT_SMART_REPLY_CHANCE", "1").set("BOT_RANDOM_REPLY_CHANCE", "1");
    let bot = setup.set("BOT_REACTION_CHANCE", "1").start().await;
    let (chat, people) = bot.company().await;
    bot.say(chat, people[0], QUESTION).await;
    let thanks = bot.say(chat, people[1], "Гряг, дякую тобі!").await;
    assert_eq!(bot.world().answers_to(thanks).len(), 1, "who addresses it is answered");
    bot.pass(4 * HOUR).await;
    assert_eq!(bot.said_in(chat).len(), 1);
    assert!(bot.world().calls("setMessageReaction").is_empty());
    assert_eq!(bot.unaddressed("forbidden"), 1.0 + 56.0 - bot.unaddressed("not_drawn"));
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn two_lines_are_ten_minutes_apart_and_three_make_an_hour() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас", "Леся"]);
    bot.world().promote_bot(chat);
    bot.talk(chat, &people, 300).await;
    let mut said = Vec::new();
    for step in 0..24 {
        // Whoever likes it answers; so the budget is not what stops it.
        if let Some(own) = bot.world().sent_to(chat).last() {
            bot.react(own.message, people[1], "👍").await;
        }
        moment(&bot, chat, people[step % 3], &format!("репліка {step}")).await;
        if bot.said_in(chat).len() > said.len() {
            said.push(bot.setup.clock.now());
        }
        bot.pass(5 * MINUTE).await;
    }
    let gaps: Vec<Duration> = said.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert!(gaps.iter().all(|gap| *gap >= 10 * MINUTE), "{gaps:?}");
    for at in &said {
        let in_the_hour = said.iter().filter(|other| at.since(**other) < HOUR && **other <= *at).count();
        assert!(in_the_hour <= 3, "{said:?}");
    }
    assert!(said.len() >= 4, "{said:?}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_of_few_words_hears_nothing_unasked() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.talk(chat, &people, 20).await;
    bot.pass(LULL).await;
    bot.say(chat, people[0], QUESTION).await;
    assert!(bot.said_in(chat).is_empty(), "a line would be more than two in a hundred");
    assert_eq!(bot.unaddressed("spent"), 21.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn at_night_it_answers_and_says_nothing_unasked() {
    // 20:30 in Kyiv.
    let bot = Setup::at(NOON + 6 * HOUR + 30 * MINUTE).eager().start().await;
    let (chat, people) = bot.company().await;
    bot.pass(3 * HOUR).await;
    bot.say(chat, people[0], QUESTION).await;
    assert!(bot.said_in(chat).is_empty());
    assert_eq!(bot.unaddressed("quiet_hours"), 1.0);
    let call = bot.say(chat, people[0], "Гряг, не спиш?").await;
    assert_eq!(bot.world().answers_to(call).len(), 1, "quiet hours never refuse who addresses it");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_declines_is_not_heard() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    moment(&bot, chat, people[0], "[мовчу]").await;
    assert!(bot.said_in(chat).is_empty());
    assert_eq!(bot.unaddressed("declined"), 1.0);
    moment(&bot, chat, people[1], "не мало б прозвучати").await;
    assert_eq!(bot.gemini().requests().len(), 1, "it is not asked again at once");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_that_an_unasked_line_failed() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.gemini().fail_by_chance(1.0, GeminiFault::Overloaded);
    bot.say(chat, people[0], QUESTION).await;
    assert!(bot.said_in(chat).is_empty(), "{:?}", bot.said_in(chat));
    assert_eq!(bot.unaddressed("failed"), 1.0);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn an_unasked_line_calls_nobody_who_has_not_spoken() {
    let bot = Setup::new().eager().start().await;
    let stranger = bot.world().person_with_username("Ігор", "ihor_k");
    let speaker = bot.world().person_with_username("Оля", "olia_p");
    let chat = bot.world().supergroup("Друзі", &[stranger, speaker]);
    bot.talk(chat, &[speaker], 56).await;
    bot.pass(LULL).await;
    moment(&bot, chat, speaker, "@olia_p, спитай @ihor_k і пиши на a@b.ua").await;
    assert_eq!(bot.said_in(chat), ["@olia_p, спитай ihor_k і пиши на a@b.ua"]);
    bot.finish().await;
}

/// Where something was hit is not told, whatever the model makes of a moment.
#[tokio::test(start_paused = true)]
async fn an_unasked_line_that_names_a_place_is_dropped() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    moment(&bot, chat, people[0], "Кажуть, прилетіло в центр, біля вокзалу").await;
    assert!(bot.said_in(chat).is_empty());
    assert_eq!(bot.unaddressed("declined"), 1.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_another_replica_has_spent_drops_the_line() {
    let mut bot = Setup::new().eager().start().await;
    bot.add_replica().await;
    let people = [bot.world().person("Оля"), bot.world().person("Тарас")];
    let forum = bot.world().forum("Ліс", &people);
    let topics = [bot.world().topic(forum, "Кіно"), bot.world().topic(forum, "Кава")];
    bot.talk(forum, &people, 56).await;
    // Both topics have their moment at the same time, and the budget has room for one line.
    bot.gemini().set_latency(Duration::from_secs(3));
    bot.gemini().answer_with(|_| gryag::sandbox::gemini::Reply::say("і я тут"));
    for (topic, person) in topics.into_iter().zip(people) {
        bot.world().say_in(forum, topic, person, QUESTION);
    }
    bot.settle().await;
    assert_eq!(bot.said_in(forum).len(), 1);
    assert_eq!((bot.unaddressed("line"), bot.unaddressed("dropped")), (1.0, 1.0));
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn joy_is_shared_with_an_emoji() {
    let setup = Setup::new().eager().set("BOT_SMART_REPLY_CHANCE", "0").set("BOT_REACTION_CHANCE", "1");
    let bot = setup.start().await;
    let (chat, people) = bot.fresh_company().await;
    assert!(bot.world().calls("setMessageReaction").is_empty());
    let first = bot.say(chat, people[2], "полиця ще одна").await;
    assert_eq!(bot.reactions(first).len(), 1);
    bot.pass(100 * SECOND).await;
    let news = bot.say(chat, people[0], "я здала на права!!!").await;
    assert!(bot.reactions(news).is_empty(), "it is too soon after the first one");
    bot.pass(60 * SECOND).await;
    let joy = bot.say(chat, people[1], "ура, вітаю 🎉").await;
    let reactions = bot.reactions(joy);
    assert!(["🎉", "🏆", "👏", "🤩"].iter().any(|emoji| reactions == [*emoji]), "{reactions:?}");
    assert!(bot.reactions(news).is_empty());
    let log = bot.app.store.talk_log(chat, bot.setup.clock.now()).await.expect("the log");
    let weights: Vec<u32> = log.unasked.iter().map(|one| one.kind.quarters()).collect();
    assert_eq!(weights, [1, 1], "each weighs a quarter");
    assert!(bot.said_in(chat).is_empty());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn thanks_may_draw_an_emoji_besides_the_words() {
    let setup = Setup::new().eager().set("BOT_SMART_REPLY_CHANCE", "0").set("BOT_REACTION_CHANCE", "1");
    let bot = setup.start().await;
    let (chat, people) = bot.company().await;
    bot.pass(20 * MINUTE).await;
    let thanks = bot.say(chat, people[0], "Гряг, дякую, ти золото").await;
    assert_eq!(bot.world().answers_to(thanks).len(), 1);
    assert_eq!(bot.reactions(thanks).len(), 1);
    bot.finish().await;
}

/// Says its lines to a chat that takes them so; how many it says in a day of moments.
async fn lines_said_where(reply: &str, emoji: &str, admin: bool) -> usize {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас", "Леся"]);
    if admin {
        bot.world().promote_bot(chat);
    } else {
        bot.world().demote_bot(chat);
    }
    bot.talk(chat, &people, 400).await;
    bot.pass(LULL).await;
    for step in 0..40 {
        let before = bot.said_in(chat).len();
        bot.gemini().answer_with(move |_| gryag::sandbox::gemini::Reply::say(format!("репліка {step}")));
        bot.say(chat, people[step % 3], QUESTION).await;
        let own = bot.world().sent_to(chat);
        if own.len() > before {
            if !emoji.is_empty() {
                bot.react(own[own.len() - 1].message, people[0], emoji).await;
            }
            if !reply.is_empty() {
                bot.reply(own[own.len() - 1].message, people[1], reply).await;
            }
        }
        bot.pass(12 * MINUTE).await;
    }
    let said = bot.unaddressed("line");
    bot.finish_with_errors().await;
    said as usize
}

#[tokio::test(start_paused = true)]
async fn where_it_is_disliked_it_speaks_less() {
    let liked = lines_said_where("", "👍", true).await;
    let disliked = lines_said_where("", "👎", true).await;
    assert!(liked >= 6 && disliked * 2 <= liked, "{liked} and {disliked}");
}

#[tokio::test(start_paused = true)]
async fn where_it_sees_no_reactions_replies_alone_steer() {
    let blind = lines_said_where("", "👎", false).await;
    let rebuked = lines_said_where("тебе не питали", "", false).await;
    assert!(rebuked < blind, "{rebuked} and {blind}: the 👎 was not seen, the rebuke was heard");
}

/// B5: the original spoke up in every chat it had ever seen, at night too, and after every start.
mod spontaneous {
    use super::*;

    /// A chat that talked to the bot and then fell silent.
    async fn silent_chat(bot: &TestBot) -> ChatId {
        let (chat, people) = bot.company().await;
        bot.say(chat, people[0], "Гряг, бувай").await;
        bot.say(chat, people[1], "і я пішов").await;
        bot.world().clear_journal();
        bot.gemini().answer_with(|_| gryag::sandbox::gemini::Reply::say("Тиша така, що чути полиці."));
        chat
    }

    #[tokio::test(start_paused = true)]
    async fn a_chat_that_fell_silent_hears_one_line_from_one_replica() {
        // Time passes in leaps here, and a replica that one has not woken from looks dead: the owner may hear of it.
        let mut bot = Setup::new().overseen().eager().start().await;
        bot.add_replica().await;
        // The bot has been there for some hours.
        bot.pass(3 * HOUR).await;
        let chat = silent_chat(&bot).await;
        bot.pass(3 * HOUR).await;
        assert_eq!(bot.said_in(chat), ["Тиша така, що чути полиці."]);
        let calls = bot.world().calls("sendMessage");
        let call = calls.iter().map(|call| call.parameters()).find(|call| call["chat_id"] == chat.0).expect("the line");
        assert_eq!(call["disable_notification"], true);
        bot.finish().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_chat_that_never_talked_to_it_hears_nothing() {
        let bot = Setup::new().eager().start().await;
        bot.pass(3 * HOUR).await;
        let (chat, _) = bot.company().await;
        bot.pass(3 * HOUR).await;
        assert!(bot.said_in(chat).is_empty());
        bot.finish().await;
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_said_by_itself_at_night() {
        // 20:00 in Kyiv: the chat is quiet long enough only after 23.
        let bot = Setup::at(NOON + 6 * HOUR).eager().start().await;
        bot.pass(2 * HOUR).await;
        let chat = silent_chat(&bot).await;
        bot.pass(8 * HOUR).await;
        assert!(bot.said_in(chat).is_empty());
        bot.finish().await;
    }

    #[tokio::test(start_paused = true)]
    async fn b5_nothing_is_said_by_itself_after_downtime() {
        let mut bot = Setup::new().eager().start().await;
        let chat = silent_chat(&bot).await;
        bot.life.kill();
        tokio::time::sleep(HOUR).await;
        bot.restart().await;
        bot.pass(3 * HOUR).await;
        assert!(bot.said_in(chat).is_empty());
        bot.finish_with_errors().await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_model_may_decline_to_speak_up() {
        let bot = Setup::new().eager().start().await;
        bot.pass(3 * HOUR).await;
        let chat = silent_chat(&bot).await;
        bot.gemini().clear_requests();
        bot.gemini().answer_with(|_| gryag::sandbox::gemini::Reply::say("[мовчу]"));
        bot.pass(4 * HOUR).await;
        assert!(bot.said_in(chat).is_empty());
        assert_eq!(bot.gemini().requests().len(), 1, "and is not asked again in the same silence");
        bot.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_moment_that_has_passed_draws_nothing() {
    let bot = Setup::new().eager().start().await;
    let (chat, people) = bot.company().await;
    bot.world().say(chat, people[0], QUESTION);
    let update = bot.world().take_update().expect("the update");
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(bot.world().deliver(&update, &bot.webhook).await, Some(200));
    bot.settle().await;
    assert!(bot.said_in(chat).is_empty());
    assert_eq!(bot.unaddressed("too_old"), 1.0);
    bot.finish().await;
}

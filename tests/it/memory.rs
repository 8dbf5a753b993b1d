//! What the model is shown of the past: all that it needs, and nothing that was said elsewhere.

use std::{collections::BTreeSet, time::Duration};

use gryag::{
    domain::{ChatId, TopicId, UserId},
    sandbox::{
        gemini::{RecordedRequest, Reply, RequestView},
        telegram::MessageRef,
    },
};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{Setup, TestBot, in_paused_time};

/// The turns of a request, as `role: text`.
fn shown(request: &RecordedRequest) -> String {
    let json = request.json();
    let turns = json["contents"].as_array().expect("turns");
    let lines = turns.iter().map(|turn| {
        let text: Vec<_> =
            turn["parts"].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect();
        format!("{}: {}", turn["role"].as_str().unwrap_or("user"), text.join("|"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn last_request(bot: &TestBot) -> String {
    shown(bot.gemini().requests().last().expect("a request"))
}

#[tokio::test(start_paused = true)]
async fn the_model_sees_who_said_what_to_whom_in_order() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.gemini().will_say("Смачний.");
    let soup = bot.say(chat, people[0], "варю борщ").await;
    bot.world().reply(soup, people[1], "о, я йду");
    bot.say(chat, people[0], "Гряг, який він?").await;
    let own = bot.world().sent()[0].message;
    bot.world().photo(chat, people[1], "ось він");
    bot.world().compose(chat, people[1]).text("рецепт").forwarded_from("Бабуся").send();
    bot.world().reply(own, people[1], "брешеш, Гряже");
    bot.settle().await;
    assert_snapshot!(last_request(&bot), @r"
    user: [Оля|200000001]: варю борщ
    [Тарас|200000002] (відповідає [Оля|200000001] на «варю борщ»): о, я йду
    [Оля|200000001]: Гряг, який він?
    model: Смачний.
    user: [Тарас|200000002] <фото>: ось він
    [Тарас|200000002] (переслано від Бабуся): рецепт
    [Тарас|200000002] (відповідає тобі на «Смачний.»): брешеш, Гряже
    (зараз понеділок, 23 листопада 2026, 14:00) (мова цього чату українська) (до тебе звертається [Тарас|200000002]; дай одну відповідь)
    ");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_becomes_a_supergroup_is_remembered() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let old = bot.world().group("Друзі", &[person]);
    bot.say(old, person, "варю борщ").await;
    bot.say(old, person, "Гряг, смачно?").await;
    let own = bot.world().sent()[0].text.clone();
    let new = bot.world().migrate(old);
    bot.settle().await;
    bot.say(new, person, "Гряг, що я варила?").await;
    let request = last_request(&bot);
    let at = |words: &str| request.find(words).unwrap_or_else(|| panic!("«{words}» is not shown:\n{request}"));
    assert!(at("варю борщ") < at("Гряг, смачно?") && at("Гряг, смачно?") < at("Гряг, що я варила?"), "{request}");
    assert!(request.contains(&own), "{request}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_model_sees_the_last_messages_up_to_the_limit() {
    let bot = Setup::new().set("BOT_CONTEXT_LIMIT", "20").start().await;
    let (chat, people) = bot.group(&["Оля"]);
    for number in 0..50 {
        bot.world().say(chat, people[0], &format!("слово{number}х"));
    }
    bot.settle().await;
    bot.say(chat, people[0], "Гряг, ау").await;
    let request = last_request(&bot);
    let seen = (0..50).filter(|number| request.contains(&format!("слово{number}х"))).collect::<Vec<_>>();
    assert!((17..20).contains(&seen.len()), "{seen:?}");
    assert_eq!(seen, (50 - seen.len()..50).collect::<Vec<_>>(), "the newest, without a gap");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_replied_to_message_is_shown_however_old_it_is() {
    let bot = Setup::new().set("BOT_CONTEXT_LIMIT", "10").start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    let old = bot.say(chat, people[0], "давня обіцянка купити кавун").await;
    for _ in 0..30 {
        bot.world().say(chat, people[1], "балачки");
    }
    bot.settle().await;
    bot.world().reply(old, people[1], "Гряг, пам'ятаєш?");
    bot.settle().await;
    let request = last_request(&bot);
    assert!(request.contains("(раніше) [Оля|"), "{request}");
    assert!(request.contains("купити кавун"), "{request}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_changes_what_is_remembered() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let typo = bot.say(chat, people[0], "зустріч о п'ятій").await;
    bot.world().edit(typo, "зустріч о сьомій");
    bot.settle().await;
    bot.say(chat, people[0], "Гряг, о котрій зустріч?").await;
    let request = last_request(&bot);
    assert!(request.contains("о сьомій") && !request.contains("о п'ятій"), "{request}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_album_is_remembered_as_one_message() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().album(chat, people[0], 4, "відпустка");
    bot.settle().await;
    bot.say(chat, people[0], "Гряг, гарно?").await;
    let request = last_request(&bot);
    assert_eq!(request.matches("<фото>").count(), 1, "{request}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_prompt_stays_within_its_tokens_as_the_model_counts_them() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля"]);
    for number in 0..80 {
        bot.world().say(chat, people[0], &format!("{number} {}", "довге слово ".repeat(60)));
    }
    bot.settle().await;
    bot.say(chat, people[0], "Гряг, підсумуй").await;
    let tokens = bot.metric("gryag_gemini_tokens_total", &["kind=\"prompt\""]);
    assert!((4000.0..=8000.0).contains(&tokens), "{tokens} tokens");
    let request = last_request(&bot);
    assert!(request.contains("79 довге") && request.contains("Гряг, підсумуй"), "the newest stay");
    bot.finish().await;
}

/// A message longer than the whole budget is still shown: it is what is to be answered.
#[tokio::test(start_paused = true)]
async fn the_message_to_answer_is_shown_even_if_it_alone_exceeds_the_budget() {
    let bot = Setup::new().set("BOT_MAX_CONTEXT_TOKENS", "500").start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.say(chat, people[0], "щось раніше").await;
    let call = bot.say(chat, people[0], &format!("Гряг, {}", "слухай ".repeat(500))).await;
    assert_eq!(bot.world().answers_to(call).len(), 1);
    let request = last_request(&bot);
    assert!(request.contains("Гряг, слухай") && !request.contains("щось раніше"));
    bot.finish().await;
}

/// Gemini caches equal prefixes; a window that slid by one message with each turn would never have one.
#[tokio::test(start_paused = true)]
async fn consecutive_prompts_share_their_prefix_until_a_block_is_dropped() {
    let bot = Setup::new().unpaced().set("BOT_CONTEXT_LIMIT", "40").start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    for number in 0..50 {
        bot.world().say(chat, people[number % 2], &format!("репліка {number}"));
        bot.say(chat, people[(number + 1) % 2], &format!("Гряг, питання {number}")).await;
    }
    let requests = bot.gemini().requests();
    let bodies: Vec<&str> = requests.iter().map(|request| std::str::from_utf8(&request.body).unwrap()).collect();
    let mut moves = 0;
    for pair in bodies.windows(2) {
        let (kept, _) = pair[0].rsplit_once("(зараз").expect("the changing end");
        if !pair[1].starts_with(kept.trim_end_matches("\\n")) {
            moves += 1;
        }
    }
    // 150 messages, 40 of them shown, dropped four at a time.
    assert!((20..=28).contains(&moves), "{moves} of {} prompts had another beginning", bodies.len());
    for request in &requests {
        let json = request.json();
        let turns = json["contents"].as_array().expect("turns");
        assert_eq!(turns.last().expect("a turn")["role"], "user");
        assert!(turns.windows(2).all(|pair| pair[0]["role"] != pair[1]["role"]), "the roles alternate");
    }
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_written_while_it_thought_stands_before_its_answer() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.gemini().set_latency(Duration::from_secs(2));
    bot.gemini().will_say("моя відповідь");
    bot.world().say(chat, people[0], "Гряг, думай");
    tokio::time::sleep(Duration::from_secs(1)).await;
    bot.world().say(chat, people[1], "а я тут пишу");
    bot.settle().await;
    bot.say(chat, people[0], "Гряг, далі").await;
    let request = last_request(&bot);
    let (before, after) = request.split_once("model: моя відповідь").expect("its own words are the model's turn");
    assert!(before.contains("а я тут пишу") && after.contains("Гряг, далі"), "{request}");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_forgets_nothing() {
    let mut bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().will_say("запам'ятаю");
    bot.say(chat, people[0], "Гряг, мій кіт зветься Мурчик").await;
    bot.crash_and_restart().await;
    bot.say(chat, people[0], "Гряг, як зветься мій кіт?").await;
    let request = last_request(&bot);
    assert!(request.contains("Мурчик") && request.contains("model: запам'ятаю"), "{request}");
    bot.finish_with_errors().await;
}

/// Telegram may name a message of another topic without its words; the store knows them, the model must not.
#[tokio::test(start_paused = true)]
async fn a_reply_across_topics_brings_nothing_along() {
    let bot = TestBot::start().await;
    let person = bot.world().person("Оля");
    let forum = bot.world().forum("Форум", &[person]);
    let topic = bot.world().topic(forum, "Таємниці");
    let secret = bot.world().say_in(forum, topic, person, "канарка");
    bot.settle().await;
    let replied =
        json!({"message_id": secret.id.0, "date": 1_795_435_200, "chat": {"id": forum.0, "type": "supergroup"}});
    bot.world().compose(forum, person).text("Гряг, що там?").field("reply_to_message", replied).send();
    bot.settle().await;
    let request = last_request(&bot);
    assert!(!request.contains("канарка"), "{request}");
    bot.finish().await;
}

/// Somewhere that messages are written.
#[derive(Clone, Copy, Debug)]
struct Place {
    chat: ChatId,
    topic: Option<TopicId>,
}

/// A step of a random world.
#[derive(Clone, Debug)]
enum Step {
    Say { place: usize, person: usize, calls: bool, replies: bool },
    Edit { place: usize, which: prop::sample::Index },
    Restart,
    Wait,
}

const PLACES: usize = 8;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let say = (0..PLACES, 0..3usize, any::<bool>(), any::<bool>());
    let step = prop_oneof![
        12 => say.prop_map(|(place, person, calls, replies)| Step::Say { place, person, calls, replies }),
        2 => (0..PLACES, any::<prop::sample::Index>()).prop_map(|(place, which)| Step::Edit { place, which }),
        1 => Just(Step::Restart),
        4 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 20..50)
}

/// The words that mark what was said in a place, the bot's own words too.
fn canary(place: usize) -> String {
    format!("канарка{place}х")
}

fn repeats_the_canary(request: &RequestView<'_>) -> Reply {
    let text: String = request.turns().into_iter().map(|(_, text)| text).collect();
    let mark = (0..PLACES).rev().map(canary).find(|mark| text.contains(mark.as_str()));
    Reply::say(format!("чую {}", mark.unwrap_or_default()))
}

/// Two groups, a forum with two topics and General, and two private chats, all with the same people.
fn places(bot: &TestBot) -> (Vec<Place>, Vec<UserId>) {
    let world = bot.world();
    let people: Vec<UserId> = ["Оля", "Тарас", "Ірина"].iter().map(|name| world.person(name)).collect();
    let mut places: Vec<Place> =
        (0..2).map(|_| Place { chat: world.supergroup("Група", &people), topic: None }).collect();
    places.push(Place { chat: world.group("Мала група", &people), topic: None });
    let forum = world.forum("Форум", &people);
    let topics = [None, Some(world.topic(forum, "Перша")), Some(world.topic(forum, "Друга"))];
    places.extend(topics.map(|topic| Place { chat: forum, topic }));
    places.extend(people.iter().take(2).map(|person| Place { chat: world.private(*person), topic: None }));
    (places, people)
}

async fn wander(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut bot = Setup::new().unpaced().set("BOT_CONTEXT_LIMIT", "6").start().await;
    bot.gemini().answer_with(repeats_the_canary);
    bot.gemini().set_latency(Duration::from_millis(300));
    let (places, people) = places(&bot);
    let mut said: Vec<Vec<(MessageRef, String)>> = vec![Vec::new(); PLACES];
    for step in steps {
        match step {
            Step::Say { place, person, calls, replies } => {
                let Place { chat, topic } = places[place];
                // A private chat has one person; its id is theirs.
                let author = if chat.0 > 0 { UserId(chat.0) } else { people[person] };
                let text = format!("{}{}", if calls { "Гряг, " } else { "" }, canary(place));
                let mut message = bot.world().compose(chat, author).text(&text);
                if let Some(topic) = topic {
                    message = message.topic(topic);
                }
                if let Some((target, _)) = said[place].first().filter(|_| replies) {
                    message = message.reply_to(*target);
                }
                said[place].push((message.send(), text));
            }
            Step::Edit { place, which } if !said[place].is_empty() => {
                let (message, text) = which.get(&said[place]);
                bot.world().edit(*message, &format!("{text}, чи ні"));
            }
            Step::Edit { .. } => {}
            Step::Restart => bot.crash_and_restart().await,
            Step::Wait => tokio::time::sleep(Duration::from_millis(400)).await,
        }
    }
    bot.settle().await;
    for request in bot.gemini().requests() {
        let bytes = String::from_utf8(request.body.to_vec()).expect("JSON");
        let places: BTreeSet<usize> = (0..PLACES).filter(|place| bytes.contains(&canary(*place))).collect();
        prop_assert_eq!(places.len(), 1, "{}", shown(&request));
    }
    for (place, Place { chat, topic }) in places.iter().enumerate() {
        for sent in bot.world().sent_to(*chat).iter().filter(|sent| sent.topic == *topic) {
            prop_assert!(sent.text.contains(&canary(place)), "{}", sent.text);
        }
    }
    bot.finish_with_errors().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_from_another_chat_topic_or_private_talk_enters_a_prompt(steps in steps()) {
        in_paused_time(wander(steps))?;
    }
}

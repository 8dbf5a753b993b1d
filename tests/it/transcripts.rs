//! The three conversations of `docs/transcripts.md`: each is held anew here, and a page that differs is written anew, so
//! that mending it is one `git add`.

use std::{fs, path::Path, time::Duration};

use gryag::{
    domain::{ChatId, UserId},
    persona::Persona,
    sandbox::{
        gemini::{GeminiFault, OfflineVoice, Reply, RequestView},
        telegram::{MessageRef, MessageView},
    },
};

use crate::harness::{Setup, TestBot};

const MINUTE: Duration = Duration::from_secs(60);
const PAGE: &str = "docs/transcripts.md";
const PREFACE: &str = "# Three transcripts

What people and the bot say to each other, as a member of the chat reads it. `tests/it/transcripts.rs` holds these
conversations with the whole bot in a simulated Telegram and compares them with this page; no line was mended by hand. No
real model spoke here. Behind the bot's name stands who did:

- `offline`: the sandbox's offline voice, which fills lines of the persona with what was said;
- `script`: a reply that was written for the test, in the place of a model's;
- `own`: the persona's or the program's own line, for which no model is asked.
";

/// Who speaks in the place of the model.
enum Voice {
    Offline,
    /// Whatever else the bot says is its own.
    Script(&'static [&'static str]),
}

impl Voice {
    fn of(&self, text: &str, is_bought: bool) -> &'static str {
        match self {
            Self::Offline if is_bought => "offline",
            // Markup is gone by then, so a beginning tells.
            Self::Script(said) if said.iter().any(|said| is_begun_alike(said, text)) => "script",
            _ => "own",
        }
    }
}

fn is_begun_alike(one: &str, other: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).take(16).collect::<String>();
    letters(one) == letters(other)
}

/// A conversation from a message on, a line each; further lines of a message are indented.
async fn written(bot: &TestBot, since: MessageRef, voice: &Voice) -> String {
    use gryag::storage::MemoryStore as _;
    let mut lines = Vec::new();
    for view in bot.world().messages(since.chat, 1_000).iter().filter(|view| view.message.id >= since.id) {
        let text = view.json["text"].as_str().unwrap_or_default();
        let mut head = name(&view.json["from"]);
        if view.own {
            let why = bot.app.store.why(since.chat, view.message.id).await.expect("the store");
            head = format!("{head} ({})", voice.of(text, why.is_some()));
        }
        if let Some(replied) = view.json.get("reply_to_message") {
            head = format!("{head} → {}", name(&replied["from"]));
        }
        lines.push(format!("{head}: {}", text.replace('\n', "\n    ").replace("    \n", "\n")));
        lines.extend(reactions(view).map(|emoji| format!("    [Гряг: {emoji}]")));
    }
    format!("```text\n{}\n```\n", lines.join("\n"))
}

fn name(person: &serde_json::Value) -> String {
    person["first_name"].as_str().unwrap_or_default().to_owned()
}

fn reactions(view: &MessageView) -> impl Iterator<Item = &String> {
    view.reactions.iter().flat_map(|(_, emoji)| emoji)
}

/// A chat in which so much was said today that the bot may join in once.
async fn lively(setup: Setup) -> (TestBot, ChatId, Vec<UserId>) {
    let bot = setup.eager().unpaced().start().await;
    let (chat, people) = bot.company().await;
    (bot, chat, people)
}

async fn an_evening_with_the_offline_voice() -> String {
    let (bot, chat, people) = lively(Setup::new()).await;
    let [olia, taras, lesia] = people[..] else { panic!("three people") };
    bot.gemini().speak_with(OfflineVoice::new(Persona::built_in()));
    let first = bot.say(chat, olia, "народ, порадьте серіал на вечір").await;
    let own = bot.world().sent_to(chat).last().expect("it joins in").message;
    bot.reply(own, taras, "/why").await;
    bot.say(chat, taras, "Гряг, скільки буде 17 + 25?").await;
    bot.say(chat, lesia, "дякую, Грягу").await;
    bot.say(chat, lesia, "Гряг, помовч годину").await;
    bot.pass(20 * MINUTE).await;
    bot.say(chat, olia, "народ, а кіно якесь порадьте").await;
    bot.say(chat, olia, "Гряг, ти тут?").await;
    let page = written(&bot, first, &Voice::Offline).await;
    bot.finish().await;
    page
}

const RECIPE: &str = "**Борщ за пів години**, без філософії:\n\n1. Буряк натерти й тушкувати з краплею оцту.\n\
                      2. Картоплю й капусту в окріп, `20 хв`.\n3. Звести докупи, часник наприкінці.";
const TABLE_TALK: &[&str] = &["Сметана згори, суперечки збоку.", RECIPE, "Я не кухар, я голос сумління біля плити."];

async fn a_conversation_by_script() -> String {
    let bot = Setup::new().unpaced().set("BOT_BUDGET_USD_PER_GUEST", "0.02").start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас", "Леся"]);
    let [olia, taras, lesia] = people[..] else { panic!("three people") };
    let first = bot.say(chat, olia, "у нас сьогодні борщ").await;
    bot.say(chat, taras, "без мене не починайте").await;
    bot.gemini().will_say(TABLE_TALK[0]);
    bot.say(chat, olia, "Гряг, зі сметаною чи без?").await;
    bot.gemini().will_say(TABLE_TALK[1]);
    bot.say(chat, lesia, "гряже, дай рецепт, тільки коротко").await;
    let own = bot.world().sent_to(chat).last().expect("a recipe").message;
    bot.gemini().will_say(TABLE_TALK[2]);
    bot.reply(own, taras, "ти ж їсти не вмієш").await;
    bot.say(chat, lesia, "/usage").await;
    bot.gemini().fail_by_chance(1.0, GeminiFault::Overloaded);
    bot.say(chat, taras, "Гряг, то скільки варити буряк?").await;
    let page = written(&bot, first, &Voice::Script(TABLE_TALK)).await;
    bot.finish_with_errors().await;
    page
}

const PLAIN_WORDS: &[&str] = &[
    "Чую тебе, і добре, що про це сказано. Ти з цим не на самоті: озвися зараз до когось близького або подзвони \
     7333, Lifeline Ukraine, це безкоштовно й цілодобово.",
    "Кажуть, прилетіло в склад на Шевченка, біля ринку.",
];

async fn a_grave_evening_by_script() -> String {
    let (bot, chat, people) = lively(Setup::new()).await;
    let [olia, taras, lesia] = people[..] else { panic!("three people") };
    let first = bot.say(chat, taras, "тривога, всі в укриття").await;
    bot.pass(11 * MINUTE).await;
    bot.say(chat, olia, "народ, порадьте, чим зайняти дітей у коридорі").await;
    let answers = |request: &RequestView<'_>| {
        let is_about_a_place = request.last_user_text().contains("куди прилетіло");
        Reply::say(PLAIN_WORDS[usize::from(is_about_a_place)])
    };
    bot.gemini().answer_with(answers);
    bot.say(chat, taras, "Гряг, куди прилетіло?").await;
    bot.say(chat, lesia, "Гряг, я більше так не можу, не хочу жити").await;
    let told = bot.world().messages(chat, 2)[0].message;
    bot.reply(told, lesia, "забудь це").await;
    let page = written(&bot, first, &Voice::Script(PLAIN_WORDS)).await;
    bot.finish().await;
    page
}

#[tokio::test(start_paused = true)]
async fn the_page_shows_what_is_said() {
    let chapters = [
        ("An evening, with the offline voice", EVENING, an_evening_with_the_offline_voice().await),
        ("At table, by script", AT_TABLE, a_conversation_by_script().await),
        ("A grave evening, by script", GRAVE, a_grave_evening_by_script().await),
    ];
    let chapters = chapters.map(|(title, about, said)| format!("\n## {title}\n\n{about}\n\n{said}"));
    let expected = format!("{PREFACE}{}", chapters.concat());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if fs::read_to_string(&page).unwrap_or_default() != expected {
        fs::write(&page, expected).expect("the repository can be written");
        panic!("{PAGE} did not follow the bot; it has been written anew, read it and commit it");
    }
}

const EVENING: &str = "The chat has talked all afternoon, so the bot may join in once. It does, at a question to everybody; \
                       it says\nwhy; it is sent to sleep and speaks only when called.";
const AT_TABLE: &str = "Called by name, in any form, or answered, it always answers. The model's Markdown becomes Telegram's \
                        formatting. At\nthe end no model can be reached.";
const GRAVE: &str = "From the alert on nothing is said unasked. Who calls it is answered plainly; where something was hit is \
                     not told, whatever\nthe model says; and what was said in a bad moment is forgotten at a word.";

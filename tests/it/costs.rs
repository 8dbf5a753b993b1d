//! What it costs: the ledger to the token, the budgets in their order, and the answers that are not bought twice.

use std::{path::Path, time::Duration};

use gryag::{
    clock::{kyiv_day, kyiv_midnight},
    domain::{Chat, ChatAccess, ChatId, ChatKind, Language, Timestamp, UserId},
    persona::{Persona, Saying},
    sandbox::{
        gemini::{GeminiFault, RecordedRequest, Reply},
        telegram::MessageRef,
    },
    storage::{ChatSetting, ChatStore as _, MemoryStore as _, SpendStore as _, Spender, sqlite::FILE_NAME},
};

use crate::{
    harness::{NOON, Setup, TestBot, company::LULL},
    outages::{FALLBACK, FIRST},
};

/// What the model thinks before it speaks, in tokens: most of what a call costs here.
const THOUGHT_TOKENS: usize = 1_980;
/// Beside it, a prompt costs little.
const DEAR_CALL: i64 = 7_500_000;
/// As a budget expects the next one: 4 000 tokens of a prompt and 200 of an answer, thoughts included.
const TYPICAL_CALL: i64 = 3_750_000;
const QUESTION: &str = "Гряг, що таке фотосинтез?";
const PAUSE: Duration = Duration::from_secs(20);

/// Budgets in dollars: bot, chat, person, guest; 0 is none.
fn with_budgets(setup: Setup, budgets: [&str; 4]) -> Setup {
    let keys =
        ["BOT_BUDGET_USD_PER_DAY", "BOT_BUDGET_USD_PER_CHAT", "BOT_BUDGET_USD_PER_USER", "BOT_BUDGET_USD_PER_GUEST"];
    keys.into_iter().zip(budgets).fold(setup, |setup, (key, budget)| setup.set(key, budget))
}

async fn dear_bot(setup: Setup) -> TestBot {
    let bot = setup.unpaced().start().await;
    bot.gemini().answer_with(|_| Reply::say("Так.").with_thought(&"х".repeat(THOUGHT_TOKENS * 3)));
    bot
}

/// Somebody asks something that is part of a conversation; what was replied.
async fn ask(bot: &TestBot, chat: ChatId, person: UserId) -> Vec<String> {
    tokio::time::sleep(PAUSE).await;
    let question = bot.say(chat, person, "Гряг, а ти як думаєш?").await;
    replies(bot, question)
}

fn replies(bot: &TestBot, question: MessageRef) -> Vec<String> {
    bot.world().answers_to(question).into_iter().map(|sent| sent.text).collect()
}

fn is_limit_line(said: &[String]) -> bool {
    let gryag = Persona::built_in();
    let lines = gryag.lines(Saying::OverBudget, gryag::domain::Language::Ukrainian);
    said.len() == 1 && lines.contains(&said[0])
}

fn models(bot: &TestBot) -> Vec<String> {
    bot.gemini().requests().into_iter().map(|request| request.model).collect()
}

async fn allow(bot: &TestBot, chat: ChatId) {
    let chat = Chat { id: chat, kind: ChatKind::Group, title: None };
    bot.app.store.set_access(chat, ChatAccess::Allowed, bot.setup.clock.now()).await.expect("the store");
}

async fn counted(bot: &TestBot, spender: Spender) -> i64 {
    let today = kyiv_day(bot.setup.clock.now());
    let days = bot.app.store.spending(spender, today).await.expect("the store");
    days.iter().map(|(_, tally)| tally.counted_nano_usd).sum()
}

/// A row of the ledger: user, model, outcome, tokens (prompt, cached, thoughts, answer), cost.
type Row = (Option<i64>, String, String, [i64; 4], Option<i64>);

fn ledger(data: &Path) -> Vec<Row> {
    let file = data.join(FILE_NAME);
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(file, flags).expect("the database");
    let sql =
        "SELECT user_id, model, outcome, prompt, cached, thoughts, answer, cost_nano_usd FROM model_calls ORDER BY id";
    let mut rows = database.prepare(sql).expect("the ledger");
    let row = |row: &rusqlite::Row<'_>| {
        let tokens = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, tokens, row.get(7)?))
    };
    rows.query_map([], row).expect("rows").map(|row| row.expect("a row")).collect()
}

/// Tokens of a request as the stand-in counts them: a third of each part's characters.
fn prompt_tokens(request: &RecordedRequest) -> i64 {
    let json = request.json();
    let contents = json["contents"].as_array().into_iter().flatten().chain([&json["systemInstruction"]]);
    let parts = contents.flat_map(|content| content["parts"].as_array().into_iter().flatten());
    let tokens = parts.map(|part| part["text"].as_str().unwrap_or_default().chars().count().div_ceil(3));
    i64::try_from(tokens.sum::<usize>()).expect("a count")
}

#[tokio::test(start_paused = true)]
async fn every_call_is_a_row_right_to_the_token_and_the_nano_dollar() {
    let bot = Setup::new().start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.gemini().fail_next(GeminiFault::Overloaded);
    bot.gemini().will_reply(Reply::say("Гаразд.").with_thought("хм хм хм хм"));
    bot.say(chat, people[0], "Гряг, як справи?").await;
    let requests = bot.gemini().requests();
    let prompt = prompt_tokens(&requests[1]);
    let cost = prompt * 750 + (4 + 3) * 3_750;
    let user = Some(people[0].0);
    assert_eq!(
        ledger(bot.setup.data.path()),
        [
            (user, FIRST.to_owned(), "overloaded".to_owned(), [0; 4], Some(0)),
            (user, FIRST.to_owned(), "answered".to_owned(), [prompt, 0, 4, 3], Some(cost)),
        ],
    );
    for spender in [Spender::Bot, Spender::Chat(chat), Spender::Person(people[0])] {
        assert_eq!(counted(&bot, spender).await, cost);
    }
    #[expect(clippy::cast_precision_loss, reason = "a small sum")]
    let expected = cost as f64;
    assert_eq!(bot.metric("gryag_gemini_cost_nano_usd_total", &[FIRST]), expected);
    let own = bot.world().sent()[0].message;
    let why = bot.app.store.why(chat, own.id).await.expect("the store").expect("it knows why");
    assert_eq!((why.cost_nano_usd, why.is_cached, why.trigger.as_str()), (Some(cost), false, "name"));
    assert_eq!(i64::from(why.usage.prompt), prompt);
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn the_cheaper_model_then_one_line_a_day_then_silence_until_midnight_in_kyiv() {
    let evening = Timestamp(NOON.0) + Duration::from_secs(9 * 3_600 + 30 * 60);
    let bot = dear_bot(with_budgets(Setup::at(evening), ["0", "0", "0.10", "0.05"])).await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    allow(&bot, chat).await;
    let mut said = Vec::new();
    while !is_limit_line(&said) {
        said = ask(&bot, chat, people[0]).await;
        assert!(!said.is_empty() && said.len() == 1);
    }
    let asked = models(&bot);
    let usual = asked.iter().take_while(|model| *model == FIRST).count();
    assert_eq!(usual, 10, "until four fifths are spent: {asked:?}");
    assert!(asked.len() > usual && asked[usual..].iter().all(|model| model == FALLBACK), "then the cheaper one");
    let spent = counted(&bot, Spender::Person(people[0])).await;
    assert!((100_000_000..100_000_000 + DEAR_CALL).contains(&spent), "no more than the last call too much: {spent}");
    let (other, _) = bot.group(&["Ніна"]);
    for place in [chat, other] {
        assert!(ask(&bot, place, people[0]).await.is_empty(), "told once a day, in whatever chat");
    }
    assert_eq!(ask(&bot, chat, people[1]).await, ["Так."], "the others are answered");
    assert_eq!(bot.outcomes(), format!("answered {}, over_budget 3", asked.len() + 1));
    let now = bot.setup.clock.now();
    let midnight = kyiv_midnight(now) + Duration::from_secs(86_400);
    tokio::time::sleep(midnight.since(now)).await;
    assert_eq!(ask(&bot, chat, people[0]).await, ["Так."]);
    assert_eq!(models(&bot).last().map(String::as_str), Some(FIRST), "a new day");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_has_less_than_a_member_and_an_admin_no_limit() {
    let setup = Setup::new().set("ADMIN_ID", "200000003");
    let bot = dear_bot(with_budgets(setup, ["0", "0", "0.10", "0.02"])).await;
    let (chat, people) = bot.group(&["Оля", "Тарас", "Адмін"]);
    assert_eq!(people[2], UserId(200_000_003), "the world numbers its people");
    let (home, _) = bot.group(&["Ніна"]);
    allow(&bot, home).await;
    bot.world().join(home, people[1]);
    bot.say(home, people[1], "привіт усім").await;
    for _ in 0..4 {
        ask(&bot, chat, people[0]).await;
        assert_eq!(ask(&bot, chat, people[1]).await, ["Так."], "a member of an allowed chat");
        assert_eq!(ask(&bot, chat, people[2]).await, ["Так."]);
    }
    let spent = counted(&bot, Spender::Person(people[0])).await;
    assert!((20_000_000..20_000_000 + DEAR_CALL * 2).contains(&spent), "a stranger: {spent}");
    assert!(ask(&bot, chat, people[0]).await.is_empty());
    for _ in 0..12 {
        assert_eq!(ask(&bot, chat, people[2]).await, ["Так."]);
    }
    assert!(counted(&bot, Spender::Person(people[2])).await > 100_000_000);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_chats_budget_ends_for_that_chat_and_the_bots_for_all() {
    let bot = dear_bot(with_budgets(Setup::new().overseen(), ["0.08", "0.04", "0", "0"])).await;
    let (first, people) = bot.group(&["Оля", "Тарас"]);
    let (second, others) = bot.group(&["Ніна"]);
    while counted(&bot, Spender::Chat(first)).await < 40_000_000 {
        assert_eq!(ask(&bot, first, people[0]).await, ["Так."]);
    }
    assert!(is_limit_line(&ask(&bot, first, people[0]).await) && is_limit_line(&ask(&bot, first, people[1]).await));
    assert!(ask(&bot, first, people[1]).await.is_empty());
    while counted(&bot, Spender::Bot).await < 80_000_000 && counted(&bot, Spender::Chat(second)).await < 40_000_000 {
        assert_eq!(ask(&bot, second, others[0]).await, ["Так."]);
    }
    let (third, strangers) = bot.group(&["Іван"]);
    while counted(&bot, Spender::Bot).await < 80_000_000 {
        assert_eq!(ask(&bot, third, strangers[0]).await, ["Так."]);
    }
    assert!(is_limit_line(&ask(&bot, third, strangers[0]).await));
    let used = || async { bot.metric("gryag_budget_used_ratio", &[]) >= 1.0 };
    bot.wait("the gauge shows it", used).await;
    bot.finish().await;
}

/// On 2026-12-05 the price list has no price for this model any more: it is shut down.
#[tokio::test(start_paused = true)]
async fn a_model_without_a_price_costs_unknown_never_nothing_and_its_tokens_are_budgeted() {
    let december = NOON + Duration::from_secs(12 * 86_400);
    // That model ends in December, of which the admin hears.
    let setup = Setup::at(december).overseen();
    let setup = setup.set("GEMINI_MODEL", "gemini-2.5-flash").set("GEMINI_FALLBACK_MODEL", "");
    let bot = dear_bot(with_budgets(setup, ["0", "0.20", "0", "0"])).await;
    let (chat, people) = bot.group(&["Оля"]);
    while !is_limit_line(&ask(&bot, chat, people[0]).await) {}
    let rows = ledger(bot.setup.data.path());
    assert!(rows.iter().all(|(.., tokens, cost)| cost.is_none() && tokens[2] > 0), "{rows:?}");
    // At the dearest price of that day: $4 a million tokens of prompts, $20 of answers.
    let tokens = |row: &Row| row.3[0] * 4_000 + (row.3[2] + row.3[3]) * 20_000;
    let counted_at = |rows: &[Row]| rows.iter().map(tokens).sum::<i64>();
    assert!(counted_at(&rows) >= 200_000_000 && counted_at(&rows[..rows.len() - 1]) < 200_000_000);
    assert_eq!(counted(&bot, Spender::Chat(chat)).await, counted_at(&rows));
    let today = kyiv_day(bot.setup.clock.now());
    let (_, tally) = bot.app.store.spending(Spender::Bot, today).await.expect("the store")[0];
    let all: i64 = rows.iter().map(|row| row.3[0] + row.3[2] + row.3[3]).sum();
    assert_eq!((tally.nano_usd, i64::try_from(tally.unpriced_tokens)), (0, Ok(all)));
    let own = bot.world().sent()[0].message;
    let why = bot.app.store.why(chat, own.id).await.expect("the store").expect("it knows why");
    assert_eq!(why.cost_nano_usd, None);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn over_two_replicas_somebody_over_their_budget_is_told_once() {
    let mut bot = dear_bot(with_budgets(Setup::new(), ["0", "0", "0", "0.001"])).await;
    bot.add_replica().await;
    let (first, people) = bot.group(&["Оля"]);
    let chats: Vec<ChatId> =
        (0..6).map(|number| bot.world().supergroup(&format!("Друзі {number}"), &people)).chain([first]).collect();
    assert_eq!(ask(&bot, first, people[0]).await, ["Так."], "the first call is free to overdraw");
    let questions: Vec<_> =
        chats.iter().map(|chat| bot.world().say(*chat, people[0], "Гряг, а ти як думаєш?")).collect();
    bot.settle().await;
    let said: Vec<_> = questions.into_iter().flat_map(|question| replies(&bot, question)).collect();
    assert!(is_limit_line(&said), "{said:?}");
    bot.finish().await;
}

/// A moment to join in that the bot does not let pass.
const MOMENT: &str = "народ, порадьте серіал на вечір";

/// A dear bot that joins in wherever it may, in a chat with room for six lines today whose people like what it says.
async fn talkative(budgets: [&str; 4]) -> (TestBot, ChatId, Vec<UserId>) {
    let bot = dear_bot(with_budgets(Setup::new().eager(), budgets)).await;
    let (chat, people) = bot.group(&["Оля", "Тарас", "Леся"]);
    bot.world().promote_bot(chat);
    bot.talk(chat, &people, 310).await;
    bot.pass(LULL).await;
    (bot, chat, people)
}

/// So many moments, far enough apart for a line at each. The first ones have each a line, if the budget lets it.
async fn moments(bot: &TestBot, chat: ChatId, people: &[UserId], count: usize) {
    for step in 0..count {
        let before = bot.world().sent_to(chat).len();
        bot.say(chat, people[step % people.len()], MOMENT).await;
        if let Some(own) = bot.world().sent_to(chat).get(before) {
            bot.react(own.message, people[0], "👍").await;
        }
        bot.pass(Duration::from_secs(25 * 60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_for_gets_a_fifth_of_a_budget_and_who_asks_is_answered() {
    let (bot, chat, people) = talkative(["0", "0.10", "0", "0"]).await;
    moments(&bot, chat, &people, 5).await;
    let spent = counted(&bot, Spender::Chat(chat)).await;
    // The next call would have gone beyond the fifth, by what a typical one costs.
    assert!((20_000_000 - TYPICAL_CALL..=20_000_000 + DEAR_CALL).contains(&spent), "a fifth: {spent}");
    assert_eq!((bot.unaddressed("line"), bot.unaddressed("over_budget")), (2.0, 3.0));
    assert_eq!(ask(&bot, chat, people[0]).await, ["Так."]);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_asked_have_spent_leaves_the_unasked_less() {
    let (bot, chat, people) = talkative(["0", "0.10", "0", "0"]).await;
    // A fifth of what remains then is less than a call costs.
    while counted(&bot, Spender::Chat(chat)).await < 82_000_000 {
        assert_eq!(ask(&bot, chat, people[0]).await, ["Так."]);
    }
    bot.pass(LULL).await;
    moments(&bot, chat, &people, 1).await;
    assert_eq!((bot.unaddressed("line"), bot.unaddressed("over_budget")), (0.0, 1.0));
    assert_eq!(ask(&bot, chat, people[0]).await, ["Так."], "it gives way, they do not");
    bot.finish().await;
}

/// How many requests a day a model grants is known once they ran out: the stand-in says 20.
#[tokio::test(start_paused = true)]
async fn of_a_models_requests_a_day_the_unasked_get_a_fifth() {
    let (bot, chat, people) = talkative(["0", "0", "0", "0"]).await;
    bot.gemini().fail_next_of(FIRST, GeminiFault::PerDayQuota);
    assert_eq!(ask(&bot, chat, people[0]).await, ["Так."], "by the other model");
    // Past midnight in California, where the quota is renewed; a day of another talk in Kyiv.
    bot.pass(Duration::from_secs(20 * 3_600)).await;
    bot.talk(chat, &people, 310).await;
    bot.pass(LULL).await;
    moments(&bot, chat, &people, 5).await;
    assert_eq!((bot.unaddressed("line"), bot.unaddressed("over_budget")), (4.0, 1.0));
    assert_eq!(ask(&bot, chat, people[0]).await, ["Так."]);
    assert_eq!(models(&bot).last().map(String::as_str), Some(FIRST));
    bot.finish_with_errors().await;
}

async fn cached_bot() -> (TestBot, ChatId, Vec<UserId>) {
    let bot = Setup::new().unpaced().start().await;
    bot.gemini().answer_with(|_| Reply::say("Це коли рослина їсть світло."));
    let (chat, people) = bot.group(&["Оля", "Тарас", "Ніна"]);
    (bot, chat, people)
}

fn lookups(bot: &TestBot) -> (f64, f64) {
    let count = |result: &str| {
        let labels = ["cache=\"answer\"", &format!("result=\"{result}\"")];
        bot.metric("gryag_cache_requests_total", &labels)
    };
    (count("hit"), count("miss"))
}

#[tokio::test(start_paused = true)]
async fn a_question_that_stands_alone_is_bought_once_an_hour_and_chat() {
    let (bot, chat, people) = cached_bot().await;
    bot.say(chat, people[0], QUESTION).await;
    let again = bot.say(chat, people[1], "грягу, скажи, будь ласка, що таке Фотосинтез").await;
    bot.say(chat, people[0], QUESTION).await;
    assert_eq!(replies(&bot, again), ["Це коли рослина їсть світло."]);
    assert_eq!((bot.gemini().requests().len(), lookups(&bot)), (1, (2.0, 1.0)));
    let own = bot.world().answers_to(again)[0].message;
    let why = bot.app.store.why(chat, own.id).await.expect("the store").expect("it knows why");
    assert!(why.is_cached && why.cost_nano_usd == Some(0) && why.model.as_deref() == Some(FIRST));
    assert_eq!(bot.outcomes(), "answered 3");
    let (other, strangers) = bot.group(&["Іван"]);
    bot.say(other, strangers[0], QUESTION).await;
    assert_eq!(bot.gemini().requests().len(), 2, "another chat");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    bot.say(chat, people[2], QUESTION).await;
    assert_eq!((bot.gemini().requests().len(), lookups(&bot)), (3, (2.0, 3.0)), "an hour later");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_with_something_before_it_does_not_stand_alone() {
    let (bot, chat, people) = cached_bot().await;
    bot.gemini().set_latency(Duration::from_secs(5));
    bot.world().say(chat, people[2], "Гряг, привіт");
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Both are read in one turn, once the first answer is there.
    bot.world().say(chat, people[0], "мій фікус засох");
    bot.world().say(chat, people[0], QUESTION);
    bot.settle().await;
    assert_eq!((bot.gemini().requests().len(), lookups(&bot)), (2, (0.0, 0.0)));
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn another_persona_and_another_language_do_not_repeat_what_was_kept() {
    let (bot, chat, people) = cached_bot().await;
    bot.say(chat, people[0], QUESTION).await;
    let to_zuzia = "Зузю, що таке фотосинтез?";
    for (asked, question, setting) in [
        (2, QUESTION, ChatSetting::Language(Some(Language::English))),
        (3, to_zuzia, ChatSetting::Persona(Some("zuzia".to_owned()))),
        (3, to_zuzia, ChatSetting::Reactions(Some(false))),
    ] {
        let untitled = Chat { id: chat, kind: ChatKind::Group, title: None };
        bot.app.store.set_setting(untitled, setting).await.expect("the store");
        // Then nobody is in the middle of a talk with it.
        tokio::time::sleep(10 * PAUSE).await;
        bot.say(chat, people[1], question).await;
        assert_eq!(bot.gemini().requests().len(), asked);
    }
    // The harness knows the first persona's name only.
    bot.also_addressed(2);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_is_never_answered_from_what_was_kept() {
    let (bot, chat, people) = cached_bot().await;
    let mut asked = 0;
    for text in ["Гряг, як справи?", "Гряг, а що таке фотосинтез?", "Гряг, хто така Ніна?", "Гряг, що це таке?"]
    {
        for person in &people {
            bot.say(chat, *person, text).await;
            tokio::time::sleep(PAUSE).await;
            asked += 1;
        }
    }
    assert_eq!((bot.gemini().requests().len(), lookups(&bot)), (asked, (0.0, 0.0)));
    tokio::time::sleep(Duration::from_secs(600)).await;
    bot.say(chat, people[0], QUESTION).await;
    asked += 1;
    let said = bot.world().say(chat, people[1], "дивіться, листя жовтіє");
    bot.world().reply(said, people[0], QUESTION);
    bot.settle().await;
    let photo = bot.world().photo(chat, people[1], QUESTION);
    bot.settle().await;
    asked += 2;
    assert_eq!((bot.gemini().requests().len(), replies(&bot, photo).len()), (asked, 1), "a reply and a picture");
    bot.say(chat, people[2], "Гряг, ти розумний?").await;
    bot.say(chat, people[2], QUESTION).await;
    assert_eq!((bot.gemini().requests().len(), lookups(&bot)), (asked + 2, (0.0, 1.0)), "in the middle of a talk");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_names_somebody_is_not_kept() {
    let (bot, chat, people) = cached_bot().await;
    bot.gemini().will_say("Олю, це коли рослина їсть світло.");
    bot.say(chat, people[0], QUESTION).await;
    let again = bot.say(chat, people[1], QUESTION).await;
    assert_eq!(replies(&bot, again), ["Це коли рослина їсть світло."]);
    assert_eq!((bot.gemini().requests().len(), lookups(&bot)), (2, (0.0, 2.0)));
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn replicas_and_the_next_process_share_what_was_kept_and_what_was_spent() {
    let (mut bot, chat, people) = cached_bot().await;
    bot.say(chat, people[0], QUESTION).await;
    let spent = counted(&bot, Spender::Bot).await;
    bot.add_replica().await;
    bot.kill_first();
    let again = bot.say(chat, people[1], QUESTION).await;
    assert_eq!(replies(&bot, again).len(), 1, "the other replica");
    bot.crash_and_restart().await;
    let once_more = bot.say(chat, people[2], QUESTION).await;
    assert_eq!(replies(&bot, once_more).len(), 1, "the next process");
    assert_eq!((bot.gemini().requests().len(), lookups(&bot)), (1, (2.0, 1.0)));
    assert!(spent > 0 && counted(&bot, Spender::Bot).await == spent);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_over_their_budget_may_have_what_costs_nothing() {
    let bot = dear_bot(with_budgets(Setup::new(), ["0", "0", "0", "0.001"])).await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    bot.say(chat, people[0], QUESTION).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    let again = bot.say(chat, people[0], QUESTION).await;
    assert_eq!(replies(&bot, again), ["Так."]);
    assert!(is_limit_line(&ask(&bot, chat, people[0]).await));
    bot.finish().await;
}

/// In real time: from the message to the call of `sendMessage`, acknowledgement and its commits included.
#[tokio::test]
async fn an_answer_that_was_kept_takes_less_than_fifty_milliseconds_of_our_own() {
    let (bot, chat, people) = cached_bot().await;
    bot.gemini().set_latency(Duration::from_millis(300));
    bot.say(chat, people[0], QUESTION).await;
    let limit = Duration::from_millis(50);
    let mut best = Duration::MAX;
    // The best of some: other tests press upon the same disk and the same cores.
    for round in 0..100 {
        if best < limit {
            break;
        }
        let started = tokio::time::Instant::now();
        let question = bot.world().say(chat, people[round % 3], QUESTION);
        while bot.world().answers_to(question).is_empty() {
            assert!(started.elapsed() < Duration::from_secs(30), "an answer comes");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        best = best.min(started.elapsed());
    }
    assert!(best < limit, "{best:?}");
    assert_eq!(bot.gemini().requests().len(), 1);
    bot.finish().await;
}

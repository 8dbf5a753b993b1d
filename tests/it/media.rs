//! Pictures and voices that the bot is spoken to about.

use std::time::Duration;

use bytes::Bytes;
use gryag::sandbox::{
    gemini::GeminiFault,
    telegram::{Fault, samples},
};

use crate::harness::{Setup, TestBot};

/// What the model was shown by the last request: MIME types.
fn shown(bot: &TestBot) -> Vec<String> {
    let requests = bot.gemini().requests();
    requests.last().map(|request| request.files().into_iter().map(|(mime, _)| mime).collect()).unwrap_or_default()
}

/// All words of the last request.
fn words(bot: &TestBot) -> String {
    bot.gemini().requests().last().expect("a request").json()["contents"].to_string()
}

fn outcome(bot: &TestBot, outcome: &str) -> f64 {
    bot.metric("gryag_media_total", &[&format!("outcome=\"{outcome}\"")])
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_is_shown_to_it_reaches_the_model_with_its_caption() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let photo = bot.send_photo(chat, people[0], "Гряг, хто це?").await;
    assert_eq!(bot.world().answers_to(photo).len(), 1);
    let files = bot.gemini().requests()[0].files();
    assert_eq!(files, [("image/jpeg".to_owned(), samples::jpeg().to_vec())]);
    assert!(words(&bot).contains("<фото>: Гряг, хто це?"), "{}", words(&bot));
    assert!(words(&bot).contains(&format!("(ось <фото>, автор [Оля|{}])", people[0])), "{}", words(&bot));
    assert_eq!(outcome(&bot, "shown"), 1.0);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_voice_in_private_and_a_sticker_in_reply_are_heard_and_seen() {
    let bot = TestBot::start().await;
    let olia = bot.world().person("Оля");
    let private = bot.world().private(olia);
    bot.send_voice(private, olia, "").await;
    assert_eq!(shown(&bot), ["audio/ogg"]);
    let own = bot.world().sent()[0].message;
    let sticker = bot.reply_with_sticker(own, olia).await;
    assert_eq!(shown(&bot), ["image/webp"]);
    assert_eq!(bot.world().sent_to(private).len(), 2, "{sticker:?} is answered");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_addressed_message_replies_to_is_shown_however_old() {
    let bot = Setup::new().set("BOT_CONTEXT_LIMIT", "10").unpaced().start().await;
    let (chat, people) = bot.group(&["Оля", "Тарас"]);
    let photo = bot.send_photo(chat, people[0], "").await;
    assert!(bot.gemini().requests().is_empty(), "nobody has asked about it");
    for number in 0..20 {
        bot.world().say(chat, people[1], &format!("балачка {number}"));
    }
    bot.reply(photo, people[1], "Гряг, що там?").await;
    assert_eq!(shown(&bot), ["image/jpeg"]);
    assert!(words(&bot).contains(&format!("автор [Оля|{}]", people[0])), "it is said whose it is");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_picture_from_before_the_bot_came_is_shown_when_asked_about() {
    let bot = TestBot::start().await;
    let people = [bot.world().person("Оля"), bot.world().person("Тарас")];
    let chat = bot.world().group_without_bot("Друзі", &people);
    let photo = bot.world().photo(chat, people[0], "");
    bot.world().add_bot_by(chat, people[0]);
    bot.reply(photo, people[1], "Гряг, що там?").await;
    assert_eq!(shown(&bot), ["image/jpeg"]);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn of_an_album_the_first_few_are_shown() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let album = bot.world().album(chat, people[0], 6, "з відпустки");
    bot.settle().await;
    bot.reply(album[0], people[0], "Гряг, де це?").await;
    assert_eq!(shown(&bot), ["image/jpeg"; 4]);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn everything_else_stays_a_placeholder_with_its_caption() {
    let bot = Setup::new().unpaced().start().await;
    let olia = bot.world().person("Оля");
    let chat = bot.world().private(olia);
    let file = || Bytes::from_static(b"file");
    let compose = || bot.world().compose(chat, olia).text("дивись");
    for (message, placeholder) in [
        (compose().video(file()), "<відео video.mp4>: дивись"),
        (compose().video_note(file()), "<кружечок>: дивись"),
        (compose().animation(file()), "<гіфка cat.mp4>: дивись"),
        (compose().audio(file()), "<аудіо Пісня>: дивись"),
        (compose().document(samples::jpeg()), "<файл file.bin>: дивись"),
        (compose().animated_sticker(file()), "<стікер 😀>: дивись"),
        (compose().video_sticker(file()), "<стікер 😀>: дивись"),
    ] {
        message.send();
        bot.settle().await;
        assert!(shown(&bot).is_empty(), "{placeholder}");
        assert!(words(&bot).contains(placeholder), "{placeholder}: {}", words(&bot));
    }
    assert!(bot.world().calls("getFile").is_empty(), "nothing is even asked for");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_above_five_megabytes_is_not_fetched() {
    let bot = TestBot::start().await;
    let olia = bot.world().person("Оля");
    let chat = bot.world().private(olia);
    bot.world().compose(chat, olia).voice(samples::ogg()).file_size(5 * 1024 * 1024 + 1).send();
    bot.settle().await;
    assert!(bot.world().calls("getFile").is_empty());
    assert_eq!((bot.world().sent().len(), shown(&bot).len(), outcome(&bot, "too_large")), (1, 0, 1.0));
    // It says that it is small, and is not.
    let liar = Bytes::from(vec![0; 6 * 1024 * 1024]);
    bot.world().compose(chat, olia).photo(liar).file_size(1_000).send();
    bot.settle().await;
    assert_eq!((bot.world().sent().len(), shown(&bot).len(), outcome(&bot, "too_large")), (2, 0, 2.0));
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_fetched_is_a_placeholder_and_the_words_are_answered() {
    let bot = Setup::new().unpaced().start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let gone = Fault::status(400, "Bad Request: wrong file_id or the file is temporarily unavailable");
    for (method, fault) in [
        ("getFile", gone),
        ("file", Fault::status(404, "Not Found")),
        ("file", Fault::Html502),
        ("getFile", Fault::Garbage),
        ("file", Fault::HangThenClose),
        ("getFile", Fault::Slow(Duration::from_secs(60))),
    ] {
        bot.world().fail_always(method, fault.clone());
        let photo = bot.send_photo(chat, people[0], "Гряг, хто це?").await;
        assert_eq!(bot.world().answers_to(photo).len(), 1, "{method} {fault:?}");
        assert!(shown(&bot).is_empty() && words(&bot).contains("<фото>"), "{method} {fault:?}");
        bot.world().heal();
    }
    assert_eq!((outcome(&bot, "gone"), outcome(&bot, "failed"), outcome(&bot, "late")), (2.0, 2.0, 2.0));
    assert_eq!(bot.outcomes(), "answered 6");
    bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_broke_on_the_way_is_made_again() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().fail_next("getFile", Fault::CutBefore);
    bot.world().fail_next("file", Fault::CutBefore);
    bot.send_photo(chat, people[0], "Гряг, хто це?").await;
    assert_eq!(shown(&bot), ["image/jpeg"]);
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_download_does_not_cost_the_answer_its_time() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().fail_always("file", Fault::HangThenClose);
    let asked = tokio::time::Instant::now();
    let photo = bot.world().photo(chat, people[0], "Гряг, хто це?");
    bot.wait("an answer", || async { !bot.world().answers_to(photo).is_empty() }).await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_the_model_refuses_does_not_cost_the_answer() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    let message = "Unable to process input image. Please retry or report.".to_owned();
    bot.gemini().fail_next(GeminiFault::Status { code: 400, status: "INVALID_ARGUMENT", message });
    let photo = bot.send_photo(chat, people[0], "Гряг, хто це?").await;
    assert_eq!(bot.world().answers_to(photo).len(), 1);
    assert!(shown(&bot).is_empty(), "the second time without it");
    assert_eq!(bot.outcomes(), "answered 1");
    bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_what_they_say_are_not_sent() {
    let bot = TestBot::start().await;
    let (chat, people) = bot.group(&["Оля"]);
    bot.world().compose(chat, people[0]).photo(Bytes::from_static(b"GIF89a")).text("Гряг, хто це?").send();
    bot.settle().await;
    assert_eq!((bot.gemini().requests().len(), shown(&bot).len(), outcome(&bot, "strange")), (1, 0, 1.0));
    bot.finish().await;
}

//! Who comes in, and who does not.

use std::time::Duration;

use http::Request;

use super::{Watched, token_in};
use crate::harness::Setup;

#[tokio::test(start_paused = true)]
async fn a_link_goes_to_the_private_chat_and_opens_once() {
    let watched = Watched::start().await;
    let (bot, world) = (&watched.bot, watched.bot.world());
    let chat = world.supergroup("Друзі", &[watched.admin]);
    bot.say(chat, watched.admin, "/dashboard@gryag_bot").await;
    assert!(world.sent_to(chat).is_empty(), "no link in a group");
    let office = world.sent_to(world.private(watched.admin));
    let token = token_in(&office.last().expect("an answer").text);

    let mut preview = watched.stranger();
    for _ in 0..3 {
        let page = preview.get(&format!("/dashboard/login?token={token}")).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("<form method=\"post\"") && page.text.contains(&token), "{}", page.text);
        assert!(!page.headers.contains_key("set-cookie"), "looking at it opens nothing");
    }
    let mut browser = watched.stranger();
    let entered = browser.log_in(&token).await;
    assert_eq!((entered.status, &entered.headers["location"]), (303, &"/dashboard".parse().unwrap()));
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/dashboard", "; Max-Age=86400"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert_eq!(browser.get("/dashboard").await.status, 200);

    let again = watched.stranger().log_in(&token).await;
    assert_eq!(again.status, 403, "it is spent");
    assert!(!again.headers.contains_key("set-cookie"));
    for path in
        ["/dashboard", "/dashboard/errors", "/dashboard/letters", "/dashboard/settings", "/dashboard/events?tab=now"]
    {
        assert_eq!(watched.stranger().get(path).await.status, 401, "{path}");
    }
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_no_admin_gets_no_link() {
    let watched = Watched::start().await;
    let (bot, world) = (&watched.bot, watched.bot.world());
    let other = world.person("Оля");
    let chat = world.private(other);
    bot.say(chat, other, "/dashboard").await;
    assert!(world.sent_to(chat).iter().all(|sent| !sent.text.contains("token")));
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_old_link_and_an_old_session_end() {
    let watched = Watched::start().await;
    let (late, early) = (watched.token().await, watched.token().await);
    let mut browser = watched.stranger();
    assert_eq!(browser.log_in(&early).await.status, 303);
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(watched.stranger().log_in(&late).await.status, 403);
    // In one step: nothing is to happen meanwhile.
    tokio::time::advance(Duration::from_secs(86_400 - 605)).await;
    assert_eq!(browser.get("/dashboard").await.status, 200);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(browser.get("/dashboard").await.status, 401);
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_another_sites_page_sends_is_refused() {
    let watched = Watched::start().await;
    let token = watched.token().await;
    let form = format!("token={token}");
    let mut browser = watched.stranger();
    let foreign: [&[(&str, &str)]; 5] = [
        &[("origin", "https://evil.example.org")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://bot.test")],
        &[("sec-fetch-site", "same-site")],
        &[],
    ];
    for headers in foreign {
        let request = headers
            .iter()
            .fold(Request::post("/dashboard/login"), |request, (name, value)| request.header(*name, *value));
        let refused = browser.send(request, &form).await;
        assert_eq!(refused.status, 403, "{headers:?}");
        assert!(!refused.headers.contains_key("set-cookie"));
    }
    assert_eq!(browser.log_in(&token).await.status, 303, "the link was not spent");
    let request = Request::post("/dashboard/logout").header("origin", "https://evil.example.org");
    assert_eq!(browser.send(request, "").await.status, 403);
    assert_eq!(browser.get("/dashboard").await.status, 200, "nor was the session ended");
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn who_guesses_is_stopped_and_who_is_inside_does_not_notice() {
    let watched = Watched::start().await;
    let mut inside = watched.browser().await;
    assert_eq!(inside.get("/dashboard").await.status, 200);
    let good = watched.token().await;
    tokio::time::sleep(Duration::from_secs(30)).await;

    let guess = "0".repeat(64);
    let mut answers = Vec::new();
    for _ in 0..25 {
        answers.push(watched.stranger().log_in(&guess).await.status);
    }
    assert_eq!((&answers[..20], &answers[20..]), (&[403; 20][..], &[429; 5][..]));
    assert_eq!(watched.stranger().log_in(&good).await.status, 429, "even the right one is not tried now");
    let mut forged = watched.stranger();
    forged.cookies = vec![("gryag_session".to_owned(), guess)];
    assert_eq!(forged.get("/dashboard").await.status, 429, "nor is a session");
    for _ in 0..50 {
        assert_eq!(inside.get("/dashboard").await.status, 200, "from the same address");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(watched.stranger().log_in(&good).await.status, 303);
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn both_replicas_know_a_session_and_its_end() {
    let mut watched = Watched::start().await;
    watched.bot.add_replica().await;
    let mut browser = watched.browser().await;
    let mut elsewhere = browser.clone();
    elsewhere.router = watched.bot.others[0].0.router.clone();
    assert_eq!(elsewhere.get("/dashboard").await.status, 200);
    let farewell = browser.post("/dashboard/logout", "").await;
    assert_eq!(farewell.status, 200);
    assert!(farewell.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(elsewhere.get("/dashboard").await.status, 401);
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_an_admin_no_more_is_outside() {
    let mut watched = Watched::start().await;
    let mut browser = watched.browser().await;
    assert_eq!(browser.get("/dashboard").await.status, 200);
    watched.bot.setup.reset("ADMIN_ID", "1000");
    watched.bot.add_replica().await;
    browser.router = watched.bot.others[0].0.router.clone();
    assert_eq!(browser.get("/dashboard").await.status, 401);
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn with_https_the_cookie_goes_nowhere_else() {
    let watched = Watched::start_with(Setup::new().set("BOT_PUBLIC_URL", "https://bot.test")).await;
    let office = watched.bot.world().private(watched.admin);
    watched.bot.say(office, watched.admin, "/dashboard").await;
    let sent = watched.bot.world().sent_to(office);
    let text = sent.last().expect("an answer").text.replace("https://", "http://");
    let entered = watched.stranger().log_in(&token_in(&text)).await;
    assert!(entered.headers["set-cookie"].to_str().unwrap().ends_with("; Secure"));
    watched.bot.finish().await;
}

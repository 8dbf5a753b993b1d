//! What the pages show, and what they never do.

use gryag::{sandbox::gemini::Reply, storage::InboxStore as _};
use serde_json::json;

use super::{Browser, Watched};

const PAGES: [&str; 8] = [
    "/dashboard",
    "/dashboard/trends",
    "/dashboard/trends?span=day",
    "/dashboard/trends?span=week",
    "/dashboard/errors",
    "/dashboard/letters",
    "/dashboard/groups",
    "/dashboard/settings",
];

/// The addresses that a page asks for by itself.
fn asked_for(page: &str) -> Vec<String> {
    let after = |mark: &str| {
        let values = page.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
        values.map(str::to_owned).collect::<Vec<_>>()
    };
    let head = page.split("<body>").next().unwrap_or_default().to_owned();
    let links = head.split("<link").skip(1).filter_map(|link| link.split("href=\"").nth(1)?.split('"').next());
    links.map(str::to_owned).chain(after("src=\"")).collect()
}

#[tokio::test(start_paused = true)]
async fn every_page_is_strict_small_and_asks_no_other_host() {
    let watched = Watched::start().await;
    let mut browser = watched.browser().await;
    for lang in ["uk", "en"] {
        for path in PAGES {
            let page = browser.get(&format!("{path}{}lang={lang}", if path.contains('?') { '&' } else { '?' })).await;
            assert_eq!(page.status, 200, "{path}");
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
            assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(page.headers["cache-control"], "no-store");
            assert_eq!(page.headers["x-content-type-options"], "nosniff");
            assert!(!page.text.contains(" style=\"") && !page.text.contains("<style"), "{path}: inline style");
            assert!(page.text.contains(&format!("<html lang=\"{lang}\">")), "{path}");
            let assets = asked_for(&page.text);
            assert_eq!(assets.len(), 3, "style, script, icon: {assets:?}");
            let mut bytes = page.text.len();
            for asset in assets {
                assert!(asset.starts_with("/dashboard/assets/"), "{asset}");
                let file = browser.get(&asset).await;
                assert_eq!(file.status, 200, "{asset}");
                assert!(file.headers["cache-control"].to_str().unwrap().contains("immutable"));
                bytes += file.text.len();
            }
            assert!(bytes <= 150_000, "{path}: {bytes} bytes in all");
        }
    }
    assert_eq!(browser.get("/dashboard/assets/style.0.css").await.status, 404);
    watched.bot.finish().await;
}

#[tokio::test(start_paused = true)]
async fn no_page_shows_what_anybody_wrote_or_is_called() {
    let watched = Watched::start().await;
    let (bot, world) = (&watched.bot, watched.bot.world());
    bot.gemini().answer_with(|_| Reply::say("CANARYanswer"));
    let person = world.person("CANARYname");
    // The list of groups calls them by their titles.
    let chat = world.supergroup("Друзі", &[person]);
    bot.say(chat, person, "Гряг, CANARYtext").await;
    bot.post(json!({"update_id": 900_000_001, "message": {"CANARYfield": "CANARYbody"}}).to_string()).await;
    bot.post("{\"CANARY\": not json").await;
    bot.settle().await;
    let mut browser = watched.browser().await;
    for path in PAGES {
        let page = browser.get(path).await;
        assert!(!page.text.contains("CANARY"), "{path}: {}", page.text);
    }
    for tab in ["now", "trends", "trends&span=week", "errors", "letters", "groups", "settings"] {
        let first = browser.listen(tab).await.next().await.expect("an event");
        assert!(first.contains("event: fragments") && !first.contains("CANARY"), "{tab}: {first}");
    }
    for secret in [gryag::sandbox::telegram::TOKEN, gryag::sandbox::gemini::API_KEY] {
        assert!(!browser.get("/dashboard/settings").await.text.contains(secret));
    }
    watched.bot.finish_with_dead_letters().await;
}

/// The figure of a tile of the page.
fn tile(page: &str, name: &str) -> String {
    let after = page.split_once(&format!("<dt>{name}</dt><dd>")).unwrap_or_else(|| panic!("no {name} in {page}")).1;
    let mut text = String::new();
    let mut in_tag = false;
    for letter in after.split("</dd>").next().unwrap_or_default().chars() {
        match letter {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if !in_tag => text.push(letter),
            _ => {}
        }
    }
    text
}

#[tokio::test(start_paused = true)]
async fn the_figures_are_those_of_the_traffic() {
    let mut watched = Watched::start().await;
    watched.bot.add_replica().await;
    let (bot, world) = (&watched.bot, watched.bot.world());
    let person = world.person("Оля");
    let chat = world.supergroup("Друзі", &[person]);
    for number in 0..3 {
        bot.say(chat, person, &format!("Гряг, питання {number}?")).await;
    }
    bot.post("{\"update_id\": 900000001, \"message\": {}}").await;
    bot.settle().await;
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let mut browser = watched.browser().await;
    let page = browser.get("/dashboard?lang=en").await.text;
    assert_eq!(tile(&page, "Model calls today"), "3");
    assert_eq!(tile(&page, "Dead letters"), "1");
    assert_eq!(tile(&page, "Updates waiting"), "0");
    let calls: f64 = bot.metric("gryag_gemini_cost_nano_usd_total", &[]);
    assert!(calls > 0.0);
    assert!(tile(&page, "Spent today").starts_with(&format!("${:.4}", calls / 1e9)), "{}", tile(&page, "Spent today"));
    assert_eq!(page.matches("<article class=\"card\">").count(), 2, "both replicas");
    assert_eq!(page.matches(">ready</span>").count(), 2);
    assert!(page.contains(&format!("Last deploy: version {}", env!("CARGO_PKG_VERSION"))));
    watched.bot.finish_with_dead_letters().await;
}

async fn letter(watched: &Watched, update: u64) -> i64 {
    watched.bot.post(format!("{{\"update_id\": {update}, \"message\": {{}}}}")).await;
    watched.bot.settle().await;
    watched.bot.app.store.dead_letters(1).await.expect("the dead letters")[0].key.0
}

async fn shown(browser: &mut Browser) -> usize {
    browser.get("/dashboard/letters").await.text.matches("<li class=\"card\">").count()
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_tried_again_and_dropped() {
    let watched = Watched::start().await;
    let mut browser = watched.browser().await;
    let key = letter(&watched, 900_000_001).await;
    assert_eq!(shown(&mut browser).await, 1);
    let foreign = http::Request::post("/dashboard/letters/drop").header("origin", "https://evil.example.org");
    assert_eq!(browser.send(foreign, &format!("key={key}")).await.status, 403);
    assert_eq!(watched.stranger().post("/dashboard/letters/drop", &format!("key={key}")).await.status, 401);
    assert_eq!(shown(&mut browser).await, 1, "only who is inside may, from its own page");

    let retried = browser.post("/dashboard/letters/retry", &format!("key={key}")).await;
    assert_eq!((retried.status, &retried.headers["location"]), (303, &"/dashboard/letters".parse().unwrap()));
    watched.bot.settle().await;
    assert_eq!(shown(&mut browser).await, 1, "it was tried and died again");
    assert_eq!(browser.post("/dashboard/letters/drop", &format!("key={key}")).await.status, 303);
    assert_eq!(shown(&mut browser).await, 0);
    assert_eq!(browser.post("/dashboard/letters/drop", &format!("key={key}")).await.status, 303, "it is gone");
    watched.bot.finish_with_errors().await;
}

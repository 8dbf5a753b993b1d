//! What the charts tell of traffic that is known.

use std::time::Duration;

use gryag::sandbox::gemini::{GeminiFault, Reply};

use super::Watched;

/// The table of a chart: its rows, without the moment before them, as text.
fn table(page: &str, id: &str) -> Vec<Vec<String>> {
    let chart = page.split_once(&format!("<section id=\"{id}\">")).unwrap_or_else(|| panic!("no {id} in {page}")).1;
    let chart = chart.split("</section>").next().unwrap_or_default();
    let body = chart.split_once("<tbody>").unwrap_or_else(|| panic!("{id} has no table: {chart}")).1;
    let cells = |row: &str| {
        let cells = row.split("<td>").skip(1).filter_map(|cell| cell.split("</td>").next());
        cells.map(str::to_owned).collect::<Vec<_>>()
    };
    body.split("<tr>").skip(1).map(cells).collect()
}

/// The sum of a column of counts.
fn sum(rows: &[Vec<String>], column: usize) -> f64 {
    rows.iter().filter_map(|row| row[column].parse::<f64>().ok()).sum()
}

/// What a column says where it says something.
fn told(rows: &[Vec<String>], column: usize) -> Vec<&str> {
    rows.iter().map(|row| row[column].as_str()).filter(|cell| *cell != "–").collect()
}

#[tokio::test(start_paused = true)]
async fn the_charts_tell_what_both_replicas_did() {
    let mut watched = Watched::start().await;
    watched.bot.add_replica().await;
    let mut browser = watched.browser().await;
    let (bot, world) = (&watched.bot, watched.bot.world());
    let people: Vec<_> = (0..8).map(|number| world.person(&format!("Людина {number}"))).collect();
    let chats: Vec<_> = people.iter().map(|person| world.supergroup("Друзі", &[*person])).collect();
    bot.gemini().answer_with(|_| Reply::say("Так."));
    bot.gemini().set_latency(Duration::from_millis(1_200));
    for (person, chat) in people.iter().zip(&chats).take(6) {
        bot.say(*chat, *person, "Гряг, що думаєш?").await;
    }
    bot.gemini().fail_always("*", GeminiFault::BadKey);
    for (person, chat) in people.iter().zip(&chats).skip(6) {
        bot.say(*chat, *person, "Гряг, а ти?").await;
    }
    bot.gemini().heal();
    bot.settle().await;
    let updates = bot.metric("gryag_updates_total", &["outcome=\"admitted\""]);
    let answered = bot.metric("gryag_addressed_total", &["outcome=\"answered\""]);
    let addressed = bot.metric("gryag_addressed_total", &[]);
    let prompt = bot.metric("gryag_gemini_tokens_total", &["kind=\"prompt\""]);
    let money = bot.metric("gryag_gemini_cost_nano_usd_total", &[]);
    assert!((addressed - answered - 2.0).abs() < 0.1, "two have failed: {}", bot.outcomes());
    tokio::time::sleep(Duration::from_secs(61)).await;

    for span in ["hour", "day", "week"] {
        let page = browser.get(&format!("/dashboard/trends?span={span}&lang=en")).await.text;
        let traffic = table(&page, "traffic");
        assert!((sum(&traffic, 0) - updates).abs() < 0.1, "{span}: {traffic:?} but {updates}");
        assert!((sum(&traffic, 1) - answered).abs() < 0.1, "{span}: {traffic:?} but {answered}");
        let failed = format!("{:.1} %", 100.0 * (1.0 - answered / addressed));
        assert_eq!(told(&table(&page, "failed"), 0), [failed.replace(".0 %", " %")], "{span}");
        // The model took 1.2 s, in the bucket from 1 to 1.5.
        let (gemini, own) = (table(&page, "gemini"), table(&page, "own"));
        let [half] = told(&gemini, 0)[..] else { panic!("{span}: one row") };
        let half: f64 = half.trim_end_matches(" s").parse().expect("seconds");
        assert!((1.0..=1.5).contains(&half), "{span}: {half}");
        let [ours] = told(&own, 0)[..] else { panic!("{span}: one row") };
        assert!(ours.ends_with(" ms"), "{span}: {ours} is ours");
        let tokens = table(&page, "tokens");
        let columns = 0..tokens[0].len();
        assert!(columns.into_iter().any(|column| (sum(&tokens, column) - prompt).abs() < 0.1), "{span}: {tokens:?}");
        assert_eq!(told(&table(&page, "money"), 0).first(), Some(&format!("${:.4}", money / 1e9).as_str()), "{span}");
        let kinds = table(&page, "kinds");
        assert!(page.contains("gemini permanent") && sum(&kinds, 0) >= 2.0, "{span}: {kinds:?}");
        assert!(told(&table(&page, "memory"), 0).iter().all(|cell| cell.ends_with(" MB")), "{span}");
    }
    watched.bot.finish_with_errors().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_replica_counted_before_it_stopped_is_told() {
    let mut watched = Watched::start().await;
    let person = watched.bot.world().person("Оля");
    let chat = watched.bot.world().supergroup("Друзі", &[person]);
    watched.bot.say(chat, person, "Гряг, ти тут?").await;
    watched.bot.settle().await;
    watched.bot.begin_stop(Duration::ZERO, Duration::from_secs(30)).await;
    watched.bot.stopped().await.expect("a clean stop");
    watched.bot.restart_stopped().await;
    let mut browser = watched.browser().await;
    let page = browser.get("/dashboard/trends?lang=en").await.text;
    assert!(sum(&table(&page, "traffic"), 1) >= 1.0, "{page}");
    watched.bot.finish().await;
}

//! What an admin reads.

use super::ledger::News;
use crate::{
    domain::{AlarmState, Language},
    locale::{self, say},
};

/// One message of all that is new. Runbook entries are named by `runbook`, a file or an address.
pub(super) fn message(language: Language, runbook: &str, news: &[(AlarmState, News)]) -> String {
    let calls = news.iter().any(|(_, new)| matches!(new, News::Began | News::Lasts));
    let mut paragraphs = vec![if calls { say!(language, "alarm-head") } else { say!(language, "alarm-head-over") }];
    paragraphs.extend(news.iter().map(|(state, new)| {
        let what = locale::alarm(language, state);
        let link = format!("{runbook}#{}", state.alarm.as_str().to_lowercase());
        let since = locale::moment(language, state.since.unwrap_or(state.turned_at));
        match new {
            News::Began => say!(language, "alarm-began", what = &what, since = &since, link = &link),
            News::Lasts => say!(language, "alarm-lasts", what = &what, since = &since, link = &link),
            News::Over => say!(language, "alarm-over", what = &what, until = &since),
            News::Passed => say!(language, "alarm-passed", what = &what, until = &since, link = &link),
        }
    }));
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;
    use crate::domain::{Alarm, Timestamp};

    fn state(alarm: Alarm) -> AlarmState {
        let at = Timestamp::from_seconds(1_795_538_400);
        AlarmState {
            alarm,
            holds: true,
            turned_at: at,
            fires: true,
            since: Some(at),
            began_at: Some(at),
            told: None,
            times_told: 0,
            number: 150,
        }
    }

    #[test]
    fn every_alarm_has_words_and_an_entry_in_the_runbook() {
        let runbook = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/runbook.md")).unwrap();
        let entries: BTreeSet<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        for language in [Language::Ukrainian, Language::English] {
            let mut told = BTreeSet::new();
            for alarm in Alarm::ALL {
                assert!(entries.contains(alarm.as_str()), "deploy/runbook.md has no {}", alarm.as_str());
                let words = message(language, "deploy/runbook.md", &[(state(*alarm), News::Began)]);
                let link = format!("deploy/runbook.md#{}", alarm.as_str().to_lowercase());
                assert!(words.contains(&link) && !words.contains("alarm-") && !words.contains('$'), "{words}");
                assert!(told.insert(locale::alarm(language, &state(*alarm))));
            }
        }
    }

    #[test]
    fn a_message_says_what_since_when_and_what_to_do() {
        let news = [
            (state(Alarm::ErrorRate), News::Began),
            (AlarmState { number: 1, ..state(Alarm::BreakerOpen) }, News::Over),
        ];
        let expected = "🔔 Треба глянути на Гряга.\n\n\
             ⚠️ 1.5 % звернень за пів години лишилися без належної відповіді.\n\
             Відколи: вівторок, 24 листопада 2026, 18:40. Що робити: r#gryagerrorrate\n\n\
             ✅ Минулося: Модель уже кілька хвилин не відповідає, її майже не питаю.\n\
             Коли: вівторок, 24 листопада 2026, 18:40";
        assert_eq!(message(Language::Ukrainian, "r", &news), expected);
        let over = message(Language::Ukrainian, "r", &news[1..]);
        assert!(over.starts_with("🔔 Знову все гаразд."), "{over}");
    }
}

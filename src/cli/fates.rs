//! What the sandbox's page tells beside the messages, out of the bot's own store.

use std::{fmt::Write as _, time::Duration};

use async_trait::async_trait;

use crate::{
    clock::{Clock as _, SystemClock},
    decision::{
        budget::{Refusal, TalkRules, allowance, may_say},
        gate::{Moment, gauge},
        recent::{RECENT_MAX, Recent},
    },
    domain::{AuthorKind, ChatId, MessageId, QuietHours, UnaskedKind, Why},
    sandbox::page::{Fate, Fates, TalkBudget},
    storage::{ChatStore as _, MemoryStore as _, TalkStore as _, WindowRequest, sqlite::SqliteStore},
};

/// How far back a message is looked for: as many as the page asks for, and what was said before them.
const WINDOW: u32 = 60;
const HOUR: Duration = Duration::from_secs(3600);

/// Asks the store, and gauges anew what the bot gauged: the gate is a pure function of what was said.
pub(super) struct StoreFates {
    store: SqliteStore,
    rules: TalkRules,
}

impl StoreFates {
    pub(super) const fn new(store: SqliteStore, rules: TalkRules) -> Self {
        Self { store, rules }
    }

    /// What kind of moment a person's message in a group was.
    async fn moment(&self, chat: ChatId, message: MessageId) -> Option<Fate> {
        let found = self.store.message(chat, message).await.ok()??;
        if matches!(found.author.kind, AuthorKind::Own | AuthorKind::Bot) {
            return None;
        }
        let request = WindowRequest { chat, topic: found.topic, limit: WINDOW, block: 1 };
        let mut window = self.store.window(request).await.ok()?;
        window.retain(|other| other.id <= message);
        let gauge = gauge(&Recent::of(&window[window.len().saturating_sub(RECENT_MAX)..]));
        Some(Fate { words: format!("момент: {}", moment(gauge.moment)), score: Some(gauge.score) })
    }
}

#[async_trait]
impl Fates for StoreFates {
    async fn fate(&self, chat: ChatId, message: MessageId) -> Option<Fate> {
        if let Some(why) = self.store.why(chat, message).await.ok()? {
            return Some(Fate { words: words(&why), score: why.score });
        }
        if is_group(chat) { self.moment(chat, message).await } else { None }
    }

    async fn talk_budget(&self, chat: ChatId) -> Option<TalkBudget> {
        if !is_group(chat) {
            return None;
        }
        let now = SystemClock.now();
        let state = self.store.standing(chat, Vec::new()).await.ok()?.chat;
        let log = self.store.talk_log(chat, now).await.ok()?;
        let may = allowance(state.settings.talk_level.unwrap_or_default(), &log, &self.rules, now);
        let lines = |quarters: u32| f64::from(quarters) / f64::from(UnaskedKind::Line.quarters());
        let said = |within: Duration| {
            let recent = log.unasked.iter().filter(|one| now.since(one.at) < within);
            lines(recent.map(|one| one.kind.quarters()).sum())
        };
        let refusal = may_say(UnaskedKind::Line, &state, &log, &self.rules, now).err();
        Some(TalkBudget {
            hour: said(HOUR),
            hour_max: lines(may.hour_quarters),
            day: said(24 * HOUR),
            day_max: lines(may.day_quarters),
            why_not: refusal.map(|refusal| match refusal {
                Refusal::QuietHours => until_morning(state.settings.quiet_hours.unwrap_or(QuietHours::NIGHT)),
                refusal => why_not(refusal).to_owned(),
            }),
        })
    }
}

/// Telegram's groups have ids below zero.
const fn is_group(chat: ChatId) -> bool {
    chat.0 < 0
}

const fn moment(moment: Moment) -> &'static str {
    match moment {
        Moment::OpenQuestion => "питання до всіх",
        Moment::OwnTopic => "про ботів",
        Moment::SharedJoy => "спільна радість",
        Moment::Greeting => "вітаються",
        Moment::Boredom => "комусь нудно",
        Moment::BetweenPeople => "люди між собою",
        Moment::Plain => "звичайний",
    }
}

const fn why_not(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Forbidden => "сам не озивається",
        Refusal::NoReactions => "реакції вимкнено",
        Refusal::Silenced => "просили помовчати",
        Refusal::Grave => "тут не до жартів",
        Refusal::QuietHours => "тихі години",
        Refusal::Spent => "поки що досить",
    }
}

/// Whoever tries it at night is told how to hear a word all the same.
fn until_morning(hours: QuietHours) -> String {
    format!("{} до {}:00 за Києвом, змінити: /settings", why_not(Refusal::QuietHours), hours.to)
}

/// `на ім'я · gemini-3.8-flash · 812 токенів · $0,0004`.
fn words(why: &Why) -> String {
    let mut words = trigger(&why.trigger).to_owned();
    if why.is_cached {
        words.push_str(" · з кешу");
    } else if let Some(model) = &why.model {
        let tokens = why.usage.prompt + why.usage.thoughts + why.usage.answer;
        let _ = write!(words, " · {model} · токенів: {tokens}");
        if let Some(nano) = why.cost_nano_usd {
            #[expect(clippy::cast_precision_loss, reason = "shown to four digits")]
            let usd = nano as f64 / 1e9;
            let _ = write!(words, " · ${}", format!("{usd:.5}").replace('.', ","));
        }
    }
    words
}

fn trigger(word: &str) -> &str {
    match word {
        "private" => "приватна розмова",
        "mention" => "згадали через @",
        "reply" => "відповіли йому",
        "name" => "гукнули на ім'я",
        "open_question" => "питання до всіх",
        "own_topic" => "його тема",
        "shared_joy" => "спільна радість",
        "greeting" => "вітаються",
        "boredom" => "комусь нудно",
        "random" => "випало",
        "reaction" => "реакція",
        "silence" | "spontaneous" => "у чаті затихло",
        other => other,
    }
}

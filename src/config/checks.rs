//! Values that do not go together, and values that are right but do less than it seems.

use super::{
    Advanced, Config, Essential, Gemini, Intake,
    address::{self, Parts},
    models, prices,
    problem::Problem,
    settings::Settings,
};

/// Ports that Telegram calls (telegram_api.md section 2); a Bot API server of one's own calls any.
const WEBHOOK_PORTS: [u16; 4] = [443, 80, 88, 8443];

/// Adds a problem for each pair of keys that clash. A pair of which one is wrong already is left out: what stands in
/// for it says nothing.
pub(super) fn add_conflicts(settings: &mut Settings, essential: &Essential, gemini: &Gemini, advanced: &Advanced) {
    let conflicts = [
        ("TELEGRAM_WEBHOOK_URL", "TELEGRAM_API_URL", webhook_conflict(essential, advanced)),
        ("GEMINI_THINKING_LEVEL", "GEMINI_MODEL", thinking_conflict(gemini)),
        ("GEMINI_TIMEOUT_SECONDS", "BOT_TURN_DEADLINE_SECONDS", timeout_conflict(gemini, advanced)),
        ("BOT_DRAIN_SECONDS", "BOT_SHUTDOWN_GRACE_SECONDS", drain_conflict(advanced)),
    ];
    for (key, other, conflict) in conflicts {
        if let Some(text) = conflict
            && !settings.has_problem(key)
            && !settings.has_problem(other)
        {
            settings.problems.push(Problem::Conflict { key, text });
        }
    }
}

fn webhook_conflict(essential: &Essential, advanced: &Advanced) -> Option<String> {
    let webhook = address::parts(essential.webhook_url.as_deref()?)?;
    let is_cloud = address::parts(&advanced.api_url).is_some_and(|api| api.host == "api.telegram.org");
    if webhook.is_loopback() || !is_cloud {
        return None;
    }
    telegram_refuses(&webhook)
}

fn telegram_refuses(webhook: &Parts) -> Option<String> {
    if webhook.scheme != "https" {
        return Some("must begin with `https://`: Telegram calls nothing else".to_owned());
    }
    let port = webhook.port.filter(|port| !WEBHOOK_PORTS.contains(port))?;
    Some(format!("has port {port}; Telegram calls 443, 80, 88 and 8443 only"))
}

fn thinking_conflict(gemini: &Gemini) -> Option<String> {
    let (level, model) = (gemini.thinking_level?, &gemini.model);
    let levels = models::thinking_levels(model)?;
    if levels.contains(&level) {
        return None;
    }
    let words: Vec<&str> = levels.iter().map(|level| level.as_str()).collect();
    Some(match words.as_slice() {
        [] => format!("is `{}`, but {model} takes no level; leave it empty", level.as_str()),
        _ => format!("is `{}`, but {model} takes {}", level.as_str(), words.join(", ")),
    })
}

fn timeout_conflict(gemini: &Gemini, advanced: &Advanced) -> Option<String> {
    let (timeout, deadline) = (gemini.timeout.as_secs(), advanced.turn_deadline.as_secs());
    (timeout > deadline).then(|| format!("is {timeout}; it must be at most BOT_TURN_DEADLINE_SECONDS, {deadline}"))
}

fn drain_conflict(advanced: &Advanced) -> Option<String> {
    let (drain, grace) = (advanced.drain.as_secs(), advanced.shutdown_grace.as_secs());
    (drain >= grace).then(|| format!("is {drain}; it must be less than BOT_SHUTDOWN_GRACE_SECONDS, {grace}"))
}

/// What is worth saying at start.
pub(super) fn notices(config: &Config) -> Vec<String> {
    let gemini = &config.gemini;
    let mut notices = Vec::new();
    for model in gemini.models() {
        if let Some(notice) = models::lifecycle_notice(model) {
            notices.push(format!("the model {model} {notice}; the default is gemini-3.8-flash"));
        }
        if !prices::built_in().lists(model) {
            notices.push(format!(
                "what {model} costs is not known: it is shown as unknown, and budgets count its tokens at the dearest price"
            ));
        }
        if gemini.temperature.is_some() && gemini.temperature_for(model).is_none() {
            notices.push(format!("GEMINI_TEMPERATURE is not sent to {model}, which ignores it"));
        }
        if let Some(level) = gemini.thinking_level
            && models::thinking_levels(model).is_some_and(|levels| !levels.contains(&level))
        {
            let level = level.as_str();
            notices.push(format!("GEMINI_THINKING_LEVEL {level} is not for {model}, which is asked for its least"));
        }
    }
    if config.essential.intake == Intake::Poll && config.essential.webhook_url.is_some() {
        notices.push("TELEGRAM_WEBHOOK_URL is not registered, because BOT_INTAKE is poll".to_owned());
    }
    if gemini.fallback_model.as_ref() == Some(&gemini.model) {
        notices.push(
            "GEMINI_FALLBACK_MODEL is GEMINI_MODEL itself, so there is no other model to fall back to".to_owned(),
        );
    }
    notices
}

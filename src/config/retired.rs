//! The keys of the bot that this one replaces, so that an old `.env` is answered with what to do about each line.
//! Old keys that still mean the same are not here.

/// A key that is no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retired {
    /// Its name; a `*` at its end stands for any ending.
    pub name: &'static str,
    /// The key to use instead, if there is one.
    pub instead: Option<&'static str>,
    /// Why it is gone, or how the new one differs.
    pub because: &'static str,
}

const fn moved(name: &'static str, instead: &'static str, because: &'static str) -> Retired {
    Retired { name, instead: Some(instead), because }
}

const fn gone(name: &'static str, because: &'static str) -> Retired {
    Retired { name, instead: None, because }
}

/// All of them.
pub const RETIRED: &[Retired] = &[
    moved("BOT_ADMIN_ID", "ADMIN_ID", "it has one name now"),
    moved("BOT_PERSONA_NAME", "BOT_PERSONA", "the names stand in the persona file"),
    moved("BOT_PERSONA_DESC", "BOT_PERSONA", "the character stands in the persona file"),
    moved("BOT_TRIGGER_KEYWORDS", "BOT_PERSONA", "the names that it answers to stand in the persona file"),
    gone("BOT_REPLY_TO_BOT_CHANCE", "whoever replies to the bot is always answered"),
    moved("BOT_REPLY_TO_BOT_REACTION_CHANCE", "BOT_REACTION_CHANCE", "there is one chance for all reactions"),
    gone("BOT_MAX_REPLIES_PER_HOUR", "what it says unasked is bounded by each chat's talk budget"),
    moved("BOT_SPONTANEOUS_CHANCE", "BOT_RANDOM_REPLY_CHANCE", "each chat's talk budget bounds spontaneous lines too"),
    moved("BOT_SPONTANEOUS_MIN_PAUSE", "BOT_MIN_SILENCE_MINUTES", "one pause holds for all that it says unasked"),
    moved("BOT_SPAM_TIMEOUT", "BOT_SPAM_THRESHOLD", "a person who floods is ignored until the flood ends"),
    gone("BOT_SPAM_REPLIES", "a person who floods is ignored in silence"),
    gone("BOT_SPAM_REPLY_CHANCE", "a person who floods is ignored in silence"),
    moved("BOT_REACTION_ON_MENTIONS", "BOT_REACTION_CHANCE", "a mention is answered with words"),
    moved(
        "BOT_IGNORE_OLD_MESSAGES",
        "BOT_MAX_MESSAGE_AGE_MINUTES",
        "old messages are always remembered, never answered",
    ),
    gone("BOT_ERROR_REPLY_CHANCE", "who addressed it hears one short line, at most once in ten minutes a chat"),
    moved("BOT_RATE_LIMIT_PER_CHAT", "TELEGRAM_RATE_GROUP_PER_MINUTE", "what is beyond it waits instead of being lost"),
    moved("BOT_GLOBAL_RATE_LIMIT", "TELEGRAM_RATE_GLOBAL_PER_SECOND", "counted a second, not a minute"),
    gone("GEMINI_API_VERSION", "the version belongs to the code that speaks it"),
    gone("GEMINI_TOP_P", "the newest models ignore it"),
    gone("GEMINI_TOP_K", "the newest models ignore it"),
    gone("GEMINI_CACHE_ENABLED", "caching needs no switch: each cache is bounded and never repeats a conversation"),
    gone("GEMINI_ENABLE_CACHE", "caching needs no switch: each cache is bounded and never repeats a conversation"),
    gone("GEMINI_CACHE_TTL", "each cache has its own fixed lifetime"),
    moved("GEMINI_ENABLE_THINKING", "GEMINI_THINKING_LEVEL", "the least thinking is the default"),
    moved("GEMINI_THINKING_BUDGET", "GEMINI_THINKING_LEVEL", "models take a level instead of a budget"),
    gone("GEMINI_ENABLE_SAFETY_OVERRIDE", "the safety settings belong to the code"),
    gone("GEMINI_SAFETY_*", "the safety settings belong to the code"),
    gone("GEMINI_ENABLE_STRUCTURED_OUTPUT", "answers are text"),
    gone("GEMINI_RESPONSE_MIME_TYPE", "answers are text"),
    moved("GEMINI_SYSTEM_INSTRUCTION", "BOT_PERSONA", "the instruction stands in the persona file"),
    moved("BOT_MAX_CONTEXT_SIZE", "BOT_MAX_CONTEXT_TOKENS", "counted in tokens, not characters"),
    moved("BOT_CONTEXT_CHAR_ESTIMATE", "BOT_MAX_CONTEXT_TOKENS", "counted in tokens, not characters"),
    gone("BOT_TOKENS_PER_CHAR", "tokens are estimated by the script of the text and compared with Gemini's count"),
    moved("BOT_REPLY_TIMEOUT", "BOT_TURN_DEADLINE_SECONDS", "it holds for all tries of one answer together"),
    gone("BOT_AUTO_SCAN_HISTORY", "a bot cannot read what was said before it came"),
    gone("BOT_MAX_HISTORY_SCAN", "a bot cannot read what was said before it came"),
    gone("BOT_LOCAL_ANALYSIS_ENABLED", "the analysis is built in and always on"),
    gone("BOT_LOCAL_MODEL_TYPE", "the analysis is built in and loads no model"),
    gone("BOT_ANALYSIS_BATCH_SIZE", "the analysis is built in and needs no batches"),
    gone("BOT_ANALYSIS_CACHE_HOURS", "each cache has its own fixed lifetime"),
    moved("BOT_ANALYSIS_CLEANUP_DAYS", "BOT_RETENTION_DAYS", "derived data goes with the messages"),
    gone("BOT_ENHANCED_CONTEXT_ENABLED", "there is one way to gather the context"),
    gone("USE_ASYNC_DB", "there is one store"),
    gone("BACKUP_MAX_COUNT", "24 hourly, 7 daily and 4 weekly backups are kept"),
    gone("BACKUP_INTERVAL_HOURS", "a backup is made each hour"),
    moved("BOT_WEB_PORT", "BOT_HTTP_ADDR", "an address and a port, such as 0.0.0.0:8080"),
    gone("DEBUG", "set RUST_LOG=gryag=debug instead"),
];

/// The retired key of this name.
pub(super) fn find(name: &str) -> Option<&'static Retired> {
    RETIRED.iter().find(|retired| match retired.name.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => retired.name == name,
    })
}

impl Retired {
    /// What to do about it. `is_instead_set`: whether the new key is set as well.
    pub fn advice(&self, is_instead_set: bool) -> String {
        match self.instead {
            Some(instead) if is_instead_set => format!("delete it, {instead} is set too ({})", self.because),
            Some(instead) => format!("use {instead} ({})", self.because),
            None => format!("delete it ({})", self.because),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{
        super::{Config, ConfigError, Problem, Purpose, key_named},
        RETIRED,
    };

    fn load(variables: impl IntoIterator<Item = (&'static str, &'static str)>) -> Result<Config, ConfigError> {
        let variables = variables.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned()));
        Config::load(variables, None, Purpose::Serve)
    }

    /// Every key that origin.md section 4 names, with a value that it had.
    pub(in crate::config) const OLD: [(&str, &str); 67] = [
        ("TELEGRAM_BOT_TOKEN", "12345678:AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDD"),
        ("GEMINI_API_KEY", "key"),
        ("ADMIN_ID", "1000"),
        ("BOT_DATA_DIR", "data"),
        ("BOT_PERSONA_NAME", "Гряг"),
        ("BOT_PERSONA_DESC", "дух чату"),
        ("BOT_TRIGGER_KEYWORDS", "гряг,бот"),
        ("BOT_RANDOM_REPLY_CHANCE", "0.25"),
        ("BOT_SMART_REPLY_CHANCE", "0.20"),
        ("BOT_REPLY_TO_BOT_CHANCE", "0.85"),
        ("BOT_REPLY_TO_BOT_REACTION_CHANCE", "0.70"),
        ("BOT_MAX_REPLIES_PER_HOUR", "6"),
        ("BOT_MIN_SILENCE_MINUTES", "12"),
        ("BOT_AUTONOMOUS_MODE", "True"),
        ("BOT_SPONTANEOUS_CHANCE", "0.005"),
        ("BOT_SPONTANEOUS_MIN_PAUSE", "40"),
        ("BOT_SPAM_THRESHOLD", "8"),
        ("BOT_SPAM_TIMEOUT", "120"),
        ("BOT_SPAM_REPLIES", "a;b"),
        ("BOT_SPAM_REPLY_CHANCE", "0.15"),
        ("BOT_REACTION_CHANCE", "0.12"),
        ("BOT_REACTION_ON_MENTIONS", "true"),
        ("BOT_IGNORE_OLD_MESSAGES", "true"),
        ("BOT_MAX_MESSAGE_AGE_MINUTES", "10"),
        ("BOT_ERROR_REPLY_CHANCE", "0.15"),
        ("BOT_RATE_LIMIT_PER_CHAT", "6"),
        ("BOT_GLOBAL_RATE_LIMIT", "30"),
        ("GEMINI_MODEL", "gemini-2.5-flash"),
        ("GEMINI_API_VERSION", "v1beta"),
        ("GEMINI_TEMPERATURE", "0.2"),
        ("GEMINI_MAX_OUTPUT_TOKENS", "70"),
        ("GEMINI_TOP_P", "0.8"),
        ("GEMINI_TOP_K", "40"),
        ("GEMINI_RATE_LIMIT_RPM", "45"),
        ("GEMINI_CACHE_ENABLED", "true"),
        ("GEMINI_ENABLE_CACHE", "true"),
        ("GEMINI_CACHE_TTL", "300"),
        ("GEMINI_ENABLE_THINKING", "false"),
        ("GEMINI_THINKING_BUDGET", "2048"),
        ("GEMINI_ENABLE_SAFETY_OVERRIDE", "true"),
        ("GEMINI_ENABLE_STRUCTURED_OUTPUT", "false"),
        ("GEMINI_SYSTEM_INSTRUCTION", "x"),
        ("GEMINI_SAFETY_HARASSMENT", "BLOCK_NONE"),
        ("GEMINI_SAFETY_HATE_SPEECH", "BLOCK_NONE"),
        ("GEMINI_RESPONSE_MIME_TYPE", "text/plain"),
        ("BOT_CONTEXT_LIMIT", "1000"),
        ("BOT_MAX_CONTEXT_SIZE", "15000"),
        ("BOT_MAX_CONTEXT_TOKENS", "800000"),
        ("BOT_CONTEXT_CHAR_ESTIMATE", "2000000"),
        ("BOT_TOKENS_PER_CHAR", "0.4"),
        ("BOT_REPLY_TIMEOUT", "10"),
        ("BOT_AUTO_SCAN_HISTORY", "true"),
        ("BOT_MAX_HISTORY_SCAN", "500"),
        ("BOT_LOCAL_ANALYSIS_ENABLED", "true"),
        ("BOT_LOCAL_MODEL_TYPE", "sentence_transformers"),
        ("BOT_ANALYSIS_BATCH_SIZE", "5"),
        ("BOT_ANALYSIS_CACHE_HOURS", "24"),
        ("BOT_ANALYSIS_CLEANUP_DAYS", "7"),
        ("BOT_ENHANCED_CONTEXT_ENABLED", "true"),
        ("USE_ASYNC_DB", "true"),
        ("BACKUP_MAX_COUNT", "10"),
        ("BACKUP_INTERVAL_HOURS", "6"),
        ("BOT_WEB_PORT", "1488"),
        ("DEBUG", "false"),
        ("BOT_ADMIN_ID", "1000"),
        ("GEMINI_SAFETY_DANGEROUS_CONTENT", "BLOCK_NONE"),
        ("GEMINI_SAFETY_SEXUALLY_EXPLICIT", "BLOCK_ONLY_HIGH"),
    ];

    #[test]
    fn each_key_of_the_old_bot_is_a_key_still_or_is_told_what_became_of_it() {
        for (name, text) in OLD {
            let essentials = OLD[..3].iter().filter(|(key, _)| *key != name).copied();
            let loaded = load(essentials.chain([(name, text)]));
            let Some(key) = key_named(name) else {
                let said = match loaded {
                    Ok(config) => config.notices().join("\n"),
                    Err(error) => error.to_string(),
                };
                assert!(said.contains(name) && !said.contains("is not a key"), "{name}: {said}");
                continue;
            };
            if let Err(error) = loaded {
                let said = error.to_string();
                assert!(said.starts_with(name) && said.contains(&key.takes()), "{said}");
            }
        }
    }

    #[test]
    fn an_old_env_file_is_answered_line_by_line() {
        let error = load(OLD).unwrap_err();
        let told = error.problems.iter().filter(|problem| matches!(problem, Problem::Retired { .. })).count();
        let gone = OLD.iter().filter(|(name, _)| key_named(name).is_none() && *name != "DEBUG").count();
        assert_eq!(told, gone);
        assert!(!error.problems.iter().any(|problem| matches!(problem, Problem::Unknown { .. })), "{error}");
    }

    #[test]
    fn what_replaces_an_old_key_is_a_key_and_no_old_key_is_one() {
        for retired in RETIRED {
            assert!(key_named(retired.name).is_none(), "{}", retired.name);
            assert!(retired.instead.is_none_or(|instead| key_named(instead).is_some()), "{}", retired.name);
        }
    }
}

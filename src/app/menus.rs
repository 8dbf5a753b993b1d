//! The commands that Telegram suggests, by audience and language: set when they have changed, once for both replicas.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};

use super::{
    Build,
    attempts::{AttemptError, Pauses, Progress, boxed, until_done},
};
use crate::{
    commands::{Audience, Shown, shown_commands},
    domain::{ChatId, Language, UserId},
    errors::ErrorHandler,
    shutdown::Shutdown,
    storage::SharedStore,
    telegram::{CommandScope, Telegram, TelegramError},
};

/// The lease under which one replica sets them; longer than its calls.
const LEASE: &str = "menus";
const LEASE_TIME: Duration = Duration::from_secs(180);
/// The fact that tells what Telegram has: a digest of each list.
const FACT: &str = "menus";
/// The webhook goes first. An admin who has not yet opened the bot's chat has no menu there.
const PAUSES: Pauses =
    Pauses { begin: Duration::from_secs(2), first: Duration::from_secs(10), last: Duration::from_secs(600) };

pub(super) struct Menus {
    telegram: Telegram,
    store: Arc<dyn SharedStore>,
    owner: String,
    admins: Vec<UserId>,
    language: Language,
    errors: ErrorHandler,
    shutdown: Shutdown,
}

/// One list for one audience in one language.
struct Menu {
    key: String,
    scope: CommandScope,
    language: Option<&'static str>,
    commands: Vec<Shown>,
}

impl Menu {
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (name, what) in &self.commands {
            digest.update(format!("{name}\0{what}\0"));
        }
        hex::encode(digest.finalize()).chars().take(16).collect()
    }
}

impl Menus {
    pub(super) fn new(build: &Build) -> Self {
        Self {
            telegram: build.telegram.clone(),
            store: Arc::new(build.store.clone()),
            owner: build.owner.clone(),
            admins: build.config.essential.admins.clone(),
            language: build.config.behavior.language,
            errors: build.errors.clone(),
            shutdown: build.shutdown.clone(),
        }
    }

    /// Tries until everything is set or the process stops.
    pub(super) async fn run(self) {
        until_done(PAUSES, &self.errors, &self.shutdown, || self.once()).await;
    }

    /// Done once Telegram has every list.
    async fn once(&self) -> Result<Progress, AttemptError> {
        if !self.store.lease(LEASE, &self.owner, LEASE_TIME).await.map_err(boxed)? {
            return Ok(Progress::NotYet);
        }
        let stored = self.store.fact(FACT).await.map_err(boxed)?;
        let mut known: BTreeMap<String, String> =
            stored.and_then(|stored| serde_json::from_str(&stored).ok()).unwrap_or_default();
        let mut outcome = Ok(Progress::Done);
        let mut changed = false;
        for menu in self.menus() {
            let digest = menu.digest();
            if known.get(&menu.key) == Some(&digest) {
                continue;
            }
            let commands: Vec<(&str, &str)> = menu.commands.iter().map(|(name, what)| (*name, what.as_str())).collect();
            match self.telegram.set_my_commands(menu.scope, menu.language, &commands).await {
                Ok(()) => {
                    changed = true;
                    known.insert(menu.key, digest);
                }
                // The admin has not opened the bot's chat yet.
                Err(TelegramError::ChatGone { .. }) if matches!(menu.scope, CommandScope::Chat(_)) => {
                    outcome = Ok(Progress::NotYet)
                }
                Err(error) => {
                    outcome = Err(boxed(error));
                    break;
                }
            }
        }
        if changed {
            self.store.set_fact(FACT, serde_json::json!(known).to_string()).await.map_err(boxed)?;
        }
        self.store.end_lease(LEASE, &self.owner).await.map_err(boxed)?;
        outcome
    }

    fn menus(&self) -> Vec<Menu> {
        let mut audiences = vec![
            ("default".to_owned(), CommandScope::Default, Audience::Private),
            ("private".to_owned(), CommandScope::AllPrivateChats, Audience::Private),
            ("groups".to_owned(), CommandScope::AllGroupChats, Audience::Group),
            ("admins".to_owned(), CommandScope::AllChatAdministrators, Audience::Group),
        ];
        for admin in &self.admins {
            audiences.push((format!("owner {admin}"), CommandScope::Chat(ChatId(admin.0)), Audience::Owner));
        }
        let languages = [Language::Ukrainian, Language::English];
        audiences
            .into_iter()
            .flat_map(|(key, scope, audience)| {
                languages.map(|language| Menu {
                    key: format!("{key} {}", language.code()),
                    scope,
                    // The bot's own language is for everybody who has no list of their own.
                    language: (language != self.language).then(|| language.code()),
                    commands: shown_commands(audience, language),
                })
            })
            .collect()
    }
}

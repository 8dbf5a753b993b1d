//! `gryag init`: from nothing to a bot that has answered.

mod asking;
mod trial;

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use self::asking::{ask, ask_secret, ask_whether};
use super::{
    CliError,
    doctor::{Finding, outside, public},
    say,
};
use crate::{
    app::{AppError, telegram_options},
    clock::SystemClock,
    config::{Config, Converted, Intake, Purpose, convert_old},
    telegram::Telegram,
    telemetry::Metrics,
    transport::{Transport, TransportOptions, http_client},
};

#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// Where the settings are written.
    #[arg(long, value_name = "FILE", default_value = ".env")]
    to: PathBuf,
    /// Begin with what still holds of the old bot's `.env`, and say what does not.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// End when the settings are written, without waiting for a first message.
    #[arg(long)]
    no_trial: bool,
}

pub(super) async fn init(file: Option<&Path>, args: InitArgs) -> Result<(), CliError> {
    if args.to.exists() && !ask_whether(&format!("{} is there already. Write it anew?", args.to.display()), false)? {
        return Err(CliError::Failed(format!("{} is left as it is", args.to.display())));
    }
    let old = args.from.as_deref().map(read_old).transpose()?.unwrap_or_default();
    let transport = http_client(TransportOptions::default()).map_err(AppError::from)?;
    let mut draft = Draft { file: file.map(Path::to_owned), settings: old.kept, transport };
    let username = draft.settle_token().await?;
    draft.settle_key().await?;
    draft.settle_admin()?;
    draft.settle_address().await?;
    let config = draft.config(Purpose::Serve)?;
    write_privately(&args.to, &draft.text(&config))?;
    say(format!("{} is written, for your eyes only.", args.to.display()))?;
    if !args.no_trial {
        trial::trial(&config, &username).await?;
    }
    say_what_next(&args.to)
}

fn read_old(path: &Path) -> Result<Converted, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::Usage(format!("{} cannot be read: {error}", path.display())))?;
    let old = convert_old(&text);
    let names: Vec<&str> = old.kept.iter().map(|(name, _)| name.as_str()).collect();
    say(format!("Taken over from {}: {}", path.display(), names.join(", ")))?;
    old.told.iter().try_for_each(|line| say(format!("  {line}")))?;
    Ok(old)
}

/// The settings so far.
struct Draft {
    file: Option<PathBuf>,
    settings: Vec<(String, String)>,
    transport: Transport,
}

impl Draft {
    fn config(&self, purpose: Purpose) -> Result<Config, CliError> {
        Ok(Config::from_process_under(self.file.as_deref(), &self.settings, purpose)?)
    }

    fn unset(&mut self, key: &str) {
        self.settings.retain(|(name, _)| name != key);
    }

    /// Sets a key, if it may be so; else says what would be right.
    fn set(&mut self, key: &str, text: &str) -> Result<Option<Config>, CliError> {
        self.unset(key);
        if text.is_empty() {
            say(format!("{key} is needed."))?;
            return Ok(None);
        }
        self.settings.push((key.to_owned(), text.to_owned()));
        match self.config(Purpose::Offline) {
            Ok(config) => Ok(Some(config)),
            Err(CliError::Config(error))
                if error.problems.iter().any(|problem| problem.to_string().starts_with(key)) =>
            {
                self.unset(key);
                // An answer stands among the variables, but came from nowhere.
                error.problems.iter().try_for_each(|problem| say(problem.to_string().replace(" (environment)", "")))?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What an old file said of a key, else an answer; each only once.
    fn next(&mut self, key: &str, answer: impl FnOnce() -> Result<String, CliError>) -> Result<String, CliError> {
        match self.settings.iter().position(|(name, _)| name == key) {
            Some(place) => Ok(self.settings.remove(place).1),
            None => answer(),
        }
    }

    /// Returns the bot's @username.
    async fn settle_token(&mut self) -> Result<String, CliError> {
        const KEY: &str = "TELEGRAM_BOT_TOKEN";
        loop {
            let token = self.next(KEY, || ask_secret("The bot's token (@BotFather, /newbot)"))?;
            let Some(config) = self.set(KEY, &token)? else { continue };
            let telegram = Telegram::new(self.transport.clone(), telegram_options(&config), Metrics::new());
            outside::account(&telegram).await.iter().try_for_each(say)?;
            let (Ok(me), Ok(webhook)) = (telegram.get_me().await, telegram.get_webhook_info().await) else {
                self.unset(KEY);
                continue;
            };
            let taken =
                "This bot has a webhook, so it may be running elsewhere; it would fall silent there. Take it over?";
            if webhook.url.is_empty() || ask_whether(taken, false)? {
                return Ok(me.username);
            }
            self.unset(KEY);
        }
    }

    async fn settle_key(&mut self) -> Result<(), CliError> {
        const KEY: &str = "GEMINI_API_KEY";
        loop {
            let key =
                self.next(KEY, || ask_secret("The key of the Gemini API (https://aistudio.google.com/apikey)"))?;
            let Some(config) = self.set(KEY, &key)? else { continue };
            let findings = outside::gemini(&config, self.transport.clone(), Arc::new(SystemClock)).await;
            findings.iter().try_for_each(say)?;
            // A model that is missing is told, and may be changed later.
            if !findings.first().is_some_and(Finding::is_trouble) {
                return Ok(());
            }
            self.unset(KEY);
        }
    }

    fn settle_admin(&mut self) -> Result<(), CliError> {
        const KEY: &str = "ADMIN_ID";
        loop {
            let admin = self.next(KEY, || ask("Your own Telegram id (@userinfobot tells it)"))?;
            if self.set(KEY, &admin)?.is_some() {
                return Ok(());
            }
        }
    }

    async fn settle_address(&mut self) -> Result<(), CliError> {
        const KEY: &str = "TELEGRAM_WEBHOOK_URL";
        const QUESTION: &str =
            "The public address of this machine, such as https://bot.example.org; nothing if it has none";
        loop {
            let address = self.next(KEY, || ask(QUESTION))?;
            if address.is_empty() {
                if ask_whether(
                    "Then the bot asks Telegram for updates by itself (BOT_INTAKE=poll). Is that right?",
                    true,
                )? {
                    self.settings.push(("BOT_INTAKE".to_owned(), "poll".to_owned()));
                    return Ok(());
                }
                continue;
            }
            let address = if address.contains("://") { address } else { format!("https://{address}") };
            let Some(config) = self.set(KEY, &address)? else { continue };
            let findings = public::address(&config, &self.transport).await;
            findings.iter().try_for_each(say)?;
            if findings.iter().any(Finding::is_trouble) {
                say("That is no wonder while nothing runs there; `gryag doctor` looks again later.")?;
            }
            return Ok(());
        }
    }

    /// The file. The name of the site is for the proxy.
    fn text(&self, config: &Config) -> String {
        let mut text = String::from("# Written by `gryag init`. .env.example has every key with its meaning.\n");
        for (name, value) in &self.settings {
            let _ = writeln!(text, "{name}={value}");
        }
        let url = config.essential.webhook_url.as_deref().filter(|_| config.essential.intake == Intake::Webhook);
        let host = url.and_then(|url| url.parse::<http::Uri>().ok()?.host().map(str::to_owned));
        let site = host.as_deref().unwrap_or("localhost");
        let _ = writeln!(text, "# For docker-compose.prod.yml and the Caddyfile.\nGRYAG_SITE={site}");
        text
    }
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_privately(path: &Path, text: &str) -> Result<(), CliError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A temporary file has mode 0600 from its beginning.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| CliError::Output(error.error))?;
    Ok(())
}

fn say_what_next(path: &Path) -> Result<(), CliError> {
    let shown = path.display();
    say(format!(
        "To run it for good, one of:\n  \
         docker compose -f docker-compose.prod.yml up -d      (deploy/README.md, which also tells the way with systemd)\n  \
         gryag --config {shown} serve\n\
         Then look whether all is well: gryag --config {shown} doctor --alarm"
    ))
}

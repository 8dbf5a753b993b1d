//! `gryag sandbox`: the whole service in a world of its own. Nothing is short-circuited: the stand-in posts to the real
//! webhook over a socket, and the bot calls it back over another.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use secrecy::SecretString;
use tokio::net::TcpListener;

use super::{CliError, fates::StoreFates, say, serve::Signals};
use crate::{
    app::{App, AppError, Outside},
    clock::{Clock as _, SystemClock},
    commands::login_link,
    config::Config,
    decision::budget::TalkRules,
    persona::Persona,
    random::{self, Seeded},
    sandbox::{
        self, Recording, Stage,
        gemini::{API_KEY, FakeGemini, GeminiOptions, OfflineVoice},
        page::{self, PageOptions, VoiceLabel},
        telegram::{FakeTelegram, TOKEN, TelegramOptions},
    },
    shutdown::Shutdown,
    storage::sqlite::{FILE_NAME, SqliteStore},
    telemetry::init_logging,
    transport::{TransportOptions, http_client},
};

/// Where the page is, unless `--listen` says otherwise.
const PAGE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8088);
/// How long `--say` waits for the answer.
const ANSWER: Duration = Duration::from_secs(40);
const STOP: Duration = Duration::from_secs(5);
/// A world on kept data begins with ids that grow by the second, so that they never meet an earlier run's.
const IDS_BEGAN: i64 = 1_790_000_000;

#[derive(Args, Debug)]
pub(super) struct SandboxArgs {
    /// Say one thing in the group, print the answer, and end.
    #[arg(long, value_name = "TEXT")]
    say: Option<String>,
    /// Keep the bot's data here instead of in a temporary directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Serve the page on this address; outside this machine it then needs the token in the printed link.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

pub(super) async fn sandbox(mut config: Config, args: SandboxArgs) -> Result<(), CliError> {
    #[expect(clippy::disallowed_methods, reason = "RUST_LOG is the log's, not the configuration's")]
    let asked_for_logs = std::env::var_os("RUST_LOG").is_some();
    if args.say.is_none() || asked_for_logs {
        init_logging();
    }
    let mut signals = Signals::new()?;
    let shutdown = Shutdown::new();
    let temporary = tempfile::tempdir()?;
    let kept = args.data.as_ref().is_some_and(|data| data.join(FILE_NAME).exists());
    config.essential.data_dir = args.data.clone().unwrap_or_else(|| temporary.path().to_owned());

    let (stage, voice) = build_world(&mut config, kept, &shutdown).await?;
    if args.say.is_none() && !kept {
        stage.enliven();
    }
    let (app, bot) = start_bot(&config, &stage, &shutdown).await?;
    let outcome = match &args.say {
        Some(text) => say_once(&stage, text).await,
        None => {
            let (autonomous, pause) = (config.behavior.autonomous_mode, config.behavior.min_silence);
            let rules = TalkRules { autonomous, pause };
            let page = Page { address: args.listen, voice, stage: stage.clone(), store: app.store.clone(), rules, bot };
            page.serve_until(&mut signals, &shutdown).await
        }
    };
    app.stop(Duration::ZERO, STOP).await?;
    outcome
}

/// The stand-ins on free loopback ports, and the configuration that points to them.
async fn build_world(config: &mut Config, kept: bool, shutdown: &Shutdown) -> Result<(Stage, VoiceLabel), CliError> {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(Seeded::from_entropy()));
    let telegram = FakeTelegram::new(TelegramOptions {
        recording: Recording::Last(200),
        messages_kept_per_chat: 2000,
        ..TelegramOptions::new(clock.clone(), random.clone())
    });
    let stage = Stage::set(&telegram);
    if kept {
        telegram.skip_ids(SystemClock.now().0 / 1000 - IDS_BEGAN);
    }
    config.essential.bot_token = SecretString::from(TOKEN);
    config.advanced.api_url = serve_on_free_port(telegram.router(), shutdown).await?;
    let is_chance_set = config.is_set("BOT_SMART_REPLY_CHANCE");
    let behavior = &mut config.behavior;
    behavior.access = crate::config::Access::Open;
    // Whoever sits here is no guest, and wants to see it join in: no opportune moment is let pass.
    behavior.budget_per_guest = behavior.budget_per_user;
    if !is_chance_set {
        behavior.smart_reply_chance = 1.0;
    }
    if config.is_set("GEMINI_API_KEY") {
        return Ok((stage, VoiceLabel::Gemini { model: config.gemini.model.clone() }));
    }
    let gemini = FakeGemini::new(GeminiOptions { recording: Recording::Last(20), ..GeminiOptions::new(clock, random) });
    gemini.speak_with(OfflineVoice::new(Persona::built_in()));
    // Long enough to see the typing sign.
    gemini.set_latency(Duration::from_millis(700));
    config.essential.gemini_api_key = SecretString::from(API_KEY);
    let behavior = &mut config.behavior;
    // Nobody is charged.
    for budget in [
        &mut behavior.budget_per_day,
        &mut behavior.budget_per_chat,
        &mut behavior.budget_per_user,
        &mut behavior.budget_per_guest,
    ] {
        *budget = 0.0;
    }
    config.gemini.base_url = serve_on_free_port(gemini.router(), shutdown).await?;
    Ok((stage, VoiceLabel::Offline))
}

async fn serve_on_free_port(router: axum::Router, shutdown: &Shutdown) -> Result<String, CliError> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    shutdown.spawn(sandbox::serve(listener, router, shutdown.clone()));
    Ok(format!("http://{address}"))
}

/// The bot, and its own address.
async fn start_bot(config: &Config, stage: &Stage, shutdown: &Shutdown) -> Result<(App, String), CliError> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let mut config = config.clone();
    config.essential.webhook_url = Some(format!("{address}/telegram/webhook"));
    config.essential.public_url = Some(address.clone());
    let mut app = App::start(&config, Outside::real()?, shutdown.clone()).await?;
    app.listen(listener, config.advanced.trusted_proxies.clone());
    let transport = http_client(TransportOptions::default()).map_err(AppError::from)?;
    stage.telegram.deliver_through(transport, shutdown);
    Ok((app, address))
}

async fn say_once(stage: &Stage, text: &str) -> Result<(), CliError> {
    let answer = sandbox::say(stage, text, ANSWER).await.map_err(|error| CliError::Failed(error.to_string()))?;
    say(answer)
}

struct Page {
    address: Option<SocketAddr>,
    voice: VoiceLabel,
    stage: Stage,
    store: SqliteStore,
    rules: TalkRules,
    /// Where the bot itself listens.
    bot: String,
}

impl Page {
    async fn serve_until(self, signals: &mut Signals, shutdown: &Shutdown) -> Result<(), CliError> {
        let listener = match self.address {
            Some(address) => TcpListener::bind(address).await.map_err(|source| AppError::Listen { address, source })?,
            // The usual port may be taken by another sandbox; any other does as well.
            None => match TcpListener::bind(PAGE).await {
                Ok(listener) => listener,
                Err(_) => TcpListener::bind((PAGE.ip(), 0)).await?,
            },
        };
        let address = listener.local_addr()?;
        let token = self.address.map(|_| random::secret_token());
        let query = token.as_ref().map(|token| format!("?token={token}")).unwrap_or_default();
        let dashboard = login_link(&self.store, &self.bot, None, SystemClock.now()).await?;
        let options = PageOptions {
            voice: self.voice.clone(),
            token: token.map(SecretString::from),
            is_loopback: address.ip().is_loopback(),
            fates: Some(Arc::new(StoreFates::new(self.store, self.rules))),
            until: shutdown.soft.clone(),
        };
        let router = page::router(self.stage, options);
        shutdown.spawn(sandbox::serve(listener, router, shutdown.clone()));
        say(format!("Відкрий у браузері / open in your browser:  http://{address}/sandbox{query}"))?;
        say(format!("Пульт бота / the bot's dashboard:  {dashboard}"))?;
        say(match &self.voice {
            VoiceLabel::Offline => {
                "Голос: офлайновий, без моделі. Задай GEMINI_API_KEY, щоб говорив справжній Gemini.".to_owned()
            }
            VoiceLabel::Gemini { model } => format!("Голос: Gemini ({model})."),
        })?;
        say("Ctrl-C, щоб зупинити / to stop.")?;
        tokio::select! {
            () = signals.next() => Ok(()),
            () = shutdown.soft.cancelled() => Ok(()),
        }
    }
}

//! The sandbox's chat page: a group chat in the browser, over the simulated Telegram.
//!
//! It acts only as people do (writing, replying, pressing buttons) and shows only what Telegram knows, plus what the
//! bot chooses to tell through [`Fates`]. One HTML page, one style sheet and two scripts, served from the binary.

mod api;
mod events;
mod files;
mod guard;
mod view;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, header};
use secrecy::SecretString;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Stage;
use crate::domain::{ChatId, MessageId};

/// Browsers that may listen at once.
const LISTENERS_MAX: usize = 64;
/// The longest request; a message has at most 4096 characters.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// Who answers in this sandbox; the page says it plainly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VoiceLabel {
    /// The offline voice: no model.
    Offline,
    /// The real Gemini.
    Gemini {
        /// Its model.
        model: String,
    },
}

/// What the bot tells of a message: what became of it, or why it said it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Fate {
    /// In Ukrainian and in a few words.
    pub words: String,
    /// How opportune the moment was for a word of the bot, if it was gauged; from a half on it is.
    pub score: Option<f64>,
}

/// How much a chat has heard unasked, and how much it may.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TalkBudget {
    /// Lines in the last hour; a reaction is a quarter of one.
    pub hour: f64,
    /// At most so many.
    pub hour_max: f64,
    /// Lines in the last day.
    pub day: f64,
    /// At most so many.
    pub day_max: f64,
    /// Why nothing is said unasked now, in Ukrainian.
    pub why_not: Option<String>,
}

/// What the bot itself knows, for the lines under the messages.
#[async_trait::async_trait]
pub trait Fates: Send + Sync {
    /// What became of a message, or why the bot said it; none if there is nothing to add.
    async fn fate(&self, chat: ChatId, message: MessageId) -> Option<Fate>;

    /// How much the bot may say unasked in a chat; none where it never does.
    async fn talk_budget(&self, chat: ChatId) -> Option<TalkBudget>;
}

/// How the page is served.
pub struct PageOptions {
    /// Who answers.
    pub voice: VoiceLabel,
    /// If set, a visitor needs `?token=` once; a cookie follows.
    pub token: Option<SecretString>,
    /// The listener is bound to a loopback address: other host names are then refused (DNS rebinding).
    pub is_loopback: bool,
    /// What the bot tells of its messages.
    pub fates: Option<Arc<dyn Fates>>,
    /// Ends the event streams, which else would keep a stopping server waiting.
    pub until: CancellationToken,
}

impl fmt::Debug for PageOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PageOptions").field("voice", &self.voice).finish_non_exhaustive()
    }
}

struct Page {
    stage: Stage,
    options: PageOptions,
    listeners: Arc<Semaphore>,
}

type SharedPage = Arc<Page>;

/// The page at `/sandbox`, its API under `/sandbox/api/` and its events at `/sandbox/events`.
pub fn router(stage: Stage, options: PageOptions) -> Router {
    let page: SharedPage = Arc::new(Page { stage, options, listeners: Arc::new(Semaphore::new(LISTENERS_MAX)) });
    Router::new()
        .route("/sandbox", get(html))
        .route("/sandbox/page.css", get(css))
        .route("/sandbox/page.js", get(script))
        .route("/sandbox/api/world", get(api::world))
        .route("/sandbox/api/messages", get(api::messages))
        .route("/sandbox/lively.js", get(lively))
        .route("/sandbox/api/fates", get(api::fates))
        .route("/sandbox/api/budget", get(api::budget))
        .route("/sandbox/api/file", get(files::show))
        .route("/sandbox/api/send", post(files::send).layer(DefaultBodyLimit::max(files::BODY_MAX_BYTES)))
        .route("/sandbox/api/say", post(api::say))
        .route("/sandbox/api/react", post(api::react))
        .route("/sandbox/api/press", post(api::press))
        .route("/sandbox/events", get(events::stream))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&page), guard::guard))
        .with_state(page)
}

async fn html() -> Response {
    file("text/html; charset=utf-8", include_str!("page.html"))
}

async fn css() -> Response {
    file("text/css; charset=utf-8", include_str!("page.css"))
}

async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("page.js"))
}

async fn lively() -> Response {
    file("text/javascript; charset=utf-8", include_str!("lively.js"))
}

fn file(kind: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], content).into_response()
}

#[cfg(test)]
mod tests;

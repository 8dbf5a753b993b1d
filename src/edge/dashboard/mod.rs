//! The dashboard: how the bot is, on pages that any browser shows and that change while one looks.
//!
//! A page is made of [`Fragment`]s. It is whole without a script; the script opens a stream of events on which the
//! fragments that have changed come anew. No page shows what anybody
//! wrote, but a group that an admin opens on purpose.

mod alarms;
mod assets;
mod chart;
mod errors;
mod events;
mod frame;
mod groups;
mod guard;
mod letters;
mod login;
mod now;
mod settings;
mod trends;
mod words;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Query, State},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use maud::Markup;
use moka::future::Cache;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer};

use self::guard::Visit;
pub use self::now::DEPLOY;
use crate::{
    clock::SharedClock,
    config::Setting,
    domain::{Language, UserId},
    errors::ErrorHandler,
    layers::{
        rate_limit::AddressLimiter,
        rescue::RescueLayer,
        whole_body::{BodyLimits, WholeBodyLayer},
    },
    shutdown::Shutdown,
    storage::{SampleSpan, SecretDigest, StorageError, Store},
    telemetry::Metrics,
};

/// Streams that are open at a time: an admin has a handful of pages open.
const STREAMS_MAX: usize = 16;
/// Requests that are worked on at a time; pages are few, and must not take what the webhook needs.
const CONCURRENCY_MAX: usize = 16;
/// Time for one page.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
/// The forms hold a token at most.
const BODY: BodyLimits = BodyLimits { bytes_max: 4 * 1024, deadline: std::time::Duration::from_secs(5) };
/// A session that was seen is not charged to its address for this long.
const KNOWN: std::time::Duration = std::time::Duration::from_secs(60);

/// What the dashboard works with.
pub struct DashboardParts {
    /// Everything that is shown.
    pub store: Arc<dyn Store>,
    /// When.
    pub clock: SharedClock,
    /// Where errors end.
    pub errors: ErrorHandler,
    /// Where refusals are counted.
    pub metrics: Metrics,
    /// Ends the streams.
    pub shutdown: Shutdown,
    /// The budgets of those who have no session.
    pub limiter: Arc<AddressLimiter>,
    /// Whose sessions hold (`ADMIN_ID`).
    pub admins: Vec<UserId>,
    /// The language of who has chosen none (`BOT_LANGUAGE`).
    pub language: Language,
    /// The public address is https: the cookie is sent nowhere else.
    pub is_secure: bool,
    /// What is in force.
    pub settings: Vec<Setting>,
    /// Against which the figures are shown.
    pub limits: ShownLimits,
}

/// Limits that stand beside the figures that they bound; 0 is none.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ShownLimits {
    /// Calls of the model in a minute (`GEMINI_RATE_LIMIT_RPM`).
    pub gemini_per_minute: u32,
    /// Messages in a second (`TELEGRAM_RATE_GLOBAL_PER_SECOND`).
    pub telegram_per_second: u32,
    /// US dollars in a day (`BOT_BUDGET_USD_PER_DAY`).
    pub usd_per_day: f64,
}

struct Dashboard {
    parts: DashboardParts,
    streams: Arc<Semaphore>,
    /// Sessions that this process has seen to hold a moment ago. They are looked up all the same; only their requests are
    /// free.
    known: Cache<SecretDigest, ()>,
}

type SharedDashboard = Arc<Dashboard>;

/// A part of a page that changes as a whole.
struct Fragment {
    /// Its element's id.
    id: &'static str,
    html: Markup,
}

/// A page, and how far back it looks if it is one that does.
#[derive(Clone, Copy, Debug)]
struct View {
    tab: Tab,
    span: SampleSpan,
}

/// How a page is asked for.
#[derive(Deserialize)]
struct Asked {
    span: Option<String>,
}

/// The pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tab {
    Now,
    Trends,
    Errors,
    Letters,
    Groups,
    Settings,
}

impl Tab {
    const ALL: [Self; 6] = [Self::Now, Self::Trends, Self::Errors, Self::Letters, Self::Groups, Self::Settings];

    const fn path(self) -> &'static str {
        match self {
            Self::Now => "/dashboard",
            Self::Trends => "/dashboard/trends",
            Self::Errors => "/dashboard/errors",
            Self::Letters => "/dashboard/letters",
            Self::Groups => "/dashboard/groups",
            Self::Settings => "/dashboard/settings",
        }
    }

    /// Its name in the events' address.
    const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Trends => "trends",
            Self::Errors => "errors",
            Self::Letters => "letters",
            Self::Groups => "groups",
            Self::Settings => "settings",
        }
    }
}

impl View {
    /// An unknown span is the shortest.
    fn new(tab: Tab, span: Option<&str>) -> Self {
        let span = SampleSpan::ALL.into_iter().find(|it| Some(trends::span_name(*it)) == span);
        Self { tab, span: span.unwrap_or_default() }
    }

    /// What stands in its address beside its path.
    fn query(self) -> String {
        if self.tab == Tab::Trends { format!("span={}", trends::span_name(self.span)) } else { String::new() }
    }
}

impl Dashboard {
    /// The parts of a page as they are now.
    async fn fragments(&self, view: View, language: Language) -> Result<Vec<Fragment>, StorageError> {
        match view.tab {
            Tab::Now => self.now_page(language).await,
            Tab::Trends => self.trends(view.span, language).await,
            Tab::Errors => Ok(vec![self.error_list(language).await?]),
            Tab::Letters => Ok(vec![self.letter_list(language).await?]),
            Tab::Groups => Ok(vec![self.group_list(language).await?]),
            Tab::Settings => Ok(vec![self.setting_list(language)]),
        }
    }
}

/// `/dashboard` and all below it.
pub fn dashboard(parts: DashboardParts) -> Router {
    let metrics = parts.metrics.clone();
    let known = Cache::builder().max_capacity(100).time_to_live(KNOWN).build();
    let streams = Arc::new(Semaphore::new(STREAMS_MAX));
    let dashboard: SharedDashboard = Arc::new(Dashboard { parts, streams, known });
    let mut inside = Router::new()
        .route("/dashboard/events", get(events::stream))
        .route("/dashboard/letters/retry", post(letters::retry))
        .route("/dashboard/letters/drop", post(letters::forget))
        .route("/dashboard/groups/open", post(groups::open))
        .route("/dashboard/logout", post(login::log_out));
    for tab in Tab::ALL {
        let page = async move |state, visit, Query(asked): Query<Asked>| {
            show(state, visit, View::new(tab, asked.span.as_deref())).await
        };
        inside = inside.route(tab.path(), get(page));
    }
    let bounded = ServiceBuilder::new()
        // Errors of the three layers below become 503.
        .layer(RescueLayer::new(metrics.clone()))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(CONCURRENCY_MAX))
        .timeout(DEADLINE)
        .layer(WholeBodyLayer::new(BODY, metrics));
    inside
        .layer(middleware::from_fn(guard::require_session))
        .route("/dashboard/login", get(login::page).post(login::log_in))
        .route("/dashboard/assets/{name}", get(assets::file))
        .layer(bounded)
        // Who asks, what they may, and what every answer says to the browser.
        .layer(middleware::from_fn_with_state(Arc::clone(&dashboard), guard::guard))
        .with_state(dashboard)
}

async fn show(State(dashboard): State<SharedDashboard>, Extension(visit): Extension<Visit>, view: View) -> Response {
    match dashboard.fragments(view, visit.language).await {
        Ok(fragments) => frame::page(visit.language, view, &fragments).into_response(),
        Err(error) => dashboard.failed(&error, visit.language),
    }
}

impl Dashboard {
    /// The store could not be asked.
    fn failed(&self, error: &StorageError, language: Language) -> Response {
        self.parts.errors.handle("dashboard", error);
        frame::unavailable(language)
    }
}

//! What changes on a page, as it changes: once a second the page is made anew, and the fragments that differ are sent.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::{Query, State},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use serde::Deserialize;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Interval, MissedTickBehavior, interval},
};

use super::{SharedDashboard, Tab, guard::Visit};
use crate::storage::SecretDigest;

/// How often a page is made anew: with the time that this takes, what happens is seen within two seconds.
const EVERY: Duration = Duration::from_secs(1);

/// Which page is open.
#[derive(Deserialize)]
pub(super) struct Open {
    tab: String,
}

/// One page that is open somewhere.
struct Viewer {
    dashboard: SharedDashboard,
    visit: Visit,
    session: SecretDigest,
    tab: Tab,
    timer: Interval,
    /// What it has, by fragment.
    shown: HashMap<&'static str, String>,
    _permit: OwnedSemaphorePermit,
}

pub(super) async fn stream(
    State(dashboard): State<SharedDashboard>,
    Extension(visit): Extension<Visit>,
    Query(open): Query<Open>,
) -> Response {
    let tab = Tab::ALL.into_iter().find(|tab| tab.name() == open.tab);
    let (Some(tab), Some((session, _))) = (tab, visit.session) else { return StatusCode::NOT_FOUND.into_response() };
    let Ok(permit) = dashboard.streams.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
    };
    let mut timer = interval(EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let soft = dashboard.parts.shutdown.soft.clone();
    let viewer = Viewer { dashboard, visit, session, tab, timer, shown: HashMap::new(), _permit: permit };
    let events = stream::unfold(viewer, Viewer::next).take_until(soft.cancelled_owned());
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

impl Viewer {
    /// Waits until something differs; the end when the session has ended.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            self.timer.tick().await;
            match self.dashboard.session(self.session).await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                // It cannot be asked now; nor can anything that would be shown.
                Err(_) => continue,
            }
            // The page shows by its silence that nothing comes; the error is kept where the store's own trouble is.
            let Ok(fragments) = self.dashboard.fragments(self.tab, self.visit.language).await else { continue };
            let mut changed = serde_json::Map::new();
            for fragment in fragments {
                let html = fragment.html.into_string();
                if self.shown.get(fragment.id) != Some(&html) {
                    changed.insert(fragment.id.to_owned(), html.clone().into());
                    self.shown.insert(fragment.id, html);
                }
            }
            if !changed.is_empty() {
                let event = Event::default().event("fragments").data(serde_json::Value::Object(changed).to_string());
                return Some((Ok(event), self));
            }
        }
    }
}

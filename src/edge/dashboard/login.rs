//! In and out. A link's page only shows a button: what previews links for a messenger asks for the page and spends nothing.

use axum::{
    Extension, Form,
    extract::{Query, State},
    response::{IntoResponse as _, Redirect, Response},
};
use http::StatusCode;
use serde::Deserialize;

use super::{SharedDashboard, Tab, frame, guard::Visit};
use crate::{random, storage::SecretDigest};

/// What a link and its form bear.
#[derive(Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    token: String,
}

pub(super) async fn page(Extension(visit): Extension<Visit>, Query(link): Query<Link>) -> Response {
    frame::login(visit.language, &link.token).into_response()
}

pub(super) async fn log_in(
    State(dashboard): State<SharedDashboard>,
    Extension(visit): Extension<Visit>,
    Form(link): Form<Link>,
) -> Response {
    let token = random::secret_token();
    let (link, session) = (SecretDigest::of(&link.token), SecretDigest::of(&token));
    match dashboard.parts.store.open_session(link, session, dashboard.parts.clock.now()).await {
        Ok(true) => {
            tracing::info!("a session of the dashboard was opened");
            let mut response = Redirect::to(Tab::Now.path()).into_response();
            dashboard.set_session(&mut response, Some(&token));
            response
        }
        Ok(false) => {
            tracing::warn!("a wrong, old or used link to the dashboard was refused");
            (StatusCode::FORBIDDEN, frame::refused(visit.language)).into_response()
        }
        Err(error) => dashboard.failed(&error, visit.language),
    }
}

pub(super) async fn log_out(State(dashboard): State<SharedDashboard>, Extension(visit): Extension<Visit>) -> Response {
    if let Some((digest, _)) = visit.session {
        dashboard.known.invalidate(&digest).await;
        if let Err(error) = dashboard.parts.store.end_session(digest).await {
            return dashboard.failed(&error, visit.language);
        }
    }
    let mut response = frame::farewell(visit.language).into_response();
    dashboard.set_session(&mut response, None);
    response
}

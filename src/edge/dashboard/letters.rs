//! Updates that could not be handled: looked at without their words, tried again, dropped.

use axum::{
    Extension, Form,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use maud::html;
use serde::Deserialize;

use super::{Dashboard, Fragment, SharedDashboard, Tab, guard::Visit, words};
use crate::{
    domain::{Language, UpdateKey},
    locale::{self, say},
    storage::{DeadLetter, StorageError},
};

/// Letters that are shown; older ones follow when these are gone.
const SHOWN_MAX: usize = 50;

/// Which letter.
#[derive(Deserialize)]
pub(super) struct Which {
    key: i64,
}

impl Dashboard {
    pub(super) async fn letter_list(&self, language: Language) -> Result<Fragment, StorageError> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let letters = store.dead_letters(SHOWN_MAX).await?;
        let all = store.inbox_depth().await?.dead;
        let html = html! {
            h2 { (say!(language, "dash-letters-count", count = all)) }
            @if letters.is_empty() { p { (say!(language, "dash-no-letters")) } }
            @else { p.muted { (say!(language, "dash-letters-words")) } }
            ul.list {
                @for letter in &letters {
                    li.card {
                        h3 { code { (letter.key) } " " span.badge { (letter.kind) } }
                        p.message { (letter.problem) }
                        p.muted {
                            (say!(language, "dash-letter-facts", chat = &letter.chat.to_string(),
                                tries = letter.attempts, came = &locale::stamp(letter.received_at),
                                ago = &words::ago(language, now.since(letter.died_at))))
                        }
                        (actions(language, letter))
                    }
                }
            }
        };
        Ok(Fragment { id: "letters", html })
    }
}

/// What has lost its body cannot be tried again. Dropping is asked twice, without a script too.
fn actions(language: Language, letter: &DeadLetter) -> maud::Markup {
    let key = letter.key.0;
    html! {
        div.actions {
            @if letter.body_bytes > 0 {
                form method="post" action="/dashboard/letters/retry" {
                    input type="hidden" name="key" value=(key);
                    button id={ "retry" (key) } type="submit" aria-label={ (say!(language, "dash-retry")) " " (key) } {
                        (say!(language, "dash-retry"))
                    }
                }
            } @else {
                p.muted { (say!(language, "dash-letter-empty")) }
            }
            details {
                summary id={ "drop" (key) } aria-label={ (say!(language, "dash-drop")) " " (key) } {
                    (say!(language, "dash-drop"))
                }
                form method="post" action="/dashboard/letters/drop" {
                    input type="hidden" name="key" value=(key);
                    button.danger id={ "sure" (key) } type="submit" { (say!(language, "dash-drop-sure")) }
                }
            }
        }
    }
}

pub(super) async fn retry(
    State(dashboard): State<SharedDashboard>,
    Extension(visit): Extension<Visit>,
    Form(which): Form<Which>,
) -> Response {
    let now = dashboard.parts.clock.now();
    // One that is gone has been dealt with elsewhere: the list shows it.
    let done = dashboard.parts.store.retry_dead(UpdateKey(which.key), now).await;
    back(&dashboard, &visit, done, "a dead letter waits for its turn again")
}

pub(super) async fn forget(
    State(dashboard): State<SharedDashboard>,
    Extension(visit): Extension<Visit>,
    Form(which): Form<Which>,
) -> Response {
    let now = dashboard.parts.clock.now();
    let done = dashboard.parts.store.drop_dead(UpdateKey(which.key), now).await;
    back(&dashboard, &visit, done, "a dead letter was dropped")
}

fn back(dashboard: &Dashboard, visit: &Visit, done: Result<bool, StorageError>, what: &'static str) -> Response {
    match done {
        Ok(done) => {
            tracing::info!(done, "{what}, by the dashboard");
            Redirect::to(Tab::Letters.path()).into_response()
        }
        Err(error) => dashboard.failed(&error, visit.language),
    }
}

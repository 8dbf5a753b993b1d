//! The groups in which the bot is: counted, and opened on purpose only, which is logged and which the group is told.

use std::time::Duration;

use axum::{
    Extension, Form,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Dashboard, Fragment, SharedDashboard, Tab, frame, guard::Visit, words};
use crate::{
    domain::{ChatId, Language, Message},
    locale::{self, say},
    storage::{GroupSummary, StorageError},
};

/// Groups that are listed, the one that was heard last first.
const SHOWN_MAX: u32 = 100;
/// Messages of a group that is opened.
const MESSAGES_MAX: u32 = 50;
/// What is counted.
const LATELY: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Which group.
#[derive(Deserialize)]
pub(super) struct Which {
    chat: i64,
}

impl Dashboard {
    pub(super) async fn group_list(&self, language: Language) -> Result<Fragment, StorageError> {
        let now = self.parts.clock.now();
        let groups = self.parts.store.groups(now - LATELY, SHOWN_MAX).await?;
        let html = html! {
            h2 { (say!(language, "dash-groups-lately")) }
            p.muted { (say!(language, "dash-groups-words")) }
            @if groups.is_empty() { p { (say!(language, "dash-no-groups")) } }
            ul.list {
                @for group in &groups {
                    li.card {
                        h3 { (name(group)) }
                        p { (say!(language, "dash-group-facts", people = group.people, own = group.own)) }
                        @if let Some(at) = group.heard_at {
                            p.muted { (say!(language, "dash-group-heard", ago = &words::ago(language, now.since(at)))) }
                        }
                        @if let Some(at) = group.opened_at {
                            p.muted {
                                (say!(language, "dash-group-opened", at = &locale::stamp(at),
                                    ago = &words::ago(language, now.since(at))))
                            }
                        }
                        (action(language, group))
                    }
                }
            }
        };
        Ok(Fragment { id: "groups", html })
    }
}

fn name(group: &GroupSummary) -> String {
    group.chat.title.clone().unwrap_or_else(|| group.chat.id.to_string())
}

/// Asked twice, without a script too.
fn action(language: Language, group: &GroupSummary) -> Markup {
    let chat = group.chat.id.0;
    html! {
        details {
            summary id={ "open" (chat) } aria-label={ (say!(language, "dash-open")) " " (name(group)) } {
                (say!(language, "dash-open"))
            }
            form method="post" action="/dashboard/groups/open" {
                input type="hidden" name="chat" value=(chat);
                button.danger id={ "sure" (chat) } type="submit" { (say!(language, "dash-open-sure")) }
            }
        }
    }
}

/// Only a form leads here, so nothing opens a group by itself: no link, no preview, no reload that nobody confirms.
pub(super) async fn open(
    State(dashboard): State<SharedDashboard>,
    Extension(visit): Extension<Visit>,
    Form(which): Form<Which>,
) -> Response {
    let (chat, now) = (ChatId(which.chat), dashboard.parts.clock.now());
    // Noted before anything is shown.
    match dashboard.parts.store.open_group(chat, now).await {
        Ok(true) => {}
        // It is private, or gone.
        Ok(false) => return Redirect::to(Tab::Groups.path()).into_response(),
        Err(error) => return dashboard.failed(&error, visit.language),
    }
    tracing::info!(chat.id = chat.0, "an admin opened what is said in a group, by the dashboard");
    match dashboard.said(chat, visit.language).await {
        Ok(said) => frame::still(visit.language, Tab::Groups, &said).into_response(),
        Err(error) => dashboard.failed(&error, visit.language),
    }
}

impl Dashboard {
    async fn said(&self, chat: ChatId, language: Language) -> Result<Fragment, StorageError> {
        let title = self.parts.store.known_chat(chat).await?.and_then(|known| known.chat.title);
        let messages = self.parts.store.latest(chat, MESSAGES_MAX).await?;
        Ok(said(language, &title.unwrap_or_else(|| chat.to_string()), &messages))
    }
}

fn said(language: Language, title: &str, messages: &[Message]) -> Fragment {
    let html = html! {
        h2 { (title) }
        p.muted { (say!(language, "dash-group-told")) }
        @if messages.is_empty() { p { (say!(language, "dash-group-empty")) } }
        ul.list {
            @for message in messages {
                li.card {
                    h3 { (message.author.name) " " span.of { (locale::stamp(message.sent_at)) } }
                    @if let Some(media) = &message.media { p.muted { (media.kind.as_str()) } }
                    p.said { (message.text) }
                }
            }
        }
    };
    Fragment { id: "said", html }
}

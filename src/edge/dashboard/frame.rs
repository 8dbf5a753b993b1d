//! What stands around the fragments, and the pages of who has not come in yet.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use super::{
    Fragment, Tab, View,
    assets::{ICON, SCRIPT, STYLE},
};
use crate::{commands::LOGIN_PATH, domain::Language, locale::say};

fn tab_title(tab: Tab, language: Language) -> String {
    match tab {
        Tab::Now => say!(language, "dash-now"),
        Tab::Trends => say!(language, "dash-trends"),
        Tab::Errors => say!(language, "dash-errors"),
        Tab::Letters => say!(language, "dash-letters"),
        Tab::Groups => say!(language, "dash-groups"),
        Tab::Settings => say!(language, "dash-settings"),
    }
}

/// A page of the dashboard, which changes while one looks.
pub(super) fn page(language: Language, view: View, fragments: &[Fragment]) -> Markup {
    let head = html! {
        script src=(SCRIPT.path) defer {}
        noscript { meta http-equiv="refresh" content="15"; }
    };
    framed(language, view, &head, fragments)
}

/// A page that stands below a tab and stays as it is.
pub(super) fn still(language: Language, tab: Tab, fragment: &Fragment) -> Markup {
    framed(language, View::new(tab, None), &html! {}, std::slice::from_ref(fragment))
}

fn framed(language: Language, view: View, head: &Markup, fragments: &[Fragment]) -> Markup {
    let (tab, query) = (view.tab, view.query());
    let title = tab_title(tab, language);
    let body = html! {
        a.skip href="#main" { (say!(language, "dash-skip")) }
        header {
            p.brand { "Гряг" }
            nav aria-label=(say!(language, "dash-pages")) {
                ul {
                    @for other in Tab::ALL {
                        li {
                            a href=(other.path()) aria-current=[(other == tab).then_some("page")] {
                                (tab_title(other, language))
                            }
                        }
                    }
                }
            }
            div.tools {
                (language_link(language, tab.path(), &query))
                form method="post" action="/dashboard/logout" {
                    button.quiet type="submit" { (say!(language, "dash-log-out")) }
                }
            }
        }
        main id="main" data-tab=(tab.name()) data-query=(query) {
            div.title {
                h1 { (title) }
                p.live id="live" role="status" data-live=(say!(language, "dash-live"))
                    data-lost=(say!(language, "dash-lost")) {}
            }
            @for fragment in fragments {
                section id=(fragment.id) { (fragment.html) }
            }
        }
    };
    document(language, &title, head, &body)
}

/// To the same page in the other language.
fn language_link(language: Language, path: &str, query: &str) -> Markup {
    let (other, name) = match language {
        Language::Ukrainian => (Language::English, "English"),
        Language::English => (Language::Ukrainian, "Українська"),
    };
    let and = if query.is_empty() { "" } else { "&" };
    html! { a href={ (path) "?" (query) (and) "lang=" (other.code()) } lang=(other.code()) hreflang=(other.code()) { (name) } }
}

fn document(language: Language, title: &str, head: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Гряг" }
                link rel="stylesheet" href=(STYLE.path);
                link rel="icon" type="image/svg+xml" href=(ICON.path);
                (head)
            }
            body { (body) }
        }
    }
}

/// A page with a few words and perhaps a form.
fn note(language: Language, title: &str, content: &Markup) -> Markup {
    let body = html! { main.note id="main" { h1 { (title) } (content) } };
    document(language, title, &html! {}, &body)
}

/// The page of a login link. Nothing was looked at yet: the token is tried when the button is pressed.
pub(super) fn login(language: Language, token: &str) -> Markup {
    let content = html! {
        p { (say!(language, "dash-login-words")) }
        form method="post" action=(LOGIN_PATH) {
            input type="hidden" name="token" value=(token);
            button type="submit" { (say!(language, "dash-login-button")) }
        }
    };
    note(language, &say!(language, "dash-login"), &content)
}

/// The link was wrong, old or used.
pub(super) fn refused(language: Language) -> Markup {
    note(language, &say!(language, "dash-refused"), &html! { p { (say!(language, "dash-how-to-enter")) } })
}

/// Whoever asks has no session.
pub(super) fn locked(language: Language) -> Response {
    let content = html! { p { (say!(language, "dash-how-to-enter")) } };
    (StatusCode::UNAUTHORIZED, note(language, &say!(language, "dash-locked"), &content)).into_response()
}

/// After the end of a session.
pub(super) fn farewell(language: Language) -> Markup {
    note(language, &say!(language, "dash-farewell"), &html! { p { (say!(language, "dash-how-to-enter")) } })
}

/// The store could not be asked.
pub(super) fn unavailable(language: Language) -> Response {
    let content = html! { p { (say!(language, "dash-unavailable-words")) } };
    let page = note(language, &say!(language, "dash-unavailable"), &content);
    (StatusCode::SERVICE_UNAVAILABLE, page).into_response()
}

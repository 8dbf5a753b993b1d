//! The last errors, those that are alike together, and what to do about them.

use maud::html;

use super::{Dashboard, Fragment, words};
use crate::{
    domain::Language,
    locale::{self, say},
    storage::{KeptError, StorageError},
};

impl Dashboard {
    pub(super) async fn error_list(&self, language: Language) -> Result<Fragment, StorageError> {
        let now = self.parts.clock.now();
        let kinds = self.parts.store.kept_errors().await?;
        let html = html! {
            h2 { (say!(language, "dash-last-errors")) }
            @if kinds.is_empty() { p { (say!(language, "dash-no-errors")) } }
            ul.list {
                @for kind in &kinds {
                    li.card {
                        h3 { code { (kind.place) } " " span class={ "badge " (look(&kind.class)) } { (class_word(language, &kind.class)) }
                            " " span.count { "× " (kind.count) } }
                        p.message { (kind.message) }
                        p { strong { (say!(language, "dash-what-to-do")) } " " (what_to_do(language, kind)) }
                        p.muted {
                            (say!(language, "dash-last", at = &locale::stamp(kind.last_at),
                                ago = &words::ago(language, now.since(kind.last_at))))
                            @if kind.count > 1 { " · " (say!(language, "dash-first", at = &locale::stamp(kind.first_at))) }
                        }
                    }
                }
            }
        };
        Ok(Fragment { id: "errors", html })
    }
}

fn class_word(language: Language, class: &str) -> String {
    match class {
        "transient" => say!(language, "dash-transient"),
        "permanent" => say!(language, "dash-permanent"),
        _ => say!(language, "dash-bug"),
    }
}

fn look(class: &str) -> &'static str {
    if class == "transient" { "warn" } else { "bad" }
}

fn what_to_do(language: Language, kind: &KeptError) -> String {
    match (kind.place.as_str(), kind.class.as_str()) {
        (_, "bug") => say!(language, "dash-do-bug"),
        ("gemini" | "media" | "unasked" | "spontaneous", "permanent") => say!(language, "dash-do-gemini"),
        ("registration" | "poll" | "start", "permanent") => say!(language, "dash-do-telegram"),
        ("persona", _) => say!(language, "dash-do-persona"),
        ("parse", _) => say!(language, "dash-do-parse"),
        (_, "transient") => say!(language, "dash-do-transient"),
        _ => say!(language, "dash-do-permanent"),
    }
}

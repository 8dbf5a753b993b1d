//! The last errors, those that are alike together, and what to do about them.

use maud::html;

use super::{Dashboard, Fragment, words};
use crate::{
    domain::{Language, Timestamp},
    locale::{self, say},
    storage::StorageError,
};

/// Errors of one place and class that say the same.
struct Kind {
    place: String,
    class: String,
    message: String,
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Dashboard {
    pub(super) async fn error_list(&self, language: Language) -> Result<Fragment, StorageError> {
        let now = self.parts.clock.now();
        let kinds = kinds(self.parts.store.kept_errors().await?);
        let html = html! {
            h2 { (say!(language, "dash-last-errors")) }
            @if kinds.is_empty() { p { (say!(language, "dash-no-errors")) } }
            ul.list {
                @for kind in &kinds {
                    li.card {
                        h3 { code { (kind.place) } " " span class={ "badge " (look(&kind.class)) } { (kind.class) }
                            " " span.count { "× " (kind.count) } }
                        p.message { (kind.message) }
                        p { strong { (say!(language, "dash-what-to-do")) } " " (what_to_do(language, kind)) }
                        p.muted {
                            (say!(language, "dash-last", at = &locale::stamp(kind.last),
                                ago = &words::ago(language, now.since(kind.last))))
                            @if kind.count > 1 { " · " (say!(language, "dash-first", at = &locale::stamp(kind.first))) }
                        }
                    }
                }
            }
        };
        Ok(Fragment { id: "errors", html })
    }
}

/// From errors that come newest first.
fn kinds(errors: Vec<(Timestamp, String, String, String)>) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for (at, place, class, message) in errors {
        let known = kinds.iter_mut().find(|it| it.place == place && it.class == class && it.message == message);
        match known {
            Some(kind) => {
                kind.count += 1;
                kind.first = at;
            }
            None => kinds.push(Kind { place, class, message, count: 1, first: at, last: at }),
        }
    }
    kinds
}

fn look(class: &str) -> &'static str {
    if class == "transient" { "warn" } else { "bad" }
}

fn what_to_do(language: Language, kind: &Kind) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_counted_with_its_first_and_last_time() {
        let error = |at, place: &str, message: &str| {
            (Timestamp(at), place.to_owned(), "transient".to_owned(), message.to_owned())
        };
        let errors = vec![
            error(9, "send", "late"),
            error(8, "turn", "late"),
            error(5, "send", "late"),
            error(4, "send", "lost"),
        ];
        let seen: Vec<_> =
            kinds(errors).into_iter().map(|it| (it.place, it.message, it.count, it.first.0, it.last.0)).collect();
        let kind =
            |place: &str, message: &str, count, first, last| (place.to_owned(), message.to_owned(), count, first, last);
        assert_eq!(seen, [kind("send", "late", 2, 5, 9), kind("turn", "late", 1, 8, 8), kind("send", "lost", 1, 4, 4)]);
    }
}

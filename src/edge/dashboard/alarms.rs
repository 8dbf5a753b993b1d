//! What needs a person: the errors of the last hour, by place.

use std::{collections::BTreeMap, time::Duration};

use maud::html;

use super::{Dashboard, Fragment, Tab};
use crate::{domain::Language, locale::say, storage::StorageError};

/// Older errors are on their own page only.
const RECENT: Duration = Duration::from_secs(3_600);

impl Dashboard {
    pub(super) async fn alarms(&self, language: Language) -> Result<Fragment, StorageError> {
        let now = self.parts.clock.now();
        let mut by_place: BTreeMap<String, u64> = BTreeMap::new();
        for (at, place, ..) in self.parts.store.kept_errors().await? {
            if now.since(at) < RECENT {
                *by_place.entry(place).or_default() += 1;
            }
        }
        let html = html! {
            h2 { (say!(language, "dash-alarms")) }
            @if by_place.is_empty() {
                p { span class="badge good" { (say!(language, "dash-quiet")) } }
            } @else {
                ul.rows {
                    @for (place, count) in &by_place {
                        li {
                            span class="badge warn" { (say!(language, "dash-errors-in-hour", count = *count)) }
                            code { (place) }
                        }
                    }
                }
                p { a href=(Tab::Errors.path()) { (say!(language, "dash-see-errors")) } }
            }
        };
        Ok(Fragment { id: "alarms", html })
    }
}

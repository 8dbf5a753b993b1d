//! What needs a person: the alarms that fire, the gravest first.

use maud::html;

use super::{Dashboard, Fragment, words};
use crate::{
    domain::Language,
    locale::{self, say},
    storage::StorageError,
};

impl Dashboard {
    pub(super) async fn alarms(&self, language: Language) -> Result<Fragment, StorageError> {
        let now = self.parts.clock.now();
        let alarms = self.parts.store.alarms().await?;
        let firing: Vec<_> = alarms.iter().filter(|state| state.fires).collect();
        let html = html! {
            h2 { (say!(language, "dash-alarms")) }
            @if firing.is_empty() {
                p { span class="badge good" { (say!(language, "dash-quiet")) } }
            } @else {
                ul.rows {
                    @for state in &firing {
                        li {
                            span class="badge bad" { (locale::alarm(language, state)) }
                            code { (state.alarm.as_str()) } " "
                            (words::ago(language, now.since(state.since.unwrap_or(state.turned_at))))
                        }
                    }
                }
            }
        };
        Ok(Fragment { id: "alarms", html })
    }
}

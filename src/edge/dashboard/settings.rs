//! What is in force, secrets hidden: as `gryag config` prints it.

use maud::html;

use super::{Dashboard, Fragment};
use crate::{config::Section, domain::Language, locale::say};

impl Dashboard {
    pub(super) fn setting_list(&self, language: Language) -> Fragment {
        let html = html! {
            p.muted { (say!(language, "dash-settings-words")) }
            @for section in Section::ALL {
                @let label = format!("[{}]", section.as_str());
                h2 { code { (label) } }
                div.scroll tabindex="0" role="region" aria-label=(label) {
                    table {
                        thead {
                            tr {
                                th scope="col" { (say!(language, "dash-key")) }
                                th scope="col" { (say!(language, "dash-value")) }
                                th scope="col" { (say!(language, "dash-origin")) }
                            }
                        }
                        tbody {
                            @for setting in self.parts.settings.iter().filter(|setting| setting.section == section) {
                                tr {
                                    th scope="row" { code { (setting.name) } }
                                    td { @if setting.value.is_empty() { "–" } @else { (setting.value) } }
                                    td.muted { (setting.origin) }
                                }
                            }
                        }
                    }
                }
            }
        };
        Fragment { id: "settings", html }
    }
}

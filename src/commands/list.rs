//! Which commands there are, for whom, and how Telegram shows them.

use crate::{
    domain::Language,
    locale::{self, say},
};

/// For whom a list of commands is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Who talks to the bot alone.
    Private,
    /// The members of a group.
    Group,
    /// Who is named in `ADMIN_ID`, in their private chat.
    Owner,
}

/// A command as it is shown: its name without the slash, and what it does.
pub type Shown = (&'static str, String);

struct Entry {
    name: &'static str,
    key: &'static str,
    audience: &'static [Audience],
}

const EVERYBODY: &[Audience] = &[Audience::Private, Audience::Group, Audience::Owner];
const ALONE: &[Audience] = &[Audience::Private, Audience::Owner];
const OWNER: &[Audience] = &[Audience::Owner];

const ENTRIES: &[Entry] = &[
    Entry { name: "start", key: "command-start", audience: ALONE },
    Entry { name: "help", key: "command-help", audience: EVERYBODY },
    Entry { name: "why", key: "command-why", audience: EVERYBODY },
    Entry { name: "usage", key: "command-usage", audience: EVERYBODY },
    Entry { name: "settings", key: "command-settings", audience: EVERYBODY },
    Entry { name: "privacy", key: "command-privacy", audience: EVERYBODY },
    Entry { name: "optout", key: "command-optout", audience: EVERYBODY },
    Entry { name: "optin", key: "command-optin", audience: EVERYBODY },
    Entry { name: "forget_me", key: "command-forget-me", audience: EVERYBODY },
    Entry { name: "export_me", key: "command-export-me", audience: EVERYBODY },
    Entry { name: "dashboard", key: "command-dashboard", audience: OWNER },
    Entry { name: "status", key: "command-status", audience: OWNER },
    Entry { name: "errors", key: "command-errors", audience: OWNER },
    Entry { name: "dead", key: "command-dead", audience: OWNER },
    Entry { name: "allow", key: "command-allow", audience: OWNER },
    Entry { name: "leave", key: "command-leave", audience: OWNER },
    Entry { name: "ban", key: "command-ban", audience: OWNER },
    Entry { name: "unban", key: "command-unban", audience: OWNER },
    Entry { name: "reload", key: "command-reload", audience: OWNER },
];

/// What people ask for to protect themselves is done however late it arrives, and also for who is not served.
pub(super) const PROTECTIVE: [&str; 3] = ["optout", "optin", "forget_me"];

/// Whether a command is an order of the bot's own admin.
pub(super) fn is_admins(name: &str) -> bool {
    ENTRIES.iter().any(|entry| entry.name == name && entry.audience == OWNER)
}

/// The commands for an audience, in the order in which they are shown.
pub fn shown_commands(audience: Audience, language: Language) -> Vec<Shown> {
    let shown = ENTRIES.iter().filter(|entry| entry.audience.contains(&audience));
    shown.map(|entry| (entry.name, locale::text(language, entry.key, &[]))).collect()
}

/// The same as a text.
pub(super) fn as_text(audience: Audience, language: Language) -> String {
    let lines = shown_commands(audience, language);
    let lines = lines.iter().map(|(name, what)| say!(language, "help-line", name = *name, what = what));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telegram_takes_every_list() {
        for language in [Language::Ukrainian, Language::English] {
            for audience in [Audience::Private, Audience::Group, Audience::Owner] {
                let shown = shown_commands(audience, language);
                assert!(shown.len() < 100);
                for (name, what) in shown {
                    let is_well_formed = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                    assert!(is_well_formed && name.len() <= 32, "{name}");
                    assert!((3..=256).contains(&what.chars().count()), "{name}: {what}");
                }
            }
        }
    }

    #[test]
    fn orders_are_shown_to_who_may_give_them_only() {
        for audience in [Audience::Private, Audience::Group] {
            assert!(shown_commands(audience, Language::English).iter().all(|(name, _)| !is_admins(name)));
        }
        assert!(is_admins("ban") && !is_admins("help") && !is_admins("nothing"));
    }
}

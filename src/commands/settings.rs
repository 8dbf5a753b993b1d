//! What a chat has set: shown to everybody, changed by its admins with buttons.

use super::{
    Around, Commands, Reply, Said,
    button::{Press, Pressed},
};
use crate::{
    domain::{Button, Buttons, Chat, ChatKind, ChatSettings, ChatState, Language, QuietHours, TalkLevel},
    locale::say,
    storage::{ChatSetting, StorageError},
};

/// Quiet hours that a button offers; the same hour twice is none.
const HOURS: [QuietHours; 4] =
    [QuietHours { from: 0, to: 0 }, QuietHours::NIGHT, QuietHours { from: 22, to: 9 }, QuietHours { from: 20, to: 10 }];

/// Personas beside each other, and rows of them: more would hide the rest.
const PERSONAS_A_ROW: usize = 3;
const PERSONA_ROWS: usize = 4;

/// What holds where a chat has set nothing.
struct Effective {
    talk_level: TalkLevel,
    quiet_hours: QuietHours,
    persona: Option<String>,
    language: Language,
    reactions: bool,
}

impl Effective {
    fn of(settings: &ChatSettings, around: Around<'_>) -> Self {
        Self {
            talk_level: settings.talk_level.unwrap_or_default(),
            quiet_hours: settings.quiet_hours.unwrap_or(QuietHours::NIGHT),
            persona: settings.persona.clone(),
            language: settings.language.unwrap_or(around.language),
            reactions: settings.reactions.unwrap_or(true),
        }
    }
}

impl Commands {
    pub(super) async fn settings(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let (chat, state) = (self.chat(said), &said.around.standing.chat);
        let mut words = self.described(chat, state, said.around);
        let buttons = match self.members.is_admin(chat, &said.incoming.message.author).await {
            Some(true) => self.buttons(chat, &state.settings, said.around),
            Some(false) => {
                words.push_str("\n\n");
                words.push_str(&say!(said.around.language, "settings-admins"));
                Buttons::new()
            }
            None => {
                words.push_str("\n\n");
                words.push_str(&say!(said.around.language, "admin-unknown"));
                Buttons::new()
            }
        };
        Ok(Reply::says(self.spot(said).notice_with(&words, buttons)))
    }

    pub(super) async fn set_pressed(&self, pressed: &Pressed<'_>, change: ChatSetting) -> Result<Reply, StorageError> {
        let around = pressed.around;
        match self.members.is_admin(pressed.chat, &pressed.callback.from).await {
            Some(true) => {}
            Some(false) => return Ok(Reply::toast(say!(around.language, "settings-not-yours"))),
            None => return Ok(Reply::toast(say!(around.language, "admin-unknown"))),
        }
        if let ChatSetting::Persona(Some(name)) = &change
            && !self.parts.personas.choices().iter().any(|(known, _)| known == name)
        {
            return Ok(Reply::toast(say!(around.language, "settings-gone")));
        }
        let untitled = Chat { title: None, ..pressed.chat.clone() };
        self.parts.store.set_setting(untitled, change).await?;
        // As it stands in the store now: another admin may have pressed something else.
        let standing = self.parts.store.standing(pressed.chat.id, Vec::new()).await?;
        let language = standing.chat.settings.language.unwrap_or(self.options.language);
        let persona = self.parts.personas.get(standing.chat.settings.persona.as_deref());
        let around = Around { standing: &standing, persona: &persona, language, ..around };
        let mut reply = Reply::toast(say!(language, "settings-done"));
        if let Some(message) = pressed.callback.message_id {
            let words = self.described(pressed.chat, &standing.chat, around);
            let buttons = self.buttons(pressed.chat, &standing.chat.settings, around);
            reply.says.push(self.spot_in(pressed.chat, around).edit(message, &words, buttons));
        }
        Ok(reply)
    }

    fn described(&self, chat: &Chat, state: &ChatState, around: Around<'_>) -> String {
        let language = around.language;
        let now = Effective::of(&state.settings, around);
        let mut lines = vec![say!(language, "settings-head")];
        if chat.kind != ChatKind::Private {
            lines.push(say!(language, "settings-talk", level = &level_name(language, now.talk_level)));
            lines.push(say!(language, "settings-quiet", hours = &hours_name(language, now.quiet_hours)));
        }
        lines.push(say!(language, "settings-persona", name = around.persona.name()));
        lines.push(say!(language, "settings-language", name = &language_name(now.language)));
        let switch = if now.reactions { say!(language, "settings-on") } else { say!(language, "settings-off") };
        lines.push(say!(language, "settings-reactions", switch = &switch));
        if chat.kind != ChatKind::Private {
            if !self.options.is_autonomous {
                lines.push(say!(language, "settings-not-autonomous"));
            }
            let learns = if state.bot_is_admin {
                say!(language, "settings-learns")
            } else {
                say!(language, "settings-learns-less")
            };
            lines.push(String::new());
            lines.push(learns);
        }
        lines.join("\n")
    }

    fn buttons(&self, chat: &Chat, settings: &ChatSettings, around: Around<'_>) -> Buttons {
        let language = around.language;
        let now = Effective::of(settings, around);
        let mut rows = Buttons::new();
        if chat.kind != ChatKind::Private {
            rows.push(row(TalkLevel::ALL.map(|level| {
                let change = ChatSetting::TalkLevel(Some(level));
                (level == now.talk_level, level_name(language, level), change)
            })));
            rows.push(row(HOURS.map(|hours| {
                let change = ChatSetting::QuietHours(Some(hours));
                (hours == now.quiet_hours, hours_name(language, hours), change)
            })));
        }
        let personas = self.parts.personas.choices();
        if personas.len() > 1 {
            let chosen = now.persona.as_deref().unwrap_or_else(|| self.parts.personas.default_key());
            let option = |(key, name): (String, String)| (key == chosen, name, ChatSetting::Persona(Some(key)));
            rows.extend(
                personas.chunks(PERSONAS_A_ROW).take(PERSONA_ROWS).map(|some| row(some.iter().cloned().map(option))),
            );
        }
        rows.push(row([Language::Ukrainian, Language::English]
            .map(|other| (other == now.language, language_name(other), ChatSetting::Language(Some(other))))));
        rows.push(row([true, false].map(|on| {
            let text = if on { say!(language, "settings-react") } else { say!(language, "settings-react-not") };
            (on == now.reactions, text, ChatSetting::Reactions(Some(on)))
        })));
        rows.retain(|row| !row.is_empty());
        rows
    }
}

/// Buttons of which the one that holds now is marked.
fn row(options: impl IntoIterator<Item = (bool, String, ChatSetting)>) -> Vec<Button> {
    let button = |(is_chosen, text, change): (bool, String, ChatSetting)| {
        let text = if is_chosen { format!("✓ {text}") } else { text };
        Press::Set(change).button(text)
    };
    options.into_iter().filter_map(button).collect()
}

fn level_name(language: Language, level: TalkLevel) -> String {
    match level {
        TalkLevel::Silent => say!(language, "level-silent"),
        TalkLevel::Shy => say!(language, "level-shy"),
        TalkLevel::Normal => say!(language, "level-normal"),
        TalkLevel::Chatty => say!(language, "level-chatty"),
    }
}

fn hours_name(language: Language, hours: QuietHours) -> String {
    if hours.from == hours.to { say!(language, "hours-none") } else { format!("{}–{}", hours.from, hours.to) }
}

/// In the language itself: whoever looks for theirs reads no other.
fn language_name(language: Language) -> String {
    match language {
        Language::Ukrainian => "Українська",
        Language::English => "English",
    }
    .to_owned()
}

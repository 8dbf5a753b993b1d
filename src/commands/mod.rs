//! What /commands do.

use std::sync::Arc;

use crate::{
    domain::{Chat, ChatKind, Language},
    persona::{Persona, Saying},
    telegram::{Command, Me},
};

/// The commands. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    persona: Arc<Persona>,
}

impl Commands {
    /// In a persona's words.
    pub fn new(persona: Arc<Persona>) -> Self {
        Self { persona }
    }

    /// The answer to a command, or nothing for commands that are another bot's or nobody's.
    pub fn answer(&self, command: &Command, chat: &Chat, me: &Me) -> Option<String> {
        let named = command.for_bot.is_some();
        if !command.is_for(&me.username) {
            return None;
        }
        // In a group a bare /start may be meant for any bot.
        let meant_for_us = named || chat.kind == ChatKind::Private;
        match command.name.as_str() {
            "start" | "help" if meant_for_us => {
                Some(self.persona.line(Saying::Greeting, Language::Ukrainian, 0.0).to_owned())
            }
            _ => None,
        }
    }
}

//! Whom the bot serves. Until an admin has decided, a chat gets one polite line, and nothing that is said there is kept
//! or shown to the model: not even its name, but for the question to the admin.

use super::{
    Around, Commands, Reply,
    button::{Press, Pressed},
    spot::{self, Spot},
};
use crate::{
    config::Access,
    domain::{Author, AuthorKind, Buttons, Chat, ChatAccess, ChatId, ChatKind, ChatState, TopicId, UserId},
    locale::say,
    persona::Saying,
    storage::{BotStanding, NewOutgoing, Once, SaidOnce, StorageError},
    telegram::Membership,
};

/// What may happen with what is said in a chat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// Remembered and answered.
    Open,
    /// Nothing yet: the admin is to be asked first.
    Ask,
    /// Nothing at all.
    Shut,
}

/// The gate of a chat.
fn gate(access: Access, chat: ChatAccess, is_owners: bool) -> Gate {
    match (access, chat) {
        _ if is_owners => Gate::Open,
        (_, ChatAccess::Banned) => Gate::Shut,
        (Access::Open, _) | (_, ChatAccess::Allowed) => Gate::Open,
        (Access::Approve, ChatAccess::New) => Gate::Ask,
        (Access::Approve, ChatAccess::Asked | ChatAccess::Refused) => Gate::Shut,
    }
}

/// Longest name that is shown to an admin.
const NAME_MAX: usize = 64;

impl Commands {
    /// What may happen with what is said in this chat.
    pub fn gate(&self, chat: ChatId, state: &ChatState) -> Gate {
        gate(self.options.access, state.access, self.is_owner(UserId(chat.0)))
    }

    /// Whether somebody gives orders here, whatever the gate says.
    pub fn obeys(&self, who: &Author) -> bool {
        who.kind == AuthorKind::Person && self.is_owner(who.id)
    }

    /// A chat that nobody has decided on: one polite line there, one question to the admin.
    pub fn knock(&self, chat: &Chat, topic: Option<TopicId>, who: &Author, around: Around<'_>) -> SaidOnce {
        let expires_at = self.now() + self.options.age_max;
        let spot = Spot { chat, topic, reply_to: None, request_id: around.request_id, expires_at };
        let line = around.persona.line(Saying::AccessAsked, around.language, 0.0);
        let mut says = vec![spot.notice(line)];
        says.extend(self.options.admins.iter().map(|admin| self.question(&spot, *admin, who)));
        SaidOnce { once: Once::AskAccess, chat: Chat { title: None, ..chat.clone() }, says }
    }

    fn question(&self, spot: &Spot<'_>, admin: UserId, who: &Author) -> NewOutgoing {
        let (language, id) = (self.options.language, spot.chat.id);
        let who = shown_author(who);
        let words = match spot.chat.kind {
            ChatKind::Private => say!(language, "access-ask-private", who = &who, id = &id.to_string()),
            _ => {
                let title = shown_name(spot.chat.title.as_deref().unwrap_or("?"));
                say!(language, "access-ask-group", title = &title, who = &who, id = &id.to_string())
            }
        };
        let button = |allow, text: String| Press::Access { chat: id, allow }.button(text);
        let row = [button(true, say!(language, "access-allow")), button(false, say!(language, "access-refuse"))];
        let buttons: Buttons = vec![row.into_iter().flatten().collect()];
        // It is not asked again, so it may wait for an admin's chat for longer than an answer.
        let expires_at = self.now() + self.options.retention;
        NewOutgoing { buttons, expires_at, ..spot.to_person(admin, &words) }
    }

    /// Who it is, what it reads and keeps, and what is missing: said once in a chat.
    pub(super) fn introduction(&self, chat: &Chat, bot_is_admin: bool, around: Around<'_>) -> SaidOnce {
        let language = around.language;
        let spot = self.spot_in(chat, around);
        let words = if chat.kind == ChatKind::Private {
            format!(
                "{}\n\n{}",
                around.persona.line(Saying::AccessAllowed, language, 0.0),
                say!(language, "access-welcome")
            )
        } else {
            let days = self.options.retention.as_secs() / 86_400;
            let mut words = vec![say!(language, "introduction", name = around.persona.name(), days = days)];
            let me = &self.parts.me;
            if !bot_is_admin && !me.can_read_all_group_messages {
                words.push(say!(language, "introduction-privacy-mode"));
            }
            if !bot_is_admin {
                words.push(say!(language, "introduction-reactions"));
            }
            words.join("\n\n")
        };
        let chat = Chat { title: None, ..chat.clone() };
        SaidOnce { once: Once::Introduce, says: vec![spot.notice(&words)], chat }
    }

    pub(super) fn spot_in<'a>(&self, chat: &'a Chat, around: Around<'a>) -> Spot<'a> {
        let expires_at = self.now() + self.options.age_max;
        Spot { chat, topic: None, reply_to: None, request_id: around.request_id, expires_at }
    }

    /// The bot came into a chat, left it, became an admin, was blocked.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn joined(&self, membership: &Membership, around: Around<'_>) -> Result<Reply, StorageError> {
        let chat = &membership.chat;
        let is_admin = matches!(membership.status.as_str(), "administrator" | "creator");
        let standing = match (membership.is_present, is_admin) {
            (false, _) => BotStanding::Gone,
            (true, true) => BotStanding::Admin,
            (true, false) => BotStanding::Member,
        };
        let untitled = Chat { title: None, ..chat.clone() };
        self.parts.store.set_bot_standing(untitled, standing, membership.at).await?;
        let adder = &membership.by;
        let is_banned = around.standing.banned.contains(&adder.id);
        let was_out = matches!(membership.old_status.as_str(), "" | "left" | "kicked");
        let comes = membership.is_present && was_out;
        if chat.kind != ChatKind::Group || !comes || is_banned {
            return Ok(Reply::default());
        }
        let mut access = around.standing.chat.access;
        if self.obeys(adder) && access != ChatAccess::Allowed {
            self.parts.store.set_access(chat.clone(), ChatAccess::Allowed, self.now()).await?;
            access = ChatAccess::Allowed;
        }
        let once = match gate(self.options.access, access, false) {
            Gate::Open => self.introduction(chat, is_admin, around),
            Gate::Ask => self.knock(chat, None, adder, around),
            Gate::Shut => return Ok(Reply::default()),
        };
        Ok(Reply { once: vec![once], ..Reply::default() })
    }

    /// An admin pressed "allow" or "refuse".
    pub(super) async fn decide_access(
        &self,
        pressed: &Pressed<'_>,
        chat: ChatId,
        allow: bool,
    ) -> Result<Reply, StorageError> {
        let language = self.options.language;
        if !self.obeys(&pressed.callback.from) {
            return Ok(Reply::toast(say!(pressed.around.language, "button-not-yours")));
        }
        let wanted = if allow { ChatAccess::Allowed } else { ChatAccess::Refused };
        let known = self.parts.store.known_chat(chat).await?;
        let access = known.map_or(ChatAccess::New, |known| known.access);
        let is_decided = matches!(access, ChatAccess::Allowed | ChatAccess::Refused | ChatAccess::Banned);
        let outcome = if is_decided && access != wanted { access } else { wanted };
        let mut reply = if outcome == wanted {
            self.set_access(chat, wanted, pressed.around).await?
        } else {
            Reply::toast(say!(language, "access-decided"))
        };
        if let Some(message) = pressed.callback.message_id {
            let verdict = match outcome {
                ChatAccess::Allowed => say!(language, "access-allowed"),
                _ => say!(language, "access-refused"),
            };
            let asked = pressed.callback.message_text.clone().unwrap_or_else(|| chat.to_string());
            let words = format!("{asked}\n\n{verdict}");
            let spot = self.spot_in(pressed.chat, pressed.around);
            reply.says.push(spot.edit(message, &words, Buttons::new()));
        }
        Ok(reply)
    }

    /// Lets a chat in, and greets it; or does not, without a word to it.
    pub(super) async fn set_access(
        &self,
        id: ChatId,
        access: ChatAccess,
        around: Around<'_>,
    ) -> Result<Reply, StorageError> {
        let known = self.parts.store.known_chat(id).await?;
        let kind = if id.0 > 0 { ChatKind::Private } else { ChatKind::Group };
        let chat = known.map_or(Chat { id, kind, title: None }, |known| known.chat);
        self.parts.store.set_access(chat.clone(), access, self.now()).await?;
        if access != ChatAccess::Allowed {
            return Ok(Reply::default());
        }
        let standing = self.parts.store.standing(id, Vec::new()).await?;
        let language = standing.chat.settings.language.unwrap_or(self.options.language);
        let persona = self.parts.personas.get(standing.chat.settings.persona.as_deref());
        let there = Around { standing: &standing, persona: &persona, language, ..around };
        let introduction = self.introduction(&chat, standing.chat.bot_is_admin, there);
        Ok(Reply { once: vec![introduction], ..Reply::default() })
    }
}

/// A person as an admin is shown them.
pub(super) fn shown_author(who: &Author) -> String {
    let name = shown_name(&who.name);
    match &who.username {
        Some(username) => format!("{name} (@{username}, {})", who.id),
        None => format!("{name} ({})", who.id),
    }
}

/// A name of somebody's own choice on one line.
pub(super) fn shown_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_control() || spot::is_invisible(letter) { ' ' } else { letter };
    let name: String = name.chars().map(plain).take(NAME_MAX).collect();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() { "?".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_admin_allowed_passes_an_approved_gate() {
        use ChatAccess::{Allowed, Asked, Banned, New, Refused};
        let at = |access| [New, Asked, Allowed, Refused, Banned].map(|chat| gate(access, chat, false));
        assert_eq!(at(Access::Approve), [Gate::Ask, Gate::Shut, Gate::Open, Gate::Shut, Gate::Shut]);
        assert_eq!(at(Access::Open), [Gate::Open, Gate::Open, Gate::Open, Gate::Open, Gate::Shut]);
        assert_eq!(
            gate(Access::Approve, ChatAccess::Banned, true),
            Gate::Open,
            "an admin locks nobody out of their own"
        );
    }

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(shown_name("Оля\n[admin]\u{202e}\u{200b} x"), "Оля [admin] x");
        assert_eq!(shown_name(" \u{200b} "), "?");
        assert_eq!(shown_name(&"я".repeat(500)).chars().count(), NAME_MAX);
    }
}

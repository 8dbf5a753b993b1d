//! Where an answer goes.

use crate::{
    domain::{
        Buttons, Chat, ChatId, ChatKind, MessageId, OutgoingKind, ReplyTarget, RequestId, Timestamp, TopicId, UserId,
    },
    markup,
    storage::NewOutgoing,
};

/// A place in a chat, and whom to answer there.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) chat: &'a Chat,
    pub(super) topic: Option<TopicId>,
    pub(super) reply_to: Option<MessageId>,
    pub(super) request_id: &'a RequestId,
    pub(super) expires_at: Timestamp,
}

impl Spot<'_> {
    /// Words of the bot's own, here.
    pub(super) fn notice(&self, words: &str) -> NewOutgoing {
        let target = ReplyTarget { topic: self.topic, message_id: self.reply_to };
        NewOutgoing { target, ..self.elsewhere(untitled(self.chat), words) }
    }

    pub(super) fn notice_with(&self, words: &str, buttons: Buttons) -> NewOutgoing {
        NewOutgoing { buttons, ..self.notice(words) }
    }

    /// Words for somebody's private chat.
    pub(super) fn to_person(self, person: UserId, words: &str) -> NewOutgoing {
        self.elsewhere(private(person), words)
    }

    pub(super) fn elsewhere(&self, chat: Chat, words: &str) -> NewOutgoing {
        let parts = markup::plain(words);
        NewOutgoing::new(OutgoingKind::Notice, chat, parts, self.expires_at, self.request_id.clone())
    }

    /// Other words and buttons for a message of the bot's that stands here.
    pub(super) fn edit(&self, message: MessageId, words: &str, buttons: Buttons) -> NewOutgoing {
        let text = markup::plain(words).into_iter().next().unwrap_or_default();
        NewOutgoing::edit(untitled(self.chat), message, text, buttons, self.expires_at, self.request_id.clone())
    }
}

pub(super) fn private(person: UserId) -> Chat {
    Chat { id: ChatId(person.0), kind: ChatKind::Private, title: None }
}

fn untitled(chat: &Chat) -> Chat {
    Chat { id: chat.id, kind: chat.kind, title: None }
}

/// A letter that nobody sees, and that may turn the others around.
pub(super) const fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{e0000}'..='\u{e007f}')
}

//! Everything that is kept of a person, for their own eyes: a JSON file in their private chat.

use serde_json::{Value, json};

use super::{Commands, Reply, Said, spot};
use crate::{
    domain::{AuthorKind, ChatKind, Message, OutgoingAction, OutgoingKind, RichText, Timestamp},
    locale::say,
    storage::{NewOutgoing, PersonExport, StorageError},
};

/// Of more messages the newest are told, and that there are more: a file that Telegram takes, and one transaction.
const MESSAGES_MAX: u32 = 10_000;

impl Commands {
    pub(super) async fn export_me(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let (language, author) = (said.around.language, &said.incoming.message.author);
        if author.kind != AuthorKind::Person {
            return Ok(self.reply_not_a_person(said));
        }
        // Not again and again: it is a large file, and the same one. A turn that is repeated asks with the same update.
        let first = self.exports.get_with(author.id, async { said.around.key }).await;
        if first != said.around.key {
            return Ok(self.reply(said, &say!(language, "export-again")));
        }
        let export = self.parts.store.export_person(author.id, MESSAGES_MAX).await?;
        let file = as_json(author.id.0, &author.name, &export).to_string();
        let expires_at = self.now() + self.options.age_max;
        let request_id = said.around.request_id.clone();
        let parts = vec![RichText::plain(file)];
        let file = NewOutgoing {
            action: OutgoingAction::File,
            ..NewOutgoing::new(OutgoingKind::Notice, spot::private(author.id), parts, expires_at, request_id)
        };
        let mut says = vec![file];
        if self.chat(said).kind != ChatKind::Private {
            says.push(self.spot(said).notice(&say!(language, "export-sent")));
        }
        Ok(Reply { says, ..Reply::default() })
    }
}

fn as_json(person: i64, name: &str, export: &PersonExport) -> Value {
    let record = &export.record;
    let silences = export.silences.iter().map(|(chat, at)| json!({"chat_id": chat.0, "at": time(*at)}));
    let calls = export.calls.iter().map(|call| {
        json!({"at": time(call.at), "chat_id": call.chat.map(|chat| chat.0), "purpose": call.purpose, "model": call.model,
            "tokens": call.tokens, "cost_nano_usd": call.cost_nano_usd})
    });
    json!({
        "user_id": person,
        "name": name,
        "opted_out_at": record.opted_out_at.map(time),
        "banned_at": record.banned_at.map(time),
        "forgotten_at": record.forgotten_at.map(time),
        "messages_are_all": !export.is_partial,
        "messages": export.messages.iter().map(message).collect::<Vec<_>>(),
        "asked_for_silence": silences.collect::<Vec<_>>(),
        "model_calls": calls.collect::<Vec<_>>(),
    })
}

fn message(message: &Message) -> Value {
    let media = message.media.as_ref();
    json!({
        "chat_id": message.chat.id.0,
        "message_id": message.id.0,
        "topic_id": message.topic.map(|topic| topic.0),
        "sent_at": time(message.sent_at),
        "edited_at": message.edited_at.map(time),
        "name": message.author.name,
        "username": message.author.username,
        "text": message.text,
        "media": media.map(|media| json!({"kind": media.kind.as_str(), "label": media.label, "file_id": media.file_id,
            "size_bytes": media.size_bytes})),
        "reply_to": message.reply_to.as_ref().map(|reply| reply.message_id.0),
        "quote": message.quote.as_ref().map(|quote| quote.text.as_str()),
        "forwarded_from": message.forwarded_from.as_ref().map(|from| from.name.as_str()),
    })
}

/// «2026-11-23T12:00:00Z».
fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_string()
}

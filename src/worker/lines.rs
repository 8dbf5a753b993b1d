//! What a claim's rows say, once their bodies are read.

use crate::{
    decision::{Candidate, Trigger, addressed},
    domain::{AuthorKind, ChatId, Message, Timestamp, UpdateKey},
    memory::Memory,
    persona::Persona,
    storage::{Claim, StorageError, Verdict},
    telegram::{Command, Incoming, IncomingMessage, Me, parse},
};

/// A message of the turn.
pub(super) struct Line {
    pub(super) incoming: IncomingMessage,
    pub(super) is_edit: bool,
    pub(super) is_album_rest: bool,
    pub(super) trigger: Option<Trigger>,
    /// When its update was acknowledged.
    pub(super) received_at: Timestamp,
    pub(super) request_id: crate::domain::RequestId,
}

impl Line {
    pub(super) fn message(&self) -> &Message {
        &self.incoming.message
    }

    pub(super) fn command(&self) -> Option<&Command> {
        if self.is_edit { None } else { self.incoming.command.as_ref() }
    }

    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            trigger: self.trigger,
            sent_at: self.message().sent_at,
            is_edit: self.is_edit,
            is_album_rest: self.is_album_rest,
            by_bot: matches!(self.message().author.kind, AuthorKind::Bot | AuthorKind::Own),
        }
    }
}

/// Everything that a claim's rows say.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    /// Rows that cannot be read: they die, the others live.
    pub(super) verdicts: Vec<(UpdateKey, Verdict)>,
    pub(super) migrated: Option<(ChatId, ChatId)>,
}

/// Reads the rows of a claim.
pub(super) async fn read(claim: &Claim, me: &Me, persona: &Persona, memory: &Memory) -> Result<Lines, StorageError> {
    let mut read = Lines::default();
    for update in &claim.updates {
        let (incoming, is_edit) = match parse(&update.body, me) {
            Ok(Incoming::Message(message)) => (*message, false),
            Ok(Incoming::Edited(message)) => (*message, true),
            Ok(Incoming::Migrated { from, to }) => {
                read.migrated = Some((from, to));
                continue;
            }
            // Kinds that the bot has no use for were counted when they came in.
            Ok(Incoming::Callback(_) | Incoming::Reaction(_) | Incoming::Membership(_) | Incoming::Other { .. }) => {
                continue;
            }
            Err(error) => {
                read.verdicts.push((update.key, Verdict::Dead { problem: error.to_string() }));
                continue;
            }
        };
        let trigger = addressed(&incoming, me, persona);
        let is_album_rest = is_album_rest(&incoming.message, trigger, &read.lines, memory).await?;
        let (received_at, request_id) = (update.received_at, update.request_id.clone());
        read.lines.push(Line { incoming, is_edit, is_album_rest, trigger, received_at, request_id });
    }
    Ok(read)
}

/// Pictures of an album arrive one by one; the first one that speaks to the bot speaks for all. What is remembered of an
/// album has been dealt with, except that the caption, which may stand under any picture, may call the bot only now.
async fn is_album_rest(
    message: &Message,
    trigger: Option<Trigger>,
    before: &[Line],
    memory: &Memory,
) -> Result<bool, StorageError> {
    let Some(album) = &message.album else { return Ok(false) };
    if before.iter().any(|line| line.message().album.as_ref() == Some(album) && line.trigger.is_some()) {
        return Ok(true);
    }
    let is_called_by_caption = matches!(trigger, Some(Trigger::Name | Trigger::Mention));
    if is_called_by_caption {
        return Ok(false);
    }
    memory.album_is_known(message.chat.id, album).await
}

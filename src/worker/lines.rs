//! What a claim's rows say, once their bodies are read: lines (messages) and events (presses, reactions, memberships).

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    commands::Commands,
    decision::{By, Candidate, Trigger, addressed},
    domain::{AuthorKind, ChatId, Language, Message, RequestId, Timestamp, UpdateKey, UserId},
    memory::Memory,
    persona::Persona,
    storage::{Claim, SaidOnce, Standing, StorageError, Verdict},
    telegram::{Callback, Command, Incoming, IncomingMessage, Me, Membership, Reaction, parse},
};

/// A message of the turn.
pub(super) struct Line {
    pub(super) incoming: IncomingMessage,
    pub(super) is_edit: bool,
    pub(super) is_album_rest: bool,
    pub(super) trigger: Option<Trigger>,
    /// It is not to be remembered.
    pub(super) passes: bool,
    /// When its update was acknowledged.
    pub(super) received_at: Timestamp,
    pub(super) request_id: RequestId,
}

impl Line {
    pub(super) fn message(&self) -> &Message {
        &self.incoming.message
    }

    pub(super) fn command(&self) -> Option<&Command> {
        // A command that is passed on was somebody else's, and never meant by who passes it on.
        let is_own = !self.is_edit && self.message().forwarded_from.is_none();
        self.incoming.command.as_ref().filter(|_| is_own)
    }

    /// Whether it counts among what people say to the bot: another bot's words do not.
    pub(super) fn is_persons(&self) -> bool {
        !matches!(self.message().author.kind, AuthorKind::Own | AuthorKind::Bot)
    }

    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            trigger: self.trigger,
            sent_at: self.message().sent_at,
            is_edit: self.is_edit,
            is_album_rest: self.is_album_rest,
            by: match self.message().author.kind {
                AuthorKind::Own => By::Us,
                AuthorKind::Bot => By::Bot,
                _ => By::Person,
            },
            floods: false,
        }
    }
}

/// Something that happened in a chat and is no message.
pub(super) enum Happened {
    /// Somebody pressed a button.
    Pressed(Callback),
    /// Somebody changed a reaction.
    Reacted(Reaction),
    /// The bot's own standing changed.
    Joined(Membership),
}

/// One event of the turn.
pub(super) struct Event {
    pub(super) happened: Happened,
    pub(super) request_id: RequestId,
}

/// Everything that a claim's rows say.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    pub(super) events: Vec<Event>,
    /// Rows that cannot be read: they die, the others live.
    pub(super) verdicts: Vec<(UpdateKey, Verdict)>,
    pub(super) migrated: Option<(ChatId, ChatId)>,
    /// What is said of those whose words are not heard.
    pub(super) once: Vec<SaidOnce>,
    /// Something was taken out that must not be kept.
    pub(super) leaves_no_trace: bool,
}

/// The chat of a turn: how it stands, and as whom and in which language the bot speaks there.
pub(super) struct Place {
    pub(super) standing: Standing,
    pub(super) persona: Arc<Persona>,
    pub(super) language: Language,
}

impl Lines {
    /// Reads the rows of a claim; nobody is known to be addressed yet.
    pub(super) fn read(claim: &Claim, me: &Me) -> Self {
        let mut read = Self::default();
        for update in &claim.updates {
            let (received_at, request_id) = (update.received_at, update.request_id.clone());
            let event = |happened| Event { happened, request_id: request_id.clone() };
            let line = |incoming: Box<IncomingMessage>, is_edit| Line {
                incoming: *incoming,
                is_edit,
                is_album_rest: false,
                trigger: None,
                passes: false,
                received_at,
                request_id: request_id.clone(),
            };
            match parse(&update.body, me) {
                Ok(Incoming::Message(message)) => read.lines.push(line(message, false)),
                Ok(Incoming::Edited(message)) => read.lines.push(line(message, true)),
                Ok(Incoming::Migrated { from, to }) => read.migrated = Some((from, to)),
                Ok(Incoming::Callback(callback)) => read.events.push(event(Happened::Pressed(callback))),
                Ok(Incoming::Reaction(reaction)) => read.events.push(event(Happened::Reacted(reaction))),
                Ok(Incoming::Membership(membership)) => read.events.push(event(Happened::Joined(membership))),
                // Kinds that the bot has no use for were counted when they came in.
                Ok(Incoming::Other { .. }) => {}
                Err(error) => read.verdicts.push((update.key, Verdict::Dead { problem: error.to_string() })),
            }
        }
        read
    }

    /// Everybody whose standing matters: who writes, who is replied to, who presses.
    pub(super) fn people(&self) -> Vec<UserId> {
        let mut people = BTreeSet::new();
        for line in &self.lines {
            people.insert(line.message().author.id);
            people.extend(line.message().reply_to.iter().flat_map(|reply| &reply.author).map(|author| author.id));
            people.extend(line.message().quote.iter().filter_map(|quote| quote.author));
            people.extend(line.message().forwarded_from.iter().filter_map(|from| from.author));
        }
        for event in &self.events {
            match &event.happened {
                Happened::Pressed(callback) => people.insert(callback.from.id),
                Happened::Reacted(reaction) => reaction.from.as_ref().is_some_and(|from| people.insert(from.id)),
                Happened::Joined(membership) => people.insert(membership.by.id),
            };
        }
        people.into_iter().collect()
    }

    /// Takes out what must be neither remembered nor shown: lines and presses of people who are banned, lines of people
    /// who opted out (their commands stay, for one of them opts in again) or that forward their words, and what a reply
    /// shows and quotes of them. Returns the lines of those who opted out.
    pub(super) fn respect(&mut self, standing: &Standing) -> Vec<Line> {
        // Of all the people that the rows name.
        self.leaves_no_trace |= !standing.opted_out.is_empty();
        let is_out = |person: &UserId| standing.opted_out.contains(person);
        let is_banned = |person: &UserId| standing.banned.contains(person);
        let lines = std::mem::take(&mut self.lines);
        let lines = lines.into_iter().filter(|line| !is_banned(&line.message().author.id)).filter(|line| {
            let forwarded = line.message().forwarded_from.as_ref().and_then(|from| from.author);
            !forwarded.is_some_and(|author| is_out(&author))
        });
        let (unheard, heard): (Vec<_>, Vec<_>) =
            lines.partition(|line| is_out(&line.message().author.id) && line.command().is_none());
        self.lines = heard;
        self.events.retain(|event| match &event.happened {
            Happened::Pressed(callback) => !is_banned(&callback.from.id),
            Happened::Reacted(reaction) => {
                reaction.from.as_ref().is_none_or(|from| !is_banned(&from.id) && !is_out(&from.id))
            }
            Happened::Joined(_) => true,
        });
        for line in &mut self.lines {
            line.passes |= is_out(&line.message().author.id);
            let message = &mut line.incoming.message;
            message.quote.take_if(|quote| quote.author.as_ref().is_some_and(is_out));
            let Some(reply) = &mut message.reply_to else { continue };
            if reply.author.as_ref().is_some_and(|author| is_out(&author.id)) {
                reply.text = None;
                reply.media = None;
                message.quote = None;
            }
        }
        unheard
    }

    /// Takes out what replies show of messages that were forgotten.
    pub(super) async fn forget(&mut self, commands: &Commands) -> Result<(), StorageError> {
        let shown = |line: &Line| {
            let reply = line.message().reply_to.as_ref()?;
            let shows = reply.text.is_some() || line.message().quote.is_some();
            shows.then(|| (reply.message_id, reply.author.as_ref().map(|author| author.id)))
        };
        let Some(chat) = self.lines.first().map(|line| line.message().chat.id) else { return Ok(()) };
        let shown: Vec<_> = self.lines.iter().filter_map(shown).collect();
        if shown.is_empty() {
            return Ok(());
        }
        let forgotten = commands.forgotten(chat, shown).await?;
        self.leaves_no_trace |= !forgotten.is_empty();
        for line in &mut self.lines {
            let message = &mut line.incoming.message;
            if let Some(reply) = message.reply_to.as_mut().filter(|reply| forgotten.contains(&reply.message_id)) {
                reply.text = None;
                message.quote = None;
            }
        }
        Ok(())
    }

    /// Finds out who speaks to the bot.
    pub(super) async fn find_triggers(&mut self, me: &Me, place: &Place, memory: &Memory) -> Result<(), StorageError> {
        for index in 0..self.lines.len() {
            let (before, rest) = self.lines.split_at_mut(index);
            let line = &mut rest[0];
            line.trigger = addressed(&line.incoming, me, &place.persona);
            line.is_album_rest = is_album_rest(&line.incoming.message, line.trigger, before, memory).await?;
        }
        Ok(())
    }
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

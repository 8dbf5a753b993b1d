//! What never gets into a turn: what is said where the bot does not serve, and by whom it must not hear.

use super::{
    lines::{Event, Happened, Line, Lines, Place},
    turn::Turn,
};
use crate::{
    commands::{Around, Gate},
    decision::addressed,
    domain::{AuthorKind, LaneKind},
    storage::{Once, SaidOnce},
};

impl Turn<'_> {
    /// Empties the turn of a chat that is not served, but for orders; and notes what is to be said about it, or to
    /// people who opted out and speak to the bot (`unheard`).
    pub(super) fn guard(&self, read: &mut Lines, unheard: Vec<Line>, place: &Place) {
        let commands = &self.worker.parts.commands;
        let gate = commands.gate(self.claim.lane.chat, &place.standing.chat);
        if gate == Gate::Open {
            read.once.extend(unheard.iter().filter_map(|line| self.told(line, place)));
            return;
        }
        let newcomer = read.lines.iter().find(|line| {
            let is_somebody = !matches!(line.message().author.kind, AuthorKind::Bot | AuthorKind::Own);
            is_somebody && !line.is_edit && line.incoming.service.is_none() && !commands.obeys(&line.message().author)
        });
        read.leaves_no_trace = true;
        // Nor is a dead letter kept of what could not be read.
        read.verdicts.clear();
        if let (Gate::Ask, Some(line)) = (gate, newcomer) {
            let message = line.message();
            let around = self.around(place, &line.request_id);
            read.once.push(commands.knock(&message.chat, message.topic, &message.author, around));
        }
        let is_order = |line: &Line| {
            self.claim.lane.kind == LaneKind::Express
                && line.command().is_some()
                && commands.obeys(&line.message().author)
        };
        read.lines.retain(is_order);
        read.lines.iter_mut().for_each(|line| line.passes = true);
        read.events.retain(|event: &Event| match &event.happened {
            Happened::Joined(_) => true,
            Happened::Pressed(callback) => commands.obeys(&callback.from),
            Happened::Reacted(_) => false,
        });
    }

    /// To whom nobody answers, why.
    fn told(&self, line: &Line, place: &Place) -> Option<SaidOnce> {
        let parts = &self.worker.parts;
        let message = line.message();
        let is_fresh = parts.clock.now().since(message.sent_at) <= self.worker.options.age_max;
        let speaks_to_us = addressed(&line.incoming, &parts.me, &place.persona).is_some();
        if !is_fresh || line.is_edit || !speaks_to_us {
            return None;
        }
        let says = parts.commands.tell_opted_out(&line.incoming, self.around(place, &line.request_id));
        let once = Once::TellOptedOut(message.author.id);
        Some(SaidOnce { once, chat: message.chat.clone(), says: vec![says] })
    }

    /// How things stand around what is said to the bot.
    pub(super) fn around<'a>(&self, place: &'a Place, request_id: &'a crate::domain::RequestId) -> Around<'a> {
        Around {
            standing: &place.standing,
            persona: &place.persona,
            language: place.language,
            // An express turn has one update; in a conversation nothing hangs on which it is.
            key: self.claim.updates.first().map_or(crate::domain::UpdateKey(0), |update| update.key),
            request_id,
        }
    }
}

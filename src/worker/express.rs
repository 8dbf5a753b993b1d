//! What never waits for a model: commands, presses, reactions, the bot's own comings and goings.

use super::{
    lines::{Happened, Line, Lines, Place},
    turn::{Turn, TurnError, leaves},
};
use crate::commands::{Reply, Said};

impl Turn<'_> {
    /// Commands never wait for a model.
    pub(super) async fn run_express(&self, mut read: Lines, place: &Place) -> Result<&'static str, TurnError> {
        let mut replies = self.obey(&mut read, place).await?;
        let mut presses = Vec::new();
        for event in &read.events {
            let around = self.around(place, &event.request_id);
            let commands = &self.worker.parts.commands;
            match &event.happened {
                Happened::Pressed(callback) => {
                    let mut reply = commands.press(callback, around).await?;
                    presses.push((callback, reply.toast.take()));
                    replies.push(reply);
                }
                Happened::Joined(membership) => replies.push(commands.joined(membership, around).await?),
                Happened::Reacted(_) => {}
            }
        }
        let mut turn = leaves(&read);
        let mut notes = self.talk_notes(&read, &turn.remembered).await?;
        let now = self.worker.parts.clock.now();
        let fresh = |line: &&Line| now.since(line.message().sent_at) <= self.worker.options.age_max;
        for line in read.lines.iter().filter(fresh) {
            turn.also.extend(self.hush(line, place, &mut notes).await?);
        }
        turn.talk = Some(notes);
        for reply in replies {
            turn.also.extend(reply.says);
            turn.once.extend(reply.once);
        }
        let outcome = if turn.also.is_empty() && turn.once.is_empty() { "silent" } else { "answered" };
        self.finish(turn).await?;
        for (callback, toast) in presses {
            self.worker.parts.commands.end_press(callback, toast.as_deref()).await;
        }
        Ok(outcome)
    }

    /// Does what the lines ask for.
    async fn obey(&self, read: &mut Lines, place: &Place) -> Result<Vec<Reply>, TurnError> {
        let now = self.worker.parts.clock.now();
        let mut replies = Vec::new();
        for line in &mut read.lines {
            if line.is_edit {
                continue;
            }
            let said = Said {
                incoming: &line.incoming,
                is_addressed: line.trigger.is_some(),
                is_stale: now.since(line.message().sent_at) > self.worker.options.age_max,
                around: self.around(place, &line.request_id),
            };
            let mut reply = self.worker.parts.commands.answer(said).await?;
            // Said to the bot in words: that counts like any call.
            if let (Some(_), None, Some(says)) = (line.trigger, line.command(), reply.says.first_mut()) {
                says.addressed = vec![line.received_at];
            }
            // A command is no conversation, and what repeats forgotten words is not to be kept.
            line.passes |= reply.forgets_itself || !reply.says.is_empty();
            replies.push(reply);
        }
        Ok(replies)
    }
}

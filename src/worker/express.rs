//! What never waits for a model: commands, presses, reactions, the bot's own comings and goings.

use super::{
    lines::{Line, Lines, Place},
    turn::{Turn, TurnError, leaves},
};
use crate::domain::{OutgoingKind, RichText};

impl Turn<'_> {
    /// Commands never wait for a model.
    pub(super) async fn run_express(&self, read: Lines, place: &Place) -> Result<&'static str, TurnError> {
        let mut turn = leaves(&read);
        let mut notes = self.talk_notes(&read, &turn.remembered).await?;
        let now = self.worker.parts.clock.now();
        let fresh = |line: &&Line| now.since(line.message().sent_at) <= self.worker.options.age_max;
        for line in read.lines.iter().filter(fresh) {
            let answer = line.command().and_then(|command| {
                self.worker.parts.commands.answer(command, &line.message().chat, &self.worker.parts.me)
            });
            if let Some(text) = answer {
                turn.says = Some(self.outgoing(OutgoingKind::Notice, vec![RichText::plain(text)], &[line]));
            }
            if let Some(says) = self.obey(line, place, &mut notes).await? {
                turn.says = Some(says);
            }
        }
        turn.talk = Some(notes);
        let outcome = if turn.says.is_some() { "answered" } else { "silent" };
        self.finish(turn).await?;
        Ok(outcome)
    }
}

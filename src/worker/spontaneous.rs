//! Spontaneous lines: a chat that was alive has gone quiet in waking hours, and the bot may say something by itself. Rare,
//! from the talk budget, by one replica only; the model may decline.
//!
//! Never in a chat that never talked to it, and never after downtime: what this process has not been there to hear is no
//! silence.

use std::time::Duration;

use super::{
    Worker,
    unasked::{Overheard, Speech},
};
use crate::{
    commands::Gate,
    decision::{budget::may_say, recent::Recent, veto::quarrels},
    domain::{AuthorKind, ReplyTarget, RequestId, TalkLog, Timestamp, UnaskedKind},
    prompt::Occasion,
    storage::{QuietChat, QuietRequest, StorageError},
};

/// How often quiet chats are looked for.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// Longer than the pause between two looks, so that the same replica looks as long as it lives.
const LEASE: Duration = Duration::from_secs(15 * 60);
/// The chance that it speaks up at one look in one quiet chat.
const CHANCE: f64 = 0.2;
/// At most one spontaneous line (or try) in a chat in this time.
const REST: Duration = Duration::from_secs(20 * 3600);
/// A chat is quiet after an hour; after three it has gone about its business.
const QUIET: QuietRequest = QuietRequest {
    quiet_for: Duration::from_secs(3600),
    quiet_at_most: Duration::from_secs(3 * 3600),
    spoken_to_within: Duration::from_secs(7 * 24 * 3600),
    limit: 20,
};

impl Worker {
    /// Looks for quiet chats until the soft stop.
    pub async fn speak_up(self) {
        if !self.options.talk.rules.autonomous {
            return;
        }
        let awake_since = self.parts.clock.now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = self.shutdown.soft.cancelled() => return,
            }
            let looked = tokio::select! {
                looked = self.look_for_quiet_chats(awake_since) => looked,
                () = self.shutdown.soft.cancelled() => return,
            };
            if let Err(error) = looked {
                self.parts.errors.handle("spontaneous", &error);
            }
        }
    }

    async fn look_for_quiet_chats(&self, awake_since: Timestamp) -> Result<(), StorageError> {
        let now = self.parts.clock.now();
        if now.since(awake_since) < QUIET.quiet_at_most
            || !self.parts.shared.lease("spontaneous", &self.options.owner, LEASE).await?
        {
            return Ok(());
        }
        for quiet in self.parts.talk.quiet_chats(QUIET, now).await? {
            if self.parts.random.fraction() < CHANCE {
                let outcome = self.speak_in(&quiet).await?;
                tracing::debug!(chat.id = quiet.chat.id.0, outcome, "a quiet chat");
            }
        }
        Ok(())
    }

    async fn speak_in(&self, quiet: &QuietChat) -> Result<&'static str, StorageError> {
        let now = self.parts.clock.now();
        let state = self.parts.chats.standing(quiet.chat.id, Vec::new()).await?.chat;
        if self.parts.commands.gate(quiet.chat.id, &state) != Gate::Open {
            return Ok("not_served");
        }
        let log = self.log_of(&quiet.chat).await?;
        if has_spoken_up(&log, quiet.heard_at, now) {
            return Ok("rests");
        }
        let allowance = match may_say(UnaskedKind::Spontaneous, &state, &log, &self.options.talk.rules, now) {
            Ok(allowance) => allowance,
            Err(refusal) => return Ok(refusal.as_str()),
        };
        let gathered = self.parts.memory.gather(quiet.chat.id, None).await?;
        let recent = Recent::of(&gathered.window);
        let is_ours = |kind| kind == AuthorKind::Own;
        if quarrels(&recent) || recent.newest().is_none_or(|newest| is_ours(newest.message.author.kind)) {
            return Ok("shut");
        }
        let request_id = RequestId(format!("{:016x}", self.parts.random.bits()));
        let persona = self.parts.personas.get(state.settings.persona.as_deref());
        let language = state.settings.language.unwrap_or(self.options.language);
        let overheard = Overheard::in_silence(quiet.chat.clone(), state, persona, language, request_id);
        let Some(choice) = self.unasked_means(quiet.chat.id).await? else { return Ok("over_budget") };
        let thought = self.think_unasked(&overheard, &gathered, Occasion::Spontaneous, choice).await;
        let speech = Speech {
            kind: UnaskedKind::Spontaneous,
            trigger: "spontaneous",
            score: None,
            target: ReplyTarget { topic: None, message_id: None },
            allowance,
        };
        self.speak(&overheard, &gathered, thought, speech).await
    }
}

/// Whether it has spoken up of late, or tried to since the chat fell silent.
fn has_spoken_up(log: &TalkLog, heard_at: Timestamp, now: Timestamp) -> bool {
    log.unasked.iter().any(|one| {
        let of_late = one.kind == UnaskedKind::Spontaneous && now.since(one.at) < REST;
        of_late || (one.kind.is_words() && one.at > heard_at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Unasked;

    #[test]
    fn it_speaks_up_once_in_a_silence_and_about_once_a_day() {
        const HOUR: Duration = Duration::from_secs(3600);
        let now = Timestamp::from_seconds(1_795_435_200);
        let spoke = |kind, ago: u32| {
            let unasked = vec![Unasked { at: now - HOUR * ago, kind, reception: 0 }];
            has_spoken_up(&TalkLog { unasked, people_last_day: 100 }, now - HOUR * 2, now)
        };
        assert!(spoke(UnaskedKind::Spontaneous, 1) && spoke(UnaskedKind::Declined, 1), "since the chat fell silent");
        assert!(spoke(UnaskedKind::Spontaneous, 19), "of late, though people have talked since");
        assert!(
            !spoke(UnaskedKind::Spontaneous, 21) && !spoke(UnaskedKind::Line, 3) && !spoke(UnaskedKind::Reaction, 1)
        );
    }
}

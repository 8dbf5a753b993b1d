//! One turn: its rows are read, its chat is looked at, and it becomes a conversation (`talk`) or something that never
//! waits for a model (`express`). Whatever it leaves is committed in one transaction, here.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Worker,
    lines::{Line, Lines, Place},
};
use crate::{
    domain::{AddressedOutcome, Chat, LaneKind, Message, OutgoingKind, ReplyTarget, RichText, Timestamp},
    errors::{Class, Classify},
    persona::Saying,
    storage::{Claim, FinishedTurn, NewOutgoing, Opening, StorageError, TurnEnd, Verdict},
    telemetry::metric,
};

/// A row that failed so often goes to the dead letters.
pub const ATTEMPTS_MAX: u32 = 5;
/// Backoff after the first failure of a single row; four times as long after each further one.
const BACKOFF: Duration = Duration::from_secs(1);
/// How long the end of a turn is tried again while the store cannot take it: the answer is paid for.
const FINISH_LIMIT: Duration = Duration::from_secs(60);
const FINISH_PAUSE: Duration = Duration::from_millis(250);

/// Why a turn failed as a whole. That the model could not answer is not among these: it is an outcome.
#[derive(Debug, thiserror::Error)]
pub(super) enum TurnError {
    #[error("the store failed a turn")]
    Store(#[from] StorageError),
    #[error("a turn panicked")]
    Panicked,
    #[error("an update was tried {ATTEMPTS_MAX} times and never came to an end")]
    TooManyAttempts,
}

impl Classify for TurnError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Panicked => Class::Bug,
            Self::TooManyAttempts => Class::Permanent,
        }
    }
}

pub(super) struct Turn<'a> {
    pub(super) worker: &'a Worker,
    pub(super) claim: &'a Claim,
    pub(super) started: Instant,
}

impl Turn<'_> {
    /// Runs the turn to its end; returns its outcome's word.
    pub(super) async fn run(&self) -> Result<&'static str, TurnError> {
        // Counted at the claim: these rows never came to an end, so the process may have died of them.
        if self.claim.updates.iter().any(|update| update.attempt > ATTEMPTS_MAX) {
            return Err(TurnError::TooManyAttempts);
        }
        let parts = &self.worker.parts;
        let mut read = Lines::read(self.claim, &parts.me);
        for (_, verdict) in &read.verdicts {
            if let Verdict::Dead { .. } = verdict {
                parts.errors.handle("parse", &UnreadableUpdate);
            }
        }
        let (place, window) = self.place(&read).await?;
        let unheard = read.respect(&place.standing);
        self.guard(&mut read, unheard, &place);
        read.forget(&parts.commands).await?;
        read.find_triggers(&parts.me, &place, &parts.memory).await?;
        match self.claim.lane.kind {
            LaneKind::Express => self.run_express(read, &place).await,
            LaneKind::Talk => self.run_talk(read, &place, window).await,
        }
    }

    /// How the chat stands, as whom the bot speaks there, and in a conversation, what was said.
    async fn place(&self, read: &Lines) -> Result<(Place, Vec<Arc<Message>>), StorageError> {
        let (parts, options, lane) = (&self.worker.parts, &self.worker.options, self.claim.lane);
        let Opening { standing, window } = match lane.kind {
            LaneKind::Talk => parts.memory.open((lane.chat, lane.topic), read.people(), read.lines.len()).await?,
            LaneKind::Express => {
                let standing = parts.chats.standing(lane.chat, read.people()).await?;
                Opening { standing, window: Vec::new() }
            }
        };
        let language = standing.chat.settings.language.unwrap_or(options.language);
        let persona = parts.personas.get(standing.chat.settings.persona.as_deref());
        Ok((Place { standing, persona, language }, window))
    }

    pub(super) fn failure_line(&self, place: &Place, to: &[&Line]) -> NewOutgoing {
        let line = place.persona.line(Saying::Failure, place.language, self.worker.parts.random.fraction());
        NewOutgoing {
            addressed: Vec::new(),
            ..self.outgoing(OutgoingKind::FailureLine, vec![RichText::plain(line)], to)
        }
    }

    /// Something to say to the author of the last of these lines.
    pub(super) fn outgoing(&self, kind: OutgoingKind, parts: Vec<RichText>, to: &[&Line]) -> NewOutgoing {
        let last = to.last().expect("something is said to somebody");
        let message = last.message();
        let chat = Chat { id: message.chat.id, kind: message.chat.kind, title: None };
        let expires_at = self.worker.parts.clock.now() + self.worker.options.age_max;
        NewOutgoing {
            target: ReplyTarget { topic: message.topic, message_id: Some(message.id) },
            addressed: if kind == OutgoingKind::Answer {
                to.iter().filter(|line| line.is_persons()).map(|line| line.received_at).collect()
            } else {
                Vec::new()
            },
            ..NewOutgoing::new(kind, chat, parts, expires_at, last.request_id.clone())
        }
    }

    /// Commits the turn; tries again for a while where the store cannot take it, for the answer is paid for.
    pub(super) async fn finish(&self, turn: FinishedTurn) -> Result<TurnEnd, StorageError> {
        let parts = &self.worker.parts;
        let give_up = Instant::now() + FINISH_LIMIT;
        let mut may_be_done = false;
        loop {
            match parts.inbox.finish(self.claim.claim, turn.clone(), parts.clock.now()).await {
                // Another turn answers now; this one's calls are paid for all the same.
                Err(error @ StorageError::Fenced { .. }) if !turn.calls.is_empty() && !may_be_done => {
                    if let Err(error) = parts.spend.keep_calls(turn.calls).await {
                        parts.errors.handle("finish", &error);
                    }
                    return Err(error);
                }
                Err(error)
                    if matches!(error.class(), Class::Transient { .. })
                        && !matches!(error, StorageError::Fenced { .. } | StorageError::Closed)
                        && Instant::now() < give_up =>
                {
                    may_be_done |= matches!(error, StorageError::Deadline { .. });
                    parts.errors.handle("finish", &error);
                    tokio::time::sleep(FINISH_PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    pub(super) fn count(&self, messages: usize, outcome: AddressedOutcome) {
        if messages > 0 {
            self.worker.parts.metrics.add(&metric::ADDRESSED, &[("outcome", outcome.as_str())], messages as u64);
        }
    }

    /// The turn as a whole failed: several rows are tried again one by one, a single one later or never.
    pub(super) async fn fail(&self, error: &TurnError) -> &'static str {
        let parts = &self.worker.parts;
        parts.errors.handle("turn", error);
        if matches!(error, TurnError::Store(StorageError::Fenced { .. })) {
            return "fenced";
        }
        let now = parts.clock.now();
        let alone = self.claim.updates.len() == 1;
        let verdicts: Vec<_> =
            self.claim.updates.iter().map(|update| (update.key, verdict(update.attempt, alone, now, error))).collect();
        let dead = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Dead { .. })).count();
        let turn = FinishedTurn { verdicts, ..FinishedTurn::default() };
        if let Err(error) = self.finish(turn).await {
            // The lease will expire, and the rows are tried again then.
            parts.errors.handle("turn", &error);
            return "retried";
        }
        if dead == 0 {
            return "retried";
        }
        self.count_dead().await;
        "dead"
    }

    /// The dead rows that addressed the bot are counted, if they can be read at all.
    async fn count_dead(&self) {
        let parts = &self.worker.parts;
        let addressed = self.claim.updates.iter().filter(|update| {
            // Whatever killed the turn may be in the reading of this very body.
            let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let Ok(crate::telegram::Incoming::Message(incoming)) = crate::telegram::parse(&update.body, &parts.me)
                else {
                    return false;
                };
                crate::decision::addressed(&incoming, &parts.me, &parts.personas.get(None)).is_some()
            }));
            read.unwrap_or(false)
        });
        let outcome = AddressedOutcome::Dead.as_str();
        parts.metrics.add(&metric::ADDRESSED, &[("outcome", outcome)], addressed.count() as u64);
    }
}

/// What a turn leaves whether or not it speaks.
pub(super) fn leaves(read: &Lines) -> FinishedTurn {
    FinishedTurn {
        remembered: read
            .lines
            .iter()
            .filter(|line| line.incoming.service.is_none() && !line.passes)
            .map(|line| line.message().clone())
            .collect(),
        migrated: read.migrated,
        verdicts: read.verdicts.clone(),
        once: read.once.clone(),
        leaves_no_trace: read.leaves_no_trace,
        ..FinishedTurn::default()
    }
}

fn verdict(attempt: u32, alone: bool, now: Timestamp, error: &TurnError) -> Verdict {
    if attempt >= ATTEMPTS_MAX {
        return Verdict::Dead { problem: error.to_string() };
    }
    let pause = if alone { BACKOFF * 4u32.saturating_pow(attempt.saturating_sub(1)) } else { Duration::ZERO };
    Verdict::RetryAt(now + pause)
}

/// An update that could not be read; its words stay in the dead letter.
#[derive(Debug, thiserror::Error)]
#[error("an update could not be read and went to the dead letters; see `gryag dead list`")]
struct UnreadableUpdate;

impl Classify for UnreadableUpdate {
    fn class(&self) -> Class {
        Class::Permanent
    }
}

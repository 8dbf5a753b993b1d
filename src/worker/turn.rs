//! One turn: read, decide, gather, assemble, ask the model, and commit all that it leaves in one transaction. Only
//! this file sees all the parts.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Worker,
    lines::{self, Line, Lines},
    typing::while_typing,
};
use crate::{
    decision::{Decision, decide},
    domain::{AddressedOutcome, Answer, Chat, LaneKind, MessageId, OutgoingKind, ReplyTarget, RichText, Timestamp},
    errors::{Class, Classify},
    gemini::GeminiError,
    markup,
    prompt::{Scene, assemble, is_blank, moment_words, strip_label},
    storage::{Claim, FinishedTurn, ModelCall, NewOutgoing, StorageError, Verdict},
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
}

/// What the model made of a prompt.
struct Thought {
    answer: Result<Answer, GeminiError>,
    calls: Vec<ModelCall>,
}

impl Turn<'_> {
    /// Runs the turn to its end; returns its outcome's word.
    pub(super) async fn run(&self) -> Result<&'static str, TurnError> {
        // Counted at the claim: these rows never came to an end, so the process may have died of them.
        if self.claim.updates.iter().any(|update| update.attempt > ATTEMPTS_MAX) {
            return Err(TurnError::TooManyAttempts);
        }
        let parts = &self.worker.parts;
        let read = lines::read(self.claim, &parts.me, &parts.persona, &parts.memory).await?;
        for (_, verdict) in &read.verdicts {
            if let Verdict::Dead { .. } = verdict {
                parts.errors.handle("parse", &UnreadableUpdate);
            }
        }
        match self.claim.lane.kind {
            LaneKind::Express => self.run_express(read).await,
            LaneKind::Talk => self.run_talk(read).await,
        }
    }

    async fn run_talk(&self, read: Lines) -> Result<&'static str, TurnError> {
        let candidates: Vec<_> = read.lines.iter().map(Line::candidate).collect();
        let decision = decide(&candidates, self.worker.parts.clock.now(), self.worker.options.age_max);
        let mut turn = leaves(&read);
        if decision.answer.is_empty() {
            self.finish(turn).await?;
            self.count(&decision.stale, AddressedOutcome::Stale);
            return Ok("silent");
        }
        let thought = self.think(&read.lines, &decision).await?;
        turn.calls = thought.calls;
        let to_answer: Vec<&Line> = decision.answer.iter().map(|index| &read.lines[*index]).collect();
        match thought.answer.and_then(|answer| spoken(&answer)) {
            Ok(parts) => {
                turn.says = Some(self.outgoing(OutgoingKind::Answer, parts, &to_answer));
                self.finish(turn).await?;
                self.count(&decision.stale, AddressedOutcome::Stale);
                Ok("answered")
            }
            Err(error) => {
                self.worker.parts.errors.handle("gemini", &error);
                turn.failure_line = Some(self.failure_line(&to_answer));
                self.finish(turn).await?;
                self.count(&decision.stale, AddressedOutcome::Stale);
                self.count(&decision.answer, AddressedOutcome::Failed);
                Ok("failed")
            }
        }
    }

    /// Commands never wait for a model.
    async fn run_express(&self, read: Lines) -> Result<&'static str, TurnError> {
        let mut turn = leaves(&read);
        let now = self.worker.parts.clock.now();
        let fresh = |line: &&Line| now.since(line.message().sent_at) <= self.worker.options.age_max;
        for line in read.lines.iter().filter(fresh) {
            let answer = line.command().and_then(|command| {
                self.worker.parts.commands.answer(command, &line.message().chat, &self.worker.parts.me)
            });
            if let Some(text) = answer {
                turn.says = Some(self.outgoing(OutgoingKind::Notice, vec![RichText::plain(text)], &[line]));
            }
        }
        let outcome = if turn.says.is_some() { "answered" } else { "silent" };
        self.finish(turn).await?;
        Ok(outcome)
    }

    async fn think(&self, lines: &[Line], decision: &Decision) -> Result<Thought, TurnError> {
        let (parts, options) = (&self.worker.parts, &self.worker.options);
        let deadline = Instant::now() + options.turn_deadline;
        let lane = self.claim.lane;
        let messages: Vec<_> = lines.iter().map(Line::message).collect();
        let gathered = parts.memory.gather(lane.chat, lane.topic, &messages).await?;
        let answer: Vec<MessageId> = decision.answer.iter().map(|index| messages[*index].id).collect();
        let now = parts.clock.now();
        let prompt = assemble(Scene {
            persona: &parts.persona,
            gathered: &gathered,
            answer: &answer,
            now_words: &moment_words(now),
            tokens_max: options.context_tokens_max,
        });
        let outcome =
            while_typing(&parts.telegram, lane.chat, lane.topic, parts.gemini.answer(&prompt, deadline)).await;
        let calls = outcome
            .calls
            .into_iter()
            .map(|call| ModelCall {
                at: now,
                chat: lane.chat,
                purpose: "answer",
                model: call.model,
                outcome: call.outcome,
                took: call.took,
                usage: call.usage,
            })
            .collect();
        Ok(Thought { answer: outcome.result, calls })
    }

    fn failure_line(&self, to: &[&Line]) -> NewOutgoing {
        let parts = &self.worker.parts;
        let line = parts.persona.failure_line(parts.random.fraction());
        NewOutgoing {
            addressed: Vec::new(),
            ..self.outgoing(OutgoingKind::FailureLine, vec![RichText::plain(line)], to)
        }
    }

    /// Something to say to the author of the last of these lines.
    fn outgoing(&self, kind: OutgoingKind, parts: Vec<RichText>, to: &[&Line]) -> NewOutgoing {
        let last = to.last().expect("something is said to somebody");
        let message = last.message();
        NewOutgoing {
            kind,
            chat: Chat { id: message.chat.id, kind: message.chat.kind, title: None },
            target: ReplyTarget { topic: message.topic, message_id: Some(message.id) },
            parts,
            silent: false,
            addressed: if kind == OutgoingKind::Answer {
                to.iter().map(|line| line.received_at).collect()
            } else {
                Vec::new()
            },
            expires_at: self.worker.parts.clock.now() + self.worker.options.age_max,
            request_id: last.request_id.clone(),
        }
    }

    /// Commits the turn; tries again for a while where the store cannot take it, for the answer is paid for.
    async fn finish(&self, turn: FinishedTurn) -> Result<(), StorageError> {
        let parts = &self.worker.parts;
        let give_up = Instant::now() + FINISH_LIMIT;
        loop {
            match parts.inbox.finish(self.claim.claim, turn.clone(), parts.clock.now()).await {
                Err(error)
                    if matches!(error.class(), Class::Transient { .. })
                        && !matches!(error, StorageError::Fenced { .. } | StorageError::Closed)
                        && Instant::now() < give_up =>
                {
                    parts.errors.handle("finish", &error);
                    tokio::time::sleep(FINISH_PAUSE).await;
                }
                ended => return ended.map(drop),
            }
        }
    }

    fn count(&self, which: &[usize], outcome: AddressedOutcome) {
        if which.is_empty() {
            return;
        }
        self.worker.parts.metrics.add(&metric::ADDRESSED, &[("outcome", outcome.as_str())], which.len() as u64);
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
                crate::decision::addressed(&incoming, &parts.me, &parts.persona).is_some()
            }));
            read.unwrap_or(false)
        });
        let outcome = AddressedOutcome::Dead.as_str();
        parts.metrics.add(&metric::ADDRESSED, &[("outcome", outcome)], addressed.count() as u64);
    }
}

/// The model's answer as it is said. One of nothing but invisible characters is none: Telegram would refuse it.
fn spoken(answer: &Answer) -> Result<Vec<RichText>, GeminiError> {
    let text = strip_label(&answer.text);
    let text = if answer.cut { markup::end_at_sentence(text) } else { text };
    let parts = if is_blank(text) { Vec::new() } else { markup::render(text) };
    if parts.is_empty() {
        return Err(GeminiError::Empty { reason: "nothing visible".to_owned(), usage: answer.usage });
    }
    Ok(parts)
}

/// What a turn leaves whether or not it speaks.
fn leaves(read: &Lines) -> FinishedTurn {
    FinishedTurn {
        remembered: read
            .lines
            .iter()
            .filter(|line| line.incoming.service.is_none())
            .map(|line| line.message().clone())
            .collect(),
        migrated: read.migrated,
        verdicts: read.verdicts.clone(),
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

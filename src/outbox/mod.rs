//! The sender: takes send slots, makes the calls, and records how they end.
//!
//! A message is sent once. A reaction and an edit may be made twice, for the second changes nothing; an alarm too, for it
//! must be heard: from its second try on it says that it may be known already.
//!
//! `sending` is committed before a call, and only when its slot is free, so a crash leaves at most the calls that
//! were in flight in doubt. A doubtful send is never made again by itself.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::Instant};
use tracing::Instrument as _;

use crate::{
    clock::SharedClock,
    domain::{Author, AuthorKind, Language, Message, OutgoingAction, OutgoingKind, ReplyTo},
    errors::{Class, Classify, ErrorHandler},
    locale::say,
    shutdown::Shutdown,
    storage::{Bell, Ended, EndedOutgoing, OutboxStore, Outgoing, SendLimits, StorageError},
    telegram::{EditedText, Me, OutgoingText, Sent, Telegram, TelegramError},
    telemetry::{Metrics, metric},
};

/// The name of a file that is sent.
const FILE_NAME: &str = "gryag.json";
/// Calls side by side.
const CALLS_MAX: usize = 64;
/// Looked for ready sends at least this often; also how soon a dead replica's sends are noticed.
const IDLE: Duration = Duration::from_secs(5);
/// A call that is still marked `sending` after this long has lost its sender: longer than any call may take (15 s). Not
/// much longer, for until then its chat hears nothing: what is said there meanwhile must still be answered within 30 s.
const CALL_LIMIT: Duration = Duration::from_secs(20);
/// How often a sender that stops looks whether its calls have ended.
const FLUSH_PAUSE: Duration = Duration::from_millis(50);
/// Pause after the store refused.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How long the end of a call is tried to be recorded.
const END_LIMIT: Duration = Duration::from_secs(50);
/// Waits between tries of a send that never left: doubled from the first to the last.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// A wrong token is a person's to mend.
const RETRY_UNAUTHORIZED: Duration = Duration::from_secs(60);

/// What the sender works with.
#[derive(Clone)]
pub struct SenderParts {
    /// What is to be said.
    pub outbox: Arc<dyn OutboxStore>,
    /// Rung when something is to be said.
    pub bell: Bell,
    /// The Bot API.
    pub telegram: Telegram,
    /// The bot's own account, the author of what is remembered of it.
    pub me: Arc<Me>,
    /// The language of what is said to admins (`BOT_LANGUAGE`).
    pub language: Language,
    /// Telegram's limits.
    pub limits: SendLimits,
    /// This process, unique to its life.
    pub owner: String,
    /// Stored time.
    pub clock: SharedClock,
    /// Where errors end.
    pub errors: ErrorHandler,
    /// Figures.
    pub metrics: Metrics,
}

/// The sender. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    parts: Arc<SenderParts>,
    slots: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Sender {
    /// A sender that has not started.
    pub fn new(parts: SenderParts, shutdown: Shutdown) -> Self {
        Self { parts: Arc::new(parts), slots: Arc::new(Semaphore::new(CALLS_MAX)), shutdown }
    }

    /// Sends until `stop`, then what may be sent at once, until no call is in flight (or the hard stop). `stop` comes
    /// after the worker's end, so what its last turns left is still sent, an answer's last part too.
    pub async fn run(self, stop: tokio_util::sync::CancellationToken) {
        loop {
            // Looked at before the store is: a call that ends in between may have made the next part ready. And after
            // it: this very look may have started a call.
            let was_idle = self.is_idle();
            let wait = self.start_sends().await;
            let idle = was_idle && self.is_idle();
            let stopping = stop.is_cancelled();
            if stopping && idle && wait.is_some_and(|wait| wait > Duration::ZERO) {
                return;
            }
            let pause = wait.unwrap_or(STORE_PAUSE);
            tokio::select! {
                () = self.parts.bell.outbox() => {}
                () = tokio::time::sleep(if stopping { pause.min(FLUSH_PAUSE) } else { pause }) => {}
                () = stop.cancelled(), if !stopping => {}
                () = self.shutdown.hard.cancelled() => return,
            }
        }
    }

    /// No call is in flight.
    fn is_idle(&self) -> bool {
        self.slots.available_permits() == CALLS_MAX
    }

    /// Starts the calls that may be made now; returns how long to wait, zero if more may be ready, nothing if the
    /// store failed.
    async fn start_sends(&self) -> Option<Duration> {
        let parts = &self.parts;
        let free = self.slots.available_permits();
        if free == 0 {
            return Some(Duration::from_millis(20));
        }
        let sends = match parts.outbox.begin_sends(&parts.owner, free, parts.limits, CALL_LIMIT).await {
            Ok(sends) => sends,
            Err(error) => {
                parts.errors.handle("outbox", &error);
                return None;
            }
        };
        parts.metrics.add(&metric::SENDS, &[("outcome", "unknown")], sends.given_up);
        for ended in &sends.ended {
            // Those that ended with a call that was given up are counted with it.
            if ended.state != "unknown" {
                parts.metrics.increment(&metric::SENDS, &[("outcome", ended.state)]);
            }
            self.count_addressed(ended);
        }
        let more = sends.due.len() == free;
        for outgoing in sends.due {
            let slot = Arc::clone(&self.slots).try_acquire_owned().expect("a slot was free when the sends were taken");
            let sender = self.clone();
            let span = tracing::info_span!("send", request.id = %outgoing.request_id, chat.id = outgoing.chat.id.0);
            let call = async move {
                let hard = sender.shutdown.hard.clone();
                tokio::select! {
                    () = sender.send(outgoing) => {}
                    // The row stays `sending` and becomes `unknown`: nobody can say how the call would have ended.
                    () = hard.cancelled() => {}
                }
                drop(slot);
            };
            self.shutdown.spawn(call.instrument(span));
        }
        if more {
            return Some(Duration::ZERO);
        }
        Some(sends.next_at.map_or(IDLE, |at| at.since(parts.clock.now()).clamp(Duration::from_millis(1), IDLE)))
    }

    async fn send(&self, mut outgoing: Outgoing) {
        let parts = &self.parts;
        if outgoing.kind == OutgoingKind::Alarm && outgoing.attempt > 1 {
            outgoing.text.text = say!(parts.language, "alarm-repeated", words = &outgoing.text.text);
        }
        let ended = match self.call(&mut outgoing).await {
            Ok(Some(sent)) => Ended::Sent(Box::new(self.as_message(&outgoing, &sent))),
            Ok(None) => Ended::Done,
            // It reads so already, or there is nothing left to edit.
            Err(TelegramError::NotModified) if outgoing.action != OutgoingAction::Say => Ended::Done,
            Err(error) => {
                self.report(&outgoing, &error);
                self.after(&outgoing, &error)
            }
        };
        let word = word(&ended);
        match self.record(&outgoing, &ended).await {
            Ok(answer) => {
                parts.metrics.increment(&metric::SENDS, &[("outcome", word)]);
                answer.iter().for_each(|answer| self.count_addressed(answer));
            }
            Err(error) => {
                // A fence: it was given up, for the store did not take its end in time, or this process stood still.
                if let (StorageError::Fenced { .. }, Ended::Sent(message)) = (&error, ended)
                    && self.record_late(&outgoing, *message).await.is_ok_and(|known| known)
                {
                    return tracing::warn!("a message has arrived that was given up as unknown");
                }
                parts.errors.handle("outbox", &error);
            }
        }
    }

    /// A reaction is refused wherever a chat does not allow it: nobody's fault, and nobody need act.
    fn report(&self, outgoing: &Outgoing, error: &TelegramError) {
        if matches!(outgoing.action, OutgoingAction::React { .. }) {
            tracing::debug!(outcome = error.short(), "a reaction was not set");
        } else {
            self.parts.errors.handle("send", error);
        }
    }

    /// Makes the call. What Telegram refused was not sent, so it is sent again at once without that which was refused;
    /// each such thing can go only once.
    async fn call(&self, outgoing: &mut Outgoing) -> Result<Option<Sent>, TelegramError> {
        loop {
            match self.call_once(outgoing).await {
                Err(error) if drop_refused(outgoing, &error) => {
                    self.parts.errors.handle("send", &error);
                }
                result => return result,
            }
        }
    }

    /// What became a message, if the call was for one.
    async fn call_once(&self, outgoing: &Outgoing) -> Result<Option<Sent>, TelegramError> {
        let (telegram, chat) = (&self.parts.telegram, outgoing.chat.id);
        let Outgoing { text, buttons, no_preview, .. } = outgoing;
        match outgoing.action {
            OutgoingAction::Say => {
                let message = OutgoingText {
                    chat,
                    topic: outgoing.target.topic,
                    reply_to: outgoing.target.message_id,
                    text,
                    buttons,
                    silent: outgoing.silent,
                    no_preview: *no_preview,
                };
                telegram.send_message(&message).await.map(Some)
            }
            OutgoingAction::File => telegram.send_document(chat, FILE_NAME, &text.text).await.map(Some),
            OutgoingAction::React { to } => telegram.set_message_reaction(chat, to, &text.text).await.map(|()| None),
            OutgoingAction::Edit { message } => {
                let edit = EditedText { chat, message, text, buttons, no_preview: *no_preview };
                telegram.edit_message_text(&edit).await.map(|()| None)
            }
        }
    }

    /// Records how a call ended.
    async fn record(&self, outgoing: &Outgoing, ended: &Ended) -> Result<Option<EndedOutgoing>, StorageError> {
        let (parts, id, attempt) = (&self.parts, outgoing.id, outgoing.attempt);
        let give_up = Instant::now() + END_LIMIT;
        loop {
            match parts.outbox.end_send(&parts.owner, id, attempt, ended.clone(), parts.clock.now()).await {
                Err(error) if self.tries_again(&error, give_up).await => {}
                recorded => return recorded,
            }
        }
    }

    /// A message that was given up as `unknown` and did arrive is to be remembered. It was counted when it was given up.
    async fn record_late(&self, outgoing: &Outgoing, message: Message) -> Result<bool, StorageError> {
        let (parts, id, attempt) = (&self.parts, outgoing.id, outgoing.attempt);
        let give_up = Instant::now() + END_LIMIT;
        loop {
            match parts.outbox.end_send_late(&parts.owner, id, attempt, message.clone(), parts.clock.now()).await {
                Err(error) if self.tries_again(&error, give_up).await => {}
                recorded => return recorded,
            }
        }
    }

    /// Waits, where the store cannot take the end of a call now: nobody can ask Telegram again. False if it never will.
    async fn tries_again(&self, error: &StorageError, give_up: Instant) -> bool {
        let may_pass = matches!(error.class(), Class::Transient { .. })
            && !matches!(error, StorageError::Fenced { .. } | StorageError::Closed);
        if !may_pass || Instant::now() >= give_up {
            return false;
        }
        self.parts.errors.handle("outbox", error);
        tokio::time::sleep(STORE_PAUSE).await;
        true
    }

    fn count_addressed(&self, ended: &EndedOutgoing) {
        for outcome in &ended.addressed {
            self.parts.metrics.increment(&metric::ADDRESSED, &[("outcome", outcome.as_str())]);
        }
    }

    /// The message as it stands in the chat now.
    fn as_message(&self, outgoing: &Outgoing, sent: &Sent) -> Message {
        let me = &self.parts.me;
        Message {
            chat: outgoing.chat.clone(),
            topic: outgoing.target.topic,
            id: sent.message_id,
            author: Author {
                kind: AuthorKind::Own,
                id: me.id,
                name: me.first_name.clone(),
                username: Some(me.username.clone()),
            },
            text: outgoing.text.text.clone(),
            media: None,
            reply_to: outgoing.target.message_id.map(|message_id| ReplyTo {
                message_id,
                author: None,
                text: None,
                media: None,
            }),
            quote: None,
            forwarded_from: None,
            album: None,
            sent_at: sent.date.unwrap_or_else(|| self.parts.clock.now()),
            edited_at: None,
        }
    }

    /// What follows from a failed call (telegram_api.md section 9).
    fn after(&self, outgoing: &Outgoing, error: &TelegramError) -> Ended {
        let now = self.parts.clock.now();
        let problem = error.to_string();
        let again = |pause: Duration, blocks_chat: bool| Ended::RetryAt {
            at: now + pause,
            blocks_chat,
            without_reply: false,
            problem: problem.clone(),
        };
        let is_alarm = outgoing.kind == OutgoingKind::Alarm;
        let is_said_once = matches!(outgoing.action, OutgoingAction::Say | OutgoingAction::File) && !is_alarm;
        let is_reaction = matches!(outgoing.action, OutgoingAction::React { .. });
        match error {
            TelegramError::NotSent { .. } | TelegramError::ServerError { .. } => {
                again(retry_pause(outgoing.attempt), false)
            }
            TelegramError::Ambiguous { .. } if !is_said_once => again(retry_pause(outgoing.attempt), false),
            // Reactions are counted for themselves: the chat's messages need not wait.
            TelegramError::RateLimited { retry_after, .. } => again(*retry_after, !is_reaction),
            TelegramError::Unauthorized { .. } => again(RETRY_UNAUTHORIZED, false),
            TelegramError::Migrated { to } => Ended::Migrated { to: *to },
            TelegramError::Ambiguous { .. } => Ended::Unknown { problem },
            // Where it has no right to react it may well write.
            TelegramError::ChatGone { .. } => Ended::Refused { problem, chat_is_dead: !is_reaction },
            _ => Ended::Refused { problem, chat_is_dead: false },
        }
    }
}

/// Takes from a message what Telegram refused in it (telegram_api.md section 9); false if there is nothing to take.
fn drop_refused(outgoing: &mut Outgoing, error: &TelegramError) -> bool {
    match error {
        TelegramError::BadEntities { .. } => !std::mem::take(&mut outgoing.text.entities).is_empty(),
        TelegramError::ReplyGone => outgoing.target.message_id.take().is_some(),
        TelegramError::ThreadGone => outgoing.target.topic.take().is_some(),
        _ => false,
    }
}

/// The label in `gryag_sends_total{outcome}`.
fn word(ended: &Ended) -> &'static str {
    match ended {
        Ended::Sent(_) | Ended::Done => "sent",
        Ended::Unknown { .. } => "unknown",
        Ended::Refused { .. } => "refused",
        Ended::RetryAt { .. } | Ended::Migrated { .. } => "retried",
    }
}

fn retry_pause(attempt: u32) -> Duration {
    RETRY_FIRST.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))).min(RETRY_LAST)
}

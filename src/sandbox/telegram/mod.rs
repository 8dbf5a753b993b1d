//! A small simulated Telegram: people, chats and messages on one side, the Bot API on the other.
//!
//! [`FakeTelegram`] is the handle. People act through its methods (`say`, `reply`, `react`, ...), each of which makes
//! the updates that Telegram would make; the bot acts through [`FakeTelegram::transport`] or
//! [`FakeTelegram::router`], which refuse what Telegram refuses, in its words. Updates reach the bot by
//! [`FakeTelegram::deliver_through`] (Telegram's order and retries), by getUpdates, or by hand
//! ([`FakeTelegram::take_update`]).

mod chat;
mod compose;
mod delivery;
mod entities;
mod fault;
mod files;
mod happenings;
mod journal;
mod json;
mod limits;
mod members;
mod methods;
mod places;
mod refusal;
mod router;
pub mod samples;
mod state;
mod updates;
mod view;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, broadcast};

pub use self::{
    chat::{Delivery, RoomKind},
    compose::Compose,
    fault::Fault,
    journal::{Call, CallOutcome, Sent},
    limits::SendLimits,
    updates::Update,
    view::{MessageView, PersonView, RoomView},
};
use self::{fault::Planned, state::State};
use super::Recording;
use crate::{
    clock::SharedClock,
    domain::{ChatId, MessageId, TopicId},
    random::SharedRandom,
};

/// A token of the right form that opens nothing.
pub const TOKEN: &str = "7000000001:AAsandboxAAsandboxAAsandboxAAsandbo";

/// How many changes a slow observer may lag behind before it must look at everything anew.
const CHANGES: usize = 1024;

/// How the stand-in is set up.
#[derive(Clone, Debug)]
pub struct TelegramOptions {
    /// The only token that is accepted, `digits:35 characters`; the bot's id is its first part.
    pub token: String,
    /// The bot's @username, without the @.
    pub username: String,
    /// The bot's shown name.
    pub name: String,
    /// Message dates, expiry, limits.
    pub clock: SharedClock,
    /// Faults by chance, jitter of the retry ladder.
    pub random: SharedRandom,
    /// How many calls and sends are kept.
    pub recording: Recording,
    /// How many messages each chat keeps; older ones cannot be replied to, edited or deleted.
    pub messages_kept_per_chat: usize,
    /// Telegram's sending limits; none means that nothing is limited.
    pub limits: Option<SendLimits>,
    /// Privacy mode as BotFather sets it: in groups the bot sees only what is meant for it, unless it is an admin.
    pub privacy_mode: bool,
    /// The webhook may be a plain `http` address on any port, as a local Bot API server allows.
    pub plain_http_webhook: bool,
    /// Updates that the bot may have waiting; more are dropped, oldest chat activity aside, with an error in the log.
    pub updates_max: usize,
}

impl TelegramOptions {
    /// A bot with privacy mode off, no limits, everything recorded.
    pub fn new(clock: SharedClock, random: SharedRandom) -> Self {
        Self {
            token: String::from(TOKEN),
            username: String::from("gryag_bot"),
            name: String::from("Гряг"),
            clock,
            random,
            recording: Recording::Everything,
            messages_kept_per_chat: 100_000,
            limits: None,
            privacy_mode: false,
            plain_http_webhook: true,
            updates_max: 1_000_000,
        }
    }
}

/// One message of one chat.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MessageRef {
    /// The chat.
    pub chat: ChatId,
    /// The message's id in it.
    pub id: MessageId,
}

/// Something changed; look at it with [`FakeTelegram::message`] or [`FakeTelegram::typing`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A message was written or edited, reacted to, delivered to the bot or answered.
    Message(MessageRef),
    /// A message was deleted.
    Removed(MessageRef),
    /// The bot began or ceased to type.
    Typing {
        /// Where.
        chat: ChatId,
        /// In which topic.
        topic: Option<TopicId>,
    },
    /// A chat, a topic or a person appeared or changed.
    Rooms,
    /// The bot answered a button press.
    CallbackAnswered {
        /// Whose press.
        person: crate::domain::UserId,
        /// What the person is shown, if anything.
        text: Option<String>,
    },
}

/// The handle to the simulated Telegram. Cheap to clone; all clones are one world.
#[derive(Clone)]
pub struct FakeTelegram {
    inner: Arc<Inner>,
}

struct Inner {
    options: TelegramOptions,
    /// Held for short sections only, never across an await: so a std mutex.
    state: Mutex<State>,
    /// Rung for the delivery task.
    deliverable: Notify,
    /// Rung for a waiting getUpdates.
    pollable: Notify,
    changes: broadcast::Sender<Change>,
    on_sent: OnceLock<SentHook>,
    /// How far the `Date` of the answers is ahead of the world's clock, seconds.
    clock_ahead_s: AtomicI64,
}

type SentHook = Box<dyn Fn(&Sent) + Send + Sync>;

impl fmt::Debug for FakeTelegram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FakeTelegram")
    }
}

impl FakeTelegram {
    /// An empty world with the bot in it.
    pub fn new(options: TelegramOptions) -> Self {
        let state = State::new(&options);
        let (changes, _) = broadcast::channel(CHANGES);
        let inner = Inner {
            options,
            state: Mutex::new(state),
            deliverable: Notify::new(),
            pollable: Notify::new(),
            changes,
            on_sent: OnceLock::new(),
            clock_ahead_s: AtomicI64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// How it is set up.
    pub fn options(&self) -> &TelegramOptions {
        &self.inner.options
    }

    /// The next call of `method` fails so; `*` stands for any method. May be called several times: a queue.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.lock().faults.queue(method, fault);
    }

    /// Every call of `method` (`*`: any) fails so, until [`FakeTelegram::heal`].
    pub fn fail_always(&self, method: &str, fault: Fault) {
        self.lock().faults.stand(method, fault);
    }

    /// This fraction of the calls of `method` (`*`: any) fails so, until [`FakeTelegram::heal`].
    pub fn fail_by_chance(&self, method: &str, fraction: f64, fault: Fault) {
        self.lock().faults.chance(method, fraction, fault);
    }

    /// Ends all planned faults.
    pub fn heal(&self) {
        self.lock().faults.heal();
    }

    /// From now on Telegram's own clock, as its answers tell it, is so many seconds ahead of the world's.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.inner.clock_ahead_s.store(seconds, Ordering::Relaxed);
    }

    /// What changes from now on. A receiver that lags more than a thousand changes behind must look at everything anew.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.changes.subscribe()
    }

    /// Calls `hook` after each message that the bot has sent; for benches, whose every chat waits for its answer. Only
    /// the first hook is taken.
    pub fn on_sent(&self, hook: impl Fn(&Sent) + Send + Sync + 'static) {
        let _ = self.inner.on_sent.set(Box::new(hook));
    }

    /// Waits until `look` finds something, at most `within`.
    pub async fn wait_for<T>(&self, within: Duration, look: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let mut changes = self.changes();
        let looking = async {
            loop {
                if let Some(found) = look(self) {
                    return Some(found);
                }
                // A lagging receiver looks at once; the sender lives as long as `self`.
                if let Err(broadcast::error::RecvError::Closed) = changes.recv().await {
                    return None;
                }
            }
        };
        tokio::time::timeout(within, looking).await.ok().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> crate::domain::Timestamp {
        self.inner.options.clock.now()
    }

    fn planned_fault(&self, method: &str) -> Option<Planned> {
        let random = &*self.inner.options.random;
        self.lock().faults.draw(method, random).map(Planned::from)
    }

    fn tell(&self, change: Change) {
        if self.inner.changes.receiver_count() > 0 {
            let _ = self.inner.changes.send(change);
        }
    }

    /// Wakes whoever delivers updates.
    fn ring(&self) {
        self.inner.deliverable.notify_one();
        self.inner.pollable.notify_waiters();
    }
}

#[cfg(test)]
mod tests;

//! Updates that wait for the bot: Telegram's kinds, ids and queues (telegram_api.md sections 3 and 4).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, VecDeque},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::{FakeTelegram, MessageRef, json};
use crate::domain::Timestamp;

/// Kinds that are not sent unless asked for by name.
const ONLY_BY_NAME: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// One update as the bot receives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Update {
    /// Its `update_id`.
    pub id: i64,
    /// Its kind: `message`, `callback_query`, ...
    pub kind: String,
    /// The POST's body.
    pub body: Bytes,
    pub(super) queue: Queue,
    pub(super) expires: Timestamp,
    /// The message that it brings, if it brings one.
    pub(super) about: Option<MessageRef>,
}

impl Update {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What is delivered in order: the next update of a queue leaves only after the one before it was taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Queue {
    /// Messages and edits of a chat.
    Chat(i64),
    /// Button presses of a person.
    Callbacks(i64),
    /// The bot's own membership in a chat.
    OwnMembership(i64),
    /// Reactions in a chat.
    Reactions(i64),
    /// Updates made by hand.
    Other(i64),
}

/// The webhook as it is registered.
#[derive(Clone, Default, Debug)]
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) secret_token: Option<String>,
    pub(super) max_connections: usize,
    pub(super) ip_address: Option<String>,
    pub(super) last_error: Option<(Timestamp, String)>,
}

/// One queue's state.
#[derive(Default, Debug)]
struct Line {
    waiting: VecDeque<i64>,
    /// Its head is on its way, or waits for its next attempt: the queue stands in neither list.
    busy: bool,
    failed_attempts: u32,
}

/// All updates that wait.
#[derive(Debug)]
pub(super) struct Updates {
    next_id: i64,
    most: usize,
    pub(super) webhook: Option<Webhook>,
    /// As last given; none means the default set.
    pub(super) allowed: Option<Vec<String>>,
    pending: BTreeMap<i64, Update>,
    lines: HashMap<Queue, Line>,
    /// Queues whose head may leave.
    ready: VecDeque<Queue>,
    /// Queues whose head waits for its next attempt.
    delayed: BinaryHeap<Reverse<(Instant, Queue)>>,
    /// Deliveries that run.
    pub(super) running: usize,
    /// After a failure only one connection is used until a success.
    pub(super) troubled: bool,
    /// Number of getUpdates calls; a newer one ends an older one.
    pub(super) polls: u64,
}

impl Updates {
    pub(super) fn new(most: usize) -> Self {
        Self {
            next_id: 500_000_001,
            most,
            webhook: None,
            allowed: None,
            pending: BTreeMap::new(),
            lines: HashMap::new(),
            ready: VecDeque::new(),
            delayed: BinaryHeap::new(),
            running: 0,
            troubled: false,
            polls: 0,
        }
    }

    pub(super) fn is_asked_for(&self, kind: &str) -> bool {
        match self.allowed.as_deref() {
            None | Some([]) => !ONLY_BY_NAME.contains(&kind),
            Some(kinds) => kinds.iter().any(|allowed| allowed == kind),
        }
    }

    /// Queues an update if its kind is asked for and there is room.
    pub(super) fn add(
        &mut self,
        kind: &str,
        content: &Value,
        queue: Queue,
        expires: Timestamp,
        about: Option<MessageRef>,
    ) -> bool {
        if !self.is_asked_for(kind) {
            return false;
        }
        if self.pending.len() >= self.most {
            tracing::error!(most = self.most, "the simulated Telegram holds too many undelivered updates; one is lost");
            return false;
        }
        let id = self.next_id;
        self.next_id += 1;
        let update =
            Update { id, kind: kind.to_owned(), body: json::update_bytes(id, kind, content), queue, expires, about };
        self.pending.insert(id, update);
        let line = self.lines.entry(queue).or_default();
        line.waiting.push_back(id);
        if !line.busy && line.waiting.len() == 1 {
            self.ready.push_back(queue);
        }
        true
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The next id jumps, as it may after a quiet week.
    pub(super) fn jump_to(&mut self, id: i64) {
        self.next_id = id;
    }

    /// Marks the next deliverable head as on its way. Expired heads are given back in the second place.
    pub(super) fn start_next(&mut self, now: Timestamp) -> (Option<Update>, Vec<Update>) {
        let mut expired = Vec::new();
        while let Some(queue) = self.ready.pop_front() {
            // A queue whose updates were taken by hand may stand here twice.
            let Some(line) = self.lines.get_mut(&queue).filter(|line| !line.busy) else { continue };
            while let Some(head) = line.waiting.front() {
                match self.pending.get(head) {
                    Some(update) if update.expires > now => {
                        line.busy = true;
                        return (Some(update.clone()), expired);
                    }
                    _ => {
                        expired.extend(self.pending.remove(head));
                        line.waiting.pop_front();
                        line.failed_attempts = 0;
                    }
                }
            }
            self.lines.remove(&queue);
        }
        (None, expired)
    }

    /// The head was taken; the next of its queue may leave.
    pub(super) fn finish(&mut self, update: &Update) {
        self.pending.remove(&update.id);
        let Some(line) = self.lines.get_mut(&update.queue) else { return };
        if line.waiting.front() == Some(&update.id) {
            line.waiting.pop_front();
        }
        line.busy = false;
        line.failed_attempts = 0;
        if line.waiting.is_empty() {
            self.lines.remove(&update.queue);
        } else {
            self.ready.push_back(update.queue);
        }
    }

    /// The head was not taken. Counts the failure; [`Updates::delay`] must follow.
    pub(super) fn count_failure(&mut self, update: &Update) -> u32 {
        self.lines.get_mut(&update.queue).map_or(1, |line| {
            line.failed_attempts += 1;
            line.failed_attempts
        })
    }

    /// The queue's head leaves again at `until`.
    pub(super) fn delay(&mut self, queue: Queue, until: Instant) {
        self.delayed.push(Reverse((until, queue)));
    }

    /// Moves what waits no longer to the ready ones; returns when the next attempt is due.
    pub(super) fn wake_delayed(&mut self, now: Instant) -> Option<Instant> {
        while let Some(Reverse((until, queue))) = self.delayed.peek().copied() {
            if until > now {
                return Some(until);
            }
            self.delayed.pop();
            if let Some(line) = self.lines.get_mut(&queue).filter(|line| line.busy) {
                line.busy = false;
                self.ready.push_back(queue);
            }
        }
        None
    }

    /// Takes one update out, whatever its queue; no task delivers it any more.
    fn take(&mut self, id: i64) -> Option<Update> {
        let update = self.pending.remove(&id)?;
        if let Some(line) = self.lines.get_mut(&update.queue) {
            match line.waiting.iter().position(|waiting| *waiting == id) {
                Some(0) => drop(line.waiting.pop_front()),
                Some(position) => drop(line.waiting.remove(position)),
                None => {}
            }
        }
        Some(update)
    }

    /// Forgets updates up to an id: the bot has confirmed them.
    pub(super) fn confirm_below(&mut self, id: i64) -> Vec<Update> {
        let mut confirmed = Vec::new();
        while let Some(first) = self.pending.keys().next().copied().filter(|first| *first < id) {
            confirmed.extend(self.take(first));
        }
        confirmed
    }

    /// The oldest updates, for getUpdates.
    pub(super) fn oldest(&self, most: usize, now: Timestamp) -> Vec<Update> {
        self.pending.values().filter(|update| update.expires > now).take(most).cloned().collect()
    }

    pub(super) fn drop_all(&mut self) {
        self.pending.clear();
        self.lines.clear();
        self.ready.clear();
        self.delayed.clear();
    }
}

impl FakeTelegram {
    /// Takes the oldest waiting update out of Telegram, to be delivered by hand with [`FakeTelegram::deliver`], as
    /// often and in whatever order a test likes.
    pub fn take_update(&self) -> Option<Update> {
        let mut state = self.lock();
        let id = state.updates.pending.keys().next().copied()?;
        state.updates.take(id)
    }

    /// Takes all waiting updates, oldest first.
    pub fn take_updates(&self) -> Vec<Update> {
        std::iter::from_fn(|| self.take_update()).collect()
    }

    /// How many updates wait.
    pub fn pending_updates(&self) -> usize {
        self.lock().updates.len()
    }

    /// The next update's id, as it may jump (back, too) after a quiet week.
    pub fn jump_update_id(&self, id: i64) {
        self.lock().updates.jump_to(id);
    }

    /// Ids of updates and messages go on further up: a world that continues an earlier one must not repeat its ids.
    pub fn skip_ids(&self, by: i64) {
        let mut state = self.lock();
        let next = state.updates.next_id + by;
        state.updates.jump_to(next);
        for chat in state.chats.values_mut() {
            chat.next_message_id += by;
        }
    }
}

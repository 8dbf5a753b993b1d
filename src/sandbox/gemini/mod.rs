//! A stand-in for Gemini's `generateContent`: it refuses what Gemini refuses, with Gemini's error bodies
//! (gemini_api.md), and answers with whatever voice it is given.

mod answer;
mod checks;
mod fault;
mod media;
mod models;
mod offline;
mod refusal;
mod request;
mod router;
mod voice;

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;

pub use self::{
    answer::{Reply, ReplyPart},
    fault::GeminiFault,
    offline::OfflineVoice,
    request::RequestView,
    voice::{CannedVoice, Voice},
};
use super::{
    Recording,
    fault::{ANY, FaultPlan},
    recording::Journal,
};
use crate::{clock::SharedClock, domain::Timestamp, random::SharedRandom};

/// A key that opens nothing.
pub const API_KEY: &str = "AQ.sandbox-key-that-opens-nothing";

/// How the stand-in is set up.
#[derive(Clone, Debug)]
pub struct GeminiOptions {
    /// The only key that is accepted.
    pub api_key: String,
    /// When requests came in.
    pub clock: SharedClock,
    /// Faults by chance.
    pub random: SharedRandom,
    /// How many requests are kept.
    pub recording: Recording,
    /// How long an answer takes.
    pub latency: Duration,
}

impl GeminiOptions {
    /// Answers at once, keeps all requests.
    pub fn new(clock: SharedClock, random: SharedRandom) -> Self {
        let api_key = String::from(API_KEY);
        Self { api_key, clock, random, recording: Recording::Everything, latency: Duration::ZERO }
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// When.
    pub at: Timestamp,
    /// For which model.
    pub model: String,
    /// Its body, byte for byte.
    pub body: Bytes,
    /// The HTTP status that it got; zero if it got no response.
    pub status: u16,
}

impl RecordedRequest {
    /// Its body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The media that it carries, in order: MIME types and bytes.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let request = request::Request::read(&self.body);
        request.map(|request| RequestView { model: &self.model, request: &request }.files()).unwrap_or_default()
    }
}

/// The handle to the stand-in. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct FakeGemini {
    inner: Arc<Inner>,
}

struct Inner {
    options: GeminiOptions,
    /// Held for short sections only, never across an await: so a std mutex.
    state: Mutex<State>,
    latency_ms: AtomicU64,
    answered: AtomicU64,
}

struct State {
    voice: Arc<dyn Voice>,
    /// Said before the voice is asked.
    script: VecDeque<Reply>,
    faults: FaultPlan<GeminiFault>,
    retired: Vec<String>,
    requests: Journal<RecordedRequest>,
}

impl fmt::Debug for FakeGemini {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FakeGemini")
    }
}

impl FakeGemini {
    /// Answers with [`CannedVoice`] until told otherwise.
    pub fn new(options: GeminiOptions) -> Self {
        let state = State {
            voice: Arc::new(CannedVoice),
            script: VecDeque::new(),
            faults: FaultPlan::default(),
            retired: Vec::new(),
            requests: Journal::new(options.recording),
        };
        let latency_ms = AtomicU64::new(u64::try_from(options.latency.as_millis()).unwrap_or(u64::MAX));
        let inner = Inner { options, state: Mutex::new(state), latency_ms, answered: AtomicU64::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// The next answer is this text. May be called several times: a queue.
    pub fn will_say(&self, text: &str) {
        self.will_reply(Reply::say(text));
    }

    /// The next answer is this reply. May be called several times: a queue.
    pub fn will_reply(&self, reply: Reply) {
        self.lock().script.push_back(reply);
    }

    /// Every answer without a script is made so from now on.
    pub fn answer_with(&self, voice: impl Fn(&RequestView<'_>) -> Reply + Send + Sync + 'static) {
        self.speak_with(voice);
    }

    /// Every answer without a script comes from this voice from now on.
    pub fn speak_with(&self, voice: impl Voice) {
        self.lock().voice = Arc::new(voice);
    }

    /// Every answer takes so long from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.inner.latency_ms.store(u64::try_from(latency.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The next call, of whatever model, fails so. May be called several times: a queue.
    pub fn fail_next(&self, fault: GeminiFault) {
        self.lock().faults.queue(ANY, fault);
    }

    /// The next call of `model` fails so.
    pub fn fail_next_of(&self, model: &str, fault: GeminiFault) {
        self.lock().faults.queue(model, fault);
    }

    /// Every call of `model` (`*`: any) fails so, until [`FakeGemini::heal`].
    pub fn fail_always(&self, model: &str, fault: GeminiFault) {
        self.lock().faults.stand(model, fault);
    }

    /// This fraction of the calls fails so, until [`FakeGemini::heal`].
    pub fn fail_by_chance(&self, fraction: f64, fault: GeminiFault) {
        self.lock().faults.chance(ANY, fraction, fault);
    }

    /// Ends all planned faults. Retired models stay retired.
    pub fn heal(&self) {
        self.lock().faults.heal();
    }

    /// The model is no longer there: 404.
    pub fn retire(&self, model: &str) {
        self.lock().retired.push(model.to_owned());
    }

    /// A retired model is there again.
    pub fn bring_back(&self, model: &str) {
        self.lock().retired.retain(|retired| retired != model);
    }

    /// Every `generateContent` request so far, whatever became of it.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().requests.iter().cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.lock().requests.clear();
    }

    /// How many requests were answered with 200.
    pub fn answered(&self) -> u64 {
        self.inner.answered.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

//! The world of one claim: a store, a clock that stands still, and short ways to say what happens.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use gryag::{
    clock::Clock,
    domain::{
        Author, AuthorKind, Chat, ChatId, ChatKind, Lane, LaneKind, Message, MessageId, OutgoingKind, ReplyTarget,
        RequestId, RichText, Timestamp, TopicId, UpdateKey, UserId,
    },
    storage::{
        Admission, Claim, ClaimRequest, Ended, EndedOutgoing, FinishedTurn, NewOutgoing, NewUpdate, Outgoing,
        SendLimits, Sends, Store, TurnEnd, Verdict, WindowRequest,
    },
};

/// When every world begins.
pub(crate) const START: Timestamp = Timestamp(1_790_000_000_000);
/// The lease of every claim here.
pub(crate) const LEASE: Duration = Duration::from_secs(20);
/// How long a call may stay `sending`.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(60);
/// No pacing.
pub(crate) const UNLIMITED: SendLimits = SendLimits { global_per_second: 0, chat_per_second: 0, group_per_minute: 0 };

/// Stored time that moves only when it is told to.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START.0)))
    }

    pub(crate) fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// A store and all that it needs to live.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    /// Whatever must outlive the store, such as its directory.
    pub(crate) _place: Box<dyn Any>,
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.set(self.now() + by);
    }

    pub(crate) fn seconds(&self, by: u64) {
        self.advance(Duration::from_secs(by));
    }

    /// A message of this chat arrives.
    pub(crate) async fn admit(&self, key: i64, chat: i64) -> Admission {
        self.admit_to(key, talk(chat)).await
    }

    pub(crate) async fn admit_to(&self, key: i64, lane: Lane) -> Admission {
        self.store.admit(update(key, lane, self.now())).await.unwrap()
    }

    pub(crate) async fn claims(&self, owner: &str) -> Vec<Claim> {
        self.store.claim(request(owner)).await.unwrap().claims
    }

    /// Claims the only lane that is due.
    pub(crate) async fn claim(&self, owner: &str) -> Claim {
        let mut claims = self.claims(owner).await;
        assert_eq!(claims.len(), 1, "one lane is due");
        claims.remove(0)
    }

    pub(crate) async fn finish(&self, claim: &Claim, turn: FinishedTurn) -> TurnEnd {
        self.store.finish(claim.claim, turn, self.now()).await.unwrap()
    }

    /// Ends a turn in silence.
    pub(crate) async fn done(&self, claim: &Claim) {
        self.finish(claim, FinishedTurn::default()).await;
    }

    /// An update arrives and its turn leaves this answer.
    pub(crate) async fn answer(&self, key: i64, says: NewOutgoing) {
        self.admit(key, says.chat.id.0).await;
        let claim = self.claim("worker").await;
        self.finish(&claim, FinishedTurn { says: Some(says), ..FinishedTurn::default() }).await;
    }

    pub(crate) async fn begin(&self, max: usize, limits: SendLimits) -> Sends {
        self.store.begin_sends("sender", max, limits, CALL_LIMIT).await.unwrap()
    }

    /// The only send that may be made now.
    pub(crate) async fn begin_one(&self) -> Outgoing {
        let mut sends = self.begin(10, UNLIMITED).await;
        assert_eq!(sends.due.len(), 1, "one send is due");
        sends.due.remove(0)
    }

    pub(crate) async fn nothing_to_send(&self) -> Sends {
        let sends = self.begin(10, UNLIMITED).await;
        assert!(sends.due.is_empty(), "nothing may be sent: {:?}", sends.due);
        sends
    }

    /// Nothing may be sent now; when to look again.
    pub(crate) async fn nothing_to_send_yet(&self) -> Timestamp {
        self.nothing_to_send().await.next_at.expect("something waits")
    }

    pub(crate) async fn end(&self, send: &Outgoing, ended: Ended) -> Option<EndedOutgoing> {
        self.store.end_send("sender", send.id, send.attempt, ended, self.now()).await.unwrap()
    }

    /// Telegram takes it as this message.
    pub(crate) async fn sent(&self, send: &Outgoing, id: i64) -> Option<EndedOutgoing> {
        let message = own_message(send, id, self.now());
        self.end(send, Ended::Sent(Box::new(message))).await
    }

    pub(crate) async fn window(&self, chat: i64, topic: Option<i64>, limit: u32) -> Vec<Message> {
        self.window_by(chat, topic, limit, 1).await
    }

    pub(crate) async fn window_by(&self, chat: i64, topic: Option<i64>, limit: u32, block: u32) -> Vec<Message> {
        let request = WindowRequest { chat: ChatId(chat), topic: topic.map(TopicId), limit, block };
        self.store.window(request).await.unwrap().into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// Turns that remember these messages and say nothing, in a lane beside all others.
    pub(crate) async fn remember(&self, messages: Vec<Message>) {
        static KEYS: AtomicI64 = AtomicI64::new(1_000_000);
        self.admit(KEYS.fetch_add(1, Ordering::Relaxed), -424_242).await;
        let claim = self.claim("memory").await;
        self.finish(&claim, FinishedTurn { remembered: messages, ..FinishedTurn::default() }).await;
    }
}

/// The talk lane of a chat.
pub(crate) fn talk(chat: i64) -> Lane {
    Lane { chat: ChatId(chat), topic: None, kind: LaneKind::Talk }
}

/// The express lane of a chat.
pub(crate) fn express(chat: i64) -> Lane {
    Lane { kind: LaneKind::Express, ..talk(chat) }
}

pub(crate) fn update(key: i64, lane: Lane, received_at: Timestamp) -> NewUpdate {
    NewUpdate {
        key: UpdateKey(key),
        lane,
        kind: "message",
        body: Bytes::from(format!("body {key}")),
        received_at,
        request_id: RequestId(format!("request {key}")),
        unusable: None,
    }
}

pub(crate) fn request(owner: &str) -> ClaimRequest {
    ClaimRequest {
        owner: owner.to_owned(),
        lease: LEASE,
        talk_max: 100,
        express_max: 0,
        rows_max: 50,
        suspects_max: 100,
    }
}

/// The updates of a claim.
pub(crate) fn keys(claim: &Claim) -> Vec<i64> {
    claim.updates.iter().map(|update| update.key.0).collect()
}

/// Every row of a claim is to be tried again then.
pub(crate) fn retry_all(claim: &Claim, at: Timestamp) -> FinishedTurn {
    let verdicts = claim.updates.iter().map(|update| (update.key, Verdict::RetryAt(at))).collect();
    FinishedTurn { verdicts, ..FinishedTurn::default() }
}

pub(crate) fn chat(id: i64) -> Chat {
    let kind = if id > 0 { ChatKind::Private } else { ChatKind::Group };
    Chat { id: ChatId(id), kind, title: None }
}

/// An answer in so many parts, named `text 0`, `text 1`…
pub(crate) fn says(chat_id: i64, text: &str, parts: usize, now: Timestamp) -> NewOutgoing {
    let parts = (0..parts).map(|part| RichText::plain(format!("{text} {part}"))).collect();
    let (expires_at, request_id) = (now + Duration::from_secs(600), RequestId(format!("request {text}")));
    NewOutgoing {
        target: ReplyTarget { topic: None, message_id: Some(MessageId(7)) },
        ..NewOutgoing::new(OutgoingKind::Answer, chat(chat_id), parts, expires_at, request_id)
    }
}

pub(crate) fn message(chat_id: i64, id: i64, text: &str) -> Message {
    Message {
        chat: chat(chat_id),
        topic: None,
        id: MessageId(id),
        author: Author { kind: AuthorKind::Person, id: UserId(5), name: "Оля".to_owned(), username: None },
        text: text.to_owned(),
        media: None,
        reply_to: None,
        quote: None,
        forwarded_from: None,
        album: None,
        sent_at: START,
        edited_at: None,
    }
}

/// What the sender remembers of a message that Telegram took.
pub(crate) fn own_message(send: &Outgoing, id: i64, now: Timestamp) -> Message {
    let author = Author { kind: AuthorKind::Own, id: UserId(1), name: "Гряг".to_owned(), username: None };
    let topic = send.target.topic;
    Message { topic, author, sent_at: now, ..message(send.chat.id.0, id, &send.text.text) }
}

//! How an update enters: its key, its lane, and the commit before the acknowledgement. The webhook and the poller
//! both come through here. It looks at the raw body only as far as [`crate::telegram::peek`] does.

use std::sync::Arc;

use bytes::Bytes;
use metrics::Counter;
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{ChatId, Lane, LaneKind, RequestId, Timestamp, UpdateKey},
    storage::{Admission, InboxStore, NewUpdate, StorageError},
    telegram::{Kind, Peek, peek},
    telemetry::{Metrics, metric},
};

/// Says whether a text must not wait behind a running turn of its lane (stop words).
pub type IsUrgent = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Values of the labels in `gryag_updates_total{kind,outcome}`.
const MESSAGE: &str = "message";
const ADMITTED: &str = "admitted";

/// Takes updates in. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    store: Arc<dyn InboxStore>,
    metrics: Metrics,
    /// What nearly all updates count into.
    admitted_messages: Counter,
    is_urgent: IsUrgent,
}

impl Inbox {
    /// Over a store.
    pub fn new(store: Arc<dyn InboxStore>, metrics: Metrics, is_urgent: IsUrgent) -> Self {
        let admitted_messages = metrics.counter(&metric::UPDATES, &[("kind", MESSAGE), ("outcome", ADMITTED)]);
        Self { store, metrics, admitted_messages, is_urgent }
    }

    /// Commits an update. Only after this returns `Ok` may Telegram hear 200.
    ///
    /// # Errors
    ///
    /// If the store cannot take it now; Telegram keeps it and sends it again.
    pub async fn accept(
        &self,
        body: Bytes,
        received_at: Timestamp,
        request_id: RequestId,
    ) -> Result<Admission, StorageError> {
        let update = self.look(body, received_at, request_id);
        let (kind, unusable) = (update.kind, update.unusable);
        let admitted = self.store.admit(update).await;
        let outcome = match &admitted {
            Ok(Admission::Duplicate) => "duplicate",
            Ok(Admission::New) if unusable.is_some() => "unusable",
            Ok(Admission::New) => ADMITTED,
            Err(_) => "refused",
        };
        if (kind, outcome) == (MESSAGE, ADMITTED) {
            self.admitted_messages.increment(1);
        } else {
            self.metrics.increment(&metric::UPDATES, &[("kind", kind), ("outcome", outcome)]);
        }
        admitted
    }

    fn look(&self, body: Bytes, received_at: Timestamp, request_id: RequestId) -> NewUpdate {
        let peek = peek(&body);
        if let Kind::Unknown(name) = &peek.kind
            && !name.is_empty()
        {
            self.metrics.increment_open(&metric::UNKNOWN_KINDS, &[("what", "update")], "name", name);
        }
        let key = peek.update_id.map_or_else(|| digest_key(&body), UpdateKey);
        let lane = self.lane(&peek);
        let (kind, unusable) = (peek.kind.as_str(), peek.problem);
        NewUpdate { key, lane, kind, received_at, request_id, unusable, body }
    }

    fn lane(&self, peek: &Peek<'_>) -> Lane {
        let express = match peek.kind {
            Kind::CallbackQuery | Kind::MyChatMember | Kind::MessageReaction => true,
            Kind::Message => peek.starts_with_command || peek.text.as_ref().is_some_and(|text| (self.is_urgent)(text)),
            _ => false,
        };
        Lane {
            chat: peek.chat.unwrap_or(ChatId(0)),
            topic: peek.topic,
            kind: if express { LaneKind::Express } else { LaneKind::Talk },
        }
    }
}

/// A body without a usable `update_id` is known by its content: negative, so that it never meets a real id.
fn digest_key(body: &[u8]) -> UpdateKey {
    let digest = Sha256::digest(body);
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&digest[..8]);
    UpdateKey(-1 - (i64::from_be_bytes(bytes) & (i64::MAX >> 1)))
}

#[cfg(test)]
mod tests {
    use super::digest_key;

    #[test]
    fn bodies_without_an_id_have_keys_of_their_own() {
        assert_eq!(digest_key(b"{}"), digest_key(b"{}"), "a repetition is a duplicate");
        assert_ne!(digest_key(b"{}"), digest_key(b"[]"));
        assert!(digest_key(b"{}").0 < 0, "no real update_id is negative");
    }
}

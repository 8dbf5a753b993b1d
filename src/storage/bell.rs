//! How the tasks hear of new work. A bell carries no data: whoever hears it looks into the store.

use std::sync::Arc;

use tokio::sync::Notify;

/// Rung before a commit of this process that may leave work, so that whoever takes it up may do so in the same one; after
/// it, if nobody did; and within 100 ms of another process's commit.
#[derive(Clone, Debug, Default)]
pub struct Bell {
    inbox: Arc<Notify>,
    outbox: Arc<Notify>,
}

impl Bell {
    /// A lane may have become claimable.
    pub fn ring_inbox(&self) {
        self.inbox.notify_one();
    }

    /// An outgoing message may have become ready.
    pub fn ring_outbox(&self) {
        self.outbox.notify_one();
    }

    /// Waits for the inbox's bell. A ring that nobody waited for is kept.
    pub async fn inbox(&self) {
        self.inbox.notified().await;
    }

    /// Waits for the outbox's bell. A ring that nobody waited for is kept.
    pub async fn outbox(&self) {
        self.outbox.notified().await;
    }
}

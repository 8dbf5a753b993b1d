//! The claims that this process holds, and the turns that lost theirs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::storage::ClaimRef;

/// Shared set of held claims. The mutex is held for a few map operations only.
#[derive(Clone, Default)]
pub(super) struct Leases {
    held: Arc<Mutex<HashMap<ClaimRef, CancellationToken>>>,
    ended: Arc<Notify>,
}

/// A held claim; dropping it ends it.
pub(super) struct Leased {
    leases: Leases,
    claim: ClaimRef,
    lost: CancellationToken,
}

impl Leases {
    pub(super) fn add(&self, claim: ClaimRef) -> Leased {
        let lost = CancellationToken::new();
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(claim, lost.clone());
        Leased { leases: self.clone(), claim, lost }
    }

    pub(super) fn claims(&self) -> Vec<ClaimRef> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge of at most some hundreds")]
    pub(super) fn count(&self) -> f64 {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).len() as f64
    }

    /// Somebody else has this lane now.
    pub(super) fn lose(&self, claim: ClaimRef) {
        if let Some(lost) = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&claim) {
            lost.cancel();
        }
    }

    /// Waits until a turn ends. A turn that ended while nobody waited is kept in mind.
    pub(super) async fn one_ended(&self) {
        self.ended.notified().await;
    }

    /// Waits until no turn runs, or the hard stop.
    pub(super) async fn all_ended(&self, hard: &CancellationToken) {
        loop {
            if self.held.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
            tokio::select! {
                () = self.one_ended() => {}
                () = hard.cancelled() => return,
            }
        }
    }
}

impl Leased {
    /// Returns when the claim is lost.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        self.leases.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.claim);
        self.leases.ended.notify_one();
    }
}

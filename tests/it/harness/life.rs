//! The life of a replica, and its end: what a `kill -9` leaves is what was committed and what had left.
//!
//! A killed replica commits nothing more and hears nothing more: its commits fail and its calls hang for ever. Its
//! tasks, which a real kill would end, are told to stop and can do no harm.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use bytes::Bytes;
use gryag::{
    sandbox::in_process,
    storage::{StorageError, sqlite::CommitFault},
    transport::{Transport, TransportError, call},
};
use http::Request;
use tokio_util::sync::CancellationToken;
use tower::util::BoxCloneSyncService;

/// On which side of a commit a replica dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// The commit never happens.
    Before,
    /// It is durable, but nobody hears of it.
    After,
}

/// One replica's life. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Life {
    end: CancellationToken,
    /// Commits until death; negative if none is planned.
    commits_left: Arc<AtomicI64>,
    side: Arc<Mutex<Side>>,
    frozen: Arc<AtomicBool>,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self {
            end: CancellationToken::new(),
            commits_left: Arc::new(AtomicI64::new(-1)),
            side: Arc::new(Mutex::new(Side::Before)),
            frozen: Arc::default(),
        }
    }

    pub(crate) fn kill(&self) {
        self.end.cancel();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.end.is_cancelled()
    }

    /// Dies at the `commit`th commit from now, counted from 1.
    pub(crate) fn kill_at_commit(&self, commit: u32, side: Side) {
        *self.side.lock().expect("nothing panics with it") = side;
        self.commits_left.store(i64::from(commit), Ordering::SeqCst);
    }

    /// While frozen, nothing that it writes gets through, its renewals above all.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
    }

    /// The store's fault: what a dead process writes is lost.
    pub(super) fn commit_fault(&self, other: Option<CommitFault>) -> CommitFault {
        let life = self.clone();
        Arc::new(move || {
            if life.is_over() {
                return Err(StorageError::Closed);
            }
            if life.frozen.load(Ordering::SeqCst) {
                return Err(StorageError::Locked { doing: "being frozen" });
            }
            if life.commits_left.load(Ordering::SeqCst) > 0 && life.commits_left.fetch_sub(1, Ordering::SeqCst) == 1 {
                life.kill();
                if *life.side.lock().expect("nothing panics with it") == Side::Before {
                    return Err(StorageError::Closed);
                }
            }
            other.as_ref().map_or(Ok(()), |other| other())
        })
    }

    /// The replica's way out: after its death no call leaves, and no answer arrives.
    pub(super) fn outward(&self, transport: Transport) -> Transport {
        let life = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
            let (life, transport) = (life.clone(), transport.clone());
            async move {
                tokio::select! {
                    biased;
                    () = life.end.cancelled() => std::future::pending().await,
                    answer = call(&transport, request) => answer,
                }
            }
        }))
    }
}

/// What stands before the replicas, as Caddy does: takes a request to one that lives, in turn.
#[derive(Clone, Default)]
pub(crate) struct Proxy {
    replicas: Arc<Mutex<Vec<(Transport, Life)>>>,
    turn: Arc<AtomicI64>,
}

impl Proxy {
    pub(super) fn add(&self, router: axum::Router, life: Life) {
        self.replicas.lock().expect("nothing panics with it").push((in_process(router), life));
    }

    /// The way in.
    pub(super) fn transport(&self) -> Transport {
        let proxy = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
            let replica = proxy.next();
            async move {
                let Some((transport, life)) = replica else {
                    return Err(TransportError::NotSent { detail: String::from("no replica lives") });
                };
                tokio::select! {
                    biased;
                    () = life.end.cancelled() => Err(TransportError::Ambiguous { detail: String::from("it died") }),
                    answer = call(&transport, request) => answer,
                }
            }
        }))
    }

    fn next(&self) -> Option<(Transport, Life)> {
        let mut replicas = self.replicas.lock().expect("nothing panics with it");
        replicas.retain(|(_, life)| !life.is_over());
        let turn = usize::try_from(self.turn.fetch_add(1, Ordering::SeqCst)).unwrap_or(0);
        (!replicas.is_empty()).then(|| replicas[turn % replicas.len()].clone())
    }
}

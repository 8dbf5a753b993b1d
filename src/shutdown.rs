//! How the process stops: two tokens and a tracker of every task.
//!
//! The first signal cancels `soft` (drain: not ready, then no new work, finish what runs); a second signal or the end
//! of the grace cancels `hard`. A task that ends by itself before the soft stop is a failure of the whole process.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The stop tokens and the task tracker. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// The replica is leaving: `/readyz` says so, requests are still taken.
    pub draining: CancellationToken,
    /// No new work: the edge stops accepting, the worker claims no more, running turns finish.
    pub soft: CancellationToken,
    /// Drop everything now; leases expire by themselves.
    pub hard: CancellationToken,
    tracker: TaskTracker,
    failed_task: Arc<Mutex<Option<&'static str>>>,
}

impl Shutdown {
    /// Nothing is stopping yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task that must live until the soft stop. If it returns or panics before that, the process stops and
    /// [`Shutdown::failed_task`] names it.
    pub fn spawn_essential(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.clone();
        let running = self.spawn(task);
        self.spawn(async move {
            let outcome = running.await;
            if !shutdown.soft.is_cancelled() {
                tracing::error!(task = name, panicked = outcome.is_err(), "a task died; the process stops");
                shutdown.fail(name);
            }
        });
    }

    /// Runs a task that may end when it likes. The one home of spawned tasks: all are tracked.
    pub fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tracker.spawn(task)
    }

    /// Stops the process with failure.
    pub fn fail(&self, name: &'static str) {
        self.failed_task.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(name);
        self.draining.cancel();
        self.soft.cancel();
    }

    /// The task whose death stopped the process, if one did.
    pub fn failed_task(&self) -> Option<&'static str> {
        *self.failed_task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every task has ended; call after a stop.
    pub async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

//! The rate limit that all replicas share. This module knows that slots exist; who keeps them (the store) comes in
//! through [`RateSlots`].

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout_at};
use tower::{Layer, Service, ServiceExt as _};

use super::{
    error::GeminiError,
    stack::{Ask, Reply},
};

/// What became of the wish to make a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// Call now; the slot is spent.
    Granted,
    /// None is free; ask again after this long.
    Wait(Duration),
}

/// The keeper of the slots cannot be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the store could not tell whether a request slot is free")]
pub struct SlotsUnavailable;

/// Requests a minute, counted where every replica sees it.
#[async_trait]
pub trait RateSlots: Send + Sync + fmt::Debug {
    /// Spends a slot, or says when to ask again.
    async fn take(&self) -> Result<Slot, SlotsUnavailable>;

    /// Spends a slot for what nobody asked for; false if there is none to spare.
    async fn take_spare(&self) -> Result<bool, SlotsUnavailable>;
}

/// Waits are rounded up to this, so that a keeper that always says "now" is not asked in a busy loop.
const WAIT_MIN: Duration = Duration::from_millis(10);

/// Spends a slot per call; waits for one at most until the call's deadline, and not at all for what nobody asked for.
/// Without a keeper it does nothing.
#[derive(Clone, Debug)]
pub(super) struct RateSlotLayer(pub(super) Option<Arc<dyn RateSlots>>);

impl<S> Layer<S> for RateSlotLayer {
    type Service = RateSlot<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateSlot { inner, slots: self.0.clone() }
    }
}

#[derive(Clone, Debug)]
pub(super) struct RateSlot<S> {
    inner: S,
    slots: Option<Arc<dyn RateSlots>>,
}

impl<S> Service<Ask> for RateSlot<S>
where
    S: Service<Ask, Response = Reply, Error = GeminiError, Future: Send> + Clone + Send + 'static,
{
    type Response = Reply;
    type Error = GeminiError;
    type Future = BoxFuture<'static, Result<Reply, GeminiError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), GeminiError>> {
        Poll::Ready(Ok(())) // the inner service is asked once the slot is there
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let (inner, slots) = (self.inner.clone(), self.slots.clone());
        Box::pin(async move {
            if let Some(slots) = slots {
                timeout_at(ask.deadline, granted(&*slots, &ask))
                    .await
                    .unwrap_or(Err(GeminiError::NoSlot { retry_after: None }))?;
            }
            inner.oneshot(ask).await
        })
    }
}

async fn granted(slots: &dyn RateSlots, ask: &Ask) -> Result<(), GeminiError> {
    if ask.is_unasked {
        let is_spare = slots.take_spare().await.map_err(GeminiError::SlotsUnavailable)?;
        return if is_spare { Ok(()) } else { Err(GeminiError::NoSlot { retry_after: None }) };
    }
    loop {
        match slots.take().await {
            Ok(Slot::Granted) => return Ok(()),
            Ok(Slot::Wait(wait)) if Instant::now().checked_add(wait).is_none_or(|end| end >= ask.deadline) => {
                return Err(GeminiError::NoSlot { retry_after: Some(wait) });
            }
            Ok(Slot::Wait(wait)) => sleep(wait.max(WAIT_MIN)).await,
            Err(SlotsUnavailable) => return Err(GeminiError::SlotsUnavailable(SlotsUnavailable)),
        }
    }
}

//! Life signs to somebody outside (`BOT_HEARTBEAT_URL`): whoever watches there hears of it when this machine is dead, which no
//! alarm of its own could tell.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use super::Maintenance;
use crate::{
    errors::{Class, Classify},
    shutdown::Shutdown,
    storage::StoreHealth,
    transport::{ResponseMax, Transport, TransportError, call},
};

/// From one call to the next.
const EVERY: Duration = Duration::from_secs(60);
/// Longest time of one.
const DEADLINE: Duration = Duration::from_secs(10);
/// Nobody reads what comes back.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Who is told that this replica is well.
#[derive(Clone, Debug)]
pub struct Watcher {
    /// The way there.
    pub transport: Transport,
    /// `BOT_HEARTBEAT_URL`; it may hold a token.
    pub url: SecretString,
}

/// Why a life sign may not have arrived. Holds no address.
#[derive(Debug, thiserror::Error)]
enum AliveError {
    #[error("BOT_HEARTBEAT_URL was not reached: {0}")]
    Transport(#[from] TransportError),
    #[error("BOT_HEARTBEAT_URL gave no answer within {} s", DEADLINE.as_secs())]
    Late,
    #[error("BOT_HEARTBEAT_URL answered with {}", .0.as_u16())]
    Refused(StatusCode),
    #[error("BOT_HEARTBEAT_URL is no address that can be called")]
    Address,
}

impl Classify for AliveError {
    fn class(&self) -> Class {
        match self {
            Self::Transport(error) => error.class(),
            Self::Late => Class::Transient { retry_after: None },
            Self::Refused(status) if status.is_server_error() => Class::Transient { retry_after: None },
            Self::Refused(_) | Self::Address => Class::Permanent,
        }
    }
}

impl Maintenance {
    /// Says each minute that this replica is well, while it is, until the soft stop.
    pub(super) async fn show_life(&self, shutdown: &Shutdown) {
        let Some(watcher) = &self.parts.watcher else { return };
        let mut timer = tokio::time::interval(EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.soft.cancelled() => return,
                _ = timer.tick() => {}
            }
            let is_well = (self.parts.is_ready)() && self.parts.store.health() == StoreHealth::Good;
            if !is_well {
                continue;
            }
            // A call that the stop cuts off was one of many.
            let shown = tokio::select! {
                shown = show(watcher) => shown,
                () = shutdown.soft.cancelled() => return,
            };
            if let Err(error) = shown {
                self.parts.errors.handle("heartbeat", &error);
            }
        }
    }
}

async fn show(watcher: &Watcher) -> Result<(), AliveError> {
    let request = Request::get(watcher.url.expose_secret())
        .extension(ResponseMax { bytes: ANSWER_BYTES_MAX })
        .body(Bytes::new())
        .map_err(|_| AliveError::Address)?;
    match tokio::time::timeout(DEADLINE, call(&watcher.transport, request)).await {
        Err(_) => Err(AliveError::Late),
        // It was there, however much it had to say.
        Ok(Err(TransportError::TooLarge { .. })) => Ok(()),
        Ok(answer) => {
            let status = answer?.status();
            if status.is_success() { Ok(()) } else { Err(AliveError::Refused(status)) }
        }
    }
}

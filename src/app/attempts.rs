//! What is set up at Telegram at the start is tried until it is done or the process stops.

use std::time::Duration;

use crate::{
    errors::{Classify, ErrorHandler},
    shutdown::Shutdown,
};

pub(super) type AttemptError = Box<dyn Classify + Send + Sync>;

/// How far an attempt has come.
pub(super) enum Progress {
    Done,
    /// It will be possible later.
    NotYet,
    /// Another replica is at it: it is looked at again after this time.
    AnothersTurn(Duration),
}

/// When attempts are made.
pub(super) struct Pauses {
    /// Before the first one.
    pub(super) begin: Duration,
    /// After the first one that came to nothing; each further pause is twice as long.
    pub(super) first: Duration,
    /// At the longest.
    pub(super) last: Duration,
}

/// Tries until it is done or the process stops.
pub(super) async fn until_done<F>(pauses: Pauses, errors: &ErrorHandler, shutdown: &Shutdown, attempt: impl Fn() -> F)
where
    F: Future<Output = Result<Progress, AttemptError>>,
{
    let attempts = async {
        tokio::time::sleep(pauses.begin).await;
        let mut pause = pauses.first;
        loop {
            match attempt().await {
                Ok(Progress::Done) => return,
                Ok(Progress::AnothersTurn(wait)) => {
                    tokio::time::sleep(wait).await;
                    continue;
                }
                Ok(Progress::NotYet) => {}
                Err(error) => {
                    errors.handle("registration", &*error);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(pauses.last);
        }
    };
    tokio::select! {
        () = attempts => {}
        () = shutdown.soft.cancelled() => {}
    }
}

pub(super) fn boxed(error: impl Classify + Send + Sync + 'static) -> AttemptError {
    Box::new(error)
}

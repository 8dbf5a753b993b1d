//! How many files the process may have open: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the system lets us; returns what is in force then, or none if there is no limit. The usual
/// soft limit, 1024, is a relic of `select`; whoever may raise it is meant to.
pub(super) fn raise() -> Option<u64> {
    let limits = getrlimit(Resource::Nofile);
    if limits.current == limits.maximum {
        return limits.current;
    }
    let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(error) => {
            tracing::warn!(%error, limit = limits.current, "the limit of open files cannot be raised");
            limits.current
        }
    }
}

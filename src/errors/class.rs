//! The three kinds of error that a caller can act on.

use std::time::Duration;

/// What can be done about an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It may pass by itself; try again, not before `retry_after` if that is known.
    Transient {
        /// How long the other side asked us to wait.
        retry_after: Option<Duration>,
    },
    /// Trying again changes nothing: the input or the set-up is wrong.
    Permanent,
    /// Our own fault.
    Bug,
}

impl Class {
    /// The label's value in `gryag_errors_total{class}`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::Permanent => "permanent",
            Self::Bug => "bug",
        }
    }
}

/// An error that knows its class.
pub trait Classify: std::error::Error {
    /// Its class.
    fn class(&self) -> Class;
}

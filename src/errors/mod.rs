//! How errors are judged and where they end.
//!
//! Every boundary has an error enum of its own, beside its code; each implements [`Classify`]. This module knows none
//! of them: the trait is low, the implementations are high.

mod class;
mod handler;

pub use class::{Class, Classify};
pub use handler::{ErrorHandler, ErrorRecord};

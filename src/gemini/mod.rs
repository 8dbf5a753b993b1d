//! The client of Google's Gemini API: a [`Prompt`](crate::domain::Prompt) goes in, an
//! [`Answer`](crate::domain::Answer) comes out, and every call on the way is recorded for the ledger.
//!
//! Wire types stay inside. No error, log or metric of this module holds the key, prompt text or the model's text; what
//! upstream says in words is read here and never passed on, for it may quote the prompt.

mod choice;
mod client;
mod error;
mod judge;
mod ledger;
mod names;
mod options;
mod refusal;
mod rest;
mod slots;
mod stack;
#[cfg(test)]
mod tests;
mod wire;

pub use choice::Choice;
pub use client::{DayQuota, Gemini, Outcome};
pub use error::GeminiError;
pub use ledger::CallRecord;
pub use options::{GeminiOptions, OptionsError};
pub use slots::{RateSlots, Slot, SlotsUnavailable};

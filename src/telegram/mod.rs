//! Telegram's Bot API: what it sends (updates) and what it is asked (methods).
//!
//! Wire types stay in here; the rest of the program sees [`Peek`], [`Incoming`] and [`Telegram`]'s methods. Incoming
//! JSON is read leniently (`json`), for Telegram adds kinds and values every month and a refused update blocks its chat.
//! Nothing here decides anything: when to send, to repeat or to give up is the callers' business.

mod author;
mod bodies;
mod client;
mod error;
mod incoming;
mod json;
mod kind;
mod media;
mod peek;
mod place;
mod spans;
mod webhook;

pub use client::{
    CommandScope, FileHandle, Me, OutgoingText, Sent, Telegram, TelegramOptions, WebhookInfo, WebhookSettings,
};
pub use error::TelegramError;
pub use incoming::{Callback, Incoming, IncomingMessage, Membership, ParseError, Reaction, parse};
pub use kind::Kind;
pub use peek::{Peek, peek};
pub use spans::{Command, Mention, SpanKind, TextSpan};
pub use webhook::{ALLOWED_UPDATES, MAX_CONNECTIONS, Registration, ensure_webhook};

#[cfg(test)]
mod tests;

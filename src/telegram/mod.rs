//! Telegram's Bot API: what it sends (updates) and what it is asked (methods).
//!
//! Wire types stay in here; the rest of the program sees [`Peek`], [`Incoming`] and [`Telegram`]'s methods. Incoming
//! JSON is read leniently (`json`), for Telegram adds kinds and values every month and a refused update blocks its chat.
//! Nothing here decides anything: when to send, to repeat or to give up is the callers' business.

mod author;
mod bodies;
mod chats;
mod client;
mod documents;
mod error;
mod files;
mod incoming;
mod json;
mod kind;
mod media;
mod messages;
mod peek;
mod place;
mod reactions;
mod server_time;
mod spans;
mod webhook;

pub use chats::{CommandScope, Standing};
pub use client::{Me, Telegram, TelegramOptions, WebhookInfo, WebhookSettings};
pub use error::TelegramError;
pub use files::FileHandle;
pub use incoming::{Callback, Incoming, IncomingMessage, Membership, ParseError, Reaction, parse};
pub use kind::Kind;
pub use messages::{EditedText, OutgoingText, Sent};
pub use peek::{Peek, peek};
pub use reactions::ALLOWED_REACTIONS;
pub use server_time::ClockOff;
pub use spans::{Command, Mention, SpanKind, TextSpan};
pub use webhook::{ALLOWED_UPDATES, MAX_CONNECTIONS, Registration, difference, ensure_webhook};

#[cfg(test)]
mod tests;

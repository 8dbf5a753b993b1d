//! The whole bot in a simulated world: real edge, inbox, worker, memory, outbox and store; Telegram and Gemini are the
//! strict stand-ins of the sandbox, reached without sockets, in paused time.

mod conversation;
mod duplicates;
mod harness;
mod memory;
mod order;
mod poll;
mod promises;
mod shutdown;
mod staleness;
mod webhook;

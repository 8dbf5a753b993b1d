//! Where requests come in: the HTTP server, the stack of layers, and the handlers behind it; also the poller, for who
//! has no public address.

mod connection;
mod health;
mod poll;
pub mod server;
pub mod stack;
mod webhook;

pub use health::{Health, live, metrics, ready};
pub use poll::Poller;
pub use server::{ServerLimits, bind, serve};
pub use stack::{EdgeRoutes, StackParts, WebhookLimits, stack};
pub use webhook::{Webhook, receive};

//! Where requests come in: the HTTP server, the stack of layers, and the handlers behind it, the dashboard's too; also
//! the poller, for who has no public address.

mod connection;
mod dashboard;
mod health;
mod poll;
pub mod server;
pub mod stack;
mod webhook;

pub use dashboard::{DEPLOY, DashboardParts, ShownLimits, dashboard};
pub use health::{Health, live, metrics, ready};
pub use poll::Poller;
pub use server::{ServerLimits, bind, serve};
pub use stack::{EdgeRoutes, StackParts, WebhookLimits, stack};
pub use webhook::{Webhook, receive};

//! A world to try the bot in: stand-ins for Telegram and Gemini, and a chat page in the browser.
//!
//! The same stand-ins serve the sandbox, the whole-bot tests (in process, in paused time, without sockets) and the
//! benches (over sockets). They know nothing of the bot: only what Telegram and Gemini accept, refuse and deliver
//! (`telegram_api.md`, `gemini_api.md`), so they import no client, no worker and no store.

mod connection;
mod fault;
pub mod gemini;
pub mod page;
mod recording;
mod say;
mod stage;
pub mod telegram;

pub use connection::{in_process, serve};
pub use recording::Recording;
pub use say::{SayError, say};
pub use stage::Stage;

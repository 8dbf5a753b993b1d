//! Where requests come in: the HTTP server, the stack of layers, and the handlers behind it.

mod connection;
pub mod server;
pub mod stack;

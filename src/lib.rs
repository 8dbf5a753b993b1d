//! Гряг: a witty, remembering companion for Telegram group chats.
//!
//! ARCHITECTURE.md has the map. The modules below stand in their order, lowest first; each imports only from lines
//! above its own, and `tests/architecture.rs` keeps it so.

pub mod domain;

pub mod clock;
pub mod random;

pub mod shutdown;
pub mod telemetry;

pub mod errors;

pub mod config;

pub mod layers;

pub mod storage;
pub mod transport;

pub mod analysis;
pub mod locale;
pub mod markup;
pub mod persona;

pub mod gemini;
pub mod telegram;

pub mod inbox;
pub mod memory;

pub mod commands;
pub mod decision;
pub mod prompt;

pub mod edge;
pub mod maintenance;
pub mod outbox;
pub mod worker;

pub mod sandbox;

pub mod app;

pub mod cli;

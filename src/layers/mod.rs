//! One tower layer a file, knowing nothing of Telegram or Gemini.

pub mod breaker;
pub mod retry;

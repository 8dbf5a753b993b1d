//! Injected chance: jitter, identifiers and the draws that `decision` is handed. Nothing secret is drawn from it; what
//! must not be guessed is [`secret_token`].

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Where chance comes from.
pub trait Random: Send + Sync + fmt::Debug {
    /// Uniform in `[0, 1)`.
    fn fraction(&self) -> f64;

    /// 64 uniform bits.
    fn bits(&self) -> u64;
}

/// Shared handle to a source of chance.
pub type SharedRandom = Arc<dyn Random>;

/// A seeded generator.
pub struct Seeded(Mutex<fastrand::Rng>);

impl Seeded {
    /// The same draws for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A seed from the operating system. `fastrand` by itself would take the time, and the identifiers of two processes
    /// that start together must differ.
    ///
    /// # Panics
    ///
    /// If the system gives no randomness.
    pub fn from_entropy() -> Self {
        Self::new(u64::from_ne_bytes(system_random()))
    }
}

impl fmt::Debug for Seeded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seeded")
    }
}

impl Random for Seeded {
    fn fraction(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    fn bits(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }
}

/// 256 bits of the operating system's own randomness, in hexadecimal: for what must not be guessed.
///
/// # Panics
///
/// If the system gives none, with which nothing secret could be made at all.
pub fn secret_token() -> String {
    hex::encode(system_random::<32>())
}

fn system_random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sources_draw_apart() {
        let (one, other) = (Seeded::from_entropy(), Seeded::from_entropy());
        assert_ne!((one.bits(), one.bits()), (other.bits(), other.bits()));
        assert_ne!(secret_token(), secret_token());
    }
}

//! Which model a question goes to first, and whether somebody waits for it.

/// How a question may be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    pub(super) is_cheaper: bool,
    pub(super) is_unasked: bool,
}

impl Choice {
    /// The first model, then the fallback.
    pub const USUAL: Self = Self { is_cheaper: false, is_unasked: false };
    /// The one of the two that costs less; the other only if that one cannot answer.
    pub const CHEAPER: Self = Self { is_cheaper: true, is_unasked: false };

    /// The same for what nobody asked for: it gives way. It asks one model only, waits for no rate slot, and is not made
    /// while any model's quota is spent.
    #[must_use]
    pub const fn unasked(self) -> Self {
        Self { is_unasked: true, ..self }
    }
}

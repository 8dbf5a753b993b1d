//! Whether the configured models will do for another month: asked of Google once a day, and looked up among the ends that
//! were announced.

use super::Maintenance;
use crate::{
    clock::kyiv_day,
    config::models::ends_on,
    domain::Day,
    errors::{Class, Classify},
    gemini::GeminiError,
    storage::StorageError,
};

/// The fact that tells why a configured model will soon not do; empty if it will. An alarm reads it.
pub(super) const MODEL_TROUBLE: &str = "model_trouble";
/// An end is told of so many days before.
const NOTICE_DAYS: i64 = 30;

/// Why the models were not looked at.
#[derive(Debug, thiserror::Error)]
enum ModelsError {
    #[error("whether the models are still served is not known: {0}")]
    Gemini(#[from] GeminiError),
    #[error(transparent)]
    Store(#[from] StorageError),
}

impl Classify for ModelsError {
    fn class(&self) -> Class {
        match self {
            Self::Gemini(error) => error.class(),
            Self::Store(error) => error.class(),
        }
    }
}

impl Maintenance {
    /// Looks at the models once; whether that could be done.
    pub(super) async fn look_at_models(&self) -> bool {
        let looked = self.note_model_trouble().await;
        if let Err(error) = &looked {
            self.parts.errors.handle("models", error);
        }
        looked.is_ok()
    }

    async fn note_model_trouble(&self) -> Result<(), ModelsError> {
        let parts = &self.parts;
        let served = parts.gemini.models().await?;
        let trouble = trouble(parts.gemini.names(), &served, kyiv_day(parts.clock.now()));
        if !trouble.is_empty() {
            tracing::warn!("a configured model will not do for long: {trouble}");
        }
        Ok(parts.store.set_fact(MODEL_TROUBLE, trouble).await?)
    }
}

fn trouble<'a>(models: impl Iterator<Item = &'a str>, served: &[String], today: Day) -> String {
    let of = |model: &str| {
        if !served.iter().any(|one| one == model) {
            return Some(format!("{model} is not among the models that this key may ask"));
        }
        let (date, end) = ends_on(model)?;
        (end.0 - today.0 <= NOTICE_DAYS).then(|| format!("{model} ends on {date}"))
    };
    models.filter_map(of).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_gone_or_ends_within_a_month_is_named() {
        let told = |models: &[&str], served: &[&str], today| {
            let served: Vec<String> = served.iter().map(|&model| model.to_owned()).collect();
            trouble(models.iter().copied(), &served, Day(today))
        };
        let (_, end) = ends_on("gemini-2.5-flash").unwrap();
        let old = ["gemini-2.5-flash"];
        assert_eq!(told(&old, &old, end.0 - 31), "");
        assert_eq!(told(&old, &old, end.0 - 30), "gemini-2.5-flash ends on 2026-12-01");
        assert_eq!(told(&old, &old, end.0 + 1), "gemini-2.5-flash ends on 2026-12-01");
        let both = ["gemini-3.8-flash", "gemini-3.5-flash-lite"];
        assert_eq!(told(&both, &both, end.0), "");
        let gone = told(&both, &["gemini-3.5-flash"], end.0);
        assert!(
            gone.starts_with("gemini-3.8-flash is not") && gone.contains("; gemini-3.5-flash-lite is not"),
            "{gone}"
        );
    }
}

//! What a check found, and how it is told.

use std::fmt;

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Good,
    Trouble,
    /// It was not looked at, or could not be.
    Unknown,
}

/// What one check found. Nothing in it is a secret.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Finding {
    check: &'static str,
    verdict: Verdict,
    words: String,
    /// What to do about it; empty where the words say it.
    remedy: String,
}

impl Finding {
    pub(in crate::cli) fn good(check: &'static str, words: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, words: words.into(), remedy: String::new() }
    }

    pub(in crate::cli) fn trouble(check: &'static str, words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Trouble, words: words.into(), remedy: remedy.into() }
    }

    pub(in crate::cli) fn unknown(check: &'static str, words: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Unknown, words: words.into(), remedy: String::new() }
    }

    pub(in crate::cli) fn is_trouble(&self) -> bool {
        self.verdict == Verdict::Trouble
    }

    pub(in crate::cli) fn as_json(&self) -> serde_json::Value {
        serde_json::json!({
            "check": self.check, "verdict": self.verdict.word(), "found": self.words, "remedy": self.remedy,
        })
    }
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Trouble => "trouble",
            Self::Unknown => "not checked",
        }
    }
}

/// One line.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<11}  {:<14}  {}", self.verdict.word(), self.check, self.words)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(formatter, "; {}", self.remedy) }
    }
}

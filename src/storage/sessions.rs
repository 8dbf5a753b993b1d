//! Who may look at the dashboard: login links that nobody has used yet, and the sessions that they opened. Of both only a
//! digest is kept, so who reads the store, or a backup of it, cannot enter with what it holds.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::StorageError;
use crate::domain::{Timestamp, UserId};

/// How long a login link may be used.
pub const LOGIN_VALID: Duration = Duration::from_secs(600);
/// How long a session lasts: another link is one message away.
pub const SESSION_VALID: Duration = Duration::from_secs(86_400);
/// Unused links, and sessions, that are kept; of more, the oldest end.
pub const PASSES_MAX: u32 = 20;

/// What is kept of a secret that somebody else holds: its SHA-256. The secrets are 256 random bits, so it needs no salt.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretDigest(pub [u8; 32]);

impl SecretDigest {
    /// Of this secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretDigest")
    }
}

/// A session that holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    /// To whom its link was sent; nobody if it was printed on the server.
    pub admin: Option<UserId>,
    /// When it ends.
    pub until: Timestamp,
}

/// Login links and sessions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a link for [`LOGIN_VALID`], for an admin or for whoever ran the command on the server.
    async fn keep_login(&self, link: SecretDigest, admin: Option<UserId>, now: Timestamp) -> Result<(), StorageError>;

    /// Spends a link for a session of [`SESSION_VALID`]; false if the link is not known, spent or too old. Asked again
    /// for the same session it says true again.
    async fn open_session(
        &self,
        link: SecretDigest,
        session: SecretDigest,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// The session, if it holds.
    async fn session(&self, session: SecretDigest, now: Timestamp) -> Result<Option<Session>, StorageError>;

    /// Ends a session.
    async fn end_session(&self, session: SecretDigest) -> Result<(), StorageError>;
}

//! The way into the dashboard: a link that works once.

use super::super::{Commands, Reply, Said};
use crate::{
    domain::{Timestamp, UserId},
    locale::{self, say},
    random,
    storage::{LOGIN_VALID, SecretDigest, SessionStore, StorageError},
};

/// Where a login link leads.
pub const LOGIN_PATH: &str = "/dashboard/login";

/// Makes a link that opens the dashboard once, for an admin or for whoever is on the server.
///
/// # Errors
///
/// As the store.
pub async fn login_link(
    store: &(impl SessionStore + ?Sized),
    public_url: &str,
    admin: Option<UserId>,
    now: Timestamp,
) -> Result<String, StorageError> {
    let token = random::secret_token();
    store.keep_login(SecretDigest::of(&token), admin, now).await?;
    Ok(format!("{public_url}{LOGIN_PATH}?token={token}"))
}

impl Commands {
    /// A turn that is run again makes another link; the first one ends unused.
    pub(super) async fn dashboard(&self, said: &Said<'_>) -> Result<Reply, StorageError> {
        let language = self.options.language;
        let Some(public_url) = &self.options.public_url else {
            return Ok(self.report(said, &say!(language, "dashboard-no-address")));
        };
        let admin = said.incoming.message.author.id;
        let link = login_link(&*self.parts.store, public_url, Some(admin), self.now()).await?;
        let valid = locale::duration(language, LOGIN_VALID);
        Ok(self.report(said, &say!(language, "dashboard-link", valid = &valid, link = &link)))
    }
}

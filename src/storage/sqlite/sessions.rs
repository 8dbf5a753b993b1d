//! The dashboard's login links and sessions.

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, params};

use super::{
    SqliteStore, execute, query_one,
    writer::{Priority, Rings},
};
use crate::{
    domain::{Timestamp, UserId},
    storage::{LOGIN_VALID, PASSES_MAX, SESSION_VALID, SecretDigest, Session, SessionStore, StorageError},
};

#[async_trait]
impl SessionStore for SqliteStore {
    async fn keep_login(&self, link: SecretDigest, admin: Option<UserId>, now: Timestamp) -> Result<(), StorageError> {
        self.write("keeping a login link", Priority::Other, Rings::default(), move |tx| {
            keep(tx, "login", link, admin, now + LOGIN_VALID, now)
        })
        .await
    }

    async fn open_session(
        &self,
        link: SecretDigest,
        session: SecretDigest,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        self.write("opening a session", Priority::Other, Rings::default(), move |tx| {
            let doing = "opening a session";
            if find(tx, doing, session, now)?.is_some() {
                return Ok(true);
            }
            let spent = query_one(
                tx,
                doing,
                "DELETE FROM dashboard_passes WHERE digest = ?1 AND kind = 'login' AND until > ?2 RETURNING admin_id",
                params![link.0, now.0],
                |row| row.get::<_, Option<i64>>(0),
            )?;
            let Some(admin) = spent else { return Ok(false) };
            keep(tx, "session", session, admin.map(UserId), now + SESSION_VALID, now)?;
            Ok(true)
        })
        .await
    }

    async fn session(&self, session: SecretDigest, now: Timestamp) -> Result<Option<Session>, StorageError> {
        self.read("reading a session", move |connection| find(connection, "reading a session", session, now)).await
    }

    async fn end_session(&self, session: SecretDigest) -> Result<(), StorageError> {
        self.write("ending a session", Priority::Other, Rings::default(), move |tx| {
            let sql = "DELETE FROM dashboard_passes WHERE digest = ?1 AND kind = 'session'";
            execute(tx, "ending a session", sql, params![session.0]).map(drop)
        })
        .await
    }
}

fn find(
    connection: &Connection,
    doing: &'static str,
    session: SecretDigest,
    now: Timestamp,
) -> Result<Option<Session>, StorageError> {
    query_one(
        connection,
        doing,
        "SELECT admin_id, until FROM dashboard_passes WHERE digest = ?1 AND kind = 'session' AND until > ?2",
        params![session.0, now.0],
        |row| Ok(Session { admin: row.get::<_, Option<i64>>(0)?.map(UserId), until: Timestamp(row.get(1)?) }),
    )
}

fn keep(
    tx: &Connection,
    kind: &str,
    digest: SecretDigest,
    admin: Option<UserId>,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StorageError> {
    let doing = "keeping a pass to the dashboard";
    execute(tx, doing, "DELETE FROM dashboard_passes WHERE until <= ?1", params![now.0])?;
    execute(
        tx,
        doing,
        "INSERT INTO dashboard_passes (digest, kind, admin_id, until) VALUES (?1, ?2, ?3, ?4)",
        params![digest.0, kind, admin.map(|admin| admin.0), until.0],
    )?;
    execute(
        tx,
        doing,
        "DELETE FROM dashboard_passes WHERE kind = ?1 AND digest IN (SELECT digest FROM dashboard_passes \
         WHERE kind = ?1 ORDER BY until DESC, digest = ?2 DESC LIMIT -1 OFFSET ?3)",
        params![kind, digest.0, PASSES_MAX],
    )
    .map(drop)
}

//! A piece of work that waits for its commit.

use deadpool_sqlite::rusqlite::Connection;
use tokio::sync::oneshot;

use crate::storage::StorageError;

/// Admissions go first: Telegram waits for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::storage::sqlite) enum Priority {
    Admission,
    Other,
}

/// Which bells a successful piece of work rings.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::storage::sqlite) struct Rings {
    pub(in crate::storage::sqlite) inbox: bool,
    pub(in crate::storage::sqlite) outbox: bool,
}

impl Rings {
    pub(in crate::storage::sqlite) const INBOX: Self = Self { inbox: true, outbox: false };
    pub(in crate::storage::sqlite) const OUTBOX: Self = Self { inbox: false, outbox: true };
    pub(in crate::storage::sqlite) const BOTH: Self = Self { inbox: true, outbox: true };
}

/// A piece of work of any type.
pub(super) trait Job: Send {
    fn run(&mut self, connection: &Connection) -> Result<(), StorageError>;
    fn rings(&self) -> Rings;
    fn is_abandoned(&self) -> bool;
    fn end(self: Box<Self>, committed: Result<(), StorageError>);
}

/// Work, its result, and who waits for it.
pub(super) struct Piece<F, T> {
    pub(super) work: Option<F>,
    pub(super) result: Option<T>,
    pub(super) rings: Rings,
    pub(super) reply: oneshot::Sender<Result<T, StorageError>>,
}

impl<T, F> Job for Piece<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StorageError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StorageError> {
        let work = self.work.take().expect("a piece of work runs once");
        self.result = Some(work(connection)?);
        Ok(())
    }

    fn rings(&self) -> Rings {
        self.rings
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn end(self: Box<Self>, committed: Result<(), StorageError>) {
        let Self { result, reply, .. } = *self;
        // The caller may have given up waiting; the effect stands all the same.
        let _ = reply.send(committed.map(|()| result.expect("committed work has a result")));
    }
}

//! A piece of work that waits for its commit.

use deadpool_sqlite::rusqlite::Connection;
use tokio::sync::oneshot;

use crate::storage::StorageError;

/// When a piece of work runs in its batch, and what it asks of the commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::storage::sqlite) enum Priority {
    /// First: Telegram waits for it.
    Admission,
    Other,
    /// With the others, and of no worth after a power cut: a commit of nothing else is not synced.
    Fleeting,
    /// Last, for it takes up what others have left (it answers these bells): it finds also what the rest of its own
    /// batch leaves, and spares that a second commit.
    Taking(Rings),
}

impl Priority {
    /// The bells that a piece of work answers.
    pub(super) fn answers(self) -> Rings {
        if let Self::Taking(bells) = self { bells } else { Rings::default() }
    }
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

    pub(super) fn any(self) -> bool {
        self.inbox || self.outbox
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { inbox: self.inbox || other.inbox, outbox: self.outbox || other.outbox }
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self { inbox: self.inbox && !other.inbox, outbox: self.outbox && !other.outbox }
    }
}

/// A piece of work of any type.
pub(super) trait Job: Send {
    fn run(&mut self, connection: &Connection) -> Result<(), StorageError>;
    /// Whether it may be run again after what it did was rolled back.
    fn is_repeatable(&self) -> bool;
    fn rings(&self) -> Rings;
    fn priority(&self) -> Priority;
    fn is_abandoned(&self) -> bool;
    fn end(self: Box<Self>, committed: Result<(), StorageError>);
}

/// How often a piece of work can run.
pub(in crate::storage::sqlite) trait Work<T>: Send {
    const REPEATABLE: bool;

    fn run(&mut self, connection: &Connection) -> Result<T, StorageError>;
}

/// Any number of times: what an earlier run did was rolled back.
pub(in crate::storage::sqlite) struct Repeatable<F>(pub(in crate::storage::sqlite) F);

/// Once.
pub(in crate::storage::sqlite) struct Once<F>(Option<F>);

impl<F> Once<F> {
    pub(in crate::storage::sqlite) fn new(work: F) -> Self {
        Self(Some(work))
    }
}

impl<T, F: Fn(&Connection) -> Result<T, StorageError> + Send> Work<T> for Repeatable<F> {
    const REPEATABLE: bool = true;

    fn run(&mut self, connection: &Connection) -> Result<T, StorageError> {
        (self.0)(connection)
    }
}

impl<T, F: FnOnce(&Connection) -> Result<T, StorageError> + Send> Work<T> for Once<F> {
    const REPEATABLE: bool = false;

    fn run(&mut self, connection: &Connection) -> Result<T, StorageError> {
        self.0.take().expect("a piece of work runs once")(connection)
    }
}

/// Work, its result, and who waits for it.
pub(super) struct Piece<W, T> {
    pub(super) work: W,
    pub(super) result: Option<T>,
    pub(super) rings: Rings,
    pub(super) priority: Priority,
    pub(super) reply: oneshot::Sender<Result<T, StorageError>>,
}

impl<T: Send, W: Work<T>> Job for Piece<W, T> {
    fn run(&mut self, connection: &Connection) -> Result<(), StorageError> {
        self.result = Some(self.work.run(connection)?);
        Ok(())
    }

    fn is_repeatable(&self) -> bool {
        W::REPEATABLE
    }

    fn rings(&self) -> Rings {
        self.rings
    }

    fn priority(&self) -> Priority {
        self.priority
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

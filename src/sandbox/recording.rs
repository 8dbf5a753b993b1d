//! How much of what happened a stand-in keeps.

use std::collections::VecDeque;

/// How much of what happened a stand-in keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recording {
    /// All of it: for tests.
    Everything,
    /// The last so many entries: for a sandbox that runs for days.
    Last(usize),
    /// Nothing: for benches.
    Off,
}

/// What happened, oldest first, bounded as [`Recording`] says.
#[derive(Debug)]
pub(super) struct Journal<T> {
    entries: VecDeque<T>,
    recording: Recording,
}

impl<T> Journal<T> {
    pub(super) fn new(recording: Recording) -> Self {
        Self { entries: VecDeque::new(), recording }
    }

    /// Whether anything is kept, so that callers need not build what is thrown away.
    pub(super) fn is_on(&self) -> bool {
        self.recording != Recording::Off
    }

    pub(super) fn push(&mut self, entry: T) {
        match self.recording {
            Recording::Off => return,
            Recording::Last(0) => return,
            Recording::Last(kept) if self.entries.len() >= kept => drop(self.entries.pop_front()),
            Recording::Last(_) | Recording::Everything => {}
        }
        self.entries.push_back(entry);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

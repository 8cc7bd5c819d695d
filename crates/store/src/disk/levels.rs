//! Which memtables there are: one that is written to, and those that wait to become table files.
//!
//! Owns the moment: a [`View`] is memtables, a sequence number and table files of one instant.
//!
//! Limits: at most [`SEALED_MAX`] memtables wait; a writer waits for one of them to be flushed.

use super::memtable::Memtable;
use crate::error::DiskError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

/// The most memtables that wait to be flushed.
const SEALED_MAX: usize = 3;

/// A memtable that takes no more writes.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) memtable: Arc<Memtable>,
    /// The newest segment of the commit log with a change of it.
    pub(crate) segment: u64,
}

#[derive(Debug, Clone, Default)]
struct Memtables {
    active: Arc<Memtable>,
    /// Oldest first.
    sealed: Vec<Sealed>,
}

/// Where flushing stands.
#[derive(Debug, Default)]
struct Flushing {
    /// Memtables sealed and not flushed.
    waiting: usize,
    failed: Option<String>,
    ends: bool,
}

/// The memtables of a database.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    memtables: RwLock<Arc<Memtables>>,
    /// Of the last batch that is visible.
    sequence: AtomicU64,
    flushing: Mutex<Flushing>,
    changed: Condvar,
}

/// Memtables and their moment.
#[derive(Debug, Clone)]
pub(crate) struct View {
    memtables: Arc<Memtables>,
    /// Versions after it are not seen.
    pub(crate) sequence: u64,
}

impl View {
    /// The memtables, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        let sealed = self.memtables.sealed.iter().rev().map(|sealed| &sealed.memtable);
        std::iter::once(&self.memtables.active).chain(sealed)
    }
}

impl Levels {
    fn flushing(&self) -> std::sync::MutexGuard<'_, Flushing> {
        self.flushing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A view of this moment, and what `files` gives for the same moment: no memtable goes between.
    pub(crate) fn view<T>(&self, files: impl FnOnce() -> T) -> (View, T) {
        let memtables = self.memtables.read().unwrap_or_else(PoisonError::into_inner);
        let sequence = self.sequence.load(Ordering::Acquire);
        let view = View { memtables: Arc::clone(&memtables), sequence };
        (view, files())
    }

    /// The memtable that is written to. Only the one writer asks.
    pub(crate) fn active(&self) -> Arc<Memtable> {
        Arc::clone(&self.memtables.read().unwrap_or_else(PoisonError::into_inner).active)
    }

    /// The sequence number for the next batch. Only the one writer asks.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire) + 1
    }

    /// Shows a batch whose changes are all in the memtable.
    pub(crate) fn publish(&self, sequence: u64) {
        self.sequence.store(sequence, Ordering::Release);
    }

    /// Puts an empty memtable in front. Waits while too many wait already.
    pub(crate) fn seal(&self, segment: u64) -> Result<(), DiskError> {
        let mut flushing = self.flushing();
        while flushing.waiting >= SEALED_MAX && flushing.failed.is_none() {
            flushing = self.changed.wait(flushing).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(reason) = &flushing.failed {
            return Err(DiskError::Closed { reason: reason.clone() });
        }
        drop(flushing);
        {
            let mut memtables = self.memtables.write().unwrap_or_else(PoisonError::into_inner);
            let mut next = Memtables { active: Arc::default(), sealed: memtables.sealed.clone() };
            next.sealed.push(Sealed { memtable: Arc::clone(&memtables.active), segment });
            *memtables = Arc::new(next);
        }
        self.flushing().waiting += 1;
        self.changed.notify_all();
        Ok(())
    }

    /// Waits until every sealed memtable is in table files.
    pub(crate) fn wait_for_flushes(&self) -> Result<(), DiskError> {
        let mut flushing = self.flushing();
        while flushing.waiting > 0 && flushing.failed.is_none() {
            flushing = self.changed.wait(flushing).unwrap_or_else(PoisonError::into_inner);
        }
        match &flushing.failed {
            Some(reason) => Err(DiskError::Closed { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// The oldest memtable to flush; waits for one. `None` when the database closes.
    pub(crate) fn to_flush(&self) -> Option<Sealed> {
        let mut flushing = self.flushing();
        while flushing.waiting == 0 && !flushing.ends {
            flushing = self.changed.wait(flushing).unwrap_or_else(PoisonError::into_inner);
        }
        if flushing.ends {
            return None;
        }
        let memtables = self.memtables.read().unwrap_or_else(PoisonError::into_inner);
        memtables.sealed.first().cloned()
    }

    /// Takes the oldest memtable away: readers find its rows in table files from now on.
    pub(crate) fn flushed(&self) {
        let gone = {
            let mut memtables = self.memtables.write().unwrap_or_else(PoisonError::into_inner);
            let mut next = Memtables::clone(&memtables);
            next.sealed.remove(0);
            std::mem::replace(&mut *memtables, Arc::new(next))
        };
        // Freed here, where nobody waits for it.
        drop(gone);
        self.flushing().waiting -= 1;
        self.changed.notify_all();
    }

    /// Says that flushing failed: what waits stays in memory and in the commit log, and nothing more is
    /// taken once it is full.
    pub(crate) fn failed(&self, reason: String) {
        self.flushing().failed = Some(reason);
        self.changed.notify_all();
    }

    /// Ends flushing. What is not flushed is in the commit log.
    pub(crate) fn close(&self) {
        self.flushing().ends = true;
        self.changed.notify_all();
    }
}

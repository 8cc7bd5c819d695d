//! Keys and values of one table, in order: memtables over table files.
//!
//! The newest memtable that knows a key decides; a removed key hides the file's. One walk goes in one
//! direction: its two ends do not know of each other.

use super::memtable::Memtable;
use crate::error::DiskError;
use bytes::Bytes;
use std::ops::Bound;
use std::sync::Arc;
use uuid::Uuid;

/// A key and its value.
pub(crate) type Entry = Result<(Bytes, Bytes), DiskError>;

fn owned(guard: fjall::Guard) -> Entry {
    let (key, value) = guard.into_inner().map_err(DiskError::read)?;
    Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
}

/// Where a walk reads.
enum Source {
    Memory(Arc<Memtable>),
    Files(Box<fjall::Iter>),
}

/// A source with the entry it shows next.
struct Cursor {
    source: Source,
    head: Option<(Bytes, Option<Bytes>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// A walk over a range of keys.
pub(crate) struct Entries {
    table: Uuid,
    start: Bytes,
    end: Bytes,
    at: u64,
    /// Newest first; files last.
    cursors: Vec<Cursor>,
    /// Set by the first step.
    direction: Option<Direction>,
    failed: bool,
}

impl Entries {
    /// A walk from `start` up to, not including, `end`; `memtables` newest first, as of `at`.
    pub(crate) fn new(
        table: Uuid,
        (start, end): (&[u8], &[u8]),
        at: u64,
        memtables: impl Iterator<Item = Arc<Memtable>>,
        files: impl FnOnce() -> fjall::Iter,
    ) -> Self {
        let mut cursors = Vec::new();
        if start < end {
            cursors.extend(memtables.map(|m| Cursor { source: Source::Memory(m), head: None }));
            cursors.push(Cursor { source: Source::Files(Box::new(files())), head: None });
        }
        let (start, end) = (Bytes::copy_from_slice(start), Bytes::copy_from_slice(end));
        Self { table, start, end, at, cursors, direction: None, failed: false }
    }

    /// Moves one source to its next entry after the one it shows.
    fn advance(&mut self, at: usize, direction: Direction) -> Result<(), DiskError> {
        let (table, sequence) = (self.table, self.at);
        let cursor = &mut self.cursors[at];
        let shown = cursor.head.take().map(|(key, _)| key);
        cursor.head = match (&mut cursor.source, direction) {
            (Source::Memory(memtable), Direction::Forward) => {
                let from = match &shown {
                    Some(key) => Bound::Excluded(&key[..]),
                    None => Bound::Included(&self.start[..]),
                };
                memtable.next(table, from, &self.end, sequence)
            }
            (Source::Memory(memtable), Direction::Backward) => {
                let before = shown.as_ref().unwrap_or(&self.end);
                memtable.previous(table, before, &self.start, sequence)
            }
            (Source::Files(iter), Direction::Forward) => {
                iter.next().map(owned).transpose()?.map(|(key, value)| (key, Some(value)))
            }
            (Source::Files(iter), Direction::Backward) => {
                iter.next_back().map(owned).transpose()?.map(|(key, value)| (key, Some(value)))
            }
        };
        Ok(())
    }

    fn step(&mut self, direction: Direction) -> Result<Option<(Bytes, Bytes)>, DiskError> {
        if self.direction.is_none() {
            self.direction = Some(direction);
            for at in 0..self.cursors.len() {
                self.advance(at, direction)?;
            }
        }
        debug_assert!(self.direction == Some(direction), "a walk goes in one direction");
        loop {
            let heads = self.cursors.iter().filter_map(|cursor| cursor.head.as_ref());
            let keys = heads.map(|(key, _)| key);
            let next = if direction == Direction::Forward { keys.min() } else { keys.max() };
            let Some(next) = next.cloned() else { return Ok(None) };
            // The first source that shows the key is the newest that knows it.
            let mut value = None;
            for at in 0..self.cursors.len() {
                let head = self.cursors[at].head.as_ref();
                let Some((_, found)) = head.filter(|(key, _)| *key == next) else { continue };
                if value.is_none() {
                    value = Some(found.clone());
                }
                self.advance(at, direction)?;
            }
            if let Some(Some(value)) = value {
                return Ok(Some((next, value)));
            }
        }
    }

    fn take(&mut self, direction: Direction) -> Option<Entry> {
        if self.failed {
            return None;
        }
        let step = self.step(direction);
        self.failed = step.is_err();
        step.transpose()
    }
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.take(Direction::Forward)
    }
}

impl DoubleEndedIterator for Entries {
    fn next_back(&mut self) -> Option<Entry> {
        self.take(Direction::Backward)
    }
}

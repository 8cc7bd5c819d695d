//! Rows in memory that are in the commit log but in no table file yet: one memtable over all tables.
//!
//! Owns versions: a commit adds new values beside the old ones, so that a reader who holds a sequence
//! number sees one moment however long it reads. Only the newest value of a key reaches a table file.
//!
//! Never does: touch a file, or merge rows; values are whole.

use bytes::Bytes;
use crossbeam_skiplist::SkipMap;
use std::borrow::Borrow;
use std::cmp::Ordering as Order;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// What a key costs beside its bytes: the list's node, two handles and their counts.
const SLOT_BYTES: usize = 160;

/// A new value of a key, or none when it is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The table.
    pub(crate) table: Uuid,
    /// The key.
    pub(crate) key: Bytes,
    /// The value.
    pub(crate) value: Option<Bytes>,
}

/// A key and its value; `None` when it was removed.
pub(crate) type Found = (Bytes, Option<Bytes>);

/// A place in the memtable, in order: by table, by key, newest version first.
trait Place {
    fn parts(&self) -> (Uuid, &[u8], std::cmp::Reverse<u64>);
}

#[derive(Debug)]
struct Slot {
    table: Uuid,
    key: Bytes,
    sequence: u64,
}

/// A place that is looked for.
#[derive(Clone, Copy)]
struct Probe<'a> {
    table: Uuid,
    key: &'a [u8],
    sequence: u64,
}

impl Place for Slot {
    fn parts(&self) -> (Uuid, &[u8], std::cmp::Reverse<u64>) {
        (self.table, &self.key, std::cmp::Reverse(self.sequence))
    }
}

impl Place for Probe<'_> {
    fn parts(&self) -> (Uuid, &[u8], std::cmp::Reverse<u64>) {
        (self.table, self.key, std::cmp::Reverse(self.sequence))
    }
}

impl PartialEq for dyn Place + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn Place + '_ {}

impl PartialOrd for dyn Place + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Place + '_ {
    fn cmp(&self, other: &Self) -> Order {
        self.parts().cmp(&other.parts())
    }
}

impl<'a> Borrow<dyn Place + 'a> for Slot {
    fn borrow(&self) -> &(dyn Place + 'a) {
        self
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Slot {}

impl PartialOrd for Slot {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl Ord for Slot {
    fn cmp(&self, other: &Self) -> Order {
        self.parts().cmp(&other.parts())
    }
}

/// The memtable. One thread writes, any number read.
#[derive(Default)]
pub(crate) struct Memtable {
    slots: SkipMap<Slot, Option<Bytes>>,
    bytes: AtomicUsize,
}

impl std::fmt::Debug for Memtable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memtable").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Memtable {
    /// Adds a version. Sequence numbers of one key rise.
    pub(crate) fn insert(&self, change: Change, sequence: u64) {
        let Change { table, key, value } = change;
        let bytes = SLOT_BYTES + key.len() + value.as_ref().map_or(0, Bytes::len);
        self.slots.insert(Slot { table, key, sequence }, value);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Roughly the memory it takes, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A key's value at a sequence number; `None` when this memtable knows nothing of it.
    pub(crate) fn get(&self, table: Uuid, key: &[u8], at: u64) -> Option<Option<Bytes>> {
        let probe = Probe { table, key, sequence: at };
        let entry = self.slots.lower_bound::<dyn Place>(Bound::Included(&probe))?;
        let slot = entry.key();
        (slot.table == table && slot.key == key).then(|| entry.value().clone())
    }

    /// The first key from `from` on and before `end` that is known at a sequence number.
    pub(crate) fn next(
        &self,
        table: Uuid,
        from: Bound<&[u8]>,
        end: &[u8],
        at: u64,
    ) -> Option<Found> {
        let place = |key, sequence| Probe { table, key, sequence };
        let mut entry = match from {
            Bound::Included(key) => {
                self.slots.lower_bound::<dyn Place>(Bound::Included(&place(key, u64::MAX)))
            }
            // Version 0 is no version: the last place of a key.
            Bound::Excluded(key) => {
                self.slots.lower_bound::<dyn Place>(Bound::Excluded(&place(key, 0)))
            }
            Bound::Unbounded => {
                self.slots.lower_bound::<dyn Place>(Bound::Included(&place(&[], u64::MAX)))
            }
        }?;
        loop {
            let slot = entry.key();
            if slot.table != table || &slot.key[..] >= end {
                return None;
            }
            if slot.sequence <= at {
                return Some((slot.key.clone(), entry.value().clone()));
            }
            entry = entry.next()?;
        }
    }

    /// The last key before `before` and from `start` on that is known at a sequence number.
    pub(crate) fn previous(
        &self,
        table: Uuid,
        before: &[u8],
        start: &[u8],
        at: u64,
    ) -> Option<Found> {
        let mut before = Bytes::copy_from_slice(before);
        loop {
            let probe = Probe { table, key: &before, sequence: u64::MAX };
            let entry = self.slots.upper_bound::<dyn Place>(Bound::Excluded(&probe))?;
            let slot = entry.key();
            if slot.table != table || &slot.key[..] < start {
                return None;
            }
            let key = slot.key.clone();
            if let Some(value) = self.get(table, &key, at) {
                return Some((key, value));
            }
            before = key;
        }
    }

    /// The newest value of every key, in order.
    pub(crate) fn newest(&self) -> impl Iterator<Item = Change> + '_ {
        let mut last: Option<(Uuid, Bytes)> = None;
        self.slots.iter().filter_map(move |entry| {
            let slot = entry.key();
            if last.as_ref().is_some_and(|(t, key)| *t == slot.table && *key == slot.key) {
                return None;
            }
            last = Some((slot.table, slot.key.clone()));
            Some(Change { table: slot.table, key: slot.key.clone(), value: entry.value().clone() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Uuid = Uuid::from_u128(7);

    fn memtable(changes: &[(u128, &'static str, Option<&'static str>, u64)]) -> Memtable {
        let memtable = Memtable::default();
        for (table, key, value, sequence) in changes {
            let (table, key) = (Uuid::from_u128(*table), Bytes::from_static(key.as_bytes()));
            let value = value.map(|value| Bytes::from_static(value.as_bytes()));
            memtable.insert(Change { table, key, value }, *sequence);
        }
        memtable
    }

    fn walk(memtable: &Memtable, end: &str, at: u64) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        loop {
            let from = found.last().map_or(Bound::Unbounded, |(key, _)| Bound::Excluded(&key[..]));
            match memtable.next(TABLE, from, end.as_bytes(), at) {
                Some(next) => found.push(next),
                None => return found,
            }
        }
    }

    fn walk_back(memtable: &Memtable, start: &str, at: u64) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        loop {
            let before = found.last().map_or(&b"zz"[..], |(key, _)| &key[..]);
            match memtable.previous(TABLE, before, start.as_bytes(), at) {
                Some(next) => found.push(next),
                None => return found,
            }
        }
    }

    fn pair(key: &'static str, value: Option<&'static str>) -> Found {
        (Bytes::from_static(key.as_bytes()), value.map(|v| Bytes::from_static(v.as_bytes())))
    }

    #[test]
    fn a_reader_sees_the_versions_of_its_moment() {
        let rows = [(7, "a", Some("1"), 1), (7, "a", Some("2"), 3), (7, "b", Some("x"), 2)];
        let memtable = memtable(&rows);
        assert_eq!(memtable.get(TABLE, b"a", 0), None);
        assert_eq!(memtable.get(TABLE, b"a", 2), Some(pair("a", Some("1")).1));
        assert_eq!(memtable.get(TABLE, b"a", 9), Some(pair("a", Some("2")).1));
        assert_eq!(memtable.get(Uuid::from_u128(8), b"a", 9), None);
    }

    #[test]
    fn walks_in_both_directions_stay_in_their_table_and_range() {
        let memtable = memtable(&[
            (6, "a", Some("other"), 1),
            (7, "a", Some("1"), 1),
            (7, "a", None, 4),
            (7, "b", Some("2"), 2),
            (7, "c", Some("later"), 5),
            (7, "d", Some("3"), 3),
            (8, "a", Some("other"), 1),
        ]);
        let all = [pair("a", None), pair("b", Some("2")), pair("d", Some("3"))];
        assert_eq!(walk(&memtable, "zz", 4), all);
        assert_eq!(walk(&memtable, "d", 4), all[..2]);
        let mut back = all.to_vec();
        back.reverse();
        assert_eq!(walk_back(&memtable, "", 4), back);
        assert_eq!(walk_back(&memtable, "b", 4), back[..2]);
    }

    #[test]
    fn a_flush_takes_the_newest_version_of_each_key() {
        let memtable =
            memtable(&[(7, "a", Some("1"), 1), (7, "a", None, 2), (8, "a", Some("x"), 1)]);
        let newest: Vec<_> = memtable.newest().map(|change| (change.table, change.value)).collect();
        assert_eq!(newest, [(TABLE, None), (Uuid::from_u128(8), pair("a", Some("x")).1)]);
    }
}

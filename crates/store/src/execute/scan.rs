//! Rows of one table in storage order, a page at a time.
//!
//! Owns the walk: partitions one after the other, their deletions and static columns applied to each
//! row. Holds one partition's header and one row at a time, so memory does not grow with the table.
//!
//! Never does: project, aggregate, or decide how many rows are wanted.

use super::failure::{Failure, Outcome};
use super::restrict::{Bound, Partitions, RowRange};
use super::source::SourceRow;
use crate::disk::engine::{Snapshot, TableStorage};
use crate::error::DiskError;
use crate::table::cell::{Deletion, Seconds};
use crate::table::deletions::{KeyRange, RangeDeletions};
use crate::table::key::{self, PARTITION_DELETION, RANGE_DELETIONS, ROW, STATIC};
use crate::table::row::Row;
use crate::table::schema::Table;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Where the keys and values are.
#[derive(Clone)]
pub(crate) enum Records {
    /// On disk.
    Disk(Snapshot, Arc<TableStorage>),
    /// Computed: a system table.
    Computed(Arc<BTreeMap<Vec<u8>, Bytes>>),
}

type Entry = Result<(Bytes, Bytes), DiskError>;
type Entries = Box<dyn DoubleEndedIterator<Item = Entry> + Send>;

impl Records {
    fn range(&self, start: &[u8], end: &[u8]) -> Entries {
        match self {
            Self::Disk(snapshot, table) => Box::new(snapshot.range(table, start, end)),
            Self::Computed(map) if start < end => {
                let entries: Vec<Entry> = map
                    .range(start.to_vec()..end.to_vec())
                    .map(|(k, v)| Ok((Bytes::copy_from_slice(k), v.clone())))
                    .collect();
                Box::new(entries.into_iter())
            }
            Self::Computed(_) => Box::new(std::iter::empty()),
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        match self {
            Self::Disk(snapshot, table) => snapshot.get(table, key),
            Self::Computed(map) => Ok(map.get(key).cloned()),
        }
    }

    fn has_deletions(&self) -> bool {
        match self {
            Self::Disk(_, table) => table.has_deletions.load(Ordering::SeqCst),
            Self::Computed(_) => false,
        }
    }
}

/// What comes before the rows of a partition.
#[derive(Debug, Default, Clone)]
struct Header {
    prefix: Bytes,
    deletion: Option<Deletion>,
    ranges: RangeDeletions,
    statics: Option<Arc<Row>>,
    /// Whether a row of the partition was given out.
    shown: bool,
}

/// The walk.
pub(crate) struct Scan {
    table: Arc<Table>,
    records: Records,
    now: Seconds,
    reversed: bool,
    /// Show a partition that has only static columns.
    shows_statics: bool,
    /// The last key that was given out, when resuming.
    after: Option<Bytes>,
    rows: Vec<RowRange>,
    partitions: VecDeque<Vec<u8>>,
    walk: Option<Entries>,
    ranges: VecDeque<RowRange>,
    header: Option<Header>,
    ready: VecDeque<SourceRow>,
    by_partition: bool,
    /// Where a walk over all partitions ends.
    end: Vec<u8>,
}

fn damaged(key: &[u8]) -> Failure {
    DiskError::damaged(key).into()
}

impl Scan {
    /// A walk over what `bound` names, after the key `after`.
    pub(crate) fn new(
        table: Arc<Table>,
        records: Records,
        bound: &Bound,
        now: Seconds,
        reversed: bool,
        after: Option<Bytes>,
    ) -> Self {
        let mut scan = Self {
            table,
            records,
            now,
            reversed,
            shows_statics: !bound.restricts_clustering,
            after,
            rows: bound.rows.clone(),
            partitions: VecDeque::new(),
            walk: None,
            ranges: VecDeque::new(),
            header: None,
            ready: VecDeque::new(),
            by_partition: false,
            end: Vec::new(),
        };
        match &bound.partitions {
            Partitions::Keys(keys) => {
                scan.by_partition = true;
                scan.partitions = keys.iter().cloned().collect();
                if let Some(prefix) = scan.after.as_ref().and_then(|a| prefix_of(a)) {
                    while scan.partitions.front().is_some_and(|p| p.as_slice() < &prefix[..]) {
                        scan.partitions.pop_front();
                    }
                }
            }
            Partitions::Tokens(range) => scan.start_walk(range),
        }
        scan
    }

    fn start_walk(&mut self, range: &KeyRange) {
        let mut start = range.start.clone();
        if let Some(after) = &self.after {
            let mut past = after.to_vec();
            past.push(0);
            start = start.max(past);
        }
        self.end = range.end.clone();
        self.walk = Some(self.records.range(&start, &range.end));
    }

    /// The next row, live at the time of the walk.
    pub(crate) fn next(&mut self) -> Outcome<Option<SourceRow>> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            let more = if self.by_partition { self.step_partition()? } else { self.step_walk()? };
            if !more && self.ready.is_empty() {
                return Ok(None);
            }
        }
    }

    /// One entry of a walk over all partitions.
    fn step_walk(&mut self) -> Outcome<bool> {
        let Some(entry) = self.walk.as_mut().and_then(Iterator::next) else {
            self.finish_partition();
            return Ok(false);
        };
        let (key, value) = entry?;
        let split = key::split(&key).ok_or_else(|| damaged(&key))?;
        let known = self.header.as_ref().is_some_and(|header| *header.prefix == *split.partition);
        if !known {
            self.finish_partition();
            let prefix = key.slice_ref(split.partition);
            let resumed = self.after.as_ref().is_some_and(|after| after.starts_with(&prefix));
            let mut header = Header { prefix, ..Header::default() };
            if resumed {
                header = self.load_header(split.partition)?;
                // Rows of it were given out before, or it had none and was given out as a whole.
                header.shown = true;
            }
            self.header = Some(header);
        }
        self.take_entry(&key, value)?;
        Ok(true)
    }

    /// One entry, or one opened range, of the partitions that were named.
    fn step_partition(&mut self) -> Outcome<bool> {
        if let Some(walk) = &mut self.walk {
            let entry = if self.reversed { walk.next_back() } else { walk.next() };
            match entry {
                Some(entry) => {
                    let (key, value) = entry?;
                    self.take_entry(&key, value)?;
                }
                None => self.walk = None,
            }
            return Ok(true);
        }
        if let Some(range) = self.ranges.pop_front() {
            self.open_range(&range)?;
            return Ok(true);
        }
        self.finish_partition();
        let Some(prefix) = self.partitions.pop_front() else { return Ok(false) };
        let resumed = self.after.as_ref().is_some_and(|after| after.starts_with(&prefix));
        let mut header = self.load_header(&prefix)?;
        header.shown = resumed;
        self.header = Some(header);
        self.ranges = self.rows.iter().cloned().collect();
        if self.reversed {
            self.ranges.make_contiguous().reverse();
        }
        Ok(true)
    }

    fn open_range(&mut self, range: &RowRange) -> Outcome<()> {
        let Some(header) = &self.header else { return Ok(()) };
        let prefix = header.prefix.clone();
        let resume = self.after.clone().filter(|after| after.starts_with(&prefix));
        if let (RowRange::Point(clustering), None) = (range, &resume) {
            let key = Bytes::from(key::row(&prefix, clustering));
            if let Some(value) = self.records.get(&key)? {
                self.take_entry(&key, value)?;
            }
            return Ok(());
        }
        let range = range.range();
        let (mut start, mut end) = (key::row(&prefix, &range.start), key::row(&prefix, &range.end));
        if let Some(after) = resume {
            if self.reversed {
                end = end.min(after.to_vec());
            } else {
                let mut past = after.to_vec();
                past.push(0);
                start = start.max(past);
            }
        }
        self.walk = Some(self.records.range(&start, &end));
        Ok(())
    }

    fn load_header(&self, prefix: &[u8]) -> Outcome<Header> {
        let mut header = Header { prefix: Bytes::copy_from_slice(prefix), ..Header::default() };
        if !self.records.has_deletions() && !self.table.has_static() {
            return Ok(header);
        }
        let (start, end) = (key::record(prefix, PARTITION_DELETION), key::record(prefix, ROW));
        for entry in self.records.range(&start, &end) {
            let (key, value) = entry?;
            let kind = key::split(&key).ok_or_else(|| damaged(&key))?.kind;
            put_header(&mut header, kind, &key, value)?;
        }
        Ok(header)
    }

    fn take_entry(&mut self, key: &Bytes, value: Bytes) -> Outcome<()> {
        let split = key::split(key).ok_or_else(|| damaged(key))?;
        let Some(header) = &mut self.header else { return Ok(()) };
        if split.kind != ROW {
            return put_header(header, split.kind, key, value);
        }
        let mut row = Row::decode(value).ok_or_else(|| damaged(key))?;
        if let Some(d) = Deletion::later(header.deletion, header.ranges.of_row(split.clustering)) {
            row = row.without(d);
        }
        if !row.lives_at(self.now) {
            return Ok(());
        }
        header.shown = true;
        let statics = header.statics.clone();
        let mut keys = partition_values(&self.table, &header.prefix)?;
        if row.clustering.is_empty() {
            let clustering = key::clustering_values(&self.table, split.clustering);
            keys.extend(clustering.ok_or_else(|| damaged(key))?);
        } else {
            keys.append(&mut row.clustering);
        }
        let position = key.clone();
        self.ready.push_back(SourceRow { keys, statics, row: Some(row), now: self.now, position });
        Ok(())
    }

    /// Gives out a partition that has static columns and no row.
    fn finish_partition(&mut self) {
        let Some(header) = self.header.take() else { return };
        if header.shown || !self.shows_statics {
            return;
        }
        let Some(statics) = header.statics.filter(|row| row.lives_at(self.now)) else { return };
        let Ok(keys) = partition_values(&self.table, &header.prefix) else { return };
        self.ready.push_back(SourceRow {
            keys,
            statics: Some(statics),
            row: None,
            now: self.now,
            position: Bytes::from(key::record(&header.prefix, ROW)),
        });
    }

    /// Leaves the rest of the partition of the row that was given out last.
    pub(crate) fn skip_partition(&mut self, position: &[u8]) {
        let Some(prefix) = prefix_of(position) else { return };
        self.ready.clear();
        if let Some(header) = &mut self.header {
            header.shown = true;
        }
        if self.by_partition {
            self.walk = None;
            self.ranges.clear();
        } else if self.header.as_ref().is_some_and(|header| header.prefix == prefix) {
            let mut past = prefix.to_vec();
            past.push(0xFF);
            self.header = None;
            self.after = None;
            let end = self.end.clone();
            self.walk = Some(self.records.range(&past, &end));
        }
    }
}

fn put_header(header: &mut Header, kind: u8, key: &[u8], value: Bytes) -> Outcome<()> {
    match kind {
        PARTITION_DELETION => {
            header.deletion = Row::decode(value).ok_or_else(|| damaged(key))?.deletion;
        }
        RANGE_DELETIONS => {
            header.ranges = RangeDeletions::decode(value).ok_or_else(|| damaged(key))?;
        }
        STATIC => {
            let mut row = Row::decode(value).ok_or_else(|| damaged(key))?;
            if let Some(deletion) = header.deletion {
                row = row.without(deletion);
            }
            header.statics = Some(Arc::new(row));
        }
        _ => return Err(damaged(key)),
    }
    Ok(())
}

/// The partition's prefix inside a key.
pub(crate) fn prefix_of(key: &[u8]) -> Option<Bytes> {
    key::split(key).map(|split| Bytes::copy_from_slice(split.partition))
}

fn partition_values(table: &Table, prefix: &[u8]) -> Outcome<Vec<Bytes>> {
    let bytes = key::partition_key(prefix);
    let values = cql::murmur3::split_partition_key(bytes, table.partition_count)
        .ok_or_else(|| damaged(prefix))?;
    let mut owned: Vec<_> = values.into_iter().map(Bytes::copy_from_slice).collect();
    owned.reserve_exact(table.clustering_count);
    Ok(owned)
}

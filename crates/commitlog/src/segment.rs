//! One segment of a log: a `.log` file and its two indexes.
//!
//! Owns the bytes of one contiguous range of offsets. Written by the log's single writer; read by
//! anyone at the same time.
//!
//! Never does: choose offsets, check producers, or delete itself.
//!
//! Invariants: offsets inside a segment rise; bytes below `size` are whole batches; a sealed
//! segment is never written again.
//!
//! Limits: a position is a u32 in the index, so a segment is below 4 GiB; settings keep it below
//! 2 GiB.

pub(crate) mod index;
pub(crate) mod scan;

use crate::batch::{Batch, HEADER_BYTES};
use crate::lock;
use bytes::Bytes;
use index::{Index, Moment, Place};
use runtime::{Disk, DiskFile};
use scan::{Scanned, Scanner, cut, whole_size};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The kinds of file a segment has.
pub(crate) const LOG: &str = "log";
pub(crate) const OFFSET_INDEX: &str = "index";
pub(crate) const TIME_INDEX: &str = "timeindex";
pub(crate) const TXN_INDEX: &str = "txnindex";

/// The path of a segment's file: the base offset in 20 digits, and a kind.
pub(crate) fn file_path(directory: &Path, base_offset: i64, kind: &str) -> PathBuf {
    directory.join(format!("{base_offset:020}.{kind}"))
}

/// The base offset and kind in a file's name.
pub(crate) fn parse_file_name(path: &Path) -> Option<(i64, &str)> {
    let (digits, kind) = path.file_name()?.to_str()?.split_once('.')?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten().map(|base| (base, kind))
}

/// A batch as the indexes see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) position: u64,
    pub(crate) size: u64,
    pub(crate) last_offset: i64,
    pub(crate) max_timestamp: i64,
}

#[derive(Debug)]
struct Indexes {
    places: Index<Place>,
    moments: Index<Moment>,
    bytes_since_entry: u64,
    max_timestamp: i64,
    max_timestamp_offset: i64,
    first_timestamp: Option<i64>,
}

/// One segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base_offset: i64,
    pub(crate) file: Arc<dyn DiskFile>,
    size: AtomicU64,
    indexes: Mutex<Indexes>,
    /// Wall time at which this process made or loaded it, milliseconds.
    pub(crate) opened_ms: i64,
    /// Where the last read ended: the next read of a follower begins there.
    hint: Mutex<(i64, u64)>,
}

impl Segment {
    /// A segment whose indexes are to be filled by [`Self::note`].
    pub(crate) fn empty(base_offset: i64, file: Arc<dyn DiskFile>, opened_ms: i64) -> Self {
        Self {
            base_offset,
            file,
            size: AtomicU64::new(0),
            indexes: Mutex::new(Indexes {
                places: Index::Memory(Vec::new()),
                moments: Index::Memory(Vec::new()),
                bytes_since_entry: 0,
                max_timestamp: -1,
                max_timestamp_offset: base_offset,
                first_timestamp: None,
            }),
            opened_ms,
            hint: Mutex::new((-1, 0)),
        }
    }

    /// Creates the log file of a new segment.
    pub(crate) fn create(
        disk: &dyn Disk,
        directory: &Path,
        base_offset: i64,
        now_ms: i64,
    ) -> io::Result<Self> {
        let file = disk.create(&file_path(directory, base_offset, LOG))?;
        file.set_len(0)?;
        Ok(Self::empty(base_offset, Arc::from(file), now_ms))
    }

    /// Opens a segment with the indexes it has. None if an index is missing or broken, so that the
    /// segment must be scanned.
    pub(crate) fn load(
        disk: &dyn Disk,
        directory: &Path,
        base_offset: i64,
        now_ms: i64,
    ) -> io::Result<Option<Self>> {
        let path = |kind| file_path(directory, base_offset, kind);
        let segment = Self::empty(base_offset, Arc::from(disk.create(&path(LOG))?), now_ms);
        let size = segment.file.length()?;
        let Some(places) = Index::<Place>::open(disk, &path(OFFSET_INDEX))? else {
            return Ok(None);
        };
        let Some(moments) = Index::<Moment>::open(disk, &path(TIME_INDEX))? else {
            return Ok(None);
        };
        let largest = moments.last()?;
        let inside = places.last()?.is_none_or(|last| u64::from(last.position) < size);
        if !inside || (size > 0 && largest.is_none()) {
            return Ok(None);
        }
        segment.size.store(size, Ordering::Release);
        {
            let mut indexes = lock(&segment.indexes);
            if let Some(moment) = largest {
                indexes.max_timestamp = moment.timestamp;
                indexes.max_timestamp_offset = base_offset + i64::from(moment.relative_offset);
            }
            indexes.places = places;
            indexes.moments = moments;
        }
        if let Scanned::Batch { batch, .. } = Scanner::new(&*segment.file, 0, size).next()? {
            lock(&segment.indexes).first_timestamp = Some(batch.max_timestamp());
        }
        Ok(Some(segment))
    }

    /// Makes a loaded segment the active one. False if its indexes must be built anew.
    pub(crate) fn activate(&self) -> io::Result<bool> {
        let mut indexes = lock(&self.indexes);
        let places = std::mem::replace(&mut indexes.places, Index::Memory(Vec::new()));
        let moments = std::mem::replace(&mut indexes.moments, Index::Memory(Vec::new()));
        match (places.into_memory()?, moments.into_memory()?) {
            (Some(places), Some(moments)) => {
                indexes.places = places;
                indexes.moments = moments;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Bytes of whole batches.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// The largest timestamp, milliseconds, and the offset of the batch that has it; -1 if none.
    pub(crate) fn max_timestamp(&self) -> (i64, i64) {
        let indexes = lock(&self.indexes);
        (indexes.max_timestamp, indexes.max_timestamp_offset)
    }

    /// The first batch's timestamp, milliseconds: `segment.ms` counts from it.
    pub(crate) fn first_timestamp(&self) -> Option<i64> {
        lock(&self.indexes).first_timestamp
    }

    /// Takes a batch that stands in the file into the indexes, and shows it to readers.
    pub(crate) fn note(&self, entry: Entry, index_interval_bytes: u64) {
        let mut indexes = lock(&self.indexes);
        indexes.first_timestamp.get_or_insert(entry.max_timestamp);
        if entry.max_timestamp > indexes.max_timestamp {
            indexes.max_timestamp = entry.max_timestamp;
            indexes.max_timestamp_offset = entry.last_offset;
        }
        if indexes.bytes_since_entry > index_interval_bytes {
            let relative = u32::try_from(entry.last_offset - self.base_offset);
            if let (Ok(relative_offset), Ok(position)) = (relative, u32::try_from(entry.position)) {
                indexes.places.push(Place { relative_offset, position });
            }
            self.note_moment(&mut indexes);
            indexes.bytes_since_entry = 0;
        }
        indexes.bytes_since_entry += entry.size;
        self.size.store(entry.position + entry.size, Ordering::Release);
    }

    fn note_moment(&self, indexes: &mut Indexes) {
        let relative = u32::try_from(indexes.max_timestamp_offset - self.base_offset);
        if let Ok(relative_offset) = relative {
            indexes.moments.push(Moment { timestamp: indexes.max_timestamp, relative_offset });
        }
    }

    /// Writes both index files. The last time entry holds the segment's largest timestamp.
    ///
    /// # Errors
    /// What the disk says. The segment stays as it was.
    pub(crate) fn save_indexes(
        &self,
        disk: &dyn Disk,
        directory: &Path,
    ) -> io::Result<Vec<Arc<dyn DiskFile>>> {
        let mut indexes = lock(&self.indexes);
        if !matches!(indexes.places, Index::Memory(_)) {
            return Ok(Vec::new());
        }
        if self.size() > 0 {
            self.note_moment(&mut indexes);
        }
        let path = |kind| file_path(directory, self.base_offset, kind);
        let places = indexes.places.save(disk, &path(OFFSET_INDEX))?;
        let moments = indexes.moments.save(disk, &path(TIME_INDEX))?;
        Ok(vec![Arc::from(places), Arc::from(moments)])
    }

    /// Gives up the entries in memory: from here on lookups go to the files [`Self::save_indexes`]
    /// wrote.
    pub(crate) fn seal(&self, disk: &dyn Disk, directory: &Path) -> io::Result<()> {
        let path = |kind| file_path(directory, self.base_offset, kind);
        let places = Index::open(disk, &path(OFFSET_INDEX))?;
        let moments = Index::open(disk, &path(TIME_INDEX))?;
        if let (Some(places), Some(moments)) = (places, moments) {
            let mut indexes = lock(&self.indexes);
            indexes.places = places;
            indexes.moments = moments;
        }
        Ok(())
    }

    /// A byte at or before which the batch of `offset` begins.
    pub(crate) fn position_near(&self, offset: i64) -> io::Result<u64> {
        let hint = *lock(&self.hint);
        if hint.0 == offset {
            return Ok(hint.1);
        }
        let place = lock(&self.indexes).places.floor(offset - self.base_offset)?;
        Ok(place.map_or(0, |place| u64::from(place.position)))
    }

    /// A byte before which no record is as new as `timestamp`.
    pub(crate) fn position_before_time(&self, timestamp: i64) -> io::Result<u64> {
        let moment = lock(&self.indexes).moments.floor(timestamp.saturating_sub(1))?;
        match moment {
            None => Ok(0),
            Some(moment) => {
                self.position_near(self.base_offset + i64::from(moment.relative_offset))
            }
        }
    }

    /// Reads whole batches with offsets of `from..bound`.
    ///
    /// At most `max_bytes`, but the first batch whatever its size if `at_least_one`; empty if it is
    /// too large. None if this segment has no such batch.
    pub(crate) fn read(
        &self,
        from: i64,
        bound: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> io::Result<Option<(Bytes, i64)>> {
        let size = self.size();
        let Some((position, first_size)) = self.seek(from, bound, size)? else {
            return Ok(None);
        };
        if first_size > max_bytes && !at_least_one {
            return Ok(Some((Bytes::new(), from)));
        }
        let left = usize::try_from(size - position).unwrap_or(usize::MAX);
        let mut buffer = vec![0; max_bytes.max(first_size).min(left)];
        let read = self.file.read_at(&mut buffer, position)?;
        buffer.truncate(read);
        let (begin, end, next) = cut(&buffer, from, bound, max_bytes);
        if end == begin {
            return Err(self.damaged(position));
        }
        *lock(&self.hint) = (next, position + end as u64);
        Ok(Some((Bytes::from(buffer).slice(begin..end), next)))
    }

    /// The byte at which the first batch that ends at or above `from` begins, and its size. None if
    /// it is not below `bound` or not in this segment.
    fn seek(&self, from: i64, bound: i64, size: u64) -> io::Result<Option<(u64, usize)>> {
        const WINDOW_BYTES: usize = 8 << 10;
        let mut position = self.position_near(from)?;
        let mut window = vec![0; WINDOW_BYTES];
        while position + HEADER_BYTES as u64 <= size {
            let read = self.file.read_at(&mut window, position)?;
            let bytes = window.get(..read).unwrap_or_default();
            let mut at = 0;
            while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= HEADER_BYTES) {
                let Some(batch_size) = whole_size(rest) else {
                    return Err(self.damaged(position + at as u64));
                };
                let batch = Batch::header_of(rest).map_err(io::Error::other)?;
                if batch.base_offset() >= bound {
                    return Ok(None);
                }
                if batch.last_offset() >= from {
                    return Ok(Some((position + at as u64, batch_size)));
                }
                at += batch_size;
            }
            if at == 0 {
                return Err(self.damaged(position));
            }
            position += at as u64;
        }
        Ok(None)
    }

    fn damaged(&self, position: u64) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("segment {} has no batch at byte {position}", self.base_offset),
        )
    }
}

//! Compaction: the last value of each key stays.
//!
//! Works below the active segment and the last stable offset, one segment at a time. A rewritten
//! segment takes the old one's place by rename, so that a crash leaves one or the other.
//!
//! Kept whole, although Kafka would take records out: compressed batches, which are not opened here;
//! batches of aborted transactions; all markers. Segments are not merged, and each keeps its last
//! batch, if an empty one, so that recovery sees no gap between segments.
//!
//! Limits: the map of keys takes `MAP_BYTES_MAX`; a key that finds no place in it is kept.

use super::Log;
use super::recover::SWAP;
use crate::aborted::Aborted;
use crate::batch::{Batch, Builder, Header, NewRecord};
use crate::segment::scan::{Scanned, Scanner};
use crate::segment::{Entry, LOG, OFFSET_INDEX, Segment, TIME_INDEX, file_path};
use crate::{lock, read_lock, write_lock};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

const MAP_BYTES_MAX: usize = 64 << 20;
/// The kind of a compacted segment that is not complete.
const CLEANED: &str = "log.cleaned";

/// What decides whether a record stays.
#[derive(Debug)]
struct Rules {
    /// The last offset of each key.
    last: HashMap<Vec<u8>, i64>,
    aborted: Vec<Aborted>,
    /// Last offsets of each producer's last batch: its sequence must stay known.
    last_batches: BTreeSet<i64>,
    now_ms: i64,
    delete_retention_ms: i64,
}

/// What becomes of a batch.
#[derive(Debug)]
enum Outcome {
    Whole,
    Rewritten(bytes::Bytes),
    Gone,
}

impl Log {
    /// Compacts the segments below the active one. Returns the bytes it freed.
    ///
    /// A tombstone stays for `delete.retention.ms` after the first compaction that sees it (KIP-534).
    ///
    /// # Errors
    /// What the disk said; the segment in work stays as it was.
    pub fn compact(&self) -> io::Result<u64> {
        let _turn = lock(&self.cleaning);
        if let Some(failure) = self.failure() {
            return Err(io::Error::other(failure));
        }
        let settings = self.settings();
        let now_ms = self.world.clock.wall_millis();
        let segments = self.compactable(now_ms.saturating_sub(settings.min_compaction_lag_ms));
        let producers = lock(&self.writer).producers.clone();
        let mut rules = Rules {
            last: HashMap::new(),
            aborted: read_lock(&self.aborted).clone(),
            last_batches: producers
                .by_id
                .values()
                .filter_map(|known| known.batches.back().map(|last| last.last_offset))
                .collect(),
            now_ms,
            delete_retention_ms: settings.delete_retention_ms,
        };
        let mut left = MAP_BYTES_MAX;
        for segment in &segments {
            each_batch(segment, |batch, _| rules.learn(batch, &mut left))?;
        }
        let interval = u64::from(settings.index_interval_bytes);
        let mut freed = 0;
        for segment in &segments {
            freed += self.compact_segment(segment, &rules, interval)?;
        }
        Ok(freed)
    }

    /// The sealed segments that hold nothing undecided, unsynced or too young, oldest first.
    fn compactable(&self, newest_ms: i64) -> Vec<Arc<Segment>> {
        let bound = self.offsets().last_stable;
        let segments = read_lock(&self.segments);
        let pairs = segments.iter().zip(segments.iter().skip(1));
        let fit = pairs.take_while(|(segment, next)| {
            next.base_offset <= bound && segment.max_timestamp().0 <= newest_ms
        });
        fit.map(|(segment, _)| Arc::clone(segment)).collect()
    }

    fn compact_segment(
        &self,
        old: &Segment,
        rules: &Rules,
        index_interval_bytes: u64,
    ) -> io::Result<u64> {
        let disk = &*self.world.disk;
        let path = |kind| file_path(&self.directory, old.base_offset, kind);
        let file: Arc<dyn runtime::DiskFile> = Arc::from(disk.create(&path(CLEANED))?);
        file.set_len(0)?;
        let new = Segment::empty(old.base_offset, Arc::clone(&file), old.opened_ms);
        let (mut changed, mut written) = (false, Ok(()));
        each_batch(old, |batch, last| {
            if written.is_err() {
                return;
            }
            let bytes = match rules.decide(batch, last) {
                Outcome::Whole => bytes::Bytes::copy_from_slice(batch.bytes()),
                Outcome::Rewritten(bytes) => bytes,
                Outcome::Gone => {
                    changed = true;
                    return;
                }
            };
            changed |= bytes != batch.bytes();
            let position = new.size();
            written = file.write_at(&bytes, position);
            let entry = Entry {
                position,
                size: bytes.len() as u64,
                last_offset: batch.last_offset(),
                max_timestamp: batch.max_timestamp(),
            };
            new.note(entry, index_interval_bytes);
        })?;
        if written.is_err() || !changed {
            disk.remove(&path(CLEANED))?;
            return written.map(|()| 0);
        }
        file.sync()?;
        disk.rename(&path(CLEANED), &path(SWAP))?;
        disk.sync_dir(&self.directory)?;
        for kind in [OFFSET_INDEX, TIME_INDEX] {
            disk.remove(&path(kind))?;
        }
        disk.rename(&path(SWAP), &path(LOG))?;
        for index in new.save_indexes(disk, &self.directory)? {
            index.sync()?;
        }
        disk.sync_dir(&self.directory)?;
        new.seal(disk, &self.directory)?;
        let freed = old.size().saturating_sub(new.size());
        let mut segments = write_lock(&self.segments);
        if let Some(place) = segments.iter_mut().find(|at| at.base_offset == old.base_offset) {
            *place = Arc::new(new);
        }
        drop(segments);
        // The tail in memory still has what was taken out.
        lock(&self.tail).clear();
        Ok(freed)
    }
}

/// Visits the batches of a segment; the second argument says whether it is the last.
fn each_batch(segment: &Segment, mut visit: impl FnMut(&Batch<'_>, bool)) -> io::Result<()> {
    let size = segment.size();
    let mut scanner = Scanner::new(&*segment.file, 0, size);
    loop {
        match scanner.next()? {
            Scanned::End => return Ok(()),
            Scanned::Broken { error, .. } => return Err(io::Error::other(error)),
            Scanned::Batch { position, batch } => {
                batch.check_checksum().map_err(io::Error::other)?;
                visit(&batch, position + batch.size() as u64 == size);
            }
        }
    }
}

impl Rules {
    fn kept_whole(&self, batch: &Batch<'_>) -> bool {
        let aborted = || {
            self.aborted.iter().any(|aborted| {
                aborted.producer_id == batch.producer_id()
                    && aborted.first_offset <= batch.base_offset()
                    && batch.last_offset() < aborted.last_offset
            })
        };
        batch.control() || batch.records().is_none() || (batch.transactional() && aborted())
    }

    fn learn(&mut self, batch: &Batch<'_>, bytes_left: &mut usize) {
        if self.kept_whole(batch) {
            return;
        }
        for record in batch.records().into_iter().flatten().filter_map(Result::ok) {
            let Some(key) = record.key else { continue };
            if let Some(last) = self.last.get_mut(key) {
                *last = record.offset.max(*last);
            } else if let Some(left) = bytes_left.checked_sub(key.len() + 64) {
                *bytes_left = left;
                self.last.insert(key.to_vec(), record.offset);
            }
        }
    }

    fn decide(&self, batch: &Batch<'_>, last_of_segment: bool) -> Outcome {
        if self.kept_whole(batch) {
            return Outcome::Whole;
        }
        let records: Result<Vec<_>, _> = batch.records().into_iter().flatten().collect();
        // A record that cannot be read is not this code's to drop.
        let Ok(records) = records else { return Outcome::Whole };
        let horizon = batch.delete_horizon();
        let expired = horizon.is_some_and(|horizon| horizon <= self.now_ms);
        let kept: Vec<_> = records
            .iter()
            .filter(|record| {
                let last = record.key.and_then(|key| self.last.get(key));
                let superseded = last.is_some_and(|last| *last > record.offset);
                let tombstone = record.key.is_some() && record.value.is_none();
                !(superseded || (tombstone && expired))
            })
            .collect();
        let tombstones = kept.iter().any(|record| record.key.is_some() && record.value.is_none());
        if kept.len() == records.len() && !(tombstones && horizon.is_none()) {
            let needed = last_of_segment || self.last_batches.contains(&batch.last_offset());
            return if records.is_empty() && !needed { Outcome::Gone } else { Outcome::Whole };
        }
        let needed = last_of_segment || self.last_batches.contains(&batch.last_offset());
        if kept.is_empty() && !needed {
            return Outcome::Gone;
        }
        let set = tombstones.then(|| self.now_ms.saturating_add(self.delete_retention_ms));
        let mut builder = Builder::new(Header {
            base_offset: batch.base_offset(),
            leader_epoch: batch.leader_epoch(),
            producer_id: batch.producer_id(),
            producer_epoch: batch.producer_epoch(),
            base_sequence: batch.base_sequence(),
            transactional: batch.transactional(),
            control: false,
            delete_horizon: horizon.filter(|_| tombstones).or(set),
        });
        for record in kept {
            let delta = i32::try_from(record.offset - batch.base_offset()).unwrap_or(0);
            let new = NewRecord {
                timestamp: record.timestamp,
                key: record.key,
                value: record.value,
                headers: &record.headers,
            };
            builder.push_at(delta, new);
        }
        builder.set_last_offset_delta(batch.last_offset_delta());
        builder.set_max_timestamp(batch.max_timestamp());
        Outcome::Rewritten(builder.build())
    }
}

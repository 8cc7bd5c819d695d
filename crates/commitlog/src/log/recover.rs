//! Loading a log's files, and recovery after an unclean stop.
//!
//! What is below the recovery point was synced: its indexes are used as they are, and damage there
//! is reported, never cut. What is above may be torn: every batch is checked, the log is cut at the
//! first that does not hold, later segments go, and all indexes and producers are built anew.
//!
//! Source: Kafka's LogLoader, LogSegment.recover and ProducerStateManager, for the order of steps.

mod files;

pub(super) use files::SWAP;

use super::open::{EPOCHS, OpenError, Recovery, Start, save_leader_epochs};
use crate::aborted::Aborted;
use crate::batch::{Batch, BatchError};
use crate::checkpoint::load_epochs;
use crate::epochs::LeaderEpochs;
use crate::producers::{Ended, Producers, snapshot};
use crate::segment::scan::{Scanned, Scanner};
use crate::segment::{Entry, LOG, Segment, file_path};
use crate::settings::LogSettings;
use runtime::World;
use runtime::crash::{self, Step};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A log's parts in the making.
#[derive(Debug)]
pub(super) struct Loader<'w> {
    world: &'w World,
    directory: &'w Path,
    settings: &'w LogSettings,
    start: Start,
    now_ms: i64,
    existed: bool,
    segments: Vec<Arc<Segment>>,
    producers: Producers,
    open: BTreeMap<i64, i64>,
    aborted: Vec<Aborted>,
    epochs: LeaderEpochs,
    log_end: i64,
    segments_scanned: usize,
    bytes_dropped: u64,
}

/// A log's parts.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) recovery: Recovery,
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) active: Arc<Segment>,
    pub(super) producers: Producers,
    pub(super) aborted: Vec<Aborted>,
    pub(super) epochs: LeaderEpochs,
    pub(super) log_start: i64,
    pub(super) log_end: i64,
}

/// Why a scan of a segment ended before the file did.
#[derive(Debug)]
struct Break {
    position: u64,
    error: BatchError,
}

impl<'w> Loader<'w> {
    pub(super) fn new(
        world: &'w World,
        directory: &'w Path,
        settings: &'w LogSettings,
        start: Start,
    ) -> Self {
        Self {
            world,
            directory,
            settings,
            start,
            now_ms: world.clock.wall_millis(),
            existed: false,
            segments: Vec::new(),
            producers: Producers::default(),
            open: BTreeMap::new(),
            aborted: Vec::new(),
            epochs: LeaderEpochs::default(),
            log_end: start.log_start,
            segments_scanned: 0,
            bytes_dropped: 0,
        }
    }

    fn failed(&self, source: io::Error) -> OpenError {
        OpenError::Disk { directory: self.directory.to_owned(), source }
    }

    pub(super) fn load(mut self) -> Result<Loaded, OpenError> {
        let bases = self.settle_files().map_err(|error| self.failed(error))?;
        self.existed = !bases.is_empty();
        self.load_epochs().map_err(|error| self.failed(error))?;
        let sound = self.load_sound(&bases).map_err(|error| self.failed(error))?;
        let unsound = bases.get(sound..).unwrap_or_default();
        let limit = match unsound.first() {
            Some(base) => *base,
            None => self.find_end()?,
        };
        self.replay_producers(limit)?;
        self.log_end = limit.max(bases.first().copied().unwrap_or(self.start.log_start));
        self.recover(unsound)?;
        let directory = self.directory;
        self.finish(!unsound.is_empty())
            .map_err(|source| OpenError::Disk { directory: directory.to_owned(), source })
    }

    fn load_epochs(&mut self) -> io::Result<()> {
        let path = self.directory.join(EPOCHS);
        match load_epochs(&*self.world.disk, &path) {
            Ok(lines) => self.epochs = LeaderEpochs::from_lines(lines),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::warn!(%error, "leader epochs are taken from the batches instead");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Loads the segments that need no scan, with their aborted transactions. Returns how many.
    fn load_sound(&mut self, bases: &[i64]) -> io::Result<usize> {
        let candidates = if self.start.clean {
            bases.len()
        } else {
            // The segment that holds the recovery point is scanned, and all after it.
            bases.partition_point(|base| *base <= self.start.recovery_point).saturating_sub(1)
        };
        for (at, base) in bases.iter().take(candidates).enumerate() {
            let loaded = Segment::load(&*self.world.disk, self.directory, *base, self.now_ms)?;
            let (Some(segment), Some(aborted)) = (loaded, self.load_aborted(*base)?) else {
                return Ok(at);
            };
            let last = at + 1 == bases.len();
            if last && !segment.activate()? {
                return Ok(at);
            }
            self.segments.push(Arc::new(segment));
            self.aborted.extend(aborted);
        }
        Ok(candidates)
    }

    /// The log's end when every segment is sound: one past the last batch of the last one.
    fn find_end(&mut self) -> Result<i64, OpenError> {
        let Some(active) = self.segments.last().cloned() else { return Ok(self.start.log_start) };
        let near = active.position_near(i64::MAX).map_err(|error| self.failed(error))?;
        let mut end = active.base_offset;
        self.walk(&active, near, |_, batch| end = batch.last_offset() + 1)?;
        Ok(end)
    }

    /// Reads the batches of a sound segment from a position on.
    fn walk(
        &self,
        segment: &Segment,
        position: u64,
        mut visit: impl FnMut(u64, &Batch<'_>),
    ) -> Result<(), OpenError> {
        let mut scanner = Scanner::new(&*segment.file, position, segment.size());
        let mut offset = segment.base_offset;
        loop {
            match scanner.next().map_err(|error| self.failed(error))? {
                Scanned::End => return Ok(()),
                Scanned::Batch { position, batch } => {
                    offset = batch.last_offset() + 1;
                    visit(position, &batch);
                }
                Scanned::Broken { position, error } => {
                    return Err(self.damaged(segment, Break { position, error }, offset));
                }
            }
        }
    }

    fn damaged(&self, segment: &Segment, found: Break, offset: i64) -> OpenError {
        OpenError::Damaged {
            path: file_path(self.directory, segment.base_offset, LOG),
            position: found.position,
            offset,
            source: found.error,
        }
    }

    /// Builds the producers at `limit` from the newest sound snapshot and the batches after it.
    fn replay_producers(&mut self, limit: i64) -> Result<(), OpenError> {
        let from = self.load_snapshot(limit).map_err(|error| self.failed(error))?;
        let segments = self.segments.clone();
        for (at, segment) in segments.iter().enumerate() {
            let end = segments.get(at + 1).map_or(limit, |next| next.base_offset);
            if end <= from {
                continue;
            }
            let near = segment.position_near(from.max(segment.base_offset));
            let near = near.map_err(|error| self.failed(error))?;
            let mut producers = std::mem::take(&mut self.producers);
            self.walk(segment, near, |_, batch| {
                if batch.base_offset() >= from {
                    producers.replay(batch);
                }
            })?;
            self.producers = producers;
        }
        self.open = self
            .producers
            .by_id
            .iter()
            .filter_map(|(id, producer)| producer.transaction.map(|first| (first, *id)))
            .collect();
        Ok(())
    }

    fn load_snapshot(&mut self, limit: i64) -> io::Result<i64> {
        let mut bases = self.snapshots()?;
        bases.retain(|base| *base <= limit);
        for base in bases.into_iter().rev() {
            let path = snapshot::path(self.directory, base);
            if let Some(producers) = snapshot::load(&*self.world.disk, &path)? {
                self.producers = producers;
                return Ok(base);
            }
            tracing::warn!(snapshot = %path.display(), "torn producer snapshot is removed");
            self.world.disk.remove(&path)?;
        }
        Ok(i64::MIN)
    }

    /// Scans the segments that may be torn; cuts the log at the first batch that does not hold.
    fn recover(&mut self, bases: &[i64]) -> Result<(), OpenError> {
        for (at, base) in bases.iter().enumerate() {
            let last = at + 1 == bases.len();
            if self.log_end != *base && self.log_end >= self.start.recovery_point && at > 0 {
                // The former segment lost its end without a torn batch to show for it.
                return self.drop_segments(bases.get(at..).unwrap_or_default());
            }
            self.log_end = self.log_end.max(*base);
            let found = self.scan(*base)?;
            if let Some(found) = found {
                let segment = self.segments.last().cloned();
                if let Some(segment) = &segment {
                    if self.log_end < self.start.recovery_point || self.start.clean {
                        return Err(self.damaged(segment, found, self.log_end));
                    }
                    self.truncate(segment, &found).map_err(|error| self.failed(error))?;
                }
                crash::point(Step::Recovery);
                return self.drop_segments(bases.get(at + 1..).unwrap_or_default());
            }
            if !last {
                self.seal_last().map_err(|error| self.failed(error))?;
            }
        }
        Ok(())
    }

    /// Checks every batch of one segment and builds its indexes.
    fn scan(&mut self, base: i64) -> Result<Option<Break>, OpenError> {
        let file = self.world.disk.create(&file_path(self.directory, base, LOG));
        let file: Arc<dyn runtime::DiskFile> = Arc::from(file.map_err(|error| self.failed(error))?);
        let length = file.length().map_err(|error| self.failed(error))?;
        let segment = Arc::new(Segment::empty(base, Arc::clone(&file), self.now_ms));
        self.segments.push(Arc::clone(&segment));
        self.segments_scanned += 1;
        let interval = u64::from(self.settings.index_interval_bytes);
        let known = self.aborted.len();
        let mut epoch = i32::MIN;
        let mut scanner = Scanner::new(&*file, 0, length);
        let found = loop {
            match scanner.next().map_err(|error| self.failed(error))? {
                Scanned::End => break None,
                Scanned::Broken { position, error } => break Some(Break { position, error }),
                Scanned::Batch { position, batch } => {
                    if let Err(error) = hold(&batch, self.log_end, epoch) {
                        break Some(Break { position, error });
                    }
                    epoch = batch.leader_epoch();
                    self.epochs.assign(epoch, batch.base_offset());
                    self.log_end = batch.last_offset() + 1;
                    let entry = Entry {
                        position,
                        size: batch.size() as u64,
                        last_offset: batch.last_offset(),
                        max_timestamp: batch.max_timestamp(),
                    };
                    segment.note(entry, interval);
                    self.replay(&batch);
                }
            }
        };
        self.save_aborted(base, known).map_err(|error| self.failed(error))?;
        Ok(found)
    }

    fn replay(&mut self, batch: &Batch<'_>) {
        let (opened, ended) = self.producers.replay(batch);
        if let Some(first) = opened {
            self.open.insert(first, batch.producer_id());
        }
        if let Some(ended) = ended {
            self.open.remove(&ended.first_offset);
            self.note_aborted(&ended);
        }
    }

    fn note_aborted(&mut self, ended: &Ended) {
        if ended.commit {
            return;
        }
        let open = self.open.keys().next().copied();
        self.aborted.push(Aborted {
            producer_id: ended.producer_id,
            first_offset: ended.first_offset,
            last_offset: ended.last_offset,
            last_stable_offset: open.unwrap_or(ended.last_offset + 1),
        });
    }

    fn truncate(&mut self, segment: &Segment, found: &Break) -> io::Result<()> {
        let length = segment.file.length()?;
        self.bytes_dropped += length.saturating_sub(found.position);
        tracing::warn!(
            log = %self.directory.display(), offset = self.log_end, bytes = length - found.position,
            reason = %found.error, "cut a torn tail off"
        );
        segment.file.set_len(found.position)?;
        segment.file.sync()
    }

    fn finish(mut self, scanned: bool) -> io::Result<Loaded> {
        let first = self.segments.first().map(|segment| segment.base_offset);
        let log_start = self.start.log_start.max(first.unwrap_or(0));
        if log_start > self.log_end {
            // The log lost what stood above its start: begin again there.
            self.start_anew(log_start)?;
        }
        if self.segments.is_empty() {
            let segment =
                Segment::create(&*self.world.disk, self.directory, self.log_end, self.now_ms)?;
            self.segments.push(Arc::new(segment));
        }
        // What was a sealed segment before a cut is the active one now.
        if let Some(active) = self.segments.last()
            && !active.activate()?
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "an index just written is broken",
            ));
        }
        if scanned || !self.existed {
            self.sync_scanned()?;
        }
        self.settle_epochs()?;
        let active = self.segments.last().cloned();
        let active = active.ok_or_else(|| io::Error::other("a log without segments"))?;
        Ok(Loaded {
            recovery: Recovery {
                existed: self.existed,
                segments_scanned: self.segments_scanned,
                bytes_dropped: self.bytes_dropped,
                log_end: self.log_end,
                leader_epoch: self.epochs.latest().unwrap_or(0),
            },
            segments: self.segments,
            active,
            producers: self.producers,
            aborted: self.aborted,
            epochs: self.epochs,
            log_start,
            log_end: self.log_end,
        })
    }

    /// Forgets epochs that were cut off; begins a new one if the log is new or its stop was unclean
    /// (KIP-320).
    fn settle_epochs(&mut self) -> io::Result<()> {
        let known = self.epochs.clone();
        self.epochs.truncate_end(self.log_end);
        match known.latest() {
            None => {
                self.epochs.assign(0, self.log_end);
            }
            Some(latest) if self.existed && !self.start.clean => {
                self.epochs.assign(latest.saturating_add(1), self.log_end);
            }
            Some(_) => {}
        }
        if self.epochs == known {
            return Ok(());
        }
        save_leader_epochs(self.world, self.directory, &self.epochs)
    }
}

/// What a batch must hold to be kept: checksum, rising offsets, an epoch that does not fall.
fn hold(batch: &Batch<'_>, next: i64, epoch: i32) -> Result<(), BatchError> {
    batch.check_checksum()?;
    let (count, last_offset_delta) = (batch.count(), batch.last_offset_delta());
    let sound = batch.base_offset() >= next
        && last_offset_delta >= 0
        && batch.leader_epoch() >= epoch
        && (0..=last_offset_delta.saturating_add(1)).contains(&count);
    if sound { Ok(()) } else { Err(BatchError::Count { count, last_offset_delta }) }
}

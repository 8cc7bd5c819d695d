//! The files of a log at its opening: which stay, which go, and what recovery writes.

use super::Loader;
use crate::aborted::Aborted;
use crate::log::open::OpenError;
use crate::producers::{Producers, snapshot};
use crate::segment::scan::{Scanned, Scanner};
use crate::segment::{LOG, OFFSET_INDEX, TIME_INDEX, TXN_INDEX, file_path, parse_file_name};
use std::collections::BTreeSet;
use std::io;

/// A compacted segment that is complete and takes the old one's place.
pub(in crate::log) const SWAP: &str = "log.swap";

impl Loader<'_> {
    /// Finishes or undoes what a crash interrupted. Returns the base offsets of the segments, rising.
    pub(super) fn settle_files(&self) -> io::Result<Vec<i64>> {
        let disk = &*self.world.disk;
        let (mut logs, mut swaps, mut indexes) = (BTreeSet::new(), Vec::new(), Vec::new());
        for path in disk.list(self.directory)? {
            let Some((base, kind)) = parse_file_name(&path) else {
                // Left behind by a replacement that a crash interrupted.
                if path.extension().is_some_and(|end| end == "tmp") {
                    disk.remove(&path)?;
                }
                continue;
            };
            match kind {
                LOG => {
                    logs.insert(base);
                }
                SWAP => swaps.push(base),
                OFFSET_INDEX | TIME_INDEX | TXN_INDEX => indexes.push((base, path.clone())),
                kind if ["deleted", "cleaned", "swap", "tmp"]
                    .iter()
                    .any(|end| kind.ends_with(end)) =>
                {
                    disk.remove(&path)?;
                }
                _ => {}
            }
        }
        for base in swaps {
            self.settle_swap(base, &mut logs)?;
        }
        for (base, path) in indexes {
            if !logs.contains(&base) {
                disk.remove(&path)?;
            }
        }
        Ok(logs.into_iter().collect())
    }

    /// Puts a compacted segment in the place of those it was made from.
    fn settle_swap(&self, base: i64, logs: &mut BTreeSet<i64>) -> io::Result<()> {
        let disk = &*self.world.disk;
        let path = file_path(self.directory, base, SWAP);
        let file = disk.open(&path)?;
        let mut scanner = Scanner::new(&*file, 0, file.length()?);
        let mut last = base;
        while let Scanned::Batch { batch, .. } = scanner.next()? {
            last = last.max(batch.last_offset());
        }
        let covered: Vec<_> = logs.range(base..=last).copied().collect();
        for covered in covered {
            self.remove_indexes(covered)?;
            if covered != base {
                disk.remove(&file_path(self.directory, covered, LOG))?;
                logs.remove(&covered);
            }
        }
        disk.rename(&path, &file_path(self.directory, base, LOG))?;
        logs.insert(base);
        disk.sync_dir(self.directory)
    }

    fn remove_indexes(&self, base: i64) -> io::Result<()> {
        for kind in [OFFSET_INDEX, TIME_INDEX, TXN_INDEX] {
            remove_if_there(&*self.world.disk, &file_path(self.directory, base, kind))?;
        }
        Ok(())
    }

    /// The offsets of the producer snapshots, rising.
    pub(super) fn snapshots(&self) -> io::Result<Vec<i64>> {
        let paths = self.world.disk.list(self.directory)?;
        let mut bases: Vec<_> = paths
            .iter()
            .filter_map(|path| parse_file_name(path))
            .filter(|(_, kind)| *kind == snapshot::SNAPSHOT)
            .map(|(base, _)| base)
            .collect();
        bases.sort_unstable();
        Ok(bases)
    }

    /// The aborted transactions of a sound segment. None if their index is broken.
    pub(super) fn load_aborted(&self, base: i64) -> io::Result<Option<Vec<Aborted>>> {
        match self.world.disk.read(&file_path(self.directory, base, TXN_INDEX)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(Vec::new())),
            result => Ok(Aborted::decode_all(&result?)),
        }
    }

    /// Writes the aborted transactions found in a scan: those from the `known`th on.
    pub(super) fn save_aborted(&self, base: i64, known: usize) -> io::Result<()> {
        let disk = &*self.world.disk;
        let path = file_path(self.directory, base, TXN_INDEX);
        let found = self.aborted.get(known..).unwrap_or_default();
        if found.is_empty() {
            return remove_if_there(disk, &path);
        }
        let bytes: Vec<u8> = found.iter().flat_map(|aborted| aborted.encode()).collect();
        let file = disk.create(&path)?;
        file.set_len(0)?;
        file.write_at(&bytes, 0)?;
        file.sync()
    }

    /// Writes the indexes of the last segment, after which another comes.
    pub(super) fn seal_last(&self) -> io::Result<()> {
        let Some(segment) = self.segments.last() else { return Ok(()) };
        for file in segment.save_indexes(&*self.world.disk, self.directory)? {
            file.sync()?;
        }
        segment.seal(&*self.world.disk, self.directory)
    }

    /// Removes segments that come after a cut.
    pub(super) fn drop_segments(&mut self, bases: &[i64]) -> Result<(), OpenError> {
        for base in bases {
            let dropped = self.drop_segment(*base).map_err(|error| self.failed(error))?;
            self.bytes_dropped += dropped;
        }
        Ok(())
    }

    fn drop_segment(&self, base: i64) -> io::Result<u64> {
        let disk = &*self.world.disk;
        let path = file_path(self.directory, base, LOG);
        let length = disk.open(&path)?.length()?;
        tracing::warn!(segment = %path.display(), bytes = length, "dropped: it follows a cut");
        self.remove_indexes(base)?;
        disk.remove(&path)?;
        Ok(length)
    }

    /// Drops everything and begins at `offset`.
    pub(super) fn start_anew(&mut self, offset: i64) -> io::Result<()> {
        let bases: Vec<_> = self.segments.drain(..).map(|segment| segment.base_offset).collect();
        for base in bases {
            self.bytes_dropped += self.drop_segment(base)?;
        }
        self.aborted.clear();
        self.producers = Producers::default();
        self.log_end = offset;
        Ok(())
    }

    /// Makes what the scan kept durable, and snapshots the producers it found, so that all below the
    /// log's end counts as synced from here on.
    pub(super) fn sync_scanned(&self) -> io::Result<()> {
        let disk = &*self.world.disk;
        let scanned = self.segments.len().saturating_sub(self.segments_scanned.max(1));
        for segment in self.segments.iter().skip(scanned) {
            segment.file.sync()?;
        }
        if self.segments_scanned > 0 {
            for offset in self.snapshots()?.into_iter().filter(|offset| *offset > self.log_end) {
                disk.remove(&snapshot::path(self.directory, offset))?;
            }
            let path = snapshot::path(self.directory, self.log_end);
            snapshot::save(disk, &path, &self.producers)?.sync()?;
        }
        disk.sync_dir(self.directory)
    }
}

fn remove_if_there(disk: &dyn runtime::Disk, path: &std::path::Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

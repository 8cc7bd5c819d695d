//! Sealing the active segment and beginning the next.

use super::{Log, Writer};
use crate::append::AppendError;
use crate::producers::snapshot;
use crate::segment::{Segment, file_path};
use crate::settings::LogSettings;
use crate::{lock, write_lock};
use runtime::DiskFile;
use runtime::crash::{self, Step};
use std::io;
use std::sync::Arc;

/// What the choice to roll looks at. Sizes are bytes, times milliseconds.
#[derive(Debug, Clone, Copy)]
struct Facts {
    size: u64,
    incoming: u64,
    /// The offsets a segment spans must fit 31 bits: the index stores them relative to its base.
    span: i64,
    first_timestamp: Option<i64>,
    opened_ms: i64,
    incoming_timestamp: i64,
    now_ms: i64,
}

/// The next segment, and the other files written for a roll.
type Prepared = (Arc<Segment>, Vec<Arc<dyn DiskFile>>);

/// Chooses whether the active segment is sealed before an append. Pure. An empty one never is.
///
/// Age counts in record time from the segment's first batch, as Kafka's `segment.ms` does, or in
/// wall time if the records have none.
fn decide_roll(facts: &Facts, settings: &LogSettings) -> bool {
    if facts.size == 0 {
        return false;
    }
    let age = match facts.first_timestamp {
        Some(first) if first >= 0 && facts.incoming_timestamp >= 0 => {
            facts.incoming_timestamp - first
        }
        _ => facts.now_ms - facts.opened_ms,
    };
    facts.size + facts.incoming > u64::from(settings.segment_bytes)
        || age > settings.segment_ms
        || facts.span >= i64::from(i32::MAX)
}

impl Log {
    /// Seals the active segment and begins a new one, unless it is empty.
    ///
    /// # Errors
    /// As [`Self::append`]; the active segment then goes on.
    pub fn roll(&self) -> Result<(), AppendError> {
        let mut writer = lock(&self.writer);
        self.check_writable(&writer)?;
        self.roll_locked(&mut writer)
    }

    pub(super) fn roll_if_due(
        &self,
        writer: &mut Writer,
        incoming: usize,
        incoming_timestamp: i64,
        settings: &LogSettings,
    ) -> Result<(), AppendError> {
        let active = &writer.active;
        let facts = Facts {
            size: active.size(),
            incoming: incoming as u64,
            // A record takes seven bytes at least, so this bounds the records that come.
            span: writer.next_offset - active.base_offset + incoming as i64,
            first_timestamp: active.first_timestamp(),
            opened_ms: active.opened_ms,
            incoming_timestamp,
            now_ms: self.world.clock.wall_millis(),
        };
        if decide_roll(&facts, settings) { self.roll_locked(writer) } else { Ok(()) }
    }

    pub(super) fn roll_locked(&self, writer: &mut Writer) -> Result<(), AppendError> {
        if writer.active.size() == 0 {
            return Ok(());
        }
        let (next, written) =
            self.prepare_roll(writer).map_err(|error| self.refuse_write(error))?;
        for file in &written {
            self.mark_written(file);
        }
        self.mark_written(&next.file);
        self.mark_names();
        // From here on lookups in the sealed segment go to its index files. If they cannot be
        // opened, its entries stay in memory.
        if let Err(error) = writer.active.seal(&*self.world.disk, &self.directory) {
            tracing::warn!(log = self.name, %error, "index files not opened");
        }
        writer.active = Arc::clone(&next);
        write_lock(&self.segments).push(next);
        self.schedule_sync_always();
        crash::point(Step::SegmentRolled);
        Ok(())
    }

    /// Writes all files a roll needs, before anything refers to them.
    fn prepare_roll(&self, writer: &Writer) -> io::Result<Prepared> {
        let disk = &*self.world.disk;
        let base = writer.next_offset;
        let mut written = writer.active.save_indexes(disk, &self.directory)?;
        let snapshot =
            snapshot::save(disk, &snapshot::path(&self.directory, base), &writer.producers)?;
        written.push(Arc::from(snapshot));
        let now_ms = self.world.clock.wall_millis();
        let next = Segment::create(disk, &self.directory, base, now_ms)?;
        Ok((Arc::new(next), written))
    }

    /// Removes the producer snapshots below `offset`, but for the newest one at or below it.
    pub(super) fn prune_snapshots(&self, offset: i64) -> io::Result<()> {
        let mut bases = self.snapshots()?;
        bases.retain(|base| *base <= offset);
        bases.pop();
        for base in bases {
            self.world.disk.remove(&snapshot::path(&self.directory, base))?;
        }
        Ok(())
    }

    /// The offsets of the producer snapshots on disk, rising.
    pub(super) fn snapshots(&self) -> io::Result<Vec<i64>> {
        let mut bases: Vec<_> = self
            .world
            .disk
            .list(&self.directory)?
            .iter()
            .filter_map(|path| crate::segment::parse_file_name(path))
            .filter(|(_, kind)| *kind == snapshot::SNAPSHOT)
            .map(|(base, _)| base)
            .collect();
        bases.sort_unstable();
        Ok(bases)
    }

    /// Removes a segment's files. The log file goes last: an index without one is removed at the
    /// next open.
    pub(super) fn remove_files(&self, base_offset: i64) -> io::Result<()> {
        use crate::segment::{LOG, OFFSET_INDEX, TIME_INDEX, TXN_INDEX};
        for kind in [OFFSET_INDEX, TIME_INDEX, TXN_INDEX, LOG] {
            match self.world.disk.remove(&file_path(&self.directory, base_offset, kind)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_sealed_by_these_rules() {
        let settings =
            LogSettings { segment_bytes: 100, segment_ms: 1_000, ..LogSettings::default() };
        let calm = Facts {
            size: 50,
            incoming: 50,
            span: 10,
            first_timestamp: Some(5_000),
            opened_ms: 0,
            incoming_timestamp: 6_000,
            now_ms: 1_000_000,
        };
        for (facts, rolls) in [
            (calm, false),
            (Facts { incoming: 51, ..calm }, true),
            (Facts { size: 0, incoming: 200, ..calm }, false),
            (Facts { incoming_timestamp: 6_001, ..calm }, true),
            (Facts { incoming_timestamp: -1, ..calm }, true),
            (Facts { incoming_timestamp: -1, now_ms: 900, ..calm }, false),
            (Facts { span: i64::from(i32::MAX), ..calm }, true),
        ] {
            assert_eq!(decide_roll(&facts, &settings), rolls, "{facts:?}");
        }
    }
}

//! Deleting old records: by age and size, and by request.

use super::Log;
use crate::append::AppendError;
use crate::offsets::Offsets;
use crate::segment::Segment;
use crate::settings::LogSettings;
use crate::{lock, read_lock, write_lock};
use std::io;
use std::sync::Arc;

/// Why old records were not deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrimError {
    /// Refused: the offset is above the high watermark or below the log's start (Kafka:
    /// `OFFSET_OUT_OF_RANGE`).
    #[error(
        "cannot delete records of {log} before offset {before}: the high watermark is {}",
        .offsets.high_watermark
    )]
    OffsetOutOfRange {
        /// The log.
        log: String,
        /// Asked for.
        before: i64,
        /// What there is.
        offsets: Offsets,
    },
    /// Failed: the disk refused to remove a file.
    #[error("cannot delete old segments of {log}: {source}")]
    Disk {
        /// The log.
        log: String,
        /// What the disk said.
        source: io::Error,
    },
    /// Failed: the active segment is old too but cannot be sealed.
    #[error(transparent)]
    Roll(#[from] AppendError),
}

/// What the choice looks at, per segment, oldest first.
#[derive(Debug, Clone, Copy)]
struct Facts {
    /// One past the segment's last offset.
    end_offset: i64,
    size: u64,
    /// The time the segment's age counts from, milliseconds.
    newest_ms: i64,
}

/// Chooses how many of the oldest segments go. Pure.
///
/// A segment goes if all before it go and it is below the log's start, or below the high watermark
/// and too old or in excess of the size. Source: Kafka's UnifiedLog.deleteOldSegments.
fn decide_retention(
    segments: &[Facts],
    offsets: &Offsets,
    settings: &LogSettings,
    now_ms: i64,
) -> usize {
    let deletes = settings.cleanup_policy.deletes();
    let total: u64 = segments.iter().map(|segment| segment.size).sum();
    let limit = settings.retention_bytes.filter(|_| deletes);
    let mut excess = limit.map_or(0, |limit| total.saturating_sub(limit));
    let expires = settings.retention_ms.filter(|_| deletes);
    let goes = |segment: &&Facts| {
        if segment.size == 0 {
            return false;
        }
        if segment.end_offset <= offsets.log_start {
            return true;
        }
        let old = expires.is_some_and(|limit| now_ms - segment.newest_ms > limit);
        let superfluous = excess >= segment.size;
        if segment.end_offset > offsets.high_watermark || !(old || superfluous) {
            return false;
        }
        excess = excess.saturating_sub(segment.size);
        true
    };
    let mut goes = goes;
    segments.iter().take_while(|segment| goes(segment)).count()
}

impl Log {
    /// Deletes the segments that retention no longer keeps. Returns how many.
    ///
    /// The active segment goes only if all records in it may go; a new one is begun first. Producers
    /// not heard of for long are forgotten, and so is the tail in memory of a log nobody writes to.
    ///
    /// # Errors
    /// See [`TrimError`].
    pub fn retain(&self, now_ms: i64) -> Result<usize, TrimError> {
        let _turn = lock(&self.cleaning);
        let settings = self.settings();
        let facts = self.retention_facts();
        let count = decide_retention(&facts, &self.offsets(), &settings, now_ms);
        {
            let mut writer = lock(&self.writer);
            let before_ms = now_ms.saturating_sub(settings.producer_expiration_ms);
            writer.producers.expire(before_ms);
            if writer.active.max_timestamp().0 < now_ms.saturating_sub(IDLE_MS) {
                lock(&self.tail).clear();
            }
        }
        self.apply_retention(count)?;
        Ok(count)
    }

    /// Moves the log's start to `before` (the high watermark for -1) and deletes the segments wholly
    /// below it. Returns the log's start.
    ///
    /// # Errors
    /// See [`TrimError`].
    pub fn delete_records_before(&self, before: i64) -> Result<i64, TrimError> {
        let _turn = lock(&self.cleaning);
        let offsets = self.offsets();
        let before = if before == -1 { offsets.high_watermark } else { before };
        if before < 0 || before > offsets.high_watermark {
            return Err(TrimError::OffsetOutOfRange { log: self.name.clone(), before, offsets });
        }
        self.watermarks.started(before);
        let offsets = self.offsets();
        let whole = |facts: &&Facts| facts.size > 0 && facts.end_offset <= offsets.log_start;
        let facts = self.retention_facts();
        // The active segment stays: the next `retain` rolls it.
        let sealed = facts.len().saturating_sub(1);
        let count = facts.iter().take(sealed).take_while(whole).count();
        self.apply_retention(count)?;
        self.trim_epochs(offsets.log_start)
            .map_err(|source| TrimError::Disk { log: self.name.clone(), source })?;
        Ok(offsets.log_start)
    }

    fn retention_facts(&self) -> Vec<Facts> {
        let log_end = self.offsets().log_end;
        let segments = read_lock(&self.segments);
        let ends = segments.iter().skip(1).map(|next| next.base_offset).chain([log_end]);
        let facts = segments.iter().zip(ends).map(|(segment, end_offset)| Facts {
            end_offset,
            size: segment.size(),
            newest_ms: match segment.max_timestamp().0 {
                // Records without a time age from when this process first saw them.
                newest if newest < 0 => segment.opened_ms,
                newest => newest,
            },
        });
        facts.collect()
    }

    fn apply_retention(&self, count: usize) -> Result<(), TrimError> {
        if count == 0 {
            return Ok(());
        }
        let mut writer = lock(&self.writer);
        if count >= read_lock(&self.segments).len() {
            self.roll_locked(&mut writer)?;
        }
        drop(writer);
        let removed: Vec<Arc<Segment>> = {
            let mut segments = write_lock(&self.segments);
            let count = count.min(segments.len().saturating_sub(1));
            segments.drain(..count).collect()
        };
        let first = read_lock(&self.segments).first().map_or(0, |segment| segment.base_offset);
        self.watermarks.started(first);
        write_lock(&self.aborted).retain(|aborted| aborted.last_offset >= first);
        let failed = |source| TrimError::Disk { log: self.name.clone(), source };
        for segment in &removed {
            self.remove_files(segment.base_offset).map_err(failed)?;
        }
        self.prune_snapshots(first).map_err(failed)?;
        self.trim_epochs(first).map_err(failed)
    }

    fn trim_epochs(&self, log_start: i64) -> io::Result<()> {
        let mut epochs = write_lock(&self.epochs);
        if epochs.truncate_start(log_start) {
            super::open::save_leader_epochs(&self.world, &self.directory, &epochs)?;
        }
        Ok(())
    }
}

/// Age of the newest record after which the tail in memory is given back, milliseconds.
const IDLE_MS: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::CleanupPolicy;

    #[test]
    fn old_segments_go_by_these_rules() {
        let facts = |ends: &[(i64, u64, i64)]| -> Vec<Facts> {
            let facts = |(end_offset, size, newest_ms): &(i64, u64, i64)| Facts {
                end_offset: *end_offset,
                size: *size,
                newest_ms: *newest_ms,
            };
            ends.iter().map(facts).collect()
        };
        let three = facts(&[(10, 100, 1_000), (20, 100, 2_000), (30, 50, 3_000)]);
        let offsets = Offsets { log_start: 0, last_stable: 30, high_watermark: 30, log_end: 30 };
        let keep = LogSettings { retention_ms: None, ..LogSettings::default() };
        let age = |ms| LogSettings { retention_ms: Some(ms), ..keep.clone() };
        let size = |bytes| LogSettings { retention_bytes: Some(bytes), ..keep.clone() };
        let compact = LogSettings { cleanup_policy: CleanupPolicy::Compact, ..age(0) };
        for (name, settings, offsets, expected) in [
            ("no limit", keep.clone(), offsets, 0),
            ("age of the first", age(8_500), offsets, 1),
            ("age of all", age(0), offsets, 3),
            ("compacted", compact.clone(), offsets, 0),
            ("below the start", compact, Offsets { log_start: 20, ..offsets }, 2),
            ("not synced", age(0), Offsets { high_watermark: 19, ..offsets }, 1),
            ("size, nothing whole in excess", size(151), offsets, 0),
            ("size, one in excess", size(150), offsets, 1),
            ("size zero", size(0), offsets, 3),
        ] {
            assert_eq!(decide_retention(&three, &offsets, &settings, 10_000), expected, "{name}");
        }
        assert_eq!(decide_retention(&facts(&[(0, 0, 0)]), &offsets, &age(0), 10_000), 0);
    }
}

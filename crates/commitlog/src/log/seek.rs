//! Finding offsets by time (Kafka: `ListOffsets`).

use super::Log;
use crate::batch::Batch;
use crate::read::ReadError;
use crate::read_lock;
use crate::segment::Segment;
use crate::segment::scan::{Scanned, Scanner};
use std::io;

/// A record's offset, timestamp and leader epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampOffset {
    /// The record's.
    pub offset: i64,
    /// The record's, milliseconds.
    pub timestamp: i64,
    /// Of the record's batch.
    pub leader_epoch: i32,
}

impl Log {
    /// The first record at or after the log's start whose timestamp is at least `timestamp`.
    ///
    /// Of a compressed batch, which is not opened here, the first record that can have it: the
    /// batch's first offset. A reader from there misses nothing.
    ///
    /// # Errors
    /// [`ReadError::Disk`].
    pub fn offset_for_timestamp(
        &self,
        timestamp: i64,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        let offsets = self.offsets();
        let segments = read_lock(&self.segments).clone();
        for segment in segments {
            if segment.max_timestamp().0 < timestamp {
                continue;
            }
            let found = find_in(&segment, timestamp, offsets.log_start)
                .map_err(|error| self.read_error(segment.base_offset, error))?;
            if let Some(found) = found {
                return Ok((found.offset < offsets.high_watermark).then_some(found));
            }
        }
        Ok(None)
    }

    /// The record with the largest timestamp below the high watermark, the first of those that
    /// share it.
    ///
    /// # Errors
    /// [`ReadError::Disk`].
    pub fn max_timestamp(&self) -> Result<Option<TimestampOffset>, ReadError> {
        let largest =
            read_lock(&self.segments).iter().map(|segment| segment.max_timestamp().0).max();
        match largest {
            Some(largest) if largest >= 0 => self.offset_for_timestamp(largest),
            _ => Ok(None),
        }
    }
}

fn find_in(
    segment: &Segment,
    timestamp: i64,
    log_start: i64,
) -> io::Result<Option<TimestampOffset>> {
    let position = segment.position_before_time(timestamp)?;
    let mut scanner = Scanner::new(&*segment.file, position, segment.size());
    loop {
        match scanner.next()? {
            Scanned::End => return Ok(None),
            Scanned::Broken { error, .. } => return Err(io::Error::other(error)),
            Scanned::Batch { batch, .. } => {
                if batch.max_timestamp() >= timestamp
                    && batch.last_offset() >= log_start
                    && let Some(found) = find_in_batch(&batch, timestamp, log_start)
                {
                    return Ok(Some(found));
                }
            }
        }
    }
}

fn find_in_batch(batch: &Batch<'_>, timestamp: i64, log_start: i64) -> Option<TimestampOffset> {
    let leader_epoch = batch.leader_epoch();
    let Some(records) = batch.records() else {
        return Some(TimestampOffset {
            offset: batch.base_offset().max(log_start),
            timestamp: if batch.stamped_at_append() || batch.base_timestamp() < timestamp {
                batch.max_timestamp()
            } else {
                batch.base_timestamp()
            },
            leader_epoch,
        });
    };
    let record = records
        .filter_map(Result::ok)
        .find(|record| record.timestamp >= timestamp && record.offset >= log_start)?;
    Some(TimestampOffset { offset: record.offset, timestamp: record.timestamp, leader_epoch })
}

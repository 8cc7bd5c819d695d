//! Reading.

use super::Log;
use crate::aborted::overlapping;
use crate::offsets::Isolation;
use crate::read::{Read, ReadError};
use crate::segment::Segment;
use crate::{lock, read_lock};
use bytes::Bytes;
use std::io;
use std::sync::Arc;

impl Log {
    /// Reads whole batches from the one that holds `from` on.
    ///
    /// # Shape
    /// Ends before the high watermark (`Uncommitted`) or the last stable offset (`Committed`), and at
    /// the end of a segment. At most `max_bytes`; with `at_least_one` the first batch comes whatever
    /// its size, without it nothing comes if the first batch is larger.
    ///
    /// # Errors
    /// [`ReadError::OffsetOutOfRange`] below the log's start or above its end;
    /// [`ReadError::Disk`].
    ///
    /// # Source
    /// Kafka protocol guide, "Fetch"; aborted transactions: KIP-98.
    pub fn read(
        &self,
        from: i64,
        max_bytes: u32,
        isolation: Isolation,
        at_least_one: bool,
    ) -> Result<Read, ReadError> {
        let offsets = self.offsets();
        if from < offsets.log_start || from > offsets.log_end {
            return Err(ReadError::OffsetOutOfRange { log: self.name.clone(), from, offsets });
        }
        let bound = match isolation {
            Isolation::Uncommitted => offsets.high_watermark,
            Isolation::Committed => offsets.last_stable,
        };
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let (records, next) = if from >= bound || (max_bytes == 0 && !at_least_one) {
            (Bytes::new(), from)
        } else {
            self.read_bytes(from, bound, max_bytes, at_least_one)
                .map_err(|error| self.read_error(from, error))?
        };
        let aborted = match isolation {
            Isolation::Committed if !records.is_empty() => {
                overlapping(&read_lock(&self.aborted), from, next)
            }
            _ => Vec::new(),
        };
        Ok(Read { records, aborted, offsets })
    }

    fn read_bytes(
        &self,
        from: i64,
        bound: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> io::Result<(Bytes, i64)> {
        let tail = lock(&self.tail).read(from, bound, max_bytes, at_least_one);
        if let Some(read) = tail {
            return Ok(read);
        }
        // Compaction may have emptied the end of a segment: then the next one has the batch.
        let mut segment = self.segment_of(from);
        while let Some(here) = segment.filter(|here| here.base_offset < bound) {
            if let Some(read) = here.read(from, bound, max_bytes, at_least_one)? {
                return Ok(read);
            }
            segment = self.segment_after(here.base_offset);
        }
        Ok((Bytes::new(), from))
    }

    /// The segment whose range holds `offset`, or the first one.
    pub(super) fn segment_of(&self, offset: i64) -> Option<Arc<Segment>> {
        let segments = read_lock(&self.segments);
        let above = segments.partition_point(|segment| segment.base_offset <= offset);
        segments.get(above.saturating_sub(1)).cloned()
    }

    /// The segment that follows the one of this base.
    pub(super) fn segment_after(&self, base_offset: i64) -> Option<Arc<Segment>> {
        let segments = read_lock(&self.segments);
        let above = segments.partition_point(|segment| segment.base_offset <= base_offset);
        segments.get(above).cloned()
    }

    pub(super) fn read_error(&self, from: i64, error: io::Error) -> ReadError {
        ReadError::Disk { log: self.name.clone(), from, source: Arc::new(error) }
    }
}

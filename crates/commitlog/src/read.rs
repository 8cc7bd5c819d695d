//! What a read answers, and why it may refuse.

use crate::offsets::{AbortedTransaction, Offsets};
use bytes::Bytes;
use std::sync::Arc;

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// Whole batches. The first holds the offset asked for, so it may begin before it. Empty at
    /// the end of what the isolation shows.
    pub records: Bytes,
    /// For `Isolation::Committed`: the aborted transactions that overlap the records.
    pub aborted: Vec<AbortedTransaction>,
    /// The log's offsets at the time of the read.
    pub offsets: Offsets,
}

/// Why nothing was read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Refused: the offset is below the log's start or above its end (Kafka:
    /// `OFFSET_OUT_OF_RANGE`).
    #[error(
        "cannot read {log} at offset {from}: it holds {} to {}", .offsets.log_start, .offsets.log_end
    )]
    OffsetOutOfRange {
        /// The log.
        log: String,
        /// Asked for.
        from: i64,
        /// What there is.
        offsets: Offsets,
    },
    /// Failed: the disk did not give the bytes, or gave bytes that are not batches.
    #[error("cannot read {log} at offset {from}: {source}; check the disk")]
    Disk {
        /// The log.
        log: String,
        /// Asked for.
        from: i64,
        /// Why.
        source: Arc<std::io::Error>,
    },
}

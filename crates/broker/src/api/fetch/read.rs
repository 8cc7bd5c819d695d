//! Reads the wanted partitions once.

use super::super::Call;
use super::session::{Key, Wanted};
use crate::error::ErrorCode;
use crate::partition::Partition;
use crate::wire::message;
use bytes::Bytes;
use commitlog::batch::{Batch, Compression};
use commitlog::{Isolation, ReadError};
use kafka_wire::fetch_response::{AbortedTransaction, EpochEndOffset, PartitionData};

/// What bounds one response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) max_bytes: i32,
    pub(super) isolation: Isolation,
    /// Whether the first batch comes whatever its size.
    pub(super) first: bool,
}

impl Limits {
    /// The same without records: offsets and errors only.
    pub(super) const fn nothing(self) -> Self {
        Self { max_bytes: 0, first: false, ..self }
    }
}

/// Reads every wanted partition, in order, until the bytes are used up.
pub(super) fn read(call: &Call, wanted: &[(Key, Wanted)], limits: Limits) -> Vec<PartitionData> {
    let mut left = limits.max_bytes;
    let mut first = limits.first;
    wanted
        .iter()
        .map(|(key, one)| {
            let data = match key.partition(call) {
                Ok((_, partition)) => read_one(call, &partition, one, limits, left, first),
                Err(error) => Err(error),
            };
            let data = data.unwrap_or_else(|error| refused(key.index, error));
            let size = data.records.as_ref().map_or(0, Bytes::len);
            if size > 0 {
                first = false;
                left = left.saturating_sub(i32::try_from(size).unwrap_or(i32::MAX)).max(0);
            }
            data
        })
        .collect()
}

fn read_one(
    call: &Call,
    partition: &Partition,
    wanted: &Wanted,
    limits: Limits,
    left: i32,
    first: bool,
) -> Result<PartitionData, ErrorCode> {
    partition.check_epoch(wanted.leader_epoch)?;
    if let Some(diverging) = diverging(partition, wanted) {
        return Ok(diverging);
    }
    let max_bytes = u32::try_from(wanted.max_bytes.min(left)).unwrap_or(0);
    let read = partition
        .log
        .read(wanted.offset, max_bytes, limits.isolation, first && wanted.max_bytes >= 0)
        .map_err(|error| match error {
            ReadError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            error => {
                tracing::warn!("{error}");
                ErrorCode::KafkaStorageError
            }
        })?;
    if call.version < 10 {
        let mut batches = Batch::all_of(&read.records).map_while(Result::ok);
        if batches.any(|batch| batch.compression() == Compression::Zstd) {
            return Err(ErrorCode::UnsupportedCompressionType);
        }
    }
    let aborted = (limits.isolation == Isolation::Committed).then(|| {
        let list = read.aborted.iter().map(|one| {
            message!(AbortedTransaction {
                producer_id: one.producer_id,
                first_offset: one.first_offset,
            })
        });
        list.collect()
    });
    Ok(message!(PartitionData {
        partition_index: partition.index,
        high_watermark: read.offsets.high_watermark,
        last_stable_offset: read.offsets.last_stable,
        log_start_offset: read.offsets.log_start,
        aborted_transactions: aborted,
        records: Some(read.records),
    }))
}

/// The end of the reader's last epoch, if it has read past it (KIP-595).
fn diverging(partition: &Partition, wanted: &Wanted) -> Option<PartitionData> {
    if wanted.last_fetched_epoch < 0 {
        return None;
    }
    let (epoch, end_offset) = partition.log.offset_for_leader_epoch(wanted.last_fetched_epoch)?;
    if epoch >= wanted.last_fetched_epoch && end_offset >= wanted.offset {
        return None;
    }
    let offsets = partition.log.offsets();
    Some(message!(PartitionData {
        partition_index: partition.index,
        high_watermark: offsets.high_watermark,
        last_stable_offset: offsets.last_stable,
        log_start_offset: offsets.log_start,
        diverging_epoch: message!(EpochEndOffset { epoch: epoch, end_offset: end_offset }),
        records: Some(Bytes::new()),
    }))
}

fn refused(index: i32, error: ErrorCode) -> PartitionData {
    message!(PartitionData {
        partition_index: index,
        error_code: error.code(),
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        records: Some(Bytes::new()),
    })
}

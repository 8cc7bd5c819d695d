//! `DeleteRecords` (21): moves a partition's start; -1 moves it to the high watermark.

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use commitlog::TrimError;
use kafka_wire::delete_records_request::DeleteRecordsPartition;
use kafka_wire::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_wire::{DeleteRecordsRequest, DeleteRecordsResponse};

pub(crate) async fn answer(call: &Call, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut deleted = false;
    let mut response = DeleteRecordsResponse::default();
    for topic in &request.topics {
        let partitions = topic.partitions.iter().map(|part| {
            let moved = delete(call, &topic.name, part);
            deleted |= moved.is_ok();
            message!(DeleteRecordsPartitionResult {
                partition_index: part.partition_index,
                low_watermark: moved.unwrap_or(-1),
                error_code: moved.err().unwrap_or(ErrorCode::None).code(),
            })
        });
        response.topics.push(message!(DeleteRecordsTopicResult {
            name: topic.name.clone(),
            partitions: partitions.collect(),
        }));
    }
    if deleted && let Err(error) = call.node.topics.directory().checkpoint() {
        tracing::warn!("deleted records may come back after a crash: {error}");
    }
    response
}

fn delete(call: &Call, topic: &str, part: &DeleteRecordsPartition) -> Result<i64, ErrorCode> {
    let topic = call.node.topics.get(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition =
        topic.partition(part.partition_index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if topic.internal() {
        return Err(ErrorCode::InvalidTopicException);
    }
    let settings = partition.log.settings();
    if settings.cleanup_policy.compacts() && !settings.cleanup_policy.deletes() {
        return Err(ErrorCode::PolicyViolation);
    }
    partition.log.delete_records_before(part.offset).map_err(|error| match error {
        TrimError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        error => {
            tracing::warn!("{error}");
            ErrorCode::KafkaStorageError
        }
    })
}

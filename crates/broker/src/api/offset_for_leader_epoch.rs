//! `OffsetForLeaderEpoch` (23): where a leader epoch ended, so that a reader notices records that
//! an unclean stop took (KIP-320).

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_wire::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_wire::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

pub(crate) async fn answer(
    call: &Call,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|part| {
            let found = find(call, &topic.topic, part);
            let (code, (epoch, end_offset)) = match found {
                Ok(found) => (ErrorCode::None, found),
                Err(error) => (error, (-1, -1)),
            };
            message!(EpochEndOffset {
                error_code: code.code(),
                partition: part.partition,
                leader_epoch: epoch,
                end_offset: end_offset,
            })
        });
        message!(OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: partitions.collect(),
        })
    });
    message!(OffsetForLeaderEpochResponse { topics: topics.collect() })
}

fn find(
    call: &Call,
    topic: &str,
    part: &OffsetForLeaderPartition,
) -> Result<(i32, i64), ErrorCode> {
    let partition = call.node.topics.partition(topic, part.partition);
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_epoch(part.current_leader_epoch)?;
    Ok(partition.log.offset_for_leader_epoch(part.leader_epoch).unwrap_or((-1, -1)))
}

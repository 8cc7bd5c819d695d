//! `ListOffsets` (2): the offset at an end of a log, or at a time.

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use commitlog::Log;
use kafka_wire::list_offsets_request::ListOffsetsPartition;
use kafka_wire::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_wire::{ListOffsetsRequest, ListOffsetsResponse};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// The first offset on local disk: all are.
const EARLIEST_LOCAL: i64 = -4;
/// The last offset in tiered storage: none is.
const LATEST_TIERED: i64 = -5;
/// The first offset not yet uploaded to tiered storage: there is none.
const EARLIEST_PENDING_UPLOAD: i64 = -6;

pub(crate) async fn answer(call: &Call, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let committed = request.isolation_level == 1;
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|part| {
            find(call, &topic.name, part, committed).unwrap_or_else(|error| {
                message!(ListOffsetsPartitionResponse {
                    partition_index: part.partition_index,
                    error_code: error.code(),
                    timestamp: -1,
                    offset: -1,
                })
            })
        });
        message!(ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: partitions.collect(),
        })
    });
    message!(ListOffsetsResponse { topics: topics.collect() })
}

fn find(
    call: &Call,
    topic: &str,
    part: &ListOffsetsPartition,
    committed: bool,
) -> Result<ListOffsetsPartitionResponse, ErrorCode> {
    let partition = call
        .node
        .topics
        .partition(topic, part.partition_index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_epoch(part.current_leader_epoch)?;
    let found = find_in(&partition.log, call.version, part.timestamp, committed)?;
    let mut response = message!(ListOffsetsPartitionResponse {
        partition_index: part.partition_index,
        timestamp: -1,
        offset: -1,
    });
    if let Some((offset, timestamp, epoch)) = found {
        response.offset = offset;
        response.timestamp = timestamp;
        if call.version >= 4 {
            response.leader_epoch = epoch;
        }
    }
    Ok(response)
}

/// Offset, timestamp, leader epoch.
fn find_in(
    log: &Log,
    version: i16,
    timestamp: i64,
    committed: bool,
) -> Result<Option<(i64, i64, i32)>, ErrorCode> {
    let offsets = log.offsets();
    let epoch = log.leader_epoch();
    let needs = |least: i16| {
        if version >= least { Ok(()) } else { Err(ErrorCode::UnsupportedVersion) }
    };
    match timestamp {
        LATEST if committed => Ok(Some((offsets.last_stable, -1, epoch))),
        LATEST => Ok(Some((offsets.high_watermark, -1, epoch))),
        EARLIEST => Ok(Some((offsets.log_start, -1, epoch))),
        EARLIEST_LOCAL => needs(8).map(|()| Some((offsets.log_start, -1, epoch))),
        LATEST_TIERED => needs(9).map(|()| None),
        EARLIEST_PENDING_UPLOAD => needs(11).map(|()| None),
        MAX_TIMESTAMP => {
            needs(7)?;
            let found = log.max_timestamp().map_err(|_| ErrorCode::KafkaStorageError)?;
            Ok(found.map(|found| (found.offset, found.timestamp, found.leader_epoch)))
        }
        time if time >= 0 => {
            let found = log.offset_for_timestamp(time).map_err(|_| ErrorCode::KafkaStorageError)?;
            // A read_committed reader is not shown what is not decided.
            let visible = found.filter(|found| !committed || found.offset < offsets.last_stable);
            Ok(visible.map(|found| (found.offset, found.timestamp, found.leader_epoch)))
        }
        _ => Err(ErrorCode::UnsupportedVersion),
    }
}

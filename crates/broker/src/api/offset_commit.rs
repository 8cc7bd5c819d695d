//! `OffsetCommit` (8): keeps how far a group has read. Answered once it is durable.

use super::Call;
use crate::error::ErrorCode;
use crate::group::coordinator::Committer;
use crate::group::offsets::{Committed, Place};
use crate::topics::Topic;
use crate::wire::message;
use kafka_wire::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_wire::{OffsetCommitRequest, OffsetCommitResponse};
use kafka_wire_core::{StrBytes, Uuid};
use std::sync::Arc;

/// `offset.metadata.max.bytes`.
pub(super) const METADATA_BYTES_MAX: usize = 4_096;
/// The first version that names topics by id.
const BY_ID: i16 = 10;

pub(crate) async fn answer(call: &Call, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let committer = Committer {
        group: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.as_ref().map(ToString::to_string),
        generation: request.generation_id_or_member_epoch,
        producer: None,
    };
    let mut offsets: Vec<(Place, Committed)> = Vec::new();
    let mut response = OffsetCommitResponse::default();
    for asked in &request.topics {
        let topic = find_topic(call, call.version >= BY_ID, &asked.name, asked.topic_id);
        let partitions = asked.partitions.iter().map(|part| {
            let metadata = part.committed_metadata.as_ref().map_or("", |text| text.as_str());
            let placed = topic
                .as_ref()
                .map_err(|error| *error)
                .and_then(|topic| place(topic, part.partition_index, metadata));
            let error = match placed {
                Ok(place) => {
                    let committed = Committed {
                        offset: part.committed_offset,
                        leader_epoch: part.committed_leader_epoch,
                        metadata: metadata.to_owned(),
                        commit_ms: call.node.world.clock.wall_millis(),
                    };
                    offsets.push((place, committed));
                    ErrorCode::None
                }
                Err(error) => error,
            };
            message!(OffsetCommitResponsePartition {
                partition_index: part.partition_index,
                error_code: error.code(),
            })
        });
        response.topics.push(message!(OffsetCommitResponseTopic {
            name: asked.name.clone(),
            topic_id: asked.topic_id,
            partitions: partitions.collect(),
        }));
    }
    if let Err(error) = commit(call, &committer, offsets).await {
        for part in response.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            if part.error_code == ErrorCode::None.code() || error != ErrorCode::KafkaStorageError {
                part.error_code = error.code();
            }
        }
    }
    response
}

/// Commits, and waits until it is durable.
pub(super) async fn commit(
    call: &Call,
    committer: &Committer,
    offsets: Vec<(Place, Committed)>,
) -> Result<(), ErrorCode> {
    if committer.group.is_empty() && committer.generation >= 0 {
        return Err(ErrorCode::InvalidGroupId);
    }
    if offsets.is_empty() {
        return call.node.groups.check_commit(committer);
    }
    let (partition, last) = call.node.groups.commit(&call.node, committer, offsets)?;
    partition.durable(last).await
}

/// The topic named, by name or by id.
pub(super) fn find_topic(
    call: &Call,
    by_id: bool,
    name: &StrBytes,
    id: Uuid,
) -> Result<Arc<Topic>, ErrorCode> {
    if by_id {
        call.node.topics.by_id(id).ok_or(ErrorCode::UnknownTopicId)
    } else {
        call.node.topics.get(name).ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}

/// The place an offset is committed for, if the partition exists and the metadata is small.
pub(super) fn place(topic: &Topic, index: i32, metadata: &str) -> Result<Place, ErrorCode> {
    if topic.partition(index).is_none() {
        Err(ErrorCode::UnknownTopicOrPartition)
    } else if metadata.len() > METADATA_BYTES_MAX {
        Err(ErrorCode::OffsetMetadataTooLarge)
    } else {
        Ok((topic.name.to_string(), index))
    }
}

//! `OffsetDelete` (47): forgets offsets of topics that no member of the group reads.

use super::Call;
use crate::error::ErrorCode;
use crate::group::offsets::Place;
use crate::group::state::{Group, Phase};
use crate::wire::message;
use kafka_wire::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_wire::{
    OffsetDeleteRequest, OffsetDeleteResponse, decode_consumer_protocol_subscription,
};
use std::collections::BTreeSet;

pub(crate) async fn answer(call: &Call, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let named = || request.topics.iter().map(|topic| topic.name.as_str());
    let facts = call
        .node
        .groups
        .read_consumer(&request.group_id, |group| {
            Ok(named().filter(|topic| group.subscribes(topic)).map(str::to_owned).collect())
        })
        .or_else(|| call.node.groups.read_group(&request.group_id, read_group));
    let subscribed = match facts {
        None => return refused(ErrorCode::GroupIdNotFound),
        Some(Err(error)) => return refused(error),
        Some(Ok(topics)) => topics,
    };
    let mut places: Vec<Place> = Vec::new();
    let mut response = OffsetDeleteResponse::default();
    for topic in &request.topics {
        let partitions = topic.partitions.iter().map(|part| {
            let error = if subscribed.contains(topic.name.as_str()) {
                ErrorCode::GroupSubscribedToTopic
            } else if call.node.topics.partition(&topic.name, part.partition_index).is_none() {
                ErrorCode::UnknownTopicOrPartition
            } else {
                places.push((topic.name.to_string(), part.partition_index));
                ErrorCode::None
            };
            message!(OffsetDeleteResponsePartition {
                partition_index: part.partition_index,
                error_code: error.code(),
            })
        });
        response.topics.push(message!(OffsetDeleteResponseTopic {
            name: topic.name.clone(),
            partitions: partitions.collect(),
        }));
    }
    if !places.is_empty()
        && let Err(error) = delete(call, &request.group_id, &places).await
    {
        return refused(error);
    }
    response
}

async fn delete(call: &Call, group: &str, places: &[Place]) -> Result<(), ErrorCode> {
    let (partition, last) = call.node.groups.delete_offsets(&call.node, group, places)?;
    partition.durable(last).await
}

fn refused(error: ErrorCode) -> OffsetDeleteResponse {
    message!(OffsetDeleteResponse { error_code: error.code() })
}

/// The topics the group's members read, or why its offsets cannot be deleted.
fn read_group(group: &Group) -> Result<BTreeSet<String>, ErrorCode> {
    if group.phase == Phase::Empty {
        return Ok(BTreeSet::new());
    }
    if group.protocol_type.as_deref() != Some("consumer") {
        return Err(ErrorCode::NonEmptyGroup);
    }
    let mut topics = BTreeSet::new();
    for member in group.members.values() {
        for (_, metadata) in &member.protocols {
            let limits = crate::wire::limits();
            if let Ok((_version, subscription)) =
                decode_consumer_protocol_subscription(metadata.clone(), limits)
            {
                topics.extend(subscription.topics.iter().map(ToString::to_string));
            }
        }
    }
    Ok(topics)
}
